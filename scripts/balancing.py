"""A balancer of connections on this machine, for a bridge of several processes."""

import contextlib
import itertools
import select
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def balancing(port: int, backends: Sequence[int]) -> Iterator[int]:
    """Hand each connection to the next backend that accepts it, while the context lasts.

    `port` 0 means any free one; yield it. Raise `OSError` if it cannot be had.
    """
    turns = itertools.count()

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            unanswered = bytearray()
            first = next(turns)
            for number in range(first, first + len(backends)):
                address = ("127.0.0.1", backends[number % len(backends)])
                with contextlib.suppress(OSError), socket.create_connection(address) as behind:
                    if _carry(self.request, behind, unanswered):
                        return

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        request_queue_size = 1024

    with Server(("127.0.0.1", port), Relay) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _carry(here: socket.socket, behind: socket.socket, unanswered: bytearray) -> bool:
    """Carry bytes both ways until an end closes. False if the next backend can do what is left.

    `unanswered` is what the client has sent since the last answer. A backend may close, as it ends,
    before it has read a request; whatever the bridge receives can be sent twice.
    """
    answered = False
    ready = select.poll()
    for each in (here, behind):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or a body waits for 40 ms
        ready.register(each, select.POLLIN)
    behind.sendall(unanswered)
    while True:
        for number, _ in ready.poll():
            source, target = (here, behind) if number == here.fileno() else (behind, here)
            data = _received(source)
            if source is here:
                unanswered += data
            elif data:
                answered = True
                unanswered.clear()
            if not data:
                # What follows an answer is a request, or a part of a socket, which ends here.
                is_request = unanswered.startswith((b"GET ", b"POST "))
                return source is here or (answered and not is_request)
            target.sendall(data)


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""
