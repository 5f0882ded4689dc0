"""The address of a portal, as a client is given it."""

from __future__ import annotations

import unicodedata
from typing import Any, Final, Literal

import httpx

from ._secrets import MASK, Secret

Kind = Literal["webhook", "OAuth"]

_EXPECTED: Final = {
    "webhook": "a webhook's URL, https://PORTAL/rest/USER_ID/WEBHOOK/",
    "OAuth": "a portal's REST address, https://PORTAL/rest",
}
_QUOTES: Final = ("", *"\"'`<>«»‘’“”„")  # noqa: RUF001


class BaseUrl:
    """A base URL, whose repr shows the host alone: the path of a webhook is a secret."""

    __slots__ = ("_joined", "_secret", "_url")

    def __init__(self, url: httpx.URL) -> None:
        self._url = url
        # Of a webhook, what nobody else may know; kept, so that logs mask it.
        self._secret = Secret(url.raw_path.decode().rstrip("/").rpartition("/")[2])
        self._joined: dict[str, httpx.URL] = {}

    def __repr__(self) -> str:
        return str(hidden_path(self._url))

    @property
    def origin(self) -> httpx.URL:
        """Scheme, host and port, and no path."""
        return self._url.copy_with(raw_path=b"/")

    def join(self, path: str) -> httpx.URL:
        """Return the URL of a method, such as `/placement.call`."""
        # Kept, because it takes longer to make than the rest of a request.
        if path not in self._joined:
            raw_path = self._url.raw_path.rstrip(b"/") + path.encode()
            self._joined[path] = self._url.copy_with(raw_path=raw_path)
        return self._joined[path]


def hidden_path(url: httpx.URL) -> httpx.URL:
    """Return the URL with scheme, host and port alone, as it may be shown."""
    return url.copy_with(raw_path=f"/{MASK}".encode())


def parse_base_url(base_url: Secret[str], kind: Kind) -> BaseUrl:
    """Read a base URL.

    Raises:
        ValueError: If it cannot work. The message says why, and shows neither path nor password.
    """
    url = _parse(base_url)
    problem = _problem_of_text(base_url) or _problem_of_url(url) or _problem_of_path(url, kind)
    if url is None or problem is not None:
        url = None  # or a traceback may show it
        raise ValueError(f"base_url: {problem}. Expected {_EXPECTED[kind]}")
    return BaseUrl(url)


# None of these raises: a traceback would show the text in its frame.


def _parse(base_url: Secret[str]) -> httpx.URL | None:
    try:
        return httpx.URL(base_url.reveal())
    except (httpx.InvalidURL, TypeError):
        return None


def _problem_of_text(base_url: Secret[str]) -> str | None:
    text: Any = base_url.reveal()
    if not isinstance(text, str):
        return f"it is of type {type(text).__name__}, not str"
    if text[:1] in _QUOTES or text[-1:] in _QUOTES:
        return "it has quotes around it: remove them" if text else "it is empty"
    for position, character in enumerate(text):
        if character.isspace() or unicodedata.category(character) in ("Cc", "Cf"):
            return f"character {position + 1} is a blank, or invisible: remove it"
    if {"?", "#"} & set(text):
        return "it has a query or a fragment (? or #): cut it off"
    return None


def _problem_of_url(url: httpx.URL | None) -> str | None:
    if url is None or url.scheme not in ("http", "https") or not url.raw_host:
        return "it is not an absolute http or https URL"
    if url.userinfo:
        return "it has a user or a password in it: remove them"
    try:
        url.raw_host.decode().encode("idna")  # as the resolver will
    except UnicodeError:
        return "its host is not a valid name"
    port = 1 if url.port is None else url.port
    return None if port in range(1, 65536) else "its port is not between 1 and 65535"


def _problem_of_path(url: httpx.URL | None, kind: Kind) -> str | None:
    segments = [] if url is None else [part for part in url.path.split("/") if part]
    if "rest" not in segments:
        return "there is no /rest in its path"
    behind = segments[len(segments) - segments[::-1].index("rest") :]
    is_webhook = len(behind) > 1 and behind[0].isdigit()
    if kind == "OAuth" and is_webhook:
        return "this is a webhook's URL, which Client takes"
    method = behind[2:] if is_webhook else behind
    if method and (kind == "OAuth" or is_webhook):
        return f"it goes on to a method: cut {method[-1] if '.' in method[-1] else 'that'} off"
    if kind == "OAuth" or is_webhook:
        return None
    if not behind:
        return "this is an OAuth address, which AuthenticatedClient takes with a token"
    if behind[0].isdigit():
        return "there is no webhook behind the user id"
    return "there is no user id behind /rest"
