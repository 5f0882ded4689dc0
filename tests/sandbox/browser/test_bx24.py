"""The sandbox's BX24 library in a widget of another origin: every name that applications use.

Expected is what the portals' own library did in the same card.
"""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.sandbox.browser.cards import CardPage, OpenCard, Serve

# The example in the documentation of getStatus, unchanged.
EXAMPLE = """
    BX24.placement.call('getStatus', {}, function (result) {
        console.log(result);
    });
"""
LIBRARY = '<!doctype html><script src="http://{DOMAIN}/api/v1/"></script><body>'


KNOWN = "[BX24.getAuth(), BX24.isAdmin(), BX24.getLang(), BX24.placement.info()]"


@pytest.fixture
def widget(open_card: OpenCard) -> CardPage:
    """A widget that has loaded the library and done nothing with it."""
    card = open_card(f"{LIBRARY}<script>window.atFirst = {KNOWN}</script>Loaded")
    expect(card.widget.locator("body")).to_contain_text("Loaded")
    return card


def run(widget: CardPage, script: str, argument: Any = None) -> Any:
    """Run a script with `argument`, which calls `done`; return what it calls `done` with."""
    done = "const done = (value) => { window.given = [value]; }; window.given = undefined;"
    widget.in_widget(f"(argument) => {{ {done} {script} }}", argument)
    # Not by animation frames, of which there are none while the frame is out of sight.
    return widget.widget_page().wait_for_function("window.given", polling=20).json_value()[0]


def call_back(widget: CardPage, name: str, *arguments: str) -> Any:
    """Call a function of the library whose last argument is a callback; return its argument."""
    return run(widget, f"BX24.{name}({', '.join([*arguments, 'done'])})")


def test_the_documented_example_runs_unchanged(open_card: OpenCard) -> None:
    card = open_card(f"{LIBRARY}<script>{EXAMPLE}</script>")
    expect(card.messages("getStatus")).to_have_count(2)
    card.wait_for_console("")
    [logged] = card.page.console_messages()
    assert logged.args[0].json_value() == card.call()
    assert card.in_widget("location.origin") != card.sandbox.origin


def test_what_is_known_before_and_after_init(widget: CardPage) -> None:
    for _ in range(2):
        call_back(widget, "init")
    expect(widget.messages("getInitData")).to_have_count(2)  # one question and its reply
    assert widget.in_widget("atFirst") == [False, False, "", {"placement": None, "options": None}]
    call_back(widget, "ready")
    auth, is_admin, lang, info = widget.in_widget(KNOWN)
    now = widget.in_widget("Date.now()")
    assert auth["access_token"] == "sandboxaccesstoken"
    assert auth["refresh_token"] == "sandboxrefreshtoken"
    assert auth["expires_in"] == pytest.approx(now + 3600 * 1000, abs=60_000)
    assert auth["domain"] == widget.sandbox.origin.removeprefix("http://")
    assert info["placement"] == "CALL_CARD"
    assert info["options"]["CRM_ENTITY_ID"] == "17"
    assert (is_admin, lang, widget.in_widget("BX24.getDomain()")) == (True, "en", auth["domain"])
    interface = call_back(widget, "placement.getInterface")
    assert interface["command"] == ["getStatus", "disableAutoClose", "enableAutoClose"]


def test_the_parameters_of_a_command_may_be_left_out(widget: CardPage) -> None:
    assert call_back(widget, "placement.call", "'getStatus'", "{}") == widget.call()
    assert call_back(widget, "placement.call", "'getStatus'") == widget.call()
    widget.in_widget("BX24.placement.call('resizeWindow')")  # a name of BX24 is not a command
    widget.in_widget("BX24.placement.call('some:command', { a: 1 })")
    expect(widget.messages("some:command")).to_contain_text("this placement has no such command")
    expect(widget.messages("resizeWindow")).to_have_count(0)


def test_a_bound_event_is_received_each_time_and_only_from_the_portal(widget: CardPage) -> None:
    widget.in_widget("Math.random = () => 0.5")  # so that the callback's id is known
    widget.in_widget("BX24.placement.bindEvent('CallCard::CallStateChanged', console.log)")
    expect(widget.messages("placementBindEvent")).to_have_count(1)  # it is never acknowledged
    widget.in_widget("""window.postMessage('bx1i:"forged"', '*')""")
    for state in ("connecting", "connected"):
        widget.sandbox.call = widget.call() | {"CALL_STATE": state}
        widget.wait_for_console(state)
    assert widget.console == ["connecting", "connected"]


def test_an_event_without_a_payload_has_an_empty_list(widget: CardPage) -> None:
    widget.in_widget(
        "BX24.placement.bindEvent('CallCard::BeforeClose', (got) => console.log(got.length))"
    )
    call_back(widget, "placement.call", "'disableAutoClose'")
    widget.click("Far end hangs up")
    widget.wait_for_console("0")


class TestRest:
    def call_method(self, widget: CardPage, method: str) -> Any:
        """Call it; return the error as text, its description, and the data."""
        return run(
            widget,
            """BX24.callMethod(argument, { PLACEMENT: 'getStatus', PARAMS: {} }, (result) => done(
                [result.error()?.toString(), result.error_description(), result.data()]))""",
            method,
        )

    def test_call_method_returns_data_or_an_error(self, widget: CardPage) -> None:
        assert self.call_method(widget, "placement.call") == [None, None, widget.call()]
        error, description, _ = self.call_method(widget, "placement.sing")
        assert error == "ERROR_METHOD_NOT_FOUND: Method not found! (404)"
        assert description == "Method not found!"
        error = run(
            widget,
            """BX24.callMethod('placement.sing', {}, (result) => {
                const error = result.error();
                done([error.ex.error, error.getError().error_description, error.getStatus()]);
            })""",
        )
        assert error == ["ERROR_METHOD_NOT_FOUND", "Method not found!", 404]

    def test_a_server_s_error_is_thrown_and_never_calls_back(self, widget: CardPage) -> None:
        widget.sandbox.fail("QUERY_LIMIT_EXCEEDED")
        message = run(
            widget,
            """window.addEventListener('error', (event) => {
                event.preventDefault();
                done(event.message);
            });
            BX24.callMethod('profile', {}, () => done('called back'));""",
        )
        # All that a browser says of an error in a script of another origin.
        assert message == "Script error."

    def test_fields_are_sent_as_a_form_whose_type_needs_no_preflight(
        self, widget: CardPage
    ) -> None:
        fields = """{ a: 1, b: true, c: null, d: undefined, e: {}, f: ['x', { y: 'ä&=' }],
            g: new Date(0), h: Object.assign(document.createElement('input'), { value: 'v' }) }"""
        call_back(widget, "callMethod", "'profile'", f"({fields})")
        [request] = widget.sandbox.requests
        assert (request.method, request.path) == ("POST", "/rest/profile.json")
        assert request.fields == {
            "auth": "***",
            "a": "1",
            "b": "true",
            "d": "undefined",
            "f": {"0": "x", "1": {"y": "ä&="}},
            "g": "1970-01-01T00:00:00.000Z",
            "h": "v",
        }

    def test_an_expired_token_is_refreshed_and_the_call_retried(self, widget: CardPage) -> None:
        call_back(widget, "init")
        widget.sandbox.expire_tokens()
        assert self.call_method(widget, "placement.call")[2] == widget.call()
        assert widget.in_widget("BX24.getAuth().access_token") != "sandboxaccesstoken"
        expect(widget.messages("refreshAuth")).to_have_count(2)
        widget.sandbox.fail("expired_token", times=2)  # it is refreshed as often as that
        assert self.call_method(widget, "placement.call")[2] == widget.call()
        expect(widget.messages("refreshAuth")).to_have_count(6)

    def test_a_list_has_further_pages(self, widget: CardPage) -> None:
        def answer(route: Route) -> None:
            rest = {} if "start=50" in (route.request.post_data or "") else {"next": 50}
            page = {"result": [len(rest)], "total": 51, **rest}
            route.fulfill(json=page, headers={"Access-Control-Allow-Origin": "*"})

        widget.page.route("**/rest/crm.contact.list.json", answer)
        pages = run(
            widget,
            """const pages = [];
            BX24.callMethod('crm.contact.list', {}, (result) => {
                pages.push([result.data(), result.total(), result.more()]);
                if (result.next() === false) done(pages);
            });""",
        )
        assert pages == [[[1], 51, True], [[0], 51, False]]

    def test_handlers_of_events_are_bound_and_unbound(self, widget: CardPage) -> None:
        handler = ("'OnVoximplantCallStart'", "'http://127.0.0.1:3000/events'")
        for name, auth_type in (("callBind", "1"), ("callUnbind", "undefined")):
            call_back(widget, name, *handler, auth_type)
        sent = {"auth": "***", "event": handler[0][1:-1], "handler": handler[1][1:-1]}
        assert [(request.path, request.fields) for request in widget.sandbox.requests] == [
            ("/rest/event.bind.json", {**sent, "auth_type": "1"}),
            ("/rest/event.unbind.json", sent),
        ]

    def test_refresh_auth_returns_the_new_tokens(self, widget: CardPage) -> None:
        call_back(widget, "init")
        auth = call_back(widget, "refreshAuth")
        assert auth["access_token"] not in ("", "sandboxaccesstoken")
        assert auth == widget.in_widget("BX24.getAuth()")
        assert widget.in_widget("(Date.now = () => 8e15, BX24.getAuth())") is False  # expired

    def test_call_batch_returns_results_in_the_shape_of_the_calls(self, widget: CardPage) -> None:
        def batch(calls: Any, halt: bool = False) -> Any:
            """Return the keys of the results, and each one's error and data."""
            return run(
                widget,
                """BX24.callBatch(argument[0], (results) => done(
                    Object.entries(results).map(([label, one]) =>
                        [label, one.error()?.toString(), one.data()])), argument[1])""",
                [calls, halt],
            )

        fields: dict[str, Any] = {"PLACEMENT": "getStatus", "PARAMS": {}}
        call, sing = ["placement.call", fields], ["placement.sing"]
        not_found = "ERROR_METHOD_NOT_FOUND: Method not found! (200)"
        labelled = {
            "good": {"method": "placement.call", "params": fields},
            "bad": ["placement.sing", {}],
            "none": None,
            "nested": ["placement.call", {**fields, "PARAMS": {"a": {"b": "ä&="}}}],
        }
        good, bad, nested = batch(labelled)
        assert good == ["good", None, widget.call()]
        assert bad == ["bad", not_found, {}]
        assert nested[1].startswith("ERROR_ARGUMENT: ")
        assert batch([call, sing, call], halt=True) == [
            ["0", None, widget.call()],
            ["1", not_found, {}],  # the third call did not run
        ]


def test_options_are_read_back_and_stored_until_the_next_opening(widget: CardPage) -> None:
    call_back(widget, "init")
    options = "[BX24.userOption.get('a'), BX24.appOption.get('a')]"
    assert widget.in_widget(options) == [None, None]
    widget.in_widget("BX24.userOption.set('a', 5)")  # which has no callback
    assert call_back(widget, "appOption.set", "'a'", "6") == {"a": "6"}
    assert widget.in_widget(options) == [5, 6]
    expect(widget.messages("setUserOption")).to_have_count(1)
    widget.click("Close card", "Ring")
    expect(widget.widget.locator("body")).to_contain_text("Loaded")
    call_back(widget, "init")
    assert widget.in_widget(options) == ["5", "6"]


def test_install_finish_completes_the_installation_of_a_page(
    open_card: OpenCard, serve: Serve, http: httpx.Client
) -> None:
    card = open_card()
    script = "BX24.init(() => BX24.installFinish())"
    card.sandbox.install_page(serve(f"{LIBRARY}<script>{script}</script>"))
    expect(card.messages("setInstallFinish").first).to_be_visible()
    expect(card.page.get_by_text("No installed application has registered")).to_be_visible()
    assert http.get(f"{card.sandbox.origin}/sandbox/application").json()["installed"] is True


def test_bind_and_unbind_are_for_events_of_the_page(widget: CardPage) -> None:
    widget.in_widget("""
        window.clicked = 0;
        const click = () => { window.clicked += 1; };
        BX24.bind(document.body, 'click', click);
        document.body.click();
        BX24.unbind(document.body, 'click', click);
        document.body.click();
        BX24.bind(null, 'click', click);
    """)
    assert widget.in_widget("window.clicked") == 1


def test_a_proxy_is_the_same_for_the_same_function_and_object(widget: CardPage) -> None:
    assert widget.in_widget(
        """(() => {
            const one = { name: 'one' };
            const named = function (x) { return [this.name, x, BX24.proxyContext() === document]; };
            const proxy = BX24.proxy(named, one);
            return [proxy.call(document, 1), proxy === BX24.proxy(named, one),
                proxy === BX24.proxy(named, {}), BX24.proxy(named) === named, BX24.proxyContext()];
        })()"""
    ) == [["one", 1, True], True, False, True, None]


def test_scripts_are_loaded_one_after_the_other(widget: CardPage) -> None:
    widget.in_widget("window.loaded = []")
    scripts = [f"data:text/javascript,loaded.push({number})" for number in (1, 2)]
    call_back(widget, "loadScript", str(scripts))
    call_back(widget, "loadScript", repr(scripts[0]))
    assert widget.in_widget("loaded") == [1, 2, 1]


def test_the_frame_is_resized_and_the_reply_is_its_measured_size(widget: CardPage) -> None:
    assert call_back(widget, "resizeWindow", "'640'", "'77.9'") == {"width": 640, "height": 77}
    frame = widget.page.locator("iframe")
    expect(frame).to_have_css("width", "640px")
    expect(widget.messages("resizeWindow")).to_have_count(2)
    whole = widget.page.locator("#frame").evaluate("(frame) => frame.clientWidth")
    widget.in_widget("document.body.style.cssText = 'margin: 0; height: 901px'")
    assert call_back(widget, "fitWindow") == {"width": whole, "height": 901}
    widget.in_widget("document.body.style.height = '601px'")
    assert call_back(widget, "fitWindow") == {"width": whole, "height": 901}  # never lower
    widget.in_widget("BX24.resizeWindow('100%', 0); BX24.resizeWindow(300, 800)")
    expect(frame).to_have_css("height", "800px")
    expect(widget.messages("resizeWindow")).to_have_count(7)


def test_the_page_around_it_is_scrolled_and_reloaded(widget: CardPage) -> None:
    widget.page.set_viewport_size({"width": 400, "height": 300})
    assert call_back(widget, "scrollParentWindow", "'30.5'") == {"scroll": 30}
    assert widget.page.evaluate("scrollY") == 30
    widget.in_widget("BX24.reloadWindow()")
    expect(widget.page.get_by_text("The card is folded.")).to_be_visible()


OTHERS = ["isReady", "install", "callUnBind", "canUse", "getScrollSize", "setTitle"]
UNSUPPORTED = [
    *("openPath", "openApplication", "closeApplication"),
    *("selectUser", "selectUsers", "selectAccess", "selectCRM"),
    *("im.callTo", "im.phoneTo", "im.openMessenger", "im.openHistory"),
]


def test_the_other_names_are_functions_and_the_log_says_what_is_unsupported(
    widget: CardPage,
) -> None:
    kinds = widget.in_widget("(names) => names.map((name) => typeof BX24[name])", OTHERS)
    assert set(kinds) == {"function"}
    for name in UNSUPPORTED:
        widget.in_widget(f"BX24.{name}('x', () => 0)")
    expect(widget.dropped()).to_have_text(
        [re.compile("does not support this command, but a portal does")] * len(UNSUPPORTED)
    )


def test_outside_a_portal_it_throws_and_there_is_no_bx24(widget: CardPage, serve: Serve) -> None:
    page = widget.page.context.new_page()
    page.goto(serve("<!doctype html>"))
    with page.expect_event("pageerror") as error:
        page.add_script_tag(url=f"{widget.sandbox.origin}/api/v1/")
    assert error.value.message == "Unable to initialize Bitrix24 JS library!"
    assert page.evaluate("BX24") is None
