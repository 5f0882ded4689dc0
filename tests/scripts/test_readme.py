"""The README's programs run as written, and print what it shows."""

import itertools
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from bitrix24_call_card import Client, errors
from bitrix24_call_card.api.call_card import get_status
from bitrix24_sandbox.testing import Sandbox
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.ports import unused_port

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
    assert "Warning" not in result.stderr
    return result.stdout


def test_the_programs_print_what_the_readme_says_in_any_order_and_again(sandbox: Sandbox) -> None:
    assert len(PROGRAMS) >= 2
    for code, output in [*PROGRAMS, *reversed(PROGRAMS)]:
        program = code.replace(SHOWN_ORIGIN, sandbox.origin)
        printed = run([sys.executable, "-X", "dev", "-c", program])
        assert printed.replace(sandbox.origin, SHOWN_ORIGIN) == output


def test_the_demonstration_prints_what_the_readme_says() -> None:
    proxies = {"ALL_PROXY": "socks://127.0.0.1:9", "NO_PROXY": "[::1]"}  # as some desktops set them
    printed = run([sys.executable, "scripts/demo.py"], COLUMNS="80", **proxies)
    lines = [line.rstrip() for line in printed.strip().splitlines()]
    shown = README.partition("$ make demo\n```\n\n```text\n")[2].partition("\n```")[0]
    whole = re.sub(r":\d{4,5}\.$", ":PORT.", "\n".join(lines), flags=re.MULTILINE)
    parts = [re.escape(part) for part in re.split(r"^ *…$", shown, flags=re.MULTILINE)]
    assert re.fullmatch(".*".join(parts), whole, re.DOTALL)
    assert max(map(len, lines)) <= 80


def test_the_first_program_prints_the_call_when_a_portal_opens_the_widget(sandbox: Sandbox) -> None:
    (code,) = (code for _, code in BLOCKS if "serve_forever" in code)
    output = README.partition("the program prints:\n\n```text\n")[2].partition("```")[0]
    port = unused_port()
    program = subprocess.Popen(
        [sys.executable, "-u", "-c", code.replace("3000", str(port))],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": "generated"},
        cwd=ROOT,
    )
    try:
        opening = sandbox.widget_opening()
        retry = httpx.HTTPTransport(retries=8)  # until the program listens
        with httpx.Client(transport=retry, timeout=60) as portal:
            url = f"http://127.0.0.1:{port}/widget?{urlencode(opening.query)}"
            assert portal.post(url, data=opening.form).text == "This is the widget."
        assert program.stdout is not None
        printed = "".join(program.stdout.readline() for _ in output.splitlines())
    finally:
        program.kill()
        program.communicate()
    assert printed == output


def test_the_package_s_handler_reads_the_call_with_which_a_portal_opens_the_widget(
    sandbox: Sandbox,
) -> None:
    (code,) = (code for _, code in blocks(PACKAGE_README) if "async def open_widget(" in code)
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    application = Starlette(routes=[Route("/widget", namespace["open_widget"], methods=["POST"])])
    opening = sandbox.widget_opening()
    with TestClient(application) as portal:
        response = portal.post("/widget", params=opening.query, data=opening.form)
    assert response.text == f"{json.loads(opening.form['PLACEMENT_OPTIONS'])['CALL_ID']} CONTACT"


def test_the_package_s_transport_for_mock_servers_asks_at_the_root() -> None:
    (code,) = (code for _, code in blocks(PACKAGE_README) if "class AtTheRoot" in code)
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    asked = list[str]()

    class MockServer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), MockServer) as server:
        threading.Thread(target=server.handle_request).start()
        base_url = f"http://127.0.0.1:{server.server_port}/rest/1/any/"
        client = Client(base_url, transport=namespace["AtTheRoot"])
        with client, pytest.raises(errors.Bitrix24Error):
            get_status.sync(client=client)
    assert asked == ["/placement.call"]


RECIPES = sorted((ROOT / "tests" / "client" / "recipes").glob("*.py"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_the_package_s_readme_shows_each_recipe_as_it_is_tested(recipe: Path) -> None:
    assert f"```python\n{recipe.read_text('utf-8')}```" in PACKAGE_README


def test_the_package_s_readme_shows_the_faster_transports_as_they_are_tested() -> None:
    tested = (ROOT / "tests" / "client" / "test_faster_transports.py").read_text("utf-8")
    shown = [
        code for _, code in blocks(PACKAGE_README) if "def " in code and "_transport()" in code
    ]
    assert len(shown) == 2
    for code in shown:
        imports, _, functions = code.partition("\n\n\n")
        assert set(imports.splitlines()) <= set(tested.splitlines())
        assert functions in tested


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", README))
    assert {"demo", "test", "sandbox"} <= named <= targets


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)]+)\)", README):
        path, _, anchor = target.partition("#")
        assert (ROOT / path).exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", (ROOT / path).read_text("utf-8"), re.MULTILINE)
            assert anchor in {
                re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles
            }
