# Copied from scripts/generator/project/bitrix24_call_card/_settings.py by `make generate`: do not edit.
"""The settings of a client, and the requests and transports that follow from them."""

import errno
import os
import ssl
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, Final, TypedDict, TypeVar, Unpack
from urllib.request import getproxies, proxy_bypass

import httpx

from ._base_url import BaseUrl, Kind, parse_base_url
from ._secrets import Secret
from ._transports import Connections, Request
from ._version import __version__

T = TypeVar("T")

DEFAULT_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
"""Default timeouts in seconds: connect 10, read, write and pool 30."""

_TRANSPORT_ARGUMENTS: Final = frozenset(
    {
        *("cert", "http1", "http2", "limits", "local_address", "proxy"),
        *("retries", "socket_options", "trust_env", "uds"),
    }
)

_REMOVED: Final = {
    "verify": "use verify_ssl",
    "follow_redirects": "redirects are never followed; errors.UnexpectedStatus names the new host",
    "auth_in": "the token is always sent in the body, because query strings end up in logs",
    "raise_on_unexpected_status": "a status outside the contract always raises UnexpectedStatus",
}


# Annotations are not postponed in this module: as texts, these would take longer to import.
class Arguments(TypedDict, total=False):
    """The arguments that each client has; `Client` documents them."""

    cookies: Mapping[str, str] | None
    headers: Mapping[str, str] | None
    timeout: float | httpx.Timeout | None
    verify_ssl: str | bool | ssl.SSLContext
    proxy: str | httpx.Proxy | None
    transport: Callable[[], httpx.BaseTransport] | None
    async_transport: Callable[[], httpx.AsyncBaseTransport] | None
    httpx_args: Mapping[str, Any] | None


def settings_of(base_url: Secret[str], kind: Kind, arguments: Arguments) -> "Settings":
    """Check what a client is made with.

    Raises:
        ValueError: If the base URL cannot work.
        TypeError: If an argument is unknown, or of a wrong type.
    """
    _refuse_unknown(arguments)
    return Settings(parse_base_url(base_url, kind), arguments)


class Settings:
    """What a client was made with, never changed."""

    # Not a dataclass: importing that module takes longer than importing this package.
    def __init__(self, base_url: BaseUrl, arguments: Arguments) -> None:
        self._arguments = arguments
        self.base_url = base_url
        self.cookies = dict(arguments.get("cookies") or {})
        self.headers = dict(arguments.get("headers") or {})
        self.timeout = _checked_timeout(arguments.get("timeout", DEFAULT_TIMEOUT))
        self.verify_ssl = _checked_authorities(arguments.get("verify_ssl", True))
        self.proxy = arguments.get("proxy")
        self.transport = _checked("transport", arguments.get("transport"))
        self.async_transport = _checked("async_transport", arguments.get("async_transport"))
        self.httpx_args = dict(arguments.get("httpx_args") or {})
        self._request_headers = self._headers_of_requests()
        self._ssl_context: ssl.SSLContext | None = None
        if unknown := sorted(self.httpx_args.keys() - _TRANSPORT_ARGUMENTS):
            raise TypeError(
                f"httpx_args: {unknown[0]!r} is not an argument of httpx.HTTPTransport. Use the "
                "client's own arguments (timeout, headers, cookies, verify_ssl, transport), or "
                "set_httpx_client with an httpx.Client of yours for hooks, auth and mounts"
            )

    def replace(self, **changes: Unpack[Arguments]) -> "Settings":
        """Return the same settings but for the changes."""
        return Settings(self.base_url, {**self._arguments, **changes})

    def request(self, method: str, path: str, content: bytes) -> Request:
        """Make a request that no other call shares."""
        # Spelled out, because httpx takes longer to work out the same from `content=`.
        request = Request(
            method,
            self.base_url.join(path),
            headers=self._request_headers,
            stream=httpx.ByteStream(content),
            extensions={"timeout": self.timeout.as_dict()},
        )
        request.headers["Content-Length"] = str(len(content))
        request.read()
        return request

    def _headers_of_requests(self) -> httpx.Headers:
        headers = httpx.Headers(
            {
                "Host": self.base_url.origin.netloc.decode(),
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "Content-Type": "application/json",
                "User-Agent": f"bitrix24-call-card/{__version__}",
            }
        )
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers.update(self.headers)
        return headers

    def new_connections(self) -> Connections:
        """Make the connections of a client; they open at the first call."""
        return Connections(self._new_transport, self._new_async_transport)

    def _new_transport(self) -> httpx.BaseTransport:
        """Make a transport for the threads of one process."""
        if self.transport is None:
            return httpx.HTTPTransport(**self._transport_arguments())
        return _checked_transport("transport", httpx.BaseTransport, self.transport())

    def _new_async_transport(self) -> httpx.AsyncBaseTransport:
        """Make a transport for one event loop."""
        if self.async_transport is None:
            return httpx.AsyncHTTPTransport(**self._transport_arguments())
        transport = self.async_transport()
        return _checked_transport("async_transport", httpx.AsyncBaseTransport, transport)

    def _transport_arguments(self) -> dict[str, Any]:
        arguments = {"proxy": self.proxy, **self.httpx_args}
        if arguments["proxy"] is None and arguments.get("trust_env", True):
            arguments["proxy"] = _proxy_of_environment(self.base_url.origin)
        return {**arguments, "verify": self._shared_ssl_context()}

    def _shared_ssl_context(self) -> ssl.SSLContext:
        # Made once for all transports: reading the authorities takes longer than many calls. Not a
        # cached_property: before Python 3.12 its lock may be held by another thread during a fork.
        if self._ssl_context is None:
            self._ssl_context = (
                ssl.create_default_context(cafile=self.verify_ssl)
                if isinstance(self.verify_ssl, str)
                else httpx.create_ssl_context(
                    self.verify_ssl, trust_env=self.httpx_args.get("trust_env", True)
                )
            )
        return self._ssl_context


def _refuse_unknown(arguments: Any) -> None:
    if names := sorted(arguments.keys() - Arguments.__annotations__):
        arguments.clear()  # a secret, if it is a misspelt token
        reason = _REMOVED.get(names[0], "it is not an argument of this client")
        raise TypeError(f"{names[0]}: {reason}")


def _checked_timeout(timeout: Any) -> httpx.Timeout:
    checked = httpx.Timeout(timeout)
    phases: list[Any] = list(checked.as_dict().values())
    if all(isinstance(seconds, (int, float, NoneType)) for seconds in phases):
        return checked
    raise TypeError(f"timeout: expected seconds or httpx.Timeout, found {type(timeout).__name__}")


def _checked_authorities(verify: str | bool | ssl.SSLContext) -> str | bool | ssl.SSLContext:
    if isinstance(verify, str) and not os.path.isfile(verify):
        raise FileNotFoundError(errno.ENOENT, "verify_ssl: there is no file", verify)
    return verify


def _checked(name: str, value: T) -> T:
    if value is not None and not callable(value):
        kind = type(value).__name__
        raise TypeError(
            f"{name}: expected a function that returns a new transport, because each event loop and "
            f"each process needs one of its own: {name}=lambda: {kind}(…)"
        )
    return value


def _proxy_of_environment(url: httpx.URL) -> str | None:
    if proxy_bypass(url.netloc.decode()):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy or None


def _checked_transport(name: str, expected: type[T], found: object) -> T:
    if isinstance(found, expected):
        return found
    raise TypeError(
        f"{name}: expected a function that returns an httpx.{expected.__name__}, "
        f"it returned {type(found).__name__}"
    )
