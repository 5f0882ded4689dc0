"""The connections of a client and its copies, and what is raised where one fails."""

from __future__ import annotations

import threading
import traceback
from dataclasses import dataclass
from typing import Any, Final

import httpx

from . import _fork
from ._base_url import hidden_path
from ._loops import has_ended, running_loop
from ._received import PortalRequest, Received, aread, read
from ._transports import NewTransports

_FOREIGN_NETWORK_ERRORS: Final = {
    ("aiohttp.client_exceptions", "ClientError"),
    ("pyreqwest.exceptions", "RequestError"),
}
"""The network errors of other libraries' transports, which are not imported here."""

# The transports of parent processes: referenced, because collecting them would touch the parent's sockets.
_inherited: list[object] = []


@dataclass
class _Pool:
    """A transport, and how many calls are using it."""

    transport: Any
    calls: int = 0
    is_closing: bool = False


class Connections:
    """One transport for the threads of a process, and one for each event loop.

    A transport that is closed while calls are using it takes no others, and closes after the last one.
    """

    def __init__(self, transports: NewTransports) -> None:
        self._transports = transports
        self.custom: httpx.Client | None = None
        self.async_custom: httpx.AsyncClient | None = None
        self.operating_reset_at: int | None = None
        self._start_empty()
        _fork.reset_in_children(self)

    def _start_empty(self) -> None:
        self._lock = threading.Lock()
        # Another one, re-entrant and for threads alone: what makes a transport is the caller's code.
        self._making = threading.RLock()
        self._pools: dict[object, _Pool] = {}  # by event loop; None is for the threads

    def reset_after_fork(self) -> None:
        """Leave the parent's connections to the parent."""
        _inherited.extend(self._pools.values())
        self._start_empty()

    def send(self, request: PortalRequest) -> Received:
        """Send a request and read the whole response.

        Raises:
            httpx.TransportError: If there is no response, or the body is not complete in time.
            BaseException: Whatever else the transport raises, without the frames in which it did.
        """
        pool = self._enter_pool()
        try:
            return read(pool.transport.handle_request(request), request)
        except BaseException as caught:
            error = _hidden(caught, request)
        finally:
            if self._is_last(pool):
                pool.transport.close()
        try:
            raise error
        finally:
            del error  # or its traceback would keep this frame, and itself, alive

    async def asend(self, request: PortalRequest) -> Received:
        """Async version of `send`."""
        pool = self._enter_pool_of_loop()
        try:
            return await aread(await pool.transport.handle_async_request(request), request)
        except BaseException as caught:
            error = _hidden(caught, request)
        finally:
            if self._is_last(pool):
                await pool.transport.aclose()
        try:
            raise error
        finally:
            del error

    def close(self) -> None:
        """Close the transport of the threads, once no call is using it; a later call makes a new one."""
        if pool := self._take_idle_pool(None):
            pool.transport.close()

    async def aclose(self) -> None:
        """Likewise close the transports of the running event loop and of the threads."""
        self.close()
        if pool := self._take_idle_pool(running_loop()):
            await pool.transport.aclose()

    def note_operating_reset(self, received: Received) -> None:
        """Keep the latest time that a response has reported, in whatever order they arrive."""
        if reported := received.operating_reset_at():
            with self._lock:
                self.operating_reset_at = max(reported, self.operating_reset_at or 0)

    # --- which transport, and until when ---

    def _enter_pool(self) -> _Pool:
        with self._making:
            return self._entered(None) or self._new_pool(None, self._transports.for_threads())

    def _enter_pool_of_loop(self) -> _Pool:
        loop = running_loop()
        return self._entered(loop) or self._new_pool(loop, self._transports.for_loop())

    def _entered(self, loop: object) -> _Pool | None:
        """Begin a call with the pool of a loop, if there is one."""
        with self._lock:
            if pool := self._pools.get(loop):
                pool.calls += 1
            return pool

    def _new_pool(self, loop: object, transport: object) -> _Pool:
        """Begin a call with a new pool, and forget those of loops that have ended."""
        with self._lock:
            for other in [other for other in self._pools if has_ended(other)]:
                del self._pools[other]
            pool = self._pools.setdefault(loop, _Pool(transport))  # what made it may have called
            pool.calls += 1
            return pool

    def _is_last(self, pool: _Pool) -> bool:
        """End a call; return whether it has to close the transport."""
        with self._lock:
            pool.calls -= 1
            return pool.is_closing and not pool.calls

    def _take_idle_pool(self, loop: object) -> _Pool | None:
        """Take out the pool of a loop; return it if no call is using it, else its last call closes it."""
        with self._lock:
            if pool := self._pools.pop(loop, None):
                pool.is_closing = True
            return pool if pool and not pool.calls else None


# --- what is raised ---


def _hidden(error: BaseException, request: PortalRequest) -> BaseException:
    """Return the exception to raise: without secrets, and without the frames that hold the URL.

    A network error is or becomes httpx's, and has the system's own error as its cause. Any other exception,
    such as a worker's time limit or a failed assertion in a mocked portal, is the caller's business: it
    stays the same object, unless it shows a secret even so.
    """
    causes, place = _with_causes(error), _place_of(error)
    for each in causes:
        args = tuple(request.mask(it) if isinstance(it, str) else it for it in each.args)
        BaseException.__setattr__(each, "args", args)  # also of a frozen attrs class
        each.with_traceback(None)
    name = type(error).__name__
    if not isinstance(error, Exception):  # an interrupt or a cancellation, which nothing replaces
        if any(_shows_secret(each, request) for each in causes):
            error.__cause__ = error.__context__ = None
        return error
    if isinstance(error, httpx.RequestError):
        if isinstance(error, httpx.ProtocolError):
            # What follows quotes the server, which may echo a secret.
            error.args = (str(error).partition(":")[0],)
    elif isinstance(error, OSError) or _is_foreign_network_error(error):
        error = httpx.TransportError(f"{name}: {request.mask(str(error))}")
    elif isinstance(error, httpx.HTTPStatusError) or any(  # its request has the whole URL
        _shows_secret(each, request) for each in causes
    ):
        error = httpx.TransportError(f"{name} in the transport")
    else:
        if place not in getattr(error, "__notes__", ()):
            error.add_note(place)
        return error
    error.request = httpx.Request(request.method, hidden_path(request.url))
    error.__context__ = None
    error.__cause__ = _system_error(causes, request)
    return error


def _place_of(error: BaseException) -> str:
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    return f"raised at {frame.f_code.co_filename}:{line}"


def _with_causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _is_foreign_network_error(error: BaseException) -> bool:
    names = {(base.__module__, base.__name__) for base in type(error).__mro__}
    return not names.isdisjoint(_FOREIGN_NETWORK_ERRORS)


def _system_error(causes: list[BaseException], request: PortalRequest) -> OSError | None:
    """Return the system's own error, such as an ssl.SSLError, if it shows no secret."""
    for error in causes:
        while isinstance(error, OSError) and _is_harmless(error, request):
            behind, error.__cause__, error.__context__ = error.__cause__, None, None
            if error.errno is not None or not isinstance(behind, OSError):
                return error
            error = behind  # anyio's is a sentence about it
    return None


def _is_harmless(error: OSError, request: PortalRequest) -> bool:
    is_of_system = type(error).__module__ in ("builtins", "socket", "ssl")
    return is_of_system and not _shows_secret(error, request)


def _shows_secret(error: BaseException, request: PortalRequest) -> bool:
    return any(request.mask(text) != text for text in (str(error), repr(error)))
