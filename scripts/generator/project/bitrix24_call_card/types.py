"""Types that the models and the API functions share."""

from __future__ import annotations

from collections.abc import MutableMapping
from enum import Enum
from http import HTTPStatus
from typing import Final, Generic, Literal, NamedTuple, TypeVar

T = TypeVar("T")


# An enum, so that it stays one object when it is copied or pickled, and type checkers narrow `is UNSET`.
class Unset(Enum):
    """The type of ``UNSET``."""

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    __str__ = __repr__


UNSET: Final = Unset.UNSET
"""The value of a field that is absent. It is falsy."""


class Response(NamedTuple, Generic[T]):
    """A response of the portal.

    Attributes:
        status_code: The HTTP status; a plain number if it has no name, such as 520.
        content: The raw body.
        headers: The response headers.
        parsed: The body as a model.
    """

    status_code: HTTPStatus | int
    content: bytes
    headers: MutableMapping[str, str]
    parsed: T | None


__all__ = ["UNSET", "Response", "Unset"]
