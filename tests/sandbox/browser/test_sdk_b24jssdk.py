"""b24jssdk, the official browser SDK, judges the portal page from a widget of another origin.

It is the build that npm delivers, as it is. Whatever it takes for an answer, a real widget would.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.data import TODAY

SDK = Path(__file__).parents[3] / "scripts/node/node_modules/@bitrix24/b24jssdk/dist/umd/index.js"

EVENTS = ["CallCard::EntityChanged", "CallCard::BeforeClose", "CallCard::CallStateChanged"]

Card = Any


@pytest.fixture
def widget(open_card: Callable[..., Any]) -> Card:
    """A card whose widget has loaded the SDK and initialized it, as `b24`."""
    if not SDK.is_file():
        missing = "b24jssdk is not installed: `make test` does that, from package-lock.json."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    # The SDK gives up after 0.9 s, which pass only when a test lets them.
    card = open_card("<!doctype html><title>Widget</title>", paused=True)
    card.widget_page().add_script_tag(path=SDK)
    # A real error shall come out at once: the SDK would try it three times, with pauses.
    card.in_widget(
        "B24Js.initializeB24Frame({ restrictionParams: { maxRetries: 1 } })"
        ".then((frame) => { window.b24 = frame; })"
    )
    return card


@pytest.fixture
def listener(widget: Card) -> Card:
    """A widget that has bound all events, and says on the console what its handlers get."""
    widget.in_widget(
        """(events) => { window.bound = Promise.all(events.map((event) =>
            b24.placement.bindEvent(event, (payload) =>
                console.log(`${event.split("::")[1]}:${JSON.stringify(payload)}`)))) }""",
        EVENTS,
    )
    expect(widget.messages("placementBindEvent")).to_have_count(3)
    # The SDK gives up waiting for an acknowledgement: a portal sends none.
    widget.page.clock.fast_forward(900)
    assert widget.in_widget("bound") == [{"isSafely": True}] * 3
    widget.heard.clear()
    return widget


def call(widget: Card, command: str) -> Any:
    """Let the widget call a command of the placement."""
    return widget.in_widget("(command) => b24.placement.call(command)", command)


def rest_call(widget: Card, method: str = "placement.call") -> Any:
    """Let the widget ask over REST; return the envelope, or code and status of the error."""
    return widget.in_widget(
        """(method) => b24.actions.v2.call.make({
            method, params: { PLACEMENT: "getStatus", PARAMS: {} },
        }).then((answer) => answer.getData(), ({ code, status }) => ({ code, status }))""",
        method,
    )


def test_it_initializes_and_knows_where_it_is(widget: Card) -> None:
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


def test_get_status_is_the_call_that_the_portal_holds(
    widget: Card, unusual_call: dict[str, Any]
) -> None:
    # Another identifier would be another call, with a card and a widget of its own.
    held = unusual_call | {"CALL_ID": widget.sandbox.state()["call"]["CALL_ID"]}
    widget.sandbox.call = held
    for told in (call(widget, "getStatus"), rest_call(widget)["result"]):
        # As text, true is not 1, and each field has a line of its own to differ in.
        assert json.dumps(told, indent=1) == json.dumps(held, indent=1)


def test_get_interface_names_the_commands_and_the_events(widget: Card) -> None:
    assert widget.in_widget("b24.placement.getInterface()") == {
        "command": ["getStatus", "disableAutoClose", "enableAutoClose"],
        "event": EVENTS,
    }


def test_an_unknown_command_gets_no_answer(widget: Card) -> None:
    widget.in_widget("void (window.answer = b24.placement.call('getWeather'))")
    expect(widget.dropped()).to_have_count(1)
    widget.page.clock.fast_forward(900)
    assert widget.in_widget("answer") == {"isSafely": True}


class TestEvents:
    def test_an_answered_call(self, listener: Card) -> None:
        held = listener.sandbox.state()["call"]
        listener.sandbox.call = held | {"CALL_STATE": "connecting"}
        listener.wait_until_heard('CallStateChanged:"connecting"')
        listener.click("Answer")
        listener.wait_until_heard('CallStateChanged:"connected"')
        assert len(listener.heard) == 2
        assert call(listener, "getStatus")["CALL_STATE"] == "connected"

    def test_the_far_end_hangs_up_while_auto_close_is_disabled(self, listener: Card) -> None:
        listener.close_after(1)
        assert call(listener, "disableAutoClose") == []
        listener.click("Far end hangs up")
        listener.wait_until_heard('BeforeClose:""')
        listener.wait_until_closed()
        assert len(listener.heard) == 1

    def test_enabling_auto_close_while_the_card_waits_closes_it_at_once(
        self, listener: Card
    ) -> None:
        assert call(listener, "disableAutoClose") == []
        listener.click("Far end hangs up")
        listener.wait_until_heard('BeforeClose:""')
        listener.in_widget("void b24.placement.call('enableAutoClose')")
        listener.wait_until_closed()

    def test_enabling_auto_close_before_it_matters_leaves_the_card_open(
        self, listener: Card
    ) -> None:
        assert call(listener, "disableAutoClose") == []
        assert call(listener, "enableAutoClose") == []
        assert call(listener, "getStatus")["CALL_STATE"] == "connected"
        listener.click("Far end hangs up")
        listener.wait_until_closed()
        assert listener.heard == []

    def test_the_next_client_of_a_call_list(self, listener: Card) -> None:
        held = listener.sandbox.state()["call"]
        listener.sandbox.call = held | {"CALL_LIST_MODE": True, "CALL_STATE": "idle"}
        listener.wait_until_heard('CallStateChanged:"idle"')
        listener.click("Next client")
        listener.wait_until_heard("EntityChanged:")
        status = call(listener, "getStatus")
        assert status["CALL_ID"] != held["CALL_ID"]
        assert json.loads(listener.heard[-1].removeprefix("EntityChanged:")) == {
            name: status[name] for name in ("PHONE_NUMBER", "CRM_ENTITY_TYPE", "CRM_ENTITY_ID")
        }


class TestRest:
    def test_an_expired_token_is_refreshed_once_and_the_call_retried(self, widget: Card) -> None:
        widget.sandbox.expire_tokens()
        assert rest_call(widget)["result"] == widget.sandbox.state()["call"]
        expect(widget.messages("refreshAuth")).to_have_count(2)  # question and answer
        assert widget.in_widget("b24.auth.getAuthData().access_token") != "sandboxaccesstoken"
        assert rest_call(widget)["result"] == widget.sandbox.state()["call"]
        expect(widget.messages("refreshAuth")).to_have_count(2)

    def test_a_token_that_stays_expired_is_refreshed_only_once(self, widget: Card) -> None:
        widget.sandbox.fail("expired_token", times=2)
        assert rest_call(widget) == {"code": "expired_token", "status": 401}
        expect(widget.messages("refreshAuth")).to_have_count(2)
        assert widget.sandbox.state()["faults"] == []

    def test_each_documented_error_is_read_with_its_code_and_its_status(self, widget: Card) -> None:
        refreshing = {"invalid_token", "expired_token"}
        documented = {code: status for code, status in TODAY.items() if code not in refreshing}
        seen = {}
        for code in documented:
            widget.sandbox.fail(code)
            error = rest_call(widget)
            seen[error.get("code")] = error.get("status")
        assert seen == documented

    def test_an_unknown_method_is_method_not_found(self, widget: Card) -> None:
        assert rest_call(widget, "placement.sing") == {
            "code": "ERROR_METHOD_NOT_FOUND",
            "status": 404,
        }

    def test_a_batch_gives_the_call_too(self, widget: Card) -> None:
        results = widget.in_widget(
            """b24.actions.v2.batch.make({
                calls: [["placement.call", { PLACEMENT: "getStatus", PARAMS: {} }]],
            }).then((answer) => answer.getData())"""
        )
        assert results == [widget.sandbox.state()["call"]]
