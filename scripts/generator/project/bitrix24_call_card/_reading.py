"""How models read JSON that PHP and browsers have written.

A reader takes a value and its name. It returns the value as one type, or UNSET for an empty value, which
PHP encodes in several ways. UNSET is falsy, so a required field is read as ``… or ""``. A value of another
type with only one possible meaning is converted; anything else is InvalidResponse.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, Self, TypeGuard, TypeVar

from .errors import InvalidResponse
from .types import UNSET, Unset

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
Value = Mapping[str, Any] | list[Any] | str | float | Unset | None
"""What JSON can hold, or UNSET where there is no member."""
Reader = Callable[[Value, str], T | Unset]

_NOTHING_AS_TEXT = ("false", "null", "undefined")
_TRUE = ("true", "y", "1")
_RFC_3339 = r"(?a)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
_SHOWN = 40  # characters of a value in a message


class Model(Protocol):
    """A class of models."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self: ...


M = TypeVar("M", bound=Model)


def members_of(src_dict: Value, name: str, identity: str | None = None) -> dict[str, Any]:
    """Copy an object, so that its members can be taken out as they are read.

    Without the member `identity`, of whatever value, it is not such an object.
    """
    # A dict first: to ask the ABC takes ten times as long.
    if not isinstance(src_dict, (dict, Mapping)):
        raise mismatch(name, "an object", src_dict)
    if identity is not None and identity not in src_dict:
        raise mismatch(identity, "a value", UNSET)
    return dict(src_dict)


def required(value: Value, name: str, reader: Reader[T]) -> T:
    """Read a required value."""
    meaning = reader(value, name)
    if meaning is UNSET or meaning == "":
        raise mismatch(name, "a value", value)
    return meaning


def is_nothing(value: object) -> bool:
    """Return whether the value stands for an empty one."""
    if isinstance(value, str):
        return value == "" or value in _NOTHING_AS_TEXT
    return value is UNSET or value is None or value is False or value == []


def has_error(envelope: Mapping[str, object]) -> bool:
    """Return whether the body of a response reports an error; its code may be empty.

    Next to a result, an empty code is PHP's way to write that there is no error.
    """
    error = envelope.get("error", UNSET)
    if error == "":
        return "result" not in envelope
    return not is_nothing(error) and error != 0


def as_text(value: Value, name: str) -> str | Unset:
    """Read text; an empty one is a value, 0 is not, and any other whole number is its digits."""
    if isinstance(value, str):
        return UNSET if value in _NOTHING_AS_TEXT else value
    if is_nothing(value) or value == 0:
        return UNSET
    if _is_whole(value):
        return str(int(value))
    raise mismatch(name, "text", value)


def as_secret(value: Value, name: str) -> str | Unset:
    """Read text that no message may show."""
    try:
        return as_text(value, name)
    except InvalidResponse:
        raise InvalidResponse(f"{name}: expected text") from None


def _scalar(kind: type[T], expected: str, pattern: str, convert: Callable[[str], T]) -> Reader[T]:
    """Return a reader of a type, which converts text that matches a pattern, and whole numbers as text."""
    matches = re.compile(pattern).fullmatch

    def read(value: Any, name: str) -> T | Unset:
        if type(value) is kind:  # first, because a call has many numbers
            return value
        if is_nothing(value):
            return UNSET
        with suppress(ValueError):  # a 13th month, or more digits than Python converts
            text = str(int(value)) if _is_whole(value) else value
            if isinstance(text, str) and matches(text):
                return convert(text)
        raise mismatch(name, expected, value)

    return read


as_int = _scalar(int, "an integer", r"-?[0-9]+", int)
# PHP writes 1 and 0, the portal Y and N.
as_bool = _scalar(bool, "a boolean", "(?i)true|false|[yn10]", lambda text: text.lower() in _TRUE)
as_datetime = _scalar(datetime, "a date-time", _RFC_3339, datetime.fromisoformat)
_as_number = _scalar(float, "a number", r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", float)


def as_float(value: Value, name: str) -> float | Unset:
    """Read a finite number."""
    number = _as_number(value, name)
    if number is UNSET or math.isfinite(number):
        return number
    raise mismatch(name, "a number", value)


def as_const(const: T) -> Reader[T]:
    """Read one constant, and nothing else."""

    def read(value: Value, name: str) -> T:
        if type(value) is type(const) and value == const:
            return const
        raise mismatch(name, repr(const), value)

    return read


def as_enum(enum: type[E]) -> Reader[E | str]:
    """Read a member of a set, or the text itself if the set does not list it yet."""
    known: Mapping[Any, E | str | Unset] = _known(enum)

    def read(value: Value, name: str) -> E | str | Unset:
        text = as_text(value, name)
        return known.get(text, text)

    return read


@functools.cache
def _known(enum: type[StrEnum]) -> Mapping[Any, Any]:
    """Return the members by their values; calling the enum takes ten times as long."""
    return {member.value: member for member in enum}


def as_model(model: type[M]) -> Reader[M]:
    """Read an object."""

    def read(value: Value, name: str) -> M | Unset:
        if is_nothing(value):
            return UNSET
        members = members_of(value, name)
        try:
            return model.from_dict(members)
        except InvalidResponse as error:
            raise InvalidResponse(f"{name}.{error.reason}") from None

    return read


def as_list(reader: Reader[T]) -> Reader[list[T]]:
    """Read an array, without empty items."""

    def read_list(value: Value, name: str) -> list[T] | Unset:
        if is_nothing(value):
            return UNSET
        # PHP encodes an array with gaps as an object with numbers for names.
        if isinstance(value, Mapping) and all(re.fullmatch("[0-9]+", str(name)) for name in value):
            value = list(value.values())
        if not isinstance(value, list):
            raise mismatch(name, "an array", value)
        read = [reader(item, f"{name}[{index}]") for index, item in enumerate(value)]
        return [item for item in read if not isinstance(item, Unset)]

    return read_list


def if_readable(reader: Reader[T]) -> Reader[T]:
    """Treat an unreadable value as absent instead of raising."""

    def read(value: Value, name: str) -> T | Unset:
        try:
            return reader(value, name)
        except InvalidResponse:
            return UNSET

    return read


def mismatch(name: str, expected: str, value: object) -> InvalidResponse:
    """Return the exception for a value that cannot be read."""
    return InvalidResponse(f"{name}: expected {expected}, found {_shown(value)}")


def _shown(value: object) -> str:
    for kind, name in ((Unset, "nothing"), (Mapping, "an object"), (list, "an array")):
        if isinstance(value, kind):
            return name
    if not isinstance(value, str):
        return json.dumps(value, default=lambda other: type(other).__name__)[:_SHOWN]
    return repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}…"


def _is_whole(value: object) -> TypeGuard[int | float]:
    """Return whether the value is a number without a fraction."""
    return type(value) is int or (isinstance(value, float) and value.is_integer())
