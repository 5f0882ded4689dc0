# Copied from scripts/generator/project/bitrix24_call_card/_transports.py by `make generate`: do not edit.
"""The transports of a client, and how a request is sent through one."""

from __future__ import annotations

import sys
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any, Final

import httpx

from . import _fork
from ._base_url import hidden_path
from ._lock import locked
from ._received import Received
from ._secrets import masked
from .errors import Bitrix24Error

MAX_BODY: Final = 8 * 2**20
"""Bytes of a decoded response body beyond which the response is invalid; a call takes about 1 kB."""

_GZIP: Final = 16 + zlib.MAX_WBITS

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
            return _read(transport.handle_request(request), request)
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
            return await _aread(await transport.handle_async_request(request), request)
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
    return _read(client.send(rebuilt, stream=True, follow_redirects=False), rebuilt)


async def asend_with_client(client: httpx.AsyncClient, request: httpx.Request) -> Received:
    """Do the same as `send_with_client` in an event loop."""
    rebuilt = _rebuilt(request, client)
    return await _aread(await client.send(rebuilt, stream=True, follow_redirects=False), rebuilt)


def _rebuilt(request: httpx.Request, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
    """Make the same request with the headers, cookies and timeout of a custom client."""
    headers = {
        name: request.headers[name] for name in ("Accept", "Accept-Encoding", "Content-Type")
    }
    return client.build_request(
        request.method, request.url, headers=headers, content=request.content
    )


def _read(response: httpx.Response, request: httpx.Request) -> Received:
    """Read the whole response to a request, and close it."""
    stream: Any = response.stream  # itself, because `iter_raw` costs more than all the rest of this
    try:
        if response.is_stream_consumed or response.is_closed:  # by a transport or a hook
            return Received(response.status_code, response.headers, response.content)
        body = _Body(response, request)
        for chunk in stream:
            if not body.add(chunk):
                break
        return body.received()
    except httpx.RequestError as error:
        error.request = request
        raise
    finally:
        stream.close()


async def _aread(response: httpx.Response, request: httpx.Request) -> Received:
    """Do the same as `_read` in an event loop."""
    stream: Any = response.stream
    try:
        if response.is_stream_consumed or response.is_closed:
            return Received(response.status_code, response.headers, response.content)
        body = _Body(response, request)
        async for chunk in stream:
            if not body.add(chunk):
                break
        return body.received()
    except httpx.RequestError as error:
        error.request = request
        raise
    finally:
        await stream.aclose()


class _Body:
    """Collects a response's body, within bounds that httpx does not have."""

    def __init__(self, response: httpx.Response, request: httpx.Request) -> None:
        self._response = response
        self._parts: list[bytes] = []
        self._size = 0
        self._problem: str | None = None
        timeout = request.extensions.get("timeout", {}).get("read")
        self._deadline = None if timeout is None else time.monotonic() + timeout
        encoding = response.headers.get("content-encoding", "identity").lower()
        if encoding not in ("identity", "gzip"):
            self._problem = "expected gzip or no content encoding"
        self._decoder = zlib.decompressobj(_GZIP) if encoding == "gzip" else None

    def add(self, chunk: bytes) -> bool:
        """Add a part of the body; return whether there is a reason to read on."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise httpx.ReadTimeout("The body was not complete within the read timeout")
        if self._decoder is not None:
            if self._decoder.eof:  # it would keep what follows
                return True
            try:
                chunk = self._decoder.decompress(chunk, MAX_BODY + 1 - self._size)
            except zlib.error:
                self._problem = "expected gzip"
        self._size += len(chunk)
        if self._size > MAX_BODY:
            self._problem = f"expected at most {MAX_BODY >> 20} MB"
        self._parts.append(chunk)
        return self._problem is None

    def received(self) -> Received:
        """Return the response, with its body unless there is a problem with it."""
        content = b"" if self._problem else b"".join(self._parts)
        return Received(self._response.status_code, self._response.headers, content, self._problem)


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
