"""Decodes a request's fields from every encoding that clients of a portal use."""

import io
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

import python_multipart
from python_multipart.exceptions import FormParserError
from starlette.types import Receive, Scope

from ..portal import json_text
from ..portal.errors import PortalError
from .answers import ClientGoneError

Fields = dict[str, Any]

MAX_BODY = 8 * 1024 * 1024  # bytes; PHP's usual limit
MAX_FIELDS = 10_000  # the limit that Bitrix24 sets in PHP; fields beyond it are dropped
MAX_DEPTH = 8  # names in `a[b][c]`

TOKEN_FIELDS = ("auth", "access_token")
_BEARER = re.compile(r"bearer\s+(.*)", re.IGNORECASE)


async def read_body(receive: Receive, most: int = MAX_BODY) -> bytes:
    """Read the whole body, at most `most` bytes.

    Raise `PortalError` if it is too large, `ClientGoneError` if it is incomplete.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        body += message.get("body", b"")
        if len(body) > most:
            raise PortalError("BODY_TOO_LARGE", f"The body is larger than {most} bytes")
        if not message.get("more_body", False):
            return bytes(body)


def header(scope: Scope, name: bytes) -> str:
    """Return a request's header, or an empty string."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""


def access_token(authorization: str, fields: Fields) -> Any:
    """Return a request's access token, or None if there is none.

    The header `Authorization: Bearer` comes first, then the field `auth`, then `access_token`. An
    array is skipped; any other value ends the search, even an empty one.
    """
    bearer = _BEARER.match(authorization)
    if bearer:
        found: Any = bearer[1]
    else:
        values = (fields[name] for name in TOKEN_FIELDS if name in fields)
        found = next((value for value in values if not isinstance(value, dict | list)), None)
    return None if found in (None, False, 0, "", "0") else found  # what PHP takes for false


def read_fields(method: str, query: bytes, content_type: str, body: bytes) -> Fields:
    """Merge the fields of query and body; for equal names the body wins.

    A portal reads the body of POST only, not even that of PUT.
    """
    fields = from_query(query) if query else {}
    return fields | from_body(content_type, body) if method == "POST" else fields


def from_query(query: bytes | str) -> Fields:
    """Read a query string or a form as PHP does.

    The last of equal names wins, and `name[key]=value` makes a map. An empty `PARAMS` counts as
    missing: a form has no other way to send one.
    """
    text = query if isinstance(query, str) else query.decode(errors="replace")
    first = text.split("&", MAX_FIELDS)[:MAX_FIELDS]
    return _from_pairs(parse_qsl("&".join(first), keep_blank_values=True))


def from_body(content_type: str, body: bytes) -> Fields:
    """Read a body by its content type: JSON, `multipart/form-data`, anything else as a form.

    A malformed body has no fields, because a portal does not report it as malformed. The legacy
    browser library sends its forms as `text/plain`, to avoid a preflight request.
    """
    if not body:
        return {}
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return _from_json(body)
    if media_type == "multipart/form-data":
        return _from_multipart(content_type, body)
    return from_query(body)


def _from_json(body: bytes) -> Fields:
    try:
        value = json_text.decode(body)
    except json_text.NotJsonError:
        return {}
    return value if json_text.is_object(value) else {}


def _from_multipart(content_type: str, body: bytes) -> Fields:
    pairs: list[tuple[str, str]] = []

    def keep(part: Any) -> None:
        if len(pairs) == MAX_FIELDS:
            raise _EnoughError
        if part.field_name:
            name, value = part.field_name, part.value or b""
            pairs.append((name.decode(errors="replace"), value.decode(errors="replace")))

    try:
        python_multipart.parse_form(
            {"Content-Type": content_type.encode("latin-1")},
            io.BytesIO(body),
            keep,
            lambda file: file.close(),  # no method here takes a file
        )
    except _EnoughError:
        pass
    except (FormParserError, UnicodeError):
        return {}
    return _from_pairs(pairs)


class _EnoughError(Exception):
    """The limit of fields is reached."""


def _from_pairs(pairs: Iterable[tuple[str, str]]) -> Fields:
    fields: Fields = {}
    for name, value in pairs:
        if not value and name == "PARAMS":
            continue
        stem, *keys = _names(name)
        items, key = fields, stem
        for below in keys:
            inner = items.get(key)
            if not json_text.is_object(inner):
                inner = items[key] = {}
            items, key = inner, below or str(len(inner))
        items[key] = value
    return fields


def _names(name: str) -> list[str]:
    """Split `name[key][…]` into its names, up to a depth that no method needs."""
    stem, bracket, rest = name.partition("[")
    names = [stem]
    while bracket and len(names) < MAX_DEPTH:
        key, _, rest = rest.partition("]")
        names.append(key)
        bracket, rest = rest[:1], rest[1:]
        if bracket != "[":
            break
    return names
