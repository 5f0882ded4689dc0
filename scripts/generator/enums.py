"""Write enums with what the generator leaves out: descriptions, and which values are retryable."""

import ast
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_DESCRIPTION = '''
    @property
    def description(self) -> str:
        """What the value means, and what to do about it."""
        return _DESCRIPTIONS[self]
'''
_RETRYABLE = '''
    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later, with nothing changed but the time."""
        return self in _RETRYABLE
'''


def write_enums(schemas: Mapping[str, Any], package: Path) -> None:
    """Rewrite the enums of a generated package, with what the contract's schemas say of them.

    A schema's `description` becomes the docstring of the class. `x-enum-descriptions`, a text for
    each value in the order of `enum`, become the docstrings of the members and a property
    `description`; `x-retryable`, a list of values, becomes a property `retryable`.

    Raises:
        ValueError: If an extension does not match the values of its enum.
    """
    for module in (package / "models").glob("*.py"):
        for node in ast.parse(module.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and _base(node) == "StrEnum":
                module.write_text("\n".join(_enum(node, schemas[node.name])), "utf-8")


def _base(node: ast.ClassDef) -> str:
    return ", ".join(ast.unparse(base) for base in node.bases)


def _enum(node: ast.ClassDef, schema: dict[str, Any]) -> Iterator[str]:
    descriptions = schema.get("x-enum-descriptions", [])
    if descriptions and len(descriptions) != len(schema["enum"]):
        raise ValueError(f"{node.name}: x-enum-descriptions is not one text for each value of enum")
    described = dict(zip(schema["enum"], descriptions, strict=False))
    retryable = schema.get("x-retryable", [])
    if not set(retryable) <= set(schema["enum"]):
        raise ValueError(f"{node.name}: x-retryable lists a value that enum does not")

    names = dict(_members(node))
    yield f"from enum import StrEnum\n\n\nclass {node.name}(StrEnum):"
    yield _docstring(schema.get("description", node.name)) + "\n"
    for value, name in names.items():
        yield f"    {name} = {value!r}"
        if described:
            yield _docstring(described[value]) + "\n"
    if described:
        yield _DESCRIPTION
    if retryable:
        yield _RETRYABLE
    if described:
        yield "\n_DESCRIPTIONS = {"
        yield from (f"    {node.name}.{names[value]}: {described[value]!r}," for value in names)
        yield "}"
    if retryable:
        yield "\n_RETRYABLE = frozenset({"
        yield from (f"    {node.name}.{names[value]}," for value in names if value in retryable)
        yield "})"
    yield ""


def _members(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Each value with the name that the generator gave it."""
    for statement in node.body:
        if isinstance(statement, ast.Assign):
            yield ast.literal_eval(statement.value), ast.unparse(statement.targets[0])


def _docstring(text: str) -> str:
    """A docstring in the body of a class; nothing in the text can end it."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    lines = textwrap.wrap(printable.replace("\\", "\\\\").replace('"', '\\"'), 92)
    return "\n    ".join(['    """' + lines[0], *lines[1:]]) + (
        '"""' if len(lines) == 1 else '\n    """'
    )
