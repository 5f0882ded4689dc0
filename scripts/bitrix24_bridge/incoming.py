"""What all requests have in common: bounded bodies, and addresses."""

import logging
from functools import cache

from starlette.requests import ClientDisconnect, HTTPConnection, Request

from .errors import BridgeError

log = logging.getLogger("bitrix24_bridge")

MOST_BYTES = 64 * 1024
"""Of a body."""


async def read_body(request: Request) -> bytes:
    """Read the whole body. Raise `BridgeError` if it is too large, or breaks off."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                raise BridgeError("CONTENT_TOO_LARGE", f"The body is over {MOST_BYTES} bytes")
    except ClientDisconnect:
        raise BridgeError("ERROR_ARGUMENT", "The body broke off") from None
    return bytes(body)


def address_of(connection: HTTPConnection) -> str:
    """Return the address of whoever asks, which only trusted proxies may set."""
    address = connection.client.host if connection.client else ""
    if (told := connection.headers.get("x-forwarded-for")) and address not in told:
        _warn_of_proxy()
    return address


@cache
def _warn_of_proxy() -> None:
    log.warning(
        "Requests come through a proxy that BRIDGE_PROXIES does not name, so all of its visitors "
        "share one limit of access tokens."
    )
