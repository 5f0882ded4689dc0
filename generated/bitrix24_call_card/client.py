# Copied from scripts/generator/project/bitrix24_call_card/client.py by `make generate`: do not edit.
"""The clients: how a portal is reached, and how its secrets are kept."""

from __future__ import annotations

import inspect
import json
import logging
import re
import ssl
import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import httpx

from .errors import Bitrix24Error, InvalidResponse, as_object

# They take longer to import than all of this package, so a program that does without is spared them.
if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

DEFAULT_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
"""Seconds until httpx.TimeoutException: to connect, and otherwise between two signs of life."""

_SECRET: Final = "bitrix24_call_card.secret"
_MASK: Final = b"/***"
_MOST_REDIRECTS: Final = 5

# Seconds after which those who wait for a renewal look whether anybody still does it.
_STALL: Final = 1.0
_LOOP_ENDED: Final = "the event loop ended while the token was renewed in it"
# The client whose ``refresh`` is running here: its own calls do not wait for what it does.
_renewing: ContextVar[object] = ContextVar("bitrix24_call_card.renewing", default=None)


class Operation:
    """What an API function sends, to which the client adds where and by whom."""

    __slots__ = ("body", "method", "path")

    def __init__(self, method: str, path: str, body: bytes) -> None:
        self.method = method
        self.path = path
        self.body = body


_LOCATION: Final = r"""(?i)(b'location', b)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""


def _mask_location(record: logging.LogRecord) -> bool:
    """Keep a redirect's target, which may hold a webhook, out of httpcore's log of response headers."""
    record.msg = re.sub(_LOCATION, r"\1'***'", str(record.msg))
    return True


for _name in ("httpcore.http11", "httpcore.http2"):
    logging.getLogger(_name).addFilter(_mask_location)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class _WireRequest(httpx.Request):
    """The request as the portal gets it; a transport that logs it does not show the secret."""

    def __repr__(self) -> str:
        return f"<Request({self.method!r}, '{self.url.copy_with(raw_path=_MASK)}')>"


class _Secret:
    """What a request carries on the wire and nobody is shown: the base URL's path, and the token."""

    __slots__ = ("_body", "_follows_redirects", "_path", "_query", "wire")

    def __init__(
        self, path: bytes, query: dict[str, str], body: bytes, follows_redirects: bool
    ) -> None:
        self._path = path
        self._query = query
        self._body = httpx.ByteStream(body)
        self._follows_redirects = follows_redirects

    def hide_behind(self, shown: httpx.Request) -> None:
        """Make the request that stands in for this one, each time it is sent."""
        self.wire = self._request(shown, shown.url.copy_with(raw_path=self._path))

    def redirected(self, wire: httpx.Request, response: httpx.Response) -> httpx.Request | None:
        """What to send next, if the response is a redirect to be followed; its target is for nobody to see."""
        location = response.headers.pop("location", None)
        if (
            location is None
            or not self._follows_redirects
            or response.status_code not in (307, 308)
        ):
            return None
        try:
            target = wire.url.join(location)
        except httpx.InvalidURL:
            return None
        if (target.scheme, target.netloc) != (wire.url.scheme, wire.url.netloc):
            return None
        return self._request(wire, target)

    def _request(self, like: httpx.Request, url: httpx.URL) -> httpx.Request:
        if self._query:
            url = url.copy_merge_params(self._query)
        wire = _WireRequest(like.method, url, stream=self._body, extensions=like.extensions)
        wire.headers = like.headers
        return wire


_Prepared = dict[Operation, tuple[str | None, httpx.Request]]


class _Transport(httpx.BaseTransport):
    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        secret: _Secret | None = request.extensions.get(_SECRET)
        if secret is None:
            return self._transport.handle_request(request)
        wire = secret.wire
        response = self._transport.handle_request(wire)
        followed = 0
        while (
            response.is_redirect
            and (following := secret.redirected(wire, response))
            and followed < _MOST_REDIRECTS
        ):
            response.close()
            followed += 1
            wire = following
            response = self._transport.handle_request(wire)
        return response


class _AsyncTransport(httpx.AsyncBaseTransport):
    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        secret: _Secret | None = request.extensions.get(_SECRET)
        if secret is None:
            return await self._transport.handle_async_request(request)
        wire = secret.wire
        response = await self._transport.handle_async_request(wire)
        followed = 0
        while (
            response.is_redirect
            and (following := secret.redirected(wire, response))
            and followed < _MOST_REDIRECTS
        ):
            await response.aclose()
            followed += 1
            wire = following
            response = await self._transport.handle_async_request(wire)
        return response


class _NoCookies(httpx.Cookies):
    """Keeps none of those that come with an answer: a request is built once, and sent again as it is."""

    def extract_cookies(self, response: httpx.Response) -> None:
        pass


# httpx picks the transport (a proxy's, or the caller's own) here, behind all that logs a request or raises with it.
class _HttpxClient(httpx.Client):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.prepared: _Prepared = {}
        self._cookies = _NoCookies(self._cookies)

    def _transport_for_url(self, url: httpx.URL) -> httpx.BaseTransport:
        return _Transport(super()._transport_for_url(url))


class _AsyncHttpxClient(httpx.AsyncClient):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.prepared: _Prepared = {}
        self._cookies = _NoCookies(self._cookies)

    def _transport_for_url(self, url: httpx.URL) -> httpx.AsyncBaseTransport:
        return _AsyncTransport(super()._transport_for_url(url))


def _is_expired(response: httpx.Response) -> bool:
    try:
        return (
            response.status_code == 401
            and as_object(response.content).get("error") == "expired_token"
        )
    except InvalidResponse:
        return False


def _call(refresh: Callable[[], str | Awaitable[str]]) -> str | Awaitable[str]:
    try:
        return refresh()
    except StopIteration as error:
        # asyncio cannot hand it on, and whoever waits would do so for ever.
        raise RuntimeError("refresh raised StopIteration") from error


def _checked(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
        url.host.encode("idna")  # as the resolver will do it
        if (
            url.scheme in ("http", "https")
            and url.host
            and not url.userinfo
            and (url.port or 1) in range(1, 65536)
        ):
            if "?" not in base_url and "#" not in base_url:
                return url
    except (httpx.InvalidURL, UnicodeError, TypeError):
        pass
    # Not shown and not chained, because it may hold a secret all the same.
    raise ValueError(
        "base_url: expected a URL such as https://PORTAL/rest/USER_ID/WEBHOOK/"
    ) from None


class Client:
    """A portal, reached by an incoming webhook.

    A client may be shared by threads and by event loops. As a context manager it closes its connections at
    the end, and opens new ones if it is used again; enter it once around all that share it.

    Args:
        base_url: The webhook's URL as the portal shows it. It is a secret: repr() shows its host only.
        cookies: Sent with every request. Those that come with an answer are not kept.
        headers: Sent with every request.
        timeout: How long to wait; 30 s, and 10 s to connect, if not given. None waits for ever.
        verify_ssl: Whether to check the portal's certificate; or the path of a CA bundle, or an SSL context.
        follow_redirects: Whether to follow a redirect (307 or 308) within the portal. One to another origin, and
            one that would turn the call into a GET, never is.
        httpx_args: More arguments for ``httpx.Client`` and ``httpx.AsyncClient``, such as ``transport``.

    Raises:
        ValueError: If ``base_url`` is not an absolute http or https URL.
    """

    operating_reset_at: int | None
    """When the portal gives back a part of the method's time, in Unix seconds, as last seen in an answer."""

    def __init__(
        self,
        base_url: str,
        *,
        cookies: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        timeout: httpx.Timeout | None = DEFAULT_TIMEOUT,
        verify_ssl: str | bool | ssl.SSLContext = True,
        follow_redirects: bool = False,
        httpx_args: dict[str, Any] | None = None,
    ) -> None:
        self.operating_reset_at = None
        self._base_url = base_url
        self._url = _checked(base_url)
        self._cookies = cookies or {}
        self._headers = headers or {}
        self._timeout = timeout
        self._verify_ssl = verify_ssl
        self._follow_redirects = follow_redirects
        self._httpx_args = httpx_args or {}
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._async_client: httpx.AsyncClient | None = None
        # An asynchronous client belongs to the event loop in which it was built; None stands for one not asyncio's.
        self._async_clients: dict[asyncio.AbstractEventLoop | None, _AsyncHttpxClient] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url='{self._url.copy_with(raw_path=_MASK)}')"

    def with_headers(self, headers: dict[str, str]) -> Self:
        """A new client like this one, with additional headers."""
        return self._evolve(headers={**self._headers, **headers})

    def with_cookies(self, cookies: dict[str, str]) -> Self:
        """A new client like this one, with additional cookies."""
        return self._evolve(cookies={**self._cookies, **cookies})

    def with_timeout(self, timeout: httpx.Timeout | None) -> Self:
        """A new client like this one, with another timeout."""
        return self._evolve(timeout=timeout)

    def _arguments(self) -> dict[str, Any]:
        return {
            "base_url": self._base_url,
            "cookies": self._cookies,
            "headers": self._headers,
            "timeout": self._timeout,
            "verify_ssl": self._verify_ssl,
            "follow_redirects": self._follow_redirects,
            "httpx_args": self._httpx_args,
        }

    def _evolve(self, **changes: Any) -> Self:
        return type(self)(**{**self._arguments(), **changes})

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Use an ``httpx.Client`` of one's own: its headers, cookies, timeout and transport count.

        What such a client logs and raises shows the request as it is sent, secrets included.
        """
        self._client = client
        return self

    def get_httpx_client(self) -> httpx.Client:
        """The ``httpx.Client`` behind this one, built when it is first needed.

        What is changed in it, such as headers, counts if it is changed before the first call.
        """
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
        """The ``httpx.AsyncClient`` behind this one in the running event loop, built when it is first needed.

        What is changed in it, such as headers, counts if it is changed before the first call.
        """
        if self._async_client is not None:
            return self._async_client
        loop = _running_loop()
        client = self._async_clients.get(loop)
        if client is None or client.is_closed:
            with self._lock:
                for old in [
                    old for old in self._async_clients if old is not None and old.is_closed()
                ]:
                    del self._async_clients[old]
                client = self._async_clients[loop] = _AsyncHttpxClient(**self._httpx_kwargs())
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.get_async_httpx_client().aclose()

    def send(self, operation: Operation) -> httpx.Response:
        """Send what an API function asks for. Raises httpx.HTTPError if there is no answer."""
        return self._send(operation, None)

    async def asend(self, operation: Operation) -> httpx.Response:
        """Send what an API function asks for. Raises httpx.HTTPError if there is no answer."""
        return await self._asend(operation, None)

    def _send(self, operation: Operation, token: str | None) -> httpx.Response:
        client = self.get_httpx_client()
        return client.send(self._request(client, operation, token), follow_redirects=False)

    async def _asend(self, operation: Operation, token: str | None) -> httpx.Response:
        client = self.get_async_httpx_client()
        return await client.send(self._request(client, operation, token), follow_redirects=False)

    def _httpx_kwargs(self) -> dict[str, Any]:
        verify = self._verify_ssl
        return {
            "cookies": self._cookies,
            "headers": self._headers,
            "timeout": self._timeout,
            "verify": ssl.create_default_context(cafile=verify)
            if isinstance(verify, str)
            else verify,
            **self._httpx_args,
        }

    def _request(
        self, client: httpx.Client | httpx.AsyncClient, operation: Operation, token: str | None
    ) -> httpx.Request:
        if not isinstance(client, (_HttpxClient, _AsyncHttpxClient)):
            return self._secret_and_request(client, operation, token)[0].wire
        prepared = client.prepared.get(operation)
        if prepared is None or prepared[0] != token:
            # The same request each time, so it is built once for each token.
            request = self._secret_and_request(client, operation, token)[1]
            prepared = client.prepared[operation] = token, request
        return prepared[1]

    def _secret_and_request(
        self, client: httpx.Client | httpx.AsyncClient, operation: Operation, token: str | None
    ) -> tuple[_Secret, httpx.Request]:
        query, body = self._signed(operation.body, token)
        path = self._url.raw_path.rstrip(b"/") + operation.path.encode()
        secret = _Secret(path, query, body, self._follow_redirects)
        request = client.build_request(
            operation.method,
            self._url.copy_with(raw_path=_MASK + operation.path.encode()),
            headers={
                "Accept": "application/json",
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
            },
            extensions={_SECRET: secret},
        )
        secret.hide_behind(request)
        return secret, request

    def _signed(self, body: bytes, token: str | None) -> tuple[dict[str, str], bytes]:
        """The query and the body, with the token in one of them if there is one."""
        del token
        return {}, body


class AuthenticatedClient(Client):
    """A portal, reached by OAuth.

    On 401 with ``expired_token``, and on nothing else, the token is renewed if ``refresh`` is given, and the
    call is repeated once. However many threads and tasks meet the expired token, ``refresh`` is called once
    for all of them; if it raises, they all get what it raised, and the next call tries again.

    Args:
        base_url: The portal's REST address, https://PORTAL/rest.
        token: The access token. It may be set anew at any time.
        auth_in: Where the token goes as ``auth``: into the JSON body, or into the query, which ends up in logs.
        refresh: Gets a new access token from the portal's OAuth server and returns it. A plain function is run
            in a thread for the asynchronous API functions; a coroutine function serves only those. Calls that
            it makes with this very client are not renewed.
        on_refresh: Is given each new token, for example to store it.

    The other arguments are those of ``Client``.
    """

    token: str
    auth_in: Literal["body", "query"]
    refresh: Callable[[], str | Awaitable[str]] | None
    on_refresh: Callable[[str], object] | None

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        auth_in: Literal["body", "query"] = "body",
        refresh: Callable[[], str | Awaitable[str]] | None = None,
        on_refresh: Callable[[str], object] | None = None,
        cookies: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        timeout: httpx.Timeout | None = DEFAULT_TIMEOUT,
        verify_ssl: str | bool | ssl.SSLContext = True,
        follow_redirects: bool = False,
        httpx_args: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            base_url,
            cookies=cookies,
            headers=headers,
            timeout=timeout,
            verify_ssl=verify_ssl,
            follow_redirects=follow_redirects,
            httpx_args=httpx_args,
        )
        self.token = token
        self.auth_in = auth_in
        self.refresh = refresh
        self.on_refresh = on_refresh
        # The renewal under way, for all who wait for it; the event loop it is done in, if any; its task.
        self._renewal: Future[None] | None = None
        self._renewal_loop: asyncio.AbstractEventLoop | None = None
        self._renewal_task: asyncio.Task[None] | None = None

    def _arguments(self) -> dict[str, Any]:
        return {
            **super()._arguments(),
            "token": self.token,
            "auth_in": self.auth_in,
            "refresh": self.refresh,
            "on_refresh": self.on_refresh,
        }

    def send(self, operation: Operation) -> httpx.Response:
        """Send what an API function asks for, and once more if the token had to be renewed.

        Raises httpx.HTTPError if there is no answer, and what ``refresh`` raises.
        """
        token = self.token
        response = self._send(operation, token)
        if self.refresh is None or not _is_expired(response) or _renewing.get() is self:
            return response
        from concurrent.futures import wait

        renewal, is_mine = self._join_renewal(token, None)
        if is_mine:
            self._renew(renewal, self.refresh)
        while not wait([renewal], timeout=_STALL).done:
            self._abandon_stalled_renewal()
        renewal.result()
        return self._send(operation, self.token)

    async def asend(self, operation: Operation) -> httpx.Response:
        """Send what an API function asks for, and once more if the token had to be renewed.

        Raises httpx.HTTPError if there is no answer, and what ``refresh`` raises.
        """
        token = self.token
        response = await self._asend(operation, token)
        if self.refresh is None or not _is_expired(response) or _renewing.get() is self:
            return response
        import asyncio

        renewal, is_mine = self._join_renewal(token, _running_loop())
        if is_mine:
            # A task of its own, because others wait for it even if this caller is cancelled.
            coroutine = self._arenew(renewal, self.refresh)
            try:
                self._renewal_task = asyncio.create_task(coroutine)
            except RuntimeError as error:  # the event loop is another library's
                coroutine.close()
                self._end_renewal(renewal, error)
        waiting = asyncio.wrap_future(renewal)
        # If this caller is cancelled, asyncio would complain of an error that nobody here has asked for.
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
        while not (await asyncio.wait([waiting], timeout=_STALL))[0]:
            self._abandon_stalled_renewal()
        waiting.result()
        return await self._asend(operation, self.token)

    def _join_renewal(
        self, token: str, loop: asyncio.AbstractEventLoop | None
    ) -> tuple[Future[None], bool]:
        """The renewal of that token, and whether it is the caller's to do."""
        from concurrent.futures import Future

        self._abandon_stalled_renewal()
        with self._lock:
            if self._renewal is not None:
                return self._renewal, False
            renewal = Future[None]()
            renewal.set_running_or_notify_cancel()
            if self.token != token:
                renewal.set_result(None)
                return renewal, False
            self._renewal, self._renewal_loop = renewal, loop
            return renewal, True

    def _renew(self, renewal: Future[None], refresh: Callable[[], str | Awaitable[str]]) -> None:
        outside = _renewing.set(self)
        try:
            token = _call(refresh)
            if inspect.iscoroutine(token):
                token.close()
            self._take(token)
        except BaseException as error:
            self._end_renewal(renewal, error)
        else:
            self._end_renewal(renewal, None)
        finally:
            _renewing.reset(outside)

    async def _arenew(
        self, renewal: Future[None], refresh: Callable[[], str | Awaitable[str]]
    ) -> None:
        import asyncio

        _renewing.set(self)  # in this task, and in the thread that it may start
        try:
            token = (
                refresh()
                if inspect.iscoroutinefunction(refresh)
                else await asyncio.to_thread(_call, refresh)
            )
            self._take(await token if inspect.isawaitable(token) else token)
        except asyncio.CancelledError:
            self._end_renewal(renewal, Bitrix24Error(_LOOP_ENDED))
            raise
        except BaseException as error:
            self._end_renewal(renewal, error)
        else:
            self._end_renewal(renewal, None)

    def _take(self, token: object) -> None:
        if not isinstance(token, str):
            raise TypeError(
                f"refresh gave {type(token).__name__}, expected the new access token; "
                "a coroutine function serves the asynchronous API functions only"
            )
        self.token = token
        if self.on_refresh is not None:
            self.on_refresh(token)

    def _abandon_stalled_renewal(self) -> None:
        """End the renewal in an event loop that was stopped in the middle, or all would wait for it for ever."""
        renewal, loop = self._renewal, self._renewal_loop
        if renewal is not None and loop is not None and not loop.is_running():
            self._end_renewal(renewal, Bitrix24Error(_LOOP_ENDED))

    def _end_renewal(self, renewal: Future[None], error: BaseException | None) -> None:
        with self._lock:
            if self._renewal is not renewal:
                return  # ended before
            self._renewal = self._renewal_loop = None
        if error is None:
            renewal.set_result(None)
        else:
            renewal.set_exception(error)

    def _signed(self, body: bytes, token: str | None) -> tuple[dict[str, str], bytes]:
        signature = {"auth": token or ""}
        if self.auth_in == "query":
            return signature, body
        return {}, json.dumps({**json.loads(body), **signature}, separators=(",", ":")).encode()
