"""Sync and async portal clients."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Never, Self, Unpack

import httpx

from ._secrets import Secret

if TYPE_CHECKING:  # what a client is made of is imported with the first one
    from ._operation import Operation
    from ._received import Received
    from ._settings import Arguments, Settings


class Client:
    """A client for an incoming webhook.

    Threads, event loops and forked processes may share it. As a context manager it closes its
    connections on exit; later calls reopen them.

    Args:
        base_url: The webhook's URL as the portal shows it, https://PORTAL/rest/USER_ID/WEBHOOK/. It
            is a secret: repr() shows the host only.
        cookies: Sent with every request; response cookies are discarded.
        headers: Sent with every request.
        timeout: Seconds, or an httpx.Timeout; by default 10 s to connect, and 30 s to read, to write
            and to wait for a connection. A body must be complete within the read timeout, counted
            from the headers. None disables timeouts.
        verify_ssl: Whether to check the portal's certificate; or the path of a CA bundle, or an SSL
            context.
        proxy: The URL of a proxy. By default HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY decide.
        transport: A function that returns a new transport for the synchronous functions, such as
            ``lambda: RetryTransport(retry=RETRY)``. It is called once for each process. What it does
            about certificates, proxies and limits is its own: ``verify_ssl``, ``proxy`` and
            ``httpx_args`` do not reach it.
        async_transport: A function that returns a new transport for the asynchronous functions. It
            is called once for each event loop.
        httpx_args: More arguments of httpx.HTTPTransport and httpx.AsyncHTTPTransport, such as
            ``limits`` and ``http2``.

    Raises:
        ValueError: If ``base_url`` cannot work; the message says why.
        TypeError: If an argument is not one of these.
    """

    operating_reset_at: int | None
    """Unix time in seconds when operating time is next restored, as last reported; None if never."""

    def __init__(self, base_url: str, **arguments: Unpack[Arguments]) -> None:
        secret, base_url = Secret(base_url), ""  # or a traceback may show it
        from ._settings import settings_of

        self._set_up(settings_of(secret, "webhook", arguments))

    def _set_up(self, settings: Settings) -> None:
        self.operating_reset_at = None
        self._settings = settings
        self._connections = settings.new_connections()
        self._callers_client: httpx.Client | None = None
        self._callers_async_client: httpx.AsyncClient | None = None

    def __repr__(self) -> str:
        try:
            return f"{type(self).__name__}(base_url='{self._settings.base_url!r}')"
        except AttributeError:  # for the traceback of a constructor that fails
            return f"<{type(self).__name__}>"

    # --- copies ---

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        """Return a new client like this one, with additional headers."""
        merged = httpx.Headers(self._settings.headers)
        merged.update(headers)  # whatever the case of their names
        return self._copy(self._settings.replace(headers=merged))

    def with_cookies(self, cookies: Mapping[str, str]) -> Self:
        """Return a new client like this one, with additional cookies."""
        return self._copy(self._settings.replace(cookies={**self._settings.cookies, **cookies}))

    def with_timeout(self, timeout: float | httpx.Timeout | None) -> Self:
        """Return a new client like this one, with another timeout."""
        return self._copy(self._settings.replace(timeout=timeout))

    def __copy__(self) -> Self:
        return self._copy(self._settings)

    def __deepcopy__(self, memo: object) -> Self:
        return self._copy(self._settings)

    def __reduce__(self) -> Never:
        raise TypeError(
            f"{type(self).__name__} cannot be pickled, because the pickle would hold its secrets: "
            "make a client in each process"
        )

    def _copy(self, settings: Settings) -> Self:
        client = type(self).__new__(type(self))
        client.__dict__.update(self.__dict__)
        client._set_up(settings)  # noqa: SLF001 - of its own class
        return client

    # --- a custom httpx client ---

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Send the synchronous calls with this client: its hooks, auth and mounts apply.

        Its headers, cookies and timeout replace those of this client.

        Its logs and exceptions show the request as it is sent, secrets included. It is the caller's
        to close.
        """
        self._callers_client = client
        return self

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Send the asynchronous calls with this client: its hooks, auth and mounts apply.

        Its headers, cookies and timeout replace those of this client.

        Its logs and exceptions show the request as it is sent, secrets included. It is the caller's
        to close, and belongs to one event loop.
        """
        self._callers_async_client = async_client
        return self

    def get_httpx_client(self) -> Never:
        """Raise TypeError: there is no httpx client any more. See ``set_httpx_client``."""
        raise TypeError(_NO_HTTPX_CLIENT)

    def get_async_httpx_client(self) -> Never:
        """Raise TypeError: there is no httpx client any more. See ``set_async_httpx_client``."""
        raise TypeError(_NO_HTTPX_CLIENT)

    # --- its connections ---

    def close(self) -> None:
        """Close the connections of the synchronous functions; later calls reopen them."""
        self._connections.close()

    async def aclose(self) -> None:
        """Close the connections of the running event loop; later calls reopen them."""
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

    def send(self, operation: Operation[Any]) -> Received:
        """Send an operation, for the API functions. Raises httpx.HTTPError without a response."""
        return self._send(operation, None)

    async def asend(self, operation: Operation[Any]) -> Received:
        """Send an operation, for the API functions. Raises httpx.HTTPError without a response."""
        return await self._asend(operation, None)

    def _send(self, operation: Operation[Any], token: Secret[str] | None) -> Received:
        request = self._request(operation, token)
        if self._callers_client is None:
            return self._connections.send(request)
        from ._transports import send_with_client

        return send_with_client(self._callers_client, request)

    async def _asend(self, operation: Operation[Any], token: Secret[str] | None) -> Received:
        request = self._request(operation, token)
        if self._callers_async_client is None:
            return await self._connections.asend(request)
        from ._transports import asend_with_client

        return await asend_with_client(self._callers_async_client, request)

    def _request(self, operation: Operation[Any], token: Secret[str] | None) -> httpx.Request:
        content = operation.content(token)
        return self._settings.request(operation.method, operation.path, content)


class AuthenticatedClient(Client):
    """A client for OAuth.

    Only 401 with ``expired_token`` triggers a refresh, if ``refresh`` is given, and then one retry.
    Concurrent callers, in whichever threads and event loops, share one refresh and its exception; the
    next call tries again.

    Args:
        base_url: The portal's REST address, https://PORTAL/rest.
        token: The access token; assignable at any time.
        refresh: Gets a new access token from the portal's OAuth server and returns it. A plain
            function runs in the thread of a synchronous caller, and in a separate daemon thread for
            asynchronous callers; a coroutine function works only with those. Its own calls with this
            client never trigger a refresh.
        on_refresh: Called with each new token, for example to store it; likewise plain or a coroutine
            function.
        refresh_timeout: Seconds to wait for a refresh that another caller, or the event loop, carries
            out; then the waiting calls fail, and the next call tries again.

    The other arguments are those of ``Client``.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        refresh: Callable[[], str | Awaitable[str]] | None = None,
        on_refresh: Callable[[str], object] | None = None,
        refresh_timeout: float = 30.0,
        **arguments: Unpack[Arguments],
    ) -> None:
        secret, base_url = Secret(base_url), ""  # or a traceback may show it
        secret_token, token = Secret(token), ""
        secret_refresh, refresh = Secret(refresh), None
        secret_on_refresh, on_refresh = Secret(on_refresh), None
        from ._refresh import AccessToken  # imports asyncio, which a webhook does without
        from ._settings import settings_of

        self._set_up(settings_of(secret, "OAuth", arguments))
        self._token = AccessToken(secret_token, secret_refresh, secret_on_refresh, refresh_timeout)

    def _copy(self, settings: Settings) -> Self:
        client = super()._copy(settings)
        client._token = self._token.copy()  # noqa: SLF001 - of its own class
        return client

    @property
    def token(self) -> str:
        """The access token; assignable at any time, also during a refresh, and then it stays."""
        return self._token.current.reveal()

    @token.setter
    def token(self, token: str) -> None:
        secret, token = Secret(token), ""
        self._token.set(secret)

    def send(self, operation: Operation[Any]) -> Received:
        """Send an operation, and once more if the token had to be refreshed.

        Raises httpx.HTTPError without a response, and what ``refresh`` and ``on_refresh`` raise.
        """
        token = self._token.current
        received = self._send(operation, token)
        if received.is_expired_token() and self._token.can_refresh():
            self._token.refresh(token)
            return self._send(operation, self._token.current)
        return received

    async def asend(self, operation: Operation[Any]) -> Received:
        """Send an operation, and once more if the token had to be refreshed.

        Raises httpx.HTTPError without a response, and what ``refresh`` and ``on_refresh`` raise.
        """
        token = self._token.current
        received = await self._asend(operation, token)
        if received.is_expired_token() and self._token.can_refresh():
            await self._token.arefresh(token)
            return await self._asend(operation, self._token.current)
        return received


_NO_HTTPX_CLIENT: Final = (
    "there is no httpx client behind this one: use its arguments (transport, async_transport, "
    "httpx_args), or set_httpx_client and set_async_httpx_client with your own"
)
