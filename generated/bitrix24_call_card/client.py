# Generated from the contract by `make generate`: an edit here is lost.
"""The clients: how a portal is reached, and how its secrets are kept."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import weakref
from typing import Any, Final, Literal, Self
from urllib.parse import urlencode

import httpx
from attrs import define, evolve, field, frozen

DEFAULT_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
"""Seconds until httpx.TimeoutException: to connect, and otherwise between two signs of life."""

_SECRET: Final = "bitrix24_call_card.secret"
_MASK: Final = b"/***"


@frozen(eq=False)
class Operation:
    """What an API function sends, to which the client adds where and by whom."""

    method: str
    path: str
    body: bytes


class _NoLoop:
    """Stands for the event loop where there is none of asyncio's."""


_NO_LOOP: Final = _NoLoop()


def _running_loop() -> object:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return _NO_LOOP


class _Secret:
    """What a request carries on the wire and nobody is shown: the base URL's path, and the token."""

    __slots__ = ("_base_path", "_body", "_query", "_url", "shown_url")

    def __init__(self, base_url: httpx.URL, path: str, query: bytes, body: bytes) -> None:
        self._base_path = base_url.raw_path.rstrip(b"/")
        self._query = query
        self._body = httpx.ByteStream(body)
        self.shown_url = base_url.copy_with(raw_path=_MASK + path.encode())
        self._url = self._unmasked(self.shown_url)

    def request(self, shown: httpx.Request) -> httpx.Request:
        """The request as the portal gets it."""
        return httpx.Request(
            shown.method,
            self._url if shown.url is self.shown_url else self._unmasked(shown.url),
            headers=shown.headers,
            # A redirect may have turned the request into one without a body.
            stream=self._body if "content-length" in shown.headers else shown.stream,
            extensions=shown.extensions,
        )

    def shown_response(self, response: httpx.Response) -> httpx.Response:
        """The response, without a redirect to another origin, and without the secret in one to the same."""
        location = response.headers.pop("location", None)
        if location is not None:
            try:
                target = self._url.join(location)
            except httpx.InvalidURL:
                return response
            if (target.scheme, target.netloc) == (self._url.scheme, self._url.netloc):
                path = target.raw_path.partition(b"?")[0]
                if path.startswith(self._base_path):
                    path = _MASK + path[len(self._base_path) :]
                response.headers["location"] = str(target.copy_with(raw_path=path))
        return response

    def _unmasked(self, url: httpx.URL) -> httpx.URL:
        return url.copy_with(raw_path=url.raw_path.replace(_MASK, self._base_path, 1) + self._query)


_Prepared = dict[Operation, tuple[str | None, httpx.Request]]


class _Transport(httpx.BaseTransport):
    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        secret: _Secret | None = request.extensions.get(_SECRET)
        if secret is None:
            return self._transport.handle_request(request)
        return secret.shown_response(self._transport.handle_request(secret.request(request)))


class _AsyncTransport(httpx.AsyncBaseTransport):
    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        secret: _Secret | None = request.extensions.get(_SECRET)
        if secret is None:
            return await self._transport.handle_async_request(request)
        return secret.shown_response(await self._transport.handle_async_request(secret.request(request)))


# httpx picks the transport (a proxy's, or the caller's own) here, behind all that logs a request or raises with it.
class _HttpxClient(httpx.Client):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.prepared: _Prepared = {}

    def _transport_for_url(self, url: httpx.URL) -> httpx.BaseTransport:
        return _Transport(super()._transport_for_url(url))


class _AsyncHttpxClient(httpx.AsyncClient):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.prepared: _Prepared = {}

    def _transport_for_url(self, url: httpx.URL) -> httpx.AsyncBaseTransport:
        return _AsyncTransport(super()._transport_for_url(url))


def _origin_and_path(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment or url.userinfo:
        # Not shown, because it may hold a secret all the same.
        raise ValueError("base_url: expected a URL such as https://PORTAL/rest/USER_ID/WEBHOOK/")
    return url


@define(repr=False, eq=False)
class Client:
    """A portal, reached by an incoming webhook.

    A client may be shared by threads and by event loops. As a context manager it closes its connections at
    the end, and opens new ones if it is used again.

    Args:
        base_url: The webhook's URL as the portal shows it. It is a secret: repr() shows its host only.
        cookies: Sent with every request.
        headers: Sent with every request.
        timeout: How long to wait; 30 s, and 10 s to connect, if not given. None waits for ever.
        verify_ssl: Whether to check the portal's certificate; or the path of a CA bundle, or an SSL context.
        follow_redirects: Whether to follow a redirect within the portal. One to another origin never is.
        httpx_args: More arguments for ``httpx.Client`` and ``httpx.AsyncClient``, such as ``transport``.

    Raises:
        ValueError: If ``base_url`` is not an absolute http or https URL.
    """

    _base_url: str = field(alias="base_url")
    _cookies: dict[str, str] = field(factory=dict[str, str], kw_only=True, alias="cookies")
    _headers: dict[str, str] = field(factory=dict[str, str], kw_only=True, alias="headers")
    _timeout: httpx.Timeout | None = field(default=DEFAULT_TIMEOUT, kw_only=True, alias="timeout")
    _verify_ssl: str | bool | ssl.SSLContext = field(default=True, kw_only=True, alias="verify_ssl")
    _follow_redirects: bool = field(default=False, kw_only=True, alias="follow_redirects")
    _httpx_args: dict[str, Any] = field(factory=dict[str, Any], kw_only=True, alias="httpx_args")

    _url: httpx.URL = field(init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _client: httpx.Client | None = field(default=None, init=False)
    _async_client: httpx.AsyncClient | None = field(default=None, init=False)
    # An asynchronous client belongs to the event loop in which it was built.
    _async_clients: weakref.WeakKeyDictionary[object, _AsyncHttpxClient] = field(
        factory=weakref.WeakKeyDictionary[object, _AsyncHttpxClient], init=False
    )

    def __attrs_post_init__(self) -> None:
        self._url = _origin_and_path(self._base_url)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url='{self._url.copy_with(raw_path=_MASK)}')"

    def with_headers(self, headers: dict[str, str]) -> Self:
        """A new client like this one, with additional headers."""
        return evolve(self, headers={**self._headers, **headers})

    def with_cookies(self, cookies: dict[str, str]) -> Self:
        """A new client like this one, with additional cookies."""
        return evolve(self, cookies={**self._cookies, **cookies})

    def with_timeout(self, timeout: httpx.Timeout | None) -> Self:
        """A new client like this one, with another timeout."""
        return evolve(self, timeout=timeout)

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Use an ``httpx.Client`` of one's own: its headers, cookies, timeout and transport count.

        What such a client logs and raises shows the request as it is sent, secrets included.
        """
        self._client = client
        return self

    def get_httpx_client(self) -> httpx.Client:
        """The ``httpx.Client`` behind this one, built when it is first needed."""
        client = self._client
        if client is None or (client.is_closed and isinstance(client, _HttpxClient)):
            with self._lock:
                client = self._client
                if client is None or (client.is_closed and isinstance(client, _HttpxClient)):
                    client = self._client = _HttpxClient(**self._httpx_kwargs())
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        if self._client is not None:
            self._client.close()

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Use an ``httpx.AsyncClient`` of one's own: its headers, cookies, timeout and transport count.

        What such a client logs and raises shows the request as it is sent, secrets included.
        """
        self._async_client = async_client
        return self

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """The ``httpx.AsyncClient`` behind this one in the running event loop, built when it is first needed."""
        if self._async_client is not None:
            return self._async_client
        loop = _running_loop()
        client = self._async_clients.get(loop)
        if client is None or client.is_closed:
            client = self._async_clients[loop] = _AsyncHttpxClient(**self._httpx_kwargs())
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.get_async_httpx_client().aclose()

    def send(self, operation: Operation) -> httpx.Response:
        """Send what an API function asks for. Raises httpx.HTTPError if there is no answer."""
        client = self.get_httpx_client()
        return client.send(self._request(client, operation))

    async def asend(self, operation: Operation) -> httpx.Response:
        """Send what an API function asks for. Raises httpx.HTTPError if there is no answer."""
        client = self.get_async_httpx_client()
        return await client.send(self._request(client, operation))

    def _httpx_kwargs(self) -> dict[str, Any]:
        return {
            "cookies": self._cookies,
            "headers": self._headers,
            "timeout": self._timeout,
            "verify": self._verify_ssl,
            "follow_redirects": self._follow_redirects,
            **self._httpx_args,
        }

    def _request(self, client: httpx.Client | httpx.AsyncClient, operation: Operation) -> httpx.Request:
        token = self._token()
        if not isinstance(client, (_HttpxClient, _AsyncHttpxClient)):
            secret, request = self._build_request(client, operation, token)
            return secret.request(request)
        prepared = client.prepared.get(operation)
        if prepared is None or prepared[0] != token:
            # The same request each time, so it is built once for each token.
            prepared = client.prepared[operation] = token, self._build_request(client, operation, token)[1]
        return prepared[1]

    def _build_request(
        self, client: httpx.Client | httpx.AsyncClient, operation: Operation, token: str | None
    ) -> tuple[_Secret, httpx.Request]:
        query, body = self._signed(operation.body, token)
        secret = _Secret(self._url, operation.path, query, body)
        request = client.build_request(
            operation.method,
            secret.shown_url,
            headers={
                "Accept": "application/json",
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
            },
            extensions={_SECRET: secret},
        )
        request.url = secret.shown_url
        return secret, request

    def _token(self) -> str | None:
        return None

    def _signed(self, body: bytes, token: str | None) -> tuple[bytes, bytes]:
        """The query and the body, with the token in one of them if there is one."""
        del token
        return b"", body


@define(repr=False, eq=False)
class AuthenticatedClient(Client):
    """A portal, reached by OAuth.

    Args:
        base_url: The portal's REST address, https://PORTAL/rest.
        token: The access token. It may be set anew at any time.
        auth_in: Where the token goes as ``auth``: into the JSON body, or into the query, which ends up in logs.

    The other arguments are those of ``Client``.
    """

    token: str = field()
    auth_in: Literal["body", "query"] = field(default="body", kw_only=True)

    def _token(self) -> str | None:
        return self.token

    def _signed(self, body: bytes, token: str | None) -> tuple[bytes, bytes]:
        if self.auth_in == "query":
            return f"?{urlencode({'auth': token})}".encode(), body
        return b"", json.dumps({**json.loads(body), "auth": token}, separators=(",", ":")).encode()
