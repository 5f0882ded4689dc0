"""What an integrator sets, by environment; and every time that the bridge keeps."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import SplitResult, parse_qs, urlsplit

ANY = "*"
LONGEST_ASK = 3
"""Seconds. nginx, as the README sets it up, waits 5 s for an answer."""

_N = TypeVar("_N", bound=float)


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
    """A card that has been silent for longer counts as not connected."""
    every: float = 5
    """How often each card is asked as a sign of life."""
    hello: float = 5
    """How long a socket may take to say whose card it is."""
    refusal: float = 60
    """How long the refusal of a token is remembered."""
    oauth: float = 5
    """How long an OAuth server or a portal may take to answer."""


@dataclass(frozen=True)
class Rate:
    """A leaky bucket: how many fit at once, and how many a second drain."""

    burst: int
    a_second: float

    def __str__(self) -> str:
        return f"{self.burst}:{self.a_second:g}"


@dataclass(frozen=True)
class Settings:
    """Everything that can be set; `VARIABLES` says what each is."""

    url: str
    client_ids: frozenset[str]
    portals: frozenset[str]
    data: Path = Path("bridge.sqlite3")
    host: str = "127.0.0.1"
    port: int = 8025
    origins: frozenset[str] = frozenset()
    proxies: str = ""
    oauth_servers: tuple[str, ...] = (
        "https://oauth.bitrix24.tech/rest/",
        "https://oauth.bitrix.info/rest/",
    )
    tokens: Rate = Rate(10, 2)
    cards: Rate = Rate(100, 20)
    store: str = field(default="", repr=False)
    metrics: str = ""
    times: Times = Times()

    def may_install(self, domain: str, member_id: str) -> bool:
        """Return whether the applications may be installed on this portal."""
        return bool(self.portals & {ANY, domain_of(domain), member_id})


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read the settings. Raise `SettingsError`."""
    for name in sorted(environ):
        if name.startswith("BRIDGE_") and name not in VARIABLES:
            raise SettingsError(f"{name} is not a setting: see bitrix24-bridge --help.")
    values: dict[str, Any] = {}
    for name, variable in VARIABLES.items():
        text = environ.get(name, "").strip()
        if text:
            try:
                values[_member(name)] = variable.read(text)
            except ValueError:
                raise invalid(name) from None
        elif default_of(name) is None:
            raise SettingsError(f"{name} is not set. Expected {variable.expected}.")
    times = {each.name: values.pop(each.name) for each in fields(Times) if each.name in values}
    return Settings(**values, times=Times(**times))


def invalid(name: str) -> SettingsError:
    """Return the error for a setting that cannot be used; its value may be a secret."""
    return SettingsError(f"{name} is invalid. Expected {VARIABLES[name].expected}.")


def origin(text: str) -> str:
    """Read an origin that secrets may travel to. Raise `ValueError`."""
    parts = _safe(text)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError
    return _origin(parts)


def rest_address(text: str) -> str:
    """Read the REST address of an OAuth server. Raise `ValueError`."""
    parts = _safe(text)
    path = f"{parts.path.rstrip('/')}/"
    if not path.endswith("/rest/") or parts.query or parts.fragment:
        raise ValueError
    return f"{_origin(parts)}{path}"


def domain_of(text: str) -> str:
    """Return a portal's domain as it is compared: in lower case, without the default port."""
    return text.lower().removesuffix(":443")


def is_safe(url: str) -> bool:
    """Return whether secrets may be sent to this URL: over https, or on this machine."""
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


def _origin(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    is_default = parts.port in (None, {"https": 443, "http": 80}[parts.scheme])
    return f"{parts.scheme}://{host}" + ("" if is_default else f":{parts.port}")


def _words(text: str, form: str = ".*") -> list[str]:
    found = text.replace(",", " ").split()
    if not found or not all(re.fullmatch(form, word) for word in found):
        raise ValueError
    return found


def _networks(text: str) -> str:
    networks = [ip_network(word) for word in sorted(_words(text))]
    if not all(network.prefixlen for network in networks):
        raise ValueError  # everybody could claim any address
    return ",".join(map(str, networks))


def _within(least: float, number: _N, most: float) -> _N:
    if not least <= number <= most:  # NaN is not, either
        raise ValueError
    return number


def _store(text: str) -> str:
    parts = urlsplit(text)
    _ = parts.port  # raises if there is no such port
    here = (parts.scheme == "unix" and parts.path) or _is_local(parts.hostname or "")
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError
    if not here and not (parts.scheme == "rediss" and parts.password):
        raise ValueError
    if not here and parse_qs(parts.query).keys() & {"ssl_cert_reqs", "ssl_check_hostname"}:
        raise ValueError  # TLS that does not check who is at the other end
    return text


def _metrics(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not _within(1, int(port), 65535):
        raise ValueError
    return text


def _rate(text: str) -> Rate:
    burst, _, a_second = text.partition(":")
    return Rate(_within(1, int(burst), 1e9), _within(0.01, float(a_second), 1e9))


def default_of(name: str) -> str | None:
    """Return the default of a variable as it would be set; None if it is required."""
    member = _member(name)
    value: Any = getattr(Settings, member, getattr(Times, member, None))
    if isinstance(value, tuple | frozenset):
        return ", ".join(cast("tuple[str, ...]", value))
    return None if value is None else str(value)


def _member(name: str) -> str:
    """Return which member of `Settings` or `Times` a variable sets; its default stands there."""
    return name.removeprefix("BRIDGE_").lower()


@dataclass(frozen=True)
class Variable:
    """A variable of the environment."""

    read: Callable[[str], Any]
    """Raises `ValueError`."""
    expected: str


VARIABLES = {
    "BRIDGE_URL": Variable(
        origin, "the bridge's own address: https://HOST, or http:// with a loopback address"
    ),
    "BRIDGE_CLIENT_IDS": Variable(
        lambda text: frozenset(_words(text, r"[\w.-]+")),
        "the client ids of your applications, separated by commas",
    ),
    "BRIDGE_PORTALS": Variable(
        lambda text: frozenset(map(domain_of, _words(text, r"\*|[\w.-]+(:\d+)?"))),
        "the portals that may install: domains or member ids, or * for all",
    ),
    "BRIDGE_DATA": Variable(Path, "the path of the SQLite file with portals and hashes of secrets"),
    "BRIDGE_HOST": Variable(str, "the address to listen on"),
    "BRIDGE_PORT": Variable(
        lambda text: _within(0, int(text), 65535),
        "the port to listen on, 0 (any free one) to 65535",
    ),
    "BRIDGE_PROXIES": Variable(
        _networks,
        "the proxies whose X-Forwarded-For counts: addresses or networks such as 10.0.0.0/8",
    ),
    "BRIDGE_ORIGINS": Variable(
        lambda text: frozenset(map(origin, _words(text))),
        "the origins of your own widgets that load bridge.js, such as https://app.example.com",
    ),
    "BRIDGE_OAUTH_SERVERS": Variable(
        lambda text: tuple(map(rest_address, _words(text))),
        "the OAuth servers' REST addresses (a boxed portal has its own), ending in /rest/",
    ),
    "BRIDGE_TOKENS": Variable(
        _rate,
        "BURST:RATE, the unseen access tokens on /rest and /install that an address may use: "
        "at once, then a second",
    ),
    "BRIDGE_CARDS": Variable(
        _rate, "BURST:RATE, the same for cards; a whole office may have one address"
    ),
    "BRIDGE_STORE": Variable(
        _store,
        "the URL of a Redis, for several processes; on another machine it needs rediss:// and a "
        "password",
    ),
    "BRIDGE_METRICS": Variable(_metrics, "HOST:PORT for Prometheus, which reads /metrics there"),
    "BRIDGE_ASK": Variable(
        lambda text: _within(0.01, float(text), LONGEST_ASK),
        f"the seconds a card has to answer, 0.01 to {LONGEST_ASK}",
    ),
    "BRIDGE_FRESH": Variable(
        lambda text: _within(0, float(text), Times.lease),
        f"the seconds, at most {Times.lease}, for which a card is not asked again; 0 always asks",
    ),
}
"""Every variable: the only list of them."""
