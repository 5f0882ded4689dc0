"""What the browser tests share: an installed Chromium, a portal page in it, and widgets."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox
from playwright.sync_api import (
    Browser,
    Frame,
    FrameLocator,
    Locator,
    Page,
    expect,
)
from playwright.sync_api import TimeoutError as TooLong

from tests.chromium import launched

# On a busy machine, a page takes its time; a test that passes does not wait for this.
PATIENCE = 60_000  # milliseconds
expect.set_options(timeout=PATIENCE)

LOCAL = re.compile(r"(http://(127\.0\.0\.1|localhost):|data:|about:|blob:)")

# A widget that says each thing it hears on the console, so that the test hears it as well, even
# what arrives in the last moment before the frame goes.
RECORDER = """<!doctype html><title>Recorder</title><script>
  const [domain, protocol, sid] = window.name.split("|");
  addEventListener("message", ({ data }) => console.log(data));
  window.say = (text) => parent.postMessage(text, `http://${domain}`);
  for (const name of ["EntityChanged", "BeforeClose", "CallStateChanged"]) {
    say(`placementBindEvent:{"event":"CallCard::${name}"}:${name}:${sid}`);
  }
  say(`getStatus::ready:${sid}`);
</script>"""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, for this folder: other tests must not meet the event loop that Playwright runs."""
    with launched() as browser:
        yield browser


@dataclass
class CardPage:
    """The portal page in a browser, and what an operator sees and does in it."""

    page: Page
    sandbox: Sandbox
    heard: list[str]

    @property
    def widget(self) -> FrameLocator:
        return self.page.frame_locator("iframe")

    @property
    def entries(self) -> Locator:
        """The entries of the message log that are shown."""
        return self.page.locator("#log-entries > li:visible")

    def messages(self, name: str) -> Locator:
        """The entries of one command, with its replies, or of one event."""
        exactly = re.compile(f"^{re.escape(name)}$")
        return self.entries.filter(has=self.page.locator(".what", has_text=exactly))

    def dropped(self) -> Locator:
        return self.entries.filter(has=self.page.locator(".reason", has_text="dropped: "))

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def click(self, *names: str) -> None:
        for name in names:
            self.button(name).click()

    def wait_until_heard(self, *texts: str) -> None:
        """Wait until the newest things that the recording widget heard begin like these."""

        def arrived() -> bool:
            newest = self.heard[-len(texts) :]
            return len(newest) == len(texts) and all(map(str.startswith, newest, texts))

        while not arrived():
            try:
                self.page.wait_for_event("console", timeout=PATIENCE)
            except TooLong:
                raise AssertionError(f"wanted {texts}, heard {self.heard}") from None

    def copied_by(self, button: Locator) -> str:
        """Click a button that copies, and return what is in the clipboard then."""
        self.page.clock.pause_at(time.time() + 60)  # or "Copied" goes before it is seen
        button.click()
        expect(button).to_have_text("Copied")
        copied: str = self.page.evaluate("navigator.clipboard.readText()")
        return copied

    def wait_until_closed(self) -> None:
        expect(
            self.page.get_by_role("status").filter(has_text="The card is closed")
        ).to_be_visible()
        expect(self.page.locator("iframe")).to_have_count(0)

    def close_after(self, seconds: float) -> None:
        """Set how long a card waits that may not close."""
        url = f"{self.sandbox.origin}/sandbox/card"
        httpx.put(
            url, json={"close_after": seconds}, trust_env=False, timeout=60
        ).raise_for_status()

    def widget_page(self) -> Frame:
        """The widget's page, once it has loaded."""
        frame = self.page.locator("iframe").element_handle().content_frame()
        assert frame
        frame.wait_for_url(lambda url: url != "about:blank", wait_until="load")
        return frame

    def in_widget(self, script: str, argument: Any = None) -> Any:
        """Run a script in the widget's page, once it has loaded."""
        return self.widget_page().evaluate(script, argument)


Serve = Callable[[str], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve a page at an origin of its own, by GET and by POST; return its URL.

    `{DOMAIN}` in it is the domain that the portal tells in the query.
    """
    servers: list[ThreadingHTTPServer] = []

    def serve(page: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
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


OpenCard = Callable[..., CardPage]


@pytest.fixture
def open_card(browser: Browser, sandbox: Sandbox, serve: Serve) -> Iterator[OpenCard]:
    """Open the portal page; `widget` is a page to open in place of the demonstration widget,
    and `handler` the URL of one. `paused`: time passes in them only as the test moves it.

    What the page asks of any other machine, and each fault in its scripts, fails the test.
    """
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
            page.clock.install()  # it runs as always, and a test can move it forward
            if paused:
                page.clock.pause_at(time.time() + 1)
            card = CardPage(page, portal, [])
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda message: card.heard.append(message.text))
            page.on("request", lambda request: requested(request.url))
            page.goto(f"{portal.origin}/")
            expect(page.locator("#profile")).not_to_be_empty()  # what the portal says first
            return card

        def requested(url: str) -> None:
            if not LOCAL.match(url):
                faults.append(url)

        yield open_card
    assert faults == []


@pytest.fixture
def recorder(open_card: OpenCard) -> CardPage:
    """The portal page with the recording widget, which is ready and has forgotten how it began."""
    card = open_card(RECORDER)
    card.wait_until_heard("ready:")
    card.heard.clear()
    return card
