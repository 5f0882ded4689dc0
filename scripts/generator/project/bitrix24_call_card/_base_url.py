"""The base URL of a client: the address of a portal."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final, Literal

import httpx

from ._arguments import checked
from ._secrets import MASK

Kind = Literal["webhook", "OAuth"]

_EXPECTED: Final = {
    "webhook": "a webhook's URL, https://PORTAL/rest/USER_ID/WEBHOOK/",
    "OAuth": "a portal's REST address, https://PORTAL/rest",
}
_QUOTES: Final = "[\"'`<>«»‘’“”„]"  # noqa: RUF001

# What each pattern finds in a URL that cannot work; the first one counts.
_PROBLEMS: Final = (
    (rf"^{_QUOTES}|{_QUOTES}$", "it has quotes around it: remove them"),
    # Surrogates are what os.environ has for bytes that are not UTF-8.
    (r"[\s\0-\x1f\u200b-\u200f\u2060\ufeff\ud800-\udfff]", "it has an invisible character"),
    (r"[?#]", "it has a query or a fragment (? or #): cut it off"),
    (r"(?i)^(?!https?://[^/])", "it is not an absolute http or https URL"),
    (r"://[^/]*@", "it has a user or a password in it: remove them"),
    (r"^(?!.*/rest(/|$))", "there is no /rest in its path"),
)
_PROBLEMS_AFTER_REST: Final = {
    "webhook": (
        (r"^/*$", "this is an OAuth address, which AuthenticatedClient takes with a token"),
        (r"^(?![0-9]+/+[^/]+/*$)", "what follows /rest/ is not USER_ID/WEBHOOK alone"),
    ),
    "OAuth": (
        (r"^[0-9]+/+[^/]", "this is a webhook's URL, which Client takes"),
        (r"[^/]", "something follows /rest, such as a method: cut it off"),
    ),
}


def hidden_path(url: httpx.URL) -> httpx.URL:
    """Return the URL with scheme, host and port alone, as it may be shown."""
    return url.copy_with(raw_path=f"/{MASK}".encode())


def parse_base_url(base_url: str, kind: Kind) -> httpx.URL:
    """Parse a base URL.

    Raises:
        ValueError: If it cannot work. The message says why, and shows neither path nor password.
    """
    checked("base_url", base_url, str)
    after = f"{base_url}/".rpartition("/rest/")[2]
    problems = [text for found, text in _PROBLEMS if re.search(found, base_url)]
    problems += [text for found, text in _PROBLEMS_AFTER_REST[kind] if re.search(found, after)]
    if not problems:
        problems = ["its host or its port is not valid"]
        with suppress(httpx.InvalidURL, UnicodeError):
            url = httpx.URL(base_url)
            url.raw_host.decode().encode("idna")  # as the resolver will
            if url.port is None or 1 <= url.port <= 65535:
                return url
    # Outside of `except`: httpx's exception would quote the URL in its `__context__`.
    raise ValueError(f"base_url: {problems[0]}. Expected {_EXPECTED[kind]}")
