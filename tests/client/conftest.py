"""What the tests of the client share: the ways to call, and servers that respond as told."""

from __future__ import annotations

import asyncio
import copy
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx
import pytest
import trustme
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import ErrorResponse, GetStatusResponse
from bitrix24_call_card.types import Response

from tests.data import CALL

T = TypeVar("T")
Get = Callable[[Client], GetStatusResponse]
GetDetailed = Callable[[Client], Response[GetStatusResponse | ErrorResponse]]
Ask = Callable[[Client], object]
Parts = Callable[[], Iterator[bytes]]

WAIT = 60
"""Seconds after which something that should have happened will not."""


class Answering(Protocol):
    """Make a client whose portal gives this answer; a body that is not bytes is sent as JSON."""

    def __call__(
        self, body: object, status: int = 200, *, headers: dict[str, str] | None = None
    ) -> Client: ...


@pytest.fixture(scope="session")
def _ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def authority(_ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of the only authority that the tests trust."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    _ca.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def tls(_ca: trustme.CA) -> ssl.SSLContext:
    """TLS for a server on this machine, which is also trusted as portal.example."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _ca.issue_cert("127.0.0.1", "portal.example").configure_cert(context)
    return context


@pytest.fixture(autouse=True)
def _plain_network(monkeypatch: pytest.MonkeyPatch, authority: Path) -> None:
    """Reach this machine directly, whatever the environment says, and trust one authority.

    Reading all authorities for each client takes longer than a test does.
    """
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


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


# --- answers ------------------------------------------------------------------------------------


@pytest.fixture
def answer() -> dict[str, Any]:
    """An answer of a portal with every documented member, which the test may change."""
    return {
        "result": copy.deepcopy(CALL),
        "time": {
            "start": 1723556790.1123,
            "finish": 1723556790.1571,
            "duration": 0.0448,
            "processing": 0.0121,
            "date_start": "2024-08-13T15:46:30+02:00",
            "date_finish": "2024-08-13T15:46:30+02:00",
            "operating": 0.5,
            "operating_reset_at": 1723557390,
        },
    }


@pytest.fixture
def answering() -> Answering:
    """Portals without a network, for what only the answer decides."""

    def answering(
        body: object, status: int = 200, *, headers: dict[str, str] | None = None
    ) -> Client:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()

        def answer(_: httpx.Request) -> httpx.Response:
            return httpx.Response(status, headers=headers, content=content)

        return Client(
            base_url="https://portal.example/rest/1/made-up-secret/",
            transport=lambda: httpx.MockTransport(answer),
            async_transport=lambda: httpx.MockTransport(answer),
        )

    return answering


# --- a server that notes what it gets -----------------------------------------------------------


@dataclass(frozen=True)
class Received:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key.lower() == name]


class Recorder:
    """A server that notes what it gets, and answers what `answers` holds for the target.

    Other targets, or a target whose answers are used up, get `default`.
    """

    def __init__(self, default: bytes, tls: ssl.SSLContext | None = None) -> None:
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

            def _respond(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = list(self.headers.items())
                recorder.received.append(Received(self.command, self.path, headers, body))
                recorder.peers.append(self.client_address[0])
                waiting = recorder.answers.get(self.path)
                status, extra = waiting.pop(0) if waiting else (200, {})
                self.send_response(status)
                content = default if status == 200 else b""
                for name, value in {**extra, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET = _respond  # noqa: N815 - the base class looks for these names

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.port = self._server.server_port
        self.origin = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self.webhook_url = f"{self.origin}/rest/1/made-up-secret/"

    def _count(self, change: int) -> None:
        with self._changed:
            self.connections += change > 0
            self._open += change
            self._changed.notify_all()

    def wait_until_all_is_closed(self) -> bool:
        """Whether the clients have closed every connection, given a while to do it."""
        with self._changed:
            return self._changed.wait_for(lambda: self._open == 0, WAIT)

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def recorders(answer: dict[str, Any]) -> Iterator[Callable[..., Recorder]]:
    """As many recording servers as the test starts, with TLS or without; each answers `answer`."""
    started: list[Recorder] = []

    def start(tls: ssl.SSLContext | None = None) -> Recorder:
        started.append(Recorder(json.dumps(answer).encode(), tls))
        return started[-1]

    yield start
    for recorder in started:
        recorder.stop()


@pytest.fixture
def recorder(recorders: Callable[[], Recorder]) -> Recorder:
    """One recording server."""
    return recorders()


# --- a server that sends anything ---------------------------------------------------------------


class Raw:
    """A server that sends the parts of a response one after the other, until the client closes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/rest/1/made-up-secret/"
        self.closed_early = threading.Event()
        """The client closed the connection while there was more to send."""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        with connection:
            request = b""
            while not request.endswith(b'"PARAMS":{}}'):
                request += connection.recv(65536)
            try:
                for part in self._parts():
                    connection.sendall(part)
            except OSError:
                self.closed_early.set()

    def stop(self) -> None:
        """Stop listening, and wait until nothing is sent any more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(WAIT)


@pytest.fixture
def serve() -> Iterator[Callable[[Parts], Raw]]:
    """As many raw servers as the test starts."""
    started: list[Raw] = []

    def serve(parts: Parts) -> Raw:
        started.append(Raw(parts))
        return started[-1]

    yield serve
    for server in started:
        server.stop()


# --- a proxy ------------------------------------------------------------------------------------


class Proxy:
    """An HTTP proxy that forwards requests and opens tunnels, and notes what it is asked for.

    For every host that it is asked for it takes the recorder on `upstream`'s port.
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

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.netloc = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.netloc}"

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _relay(source: socket.socket, target: socket.socket) -> None:
    """Copy what arrives until one side ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxies() -> Iterator[Callable[[Recorder], Proxy]]:
    """As many proxies as the test starts, each in front of a recorder."""
    started: list[Proxy] = []

    def start(upstream: Recorder) -> Proxy:
        started.append(Proxy(upstream))
        return started[-1]

    yield start
    for proxy in started:
        proxy.stop()


# --- programs of users --------------------------------------------------------------------------


class RunProgram(Protocol):
    """Run a program in a process of its own and return what it prints; fail if it fails.

    Python's development mode is on, and a warning or a traceback on stderr is a failure.
    """

    def __call__(self, source: str, *arguments: str) -> str: ...


@pytest.fixture
def run_program() -> RunProgram:
    """Programs that import the client."""

    def run_program(source: str, *arguments: str) -> str:
        generated = Path(__file__).resolve().parents[2] / "generated"
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-c", source, *arguments],
            env={**os.environ, "PYTHONPATH": str(generated)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        # In this mode asyncio also logs what takes longer than 0.1 s, which depends on the machine.
        assert "Warning" not in done.stderr, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    return run_program
