"""A webhook's path and the tokens are nowhere but on the wire, whatever goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import pickle
import socket
import socketserver
import ssl
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import bitrix24_call_card
import httpx
import loguru
import pytest
import rich.traceback
import trustme
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import InitData, OpenWidgetRequest
from bitrix24_sandbox.portal.faults import FAULTS, OAUTH_FAULTS
from httpx_retries import Retry, RetryTransport
from hypercorn.asyncio import serve
from hypercorn.config import Config

if TYPE_CHECKING:
    from bitrix24_sandbox.testing import Sandbox

    from tests.client.conftest import Answering, Get

WEBHOOK, TOKEN, REFRESHED = "webhookmarker", "tokenmarker", "refreshedmarker"

IMPATIENT = httpx.Timeout(10, read=0.1)


PACKAGE = Path(bitrix24_call_card.__file__).parent
TESTS = Path(__file__).parent


def of_the_package(tb: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame of the package on, without those of the tests."""
    frames = []
    while tb is not None:
        frames.append((tb.tb_frame, tb.tb_lasti, tb.tb_lineno))
        tb = tb.tb_next
    files = [Path(frame.f_code.co_filename) for frame, *_ in frames]
    first = next((i for i, file in enumerate(files) if file.is_relative_to(PACKAGE)), len(files))
    for frame, file in reversed(list(zip(frames, files, strict=True))[first:]):
        if not file.is_relative_to(TESTS):  # whose literals and locals are their own
            tb = TracebackType(tb, *frame)
    return tb


def with_locals(error: BaseException) -> Iterator[tuple[str, str]]:
    """What the usual reporters of tracebacks make of an exception, with the values of locals."""
    kind, tb = type(error), of_the_package(error.__traceback__)
    lines = traceback.TracebackException(kind, error, tb, capture_locals=True).format()
    yield "traceback", "".join(lines)

    trace = rich.traceback.Traceback.extract(
        *(kind, error, tb),
        show_locals=True,
        locals_max_length=10_000,
        locals_max_string=10_000,
        locals_hide_dunder=False,
    )
    frames = [frame.locals or {} for stack in trace.stacks for frame in stack.frames]
    yield "rich", "\n".join(str(node) for nodes in frames for node in nodes.values())

    written: list[str] = []
    loguru.logger.remove()
    loguru.logger.add(
        lambda message: written.append(str(message)), diagnose=True, backtrace=False, catch=False
    )
    loguru.logger.opt(exception=(kind, error, tb)).error("failed")
    yield "loguru", "".join(written)


class Shown:
    """All that a person, a log or a report gets to see, and the secrets in it."""

    def __init__(self, logged: Callable[[], str], secrets: list[str]) -> None:
        self._logged = logged
        self._secrets = secrets
        self._leaks: list[str] = []

    def look_at(self, place: str, text: str) -> None:
        """Note the secrets in a text, in any spelling."""
        spelled = text.replace("%2D", "-").lower()
        self._leaks += [f"{secret} in {place}" for secret in self._secrets if secret in spelled]

    def look_at_logs(self, place: str) -> None:
        """Look at what was logged since the last time."""
        self.look_at(f"the logs of {place}", self._logged())

    def look_at_error(self, place: str, error: BaseException, *, locals: bool = True) -> None:  # noqa: A002
        """Look at an exception and all behind it: those that are not printed as well."""
        place = f"{type(error).__name__} of {place}"
        self.look_at(f"str of {place}", str(error))
        self.look_at(f"repr of {place}", repr(error))
        for reporter, text in with_locals(error) if locals else ():
            self.look_at(f"{reporter} of {place}", text)
        # A body that holds a secret is on the exception, as documented, but not shown with it.
        content: bytes = getattr(error, "content", None) or b""
        if not any(secret.encode() in content for secret in SECRETS):
            self.look_at(f"pickle of {place}", pickle.dumps(error).decode("latin-1"))
        if isinstance(error, httpx.RequestError):
            request = error.request
            self.look_at(f"request of {place}", f"{request!r} {request.url} {request.headers}")
            self.look_at(f"request of {place}", f"{request.url!r} {vars(request)}")
            self.look_at(f"content of {place}", request.read().decode())
        for behind in (error.__cause__, error.__context__):
            if behind is not None:
                self.look_at_error(f"what is behind {place}", behind, locals=locals)

    def check(self) -> None:
        """Fail if there was a secret anywhere."""
        assert self._leaks == []


SECRETS = [
    *("sandboxwebhook", "sandboxaccesstoken", "sandboxrefreshtoken"),
    *(WEBHOOK, TOKEN, REFRESHED, "refreshed-token"),
]


@pytest.fixture
def shown(caplog: pytest.LogCaptureFixture) -> Iterator[Shown]:
    """What is shown while everything is logged that can be."""

    def logged() -> str:
        # The portal runs in this process as well, and its server may say what it likes.
        servers = ("uvicorn", "sandbox", "hypercorn")
        ours = [r for r in caplog.records if not r.name.startswith(servers)]
        text = "\n".join(f"{record.getMessage()} {vars(record)}" for record in ours)
        caplog.clear()
        return text

    with caplog.at_level(logging.DEBUG):
        yield Shown(logged, SECRETS)


def meet(client: Client, get: Get, shown: Shown, place: str) -> BaseException | None:
    """Call, and look at all that comes of it."""
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


# --- a portal's failures -------------------------------------------------------------------------


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


def test_a_whole_response_shows_its_status_alone(
    make: Callable[..., Client], sandbox: Sandbox, shown: Shown
) -> None:
    sandbox.call = (sandbox.call or {}) | {"PHONE_NUMBER": "sandboxwebhook"}
    with make() as client:
        response = get_status.sync_detailed(client=client)
    assert b"sandboxwebhook" in response.content
    assert repr(response) == "<Response [200]>"
    shown.look_at("the response", repr(response))
    shown.check()


def test_a_client_shows_its_host_and_nothing_else(
    make: Callable[..., Client], sandbox: Sandbox, shown: Shown
) -> None:
    client = make()
    for text in (repr(client), str(client), f"{client}", f"{[client]}"):
        shown.look_at("the client", text)
        assert "/rest" not in text
        assert sandbox.origin in text
        assert type(client).__name__ in text
    with pytest.raises(AttributeError) as caught:
        client.no_such_member  # type: ignore[attr-defined]  # noqa: B018
    shown.look_at("an attribute that is missing", str(caught.value))
    shown.check()


class TestTheSandboxsFaults:
    def test_do_not_show_them(
        self, make: Callable[..., Client], get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        client = make()
        for fault in FAULTS:
            sandbox.fail(fault, **({"seconds": 60} if fault == "slow" else {}))
            assert meet(client, get, shown, fault) is not None or fault == "expired_token"
        shown.check()

    @pytest.mark.parametrize("fault", ["QUERY_LIMIT_EXCEEDED", "html-502", "disconnect"])
    def test_with_retries_do_not_show_them(
        self, fault: str, make: Callable[..., Client], get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        for times in (1, 9):  # overcome, and given up
            sandbox.reset()
            sandbox.fail(fault, times)
            retry = Retry(total=2, allowed_methods=["POST"], backoff_factor=0)
            client = make(
                transport=lambda: RetryTransport(retry=retry),  # noqa: B023 - called at once
                async_transport=lambda: RetryTransport(retry=retry),  # noqa: B023
            )
            error = meet(client, get, shown, f"{fault}, {times} times")
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
            assert isinstance(meet(client, get, shown, fault), httpx.HTTPStatusError | LookupError)
        shown.check()


# --- servers that echo what they receive, or are broken -------------------------------------------

Respond = Callable[[bytes], bytes]


class RawServer:
    """A server that responds to a whole request with the bytes that `respond` makes of it."""

    def __init__(self) -> None:
        self.respond: Respond = lambda _: b""
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                request, length = b"", 0
                while (line := self.rfile.readline()).strip():
                    request += line
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                request += self.rfile.read(length)
                with contextlib.suppress(OSError):
                    self.wfile.write(server.respond(request))

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def raw_server() -> Iterator[RawServer]:
    """A server for the whole module; each test sets what it responds."""
    server = RawServer()
    yield server
    server.stop()


def page(status: str, *headers: str, body: bytes = b"") -> bytes:
    """A response."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def echo(request: bytes) -> str:
    """All of a request that holds a secret, in one line."""
    return "".join(char if char.isprintable() else " " for char in request.decode())


def secret(request: bytes) -> bytes:
    """The secret in a request; one to a proxy for a tunnel has none."""
    found = [secret for secret in (WEBHOOK, TOKEN) if secret.encode() in request]
    return found[0].encode() if found else b"nothing"


RESPONSES: dict[str, Respond] = {
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
    "no HTTP": lambda r: r,
    "header line": lambda r: f"HTTP/1.1 200 OK\r\n{echo(r)}\r\n\r\n".encode(),
    "length": lambda r: f"HTTP/1.1 200 OK\r\nContent-Length: {echo(r)}\r\n\r\n".encode(),
    "chunk": lambda r: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + r,
    "truncated body": lambda r: page("200 OK", body=r)[:-1],
    "too large a body": lambda r: page("200 OK", body=r * (9 * 2**20 // len(r))),
    "encoding": lambda r: page("200 OK", f"Content-Encoding: {echo(r)}"),
    "broken gzip": lambda r: page("200 OK", "Content-Encoding: gzip", body=r),
    "cut gzip": lambda r: page("200 OK", "Content-Encoding: gzip", body=gzip.compress(r)[:-9]),
    "nothing": lambda _: b"",
    "refusal of a proxy": lambda r: page("403 Forbidden", f"X-Echo: {echo(r)}", body=r),
}


@pytest.fixture(params=["webhook", "token", "webhook, forward proxy", "webhook, tunnel"])
def echoed(request: pytest.FixtureRequest, raw_server: RawServer) -> Client:
    """A client of each kind whose requests reach the raw server."""
    origin = f"http://{raw_server.host}"
    if request.param == "token":
        return AuthenticatedClient(f"{origin}/rest", TOKEN, timeout=2)
    if request.param == "webhook":
        return Client(f"{origin}/rest/1/{WEBHOOK}/", timeout=2)
    scheme = "https" if "tunnel" in request.param else "http"
    return Client(f"{scheme}://portal.example/rest/1/{WEBHOOK}/", timeout=2, proxy=origin)


class TestServersThatEcho:
    @pytest.mark.parametrize("response", RESPONSES)
    def test_do_not_make_them_shown(
        self, response: str, echoed: Client, get: Get, raw_server: RawServer, shown: Shown
    ) -> None:
        raw_server.respond = RESPONSES[response]
        assert meet(echoed, get, shown, response) is not None
        shown.check()

    def test_a_body_that_holds_one_is_on_the_exception(
        self, get: Get, answering: Answering
    ) -> None:
        # Web servers like to name the address that was asked for.
        page = b'<p>The document has moved to <a href="/rest/1/made-up-secret/">here</a>.</p>'
        for status in (200, 301, 404, 502):
            with pytest.raises(errors.Bitrix24Error) as caught:
                get(answering(page, status))
            assert caught.value.content == page  # type: ignore[attr-defined]


# --- no connection --------------------------------------------------------------------------------


class TestPortalsThatCannotBeReached:
    @pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:1", "http://proxy.invalid:3128"])
    @pytest.mark.parametrize(
        "origin", ["http://127.0.0.1:1", "https://127.0.0.1:1", "http://portal.invalid"]
    )
    def test_do_not_show_them(self, origin: str, proxy: str | None, get: Get, shown: Shown) -> None:
        for client in (
            Client(f"{origin}/rest/1/{WEBHOOK}/", proxy=proxy),
            AuthenticatedClient(f"{origin}/rest", TOKEN, proxy=proxy),
        ):
            assert isinstance(meet(client, get, shown, origin), httpx.ConnectError)
        shown.check()

    def test_because_of_tls_do_not_show_them(
        self, get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        client = Client(sandbox.webhook_url.replace("http:", "https:"))
        assert isinstance(meet(client, get, shown, "TLS"), httpx.ConnectError)
        shown.check()

    def test_in_time_do_not_show_them(self, get: Get, raw_server: RawServer, shown: Shown) -> None:
        over = threading.Event()

        def hang(_: bytes) -> bytes:
            over.wait(10)
            return b""

        raw_server.respond = hang
        client = Client(f"http://{raw_server.host}/rest/1/{WEBHOOK}/", timeout=IMPATIENT)
        assert isinstance(meet(client, get, shown, "timeout"), httpx.ReadTimeout)
        over.set()
        shown.check()


# --- the caller's own code ------------------------------------------------------------------------


class Careless(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Another library's transport, which raises what it is made with, and names the address."""

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


class TestTransportsOfOthers:
    @pytest.mark.parametrize("raised", RAISED)
    def test_that_raise_with_the_address_do_not_show_them(
        self, raised: str, get: Get, shown: Shown
    ) -> None:
        arguments: Any = {
            "transport": lambda: Careless(RAISED[raised]),
            "async_transport": lambda: Careless(RAISED[raised]),
        }
        for client in (
            Client(f"https://portal.example/rest/1/{WEBHOOK}/", **arguments),
            AuthenticatedClient("https://portal.example/rest", TOKEN, **arguments),
        ):
            assert isinstance(meet(client, get, shown, raised), httpx.TransportError)
        shown.check()


def expired(_: httpx.Request) -> httpx.Response:
    """The response of a portal to a token that has expired."""
    return httpx.Response(401, json={"error": "expired_token", "error_description": ""})


class TestRefresh:
    """The functions may be made with secrets, which their repr shows."""

    @staticmethod
    def fail(*_: str, **__: object) -> str:
        raise OSError("the store is not there")

    @staticmethod
    def succeed(*_: str, **__: object) -> str:
        return REFRESHED

    @staticmethod
    async def fail_in_the_loop(*_: str, **__: object) -> str:
        raise OSError("the store is not there")

    @staticmethod
    async def succeed_in_the_loop(*_: str, **__: object) -> str:
        return REFRESHED

    @staticmethod
    def future(*_: str, **__: object) -> Awaitable[str]:
        future: asyncio.Future[str] = asyncio.Future(loop=asyncio.new_event_loop())
        future.get_loop().close()
        future.set_result(REFRESHED)
        return future

    @staticmethod
    def secret_bytes(*_: str, **__: object) -> bytes:
        return REFRESHED.encode()

    @pytest.mark.parametrize(
        ("refresh", "on_refresh"),
        [
            ("fail", None),
            ("fail", "succeed"),
            ("succeed", "fail"),
            ("future", None),
            ("succeed", "future"),
            ("secret_bytes", None),
            ("fail_in_the_loop", None),
            ("succeed_in_the_loop", "fail"),
            ("succeed", "fail_in_the_loop"),
            ("fail", "succeed_in_the_loop"),
            ("succeed_in_the_loop", "fail_in_the_loop"),
        ],
    )
    def test_that_fails_does_not_show_them(
        self, refresh: str, on_refresh: str | None, get: Get, shown: Shown
    ) -> None:
        functions: dict[str, Any] = {
            name: partial(getattr(self, function), client_secret=TOKEN)
            for name, function in (("refresh", refresh), ("on_refresh", on_refresh))
            if function is not None
        }
        client = AuthenticatedClient(
            "https://portal.example/rest",
            TOKEN,
            transport=lambda: httpx.MockTransport(expired),
            async_transport=lambda: httpx.MockTransport(expired),
            **functions,
        )
        assert isinstance(meet(client, get, shown, refresh), OSError | TypeError)
        shown.check()


class TestConstruction:
    @pytest.mark.parametrize(
        "arguments",
        [
            {"base_url": f"portal.example/rest/1/{WEBHOOK}/"},
            {"base_url": f"ftp://portal.example/rest/1/{WEBHOOK}/"},
            {"base_url": f"https://portal.example:99999/rest/1/{WEBHOOK}/"},
            {"base_url": f"https://portal.example/rest/1/{WEBHOOK}/?a=b"},
            {"base_url": f"https://user:{WEBHOOK}@portal.example/"},
            {"base_url": f"https://portal.example:{WEBHOOK}/"},
            {"base_url": httpx.URL(f"https://portal.example/rest/1/{WEBHOOK}/")},
            {"base_url": f"https://portal.example/rest/1/{WEBHOOK}/".encode()},
            {"base_url": f"https://portal.example/rest/1/{WEBHOOK}/", "token": TOKEN},
            {"base_url": f"https://portal.example/rest/1/{WEBHOOK}/", "follow_redirects": True},
            {"base_url": f"https://portal.example/rest/1/{WEBHOOK}/", "httpx_args": {"auth": 1}},
            {
                "base_url": f"https://portal.example/rest/1/{WEBHOOK}/",
                "transport": httpx.MockTransport(expired),
            },
        ],
    )
    def test_with_wrong_arguments_does_not_show_them(
        self, arguments: dict[str, Any], shown: Shown
    ) -> None:
        with pytest.raises((TypeError, ValueError)) as caught:
            Client(**arguments)
        shown.look_at_error("construction", caught.value)
        shown.check()

    @pytest.mark.parametrize(
        "arguments",
        [
            {"base_url": f"portal.example/rest/1/{WEBHOOK}/", "token": TOKEN},
            {"base_url": "https://portal.example/rest", "token": TOKEN.encode()},
            {"base_url": "https://portal.example/rest", "token": TOKEN, "refresh_token": TOKEN},
            {"base_url": "https://portal.example/rest", "token": TOKEN, "auth_in": TOKEN},
        ],
    )
    def test_for_oauth_with_wrong_arguments_does_not_show_them(
        self, arguments: dict[str, Any], shown: Shown
    ) -> None:
        refresh = partial(TestRefresh.succeed, client_secret=TOKEN)
        with pytest.raises((TypeError, ValueError)) as caught:
            AuthenticatedClient(**arguments, refresh=refresh, on_refresh=refresh)
        shown.look_at_error("construction", caught.value)
        shown.check()

    def test_a_token_of_a_wrong_type_that_is_set_later_is_not_shown(self, shown: Shown) -> None:
        client = AuthenticatedClient("https://portal.example/rest", TOKEN)
        with pytest.raises(TypeError) as caught:
            client.token = TOKEN.encode()  # type: ignore[assignment]
        shown.look_at_error("token", caught.value)
        shown.check()

    def test_a_transport_that_cannot_be_made_does_not_show_them(
        self, get: Get, shown: Shown
    ) -> None:
        wrong: Any = lambda: None  # noqa: E731
        client = Client(
            f"https://portal.example/rest/1/{WEBHOOK}/", transport=wrong, async_transport=wrong
        )
        assert meet(client, get, shown, "transport") is not None
        shown.check()


# --- logs -----------------------------------------------------------------------------------------


async def echoing_application(scope: Any, receive: Any, send: Any) -> None:
    """Responds with the path and the body of the request in headers, as some servers do."""
    if scope["type"] != "http":
        return
    body = (await receive())["body"]
    headers = [(b"x-path", scope["raw_path"]), (b"x-body", body), (b"location", scope["raw_path"])]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


@pytest.fixture(scope="module")
def http2_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ssl.SSLContext]]:
    """The address of a server that speaks HTTP/2, and a context that trusts it."""
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("http2")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    port = listening.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{listening.detach()}"]
    config.certfile, config.keyfile = str(folder / "certificate.pem"), str(folder / "key.pem")
    loop, over = asyncio.new_event_loop(), asyncio.Event()
    serving = serve(cast("Any", echoing_application), config, shutdown_trigger=over.wait)
    thread = threading.Thread(target=loop.run_until_complete, args=[serving])
    thread.start()
    yield f"https://127.0.0.1:{port}", context
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()


class TestLogs:
    @pytest.mark.parametrize("kind", ["webhook", "token"])
    def test_of_http2_do_not_show_them(
        self,
        kind: str,
        get: Get,
        http2_server: tuple[str, ssl.SSLContext],
        shown: Shown,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        origin, context = http2_server
        arguments: Any = {"verify_ssl": context, "httpx_args": {"http2": True}}
        if kind == "webhook":
            client = Client(f"{origin}/rest/1/{WEBHOOK}/", **arguments)
        else:
            client = AuthenticatedClient(f"{origin}/rest", TOKEN, **arguments)
        with pytest.raises(errors.Bitrix24Error), client:
            get(client)
        masked = {record.name for record in caplog.records if "***" in record.getMessage()}
        assert "httpcore.http2" in masked  # or nothing was logged that could show them
        assert "hpack.hpack" in masked
        shown.look_at_logs("HTTP/2")
        shown.check()

    @pytest.mark.parametrize(
        "name", ["httpcore.http11", "httpcore.http2", "httpcore.proxy", "hpack.hpack", "httpx"]
    )
    def test_of_other_clients_are_not_changed(
        self, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = Client(f"https://portal.example/rest/1/{WEBHOOK}/")
        with caplog.at_level(logging.DEBUG):
            logging.getLogger(name).debug("%s at %s", "another-secret", "/rest/1/other-webhook/")
        # A server of another test may still say something.
        (record,) = [record for record in caplog.records if record.name == name]
        assert record.msg == "%s at %s"
        assert record.args == ("another-secret", "/rest/1/other-webhook/")
        assert client.operating_reset_at is None

    def test_are_changed_only_where_they_hold_a_secret(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = AuthenticatedClient("https://portal.example/rest", TOKEN)
        with caplog.at_level(logging.DEBUG):
            logging.getLogger("httpcore.http11").debug("a %s b /%s/ %d", "other", TOKEN, 17)
        assert caplog.messages == ["a other b /***/ 17"]
        assert client.token == TOKEN

    def test_are_not_changed_for_a_token_that_is_gone(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = AuthenticatedClient("https://portal.example/rest", "former-token")
        client.token = "latter-token"
        with caplog.at_level(logging.DEBUG):
            logging.getLogger("httpcore.http11").debug("former-token latter-token")
        assert caplog.messages == ["former-token ***"]

    def test_are_not_changed_for_a_short_token_which_may_be_an_ordinary_word(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = AuthenticatedClient("https://portal.example/rest", "request")
        with caplog.at_level(logging.DEBUG):
            logging.getLogger("httpcore.http11").debug("a request")
            client.token = "response"
            logging.getLogger("httpcore.http11").debug("a response")
        assert caplog.messages == ["a request", "a ***"]

    def test_of_other_libraries_are_not_looked_at(self) -> None:
        filtered = {
            name
            for name in logging.root.manager.loggerDict
            for one in logging.getLogger(name).filters
            if getattr(one, "__module__", "").startswith("bitrix24_call_card")
        }
        assert filtered
        assert {name.partition(".")[0] for name in filtered} == {"httpcore", "hpack"}


# --- models ---------------------------------------------------------------------------------------


class TestModels:
    """Two models hold secrets that a portal gives to a widget."""

    OPENING: dict[str, Any] = {  # noqa: RUF012 - never changed
        "AUTH_ID": "sandboxaccesstoken",
        "AUTH_EXPIRES": "3600",
        "REFRESH_ID": "sandboxrefreshtoken",
        "SERVER_ENDPOINT": "https://oauth.bitrix.info/rest/",
        "APPLICATION_TOKEN": "refreshed-token",
        "APPLICATION_SCOPE": "placement,telephony",
        "member_id": "0123456789abcdef0123456789abcdef",
        "status": "L",
        "PLACEMENT": "CALL_CARD",
        "PLACEMENT_OPTIONS": "{}",
    }
    INIT: dict[str, Any] = {  # noqa: RUF012
        "LANG": "en",
        "DOMAIN": "portal.example",
        "PATH": "/rest",
        "PLACEMENT": "CALL_CARD",
        "PROTOCOL": 1,
        "AUTH_ID": "sandboxaccesstoken",
        "REFRESH_ID": "sandboxrefreshtoken",
        "MEMBER_ID": "0123456789abcdef0123456789abcdef",
        "AUTH_EXPIRES": "3600",
        "FIRST_RUN": False,
        "IS_ADMIN": True,
        "INSTALL": False,
        "USER_OPTIONS": [],
        "APP_OPTIONS": {},
        "PLACEMENT_OPTIONS": {
            "CALL_ID": "externalCall.0123456789abcdef0123456789abcdef.1723556778",
            "CRM_ENTITY_TYPE": "CONTACT",
            "CRM_ENTITY_ID": "17",
            "CALL_DIRECTION": "incoming",
            "CALL_LIST_MODE": "false",
        },
    }

    @pytest.fixture(params=["OpenWidgetRequest", "InitData"])
    def received(
        self, request: pytest.FixtureRequest
    ) -> tuple[type[OpenWidgetRequest | InitData], dict[str, Any]]:
        """A model, and what a portal sends for it."""
        if request.param == "InitData":
            return InitData, self.INIT
        return OpenWidgetRequest, self.OPENING

    def test_they_do_not_show_them(
        self, received: tuple[type[OpenWidgetRequest | InitData], dict[str, Any]], shown: Shown
    ) -> None:
        kind, data = received
        model = kind.from_dict(data)
        assert model.auth_id == "sandboxaccesstoken"
        assert model.refresh_id == "sandboxrefreshtoken"
        for text in (repr(model), str(model), f"{model}", repr([model]), "%s" % model):  # noqa: UP031
            assert "member_id='0123456789abcdef" in text  # the rest is there
            shown.look_at("the model", text)
        shown.check()

    @pytest.mark.parametrize("wrong", [None, 17, ["sandboxrefreshtoken"], {"sandboxwebhook": 1}])
    def test_one_that_cannot_be_read_does_not_show_them(
        self,
        wrong: object,
        received: tuple[type[OpenWidgetRequest | InitData], dict[str, Any]],
        shown: Shown,
    ) -> None:
        kind, data = received
        failures = 0
        for name in data:
            with contextlib.suppress(errors.InvalidResponse):
                try:
                    kind.from_dict({**data, name: wrong})
                except errors.InvalidResponse as error:
                    failures += 1
                    # The locals are what the caller gave, and has as well.
                    shown.look_at_error(name, error, locals=False)
                    raise
        assert failures
        shown.check()
