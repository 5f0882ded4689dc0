"""What all requests have in common: bounded bodies, addresses, and forms as PHP writes them."""

from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, HTTPConnection, Request

from .errors import BridgeError

MOST_BYTES = 64 * 1024
"""Of a body."""
MOST_FIELDS = 200


async def read_body(request: Request) -> bytes:
    """Read the whole body. Raise `BridgeError` if it is too large, or breaks off."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                raise BridgeError("QUERY_LIMIT_EXCEEDED", f"The body is over {MOST_BYTES} bytes")
    except ClientDisconnect:
        raise BridgeError("ERROR_ARGUMENT", "The body broke off") from None
    return bytes(body)


def address_of(connection: HTTPConnection) -> str:
    """Give the address of whoever asks, which only trusted proxies can tell for another."""
    return connection.client.host if connection.client else ""


def read_form(text: bytes | str) -> dict[str, Any]:
    """Read a query or a form; `name[key]=value` makes a map, and empty values count as none."""
    text = text if isinstance(text, str) else text.decode(errors="replace")
    fields: dict[str, Any] = {}
    try:
        pairs = parse_qsl(text, max_num_fields=MOST_FIELDS)
    except ValueError:
        return fields
    for name, value in pairs:
        stem, bracket, key = name.partition("[")
        if not bracket:
            fields[stem] = value
        elif isinstance(below := fields.setdefault(stem, {}), dict):
            below[key.removesuffix("]")] = value
    return fields
