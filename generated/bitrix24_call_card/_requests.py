# Copied from scripts/generator/project/bitrix24_call_card/_requests.py by `make generate`: do not edit.
"""The requests of a client, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx

from ._arguments import checked_texts, checked_timeout
from ._base_url import BaseUrl
from ._operation import Operation
from ._received import PortalRequest
from ._secrets import Secret
from ._version import __version__

Timeout = float | httpx.Timeout | None

DEFAULT_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
"""Default timeouts in seconds: connect 10, read, write and pool 30."""


class Requests:
    """Makes the requests of a client. The arguments are those of `Client`."""

    def __init__(
        self,
        base_url: BaseUrl,
        headers: Mapping[str, str] | None,
        cookies: Mapping[str, str] | None,
        timeout: Timeout,
    ) -> None:
        self.base_url = base_url
        self._headers = httpx.Headers(checked_texts("headers", headers))
        self._cookies = checked_texts("cookies", cookies)
        self._timeout = checked_timeout(timeout)
        defaults = {
            "Host": base_url.origin.netloc.decode(),
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Content-Type": "application/json",
            "User-Agent": f"bitrix24-call-card/{__version__}",
        }
        if self._cookies:
            pairs = (f"{name}={value}" for name, value in self._cookies.items())
            defaults["Cookie"] = "; ".join(pairs)
        self._all_headers = _merged(defaults, self._headers)

    def with_headers(self, headers: Mapping[str, str]) -> Requests:
        """Return the same with additional headers; names are case-insensitive."""
        merged = _merged(self._headers, checked_texts("headers", headers))
        return Requests(self.base_url, merged, self._cookies, self._timeout)

    def with_cookies(self, cookies: Mapping[str, str]) -> Requests:
        """Return the same with additional cookies."""
        merged = {**self._cookies, **checked_texts("cookies", cookies)}
        return Requests(self.base_url, self._headers, merged, self._timeout)

    def with_timeout(self, timeout: Timeout) -> Requests:
        """Return the same with another timeout."""
        return Requests(self.base_url, self._headers, self._cookies, timeout)

    def new(self, operation: Operation[Any, Any], token: Secret[str] | None) -> PortalRequest:
        """Return a request that no other call shares."""
        content = operation.content(token)
        # Built step by step, because httpx takes longer to work out the same from `content=`.
        request = PortalRequest(
            operation.method,
            self.base_url.join(operation.path),
            headers=self._all_headers,
            stream=httpx.ByteStream(content),
            extensions={"timeout": self._timeout.as_dict()},
        )
        request.headers["Content-Length"] = str(len(content))
        request.read()
        request.secrets = (token or self.base_url.secret,)
        return request

    def for_client(
        self, client: httpx.Client | httpx.AsyncClient, request: PortalRequest
    ) -> httpx.Request:
        """Return the same request as a custom httpx client sends it, with its own settings."""
        names = ("Accept", "Accept-Encoding", "Content-Type")
        rebuilt = client.build_request(
            request.method,
            request.url,
            headers=_merged({name: request.headers[name] for name in names}, self._headers),
            cookies=self._cookies,
            timeout=httpx.USE_CLIENT_DEFAULT if self._timeout is DEFAULT_TIMEOUT else self._timeout,
            content=request.content,
        )
        request.extensions = rebuilt.extensions  # its read timeout bounds the body
        return rebuilt


def _merged(headers: Mapping[str, str], more: Mapping[str, str]) -> httpx.Headers:
    merged = httpx.Headers(headers)
    merged.update(more)
    return merged
