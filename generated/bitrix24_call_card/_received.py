# Copied from scripts/generator/project/bitrix24_call_card/_received.py by `make generate`: do not edit.
"""Reads a response's body within limits that httpx does not have."""

from __future__ import annotations

import json
import math
import time
import zlib
from contextlib import suppress
from functools import cached_property
from typing import Any, Final, NoReturn

import httpx

from ._base_url import hidden_path
from ._loops import time_limit
from ._reading import as_int, has_error, if_readable, members_of
from ._secrets import Secret, masked
from .errors import InvalidResponse, UnexpectedStatus
from .types import Unset

MAX_BODY: Final = 8 * 2**20
"""Bytes of a decoded response body beyond which the response is invalid; a call takes about 1 kB."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_TOO_LATE: Final = "The body was not complete within the read timeout"


class PortalRequest(httpx.Request):
    """A request as it is sent; its repr shows the host alone."""

    secrets: tuple[Secret[str], ...] = ()
    """The webhook or the token in it, which a response may echo."""

    def __repr__(self) -> str:
        return f"<PortalRequest({self.method!r}, '{hidden_path(self.url)}')>"

    def mask(self, text: str) -> str:
        """Return the text without the secrets of this request."""
        return masked(text, self.secrets)


class Received:
    """A response, whose body is added as it arrives.

    Its repr shows the status alone, because the rest may echo a secret.
    """

    def __init__(self, response: httpx.Response, request: PortalRequest) -> None:
        self.status_code = response.status_code
        self.headers = response.headers
        self.mask = request.mask
        self.timeout: float | None = request.extensions.get("timeout", {}).get("read")
        self._deadline = time.monotonic() + self.timeout if self.timeout is not None else math.inf
        self._content = bytearray()
        self._problem: str | None = None
        self._decoder: Any = None
        self.is_read = response.is_stream_consumed or response.is_closed  # by a transport or a hook
        encoding = response.headers.get("content-encoding", "identity").lower()
        if self.is_read:
            self._keep(response.content)  # httpx has decoded it
        elif encoding == "gzip":
            self._decoder = zlib.decompressobj(_GZIP)
        elif encoding != "identity":
            self._problem = "expected gzip or no content encoding"

    def __repr__(self) -> str:
        return f"<Received [{self.status_code}]>"

    # --- the body ---

    def add(self, chunk: bytes) -> bool:
        """Add a part of the body; return whether to keep reading."""
        self.check_deadline()
        if self._decoder is not None:
            if self._decoder.eof:  # it would keep what follows
                return True
            try:
                chunk = self._decoder.decompress(chunk, MAX_BODY + 1 - len(self._content))
            except zlib.error:
                self._problem = "expected gzip"
        self._keep(chunk)
        return self._problem is None

    def _keep(self, part: bytes) -> None:
        self._content += part
        if len(self._content) > MAX_BODY:
            self._problem = f"expected at most {MAX_BODY >> 20} MB"

    def check_deadline(self) -> None:
        """Raise httpx.ReadTimeout if the body is late.

        A read that has begun waits as long as the read timeout itself, except in asyncio.
        """
        if time.monotonic() > self._deadline:
            raise httpx.ReadTimeout(_TOO_LATE)

    @property
    def content(self) -> bytes | None:
        """The body, or None if there is a problem with it."""
        return bytes(self._content) if self._problem is None else None

    # --- what is in it ---

    @cached_property
    def json_object(self) -> dict[str, Any]:
        """The JSON object that is the body.

        Raises:
            InvalidResponse: If it is none, or there is a problem with the body.
        """
        if self._problem is not None:
            raise InvalidResponse(f"the body: {self._problem}")
        try:
            value = _decode(self._content.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            # Not chained: the decoder's own error carries the whole body.
            raise InvalidResponse("expected JSON") from None
        return members_of(value, "the body")

    def _members(self) -> dict[str, Any]:
        try:
            return self.json_object
        except InvalidResponse:
            return {}

    def reports_error(self) -> bool:
        """Return whether the body reports an error; a portal does so with any status."""
        return has_error(self._members())

    def is_expired_token(self) -> bool:
        """Return whether the portal refused an access token because it has expired."""
        return self.status_code == 401 and self._members().get("error") == "expired_token"

    def operating_reset_at(self) -> int | Unset:
        """Return the Unix time in seconds when operating time is next restored, if it is in the body."""
        times: dict[str, Any] | str | None = self._members().get("time")
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
            received.check_deadline()
        return received
    except httpx.RequestError as error:
        error.request = request  # known only above the transport
        raise
    finally:
        stream.close()


async def aread(response: httpx.Response, request: PortalRequest) -> Received:
    """Async version of `read`; in asyncio no single read waits beyond the deadline either."""
    stream: Any = response.stream
    try:
        received = Received(response, request)
        if not received.is_read:
            async with time_limit(received.timeout):
                async for chunk in stream:
                    if not received.add(chunk):
                        break
            received.check_deadline()
        return received
    except TimeoutError:
        raise httpx.ReadTimeout(_TOO_LATE, request=request) from None
    except httpx.RequestError as error:
        error.request = request
        raise
    finally:
        await stream.aclose()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
