"""The transports of a client, made from its arguments and the environment."""

from __future__ import annotations

import errno
import inspect
import os
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from types import NoneType
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

import httpx

from ._arguments import checked
from ._requests import DEFAULT_TIMEOUT, HEADERS, PortalRequest, merged_headers

Verify = bool | str | os.PathLike[str] | ssl.SSLContext
Proxy = str | httpx.URL | httpx.Proxy | None

_HTTPX_ARGS: Final = inspect.signature(httpx.HTTPTransport).parameters.keys() - {"verify", "proxy"}
"""The arguments of httpx's transports that `httpx_args` may hold."""


class NewTransports:
    """Makes the transports of a client. The arguments are those of `Client`."""

    def __init__(
        self,
        origin: httpx.URL,
        verify_ssl: Verify,
        proxy: Proxy,
        transport: Callable[[], httpx.BaseTransport] | None,
        async_transport: Callable[[], httpx.AsyncBaseTransport] | None,
        httpx_args: Mapping[str, Any] | None,
    ) -> None:
        self._origin = origin
        self._verify = checked("verify_ssl", verify_ssl, bool, str, os.PathLike, ssl.SSLContext)
        if isinstance(verify_ssl, (str, os.PathLike)):
            _check_file("verify_ssl", verify_ssl)
        self._proxy = None if proxy is None else _checked_proxy("proxy", proxy)
        checked("transport", transport, Callable, NoneType)
        checked("async_transport", async_transport, Callable, NoneType)
        self._new = transport or (lambda: httpx.HTTPTransport(**self._arguments()))
        self._new_async = async_transport or (lambda: httpx.AsyncHTTPTransport(**self._arguments()))
        self._httpx_args = _checked_httpx_args(httpx_args)
        self._trust_env: bool = self._httpx_args.get("trust_env", True)

    def for_threads(self) -> httpx.BaseTransport:
        """Return a new transport for the threads of one process."""
        return checked("what transport returned", self._new(), httpx.BaseTransport)

    def for_loop(self) -> httpx.AsyncBaseTransport:
        """Return a new transport for one event loop."""
        name, transport = "what async_transport returned", self._new_async()
        return checked(name, transport, httpx.AsyncBaseTransport)

    def _arguments(self) -> dict[str, Any]:
        proxy = self._proxy
        if proxy is None and self._trust_env:
            proxy = _proxy_of_environment(self._origin)
        return {**self._httpx_args, "proxy": proxy, "verify": self._ssl_context}

    # Shared by all transports, because loading the CA bundle takes longer than many calls.
    @cached_property
    def _ssl_context(self) -> ssl.SSLContext:
        if isinstance(self._verify, (str, os.PathLike)):
            return ssl.create_default_context(cafile=self._verify)
        if self._verify is True and self._trust_env and (path := os.environ.get("SSL_CERT_FILE")):
            _check_file("SSL_CERT_FILE", path)
        return httpx.create_ssl_context(self._verify, trust_env=self._trust_env)


class CustomTransport:
    """A custom httpx client, used like a transport."""

    def __init__(self, client: httpx.Client | httpx.AsyncClient) -> None:
        self._client = client

    def handle_request(self, request: PortalRequest) -> Any:
        """Send the request; return the response, or an awaitable of it from an AsyncClient."""
        return self._client.send(self._rebuilt(request), stream=True, follow_redirects=False)

    handle_async_request = handle_request

    # A function of its own, because the repr of the result shows the URL: no frame below holds it.
    def _rebuilt(self, request: PortalRequest) -> httpx.Request:
        timeout = request.given.timeout
        rebuilt = self._client.build_request(
            request.method,
            request.url,
            headers=merged_headers(HEADERS, request.given.headers),
            cookies=request.given.cookies,
            timeout=httpx.USE_CLIENT_DEFAULT if timeout is DEFAULT_TIMEOUT else timeout,
            content=request.content,
        )
        request.extensions = rebuilt.extensions  # its read timeout bounds the body
        return rebuilt


def _check_file(name: str, path: str | os.PathLike[str]) -> None:
    if not os.path.isfile(path):
        raise FileNotFoundError(errno.ENOENT, f"{name}: there is no file", str(path))


def _checked_proxy(name: str, proxy: str | httpx.URL | httpx.Proxy) -> httpx.Proxy:
    checked(name, proxy, str, httpx.URL, httpx.Proxy)
    if isinstance(proxy, httpx.Proxy):
        return proxy
    with suppress(httpx.InvalidURL, ValueError):  # which quote the URL, and so a password in it
        return httpx.Proxy(proxy)
    schemes = "http://, https://, socks5:// or socks5h://"
    raise ValueError(f"{name}: expected the URL of a proxy, which begins with {schemes}")


def _checked_httpx_args(httpx_args: Mapping[str, Any] | None) -> dict[str, Any]:
    checked("httpx_args", httpx_args, Mapping, NoneType)
    arguments = dict(httpx_args or {})
    if unknown := arguments.keys() - _HTTPX_ARGS:
        raise TypeError(
            f"httpx_args: {min(unknown)!r} is not one of {', '.join(sorted(_HTTPX_ARGS))}. Use the client's "
            "own arguments, or set_httpx_client with an httpx.Client for hooks, auth and mounts"
        )
    checked("httpx_args['limits']", arguments.get("limits", httpx.Limits()), httpx.Limits)
    return arguments


def _proxy_of_environment(url: httpx.URL) -> httpx.Proxy | None:
    # NO_PROXY may have an IPv6 address with brackets or without.
    if proxy_bypass(url.netloc.decode()) or proxy_bypass(url.host):
        return None
    for scheme in (url.scheme, "all"):
        if proxy := getproxies().get(scheme):
            address = proxy if "://" in proxy else f"http://{proxy}"
            return _checked_proxy(f"{scheme.upper()}_PROXY", address)
    return None
