# Copied from scripts/generator/project/bitrix24_call_card/types.py by `make generate`: do not edit.
"""Types that the models and the API functions share."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, Literal, TypeVar

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


@dataclass(kw_only=True, eq=False)
class Response(Generic[T]):
    """A response of the portal; its repr shows the status alone, because the rest may echo a secret.

    Attributes:
        status_code: The HTTP status.
        content: The raw body.
        headers: The response headers.
        parsed: The body as a model.
    """

    status_code: int
    content: bytes
    headers: MutableMapping[str, str]
    parsed: T

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"


__all__ = ["UNSET", "Response", "Unset"]
