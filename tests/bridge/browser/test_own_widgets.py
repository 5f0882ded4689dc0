"""`bridge.js` in the widget of an application, at its own origin, beside the library it uses."""

import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.bridge.answers import NO_CARD
from tests.bridge.browser.applications import Application, serving
from tests.bridge.browser.scenes import Scene

SDK = Path(__file__).parents[3] / "scripts/node/node_modules/@bitrix24/b24jssdk/dist/umd/index.js"
PLACE = {"PLACEMENT": "CALL_CARD"}

Playing = Callable[..., Scene]


@pytest.fixture
def application() -> Iterator[Application]:
    """An application with a widget of its own."""
    with serving() as application:
        yield application


def bind_widget(scene: Scene, application: Application, *scripts: str, tags: str = "") -> None:
    """Let the card open the application's widget, which loads these scripts and `bridge.js`.

    `tags`: what loads `bridge.js` instead.
    """
    script = f"{scene.bridge.url}/bridge.js"
    tags = tags or "".join(f'<script src="{url}"></script>' for url in (*scripts, script))
    page = f'<!doctype html><title>Own</title><p id="bitrix24-bridge"></p>{tags}'
    application.pages["/widget"] = page.encode()
    scene.allowed.append(application.origin)
    scene.call_method("placement.unbind", **PLACE)
    scene.call_method("placement.bind", **PLACE, HANDLER=f"{application.origin}/widget")


def check_both_work(scene: Scene, *, begin: str, get_status: str) -> None:
    """Check what the bridge and the library know of the call, before and after it changes.

    `begin`: initializes the library, and adds to `heard` what it gets with `EntityChanged`.
    """
    tab = scene.open_card()
    assert scene.ask() == scene.on_screen
    frame = tab.frame()
    frame.evaluate("() => { window.heard = []; }")
    frame.evaluate(begin)
    assert frame.evaluate(get_status) == scene.sandbox.call
    with tab.page.expect_response("**/sandbox/card/bind"):
        tab.click("Bind another CRM item")
    frame.wait_for_function("heard.length > 0")
    call = scene.sandbox.call
    assert call
    bound = frame.evaluate("heard.map(({ CRM_ENTITY_ID }) => CRM_ENTITY_ID)")
    assert bound == [call["CRM_ENTITY_ID"]]
    assert frame.evaluate(get_status) == call
    assert scene.ask() == scene.on_screen


def test_with_b24jssdk(start: Playing, application: Application) -> None:
    if not SDK.is_file():
        missing = "b24jssdk is not installed: `make test` does that, from package-lock.json."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    application.pages["/sdk.js"] = SDK.read_bytes()
    scene = start(origins=frozenset({application.origin}))
    bind_widget(scene, application, "/sdk.js")
    check_both_work(
        scene,
        begin="""async () => {
            window.b24 = await B24Js.initializeB24Frame();
            await b24.placement.bindEvent("CallCard::EntityChanged", (data) => heard.push(data));
        }""",
        get_status="b24.placement.call('getStatus', { safelyTime: 5000 })",
    )


def test_with_bx24(start: Playing, application: Application) -> None:
    scene = start(origins=frozenset({application.origin}))
    bind_widget(scene, application, f"{scene.sandbox.origin}/api/v1/")
    check_both_work(
        scene,
        begin="""() => {
            BX24.placement.bindEvent("CallCard::EntityChanged", (data) => heard.push(data));
            return new Promise((done) => BX24.init(done));
        }""",
        get_status="new Promise((done) => BX24.placement.call('getStatus', {}, done))",
    )


@pytest.mark.parametrize("how", ["twice", "module", "integrity"])
def test_however_the_script_is_loaded_it_connects_once(
    start: Playing, application: Application, how: str
) -> None:
    scene = start(origins=frozenset({application.origin}))
    url = f"{scene.bridge.url}/bridge.js"
    digest = b64encode(sha256(httpx.get(url, trust_env=False).content).digest()).decode()
    once = f'<script src="{url}"></script>'
    tags = {
        "twice": once * 2,
        "module": f'<script type="module" src="{url}"></script>',
        "integrity": f'<script src="{url}" integrity="sha256-{digest}" crossorigin></script>',
    }
    bind_widget(scene, application, tags=tags[how])
    scene.open_card()
    scene.until(scene.on_screen)
    assert len(scene.sockets) == 1


def test_a_portal_that_gives_no_token_at_first_is_asked_again(
    start: Playing, application: Application
) -> None:
    scene = start(origins=frozenset({application.origin}))
    empty = """<script>addEventListener("message", (event) => {
        if (window.first || !event.data.includes("AUTH_ID")) return;
        window.first = event.data;
        event.stopImmediatePropagation();
        const { origin, source } = event;
        const data = event.data.split(":")[0] + ":null";
        dispatchEvent(new MessageEvent("message", { data, origin, source }));
    });</script>"""
    script = f'<script src="{scene.bridge.url}/bridge.js"></script>'
    bind_widget(scene, application, tags=empty + script)
    tab = scene.open_card()
    scene.until(scene.on_screen)
    assert tab.frame().evaluate("first")


def test_a_refresh_that_the_portal_fails_is_not_asked_for_again(
    start: Playing, application: Application
) -> None:
    scene = start(origins=frozenset({application.origin}))
    bind_widget(scene, application)
    scene.sandbox.portal.authentication.issue()
    scene.sandbox.expire_tokens()
    scene.sandbox.fail("invalid_grant")
    page = scene.context().new_page()
    page.clock.install()
    page.goto(f"{scene.sandbox.origin}/")
    refreshes = page.locator("#log-entries li", has_text="refreshAuth")
    expect(refreshes).to_have_count(1)
    page.clock.fast_forward(10_000)
    widget = page.frame_locator("#frame iframe").locator("#bitrix24-bridge")
    expect(widget).to_have_text("Not connected: the portal did not refresh the access token.")
    page.clock.fast_forward(60_000)
    assert scene.ask() == NO_CARD
    expect(refreshes).to_have_count(1)


def test_at_an_origin_that_is_not_set_it_is_refused(scene: Scene, application: Application) -> None:
    bind_widget(scene, application)
    page = scene.context().new_page()
    with page.expect_console_message(lambda said: "/socket' failed" in said.text):
        page.goto(f"{scene.sandbox.origin}/")
    assert scene.ask() == NO_CARD
    page.close()
    assert all("/socket' failed" in fault for fault in scene.faults)
    scene.faults.clear()
