"""The generated client matches the contract, a failed run changes nothing, and drift is found."""

import ast
import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import generate
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MODEL = "generated/bitrix24_call_card/models/call_status.py"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of all that generation reads and writes."""
    for name in ("openapi", "generated", "scripts/generator"):
        shutil.copytree(
            ROOT / name,
            tmp_path / name,
            ignore=shutil.ignore_patterns("__pycache__", "node_modules"),
        )
    for name in ("scripts/generate.py", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def program(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as `make generate` does."""
    command = [sys.executable, str(project / "scripts" / "generate.py")]
    environment = os.environ | environment
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run it in this process, which imports the slow generator once; return status and stderr."""
    monkeypatch.setattr(generate, "ROOT", project)
    monkeypatch.setattr(generate, "CONTRACT", project / "openapi" / "call-card.yaml")
    monkeypatch.setattr(generate, "GENERATOR", project / "scripts" / "generator")
    monkeypatch.setattr(generate, "GENERATED", project / "generated")

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["generate.py", *arguments])
        return generate.main(), capsys.readouterr().err

    return run


def content(project: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(project)): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file()
    }


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_a_run_gives_the_same_bytes_whatever_lies_around_it(project: Path, tmp_path: Path) -> None:
    before = content(project / "generated")
    (project / "pyproject.toml").write_text("[tool.ruff.format]\nquote-style = 'single'\n", "utf-8")
    other_tools = tmp_path / "bin"
    other_tools.mkdir()
    for tool in ("ruff", "openapi-python-client"):
        (other_tools / tool).write_text("#!/bin/sh\nexit 1\n", "utf-8")
        (other_tools / tool).chmod(0o755)
    shutil.rmtree(project / "generated")
    path = f"{other_tools}{os.pathsep}{os.environ['PATH']}"
    result = program(project, PATH=path, TMPDIR=str(project), COLUMNS="40", TZ="Asia/Tokyo")
    assert result.returncode == 0, result.stderr
    assert content(project / "generated") == before


def change_contract(old: str, new: str) -> Callable[[Path], None]:
    return lambda project: edit(project / "openapi" / "call-card.yaml", old, new)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        pytest.param(
            lambda project: (project / "openapi" / "call-card.yaml").unlink(),
            "is not an OpenAPI document",
            id="no file",
        ),
        pytest.param(
            change_contract("openapi: 3.1.1", "openapi: ["), "is not an OpenAPI", id="no YAML"
        ),
        pytest.param(change_contract("info:", "about:"), "is not an OpenAPI", id="no info"),
        pytest.param(
            change_contract("schemas/Timing", "schemas/Nothing"),
            "Nothing",
            id="a reference to nothing",
        ),
        *(
            pytest.param(
                change_contract("  version: ", f"  version: {version} # "),
                "info.version is not the version of a Python package",
                id=f"the version {version}",
            )
            for version in ("1.10", r'"1\"\nname = \"x"', "one")
        ),
        pytest.param(
            change_contract("            ERROR_CORE:\n", "            ERROR_KORE:\n"),
            "ErrorCode: x-described-in",
            id="a value without a description",
        ),
    ],
)
def test_an_unsupported_contract_fails_and_leaves_the_old_client(
    project: Path, run: Run, damage: Callable[[Path], None], complaint: str
) -> None:
    before = content(project / "generated")
    damage(project)
    status, stderr = run()
    assert status == 1
    assert complaint in stderr
    assert "Nothing was changed." in stderr
    assert "TemplateNotFound" not in stderr
    assert content(project / "generated") == before


def test_drift_is_listed_by_the_check_and_repaired_by_a_run(project: Path, run: Run) -> None:
    models = project / "generated" / "bitrix24_call_card" / "models"
    edit(models / "call_state.py", "CONNECTED", "IS_CONNECTED")
    (models / "timing.py").unlink()
    (project / "generated" / "more.py").touch()
    edit(project / "openapi" / "call-card.yaml", "The call's id; empty", "The id; empty")
    by_hand = project / "scripts" / "generator" / "project" / "bitrix24_call_card"
    edit(by_hand / "errors.py", "base of", "root of")
    edit(project / "LICENSE", "MIT", "Another")
    before = content(project)
    status, stderr = run("--check")
    assert status == 1
    assert stderr.splitlines() == [
        "generated/LICENSE: differs",
        "generated/bitrix24_call_card/errors.py: differs",
        "generated/bitrix24_call_card/models/call_state.py: differs",
        f"{MODEL}: differs",
        "generated/bitrix24_call_card/models/timing.py: missing",
        "generated/more.py: not from the contract",
        "",
        "Repair it with: make generate",
    ]
    assert content(project) == before

    assert run() == (0, "")
    assert run("--check") == (0, "")


def test_the_version_of_the_package_is_that_of_the_contract(project: Path, run: Run) -> None:
    change_contract("  version: ", "  version: 7.8.9 # ")(project)
    assert run() == (0, "")
    assert 'version = "7.8.9"' in (project / "generated" / "pyproject.toml").read_text("utf-8")


EVIL = """ 'a' "b" \\ \\" \\N{x} \\u12 {{ 7 * 7 }} {% x %}
\"\"\"
import os; os.abort()
\"\"\" \'\'\' \\"""


def test_no_description_can_become_code(project: Path, run: Run) -> None:
    contract = project / "openapi" / "call-card.yaml"
    document = yaml.safe_load(contract.read_text("utf-8"))
    replace_texts(document)
    before = code(project)
    contract.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")

    assert run() == (0, "")

    assert code(project) == before
    assert b"os.abort()" in (project / MODEL).read_bytes()
    namespace: dict[str, Any] = {}
    exec((project / MODEL).with_name("error_code.py").read_text("utf-8"), namespace)
    assert namespace["ErrorCode"].ERROR_PLACEMENT_NOT_FOUND.description == EVIL


def replace_texts(node: Any) -> None:
    """Replace each text for people in a document; `Secret.` is a keyword of the generator."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if key in ("description", "summary", "title") and isinstance(value, str):
            node[key] = ("Secret. " if value.startswith("Secret. ") else "") + EVIL
        elif isinstance(value, (dict, list)):
            replace_texts(value)


def code(project: Path) -> dict[str, str]:
    """Return what each generated module does: its syntax tree without the texts for people."""

    class WithoutTexts(ast.NodeTransformer):
        def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
            return None if isinstance(node.value, ast.Constant) else node

        def visit_Assign(self, node: ast.Assign) -> ast.Assign | None:
            return None if ast.unparse(node.targets[0]) == "_DESCRIPTIONS" else node

    return {
        str(path): ast.dump(WithoutTexts().visit(ast.parse(path.read_text("utf-8"))))
        for path in (project / "generated").rglob("*.py")
    }


def test_every_module_says_first_what_it_was_made_from() -> None:
    for module in (ROOT / "generated").rglob("*.py"):
        name = module.relative_to(ROOT / "generated").as_posix()
        by_hand = f"scripts/generator/project/{name}"
        source = by_hand if (ROOT / by_hand).exists() else "the contract"
        banner = module.read_text("utf-8").partition("\n")[0]
        assert f" from {source} by `make generate`: do not edit." in banner, module


def test_each_template_was_compared_with_the_installed_generator_s() -> None:
    installed = importlib.metadata.version("openapi-python-client")
    for template in (ROOT / "scripts" / "generator" / "templates").iterdir():
        header = f"From: openapi-python-client {installed}, {template.name}"
        assert header in template.read_text("utf-8"), "compare the two, then correct the header"
