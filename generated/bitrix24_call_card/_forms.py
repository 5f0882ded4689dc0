# Copied from scripts/generator/project/bitrix24_call_card/_forms.py by `make generate`: do not edit.
"""Forms and queries that a portal sends to an application's handlers."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from ._arguments import checked
from .errors import InvalidResponse
from .types import Unset

Source = bytes | str | Mapping[str, object]
"""A query or a form: encoded, or as a framework's mapping."""


def members(name: str, source: Source) -> dict[str, Any]:
    """Return the members of a query or form.

    Raises:
        InvalidResponse: If it is JSON, or not UTF-8.
        TypeError: If it is neither bytes nor text nor a mapping.
    """
    checked(name, source, bytes, str, Mapping)
    if isinstance(source, Mapping):
        return {member: source[member] for member in source}
    try:
        text = source.decode() if isinstance(source, bytes) else source
        if text.lstrip().startswith(("{", "[")):
            raise InvalidResponse(f"{name}: expected a form, found JSON")
        return dict(parse_qsl(text.removeprefix("?"), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        raise InvalidResponse(f"{name}: expected UTF-8") from None


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members with PHP's brackets resolved: `auth[domain]` is a member of `auth`."""
    whole: dict[str, Any] = {}
    for name, value in flat.items():
        *outer, last = name.replace("]", "").split("[")
        place: dict[str, Any] = whole
        for part in outer:
            if not isinstance(place.setdefault(part, {}), dict):
                found = type(place[part]).__name__
                raise InvalidResponse(f"{outer[0]}: expected an object, found {found}")
            place = place[part]
        place[last] = value
    return whole


def is_same(expected: str, found: str | Unset) -> bool:
    """Return in constant time whether a token is the expected one; no token is never it."""
    tokens = (token.encode(errors="surrogatepass") for token in (expected, str(found)))
    return bool(expected and found) and hmac.compare_digest(*tokens)
