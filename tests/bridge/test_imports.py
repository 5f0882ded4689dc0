"""Whom the bridge's modules import: the client, and each other downward."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import bitrix24_bridge
import pytest

PACKAGE = Path(bitrix24_bridge.__path__[0])
MODULES = {path.stem: path for path in PACKAGE.glob("*.py")}
NEEDED = {"bitrix24_call_card", "httpx", "starlette", "uvicorn"}
"""Beside Python's own modules; the client's own needs are another matter."""
SHARED = "redis_store"
"""The module that needs an extra, which is imported only where it is wanted."""


def imported(module: str) -> Iterator[str]:
    """The full name of everything that a module imports, relative imports resolved."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            stem = ("bitrix24_bridge." if node.level else "") + (node.module or "")
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def neighbours(module: str) -> set[str]:
    """The modules of the package that a module imports."""
    names = (name.split(".") for name in imported(module))
    return {name[1] for name in names if name[0] == "bitrix24_bridge"} & MODULES.keys()


def test_the_bridge_has_its_modules_in_one_folder() -> None:
    assert len(MODULES) > 10
    assert set(PACKAGE.rglob("*.py")) == set(MODULES.values())


def test_it_needs_the_client_and_three_libraries_and_neither_sandbox_nor_tests() -> None:
    roots = {
        name.split(".")[0] for module in MODULES.keys() - {SHARED} for name in imported(module)
    }
    assert roots - sys.stdlib_module_names - {"bitrix24_bridge"} == NEEDED


def test_one_process_does_not_need_redis() -> None:
    program = "import sys, bitrix24_bridge.server; sys.exit('redis' in sys.modules)"
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", program], check=False, env=environment)
    assert done.returncode == 0


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter({module: neighbours(module) for module in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {error.args[1]}")


@pytest.mark.parametrize(
    ("module", "may_import"),
    [
        ("settings", set()),
        ("errors", set()),
        ("store", {"errors", "settings"}),
        ("memory", {"settings", "store"}),
        ("answering", {"errors", "settings", "store"}),
        ("data", {"store"}),
        ("requests", {"errors"}),
        ("posting", {"errors"}),
        ("connections", {"settings", "store"}),
    ],
)
def test_what_decides_knows_nothing_of_what_serves(module: str, may_import: set[str]) -> None:
    assert neighbours(module) <= may_import


def test_the_store_and_the_answers_know_no_web_framework_and_no_database() -> None:
    for module in ("store", "memory", "answering", "connections", "settings"):
        roots = {name.split(".")[0] for name in imported(module)}
        assert not roots & {"starlette", "uvicorn", "httpx", "sqlite3"}


def test_only_the_application_knows_which_store_there_is() -> None:
    assert [module for module in MODULES if "memory" in neighbours(module)] == ["app"]
