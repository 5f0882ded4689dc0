# Copied from scripts/generator/project/bitrix24_call_card/_arguments.py by `make generate`: do not edit.
"""Checks the arguments of a client when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, TypeVar

import httpx

T = TypeVar("T")


def checked(name: str, value: T, *types: Any) -> T:
    """Return the value if it is of one of the types; else raise TypeError. A bool is not a number."""
    if isinstance(value, types) and (bool in types or not isinstance(value, bool)):
        return value
    expected = " or ".join("None" if each is NoneType else each.__name__ for each in types)
    raise TypeError(f"{name}: expected {expected}, found {type(value).__name__}")


def checked_texts(name: str, texts: Mapping[str, str] | None) -> dict[str, str]:
    """Return headers or cookies; else raise TypeError or ValueError."""
    checked(name, texts, Mapping, NoneType)
    copied = dict(texts or {})
    for each in (*copied, *copied.values()):
        if not (checked(name, each, str).isascii() and each.isprintable()):
            raise ValueError(f"{name}: expected printable ASCII, found other characters")
    return copied


def checked_timeout(timeout: Any) -> httpx.Timeout:
    """Return a timeout, the same object if it is one; else raise TypeError or ValueError."""
    checked("timeout", timeout, int, float, httpx.Timeout, NoneType)
    whole = timeout if isinstance(timeout, httpx.Timeout) else httpx.Timeout(timeout)
    for seconds in whole.as_dict().values():
        if not (checked("timeout", seconds, int, float, NoneType) or 0) >= 0:
            raise ValueError(f"timeout: expected 0 seconds or more, found {seconds}")
    return whole
