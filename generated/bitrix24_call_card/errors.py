# Generated from the contract by `make generate`: an edit here is lost.
"""What the package raises on its own, and the checks that raise it.

Network failures are not among these: they stay httpx's own exceptions.
"""

from __future__ import annotations

import copyreg
import datetime
import json
import math
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .types import UNSET, Unset

if TYPE_CHECKING:
    from .models.error_code import ErrorCode
    from .models.error_response import ErrorResponse

T = TypeVar("T")
U = TypeVar("U")
E = TypeVar("E", bound=StrEnum)

_DATE_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"


# Copied and pickled as what it is: the one object that `is UNSET` finds.
copyreg.pickle(Unset, lambda _: "UNSET")


class Bitrix24Error(Exception):
    """The base of everything that this package raises on its own."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class ApiError(Bitrix24Error):
    """The portal answered with an error, be it with the status 200.

    Attributes:
        status_code: The HTTP status.
        response: The answer as a model, with members that only some errors carry.
        content: The answer's raw body.
        operating_reset_at: When the portal gives back a part of the method's time, in Unix seconds, as the
            client last saw it: how long to wait after OPERATION_TIME_LIMIT. None if it never did.
    """

    def __init__(
        self, status_code: int, response: ErrorResponse, content: bytes, operating_reset_at: int | None = None
    ) -> None:
        super().__init__(status_code, response, content, operating_reset_at)
        self.status_code = status_code
        self.response = response
        self.content = content
        self.operating_reset_at = operating_reset_at

    @property
    def error(self) -> ErrorCode | str:
        """The code: an ``ErrorCode``, or the text itself if the contract does not list it."""
        return self.response.error

    @property
    def error_description(self) -> str:
        """The portal's words for people. They may change, so do not compare them."""
        return self.response.error_description

    @property
    def retryable(self) -> bool:
        """Whether the same call can succeed later, with nothing changed but the time."""
        return self.status_code in (429, 500, 503) and self.error not in ("OVERLOAD_LIMIT", "PORTAL_DELETED")

    def __str__(self) -> str:
        return f"the portal answered {self.status_code} {self.error}: {self.error_description}"


class UnexpectedStatus(Bitrix24Error):
    """The answer has a status that the contract does not know: often a front server's, not the portal's.

    Attributes:
        status_code: The HTTP status.
        content: The answer's raw body.
    """

    def __init__(self, status_code: int, content: bytes) -> None:
        super().__init__(status_code, content)
        self.status_code = status_code
        self.content = content

    def __str__(self) -> str:
        return (
            f"status {self.status_code} is not in the contract ({len(self.content)} bytes of body, see .content); "
            "it may come from a server in front of the portal"
        )


class InvalidResponse(Bitrix24Error):
    """The status is known, but what came with it is no JSON, or not of the documented shape.

    Attributes:
        reason: What was expected where, without the value that was found.
        status_code: The HTTP status, or None if the value did not come with an answer.
        content: The answer's raw body, or None likewise.
    """

    def __init__(self, reason: str, status_code: int | None = None, content: bytes | None = None) -> None:
        super().__init__(reason, status_code, content)
        self.reason = reason
        self.status_code = status_code
        self.content = content

    def __str__(self) -> str:
        if self.status_code is None:
            return self.reason
        return f"the body of a {self.status_code} answer is not as documented (see .content): {self.reason}"


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def as_object(content: bytes) -> dict[str, Any]:
    """The JSON object that is the body of an answer."""
    try:
        value: object = _decode(content.decode().removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        # Not chained: the decoder's own error carries the whole body.
        raise InvalidResponse("expected JSON") from None
    if not isinstance(value, dict):
        raise _mismatch("the body", "an object", value)
    return cast("dict[str, Any]", value)


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
    return [item(each, f"{name}[{index}]") for index, each in enumerate(cast("list[object]", value))]


def one_of(value: object, name: str, first: Callable[[object, str], T], second: Callable[[object, str], U]) -> T | U:
    """The value as the first of two types that takes it."""
    try:
        return first(value, name)
    except InvalidResponse:
        return second(value, name)


def optional(value: object, name: str, convert: Callable[[object, str], T], absent: str = "undefined") -> T | Unset:
    """The value, or UNSET if it is absent; the browser writes that as "undefined", PHP at times as ""."""
    if value is UNSET or value in ("undefined", absent):
        return UNSET
    return convert(value, name)


__all__ = ["ApiError", "Bitrix24Error", "InvalidResponse", "UnexpectedStatus"]
