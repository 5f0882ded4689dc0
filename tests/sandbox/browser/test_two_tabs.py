"""Two tabs drive one card, and both say so."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

# The fixtures of conftest.py; their types are not importable under importlib mode.
OpenCard = Callable[..., Any]


def test_each_tab_says_that_there_is_another_until_it_has_gone(open_card: OpenCard) -> None:
    first = open_card()
    notice = first.page.locator("#pages")
    expect(first.messages("open")).to_have_count(1)
    expect(notice).to_have_text("")
    second = open_card()
    for card in (first, second):
        expect(card.page.locator("#pages")).to_contain_text("open in 2 tabs")
    expect(notice).to_have_attribute("role", "status")
    second.page.close()
    expect(notice).to_have_text("")


def test_what_one_tab_does_is_seen_in_the_other(open_card: OpenCard) -> None:
    first, second = open_card(), open_card()
    expect(first.page.locator("#pages")).to_contain_text("2 tabs")
    second.click("Close card")
    first.wait_until_closed()


def test_a_reload_is_no_second_tab(open_card: OpenCard) -> None:
    card = open_card()
    expect(card.messages("open")).to_have_count(1)
    card.page.reload()
    expect(card.page.get_by_text("The card is folded.")).to_be_visible()
    expect(card.page.locator("#pages")).to_have_text("")
