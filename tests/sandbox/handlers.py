"""An application's event handler, which records the requests to it."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Received:
    """A request to a handler."""

    content_type: str
    form: dict[str, str]

    @property
    def event(self) -> str:
        return self.form["event"]

    def members(self, name: str) -> dict[str, str]:
        """Return the members of `data` or `auth`."""
        start = f"{name}["
        return {
            key.removeprefix(start)[:-1]: value
            for key, value in self.form.items()
            if key.startswith(start)
        }


class Handler:
    """A handler and its URL; it returns the requests in the order of their arrival."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._received: queue.SimpleQueue[Received] = queue.SimpleQueue()

    def receive(self, received: Received) -> None:
        self._received.put(received)

    def next(self) -> Received:
        """Wait for the next request."""
        return self._received.get(timeout=60)

    def nothing(self) -> bool:
        return self._received.empty()


Answer = Callable[[Received], int]


@contextmanager
def handling(answer: Answer = lambda _: 200, **headers: str) -> Iterator[Handler]:
    """Run a handler; `answer` returns the status of each response."""

    class Serving(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = dict(parse_qsl(body, keep_blank_values=True, strict_parsing=True))
            received = Received(self.headers["Content-Type"], form)
            handler.receive(received)
            status = answer(received)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Serving) as server:
        handler = Handler(f"http://127.0.0.1:{server.server_port}/events")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield handler
        finally:
            server.shutdown()
