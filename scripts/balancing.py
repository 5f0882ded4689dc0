"""A balancer of connections on this machine, for a bridge of several processes."""

import contextlib
import itertools
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
            first = next(turns)
            for number in range(first, first + len(backends)):
                address = ("127.0.0.1", backends[number % len(backends)])
                with contextlib.suppress(OSError), socket.create_connection(address) as behind:
                    there = threading.Thread(target=_copy, args=(self.request, behind))
                    there.start()
                    _copy(behind, self.request)
                    there.join()
                    return

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        request_queue_size = 1024

    with Server(("127.0.0.1", port), Relay) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
