"""Our BX24 library in a widget of another origin: every name that applications know."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

Card = Any
OpenCard = Callable[..., Any]

# The example that the documentation of getStatus shows, as it stands there.
EXAMPLE = """
    BX24.placement.call('getStatus', {}, function (result) {
        console.log(result);
    });
"""


LIBRARY = '<!doctype html><script src="http://{DOMAIN}/api/v1/"></script><body>'


@pytest.fixture
def widget(open_card: OpenCard) -> Card:
    """A widget that has loaded the library and done nothing with it."""
    card = open_card(f"{LIBRARY}<script>document.body.append(typeof BX24)</script>")
    expect(card.widget.locator("body")).to_contain_text("object")
    return card


def test_the_documented_example_runs_as_it_stands(open_card: OpenCard) -> None:
    card = open_card(f"{LIBRARY}<script>{EXAMPLE}</script>")
    expect(card.messages("getStatus")).to_have_count(2)
    card.wait_until_heard("")
    [logged] = card.page.console_messages()
    assert logged.args[0].json_value() == card.sandbox.state()["call"]
    assert card.in_widget("location.origin") != card.sandbox.origin


def test_before_init_nothing_is_known(widget: Card) -> None:
    assert widget.in_widget("BX24.getAuth()") is False


def test_init_and_ready(widget: Card) -> None:
    widget.in_widget("new Promise((done) => BX24.ready(done))")
    widget.in_widget("new Promise((done) => BX24.init(done))")
    auth, now = widget.in_widget("[BX24.getAuth(), Date.now()]")
    assert auth["access_token"] == "sandboxaccesstoken"
    assert auth["refresh_token"] == "sandboxrefreshtoken"
    assert auth["expires_in"] == pytest.approx(now + 3600 * 1000, abs=60_000)
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
    expect(widget.messages("placementBindEvent")).to_have_count(1)  # it is never acknowledged
    call = widget.sandbox.state()["call"]
    for state in ("connecting", "connected"):
        widget.sandbox.call = call | {"CALL_STATE": state}
        widget.wait_until_heard(state)
    assert widget.heard == ["connecting", "connected"]


def test_what_another_window_says_is_not_taken_for_the_portal(widget: Card) -> None:
    widget.in_widget("Math.random = () => 0.5")  # so that the callback's identifier is known
    widget.in_widget("BX24.placement.bindEvent('CallCard::CallStateChanged', console.log)")
    expect(widget.messages("placementBindEvent")).to_have_count(1)
    widget.in_widget("""window.postMessage('bx1i:"forged"', '*')""")
    call = widget.sandbox.state()["call"]
    widget.sandbox.call = call | {"CALL_STATE": "connecting"}
    widget.wait_until_heard("connecting")
    assert widget.heard == ["connecting"]


CALL = """(method) => new Promise((done) => BX24.callMethod(
    method, { PLACEMENT: 'getStatus', PARAMS: {} }, (result) => done({
        data: result.data(), error: result.error(), description: result.error_description(),
    })))"""


def call_method(widget: Card, method: str) -> Any:
    return widget.in_widget(CALL, method)


def test_call_method_gives_the_data(widget: Card) -> None:
    result = call_method(widget, "placement.call")
    assert result["error"] is False
    assert result["data"] == widget.sandbox.state()["call"]


def test_call_method_gives_the_error_of_the_portal(widget: Card) -> None:
    result = call_method(widget, "placement.sing")
    assert result["error"] == "ERROR_METHOD_NOT_FOUND"
    assert result["description"] == "Method not found!"


def test_an_expired_token_is_refreshed_once_and_the_call_retried(widget: Card) -> None:
    widget.in_widget("new Promise((done) => BX24.init(done))")
    widget.sandbox.expire_tokens()
    assert call_method(widget, "placement.call")["data"] == widget.sandbox.state()["call"]
    assert widget.in_widget("BX24.getAuth().access_token") != "sandboxaccesstoken"
    expect(widget.messages("refreshAuth")).to_have_count(2)


def test_a_token_that_stays_expired_is_refreshed_only_once(widget: Card) -> None:
    widget.sandbox.fail("expired_token", times=2)
    assert call_method(widget, "placement.call")["error"] == "expired_token"
    expect(widget.messages("refreshAuth")).to_have_count(2)
    assert widget.sandbox.state()["faults"] == []


def test_refresh_auth_gives_the_new_tokens(widget: Card) -> None:
    widget.in_widget("new Promise((done) => BX24.init(done))")
    auth = widget.in_widget("new Promise((done) => BX24.refreshAuth(done))")
    assert auth["access_token"] not in ("", "sandboxaccesstoken")
    assert auth == widget.in_widget("BX24.getAuth()")


def test_an_expired_token_is_no_auth(widget: Card) -> None:
    widget.in_widget("new Promise((done) => BX24.init(done))")
    assert widget.in_widget("(Date.now = () => 8e15, BX24.getAuth())") is False


class TestCallBatch:
    BATCH = """([calls, halt]) => new Promise((done) => BX24.callBatch(calls, (results) => done(
        Array.isArray(results)
            ? results.map((one) => [one.error(), one.data()])
            : Object.fromEntries(Object.entries(results).map(
                ([label, one]) => [label, [one.error(), one.data()]]))
    ), halt))"""
    CALL = ["placement.call", {"PLACEMENT": "getStatus", "PARAMS": {}}]  # noqa: RUF012

    def ask(self, widget: Card, calls: Any, halt: bool = False) -> Any:
        return widget.in_widget(self.BATCH, [calls, halt])

    def test_a_map_of_calls_gives_a_map_of_results(self, widget: Card) -> None:
        calls = {
            "good": {"method": self.CALL[0], "params": self.CALL[1]},
            "bad": ["placement.sing", {}],
            "nested": ["placement.call", {"PLACEMENT": "getStatus", "PARAMS": {"a": {"b": "ä&="}}}],
        }
        results = self.ask(widget, calls)
        assert results["good"] == [False, widget.sandbox.state()["call"]]
        assert results["bad"][0] == "ERROR_METHOD_NOT_FOUND"
        assert results["nested"][0] == "ERROR_ARGUMENT"

    def test_a_list_of_calls_gives_a_list_and_halts_on_request(self, widget: Card) -> None:
        results = self.ask(widget, [self.CALL, ["placement.sing"], self.CALL], halt=True)
        assert [error for error, _ in results] == [False, "ERROR_METHOD_NOT_FOUND", False]
        assert results[2][1] is None

    def test_a_refused_batch_is_the_error_of_each_call(self, widget: Card) -> None:
        widget.sandbox.fail("QUERY_LIMIT_EXCEEDED")
        results = self.ask(widget, [self.CALL, self.CALL])
        assert [error for error, _ in results] == ["QUERY_LIMIT_EXCEEDED"] * 2


@pytest.mark.parametrize("kind", ["userOption", "appOption"])
def test_options_are_set_and_known_at_the_next_opening(widget: Card, kind: str) -> None:
    widget.in_widget("new Promise((done) => BX24.init(done))")
    assert widget.in_widget(f"BX24.{kind}.get('a')") is None
    stored = widget.in_widget(f"new Promise((done) => BX24.{kind}.set('a', 'b', done))")
    assert stored == {"a": "b"}
    assert widget.in_widget(f"BX24.{kind}.get('a')") == "b"
    widget.click("Close card", "Ring")
    expect(widget.widget.locator("body")).to_contain_text("object")
    widget.in_widget("new Promise((done) => BX24.init(done))")
    assert widget.in_widget(f"BX24.{kind}.get('a')") == "b"


def test_what_the_portal_said_is_known_by_name(widget: Card) -> None:
    widget.in_widget("new Promise((done) => BX24.init(done))")
    assert widget.in_widget("[BX24.isReady(), BX24.isAdmin(), BX24.getLang()]") == [
        True,
        True,
        "en",
    ]
    assert widget.in_widget("BX24.getDomain()") == widget.sandbox.origin.removeprefix("http://")
    assert widget.in_widget("BX24.getScrollSize().scrollWidth") > 0


def test_bind_and_unbind_are_for_events_of_the_page(widget: Card) -> None:
    widget.in_widget("""
        window.clicked = 0;
        const click = () => { window.clicked += 1; };
        BX24.bind(document.body, 'click', click);
        document.body.click();
        BX24.unbind(document.body, 'click', click);
        document.body.click();
    """)
    assert widget.in_widget("window.clicked") == 1


KNOWN = [
    *("init", "ready", "isReady", "install", "installFinish", "isAdmin", "getLang", "getDomain"),
    *("getAuth", "refreshAuth", "callMethod", "callBatch", "resizeWindow", "fitWindow"),
    *("getScrollSize", "setTitle", "bind", "unbind"),
    *("userOption.get", "userOption.set", "appOption.get", "appOption.set"),
    *("placement.info", "placement.getInterface", "placement.call", "placement.bindEvent"),
]
NOT_PLAYED = [
    *("scrollParentWindow", "reloadWindow", "openPath", "openApplication", "closeApplication"),
    *("selectUser", "selectUsers", "selectAccess", "selectCRM"),
    *("im.callTo", "im.phoneTo", "im.openMessenger", "im.openHistory"),
]


def test_every_name_that_widgets_know_is_a_function(widget: Card) -> None:
    kinds = widget.in_widget(
        "(names) => names.map((name) => typeof name.split('.').reduce((at, key) => at[key], BX24))",
        [*KNOWN, *NOT_PLAYED],
    )
    assert kinds == ["function"] * len([*KNOWN, *NOT_PLAYED])


@pytest.mark.parametrize("name", NOT_PLAYED)
def test_a_name_that_is_not_played_says_so_once(widget: Card, name: str) -> None:
    widget.in_widget(f"BX24.{name}('x'); BX24.{name}('x', () => 0); console.log('done')")
    widget.wait_until_heard("done")
    assert widget.heard == [
        f"BX24: the sandbox does not play BX24.{name}; a portal does.",
        "done",
    ]


def test_resize_window_changes_the_frame(widget: Card) -> None:
    size = widget.in_widget("new Promise((done) => BX24.resizeWindow(640, 777, done))")
    assert size == {"width": 640, "height": 777}
    expect(widget.page.locator("iframe")).to_have_css("height", "777px")
    expect(widget.page.locator("iframe")).to_have_css("width", "640px")


def test_fit_window_makes_the_frame_as_high_as_its_page(widget: Card) -> None:
    widget.in_widget("document.body.style.cssText = 'margin: 0; height: 901px'")
    widget.in_widget("BX24.fitWindow()")
    expect(widget.page.locator("iframe")).to_have_css("height", "901px")


def test_outside_a_portal_it_says_so_and_harms_nothing(
    widget: Card, serve: Callable[[str], str]
) -> None:
    page = widget.page.context.new_page()
    page.goto(serve("<!doctype html>"))
    with page.expect_console_message(lambda said: "not opened by a portal" in said.text):
        page.add_script_tag(url=f"{widget.sandbox.origin}/api/v1/")
        page.evaluate("BX24.placement.call('getStatus', {}, () => {})")
