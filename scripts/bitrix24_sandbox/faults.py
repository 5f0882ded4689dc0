"""What can go wrong with a portal, on request: each fault strikes the next so many requests."""

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope

from .answers import Answer, allow_any_origin, json_answer
from .errors import DOCUMENTED, OAUTH, ClientGoneError, PortalError

Options = dict[str, Any]
Proceed = Callable[[], Answer]
"""Gives the answer that the request would have got without the fault."""


@dataclass(frozen=True, slots=True)
class Struck:
    """A request that met a fault: its connection, and the way on."""

    scope: Scope
    receive: Receive
    proceed: Proceed


Fault = Callable[[Struck], Awaitable[Answer]]


class InvalidFaultError(ValueError):
    """No such fault. The message says what was expected."""


def _answering(answer: Answer) -> Fault:
    async def fault(_: Struck) -> Answer:
        return answer

    return fault


def _error(code: str) -> Callable[[Options], Fault]:
    return lambda _: _answering(PortalError(code).answer())


def _html(status: int, title: str) -> Callable[[Options], Fault]:
    page = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>"
    headers = [(b"content-type", b"text/html; charset=utf-8"), allow_any_origin]
    return lambda _: _answering(Answer(status, page.encode(), headers))


def _redirect(options: Options) -> Fault:
    location = options.pop("location", "http://renamed-portal.invalid/rest/elsewhere")
    status = options.pop("status", 307)
    if not isinstance(location, str) or not location.isascii() or not location.isprintable():
        raise InvalidFaultError("location must be a URL, in ASCII")
    if status not in (301, 302, 303, 307, 308):
        raise InvalidFaultError("status must be 301, 302, 303, 307 or 308")
    return _answering(Answer(status, b"", [(b"location", location.encode()), allow_any_origin]))


def _error_in_200(_: Options) -> Fault:
    return _answering(json_answer(200, PortalError("ERROR_UNEXPECTED_ANSWER").envelope))


def _truncated_json(_: Options) -> Fault:
    async def fault(struck: Struck) -> Answer:
        whole = struck.proceed()
        return Answer(whole.status, whole.body[: len(whole.body) // 2], whole.headers)

    return fault


def _slow(options: Options) -> Fault:
    seconds = options.pop("seconds", 2)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidFaultError("seconds must be a number")
    if not (math.isfinite(seconds) and 0 <= seconds <= 3600):
        raise InvalidFaultError("seconds must be between 0 and 3600")

    async def fault(struck: Struck) -> Answer:
        try:
            # What comes after the body is the end of the connection: then there is nobody left
            # to wait for, and a server that shuts down is not held up either.
            async with asyncio.timeout(seconds):
                await struck.receive()
        except TimeoutError:
            return struck.proceed()
        raise ClientGoneError

    return fault


def _disconnect(_: Options) -> Fault:
    async def fault(struck: Struck) -> Answer:
        abort = struck.scope.get("state", {}).get("abort")
        if abort is None:
            raise ConnectionAbortedError("only `sandbox.server` can close a connection")
        abort()
        await struck.receive()  # until the server has noticed
        raise ClientGoneError

    return fault


FAULTS: Mapping[str, Callable[[Options], Fault]] = {
    **{code: _error(code) for code in DOCUMENTED},
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
"""The faults of REST requests."""

OAUTH_FAULTS: Mapping[str, Callable[[Options], Fault]] = {code: _error(code) for code in OAUTH}
"""The faults of a renewal."""


class FaultQueue:
    """The faults to come, in the order of their asking: a line for REST, and one for renewals."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rest: list[_Waiting] = []
        self._oauth: list[_Waiting] = []

    def add(self, request: Any) -> None:
        """Queue `{"fault": NAME, "times": N, …}`. Raise `InvalidFaultError` if that is not it."""
        if not isinstance(request, dict):
            raise InvalidFaultError('Expected an object such as {"fault": "slow", "times": 1}')
        options = dict(request)
        name, times = options.pop("fault", None), options.pop("times", 1)
        line, make = self._rest, FAULTS.get(name) if isinstance(name, str) else None
        if make is None and isinstance(name, str):
            line, make = self._oauth, OAUTH_FAULTS.get(name)
        if make is None:
            raise InvalidFaultError(f"fault must be one of: {', '.join([*FAULTS, *OAUTH_FAULTS])}")
        if isinstance(times, bool) or not isinstance(times, int) or times < 1:
            raise InvalidFaultError("times must be a positive integer")
        fault = make(options)
        if options:
            raise InvalidFaultError(f"{name} takes no member {next(iter(options))!r}")
        with self._lock:
            line.append(_Waiting(name, fault, times))

    def clear(self) -> None:
        """Forget all faults to come."""
        with self._lock:
            self._rest.clear()
            self._oauth.clear()

    def take_rest(self) -> Fault | None:
        """Take the fault that strikes this REST request, if any."""
        return self._take(self._rest) if self._rest else None

    def take_oauth(self) -> Fault | None:
        """Take the fault that strikes this renewal, if any."""
        return self._take(self._oauth) if self._oauth else None

    def _take(self, line: list["_Waiting"]) -> Fault | None:
        with self._lock:
            if not line:
                return None
            first = line[0]
            first.times -= 1
            if not first.times:
                line.pop(0)
            return first.fault

    def waiting(self) -> list[dict[str, Any]]:
        """List the faults to come."""
        with self._lock:
            return [{"fault": w.name, "times": w.times} for w in (*self._rest, *self._oauth)]


@dataclass(slots=True)
class _Waiting:
    name: str
    fault: Fault
    times: int
