"""What an integrator sets, by environment; and every time that the bridge keeps."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address, ip_network
from math import inf
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, parse_qs, urlsplit

_T = TypeVar("_T")

OAUTH_SERVERS = ("https://oauth.bitrix24.tech/rest/", "https://oauth.bitrix.info/rest/")
ANY = "*"


class SettingsError(ValueError):
    """A setting is missing or invalid; the message names it and says what is expected."""


@dataclass(frozen=True)
class Times:
    """All times, in seconds."""

    ask: float = 0.3
    """How long a card may take to answer a question."""
    fresh: float = 1
    """As long as its last word is younger, a card is not asked; 0 asks always."""
    lease: float = 12
    """A card that has not answered for so long counts as not connected."""
    every: float = 5
    """How often each card is asked as a sign of life."""
    form: float = 5
    """How long the form that opens a widget counts as a connected card."""
    hello: float = 5
    """How long a socket may take to say whose card it is."""
    refusal: float = 60
    """How long the refusal of a token is remembered."""
    oauth: float = 5
    """How long an OAuth server or a portal may take to answer."""

    def scaled(self, factor: float) -> "Times":
        """Give the same times, each multiplied by `factor`."""
        return Times(*(getattr(self, field.name) * factor for field in fields(self)))


@dataclass(frozen=True)
class Rate:
    """A leaky bucket: how many fit at once, and how many a second drain."""

    burst: int
    a_second: float


@dataclass(frozen=True)
class Settings:
    """Everything that is set; each row of the README's table is one of these."""

    url: str
    """Where portals, browsers and backends reach the bridge: an origin, such as `https://bridge.example.com`."""
    client_ids: frozenset[str]
    """The applications whose tokens count."""
    portals: frozenset[str]
    """Where they may install: domains or member ids; `*` for every portal."""
    data: Path
    """The SQLite file with portals and secrets."""
    host: str = "127.0.0.1"
    port: int = 8025
    origins: frozenset[str] = frozenset()
    """The origins of applications whose own widgets load `bridge.js`."""
    proxies: str = ""
    """The proxies whose `X-Forwarded-For` counts: addresses and networks, with commas."""
    oauth_servers: tuple[str, ...] = OAUTH_SERVERS
    """The OAuth servers' REST addresses: whom the bridge believes about a token."""
    tokens: Rate = Rate(10, 2)
    """How many unseen access tokens an address may show on `/rest` and `/install`."""
    cards: Rate = Rate(100, 20)
    """The same with cards: a whole office may have one address."""
    store: str = field(default="", repr=False)
    """The URL of a Redis that several processes share; empty for one process, without."""
    times: Times = Times()

    def may_install(self, domain: str, member_id: str) -> bool:
        """Tell whether the applications may be installed on this portal."""
        return bool(self.portals & {ANY, domain.lower(), member_id})


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read the settings. Raise `SettingsError`."""

    def read(name: str, parse: Callable[[str], _T], default: str = "") -> _T:
        text = environ.get(name, "").strip() or default
        try:
            return parse(text)
        except ValueError:
            if text:
                raise invalid(name) from None
            raise SettingsError(f"{name} is not set. Expected {EXPECTED[name]}.") from None

    return Settings(
        url=read("BRIDGE_URL", origin),
        client_ids=read("BRIDGE_CLIENT_IDS", _some_words),
        portals=read("BRIDGE_PORTALS", lambda text: _some_words(text.lower())),
        data=read("BRIDGE_DATA", Path, "bridge.sqlite3"),
        host=read("BRIDGE_HOST", str, "127.0.0.1"),
        port=read("BRIDGE_PORT", _port, "8025"),
        origins=read("BRIDGE_ORIGINS", lambda text: frozenset(map(origin, _words(text)))),
        proxies=read("BRIDGE_PROXIES", _networks),
        oauth_servers=read("BRIDGE_OAUTH_SERVERS", _rest_addresses, ",".join(OAUTH_SERVERS)),
        tokens=read("BRIDGE_TOKENS", _rate, "10:2"),
        cards=read("BRIDGE_CARDS", _rate, "100:20"),
        store=read("BRIDGE_STORE", _store),
        times=Times(
            ask=read("BRIDGE_ASK", _seconds, "0.3"),
            fresh=read("BRIDGE_FRESH", _seconds, "1"),
        ),
    )


EXPECTED = {
    "BRIDGE_URL": "the bridge's own address, https://HOST, or http:// with a loopback address",
    "BRIDGE_CLIENT_IDS": "the client ids of your applications, separated by commas",
    "BRIDGE_PORTALS": "the portals that may install, as domains or member ids, or * for all",
    "BRIDGE_DATA": "the path of a file",
    "BRIDGE_HOST": "an address to listen on",
    "BRIDGE_PORT": "a port, 0 (any free one) to 65535",
    "BRIDGE_ORIGINS": "origins such as https://app.example.com, separated by commas",
    "BRIDGE_PROXIES": "addresses or networks such as 10.0.0.0/8, separated by commas",
    "BRIDGE_OAUTH_SERVERS": "REST addresses such as https://oauth.bitrix24.tech/rest/",
    "BRIDGE_TOKENS": "BURST:RATE, such as 10:2 for 10 at once, then 2 a second",
    "BRIDGE_CARDS": "BURST:RATE, such as 100:20 for 100 at once, then 20 a second",
    "BRIDGE_STORE": "the URL of a Redis; elsewhere than here it needs rediss:// and a password",
    "BRIDGE_ASK": "seconds, such as 0.3",
    "BRIDGE_FRESH": "seconds, such as 1; 0 asks the card each time",
}
"""Every setting by name, and what it is."""


def invalid(name: str) -> SettingsError:
    """Give the error of a setting that cannot be used; its value may be a secret."""
    return SettingsError(f"{name} is invalid. Expected {EXPECTED[name]}.")


def origin(text: str) -> str:
    """Read an origin that secrets may travel to. Raise `ValueError`."""
    parts = _safe(text)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError
    return f"{parts.scheme}://{parts.netloc.lower()}"


def is_safe(url: str) -> bool:
    """Tell whether secrets may be sent to this URL: over https, or on this machine."""
    try:
        return bool(_safe(url))
    except ValueError:
        return False


def _safe(url: str) -> SplitResult:
    parts = urlsplit(url)
    _ = parts.port  # raises if there is no such port
    # No user, no space, no semicolon: it becomes a part of policies for browsers.
    if not re.fullmatch(r"[\w.:\[\]-]+", parts.netloc, re.ASCII) or not parts.hostname:
        raise ValueError
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_local(parts.hostname)):
        raise ValueError
    return parts


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.replace(",", " ").split())


def _some_words(text: str) -> frozenset[str]:
    if not (found := _words(text)):
        raise ValueError
    return found


def _rest_addresses(text: str) -> tuple[str, ...]:
    addresses = tuple(f"{address.rstrip('/')}/" for address in text.replace(",", " ").split())
    if not addresses or not all(map(is_safe, addresses)):
        raise ValueError
    return addresses


def _networks(text: str) -> str:
    return ",".join(str(ip_network(network)) for network in sorted(_words(text)))


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError
    return port


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 24 * 3600:
        raise ValueError
    return seconds


def _store(text: str) -> str:
    parts = urlsplit(text)
    _ = parts.port  # raises if there is no such port
    here = (parts.scheme == "unix" and parts.path) or _is_local(parts.hostname or "")
    if parts.scheme not in ("redis", "rediss", "unix") and text:
        raise ValueError
    if text and not here and not (parts.scheme == "rediss" and parts.password):
        raise ValueError
    if not here and parse_qs(parts.query).keys() & {"ssl_cert_reqs", "ssl_check_hostname"}:
        raise ValueError  # TLS that does not look who is at the other end
    return text


def _rate(text: str) -> Rate:
    burst, _, a_second = text.partition(":")
    rate = Rate(int(burst), float(a_second))
    if rate.burst < 1 or not 0 < rate.a_second < inf:
        raise ValueError
    return rate
