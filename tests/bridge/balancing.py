"""A connection balancer for several bridge processes on this machine."""

import contextlib
import itertools
import select
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def balancing(port: int, backends: Sequence[int]) -> Iterator[int]:
    """Forward each connection to the next backend that accepts it while the context lasts.

    Port 0 picks a free one; yield the port. Raise `OSError` if it is taken.
    """
    turns = itertools.count()

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            unanswered = bytearray()
            first = next(turns)
            for number in range(first, first + len(backends)):
                address = ("127.0.0.1", backends[number % len(backends)])
                with contextlib.suppress(OSError), socket.create_connection(address) as backend:
                    if _relay(self.request, backend, unanswered):
                        return

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        request_queue_size = 1024

    with Server(("127.0.0.1", port), Relay) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _relay(client: socket.socket, backend: socket.socket, unanswered: bytearray) -> bool:
    """Relay bytes both ways until one end closes; return False to retry with the next backend.

    `unanswered` is what the client has sent since the last response. A backend that shuts down may
    close before it has read a request; any request to a bridge can safely be sent twice.
    """
    answered = False
    ready = select.poll()
    for each in (client, backend):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a body waits 40 ms
        ready.register(each, select.POLLIN)
    backend.sendall(unanswered)
    while True:
        for number, _ in ready.poll():
            source, target = (client, backend) if number == client.fileno() else (backend, client)
            data = b""
            with contextlib.suppress(OSError):  # a reset is an end like any other
                data = source.recv(65536)
            if source is client:
                unanswered += data
            elif data:
                answered = True
                unanswered.clear()
            if not data:
                # After a response, this is a new request or a WebSocket frame, which cannot move.
                is_request = unanswered.startswith((b"GET ", b"POST "))
                return source is client or (answered and not is_request)
            target.sendall(data)
