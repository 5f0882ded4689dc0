"""A line between a client and a server, which can break down."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from bitrix24_sandbox.server import listen, origin_of


class Line:
    """Connects each client to its target, and passes on what the two send."""

    def __init__(self, url: str, target: int | str, threads: ThreadPoolExecutor) -> None:
        self.url = url
        self.target = target
        """Where new connections lead: a port of this machine, or the path of a Unix socket."""
        self._threads = threads
        self._sockets: list[socket.socket] = []
        self._drops = 0

    def cut(self) -> None:
        """Cut all connections; new ones are possible."""
        sockets, self._sockets = self._sockets, []
        for each in sockets:
            with suppress(OSError):  # the other end was faster
                each.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """Drop what comes over the connections that there are, and report nothing to either end."""
        self._drops += 1

    def accept(self, listener: socket.socket) -> None:
        """Connect clients until the listener is closed."""
        with suppress(OSError):
            while True:
                self._connect(listener.accept()[0])

    def _connect(self, client: socket.socket) -> None:
        address = self.target if isinstance(self.target, str) else ("127.0.0.1", self.target)
        server = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        try:
            server.connect(address)
        except OSError:  # nobody listens there
            client.close()
            server.close()
            return
        self._sockets += [client, server]
        for pair in ((client, server), (server, client)):
            self._threads.submit(self._pass_on, *pair, self._drops)

    def _pass_on(self, source: socket.socket, target: socket.socket, drops: int) -> None:
        with source:
            with suppress(OSError):
                while data := source.recv(65536):
                    if drops == self._drops:
                        target.sendall(data)
            if drops == self._drops:
                with suppress(OSError):  # it may be closed by now
                    target.shutdown(socket.SHUT_RDWR)


@contextmanager
def running_line(target: int | str) -> Iterator[Line]:
    """Run a line while the context lasts."""
    with ThreadPoolExecutor(1000) as threads, listen() as listener:
        line = Line(origin_of(listener), target, threads)
        accepting = threads.submit(line.accept, listener)
        try:
            yield line
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.result()
            line.cut()
