"""The sandbox's BX24 library in a widget of another origin: every name that applications use."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.sandbox.browser.cards import CardPage, OpenCard, Serve

# The example in the documentation of getStatus, unchanged.
EXAMPLE = """
    BX24.placement.call('getStatus', {}, function (result) {
        console.log(result);
    });
"""
LIBRARY = '<!doctype html><script src="http://{DOMAIN}/api/v1/"></script><body>'


@pytest.fixture
def widget(open_card: OpenCard) -> CardPage:
    """A widget that has loaded the library and done nothing with it."""
    card = open_card(f"{LIBRARY}<script>document.body.append(typeof BX24)</script>")
    expect(card.widget.locator("body")).to_contain_text("object")
    return card


def call_back(widget: CardPage, name: str, *arguments: str) -> Any:
    """Call a function of the library whose last argument is a callback; return its argument."""
    call = f"BX24.{name}({', '.join([*arguments, 'done'])})"
    return widget.in_widget(f"new Promise((done) => {call})")


def test_the_documented_example_runs_unchanged(open_card: OpenCard) -> None:
    card = open_card(f"{LIBRARY}<script>{EXAMPLE}</script>")
    expect(card.messages("getStatus")).to_have_count(2)
    card.wait_for_console("")
    [logged] = card.page.console_messages()
    assert logged.args[0].json_value() == card.call()
    assert card.in_widget("location.origin") != card.sandbox.origin


def test_what_is_known_before_and_after_init(widget: CardPage) -> None:
    assert widget.in_widget("BX24.getAuth()") is False
    assert call_back(widget, "placement.call", "'getStatus'", "{}") == widget.call()
    for _ in range(2):
        call_back(widget, "init")
    expect(widget.messages("getInitData")).to_have_count(2)  # one question and its reply
    call_back(widget, "ready")
    auth, now = widget.in_widget("[BX24.getAuth(), Date.now()]")
    assert auth["access_token"] == "sandboxaccesstoken"
    assert auth["refresh_token"] == "sandboxrefreshtoken"
    assert auth["expires_in"] == pytest.approx(now + 3600 * 1000, abs=60_000)
    assert auth["domain"] == widget.sandbox.origin.removeprefix("http://")
    info = widget.in_widget("BX24.placement.info()")
    assert info["placement"] == "CALL_CARD"
    assert info["options"]["CRM_ENTITY_ID"] == "17"
    known = "[BX24.isReady(), BX24.isAdmin(), BX24.getLang(), BX24.getDomain()]"
    assert widget.in_widget(known) == [True, True, "en", auth["domain"]]
    interface = call_back(widget, "placement.getInterface")
    assert interface["command"] == ["getStatus", "disableAutoClose", "enableAutoClose"]


def test_a_bound_event_is_received_each_time_and_only_from_the_portal(widget: CardPage) -> None:
    widget.in_widget("Math.random = () => 0.5")  # so that the callback's id is known
    widget.in_widget("BX24.placement.bindEvent('CallCard::CallStateChanged', console.log)")
    expect(widget.messages("placementBindEvent")).to_have_count(1)  # it is never acknowledged
    widget.in_widget("""window.postMessage('bx1i:"forged"', '*')""")
    for state in ("connecting", "connected"):
        widget.sandbox.call = widget.call() | {"CALL_STATE": state}
        widget.wait_for_console(state)
    assert widget.console == ["connecting", "connected"]


class TestRest:
    def call_method(self, widget: CardPage, method: str) -> Any:
        return widget.in_widget(
            """(method) => new Promise((done) => BX24.callMethod(
                method, { PLACEMENT: 'getStatus', PARAMS: {} }, (result) => done(
                    [result.error(), result.error_description() || result.data()])))""",
            method,
        )

    def test_call_method_returns_data_or_an_error(self, widget: CardPage) -> None:
        assert self.call_method(widget, "placement.call") == [False, widget.call()]
        assert self.call_method(widget, "placement.sing") == [
            "ERROR_METHOD_NOT_FOUND",
            "Method not found!",
        ]

    def test_an_expired_token_is_refreshed_once_and_the_call_retried(
        self, widget: CardPage
    ) -> None:
        call_back(widget, "init")
        widget.sandbox.expire_tokens()
        assert self.call_method(widget, "placement.call") == [False, widget.call()]
        assert widget.in_widget("BX24.getAuth().access_token") != "sandboxaccesstoken"
        expect(widget.messages("refreshAuth")).to_have_count(2)
        widget.sandbox.fail("expired_token", times=2)  # a token that stays expired
        assert self.call_method(widget, "placement.call")[0] == "expired_token"
        expect(widget.messages("refreshAuth")).to_have_count(4)
        assert widget.sandbox.state()["faults"] == []

    def test_refresh_auth_returns_the_new_tokens(self, widget: CardPage) -> None:
        call_back(widget, "init")
        auth = call_back(widget, "refreshAuth")
        assert auth["access_token"] not in ("", "sandboxaccesstoken")
        assert auth == widget.in_widget("BX24.getAuth()")
        assert widget.in_widget("(Date.now = () => 8e15, BX24.getAuth())") is False  # expired

    def test_call_batch_returns_results_in_the_shape_of_the_calls(self, widget: CardPage) -> None:
        def batch(calls: Any, halt: bool = False) -> Any:
            return widget.in_widget(
                """([calls, halt]) => new Promise((done) => BX24.callBatch(calls, (results) =>
                    done(Array.isArray(results)
                        ? results.map((one) => [one.error(), one.data()])
                        : Object.fromEntries(Object.entries(results).map(
                            ([label, one]) => [label, [one.error(), one.data()]]))
                    ), halt))""",
                [calls, halt],
            )

        fields: dict[str, Any] = {"PLACEMENT": "getStatus", "PARAMS": {}}
        good = ["placement.call", fields]
        labelled = {
            "good": {"method": "placement.call", "params": fields},
            "bad": ["placement.sing", {}],
            "nested": ["placement.call", {**fields, "PARAMS": {"a": {"b": "ä&="}}}],
        }
        results = batch(labelled)
        assert results["good"] == [False, widget.call()]
        assert results["bad"][0] == "ERROR_METHOD_NOT_FOUND"
        assert results["nested"][0] == "ERROR_ARGUMENT"
        results = batch([good, ["placement.sing"], good], halt=True)
        assert [error for error, _ in results] == [False, "ERROR_METHOD_NOT_FOUND", False]
        assert results[2][1] is None
        widget.sandbox.fail("QUERY_LIMIT_EXCEEDED")
        assert [error for error, _ in batch([good, good])] == ["QUERY_LIMIT_EXCEEDED"] * 2


def test_options_are_stored_until_the_next_opening(widget: CardPage) -> None:
    call_back(widget, "init")
    for kind in ("userOption", "appOption"):
        assert widget.in_widget(f"BX24.{kind}.get('a')") is None
        assert call_back(widget, f"{kind}.set", "'a'", f"'{kind}'") == {"a": kind}
        assert widget.in_widget(f"BX24.{kind}.get('a')") == kind
    widget.click("Close card", "Ring")
    expect(widget.widget.locator("body")).to_contain_text("object")
    call_back(widget, "init")
    for kind in ("userOption", "appOption"):
        assert widget.in_widget(f"BX24.{kind}.get('a')") == kind


def test_bind_and_unbind_are_for_events_of_the_page(widget: CardPage) -> None:
    widget.in_widget("""
        window.clicked = 0;
        const click = () => { window.clicked += 1; };
        BX24.bind(document.body, 'click', click);
        document.body.click();
        BX24.unbind(document.body, 'click', click);
        document.body.click();
    """)
    assert widget.in_widget("window.clicked") == 1


def test_the_frame_can_be_resized(widget: CardPage) -> None:
    assert call_back(widget, "resizeWindow", "640", "777") == {"width": 640, "height": 777}
    frame = widget.page.locator("iframe")
    expect(frame).to_have_css("height", "777px")
    expect(frame).to_have_css("width", "640px")
    for height in ("901px", "601px"):  # higher and lower than the frame
        widget.in_widget(f"document.body.style.cssText = 'margin: 0; height: {height}'")
        widget.in_widget("BX24.fitWindow()")
        expect(frame).to_have_css("height", height)
    assert widget.in_widget("BX24.getScrollSize().scrollWidth") > 0


SUPPORTED = [
    *("init", "ready", "isReady", "install", "installFinish", "isAdmin", "getLang", "getDomain"),
    *("getAuth", "refreshAuth", "callMethod", "callBatch", "resizeWindow", "fitWindow"),
    *("getScrollSize", "setTitle", "bind", "unbind"),
    *("userOption.get", "userOption.set", "appOption.get", "appOption.set"),
    *("placement.info", "placement.getInterface", "placement.call", "placement.bindEvent"),
]
UNSUPPORTED = [
    *("scrollParentWindow", "reloadWindow", "openPath", "openApplication", "closeApplication"),
    *("selectUser", "selectUsers", "selectAccess", "selectCRM"),
    *("im.callTo", "im.phoneTo", "im.openMessenger", "im.openHistory"),
]


def test_every_name_is_a_function_and_an_unsupported_one_says_so_once(widget: CardPage) -> None:
    kinds = widget.in_widget(
        "(names) => names.map((name) => typeof name.split('.').reduce((at, key) => at[key], BX24))",
        SUPPORTED,
    )
    assert set(kinds) == {"function"}
    for name in UNSUPPORTED:
        widget.in_widget(f"BX24.{name}('x'); BX24.{name}('x', () => 0)")
    widget.wait_for_console("BX24: the sandbox does not support BX24.im.openHistory")
    assert widget.console == [
        f"BX24: the sandbox does not support BX24.{name}; a portal does." for name in UNSUPPORTED
    ]


def test_outside_a_portal_it_says_so_and_does_no_harm(widget: CardPage, serve: Serve) -> None:
    page = widget.page.context.new_page()
    page.goto(serve("<!doctype html>"))
    with page.expect_console_message(lambda printed: "not opened by a portal" in printed.text):
        page.add_script_tag(url=f"{widget.sandbox.origin}/api/v1/")
        page.evaluate("BX24.placement.call('getStatus', {}, () => {})")
