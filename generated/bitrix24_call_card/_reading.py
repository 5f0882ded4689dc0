# Copied from scripts/generator/project/bitrix24_call_card/_reading.py by `make generate`: do not edit.
"""How models read JSON: each value as the type that the contract gives it, or InvalidResponse."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar, cast

from .errors import InvalidResponse
from .types import UNSET, Unset

T = TypeVar("T")
U = TypeVar("U")
E = TypeVar("E", bound=StrEnum)

_DATE_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"


def _mismatch(name: str, expected: str, value: object) -> InvalidResponse:
    found = "nothing" if value is UNSET else type(value).__name__
    return InvalidResponse(f"{name}: expected {expected}, found {found}")


def as_str(value: object, name: str) -> str:
    """The value, if it is a string."""
    if isinstance(value, str):
        return value
    raise _mismatch(name, "a string", value)


def as_int(value: object, name: str) -> int:
    """The value as an integer; PHP and the browser also write it as a string."""
    if type(value) is int:
        return value
    if _is_written_number(value) or (isinstance(value, float) and value.is_integer()):
        try:
            return int(cast("str | float", value))
        except ValueError:  # a fraction, or more digits than Python takes
            pass
    raise _mismatch(name, "an integer", value)


def as_float(value: object, name: str) -> float:
    """The value as a number that is finite; PHP also writes it as a string."""
    if type(value) in (float, int) or _is_written_number(value):
        try:
            number = float(cast("str | float", value))
            if math.isfinite(number):
                return number
        except (ValueError, OverflowError):  # no number, or an integer that no float can hold
            pass
    raise _mismatch(name, "a number", value)


def _is_written_number(value: object) -> bool:
    # int() and float() take more than JSON does: spaces, underscores, other scripts' digits, names.
    return (
        isinstance(value, str)
        and value.isascii()
        and "_" not in value
        and value.removeprefix("-")[:1].isdigit()
        and value[-1].isdigit()
    )


def as_bool(value: object, name: str) -> bool:
    """The value as a boolean; the browser also writes it as a string."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise _mismatch(name, "a boolean", value)


def as_datetime(value: object, name: str) -> datetime.datetime:
    """The value as a date with its time and offset, written as in RFC 3339."""
    if isinstance(value, str) and re.fullmatch(_DATE_TIME, value):
        try:
            return datetime.datetime.fromisoformat(value)
        except ValueError:  # such as a 13th month
            pass
    raise _mismatch(name, "a date-time", value)


def as_const(value: object, name: str, const: T) -> T:
    """The constant, if the value is it."""
    if type(value) is type(const) and value == const:
        return const
    raise _mismatch(name, repr(const), value)


def as_enum(value: object, name: str, enum: type[E]) -> E | str:
    """The value as a member of the set, or as it is if the set does not list it yet."""
    text = as_str(value, name)
    try:
        return enum(text)
    except ValueError:
        return text


def members(src_dict: object, name: str) -> dict[str, Any]:
    """The members of an object, to be taken out one by one."""
    if not isinstance(src_dict, Mapping):
        raise _mismatch(name, "an object", src_dict)
    return dict(cast("Mapping[str, Any]", src_dict))


def as_model(value: object, name: str, from_dict: Callable[[Mapping[str, Any]], T]) -> T:
    """The value as a model."""
    if not isinstance(value, Mapping):
        raise _mismatch(name, "an object", value)
    try:
        return from_dict(cast("Mapping[str, Any]", value))
    except InvalidResponse as error:
        raise InvalidResponse(f"{name}.{error.reason}") from None


def as_list(value: object, name: str, item: Callable[[object, str], T]) -> list[T]:
    """The value as a list; a list that is missing is an empty one."""
    if value is UNSET:
        return []
    if not isinstance(value, list):
        raise _mismatch(name, "an array", value)
    return [
        item(each, f"{name}[{index}]") for index, each in enumerate(cast("list[object]", value))
    ]


def one_of(
    value: object, name: str, first: Callable[[object, str], T], second: Callable[[object, str], U]
) -> T | U:
    """The value as the first of two types that takes it."""
    try:
        return first(value, name)
    except InvalidResponse:
        return second(value, name)


def optional(
    value: object, name: str, convert: Callable[[object, str], T], absent: str = "undefined"
) -> T | Unset:
    """The value, or UNSET if it is absent; the browser writes that as "undefined", PHP at times as ""."""
    if value is UNSET or value in ("undefined", absent):
        return UNSET
    return convert(value, name)
