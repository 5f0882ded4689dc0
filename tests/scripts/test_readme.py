"""What the README shows is run as written, and prints what it says."""

import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from bitrix24_call_card.models import CallStatus
from bitrix24_sandbox.remote import Sandbox

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PACKAGE_README = (ROOT / "generated" / "README.md").read_text("utf-8")
SHOWN_ORIGIN = "http://127.0.0.1:8024"


def blocks(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


BLOCKS = blocks(README)
PROGRAMS = [
    (code, output)
    for text in (README, PACKAGE_README)
    for (language, code), (next_language, output) in itertools.pairwise(blocks(text))
    if (language, next_language) == ("python", "text")
]
CALL: dict[str, Any] = {
    "CALL_ID": "externalCall.1",
    "CRM_ENTITY_TYPE": "LEAD",
    "CRM_ENTITY_ID": 17,
    "CRM_BINDINGS": [{"ENTITY_TYPE": "LEAD", "ENTITY_ID": 17}],
    "CALL_DIRECTION": "incoming",
    "CALL_LIST_MODE": False,
}


def run(command: list[str], **environment: str) -> str:
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": "generated:scripts", **environment},
        cwd=ROOT,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def function(name: str) -> Any:
    """The function that one of the README's snippets defines."""
    (code,) = (code for language, code in BLOCKS if language == "python" and f"def {name}(" in code)
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    return namespace[name]


def test_there_are_programs_with_their_output() -> None:
    assert len(PROGRAMS) >= 4


@pytest.mark.parametrize(("code", "output"), PROGRAMS)
def test_a_program_prints_what_the_readme_says(sandbox: Sandbox, code: str, output: str) -> None:
    printed = run([sys.executable, "-c", code.replace(SHOWN_ORIGIN, sandbox.origin)])
    assert printed.replace(sandbox.origin, SHOWN_ORIGIN) == output


def test_the_demonstration_prints_what_the_readme_says() -> None:
    printed = run([sys.executable, "scripts/demo.py"], COLUMNS="110")
    lines = [line.rstrip() for line in printed.strip().splitlines()]
    shown = README.partition("$ make demo\n```\n\n```text\n")[2].partition("\n```")[0]
    assert re.sub(r":\d{4,5}\.$", ":PORT.", "\n".join(lines), flags=re.MULTILINE) == shown


def test_the_curl_lines_work(sandbox: Sandbox) -> None:
    lines = [code for language, code in BLOCKS if language == "bash"]
    assert lines
    for line in lines:
        printed = run(shlex.split(line.replace(SHOWN_ORIGIN, sandbox.origin)))
        assert "error" not in json.loads(printed)


def test_a_handler_reads_the_call_with_which_a_widget_is_opened() -> None:
    options = {
        key: value if isinstance(value, list) else json.dumps(value).strip('"')
        for key, value in CALL.items()
    }
    form = {
        "AUTH_ID": "a",
        "AUTH_EXPIRES": "3600",
        "REFRESH_ID": "b",
        "SERVER_ENDPOINT": "https://oauth.bitrix.info/rest/",
        "APPLICATION_TOKEN": "c",
        "APPLICATION_SCOPE": "",
        "member_id": "d",
        "status": "L",
        "PLACEMENT": "CALL_CARD",
        "PLACEMENT_OPTIONS": json.dumps(options),
    }
    assert options["CRM_ENTITY_ID"] == "17"
    assert function("open_widget")(urlencode(form).encode()) == CallStatus.from_dict(CALL)


def test_a_handler_takes_what_the_widget_was_told() -> None:
    current_call = function("current_call")
    assert current_call(json.dumps(CALL).encode()) == CallStatus.from_dict(CALL)
    closed = [{"result": "error", "errorCode": "Call card is undefined"}]
    assert current_call(json.dumps(closed).encode()) is None


RECIPES = sorted((ROOT / "tests" / "client" / "recipes").glob("*.py"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_the_package_s_readme_shows_each_recipe_as_it_is_tested(recipe: Path) -> None:
    readme = (ROOT / "generated" / "README.md").read_text("utf-8")
    assert f"```python\n{recipe.read_text('utf-8')}```" in readme


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", README))
    assert {"demo", "test", "sandbox"} <= named <= targets


def test_every_link_leads_somewhere() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    for target in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert target[1:] in headings if target.startswith("#") else (ROOT / target).exists(), (
            target
        )
