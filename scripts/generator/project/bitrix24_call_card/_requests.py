"""The requests of a client, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from ._arguments import checked_texts
from ._base_url import BaseUrl
from ._operation import Operation
from ._received import PortalRequest
from ._secrets import Secret
from ._version import __version__

Timeout = float | httpx.Timeout | None

_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Content-Type": "application/json",
}

DEFAULT_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
"""Default timeouts in seconds: connect 10, read, write and pool 30."""


@dataclass(repr=False)
class Requests:
    """Makes the requests of a client, from what was given to it."""

    base_url: BaseUrl
    headers: httpx.Headers
    cookies: dict[str, str]
    timeout: httpx.Timeout

    def __post_init__(self) -> None:
        defaults = {
            "Host": self.base_url.shown.netloc.decode(),
            **_HEADERS,
            "User-Agent": f"bitrix24-call-card/{__version__}",
        }
        if self.cookies:
            pairs = (f"{name}={value}" for name, value in self.cookies.items())
            defaults["Cookie"] = "; ".join(pairs)
        self._all_headers = merged_headers(defaults, self.headers)

    def new(self, operation: Operation[Any, Any], token: Secret[str] | None) -> PortalRequest:
        """Return a request that no other call shares."""
        content = operation.content(token)
        # Built step by step, because httpx takes longer to work out the same from `content=`.
        request = PortalRequest(
            operation.method,
            self.base_url.join(operation.path),
            headers=self._all_headers,
            stream=httpx.ByteStream(content),
            extensions={"timeout": self.timeout.as_dict()},
        )
        request.headers["Content-Length"] = str(len(content))
        request.read()
        request.secrets = (token or self.base_url.secret,)
        return request

    def for_client(
        self, client: httpx.Client | httpx.AsyncClient, request: PortalRequest
    ) -> httpx.Request:
        """Return the same request as a custom httpx client sends it, with its own settings."""
        rebuilt = client.build_request(
            request.method,
            request.url,
            headers=merged_headers(_HEADERS, self.headers),
            cookies=self.cookies,
            timeout=httpx.USE_CLIENT_DEFAULT if self.timeout is DEFAULT_TIMEOUT else self.timeout,
            content=request.content,
        )
        request.extensions = rebuilt.extensions  # its read timeout bounds the body
        return rebuilt


def merged_headers(headers: Mapping[str, str], more: Mapping[str, str] | None) -> httpx.Headers:
    """Return the headers with more of them, once these are checked; names are case-insensitive."""
    merged = httpx.Headers(headers)
    merged.update(checked_texts("headers", more))
    return merged
