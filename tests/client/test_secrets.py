"""Webhooks and tokens appear on the wire alone, whatever goes wrong."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status
from bitrix24_sandbox.portal.faults import FAULTS, OAUTH_FAULTS
from httpx_retries import Retry, RetryTransport

from tests.client.mocked import mocking
from tests.client.shown import REFRESHED, TOKEN, WEBHOOK, Shown

if TYPE_CHECKING:
    from bitrix24_sandbox.testing import Sandbox

    from tests.client.conftest import Get, RawServer

SECRET_URL = f"https://portal.example/rest/1/{WEBHOOK}/"
OAUTH_URL = "https://portal.example/rest"

IMPATIENT = httpx.Timeout(10, read=0.1)


@pytest.fixture
def shown(caplog: pytest.LogCaptureFixture) -> Iterator[Shown]:
    """Collects the secrets that are shown, with all logging enabled."""

    def logged() -> str:
        # The portal runs in this process as well, and its server logs what it likes.
        ours = [r for r in caplog.records if not r.name.startswith(("uvicorn", "sandbox"))]
        text = "\n".join(f"{record.getMessage()} {vars(record)}" for record in ours)
        caplog.clear()
        return text

    with caplog.at_level(logging.DEBUG):
        yield Shown(logged)


def failure(client: Client, get: Get, shown: Shown, place: str) -> BaseException | None:
    """Call, look at all that is shown, and return what is raised."""
    error: BaseException | None = None
    try:
        with client:
            get(client)
    except BaseException as raised:
        error = raised
        shown.look_at_error(place, raised)
    shown.look_at_logs(place)
    shown.look_at(f"client of {place}", f"{client} {client!r}")
    return error


# --- a portal's faults ----------------------------------------------------------------------------


@pytest.fixture(params=["webhook", "token", "refresh"])
def make(request: pytest.FixtureRequest, sandbox: Sandbox) -> Callable[..., Client]:
    """Makes a client of the sandbox of each kind; it does not wait long for a response."""
    if request.param == "webhook":
        return partial(Client, base_url=sandbox.webhook_url, timeout=IMPATIENT)
    return partial(
        AuthenticatedClient,
        base_url=sandbox.oauth_url,
        token=sandbox.access_token,
        refresh=(lambda: REFRESHED) if request.param == "refresh" else None,
        timeout=IMPATIENT,
    )


def test_the_repr_of_a_response_shows_its_status_alone(
    make: Callable[..., Client], sandbox: Sandbox
) -> None:
    sandbox.call = (sandbox.call or {}) | {"PHONE_NUMBER": "sandboxwebhook"}
    with make() as client:
        response = get_status.sync_detailed(client=client)
    assert b"sandboxwebhook" in response.content
    assert repr(response) == "<Response [200]>"


class TestTheSandboxsFaults:
    def test_do_not_show_them(
        self, make: Callable[..., Client], get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        client = make()
        for fault in FAULTS:
            sandbox.fail(fault, **({"seconds": 60} if fault == "slow" else {}))
            assert failure(client, get, shown, fault) is not None or fault == "expired_token"
        shown.check()

    def test_with_retries_do_not_show_them(
        self, make: Callable[..., Client], get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        retry = Retry(total=1, allowed_methods=["POST"], backoff_factor=0)
        client = make(
            transport=lambda: RetryTransport(retry=retry),
            async_transport=lambda: RetryTransport(retry=retry),
        )
        for fault in ("QUERY_LIMIT_EXCEEDED", "html-502", "disconnect"):
            for times in (1, 9):  # overcome, and given up
                sandbox.reset()
                sandbox.fail(fault, times)
                error = failure(client, get, shown, f"{fault}, {times} times")
                assert (error is None) == (times == 1)
        shown.check()

    def test_in_a_refresh_do_not_show_them(self, get: Get, sandbox: Sandbox, shown: Shown) -> None:
        def refresh() -> str:
            response = httpx.get(f"{sandbox.origin}/oauth/token/", timeout=60).raise_for_status()
            raise LookupError(response.json()["error"])  # as some errors come with 200

        for fault in OAUTH_FAULTS:
            sandbox.expire_tokens()
            sandbox.fail(fault)
            client = AuthenticatedClient(
                base_url=sandbox.oauth_url, token=sandbox.access_token, refresh=refresh
            )
            error = failure(client, get, shown, fault)
            assert isinstance(error, httpx.HTTPStatusError | LookupError)
        shown.check()


# --- servers that echo what they receive, or are broken -------------------------------------------


def page(status: str, *headers: str, body: bytes = b"") -> bytes:
    """Return a response."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def echo(request: bytes) -> str:
    """Return the whole request, which holds a secret, in one line."""
    return "".join(char if char.isprintable() else " " for char in request.decode())


def secret(request: bytes) -> bytes:
    """Return the secret in a request; one to a proxy for a tunnel has none."""
    found = [secret for secret in (WEBHOOK, TOKEN) if secret.encode() in request]
    return found[0].encode() if found else b"nothing"


RESPONSES: dict[str, Callable[[bytes], bytes]] = {
    "body of a 404": lambda r: page("404 Not Found", body=r),
    "body of a 200": lambda r: page("200 OK", body=r),
    "body of a 502": lambda r: page("502 Bad Gateway", body=r),
    "JSON of a wrong shape": lambda r: page("200 OK", body=b'{"result": "%s"}' % r.split()[1]),
    "JSON with a wrong key": lambda r: page("200 OK", body=b'{"%s": 1}' % r.split()[1]),
    "error code": lambda r: page("400 Bad Request", body=b'{"error": "%s"}' % secret(r)),
    "error description": lambda r: page(
        "400 Bad Request",
        body=b'{"error": "ERROR_CORE", "error_description": "at %s"}' % secret(r),
    ),
    "header": lambda r: page("500 Oops", f"X-Echo: {echo(r)}", f"Set-Cookie: a={echo(r)}"),
    "location": lambda r: page("301 Moved", f"Location: http://portal.example/{echo(r)}"),
    "host of a location": lambda r: page(
        "301 Moved", f"Location: http://{secret(r).decode()}.example/"
    ),
    "reason": lambda r: page(f"404 {echo(r)}"),
    "reason of a 200": lambda r: page(f"200 {echo(r)}", body=b"{}"),
    "status line": lambda r: f"HTTP/1.1 {echo(r)}\r\n\r\n".encode(),
    "not HTTP": lambda r: r,
    "header line": lambda r: f"HTTP/1.1 200 OK\r\n{echo(r)}\r\n\r\n".encode(),
    "length": lambda r: f"HTTP/1.1 200 OK\r\nContent-Length: {echo(r)}\r\n\r\n".encode(),
    "chunk": lambda r: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + r,
    "truncated body": lambda r: page("200 OK", body=r)[:-1],
    "too large a body": lambda r: page("200 OK", body=r * (9 * 2**20 // len(r))),
    "encoding": lambda r: page("200 OK", f"Content-Encoding: {echo(r)}"),
    "broken gzip": lambda r: page("200 OK", "Content-Encoding: gzip", body=r),
    "cut gzip": lambda r: page("200 OK", "Content-Encoding: gzip", body=gzip.compress(r)[:-9]),
    "no bytes": lambda _: b"",
    "refusal of a proxy": lambda r: page("403 Forbidden", f"X-Echo: {echo(r)}", body=r),
}


@pytest.fixture(params=["webhook", "token", "webhook, forward proxy", "webhook, tunnel"])
def echoed(request: pytest.FixtureRequest, raw_server: RawServer) -> Client:
    """A client of each kind whose requests reach the raw server."""
    if request.param == "token":
        return AuthenticatedClient(f"{raw_server.origin}/rest", TOKEN, timeout=2)
    if request.param == "webhook":
        return Client(f"{raw_server.origin}/rest/1/{WEBHOOK}/", timeout=2)
    url = SECRET_URL if "tunnel" in request.param else SECRET_URL.replace("https:", "http:")
    return Client(url, timeout=2, proxy=raw_server.origin)


class TestServersThatEcho:
    def test_do_not_make_them_shown(
        self, echoed: Client, get: Get, raw_server: RawServer, shown: Shown
    ) -> None:
        for place, respond in RESPONSES.items():
            raw_server.respond = lambda request, respond=respond: [respond(request)]  # type: ignore[misc]
            assert failure(echoed, get, shown, place) is not None, place
        shown.check()


# --- no connection --------------------------------------------------------------------------------


class TestPortalsThatCannotBeReached:
    @pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:1", "http://proxy.invalid:3128"])
    def test_do_not_show_them(self, proxy: str | None, get: Get, shown: Shown) -> None:
        for origin in ("http://127.0.0.1:1", "https://127.0.0.1:1", "http://portal.invalid"):
            for client in (
                Client(f"{origin}/rest/1/{WEBHOOK}/", proxy=proxy),
                AuthenticatedClient(f"{origin}/rest", TOKEN, proxy=proxy),
            ):
                assert isinstance(failure(client, get, shown, origin), httpx.ConnectError)
        shown.check()

    def test_because_of_tls_do_not_show_them(
        self, get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        client = Client(sandbox.webhook_url.replace("http:", "https:"))
        assert isinstance(failure(client, get, shown, "TLS"), httpx.ConnectError)
        shown.check()


# --- the caller's own code ------------------------------------------------------------------------


class Careless(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Another library's transport, whose exceptions quote the URL and the body."""

    def __init__(self, make: Callable[[str, httpx.Request], BaseException]) -> None:
        self._make = make

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        try:
            raise ValueError(f"{url} {request.content!r}")
        except ValueError as error:
            raise self._make(f"{url} {request.content!r}", request) from error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


RAISED: dict[str, Callable[[str, httpx.Request], BaseException]] = {
    "OSError": lambda text, _: OSError(text),
    "httpx.ConnectError": lambda text, request: httpx.ConnectError(text, request=request),
    "httpx.ProtocolError": lambda text, request: httpx.RemoteProtocolError(text, request=request),
    "httpx.HTTPStatusError": lambda text, request: httpx.HTTPStatusError(
        text, request=request, response=httpx.Response(500, request=request)
    ),
    "httpx.StreamError": lambda text, _: httpx.StreamError(text),
    "httpx.InvalidURL": lambda text, _: httpx.InvalidURL(text),
    "ExceptionGroup": lambda text, _: ExceptionGroup(text, [OSError(text)]),
}


@pytest.mark.parametrize("raised", RAISED)
def test_a_transport_that_raises_with_the_address_does_not_show_them(
    raised: str, get: Get, shown: Shown
) -> None:
    arguments: dict[str, Any] = {
        "transport": lambda: Careless(RAISED[raised]),
        "async_transport": lambda: Careless(RAISED[raised]),
    }
    for client in (
        Client(SECRET_URL, **arguments),
        AuthenticatedClient(OAUTH_URL, TOKEN, **arguments),
    ):
        assert failure(client, get, shown, raised) is not None
    shown.check()


def test_a_transport_that_cannot_be_made_does_not_show_them(get: Get, shown: Shown) -> None:
    wrong: Any = lambda: None  # noqa: E731
    client = Client(SECRET_URL, transport=wrong, async_transport=wrong)
    assert failure(client, get, shown, "transport") is not None
    shown.check()


def fail(*_: str, **__: object) -> str:
    raise OSError("the store is not there")


def succeed(*_: str, **__: object) -> str:
    return REFRESHED


async def fail_in_the_loop(*_: str, **__: object) -> str:
    raise OSError("the store is not there")


async def succeed_in_the_loop(*_: str, **__: object) -> str:
    return REFRESHED


def secret_bytes(*_: str, **__: object) -> bytes:
    return REFRESHED.encode()


@pytest.mark.parametrize(
    ("refresh", "on_refresh"),
    [
        (fail, None),
        (fail, succeed),
        (succeed, fail),
        (secret_bytes, None),
        (fail_in_the_loop, None),
        (succeed_in_the_loop, fail),
        (succeed, fail_in_the_loop),
        (fail, succeed_in_the_loop),
        (succeed_in_the_loop, fail_in_the_loop),
    ],
)
def test_a_refresh_that_fails_does_not_show_them(
    refresh: Callable[..., Any], on_refresh: Callable[..., Any] | None, get: Get, shown: Shown
) -> None:
    expired = {"error": "expired_token", "error_description": ""}
    # The functions may be made with secrets, which their repr shows.
    client = AuthenticatedClient(
        OAUTH_URL,
        TOKEN,
        refresh=partial(refresh, client_secret=TOKEN),
        on_refresh=on_refresh and partial(on_refresh, client_secret=TOKEN),
        **mocking(lambda _: httpx.Response(401, json=expired)),
    )
    assert isinstance(failure(client, get, shown, refresh.__name__), OSError | TypeError)
    shown.check()
