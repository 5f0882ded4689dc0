"""How a card stays connected: its page connects again after whatever ends a connection."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.bridge.answers import NO_CARD, remembered
from tests.bridge.browser.proxies import Proxy, proxy
from tests.bridge.browser.scenes import TIMES, Scene

Playing = Callable[..., Scene]


@pytest.fixture
def network() -> Iterator[Proxy]:
    """The network between the browser and the bridge."""
    with proxy() as network:
        yield network


def test_a_token_that_expires_is_refreshed_and_the_card_connects_again(scene: Scene) -> None:
    tab = scene.open_card()
    tab.click("Fold")
    scene.until(NO_CARD, scene.on_screen)
    authentication = scene.sandbox.portal.authentication
    token = authentication.issue().access_token
    authentication._expiry[token] = int(time.time()) + 2  # the OAuth server gives whole seconds
    with tab.page.expect_websocket() as first:
        tab.click("Unfold")
    tab.wait_until_connected()
    first.value.wait_for_event("close")
    tab.wait_until_connected()
    scene.until(scene.on_screen, NO_CARD)
    assert authentication.tokens.access_token != token
    refreshes = tab.page.locator("#log-entries .what", has_text="refreshAuth")
    expect(refreshes).to_have_count(2)  # question and answer


def test_a_token_that_is_refused_just_after_it_was_refreshed_is_tried_again_slowly(
    scene: Scene,
) -> None:
    tab = scene.open_card(clock=True)
    scene.restart(client_ids=frozenset({"another.application"}))
    expect(tab.widget.locator("body")).to_contain_text(
        "Not connected: The access token is not of this application."
    )
    expect(tab.page.locator("#log-entries .what", has_text="refreshAuth")).to_have_count(2)
    scene.restart()
    tab.page.clock.fast_forward(60_000)
    tab.wait_until_connected()
    scene.until(scene.on_screen)
    expect(tab.page.locator("#log-entries .what", has_text="refreshAuth")).to_have_count(2)
    for fault in scene.faults:  # the bridge was away meanwhile
        assert "/socket' failed: " in fault
    scene.faults.clear()


def test_a_portal_that_the_bridge_does_not_know_is_tried_again_slowly(scene: Scene) -> None:
    tab = scene.open_card(clock=True)
    with scene.bridge.data() as data:
        (portal,) = data.portals()
        data.remove_portal(portal.member_id)
        scene.restart()
        expect(tab.widget.locator("body")).to_contain_text(
            "Not connected: the application is not installed on this portal"
        )
        data.put_portal(portal)
    scene.webhook = scene.bridge.webhook(portal.member_id, name="again")
    tab.page.clock.fast_forward(60_000)
    tab.wait_until_connected()
    scene.until(scene.on_screen)
    scene.faults.clear()  # the bridge was away meanwhile


def test_a_connection_that_the_network_cuts_is_opened_again(start: Playing, network: Proxy) -> None:
    scene = start(port=network.target, url=network.url)
    tab = scene.open_card()
    network.cut()
    with tab.page.expect_websocket():
        scene.until(NO_CARD, scene.on_screen)
    scene.until(scene.on_screen, NO_CARD)


def test_a_connection_that_the_network_drops_silently_is_opened_again(
    start: Playing, network: Proxy
) -> None:
    scene = start(
        port=network.target, url=network.url, times=replace(TIMES, ask=0.1, every=0.1, lease=0.5)
    )
    tab = scene.open_card(clock=True)
    network.drop()
    scene.until(NO_CARD, scene.on_screen, remembered(scene.on_screen))
    expect(tab.widget.get_by_text("Connected.")).to_be_visible()  # nobody has said otherwise
    tab.page.clock.fast_forward(15_000)
    tab.page.clock.fast_forward(1000)
    scene.until(scene.on_screen, NO_CARD, remembered(scene.on_screen))


class TestRestart:
    def test_a_card_connects_again_to_a_bridge_that_was_restarted(self, scene: Scene) -> None:
        tab = scene.open_card()
        scene.restart()
        assert scene.ask() in (NO_CARD, scene.on_screen)
        scene.until(scene.on_screen, NO_CARD)
        tab.wait_until_connected()
        for fault in scene.faults:  # at once was too early
            assert "/socket' failed: " in fault
        scene.faults.clear()


def test_a_change_in_the_card_is_known_without_asking_it(
    start: Callable[..., Scene],
) -> None:
    scene = start(times=replace(TIMES, fresh=60, every=60, lease=120))
    scene.sandbox.play("transfer")  # it rings
    tab = scene.open_card()
    ringing = remembered(scene.on_screen)
    scene.until(ringing, scene.on_screen)  # which it says itself until its first word has come
    with tab.page.expect_response("**/sandbox/card/answer"):
        tab.click("Answer")
    connected = remembered(scene.on_screen)
    scene.until(connected, ringing)
    with tab.page.expect_response("**/sandbox/card/bind"):
        tab.click("Bind another CRM item")
    bound = remembered(scene.on_screen)
    scene.until(bound, connected)
    assert ringing != connected != bound
