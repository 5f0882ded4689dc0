"""A response as it was received, before anybody makes models of it, and how it is read."""

from __future__ import annotations

import json
import time
import zlib
from typing import Any, Final, NoReturn

import httpx

from .errors import InvalidResponse, UnexpectedStatus

MAX_BODY: Final = 8 * 2**20
"""Bytes of a decoded response body beyond which the response is invalid; a call takes about 1 kB."""

_GZIP: Final = 16 + zlib.MAX_WBITS


class Received:
    """A whole response; its repr shows the status alone, because the rest may echo a secret."""

    __slots__ = ("content", "headers", "problem", "status_code")

    def __init__(
        self,
        status_code: int,
        headers: httpx.Headers,
        content: bytes,
        problem: str | None = None,  # why the body could not be read
    ) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content
        self.problem = problem

    def __repr__(self) -> str:
        return f"<Received [{self.status_code}]>"

    def json_object(self) -> dict[str, Any]:
        """Return the JSON object that is the body, or raise InvalidResponse."""
        if self.problem is not None:
            raise InvalidResponse(f"the body: {self.problem}")
        try:
            text = self.content.decode().removeprefix("\ufeff")
            value: dict[str, Any] | list[Any] | str | float | None = _decode(text)
        except (ValueError, RecursionError):
            # Not chained: the decoder's own error carries the whole body.
            raise InvalidResponse("expected JSON") from None
        if not isinstance(value, dict):
            raise InvalidResponse(f"the body: expected an object, found {type(value).__name__}")
        return value

    def is_expired_token(self) -> bool:
        """Tell whether the portal refused an access token because its hour is over."""
        try:
            return self.status_code == 401 and self.json_object().get("error") == "expired_token"
        except InvalidResponse:
            return False

    def invalid(self, reason: str) -> InvalidResponse:
        """Make the exception for a body that is not as documented."""
        content = self.content if self.problem is None else None
        return InvalidResponse(reason, self.status_code, content)

    def unexpected(self) -> UnexpectedStatus:
        """Make the exception for a status that is not in the contract."""
        return UnexpectedStatus(self.status_code, self.content, self._new_host())

    def _new_host(self) -> str | None:
        if 300 <= self.status_code < 400:
            try:
                return httpx.URL(self.headers.get("location", "")).raw_host.decode() or None
            except httpx.InvalidURL:
                pass
        return None


def read(response: httpx.Response, request: httpx.Request) -> Received:
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


async def aread(response: httpx.Response, request: httpx.Request) -> Received:
    """Do the same as `read` in an event loop."""
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


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
