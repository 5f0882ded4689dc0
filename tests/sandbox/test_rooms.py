"""The rooms of the sandbox's package: whom each module may import."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import bitrix24_sandbox
import pytest

PACKAGE = Path(bitrix24_sandbox.__path__[0])
MAY_IMPORT = {
    "portal": {"portal"},
    "rest": {"portal", "rest"},
    "card": {"portal", "card"},
    "web": {"portal", "rest", "card", "web"},
}
MODULES = {path.relative_to(PACKAGE).with_suffix("").parts: path for path in PACKAGE.rglob("*.py")}


def imported(module: tuple[str, ...]) -> Iterator[str]:
    """The full name of everything that a module imports, relative imports resolved."""
    package = ("bitrix24_sandbox", *module[:-1])
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def neighbours(module: tuple[str, ...]) -> set[tuple[str, ...]]:
    """The modules of the package that a module imports."""
    found = set()
    for name in imported(module):
        parts = tuple(name.split("."))[1:] if name.startswith("bitrix24_sandbox.") else ()
        found |= {parts[:length] for length in range(1, len(parts) + 1)} & MODULES.keys()
    return found


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_itself_and_the_rooms_below_it(room: str) -> None:
    inside = [module for module in MODULES if module[0] == room and len(module) > 1]
    assert inside
    upward = {
        ".".join(module): ["/".join(other) for other in neighbours(module) if bad(other, room)]
        for module in inside
    }
    assert not {module: others for module, others in upward.items() if others}


def bad(other: tuple[str, ...], room: str) -> bool:
    return other[0] not in MAY_IMPORT[room]


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter({module: neighbours(module) for module in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {error.args[1]}")


def test_the_portal_itself_knows_no_web_framework_and_no_server() -> None:
    names = {
        name.partition(".")[0]
        for module in MODULES
        if module[0] == "portal"
        for name in imported(module)
    }
    assert "bitrix24_sandbox" in names
    assert not names & {"starlette", "uvicorn", "h11", "httpx", "http", "python_multipart"}
