"""A network between browser and bridge, which can fail."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from bitrix24_sandbox.server import listen, origin_of

from tests.ports import unused_port


class Proxy:
    """Passes on whatever comes to it, until it is told otherwise."""

    def __init__(self, listener: socket.socket) -> None:
        self.url = origin_of(listener)
        self.target = unused_port()  # of the bridge
        self._passing = threading.Event()
        self._passing.set()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._begin(self._accept, listener)

    def _begin(self, work: Callable[..., None], *arguments: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def end(self) -> None:
        """Cut all connections, and wait until they are closed."""
        self.cut()
        for thread in self._threads:
            thread.join()

    def cut(self) -> None:
        """Cut all connections; new ones are possible."""
        sockets, self._sockets = self._sockets, []
        for each in sockets:
            with suppress(OSError):  # the other end was faster
                each.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """Drop what comes over the connections that there are, and report nothing to either end."""
        self._passing.clear()
        self._passing = threading.Event()
        self._passing.set()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the listener has been closed
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self._sockets += [client, server]
                for pair in ((client, server), (server, client)):
                    self._begin(self._pass_on, *pair, self._passing)

    def _pass_on(
        self, source: socket.socket, target: socket.socket, passing: threading.Event
    ) -> None:
        with source:
            with suppress(OSError):
                while data := source.recv(65536):
                    if passing.is_set():
                        target.sendall(data)
            if passing.is_set():
                with suppress(OSError):  # it may be closed by now
                    target.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy() -> Iterator[Proxy]:
    """Run a proxy while the context lasts."""
    with listen() as listener:
        running = Proxy(listener)
        try:
            yield running
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            running.end()
