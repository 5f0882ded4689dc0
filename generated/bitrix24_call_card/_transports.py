# Copied from scripts/generator/project/bitrix24_call_card/_transports.py by `make generate`: do not edit.
"""The transports of a client, and how a request is sent through one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import httpx

from . import _fork
from ._base_url import hidden_path
from ._lock import locked
from ._received import Received, aread, read
from ._secrets import masked
from .errors import Bitrix24Error

# The transports of parent processes: closing one, or having it collected, concerns the parent.
_inherited: list[object] = []


class Request(httpx.Request):
    """A request as it is sent; its repr shows the host alone."""

    def __repr__(self) -> str:
        return f"<Request({self.method!r}, '{hidden_path(self.url)}')>"


class Connections:
    """One transport for the threads of a process, and one for each event loop."""

    def __init__(
        self,
        new: Callable[[], httpx.BaseTransport],
        new_async: Callable[[], httpx.AsyncBaseTransport],
    ) -> None:
        self._new = new
        self._new_async = new_async
        self._start_empty()
        _fork.reset_in_children(self)

    def _start_empty(self) -> None:
        self.lock = threading.Lock()
        self._transport: httpx.BaseTransport | None = None
        self._by_loop: dict[Any, httpx.AsyncBaseTransport] = {}

    def reset_after_fork(self) -> None:
        """Leave the parent's connections to the parent."""
        _inherited.extend([self._transport, *self._by_loop.values()])
        self._start_empty()

    @locked
    def _for_threads(self) -> httpx.BaseTransport:
        """Return the transport of this process, made at the first use."""
        if self._transport is None:
            self._transport = self._new()
        return self._transport

    @locked
    def _for_loop(self) -> httpx.AsyncBaseTransport:
        """Return the transport of the running event loop, made at the first use."""
        loop = _running_loop()
        transport = self._by_loop.get(loop)
        if transport is None:
            for other in [other for other in self._by_loop if _has_ended(other)]:
                del self._by_loop[other]
            transport = self._by_loop[loop] = self._new_async()
        return transport

    def send(self, request: httpx.Request) -> Received:
        """Send a request and read the whole response.

        Raises:
            httpx.TransportError: If there is no response, or the body is not complete within the
                read timeout, counted from the headers. It shows no secret, and nothing of httpx's
                frames.
        """
        transport = self._for_threads()
        try:
            return read(transport.handle_request(request), request)
        except BaseException as caught:
            error = _hidden(caught, request)
        try:
            raise error
        finally:
            del error  # or its traceback would keep this frame, and itself, alive

    async def asend(self, request: httpx.Request) -> Received:
        """Do the same as `send` in an event loop."""
        transport = self._for_loop()
        try:
            return await aread(await transport.handle_async_request(request), request)
        except BaseException as caught:
            error = _hidden(caught, request)
        try:
            raise error
        finally:
            del error

    def close(self) -> None:
        """Close the transport of this process; a later call makes a new one."""
        if (transport := self._take_transport()) is not None:
            transport.close()

    async def aclose(self) -> None:
        """Close the transport of the running event loop; a later call makes a new one."""
        if (transport := self._take_transport_of(_running_loop())) is not None:
            await transport.aclose()

    @locked
    def _take_transport(self) -> httpx.BaseTransport | None:
        transport, self._transport = self._transport, None
        return transport

    @locked
    def _take_transport_of(self, loop: Any) -> httpx.AsyncBaseTransport | None:
        return self._by_loop.pop(loop, None)


def _running_loop() -> Any:
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        if trio := sys.modules.get("trio"):
            return trio.lowlevel.current_trio_token()
        raise


def _has_ended(loop: Any) -> bool:
    if hasattr(loop, "is_closed"):
        return bool(loop.is_closed())
    try:
        loop.run_sync_soon(bool)  # a trio run has no other way to ask
    except RuntimeError:
        return True
    return False


def send_with_client(client: httpx.Client, request: httpx.Request) -> Received:
    """Send a request with a custom client, which shows it as it likes, and read the response."""
    rebuilt = _rebuilt(request, client)
    return read(client.send(rebuilt, stream=True, follow_redirects=False), rebuilt)


async def asend_with_client(client: httpx.AsyncClient, request: httpx.Request) -> Received:
    """Do the same as `send_with_client` in an event loop."""
    rebuilt = _rebuilt(request, client)
    return await aread(await client.send(rebuilt, stream=True, follow_redirects=False), rebuilt)


def _rebuilt(request: httpx.Request, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
    """Make the same request with the headers, cookies and timeout of a custom client."""
    headers = {
        name: request.headers[name] for name in ("Accept", "Accept-Encoding", "Content-Type")
    }
    return client.build_request(
        request.method, request.url, headers=headers, content=request.content
    )


def _hidden(error: BaseException, request: httpx.Request) -> BaseException:
    """Return the exception, without frames and causes, which hold the address of the request."""
    if isinstance(error, Exception) and not isinstance(error, (httpx.RequestError, Bitrix24Error)):
        # Of a transport of another library: the text may hold the whole URL, a response its request.
        error = httpx.TransportError(f"{type(error).__name__} in the transport")
    if isinstance(error, httpx.RequestError):
        text = masked(str(error))
        if isinstance(error, httpx.ProtocolError):
            text = text.partition(":")[0]  # what follows quotes the server, which may echo a secret
        error.args = (text,)
        error.request = httpx.Request(request.method, hidden_path(request.url))
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
