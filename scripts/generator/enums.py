"""How an enum becomes a class: its constants, with the contract's text about each."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from generator.schemas import Schema, UnsupportedError, class_name, module_name
from openapi_python_client.strings import snake_case

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


def constants(schema: Schema, where: str) -> dict[str, str]:
    """Return the values of an enum by the names of their constants.

    `x-enum-varnames` lists the names in the order of `enum`; without it, the values are the names.

    Raises:
        UnsupportedError: A value is not text, or has no name of its own.
    """
    values = schema["enum"]
    names = schema.get("x-enum-varnames", values)
    if not all(isinstance(text, str) for text in [*values, *names]):
        raise UnsupportedError(where, "only texts are supported in an enum")
    if len(names) != len(values):
        raise UnsupportedError(where, "x-enum-varnames is not one name for each value of enum")
    named = {snake_case(name).upper(): value for name, value in zip(names, values, strict=True)}
    if len(named) != len(values) or not all(name.isidentifier() for name in named):
        reason = f"no Python names of their own for all values: {', '.join(named)}"
        raise UnsupportedError(where, f"{reason}; list others in x-enum-varnames")
    return named


def enum_modules(document: Schema) -> dict[str, str]:
    """Return the source of a module for each enum of a contract, by file name.

    The schema's `description` becomes the docstring of the class. `x-described-in` refers to the
    responses with an example named after each value: `summary` becomes the docstring of the
    constant and a property `description`, `x-retryable` a property `retryable`.

    Raises:
        UnsupportedError: Not every value has a name, or an example.
    """
    enums = {name: schema for name, schema in schemas_of(document).items() if "enum" in schema}
    return {
        f"{module_name(name)}.py": "\n".join(_lines(name, schema, _examples(document, schema)))
        for name, schema in enums.items()
    }


def schemas_of(document: Schema) -> dict[str, Any]:
    """Return the component schemas of a contract, by name."""
    schemas: dict[str, Any] = document.get("components", {}).get("schemas", {})
    return schemas


def _examples(document: Schema, schema: Schema) -> dict[str, Schema]:
    """Return the examples that describe the values of an enum, by value."""
    responses: Any = document if "x-described-in" in schema else {}
    for step in schema.get("x-described-in", "#").split("/")[1:]:
        responses = responses.get(step, {})
    return {
        value: example
        for response in responses.values()
        for content in response.get("content", {}).values()
        for value, example in content.get("examples", {}).items()
    }


def _lines(component: str, schema: Schema, examples: Mapping[str, Schema]) -> Iterator[str]:
    where, enum, values = f"components.schemas.{component}", class_name(component), schema["enum"]
    named = dict(sorted(constants(schema, where).items()))
    described = {value: example.get("summary", "") for value, example in examples.items()}
    retryable = {value for value, example in examples.items() if example.get("x-retryable")}
    if "x-described-in" in schema and (described.keys() != set(values) or "" in described.values()):
        raise UnsupportedError(where, "x-described-in has not one summary for each value of enum")

    yield f"from enum import StrEnum\n\n\nclass {enum}(StrEnum):"
    yield _docstring(schema.get("description", enum)) + "\n"
    for name, value in named.items():
        yield f"    {name} = {value!r}"
        if described:
            yield _docstring(described[value]) + "\n"
    if described:
        yield _DESCRIPTION
    if retryable:
        yield _RETRYABLE
    if described:
        yield "\n_DESCRIPTIONS = {"
        yield from (f"    {enum}.{name}: {described[named[name]]!r}," for name in named)
        yield "}"
    if retryable:
        yield "\n_RETRYABLE = frozenset({"
        yield from (f"    {enum}.{name}," for name in named if named[name] in retryable)
        yield "})"
    yield ""


def _docstring(text: str) -> str:
    """A docstring in the body of a class; nothing in the text can end it."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    lines = textwrap.wrap(printable.replace("\\", "\\\\").replace('"', '\\"'), 92)
    return "\n    ".join(['    """' + lines[0], *lines[1:]]) + (
        '"""' if len(lines) == 1 else '\n    """'
    )
