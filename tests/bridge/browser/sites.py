"""Servers with pages of others: of an application, or of somebody who means no good."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Site:
    """A server at an origin of its own, which gives its pages by GET and by POST."""

    origin: str
    pages: dict[str, bytes]
    """Each by its path."""
    posted: list[str] = field(default_factory=list)
    """The URL and the body of each form that came."""


@contextmanager
def serving(pages: dict[str, bytes], port: int = 0) -> Iterator[Site]:
    """Serve these pages, to which a test may add others, while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            page = pages.get(path)
            self.send_response(204 if page is None else 200)  # without an icon, say
            kind = "text/javascript" if path.endswith(".js") else "text/html; charset=utf-8"
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(page or b"")

        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            site.posted.append(f"{self.path} {form}")
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        site = Site(f"http://127.0.0.1:{server.server_port}", pages)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield site
        server.shutdown()
