"""The page reports a widget that sends no message, and can reload it."""

import socket

from playwright.sync_api import Locator, expect

from tests.sandbox.browser.cards import CardPage, OpenCard

SPEAKING = """<!doctype html><title>Speaking</title><script>
  const [domain, , sid] = window.name.split("|");
  window.say = (text) => parent.postMessage(text, `http://${domain}`);
  say(`getStatus::first:${sid}`);
</script>"""
SILENT_AT_FIRST = SPEAKING.replace("  say(", "  const later = () => say(")


def report(card: CardPage) -> Locator:
    return card.page.locator("#silent")


def test_a_widget_that_sends_no_message_is_reported(open_card: OpenCard) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # so that no other program listens on this port
        origin = f"http://127.0.0.1:{closed.getsockname()[1]}"
        card = open_card(handler=f"{origin}/", paused=True)
        expect(card.messages("open")).to_have_count(1)
        expect(card.page.locator("iframe")).to_be_attached()
        expect(report(card)).to_be_hidden()
        card.page.clock.fast_forward(5000)
        expect(report(card)).to_contain_text(f"sent no message for 5 s. Does {origin} respond")
        expect(report(card)).to_have_attribute("role", "status")


def test_a_widget_that_speaks_late_or_is_closed_is_not_reported_any_more(
    open_card: OpenCard,
) -> None:
    card = open_card(SILENT_AT_FIRST, paused=True)
    expect(card.messages("open")).to_have_count(1)
    card.page.clock.fast_forward(5000)
    expect(report(card)).to_be_visible()
    card.in_widget("later()")
    expect(report(card)).to_be_hidden()
    card.click("Close card", "Ring")
    expect(card.messages("open")).to_have_count(2)
    card.click("Close card")
    card.wait_until_closed()
    card.page.clock.fast_forward(5000)
    expect(report(card)).to_be_hidden()


def test_a_speaking_widget_is_not_reported_and_can_be_reloaded(open_card: OpenCard) -> None:
    card = open_card(SPEAKING, paused=True)
    expect(card.messages("getStatus")).to_have_count(2)
    card.page.clock.fast_forward(60_000)
    card.click("No activity")  # whose effect comes later
    expect(card.page.locator("#activity")).to_have_text("No activity")
    expect(report(card)).to_be_hidden()
    first = card.page.locator("iframe").get_attribute("name")
    card.click("Reload widget")
    expect(card.messages("open")).to_have_count(2)
    expect(card.messages("getStatus")).to_have_count(4)  # the log is kept
    assert card.page.locator("iframe").get_attribute("name") != first
    card.click("Fold")
    expect(card.button("Reload widget")).to_be_disabled()
