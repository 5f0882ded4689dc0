"""What a backend gets from the bridge after each thing that the portal page lets happen."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bitrix24_sandbox.server import Running
from playwright.sync_api import Browser, expect

from tests.bridge.answers import NO_CARD, remembered, shown
from tests.bridge.browser.scenes import Scene, Tab, playing

NEW_CALLS = [
    "Ring",
    "Callback",
    "Transferred call",
    "Unbound call",
    "Unidentified call",
    "External call",
]


@pytest.fixture(scope="module")
def operator(
    browser: Browser, sandbox: Running, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Scene, Tab]]:
    """A portal page that stays open for all of these tests."""
    folder: Path = tmp_path_factory.mktemp("bridge")
    with playing(browser, sandbox, folder) as scene:
        yield scene, scene.open_card()


@pytest.fixture
def scene(operator: tuple[Scene, Tab]) -> Iterator[Scene]:
    """The bridge, while no card is open."""
    scene, _ = operator
    close(scene)
    yield scene
    assert scene.faults == []


@pytest.fixture
def tab(operator: tuple[Scene, Tab]) -> Tab:
    """The portal page."""
    return operator[1]


def close(scene: Scene, tab: Tab | None = None, button: str = "Close card") -> None:
    """Close the card; then none is connected."""
    meanwhile = [NO_CARD] if scene.sandbox.call is None else [NO_CARD, scene.on_screen]
    if tab is None:
        scene.sandbox.call = None
    else:
        tab.click(button)
    scene.until(NO_CARD, *meanwhile)


def begin(tab: Tab, *buttons: str) -> None:
    """Click on buttons that open the card, and wait until it is connected."""
    tab.click(*buttons)
    tab.wait_until_connected()


def reload_widget(scene: Scene, tab: Tab) -> None:
    """Open the widget again in the card, and wait until it is the only one."""
    with tab.page.expect_websocket():
        tab.click("Reload widget")
    tab.wait_until_connected()
    both = shown(scene.sandbox.call, cards=2)
    meanwhile = [scene.on_screen, both]  # the former one, the latter, or its form alone
    scene.until(scene.on_screen, NO_CARD, *meanwhile, *map(remembered, meanwhile))


def test_each_kind_of_call_is_found_until_its_card_closes(scene: Scene, tab: Tab) -> None:
    assert scene.ask() == NO_CARD
    for name in NEW_CALLS:
        begin(tab, name)
        assert scene.ask() == scene.on_screen
        close(scene, tab)


def test_a_call_is_answered_and_the_operator_hangs_up(scene: Scene, tab: Tab) -> None:
    begin(tab, "Ring")
    ringing = scene.on_screen
    assert ringing.call
    assert ringing.call["CALL_STATE"] == "connecting"
    assert scene.ask() == ringing
    tab.click("Answer")
    expect(tab.page.locator("#state")).to_have_text("Connected")
    assert scene.ask() == shown({**ringing.call, "CALL_STATE": "connected"})
    close(scene, tab, "Hang up")


def test_the_far_end_hangs_up_while_the_operator_writes_a_comment(scene: Scene, tab: Tab) -> None:
    begin(tab, "Ring")
    tab.click("Answer", "Write a comment", "Far end hangs up")
    expect(tab.page.locator("#countdown")).to_be_visible()
    idle = scene.sandbox.call
    assert idle
    assert idle["CALL_STATE"] == "idle"
    assert scene.ask() == shown(idle)
    tab.click("Close card")
    scene.until(NO_CARD, shown(idle))


def test_an_outgoing_call_has_no_id_until_it_is_answered(scene: Scene, tab: Tab) -> None:
    begin(tab, "Outgoing call")
    dialled = scene.on_screen
    assert dialled.call
    assert dialled.call["CALL_ID"] == ""
    assert scene.ask() == dialled
    tab.click("Close card")
    scene.until(NO_CARD, dialled)
    begin(tab, "Outgoing call", "Answer")
    expect(tab.page.locator("#state")).to_have_text("Connected")
    answered = scene.on_screen
    assert answered.call
    assert answered.call["CALL_ID"] != ""
    scene.until(answered, dialled)
    close(scene, tab)


def test_a_call_list(scene: Scene, tab: Tab) -> None:
    begin(tab, "Start a call list", "Widget tab")
    first = scene.on_screen
    assert first.call
    assert (first.call["CALL_STATE"], first.call["CALL_ID"]) == ("idle", "")
    assert scene.ask() == first
    tab.click("Ring", "Answer")
    expect(tab.page.locator("#state")).to_have_text("Connected")
    assert scene.ask() == scene.on_screen
    tab.click("Hang up")
    expect(tab.page.locator("#state")).to_have_text("Not dialled")
    assert scene.ask() == shown(scene.sandbox.call)
    tab.click("Next client")
    expect(tab.page.locator("#direction")).to_contain_text("client 2")
    second = scene.on_screen
    assert second.call
    assert second.call["CRM_ENTITY_ID"] != first.call["CRM_ENTITY_ID"]
    assert scene.ask() == second
    close(scene, tab)


@pytest.mark.parametrize(
    ("button", "field"),
    [
        ("Bind another CRM item", "CRM_BINDINGS"),
        ("No activity", "CRM_ACTIVITY_ID"),
        ("Hidden number", "PHONE_NUMBER"),
    ],
)
def test_what_changes_in_a_call(scene: Scene, tab: Tab, button: str, field: str) -> None:
    begin(tab, "External call")
    before = scene.sandbox.call
    assert before
    with tab.page.expect_response("**/sandbox/card/*"):
        tab.click(button)
    after = scene.sandbox.call
    scene.until(scene.on_screen, shown(before))
    assert after
    assert after.get(field) != before[field]
    close(scene)


def test_another_tab_takes_the_frame_and_gives_it_back(scene: Scene, tab: Tab) -> None:
    begin(tab, "Ring")
    tab.click("Another tab")
    scene.until(NO_CARD, scene.on_screen)
    begin(tab, "Widget tab")
    assert scene.ask() == scene.on_screen
    reload_widget(scene, tab)


def test_a_page_that_is_reloaded_has_a_folded_card(scene: Scene, tab: Tab) -> None:
    begin(tab, "Ring")
    tab.page.reload()
    expect(tab.page.locator("#no-frame")).to_contain_text("folded")
    scene.until(NO_CARD, scene.on_screen)
    begin(tab, "Unfold")
    assert scene.ask() == scene.on_screen
