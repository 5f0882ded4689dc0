"""Our BX24 library in a widget of another origin: every name that applications know."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect
from sandbox.server import running

Card = Any
OpenCard = Callable[..., Any]

# The example that the documentation of getStatus shows, as it stands there.
EXAMPLE = """
    BX24.placement.call('getStatus', {}, function (result) {
        console.log(result);
    });
"""


@pytest.fixture
def widget(open_card: OpenCard, sandbox: Any) -> Card:
    """A widget that has loaded the library and done nothing with it."""
    page = f'<!doctype html><script src="{sandbox.origin}/api/v1/"></script><body>'
    page += "<script>document.body.append(typeof BX24)</script>"
    card = open_card(page)
    expect(card.widget.locator("body")).to_contain_text("object")
    return card


def test_the_documented_example_runs_as_it_stands(
    open_card: OpenCard, serve: Callable[[str], str]
) -> None:
    handler = serve(
        '<!doctype html><script src="http://{DOMAIN}/api/v1/"></script>'
        f"<script>console.log = (result) => result_seen = result; {EXAMPLE}</script>"
    )
    with running(handler=handler) as portal:
        card = open_card(portal=portal)
        expect(card.messages("getStatus")).to_have_count(2)
        card.page.frames[-1].wait_for_function("() => window.result_seen")
        assert card.in_widget("result_seen") == portal.state()["call"]
        assert card.in_widget("location.origin") == handler.rstrip("/")


def test_before_init_nothing_is_known(widget: Card) -> None:
    assert widget.in_widget("BX24.getAuth()") is False


def test_init_and_ready(widget: Card) -> None:
    widget.in_widget("new Promise((done) => BX24.ready(done))")
    widget.in_widget("new Promise((done) => BX24.init(done))")
    auth = widget.in_widget("BX24.getAuth()")
    assert auth["access_token"] == "sandbox-access-token"
    assert auth["refresh_token"] == "sandbox-refresh-token"
    assert auth["expires_in"] == "3600"
    assert auth["domain"] == widget.sandbox.origin.removeprefix("http://")
    info = widget.in_widget("BX24.placement.info()")
    assert info["placement"] == "CALL_CARD"
    assert info["options"]["CRM_ENTITY_ID"] == "17"


def test_init_asks_the_portal_once(widget: Card) -> None:
    for _ in range(2):
        widget.in_widget("new Promise((done) => BX24.init(done))")
    expect(widget.messages("getInitData")).to_have_count(2)  # question and answer


def test_placement_call_needs_no_init(widget: Card) -> None:
    status = widget.in_widget("new Promise((done) => BX24.placement.call('getStatus', {}, done))")
    assert status == widget.sandbox.state()["call"]


def test_get_interface(widget: Card) -> None:
    interface = widget.in_widget("new Promise((done) => BX24.placement.getInterface(done))")
    assert interface["command"] == ["getStatus", "disableAutoClose", "enableAutoClose"]


def test_a_bound_event_comes_each_time_and_never_before(widget: Card) -> None:
    widget.in_widget(
        "BX24.placement.bindEvent('CallCard::CallStateChanged', (state) => console.log(state))"
    )
    call = widget.sandbox.state()["call"]
    for state in ("connecting", "connected"):
        widget.sandbox.set_call(call | {"CALL_STATE": state})
        widget.wait_until_heard(state)
    assert widget.heard == ["connecting", "connected"]


CALL = """(method) => new Promise((done) => BX24.callMethod(
    method, { PLACEMENT: 'getStatus', PARAMS: {} }, (result) => done({
        data: result.data(), error: result.error(), description: result.error_description(),
    })))"""


def call_method(widget: Card, method: str) -> Any:
    return widget.page.frames[-1].evaluate(CALL, method)


def test_call_method_gives_the_data(widget: Card) -> None:
    result = call_method(widget, "placement.call")
    assert result["error"] is False
    assert result["data"] == widget.sandbox.state()["call"]


def test_call_method_gives_the_error_of_the_portal(widget: Card) -> None:
    result = call_method(widget, "placement.sing")
    assert result["error"] == "ERROR_METHOD_NOT_FOUND"
    assert result["description"] == "Method not found!"


def test_an_expired_token_is_renewed_once_and_the_call_repeated(widget: Card) -> None:
    widget.in_widget("new Promise((done) => BX24.init(done))")
    widget.sandbox.expire_tokens()
    assert call_method(widget, "placement.call")["data"] == widget.sandbox.state()["call"]
    assert widget.in_widget("BX24.getAuth().access_token") != "sandbox-access-token"
    expect(widget.messages("refreshAuth")).to_have_count(2)


def test_a_token_that_stays_expired_is_renewed_only_once(widget: Card) -> None:
    widget.sandbox.fault("expired_token", times=2)
    assert call_method(widget, "placement.call")["error"] == "expired_token"
    expect(widget.messages("refreshAuth")).to_have_count(2)
    assert widget.sandbox.state()["faults"] == []


def test_resize_window_changes_the_frame(widget: Card) -> None:
    size = widget.in_widget("new Promise((done) => BX24.resizeWindow(640, 777, done))")
    assert size == {"width": 640, "height": 777}
    expect(widget.page.locator("iframe")).to_have_css("height", "777px")


def test_fit_window_makes_the_frame_as_high_as_its_page(widget: Card) -> None:
    widget.in_widget("document.body.style.cssText = 'margin: 0; height: 901px'")
    widget.in_widget("BX24.fitWindow()")
    expect(widget.page.locator("iframe")).to_have_css("height", "901px")


def test_outside_a_portal_it_says_so_and_harms_nothing(widget: Card) -> None:
    page = widget.page.context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{widget.sandbox.origin}/docs/none")
    page.add_script_tag(url=f"{widget.sandbox.origin}/api/v1/")
    page.evaluate("BX24.placement.call('getStatus', {}, () => {})")
    assert any("not opened by a portal" in text for text in said)
