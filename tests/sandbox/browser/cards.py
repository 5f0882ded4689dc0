"""The portal page in a browser, and widgets in its card."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bitrix24_sandbox.testing import Sandbox
from playwright.sync_api import Frame, FrameLocator, Locator, Page, expect
from playwright.sync_api import TimeoutError as TooLong

# A page takes its time on a busy machine; a passing test does not wait as long.
PATIENCE = 60_000  # milliseconds
expect.set_options(timeout=PATIENCE)

# A widget that prints each message on the console, so that the test receives even those that
# arrive just before the frame is removed.
RECORDER = """<!doctype html><title>Recorder</title><script>
  const [domain, protocol, sid] = window.name.split("|");
  addEventListener("message", ({ data }) => console.log(data));
  window.say = (text) => parent.postMessage(text, `http://${domain}`);
  for (const name of ["EntityChanged", "BeforeClose", "CallStateChanged"]) {
    say(`placementBindEvent:{"event":"CallCard::${name}"}:${name}:${sid}`);
  }
  say(`getStatus::ready:${sid}`);
</script>"""


@dataclass
class CardPage:
    """The portal page in a browser, and what an operator sees and does in it."""

    page: Page
    sandbox: Sandbox
    console: list[str]
    """What the page and the widget have printed."""

    @property
    def widget(self) -> FrameLocator:
        return self.page.frame_locator("iframe")

    @property
    def entries(self) -> Locator:
        """The visible entries of the message log."""
        return self.page.locator("#log-entries > li:visible")

    def messages(self, name: str) -> Locator:
        """Return the entries of a command and its replies, or of an event."""
        exactly = re.compile(f"^{re.escape(name)}$")
        return self.entries.filter(has=self.page.locator(".what", has_text=exactly))

    def dropped(self) -> Locator:
        return self.entries.filter(has=self.page.locator(".reason", has_text="dropped: "))

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def click(self, *names: str) -> None:
        for name in names:
            self.button(name).click()

    def call(self) -> dict[str, Any]:
        """Return the sandbox's call."""
        call = self.sandbox.call
        assert call
        return call

    def wait_for_console(self, *texts: str) -> None:
        """Wait until the newest lines on the console begin like these."""

        def arrived() -> bool:
            newest = self.console[-len(texts) :]
            return len(newest) == len(texts) and all(map(str.startswith, newest, texts))

        while not arrived():
            try:
                self.page.wait_for_event("console", timeout=PATIENCE)
            except TooLong:
                raise AssertionError(f"expected {texts}, got {self.console}") from None

    def copied_by(self, button: Locator) -> str:
        """Click a button that copies, and return the clipboard's text."""
        self.page.clock.pause_at(time.time() + 60)  # or "Copied" might vanish before it is seen
        button.click()
        expect(button).to_have_text("Copied")
        copied: str = self.page.evaluate("navigator.clipboard.readText()")
        return copied

    def wait_until_closed(self) -> None:
        expect(
            self.page.get_by_role("status").filter(has_text="The card is closed")
        ).to_be_visible()
        expect(self.page.locator("iframe")).to_have_count(0)

    def widget_page(self) -> Frame:
        """Return the widget's page, once it is loaded."""
        frame = self.page.locator("iframe").element_handle().content_frame()
        assert frame
        frame.wait_for_url(lambda url: url != "about:blank", wait_until="load")
        return frame

    def in_widget(self, script: str, argument: Any = None) -> Any:
        """Run a script in the widget's page, once it is loaded."""
        return self.widget_page().evaluate(script, argument)

    def received(self, name: str) -> Locator:
        """Return what the demonstration widget has received under a name."""
        exactly = re.compile(f"^{re.escape(name)}$")
        items = self.widget.locator("#received > li")
        return items.filter(has=self.page.locator("strong", has_text=exactly))

    def row(self, field: str) -> Locator:
        """Return what the demonstration widget shows for a field of `getStatus`."""
        rows = self.widget.locator("#status > div")
        return rows.filter(has=self.page.locator("dt", has_text=re.compile(f"^{field}$"))).locator(
            "dd"
        )


Serve = Callable[[str], str]
"""Serves a page at its own origin, and returns its URL."""


class OpenCard(Protocol):
    """Opens the portal page.

    `widget`: a page to open instead of the demonstration widget; `handler`: the URL of one.
    `paused`: time passes in the pages only when the test moves it. `options`: of the context.
    """

    def __call__(
        self,
        widget: str | None = None,
        *,
        handler: str | None = None,
        paused: bool = False,
        **options: Any,
    ) -> CardPage: ...
