"""What all requests have in common: bounded bodies, and addresses."""

from starlette.requests import ClientDisconnect, HTTPConnection, Request

from .errors import BridgeError

MOST_BYTES = 64 * 1024
"""Of a body."""


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
