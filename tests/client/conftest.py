"""Fixtures of the client's tests: the four functions, and servers to call with them."""

from __future__ import annotations

import asyncio
import copy
import http.client
import json
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import pytest
import trustme
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import ErrorResponse, GetStatusResponse
from bitrix24_call_card.types import Response

from tests.client.mocked import ANSWER

T = TypeVar("T")
Get = Callable[[Client], GetStatusResponse]
GetDetailed = Callable[[Client], Response[GetStatusResponse | ErrorResponse]]
Ask = Callable[[Client], object]

WAIT = 60
"""Seconds to wait for an event before the test fails."""


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of the only CA that the tests trust."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def tls(ca: trustme.CA) -> ssl.SSLContext:
    """TLS for a server on this machine, which is also trusted as portal.example."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "portal.example").configure_cert(context)
    return context


@pytest.fixture(autouse=True)
def _plain_network(monkeypatch: pytest.MonkeyPatch, ca_file: Path) -> None:
    """Connect directly and trust one CA, whatever the environment says.

    Loading the usual CA bundle for each client would take longer than a test.
    """
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def answer() -> dict[str, Any]:
    """A portal's response with every documented member, which the test may change."""
    return copy.deepcopy(ANSWER)


# --- the four functions -------------------------------------------------------------------------


def _in_a_loop(function: Callable[..., Awaitable[T]]) -> Callable[[Client], T]:
    async def use(client: Client) -> T:
        async with client:
            return await function(client=client)

    return lambda client: asyncio.run(use(client))


def _directly(function: Callable[..., T]) -> Callable[[Client], T]:
    return lambda client: function(client=client)


_PLAIN = {"sync": _directly(get_status.sync), "asyncio": _in_a_loop(get_status.asyncio)}
_DETAILED = {
    "sync_detailed": _directly(get_status.sync_detailed),
    "asyncio_detailed": _in_a_loop(get_status.asyncio_detailed),
}


@pytest.fixture(params=_PLAIN)
def get(request: pytest.FixtureRequest) -> Get:
    """`sync`, and `asyncio` in a loop of its own; the test runs with each."""
    return _PLAIN[request.param]


@pytest.fixture(params=_DETAILED)
def get_detailed(request: pytest.FixtureRequest) -> GetDetailed:
    """`sync_detailed`, and `asyncio_detailed` in a loop of its own; the test runs with each."""
    return _DETAILED[request.param]


@pytest.fixture(params=[*_PLAIN, *_DETAILED])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Any of the four functions; the test runs with each."""
    return {**_PLAIN, **_DETAILED}[request.param]


# --- servers ------------------------------------------------------------------------------------


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve in a thread while the context lasts."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# --- a server that records ----------------------------------------------------------------------


@dataclass(frozen=True)
class Received:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for key, value in self.headers if key.lower() == name]


class Recorder:
    """A server that records requests, and takes its answers for a target from `answers`.

    Without an answer there, it sends status 200 and `body`.
    """

    def __init__(self, body: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.answers: dict[str, list[tuple[int, dict[str, str]]]] = {}
        self.peers: list[str] = []
        """The address from which each request came."""
        self.connections = 0
        self._open = 0
        self._changed = threading.Condition()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet for an answer: the kernel delays the second of two

            def setup(self) -> None:
                super().setup()
                recorder._count(1)

            def finish(self) -> None:
                super().finish()
                recorder._count(-1)

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = list(self.headers.items())
                recorder.received.append(Received(self.command, self.path, headers, content))
                recorder.peers.append(self.client_address[0])
                waiting = recorder.answers.get(self.path)
                status, extra = waiting.pop(0) if waiting else (200, {})
                content = body if status == 200 else b""
                self.send_response(status)
                for name, value in {**extra, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815 - a client that followed a redirect would send it

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        self.origin = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self.webhook_url = f"{self.origin}/rest/1/made-up-secret/"

    def _count(self, change: int) -> None:
        with self._changed:
            self.connections += change > 0
            self._open += change
            self._changed.notify_all()

    def wait_until_all_is_closed(self) -> bool:
        """Wait until the clients have closed every connection; return whether they have."""
        with self._changed:
            return self._changed.wait_for(lambda: self._open == 0, WAIT)


@pytest.fixture
def recorders(answer: dict[str, Any]) -> Iterator[Callable[..., Recorder]]:
    """Starts recording servers, with TLS or without; each answers `answer`."""
    with ExitStack() as running:

        def start(tls: ssl.SSLContext | None = None) -> Recorder:
            recorder = Recorder(json.dumps(answer).encode(), tls)
            running.enter_context(_running(recorder.server))
            return recorder

        yield start


@pytest.fixture
def recorder(recorders: Callable[[], Recorder]) -> Recorder:
    """One recording server."""
    return recorders()


# --- a server that sends anything ---------------------------------------------------------------


class RawServer:
    """A server that sends the parts that `respond` makes of a request, then closes."""

    def __init__(self, respond: Callable[[bytes], Iterable[bytes]]) -> None:
        self.respond = respond
        self.closed_early = threading.Event()
        """Set when a client closes its connection before everything is sent."""
        raw = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                request, length = b"", 0
                while (line := self.rfile.readline()).strip():
                    request += line
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                try:
                    for part in raw.respond(request + self.rfile.read(length)):
                        self.wfile.write(part)
                except OSError:
                    raw.closed_early.set()

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.webhook_url = f"{self.origin}/rest/1/made-up-secret/"


@pytest.fixture
def raw_server() -> Iterator[RawServer]:
    """A server that sends nothing until the test sets its `respond`."""
    raw = RawServer(lambda _: ())
    with _running(raw.server):
        yield raw


# --- a proxy ------------------------------------------------------------------------------------


class Proxy:
    """An HTTP proxy that forwards requests, opens tunnels, and records both.

    Whatever the host, it connects to `upstream`.
    """

    def __init__(self, upstream: Recorder) -> None:
        self.requests: list[str] = []
        """The first line and the headers of each request to the proxy, in order."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self) -> None:
                proxy.requests.append(f"{self.requestline}\n{self.headers}")
                body = self.rfile.read(int(self.headers["content-length"]))
                path = urlsplit(self.path).path
                forward = http.client.HTTPConnection("127.0.0.1", upstream.port, timeout=WAIT)
                forward.request("POST", path, body, dict(self.headers))
                response = forward.getresponse()
                self.send_response(response.status)
                self.send_header("Content-Length", response.headers["content-length"])
                self.end_headers()
                self.wfile.write(response.read())
                forward.close()

            def do_CONNECT(self) -> None:
                proxy.requests.append(f"{self.requestline}\n{self.headers}")
                self.send_response(200)
                self.end_headers()
                self.wfile.flush()
                self.close_connection = True
                with socket.create_connection(("127.0.0.1", upstream.port)) as there:
                    back = threading.Thread(target=_relay, args=(there, self.connection))
                    back.start()
                    _relay(self.connection, there)
                    back.join()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.netloc = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.netloc}"


def _relay(source: socket.socket, target: socket.socket) -> None:
    """Copy what arrives until one side ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxies() -> Iterator[Callable[[Recorder], Proxy]]:
    """Starts proxies, each in front of a recording server."""
    with ExitStack() as running:

        def start(upstream: Recorder) -> Proxy:
            proxy = Proxy(upstream)
            running.enter_context(_running(proxy.server))
            return proxy

        yield start


# --- programs of users --------------------------------------------------------------------------

GENERATED = Path(__file__).resolve().parents[2] / "generated"


class RunProgram(Protocol):
    """Runs a program in a process of its own and returns what it prints; fails if it fails.

    Python's development mode is on, and a warning or a traceback on stderr is a failure.
    """

    def __call__(self, source: str, *arguments: str) -> str: ...


@pytest.fixture
def run_program() -> RunProgram:
    """Programs that import the client."""

    def run_program(source: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-c", source, *arguments],
            env={**os.environ, "PYTHONPATH": str(GENERATED)},
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT,
        )
        assert done.returncode == 0, done.stderr
        # In this mode asyncio also logs what takes longer than 0.1 s, which depends on the machine.
        assert "Warning" not in done.stderr, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    return run_program
