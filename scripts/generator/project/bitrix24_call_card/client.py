"""Sync and async portal clients."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Never, Self

import httpx

from ._arguments import checked, checked_texts, checked_timeout
from ._base_url import Kind, hidden_path, parse_base_url
from ._connections import Connections, Pool
from ._operation import Operation
from ._received import Received
from ._refresh import AccessToken
from ._requests import DEFAULT_TIMEOUT, Requests, Timeout, merged_headers
from ._secrets import Secret
from ._transports import CustomTransport, NewTransports, Proxy, Verify


class Client:
    """A client for an incoming webhook.

    Threads, event loops and forked processes may share it. As a context manager it closes its
    connections on exit; later calls reopen them::

        with Client(base_url="https://portal.bitrix24.com/rest/1/WEBHOOK/") as client:
            call = get_status.sync(client=client).result

    Args:
        base_url: The webhook's URL as the portal shows it, https://PORTAL/rest/USER_ID/WEBHOOK/. It
            is a secret: repr() shows the host only.
        cookies: Sent with every request; response cookies are discarded.
        headers: Sent with every request.
        timeout: Seconds, or an httpx.Timeout; by default 10 s to connect, and 30 s to read, to write
            and to wait for a connection. A body must be complete within the read timeout, counted
            from the headers; a synchronous call may take up to twice as long to notice. None disables
            timeouts.
        verify_ssl: Whether to check the portal's certificate; or the path of a CA bundle, or an
            SSLContext.
        proxy: The URL of a proxy. By default HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY decide;
            of NO_PROXY, names and addresses are matched, networks such as 10.0.0.0/8 are not.
        transport: A function that returns a new transport for the synchronous functions, such as
            ``lambda: RetryTransport(retry=RETRY)``; each process calls it once. A transport handles
            certificates, proxies and limits itself: ``verify_ssl``, ``proxy`` and ``httpx_args`` do
            not apply to it.
        async_transport: The same for the asynchronous functions; each event loop calls it once.
        httpx_args: More arguments of httpx.HTTPTransport and httpx.AsyncHTTPTransport, such as
            ``limits`` and ``http2``.

    Raises:
        ValueError: If ``base_url`` or another argument cannot work; the message says why.
        TypeError: If an argument is of a wrong type.
        FileNotFoundError: If there is no file at ``verify_ssl``.
    """

    _kind: Kind = "webhook"

    def __init__(
        self,
        base_url: str,
        *,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        verify_ssl: Verify = True,
        proxy: Proxy = None,
        transport: Callable[[], httpx.BaseTransport] | None = None,
        async_transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
        httpx_args: Mapping[str, Any] | None = None,
    ) -> None:
        url = parse_base_url(base_url, self._kind)
        self._requests = Requests(
            url,
            merged_headers({}, headers),
            checked_texts("cookies", cookies),
            checked_timeout(timeout),
        )
        transports = NewTransports(
            hidden_path(url), verify_ssl, proxy, transport, async_transport, httpx_args
        )
        self._connections = Connections(transports)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url='{hidden_path(self._requests.base_url)}')"

    @property
    def operating_reset_at(self) -> int | None:
        """Unix time in seconds when operating time is next restored, as last reported; None if never."""
        return self._connections.operating_reset_at

    # --- copies, which share everything but what was changed ---

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        """Return a copy with additional headers; names are case-insensitive.

        It shares everything else with this client: the connections, the token and its refresh, a
        custom httpx client, ``operating_reset_at``.
        """
        return self._copy(headers=merged_headers(self._requests.headers, headers))

    def with_cookies(self, cookies: Mapping[str, str]) -> Self:
        """Return a copy with additional cookies, which shares everything else with this client."""
        return self._copy(cookies={**self._requests.cookies, **checked_texts("cookies", cookies)})

    def with_timeout(self, timeout: Timeout) -> Self:
        """Return a copy with another timeout, which shares everything else with this client."""
        return self._copy(timeout=checked_timeout(timeout))

    def __copy__(self, memo: object = None) -> Self:
        return self._copy()

    __deepcopy__ = __copy__

    def __reduce__(self) -> Never:
        name = type(self).__name__
        raise TypeError(f"{name} holds secrets and cannot be pickled: make one in each process")

    def _copy(self, **changes: Any) -> Self:
        client = type(self).__new__(type(self))
        client.__dict__.update(self.__dict__, _requests=replace(self._requests, **changes))
        return client

    # --- a custom httpx client ---

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Send the synchronous calls with this client: its hooks, auth and mounts apply.

        Its own settings apply, and over them the headers, cookies and timeout that were given to this
        client or a copy. Its logs show the request as it is sent, secrets included. The caller closes it.
        """
        checked("client", client, httpx.Client)
        self._connections.custom = Pool(CustomTransport(client))
        return self

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Send the asynchronous calls with this client, like ``set_httpx_client``.

        It belongs to one event loop.
        """
        checked("async_client", async_client, httpx.AsyncClient)
        self._connections.async_custom = Pool(CustomTransport(async_client))
        return self

    # --- its connections ---

    def close(self) -> None:
        """Close the connections of the synchronous functions, for all copies.

        Calls under way end normally, and later calls open new connections.
        """
        self._connections.close()

    async def aclose(self) -> None:
        """Close the connections of the running event loop and of the synchronous functions."""
        await self._connections.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.aclose()

    # --- calls ---

    def send(self, operation: Operation[Any, Any]) -> Received:
        """Send an operation, for the API functions; raise httpx.HTTPError if there is no response."""
        return self._connections.send(self._requests.new(operation, None))

    async def asend(self, operation: Operation[Any, Any]) -> Received:
        """Async version of ``send``."""
        return await self._connections.asend(self._requests.new(operation, None))


class AuthenticatedClient(Client):
    """A client for OAuth.

    The token may expire, and be refreshed::

        client = AuthenticatedClient(base_url="https://portal.bitrix24.com/rest", token=TOKEN)

    If ``refresh`` is given, a 401 with ``expired_token`` triggers one refresh and one retry. Concurrent
    callers, across threads and event loops, share one refresh and its exception; the next call tries
    again.

    Args:
        base_url: The portal's REST address, https://PORTAL/rest.
        token: The access token; assignable at any time.
        refresh: Gets a new access token from the portal's OAuth server and returns it. It runs in the
            thread of a synchronous caller, and in a separate daemon thread for asynchronous callers;
            what it returns may be awaitable there, as with a coroutine function, and is awaited in
            the caller's event loop. Its own calls with this client never trigger a refresh.
        on_refresh: Called with each new token, for example to store it; plain or a coroutine function,
            too. A program that ends between the two has spent its refresh token: store the new
            one in ``refresh``, before it returns, if that must not happen.
        refresh_timeout: Seconds that a call waits for a refresh; then it fails, and the next call
            refreshes again. A synchronous call that runs ``refresh`` itself waits for its end.

    The other arguments are those of ``Client``.
    """

    _kind: Kind = "OAuth"

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        refresh: Callable[[], str | Awaitable[str]] | None = None,
        on_refresh: Callable[[str], object] | None = None,
        refresh_timeout: float = 30.0,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        verify_ssl: Verify = True,
        proxy: Proxy = None,
        transport: Callable[[], httpx.BaseTransport] | None = None,
        async_transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
        httpx_args: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            base_url,
            cookies=cookies,
            headers=headers,
            timeout=timeout,
            verify_ssl=verify_ssl,
            proxy=proxy,
            transport=transport,
            async_transport=async_transport,
            httpx_args=httpx_args,
        )
        self._token = AccessToken(
            Secret(token), Secret(refresh), Secret(on_refresh), refresh_timeout
        )

    @property
    def token(self) -> str:
        """The access token; assignable at any time: a token assigned during a refresh wins."""
        return self._token.current.reveal()

    @token.setter
    def token(self, token: str) -> None:
        self._token.set(Secret(token))

    def send(self, operation: Operation[Any, Any]) -> Received:
        """Send an operation, and once more if the token had to be refreshed.

        Also raises what ``refresh`` and ``on_refresh`` raise.
        """
        token = self._token.current
        received = self._connections.send(self._requests.new(operation, token))
        if received.is_expired_token() and self._token.can_refresh():
            self._token.refresh(token)
            again = self._requests.new(operation, self._token.current, attempt=2)
            return self._connections.send(again)
        return received

    async def asend(self, operation: Operation[Any, Any]) -> Received:
        """Async version of ``send``."""
        token = self._token.current
        received = await self._connections.asend(self._requests.new(operation, token))
        if received.is_expired_token() and self._token.can_refresh():
            await self._token.arefresh(token)
            again = self._requests.new(operation, self._token.current, attempt=2)
            return await self._connections.asend(again)
        return received
