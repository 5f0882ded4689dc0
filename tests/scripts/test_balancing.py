"""The balancer hands connections to processes in turn, and loses no request."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from balancing import balancing
from bitrix24_sandbox.server import listen, port_of

REQUEST = 65536


def answering(name: bytes) -> Callable[[socketserver.BaseRequestHandler], None]:
    def handle(self: socketserver.BaseRequestHandler) -> None:
        self.request.recv(REQUEST)
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        self.request.sendall(head % len(name) + name)

    return handle


def closing_at_once(self: socketserver.BaseRequestHandler) -> None:
    """End before the request is read."""


def closing_after_reading(self: socketserver.BaseRequestHandler) -> None:
    """End before the request is answered."""
    self.request.recv(REQUEST)


@contextmanager
def backend(handle: Callable[[socketserver.BaseRequestHandler], None]) -> Iterator[int]:
    handler = type("Handler", (socketserver.BaseRequestHandler,), {"handle": handle})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def ask(port: int) -> str:
    return httpx.post(f"http://127.0.0.1:{port}/", content=b"x" * 100, trust_env=False).text


def test_connections_go_to_the_backends_in_turn() -> None:
    with (
        backend(answering(b"one")) as one,
        backend(answering(b"other")) as other,
        balancing(0, [one, other]) as port,
    ):
        assert [ask(port) for _ in range(4)] == ["one", "other", "one", "other"]


def test_a_request_that_a_backend_does_not_answer_goes_to_the_next() -> None:
    with listen() as listener:
        gone = port_of(listener)
    with (
        backend(closing_after_reading) as ending,
        backend(answering(b"one")) as one,
        balancing(0, [gone, ending, one]) as port,
    ):
        assert [ask(port) for _ in range(4)] == ["one"] * 4


def test_a_backend_that_closes_before_a_request_arrives_does_not_close_the_client() -> None:
    reached = threading.Event()

    def reach(self: socketserver.BaseRequestHandler) -> None:
        reached.set()
        answering(b"one")(self)

    with (
        backend(closing_at_once) as ending,
        backend(reach) as one,
        balancing(0, [ending, one]) as port,
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        assert reached.wait(20)
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(REQUEST).endswith(b"one")


def test_without_any_backend_the_connection_is_closed() -> None:
    with (
        backend(closing_after_reading) as one,
        balancing(0, [one]) as port,
        pytest.raises(httpx.TransportError),
    ):
        ask(port)
