"""A current portal in a browser, and the bridge installed on it.

Only the browser knows the call there: the sandbox plays the portal in its profile `js-only`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import httpx
from bitrix24_bridge.settings import Times
from bitrix24_sandbox.server import Running
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Frame,
    FrameLocator,
    Locator,
    Page,
    expect,
)

from tests.bridge.bridges import Bridge, ask, running_bridge
from tests.bridge.cards import NOT_CONNECTED

PATIENCE = 60  # seconds; a test that passes does not wait for this
expect.set_options(timeout=PATIENCE * 1000)

TIMES = Times(ask=20, fresh=0, lease=60)
"""Each request asks the card, and the card has the time that a busy machine takes."""


class Answer(NamedTuple):
    """An answer, without what differs from one to the next."""

    status: int
    says: Any
    """The call, or the code of an error."""
    source: str | None = None
    """The header `Bridge-Source`; without a call there is none, nor the following one."""
    cards: str | None = None


NO_CARD = Answer(*NOT_CONNECTED)


def shown(call: dict[str, Any] | None) -> Answer:
    """Return the answer while a card shows this call, as the page of a portal holds it."""
    assert call is not None
    # The page holds `false` where the call is bound to nothing; over REST the types are fixed.
    unbound = {"CRM_ENTITY_TYPE": "", "CRM_ENTITY_ID": 0}
    fixed = {name: none for name, none in unbound.items() if call[name] is False}
    return Answer(200, {**call, **fixed}, "card", "1")


def remembered(answer: Answer) -> Answer:
    """Return the same answer, given without asking the card, or as it did not answer in time."""
    return answer._replace(source="memory")


Clock = Literal["running", "stopped"]


@dataclass
class Tab:
    """A portal page with the call card, and what an operator sees there."""

    page: Page

    @property
    def widget(self) -> FrameLocator:
        return self.page.frame_locator("#frame iframe")

    def log(self, command: str) -> Locator:
        """What the page's log has of a command: each question, and its answer if there is one."""
        return self.page.locator("#log-entries .what", has_text=command)

    def wait_until_connected(self) -> None:
        expect(self.widget.get_by_text("Connected.")).to_be_visible()

    def frame(self) -> Frame:
        """The widget's page."""
        frame = self.page.locator("#frame iframe").element_handle().content_frame()
        assert frame
        return frame


@dataclass
class Scene:
    """The portal, the bridge, and a backend that asks it."""

    sandbox: Running
    bridge: Bridge
    webhook: str
    _run: Callable[..., AbstractContextManager[Bridge]]
    _running: ExitStack
    _http: httpx.Client
    _browser: Browser
    _opened: ExitStack
    allowed: list[str] = field(default_factory=list)
    """More origins that a page may ask."""
    sockets: list[str] = field(default_factory=list)
    """The URLs of the WebSockets that pages have opened."""
    faults: list[str] = field(default_factory=list)
    """Errors on a page's console, and what it asked of others than portal and bridge."""

    @property
    def on_screen(self) -> Answer:
        """The answer that is true: what the portal's page holds."""
        return shown(self.sandbox.call)

    def ask(self) -> Answer:
        response = ask(self._http, self.webhook)
        body, headers = response.json(), response.headers
        says = body.get("error") or body["result"]
        about = map(headers.get, ("Bridge-Source", "Bridge-Cards"))
        return Answer(response.status_code, says, *about)

    def until(self, wanted: Answer, *meanwhile: Answer) -> None:
        """Ask until this is the answer; each one before it has to be one of the others.

        On a busy machine any of them may be seen, or none.
        """
        deadline = time.monotonic() + PATIENCE
        while (answer := self.ask()) != wanted:
            assert answer in meanwhile
            assert time.monotonic() < deadline
            time.sleep(0.005)  # others want the processor

    def until_shown(self) -> None:
        """Ask until the card answers; while it connects, its last word may be seen, or no card."""
        self.until(self.on_screen, NO_CARD, remembered(self.on_screen))

    def act(self, action: str) -> None:
        """Press a button of the card."""
        self._http.post(f"{self.sandbox.origin}/sandbox/card/{action}").raise_for_status()

    def expect_faults(self, text: str) -> None:
        """Check that the faults so far, if any, have this text, and forget them."""
        assert all(text in fault for fault in self.faults), self.faults
        self.faults.clear()

    def end(self) -> None:
        """End the bridge."""
        self._running.close()

    def restart(self, **settings: Any) -> None:
        """End the bridge, and start it again at the same address, with its data."""
        self.end()
        port = urlsplit(self.bridge.url).port
        self.bridge = self._running.enter_context(self._run(port=port, **settings))

    def context(self, browser: Browser | None = None) -> BrowserContext:
        """A profile of its own in the browser; nothing that its pages do goes unseen."""
        browser = browser or self._browser
        context = browser.new_context()
        self._opened.callback(lambda: context.close() if browser.is_connected() else None)
        context.set_default_timeout(PATIENCE * 1000)
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("request", lambda request: self._requested(request.url))
        context.on("console", self._said)
        context.on("page", lambda page: page.on("websocket", lambda s: self._opened_socket(s.url)))
        return context

    def open_page(self, browser: Browser | None = None, *, clock: Clock | None = None) -> Tab:
        """Open the portal page. `clock`: lets the test move its time, which runs or is stopped."""
        page = self.context(browser).new_page()
        if clock:
            page.clock.install(time=0)
        if clock == "stopped":
            page.clock.pause_at(1)
        page.goto(f"{self.sandbox.origin}/")
        return Tab(page)

    def open_card(self, browser: Browser | None = None, *, clock: Clock | None = None) -> Tab:
        """Open the portal page, and wait until its card is connected."""
        tab = self.open_page(browser, clock=clock)
        tab.wait_until_connected()
        return tab

    def _requested(self, url: str) -> None:
        allowed = (self.sandbox.origin, self.bridge.url, *self.allowed)
        if urlsplit(url).netloc not in [urlsplit(origin).netloc for origin in allowed]:
            self.faults.append(url)

    def _opened_socket(self, url: str) -> None:
        self.sockets.append(url)
        self._requested(url)

    def _said(self, message: ConsoleMessage) -> None:
        # The browser asks for an icon when it likes, also of a server that is ending.
        icon = message.location["url"].endswith("/favicon.ico")
        if message.type in ("error", "warning") and not icon:
            self.faults.append(message.text)


Playing = Callable[..., Scene]
"""Runs a bridge with these settings, on the portal in the state of its start."""


@contextmanager
def playing(browser: Browser, sandbox: Running, folder: Path, **settings: Any) -> Iterator[Scene]:
    """Run a bridge, install it on the portal, and give user 1 a secret, while the context lasts.

    At its end there may be no fault left.
    """
    data, oauth_server = folder / "bridge.sqlite3", sandbox.oauth_server_url
    run = partial(running_bridge, data, oauth_server, **{"times": TIMES, **settings})
    with (
        ExitStack() as running,
        httpx.Client(trust_env=False, timeout=PATIENCE) as http,
        # Pages close before the bridge ends, or they would miss it on their consoles.
        ExitStack() as opened,
    ):
        bridge = running.enter_context(run())
        assert sandbox.install(f"{bridge.url}/install").status == 200
        webhook = bridge.webhook(urlsplit(sandbox.origin).netloc)
        scene = Scene(sandbox, bridge, webhook, run, running, http, browser, opened)
        yield scene
    assert scene.faults == []
