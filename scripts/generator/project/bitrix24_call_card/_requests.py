"""The requests of a client, and what they have in common."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from ._arguments import checked_texts
from ._base_url import hidden_path
from ._operation import Operation
from ._secrets import Secret, masked
from ._version import __version__

Timeout = float | httpx.Timeout | None

HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Content-Type": "application/json",
}
"""What every request says, also one of a custom httpx client."""

_USER_AGENT: Final = {"User-Agent": f"bitrix24-call-card/{__version__}"}

DEFAULT_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
"""Default timeouts in seconds: connect 10, read, write and pool 30."""


class PortalRequest(httpx.Request):
    """A request as it is sent; its repr shows the host alone.

    Attributes:
        given: What was given to the client.
        secret: The webhook or the token in it, which a response may echo.
        attempt: 1, or 2 after a refresh.
        began: When the call began, by `time.perf_counter`.
    """

    given: Requests
    secret: Secret[str]
    attempt: int
    began: float

    def __repr__(self) -> str:
        return f"<PortalRequest({self.method!r}, '{hidden_path(self.url)}')>"

    def mask(self, text: str) -> str:
        """Return the text without the secret of this request."""
        return masked(text, [self.secret])


@dataclass(repr=False)
class Requests:
    """Makes the requests of a client, from what was given to it."""

    base_url: httpx.URL
    headers: httpx.Headers
    cookies: dict[str, str]
    timeout: httpx.Timeout
    urls: dict[str, httpx.URL] = field(default_factory=dict[str, httpx.URL])
    """The URLs of methods by their path: to make one takes longer than the rest of a request."""

    def __post_init__(self) -> None:
        headers = merged_headers({**HEADERS, **_USER_AGENT}, self.headers)
        like = httpx.Request("GET", self.base_url, headers=headers, cookies=self.cookies)
        self._all_headers = like.headers
        # The secret part of a webhook; as long as it exists, logs mask it.
        self._webhook = Secret(self.base_url.raw_path.decode().rstrip("/").rpartition("/")[2])

    def new(
        self, operation: Operation[Any, Any], token: Secret[str] | None, attempt: int = 1
    ) -> PortalRequest:
        """Return a request that no other call shares."""
        content, path = operation.content(token), operation.path
        if path not in self.urls:
            raw_path = self.base_url.raw_path.rstrip(b"/") + path.encode()
            self.urls[path] = self.base_url.copy_with(raw_path=raw_path)
        # Built step by step, because httpx takes longer to work out the same from `content=`.
        request = PortalRequest(
            operation.method,
            self.urls[path],
            headers=self._all_headers,
            stream=httpx.ByteStream(content),
            extensions={"timeout": self.timeout.as_dict()},
        )
        request.headers["Content-Length"] = str(len(content))
        request.read()
        request.given, request.secret = self, token or self._webhook
        request.attempt, request.began = attempt, time.perf_counter()
        return request


def merged_headers(headers: Mapping[str, str], more: Mapping[str, str] | None) -> httpx.Headers:
    """Return the headers with more of them, once these are checked; names are case-insensitive."""
    merged = httpx.Headers(headers)
    merged.update(checked_texts("headers", more))
    return merged
