"""A response of the portal, sent directly as ASGI messages."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Send

from ..portal import json_text
from ..portal.errors import PortalError

type_json = (b"content-type", b"application/json; charset=utf-8")
# Pages of any origin may read REST responses, errors included: without this header on an error,
# browsers report a network error, and no SDK would refresh its token.
allow_any_origin = (b"access-control-allow-origin", b"*")

Headers = list[tuple[bytes, bytes]]

PORTAL_HEADERS: Headers = [
    allow_any_origin,
    (b"access-control-allow-headers", b"origin, content-type, accept"),
    (b"x-content-type-options", b"nosniff"),
]
"""The headers of every response of a portal's REST."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body, and the headers other than its length."""

    status: int
    body: bytes
    headers: Headers = field(default_factory=lambda: [type_json, *PORTAL_HEADERS])

    async def send(self, send: Send) -> None:
        """Send the whole response."""
        headers = [*self.headers, (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def json_answer(status: int, value: Any, *headers: tuple[bytes, bytes]) -> Answer:
    """Return a response with a JSON value, which pages of any origin may read."""
    return Answer(status, json_text.encode(value).encode(), [type_json, *PORTAL_HEADERS, *headers])


def error_answer(error: PortalError, *headers: tuple[bytes, bytes]) -> Answer:
    """Return the response that reports an error."""
    return json_answer(error.status, error.envelope, *headers)


def method_not_allowed(*allowed: str) -> Answer:
    """Return the response to an HTTP method that a path does not support."""
    return error_answer(PortalError("METHOD_NOT_ALLOWED"), (b"allow", ", ".join(allowed).encode()))


class ClientGoneError(Exception):
    """The client disconnected before its request was complete, so nothing is sent."""


async def reply(coming: Awaitable[Answer], send: Send) -> None:
    """Send the response, or the error raised instead."""
    try:
        answer = await coming
    except PortalError as error:
        answer = error_answer(error)
    except ClientGoneError:
        return
    await answer.send(send)
