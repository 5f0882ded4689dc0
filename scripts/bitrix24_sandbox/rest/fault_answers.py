"""What a request meets when a fault strikes it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.types import Receive, Scope

from ..portal.errors import PortalError
from ..portal.faults import Fault
from .answers import Answer, ClientGoneError, allow_any_origin, json_answer

Proceed = Callable[[], Answer]
"""Gives the answer that the request would have got without the fault."""


@dataclass(frozen=True, slots=True)
class Struck:
    """A request that met a fault: its connection, and the way on."""

    scope: Scope
    receive: Receive
    proceed: Proceed


async def play(fault: Fault, struck: Struck) -> Answer:
    """Let the fault strike the request. Raise `ClientGoneError` if no answer is to be sent."""
    player = _PLAYERS.get(fault.name)
    if player is None:
        error = PortalError(fault.name)
        return json_answer(fault.options.get("status", error.status), error.envelope)
    return await player(struck, **fault.options)


async def _redirect(_: Struck, *, location: str, status: int) -> Answer:
    return Answer(status, b"", [(b"location", location.encode()), allow_any_origin])


async def _error_in_200(_: Struck) -> Answer:
    return json_answer(200, PortalError("ERROR_UNEXPECTED_ANSWER").envelope)


async def _truncated_json(struck: Struck) -> Answer:
    whole = struck.proceed()
    return Answer(whole.status, whole.body[: len(whole.body) // 2], whole.headers)


async def _slow(struck: Struck, *, seconds: float) -> Answer:
    try:
        # What comes after the body is the end of the connection: then there is nobody left
        # to wait for, and a server that shuts down is not held up either.
        async with asyncio.timeout(seconds):
            await struck.receive()
    except TimeoutError:
        return struck.proceed()
    raise ClientGoneError


async def _disconnect(struck: Struck) -> Answer:
    abort = struck.scope.get("state", {}).get("abort")
    if abort is None:
        raise ConnectionAbortedError("only `sandbox.server` can close a connection")
    abort()
    await struck.receive()  # until the server has noticed
    raise ClientGoneError


def _html(status: int, title: str) -> Callable[[Struck], Awaitable[Answer]]:
    page = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>"
    headers = [(b"content-type", b"text/html; charset=utf-8"), allow_any_origin]

    async def html(_: Struck) -> Answer:
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
"""The faults that are more than an error of the portal's own; those go by their code."""
