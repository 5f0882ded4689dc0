"""The address of a portal, as a client is given it."""

from __future__ import annotations

import httpx

from ._secrets import MASK, Secret


class BaseUrl:
    """A base URL, whose repr shows the host alone: the path of a webhook is a secret."""

    __slots__ = ("_joined", "_url")

    def __init__(self, url: httpx.URL) -> None:
        self._url = url
        self._joined: dict[str, httpx.URL] = {}

    def __repr__(self) -> str:
        return str(self._url.copy_with(raw_path=f"/{MASK}".encode()))

    @property
    def origin(self) -> httpx.URL:
        """Scheme, host and port, and no path."""
        return self._url.copy_with(raw_path=b"/")

    @property
    def last_segment(self) -> Secret[str]:
        """The last segment of the path: of a webhook, what nobody else may know."""
        return Secret(self._url.raw_path.decode().rstrip("/").rpartition("/")[2])

    def join(self, path: str) -> httpx.URL:
        """Return the URL of a method, such as `/placement.call`."""
        # Kept, because it takes longer to make than the rest of a request.
        if path not in self._joined:
            raw_path = self._url.raw_path.rstrip(b"/") + path.encode()
            self._joined[path] = self._url.copy_with(raw_path=raw_path)
        return self._joined[path]


def parse_base_url(base_url: Secret[str]) -> BaseUrl:
    """Read a base URL.

    Raises:
        ValueError: If it is not an absolute http or https URL. The message does not show it.
    """
    if (url := _parse(base_url)) is None:
        raise ValueError(
            "base_url: expected a URL such as https://PORTAL/rest/USER_ID/WEBHOOK/ (webhook) or "
            "https://PORTAL/rest (OAuth)"
        )
    return BaseUrl(url)


def _parse(base_url: Secret[str]) -> httpx.URL | None:
    text = base_url.reveal()
    try:
        url = httpx.URL(text)
        url.host.encode("idna")  # as the resolver will
    except (httpx.InvalidURL, UnicodeError, TypeError):
        return None
    is_complete = url.scheme in ("http", "https") and url.host and not url.userinfo
    is_usable = (url.port or 1) in range(1, 65536) and not {"?", "#"} & set(text)
    return url if is_complete and is_usable else None
