"""A widget that says nothing is told apart from one that works, and can be loaded again."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import expect

# The fixtures of conftest.py; their types are not importable under importlib mode.
OpenCard = Callable[..., Any]

SPEAKS = """<!doctype html><title>Speaks</title><script>
  const [domain, , sid] = window.name.split("|");
  window.say = (text) => parent.postMessage(text, `http://${domain}`);
  say(`getStatus::first:${sid}`);
</script>"""
SAYS_NOTHING_AT_FIRST = SPEAKS.replace("  say(", "  const later = () => say(")


@contextmanager
def answering(status: int, headers: dict[str, str]) -> Iterator[str]:
    """A server that answers every request so, with a page that would speak to the portal."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in {"Content-Type": "text/html", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(SPEAKS.encode() if status == 200 else b"Broken")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def silent(card: Any) -> Any:
    return card.page.locator("#silent")


def expect_silence(card: Any, origin: str) -> None:
    expect(card.messages("open")).to_have_count(1)
    expect(card.page.locator("iframe")).to_be_attached()
    expect(silent(card)).to_be_hidden()
    card.page.clock.fast_forward(5000)
    expect(silent(card)).to_contain_text(f"said nothing for 5 s. Does {origin} answer")
    expect(silent(card)).to_have_attribute("role", "status")


def test_a_widget_whose_port_is_closed(open_card: OpenCard) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody else gets the port, and nobody listens at it
        origin = f"http://127.0.0.1:{closed.getsockname()[1]}"
        expect_silence(open_card(handler=f"{origin}/", paused=True), origin)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {"X-Frame-Options": "DENY"}),
        (200, {"Content-Security-Policy": "frame-ancestors 'none'"}),
        (500, {}),
    ],
    ids=["X-Frame-Options", "frame-ancestors", "an error"],
)
def test_a_widget_that_answers_and_never_speaks(
    open_card: OpenCard, status: int, headers: dict[str, str]
) -> None:
    with answering(status, headers) as origin:
        expect_silence(open_card(handler=f"{origin}/", paused=True), origin)


def test_a_widget_that_speaks_is_not_reported(open_card: OpenCard) -> None:
    card = open_card(SPEAKS, paused=True)
    expect(card.messages("getStatus")).to_have_count(2)
    card.page.clock.fast_forward(60_000)
    card.click("No activity")  # and this comes later
    expect(card.page.locator("#activity")).to_have_text("No activity")
    expect(silent(card)).to_be_hidden()


def test_a_widget_that_speaks_late_is_no_longer_reported(open_card: OpenCard) -> None:
    card = open_card(SAYS_NOTHING_AT_FIRST, paused=True)
    expect(card.messages("open")).to_have_count(1)
    card.page.clock.fast_forward(5000)
    expect(silent(card)).to_be_visible()
    card.in_widget("later()")
    expect(silent(card)).to_be_hidden()


def test_a_widget_that_has_gone_is_not_reported(open_card: OpenCard) -> None:
    card = open_card(SAYS_NOTHING_AT_FIRST, paused=True)
    expect(card.messages("open")).to_have_count(1)
    card.click("Close card")
    card.wait_until_closed()
    card.page.clock.fast_forward(5000)
    expect(silent(card)).to_be_hidden()


def test_reloading_the_widget_keeps_the_log(open_card: OpenCard) -> None:
    card = open_card(SPEAKS, paused=True)
    expect(card.messages("getStatus")).to_have_count(2)
    first = card.page.locator("iframe").get_attribute("name")
    card.click("Reload widget")
    expect(card.messages("open")).to_have_count(2)
    expect(card.messages("getStatus")).to_have_count(4)
    assert card.page.locator("iframe").get_attribute("name") != first
    card.click("Fold")
    expect(card.button("Reload widget")).to_be_disabled()
