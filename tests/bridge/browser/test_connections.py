"""How a card stays connected: its page connects again after whatever ends a connection."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect
from websockets.sync.client import connect

from tests.bridge.browser.scenes import Playing, Scene
from tests.bridge.lines import Line, running_line
from tests.ports import unused_port


@pytest.fixture
def network() -> Iterator[Line]:
    """The network between the browser and the bridge."""
    with running_line(unused_port()) as network:
        yield network


def test_a_token_that_expires_is_refreshed_and_the_card_connects_again(scene: Scene) -> None:
    authentication = scene.sandbox.portal.authentication
    token = authentication.issue().access_token
    authentication._expiry[token] = int(time.time()) + 2  # the OAuth server gives whole seconds
    tab = scene.open_card()
    expect(tab.log("refreshAuth")).to_have_count(2)  # question and answer
    scene.until_shown()
    assert authentication.tokens.access_token != token


def test_a_token_that_is_refused_just_after_it_was_refreshed_is_tried_again_slowly(
    scene: Scene,
) -> None:
    tab = scene.open_card(clock="running")
    scene.restart(client_ids=frozenset({"another.application"}))
    expect(tab.widget.locator("body")).to_contain_text(
        "Not connected: The access token is not of this application."
    )
    expect(tab.log("refreshAuth")).to_have_count(2)
    scene.restart()
    tab.page.clock.fast_forward(60_000)
    scene.until_shown()
    expect(tab.log("refreshAuth")).to_have_count(2)
    scene.expect_faults("/socket' failed: ")  # the bridge was away meanwhile


def test_a_portal_that_the_bridge_does_not_know_is_tried_again_slowly(scene: Scene) -> None:
    tab = scene.open_card(clock="running")
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
    scene.until_shown()
    scene.expect_faults("/socket' failed: ")


def test_a_card_whose_connection_another_one_replaced_is_tried_again_slowly(scene: Scene) -> None:
    tab = scene.open_card(clock="running")
    with scene.bridge.data() as data:
        (portal,) = data.portals()
    hello = {
        "token": scene.sandbox.portal.authentication.tokens.access_token,
        "member_id": portal.member_id,
        "app_sid": tab.frame().evaluate("name").split("|")[2],
    }
    origin: Any = scene.bridge.url
    url = scene.bridge.url.replace("http", "ws")
    with connect(f"{url}/socket", origin=origin, proxy=None) as other:
        other.send(json.dumps(hello))
        expect(tab.widget.locator("body")).to_contain_text(
            "Not connected: the same card has connected again"
        )
    tab.page.clock.fast_forward(60_000)
    scene.until_shown()


def test_a_connection_that_the_network_cuts_is_opened_again(start: Playing, network: Line) -> None:
    scene = start(port=network.target, url=network.url)
    tab = scene.open_card()
    with tab.page.expect_websocket():
        network.cut()
    scene.until_shown()


def test_a_connection_that_the_network_drops_silently_is_opened_again(
    start: Playing, network: Line
) -> None:
    scene = start(port=network.target, url=network.url)
    tab = scene.open_card(clock="running")
    with tab.page.expect_websocket():
        network.drop()
        tab.page.clock.fast_forward(15_000)
        tab.page.clock.fast_forward(1000)
    scene.until_shown()


def test_a_bridge_that_ends_is_connected_to_at_once_and_then_less_and_less_often(
    scene: Scene,
) -> None:
    tab = scene.open_card(clock="stopped")
    with tab.page.expect_websocket():
        scene.end()
    for _ in range(40):
        tab.page.clock.fast_forward(100)
    assert len(scene.sockets) <= 4  # the first, at once, a second later at least, and two more
    scene.restart()
    tab.page.clock.fast_forward(10_000)
    tab.page.clock.resume()
    scene.until_shown()
    tab.wait_until_connected()
    scene.expect_faults("/socket' failed: ")
