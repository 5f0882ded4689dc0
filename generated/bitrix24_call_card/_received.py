# Copied from scripts/generator/project/bitrix24_call_card/_received.py by `make generate`: do not edit.
"""Reads a response's body within limits that httpx does not have."""

from __future__ import annotations

import json
import math
import time
import zlib
from contextlib import suppress
from typing import Any, Final

import httpx

from ._reading import as_int, has_error, if_readable, members_of
from ._requests import PortalRequest
from .errors import InvalidResponse, UnexpectedStatus
from .types import Unset

MAX_BODY: Final = 8 * 2**20
"""Bytes of a body, encoded and decoded, beyond which a response is invalid; a call takes about 1 kB."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_TOO_LATE: Final = "The body was not complete within the read timeout"


class Received:
    """A response, whose body is added as it arrives.

    Attributes:
        members: Those of the JSON object that is the body, if it is one.
        problem: Why it is not.
    """

    def __init__(self, response: httpx.Response, request: PortalRequest) -> None:
        self.status_code = response.status_code
        self.headers = response.headers
        self.mask = request.mask
        self.timeout: float | None = request.extensions.get("timeout", {}).get("read")
        self._deadline = time.monotonic() + self.timeout if self.timeout is not None else math.inf
        # By a transport or a hook; then httpx has decoded it.
        self.is_read = response.is_stream_consumed or response.is_closed
        self._body = bytearray(response.content if self.is_read else b"")
        encoding = response.headers.get("content-encoding", "identity").lower()
        self._encoding = "identity" if self.is_read else encoding
        self._content: bytes | None = None
        self.members: dict[str, Any] = {}
        self.problem: str | None = None

    # --- the body ---

    def add(self, chunk: bytes) -> bool:
        """Add a part of the body; return whether to keep reading."""
        self._check_deadline()
        self._body += chunk
        return len(self._body) <= MAX_BODY

    def end(self) -> Received:
        """Decode what has arrived."""
        self._check_deadline()
        try:
            self._content = self._decoded()
            self.members = members_of(json.loads(self._content), "the body")
        except InvalidResponse as error:
            self.problem = self.mask(error.reason)
        except zlib.error:
            self.problem = "the body: expected gzip"
        except (ValueError, RecursionError):
            self.problem = "expected JSON"
        return self

    def _decoded(self) -> bytes:
        if self._encoding not in ("gzip", "identity"):
            raise InvalidResponse("the body: expected gzip or no content encoding")
        body: bytes | bytearray = self._body
        if self._encoding == "gzip":
            body = zlib.decompressobj(_GZIP).decompress(body, MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise InvalidResponse(f"the body: expected at most {MAX_BODY >> 20} MB")
        return bytes(body)

    def _check_deadline(self) -> None:
        # A read that has begun waits as long as the read timeout itself, except in asyncio.
        if not self.is_read and time.monotonic() > self._deadline:
            raise httpx.ReadTimeout(_TOO_LATE)

    # --- what is in it ---

    # A property, because loguru shows the attributes that a line of the traceback names.
    @property
    def content(self) -> bytes | None:
        """The decoded body, or None if it cannot be decoded or is too large."""
        return self._content

    def reports_error(self) -> bool:
        """Return whether the body reports an error; a portal does so with any status."""
        return has_error(self.members)

    def is_expired_token(self) -> bool:
        """Return whether the portal refused an access token because it has expired."""
        return self.status_code == 401 and self.members.get("error") == "expired_token"

    def operating_reset_at(self) -> int | Unset:
        """Return the Unix time in seconds when operating time is next restored, if it is in the body."""
        times: dict[str, Any] | str | None = self.members.get("time")
        value = times.get("operating_reset_at") if isinstance(times, dict) else None
        return if_readable(as_int)(value, "operating_reset_at")

    def unexpected_status(self) -> UnexpectedStatus:
        """Return the exception for a status that is not in the contract."""
        host = ""
        if 300 <= self.status_code < 400:
            with suppress(httpx.InvalidURL):
                host = httpx.URL(self.headers.get("location", "")).raw_host.decode()
        return UnexpectedStatus(self.status_code, self.content, self.mask(host) or None)


def read(response: httpx.Response, request: PortalRequest) -> Received:
    """Read the whole response to a request, and close it."""
    # Read directly: `iter_raw` costs more than the rest of this function.
    stream: Any = response.stream
    try:
        received = Received(response, request)
        if not received.is_read:
            for chunk in stream:
                if not received.add(chunk):
                    break
        return received.end()
    finally:
        stream.close()


async def aread(response: httpx.Response, request: PortalRequest) -> Received:
    """Async version of `read`; no single read waits beyond the deadline either."""
    import asyncio  # here, because it takes 12 ms that a synchronous program never needs

    stream: Any = response.stream
    try:
        received = Received(response, request)
        if not received.is_read:
            async with asyncio.timeout(received.timeout):
                async for chunk in stream:
                    if not received.add(chunk):
                        break
        return received.end()
    except TimeoutError:
        raise httpx.ReadTimeout(_TOO_LATE) from None
    finally:
        await stream.aclose()
