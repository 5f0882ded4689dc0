# Copied from scripts/generator/project/bitrix24_call_card/_base_url.py by `make generate`: do not edit.
"""The base URL of a client: the address of a portal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Literal

import httpx

from ._arguments import checked
from ._secrets import MASK, Secret

Kind = Literal["webhook", "OAuth"]

_EXPECTED: Final = {
    "webhook": "a webhook's URL, https://PORTAL/rest/USER_ID/WEBHOOK/",
    "OAuth": "a portal's REST address, https://PORTAL/rest",
}
_QUOTES: Final = "[\"'`<>«»‘’“”„]"  # noqa: RUF001
_METHOD: Final = "it goes on to a method: cut that off"

# What each pattern finds in a URL that cannot work; the first one counts.
_PROBLEMS: Final = (
    (r"^$", "it is empty"),
    (rf"^{_QUOTES}|{_QUOTES}$", "it has quotes around it: remove them"),
    # Surrogates are what os.environ has for bytes that are not UTF-8.
    (
        r"[\s\0-\x1f\u200b-\u200f\u2060\ufeff\ud800-\udfff]",
        "it has whitespace or an invisible character",
    ),
    (r"[?#]", "it has a query or a fragment (? or #): cut it off"),
    (r"(?i)^(?!https?://[^/])", "it is not an absolute http or https URL"),
    (r"://[^/]*@", "it has a user or a password in it: remove them"),
    (r"^(?!.*/rest(/|$))", "there is no /rest in its path"),
)
_PROBLEMS_AFTER_REST: Final = {
    "webhook": (
        (r"^/*$", "this is an OAuth address, which AuthenticatedClient takes with a token"),
        (r"^[0-9]+/*$", "there is no webhook after the user id"),
        (r"^(?![0-9]+/)", "there is no user id after /rest"),
        (r"^[0-9]+/+[^/]+/+[^/]", _METHOD),
    ),
    "OAuth": (
        (r"^[0-9]+/+[^/]", "this is a webhook's URL, which Client takes"),
        (r"[^/]", _METHOD),
    ),
}


class BaseUrl:
    """A base URL, whose repr shows the host alone: the path of a webhook is a secret.

    Attributes:
        shown: The URL as it may be shown.
        secret: The secret part of a webhook; as long as it exists, logs mask it.
    """

    def __init__(self, url: httpx.URL) -> None:
        self._url = url
        self.shown = hidden_path(url)
        self.secret = Secret(url.raw_path.decode().rstrip("/").rpartition("/")[2])
        self._joined: dict[str, httpx.URL] = {}

    def __repr__(self) -> str:
        return str(self.shown)

    def join(self, path: str) -> httpx.URL:
        """Return the URL of a method, such as `/placement.call`."""
        # Cached: to make it takes longer than the rest of a request.
        if path not in self._joined:
            raw_path = self._url.raw_path.rstrip(b"/") + path.encode()
            self._joined[path] = self._url.copy_with(raw_path=raw_path)
        return self._joined[path]


def hidden_path(url: httpx.URL) -> httpx.URL:
    """Return the URL with scheme, host and port alone, as it may be shown."""
    return url.copy_with(raw_path=f"/{MASK}".encode())


def parse_base_url(base_url: str, kind: Kind) -> BaseUrl:
    """Parse a base URL.

    Raises:
        ValueError: If it cannot work. The message says why, and shows neither path nor password.
    """
    checked("base_url", base_url, str)
    after = f"{base_url}/".rpartition("/rest/")[2]
    problem = _first(_PROBLEMS, base_url) or _first(_PROBLEMS_AFTER_REST[kind], after)
    if problem is None:
        problem = "its host or its port is not valid"
        with suppress(httpx.InvalidURL, UnicodeError):
            url = httpx.URL(base_url)
            url.raw_host.decode().encode("idna")  # as the resolver will
            if url.port is None or 1 <= url.port <= 65535:
                return BaseUrl(url)
    # Outside of `except`: httpx's exception would quote the URL in its `__context__`.
    raise ValueError(f"base_url: {problem}. Expected {_EXPECTED[kind]}")


def _first(problems: Sequence[tuple[str, str]], text: str) -> str | None:
    return next((problem for found, problem in problems if re.search(found, text)), None)
