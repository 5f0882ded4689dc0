# Copied from scripts/generator/project/bitrix24_call_card/_base_url.py by `make generate`: do not edit.
"""The base URL of a client: the address of a portal."""

from __future__ import annotations

from typing import Any, Final, Literal

import httpx

from ._secrets import MASK, Secret

Kind = Literal["webhook", "OAuth"]

_EXPECTED: Final = {
    "webhook": "a webhook's URL, https://PORTAL/rest/USER_ID/WEBHOOK/",
    "OAuth": "a portal's REST address, https://PORTAL/rest",
}
_QUOTES: Final = tuple("\"'`<>«»‘’“”„")  # noqa: RUF001


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
    problem = _problem_of_text(base_url)
    if problem is None:
        try:
            url = httpx.URL(base_url)
        except httpx.InvalidURL:
            problem = "it is not an absolute http or https URL"
        else:
            problem = _problem_of_url(url) or _problem_of_path(url, kind)
            if problem is None:
                return BaseUrl(url)
    # Outside of `except`: httpx's exception would quote the URL in its `__context__`.
    raise ValueError(f"base_url: {problem}. Expected {_EXPECTED[kind]}")


def _problem_of_text(text: Any) -> str | None:
    if not isinstance(text, str):
        return f"it is of type {type(text).__name__}, not str"
    if not text:
        return "it is empty"
    if text.startswith(_QUOTES) or text.endswith(_QUOTES):
        return "it has quotes around it: remove them"
    for position, character in enumerate(text, start=1):
        # The latter also for bytes that are not UTF-8, as os.environ has them: surrogates.
        if character.isspace() or not character.isprintable():
            return f"character {position} is whitespace or invisible: remove it"
    if "?" in text or "#" in text:
        return "it has a query or a fragment (? or #): cut it off"
    return None


def _problem_of_url(url: httpx.URL) -> str | None:
    if url.scheme not in ("http", "https") or not url.raw_host:
        return "it is not an absolute http or https URL"
    if url.userinfo:
        return "it has a user or a password in it: remove them"
    try:
        url.raw_host.decode().encode("idna")  # as the resolver will
    except UnicodeError:
        return "its host is not a valid name"
    if url.port is not None and not 1 <= url.port <= 65535:
        return "its port is not between 1 and 65535"
    return None


def _problem_of_path(url: httpx.URL, kind: Kind) -> str | None:
    _, rest, after = f"{url.path}/".rpartition("/rest/")
    if not rest:
        return "there is no /rest in its path"
    segments = [segment for segment in after.split("/") if segment]
    is_webhook = len(segments) > 1 and segments[0].isdigit()
    if kind == "OAuth" and is_webhook:
        return "this is a webhook's URL, which Client takes"
    if kind == "webhook" and not is_webhook:
        if not segments:
            return "this is an OAuth address, which AuthenticatedClient takes with a token"
        if segments[0].isdigit():
            return "there is no webhook after the user id"
        return "there is no user id after /rest"
    if method := segments[2:] if is_webhook else segments:
        return f"it goes on to a method: cut {method[-1] if '.' in method[-1] else 'that'} off"
    return None
