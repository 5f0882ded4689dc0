"""Shared by the browser tests: one Chromium, portal pages in it, and servers for widgets."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox
from playwright.sync_api import Browser, expect

from tests.chromium import launched
from tests.sandbox.browser.cards import PATIENCE, RECORDER, CardPage, OpenCard, Serve

LOCAL = re.compile(r"(http://(127\.0\.0\.1|localhost):|data:|about:|blob:)")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, for this folder only: Playwright's event loop must not run in other tests."""
    with launched() as browser:
        yield browser


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve a page at its own origin, for GET and POST; return its URL.

    In the page, `{DOMAIN}` is replaced by the portal's domain, from the query.
    """
    servers: list[ThreadingHTTPServer] = []

    def serve(page: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                domain = parse_qs(urlsplit(self.path).query).get("DOMAIN", [""])[0]
                self.wfile.write(page.replace("{DOMAIN}", domain).encode())

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def open_card(browser: Browser, sandbox: Sandbox, serve: Serve) -> Iterator[OpenCard]:
    """Open portal pages. A request to another host or an error in a script fails the test."""
    faults: list[str] = []
    with ExitStack() as opened:

        def open_card(
            widget: str | None = None,
            *,
            handler: str | None = None,
            paused: bool = False,
            **options: Any,
        ) -> CardPage:
            portal = sandbox
            if widget is not None:
                handler = serve(widget)
            if handler is not None:
                portal = opened.enter_context(running(handler=handler))
            context = opened.enter_context(browser.new_context(**options))
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            page.clock.install()  # it runs as usual, and a test can move it forward
            if paused:
                page.clock.pause_at(time.time() + 1)
            card = CardPage(page, portal, [])
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda message: card.console.append(message.text))
            page.on("request", lambda request: requested(request.url))
            page.goto(f"{portal.origin}/")
            expect(page.locator("#profile")).not_to_be_empty()  # the stream has begun
            return card

        def requested(url: str) -> None:
            if not LOCAL.match(url):
                faults.append(url)

        yield open_card
    assert faults == []


@pytest.fixture
def recorder(open_card: OpenCard) -> CardPage:
    """The portal page with the recording widget, which is ready."""
    card = open_card(RECORDER)
    card.wait_for_console("ready:")
    card.console.clear()
    return card
