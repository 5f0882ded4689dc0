"""What a backend gets from the bridge while an operator works with the card."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.bridge.browser.scenes import NO_CARD, TIMES, Playing, Scene, remembered

WAYS = {
    "a call that is answered": [
        ("ring", "connecting"),
        ("answer", "connected"),
        ("bind", "connected"),
        ("operator-hangs-up", None),
    ],
    "a card that is folded, or whose tab is behind another one": [
        ("ring", "connecting"),
        ("fold", None),
        ("answer", None),
        ("unfold", "connected"),
        ("other-tab", None),
        ("widget-tab", "connected"),
        ("comment", "connected"),
        ("far-end-hangs-up", "idle"),  # the comment keeps it open
        ("close", None),
    ],
    "a call that has no id until it is answered": [
        ("dial", "connecting"),
        ("answer", "connected"),
        ("close", None),
    ],
    "calls without a CRM item or a number": [
        ("unbound-call", "connecting"),
        ("close", None),
        ("unidentified-call", "connecting"),
        ("close", None),
    ],
    "an external call, whatever the telephony knows": [
        ("external-call", "connected"),
        ("hidden-number", "connected"),
        ("call-fails", "connected"),
        ("close", None),
    ],
    "the clients of a call list": [
        ("next-client", None),  # it opens with a tab of its own
        ("widget-tab", "idle"),
        ("ring", "connecting"),
        ("answer", "connected"),
        ("operator-hangs-up", "idle"),
        ("next-client", "idle"),
        ("close", None),
    ],
}
"""What happens to a card, each with the state that a backend then gets; None is no card."""


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_answer_is_what_the_card_says_and_none_without_a_widget(
    scene: Scene, way: list[tuple[str, str | None]]
) -> None:
    scene.open_card()
    before = scene.on_screen
    for action, state in [("close", None), *way]:
        scene.act(action)
        after = scene.on_screen if state else NO_CARD
        assert not state or after.says["CALL_STATE"] == state
        scene.until(after, before)
        before = after


def test_a_page_that_is_reloaded_has_a_folded_card(scene: Scene) -> None:
    tab = scene.open_card()
    tab.page.reload()
    expect(tab.page.locator("#no-frame")).to_contain_text("folded")
    scene.until(NO_CARD, scene.on_screen)
    scene.act("unfold")
    scene.until_shown()


def test_a_change_in_the_card_is_known_without_asking_it(start: Playing) -> None:
    scene = start(times=replace(TIMES, fresh=600, every=600, lease=600))  # beyond its patience
    scene.sandbox.play("transfer")  # it rings
    scene.open_card(clock="stopped")  # or its script would miss the bridge's questions
    before = scene.on_screen  # which it says itself until its first word has come
    for action in ("answer", "bind"):
        scene.until(remembered(scene.on_screen), before)
        before = remembered(scene.on_screen)
        scene.act(action)
    scene.until(remembered(scene.on_screen), before)
