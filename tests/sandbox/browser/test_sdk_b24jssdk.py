"""b24jssdk, the official browser SDK, in a widget of another origin, against the portal page.

It is the build from npm, unmodified: it accepts what a real widget would accept.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.data import CALL
from tests.sandbox.browser.cards import CardPage, OpenCard

SDK = Path(__file__).parents[3] / "scripts/node/node_modules/@bitrix24/b24jssdk/dist/umd/index.js"

EVENTS = ["CallCard::EntityChanged", "CallCard::BeforeClose", "CallCard::CallStateChanged"]


@pytest.fixture
def widget(open_card: OpenCard) -> CardPage:
    """A card whose widget has loaded the SDK and initialized it, as `b24`."""
    if not SDK.is_file():
        missing = "b24jssdk is not installed: `make test` does that, from package-lock.json."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    # The SDK has timeouts of 0.9 s, which expire only when a test moves the clock.
    card = open_card("<!doctype html><title>Widget</title>", paused=True)
    card.widget_page().add_script_tag(path=SDK)
    # Without this, the SDK would retry real errors three times, with pauses.
    card.in_widget(
        "B24Js.initializeB24Frame({ restrictionParams: { maxRetries: 1 } })"
        ".then((frame) => { window.b24 = frame; })"
    )
    return card


def call(widget: CardPage, command: str) -> Any:
    """Let the widget call a command of the placement."""
    return widget.in_widget("(command) => b24.placement.call(command)", command)


def rest_call(widget: CardPage, method: str = "placement.call") -> Any:
    """Let the widget call a REST method; return the envelope, or the error's code and status."""
    return widget.in_widget(
        """(method) => b24.actions.v2.call.make({
            method, params: { PLACEMENT: "getStatus", PARAMS: {} },
        }).then((answer) => answer.getData(), ({ code, status }) => ({ code, status }))""",
        method,
    )


def test_it_initializes_and_knows_the_placement(widget: CardPage) -> None:
    known = widget.in_widget(
        """({
            origin: b24.getTargetOrigin(), sid: b24.getAppSid(), lang: b24.getLang(),
            firstRun: b24.isFirstRun, install: b24.isInstallMode,
            title: b24.placement.title, options: b24.placement.options,
            auth: b24.auth.getAuthData(),
        })"""
    )
    assert known["origin"] == widget.sandbox.origin
    assert known["sid"] == widget.in_widget("window.name").split("|")[2]
    assert (known["lang"], known["firstRun"], known["install"]) == ("en", False, False)
    assert known["title"] == "CALL_CARD"
    assert known["options"]["CRM_ENTITY_ID"] == "17"
    assert known["options"]["CALL_LIST_MODE"] == "false"
    assert known["auth"]["access_token"] == "sandboxaccesstoken"
    assert known["auth"]["expires_in"] == 3600
    assert widget.in_widget("b24.placement.getInterface()") == {
        "command": ["getStatus", "disableAutoClose", "enableAutoClose"],
        "event": EVENTS,
    }
    widget.in_widget("void (window.answer = b24.placement.call('getWeather'))")
    expect(widget.dropped()).to_have_count(1)
    widget.page.clock.fast_forward(900)
    assert widget.in_widget("answer") == {"isSafely": True}  # it got no reply


def test_events_reach_its_handlers_until_the_card_closes(widget: CardPage) -> None:
    widget.in_widget(
        """(events) => { window.bound = Promise.all(events.map((event) =>
            b24.placement.bindEvent(event, (payload) =>
                console.log(`${event.split("::")[1]}:${JSON.stringify(payload)}`)))) }""",
        EVENTS,
    )
    expect(widget.messages("placementBindEvent")).to_have_count(3)
    # The SDK stops waiting for an acknowledgement, which a portal does not send.
    widget.page.clock.fast_forward(900)
    assert widget.in_widget("bound") == [{"isSafely": True}] * 3
    widget.console.clear()
    widget.sandbox.call = CALL | {"CALL_STATE": "connecting"}
    widget.wait_for_console('CallStateChanged:"connecting"')
    widget.click("Bind another CRM item")
    widget.wait_for_console(
        'EntityChanged:{"PHONE_NUMBER":"+12025550142","CRM_ENTITY_TYPE":"LEAD","CRM_ENTITY_ID":52}'
    )
    assert call(widget, "disableAutoClose") == []
    widget.click("Far end hangs up")
    widget.wait_for_console('BeforeClose:""')
    widget.in_widget("void b24.placement.call('enableAutoClose')")
    widget.wait_until_closed()
    assert len(widget.console) == 3


def test_the_call_is_the_same_in_the_card_and_over_rest(widget: CardPage) -> None:
    assert call(widget, "getStatus") == rest_call(widget)["result"] == CALL
    error = {"code": "ERROR_METHOD_NOT_FOUND", "status": 404}
    assert rest_call(widget, "placement.sing") == error


class TestRest:
    def test_an_expired_token_is_refreshed_once_and_the_call_retried(
        self, widget: CardPage
    ) -> None:
        widget.sandbox.expire_tokens()
        assert rest_call(widget)["result"] == CALL
        expect(widget.messages("refreshAuth")).to_have_count(2)  # question and reply
        assert widget.in_widget("b24.auth.getAuthData().access_token") != "sandboxaccesstoken"
        assert rest_call(widget)["result"] == CALL
        expect(widget.messages("refreshAuth")).to_have_count(2)

    def test_a_batch_returns_the_call_too(self, widget: CardPage) -> None:
        results = widget.in_widget(
            """b24.actions.v2.batch.make({
                calls: [["placement.call", { PLACEMENT: "getStatus", PARAMS: {} }]],
            }).then((answer) => answer.getData())"""
        )
        assert results == [CALL]
