"""The responses to requests that a fault affects."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.types import Receive, Scope

from ..portal.errors import BY_TOKEN, PortalError
from ..portal.faults import Fault
from .answers import Answer, ClientGoneError, allow_any_origin, json_answer

Proceed = Callable[[], Answer]
"""Returns the response that the request would have got without the fault."""


@dataclass(frozen=True, slots=True)
class FaultyRequest:
    """A request that a fault affects: its connection, and its regular response."""

    scope: Scope
    receive: Receive
    proceed: Proceed
    by_token: bool = False
    """Whether it has an access token."""


async def play(fault: Fault, request: FaultyRequest) -> Answer:
    """Return the faulty response. Raise `ClientGoneError` if none is to be sent."""
    player = _PLAYERS.get(fault.name)
    if player is None:
        error = PortalError(fault.name, BY_TOKEN.get(fault.name) if request.by_token else None)
        return json_answer(fault.options.get("status", error.status), error.envelope)
    return await player(request, **fault.options)


async def _redirect(_: FaultyRequest, *, location: str, status: int) -> Answer:
    return Answer(status, b"", [(b"location", location.encode()), allow_any_origin])


async def _error_in_200(_: FaultyRequest) -> Answer:
    return json_answer(200, PortalError("ERROR_UNEXPECTED_ANSWER").envelope)


async def _truncated_json(request: FaultyRequest) -> Answer:
    whole = request.proceed()
    return Answer(whole.status, whole.body[: len(whole.body) // 2], whole.headers)


async def _slow(request: FaultyRequest, *, seconds: float) -> Answer:
    try:
        # After the body comes only the end of the connection. Then there is no reason to wait,
        # and a server that shuts down need not wait either.
        async with asyncio.timeout(seconds):
            await request.receive()
    except TimeoutError:
        return request.proceed()
    raise ClientGoneError


async def _disconnect(request: FaultyRequest) -> Answer:
    abort = request.scope.get("state", {}).get("abort")
    if abort is None:
        raise ConnectionAbortedError("only `bitrix24_sandbox.server` can close a connection")
    abort()
    await request.receive()  # until the server has noticed
    raise ClientGoneError


def _html(status: int, title: str) -> Callable[[FaultyRequest], Awaitable[Answer]]:
    page = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>"
    headers = [(b"content-type", b"text/html; charset=utf-8"), allow_any_origin]

    async def html(_: FaultyRequest) -> Answer:
        return Answer(status, page.encode(), headers)

    return html


_PLAYERS: Mapping[str, Callable[..., Awaitable[Answer]]] = {
    "slow": _slow,
    "disconnect": _disconnect,
    "truncated-json": _truncated_json,
    "html-502": _html(502, "Bad Gateway"),
    "html-503": _html(503, "Service Temporarily Unavailable"),
    "html-504": _html(504, "Gateway Time-out"),
    "html-520": _html(520, "Web server is returning an unknown error"),
    "redirect": _redirect,
    "error-in-200": _error_in_200,
}
"""The faults other than the portal's own errors, which have their codes as names."""
