"""The package uses no private name of httpx or httpcore, so that their releases do not break it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "generated" / "bitrix24_call_card"
LIBRARIES = ("httpx", "httpcore")
MODULES = sorted(PACKAGE.rglob("*.py"))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


@cache
def private_names_of_libraries() -> frozenset[str]:
    """Every private attribute, method and function that the libraries define."""
    names: set[str] = set()
    for library in LIBRARIES:
        spec = find_spec(library)
        assert spec is not None
        assert spec.origin is not None
        for file in Path(spec.origin).parent.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                match node:
                    case ast.Attribute(attr=name) | ast.FunctionDef(name=name):
                        names.add(name)
                    case ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                        names.add(name)
                    case ast.Name(id=name):
                        names.add(name)
    return frozenset(filter(is_private, names))


def uses_of_private_names(source: str) -> list[str]:
    """What a module takes from the libraries' insides, or changes in them."""
    tree = ast.parse(source)
    return [
        f"line {line}: {use}"
        for line, use in sorted({*_imports(tree), *_attributes(tree), *_subclasses(tree)})
    ]


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                modules = [alias.name for alias in aliases]
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                modules = [f"{module}.{alias.name}" for alias in aliases]
            case _:
                continue
        for module in modules:
            library, *inside = module.split(".")
            if library in LIBRARIES and any(map(is_private, inside)):
                yield node.lineno, f"import of {module}"


def _attributes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Private names that are looked up in or set on something that may be the libraries'."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=owner, attr=name, ctx=context):
                text = ast.unparse(node)
                root = text.partition(".")[0]
                if root in LIBRARIES and is_private(name):
                    yield node.lineno, text
                if root in LIBRARIES and not isinstance(context, ast.Load):
                    yield node.lineno, f"change of {text}"
                is_own = ast.unparse(owner) in ("self", "cls", "super()")
                if is_private(name) and not is_own and name in private_names_of_libraries():
                    yield node.lineno, text
            case ast.Call(func=ast.Name(id="getattr" | "setattr" | "delattr" | "hasattr")):
                match node.args[1:2]:
                    case [ast.Constant(value=str(name))] if is_private(name):
                        yield node.lineno, ast.unparse(node)


def _subclasses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Private names of the libraries that a subclass of theirs uses or overrides."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(
            ast.unparse(base).partition(".")[0] in LIBRARIES for base in node.bases
        ):
            for inner in ast.walk(node):
                match inner:
                    case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                        pass
                    case ast.Attribute(attr=name) | ast.Name(id=name, ctx=ast.Store()):
                        pass
                    case _:
                        continue
                if name in private_names_of_libraries():
                    yield inner.lineno, f"{node.name}: {name}"


@pytest.mark.parametrize("module", MODULES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_a_module_uses_no_private_name_of_httpx_or_httpcore(module: Path) -> None:
    assert uses_of_private_names(module.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import httpx._client",
        "from httpx._client import ClientState",
        "from httpx import _utils",
        "from httpcore._async.connection_pool import AsyncConnectionPool",
        "import httpx\nhttpx._client.logger.disabled = True",
        "import httpx\nhttpx.Client.send = None",
        "import httpx\nhttpx.HTTPTransport.__init__ = None",
        "def use(transport): return transport._pool",
        "def use(response): response._request = None",
        "def use(response): response.stream._stream.close()",
        "def use(client): return client._transport_for_url",
        "def use(transport): return getattr(transport, '_pool')",
        "def use(client): setattr(client, '_state', None)",
        "import httpx\nclass Mine(httpx.Client):\n    def _send_single_request(self): ...",
        "import httpx\nclass Mine(httpx.Request):\n    def f(self): return self._content",
        "import httpx\nclass Mine(httpx.AsyncHTTPTransport):\n    _pool = None",
    ],
)
def test_the_search_finds_what_is_private(source: str) -> None:
    assert uses_of_private_names(source)


@pytest.mark.parametrize(
    "source",
    [
        "import httpx\nhttpx.Client().send(httpx.Request('GET', '')).__class__",
        "class Mine:\n    def f(self): return self._transport",
        "from ._transports import Request",
    ],
)
def test_the_search_passes_what_is_not(source: str) -> None:
    assert uses_of_private_names(source) == []


def test_the_package_has_modules_to_search() -> None:
    assert PACKAGE / "_transports.py" in MODULES
