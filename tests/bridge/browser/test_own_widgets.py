"""`bridge.js` in the widget of an application, at its own origin, beside the library it uses."""

import os
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.bridge.browser.scenes import NO_CARD, Playing, Scene
from tests.bridge.browser.sites import Site

SDK = Path(__file__).parents[3] / "scripts/node/node_modules/@bitrix24/b24jssdk/dist/umd/index.js"

LIBRARIES = {
    "b24jssdk": (
        """async () => {
            window.b24 = await B24Js.initializeB24Frame();
            await b24.placement.bindEvent("CallCard::EntityChanged", (data) => heard.push(data));
        }""",
        "b24.placement.call('getStatus', { safelyTime: 5000 })",
    ),
    "BX24": (
        """() => {
            BX24.placement.bindEvent("CallCard::EntityChanged", (data) => heard.push(data));
            return new Promise((done) => BX24.init(done));
        }""",
        "new Promise((done) => BX24.placement.call('getStatus', {}, done))",
    ),
}
"""How each begins, adding to `heard` what an event brings; and how it is asked for the call."""


@pytest.fixture
def scene(start: Playing, site: Site) -> Scene:
    """A bridge that knows the origin of the application."""
    return start(origins=frozenset({site.origin}))


def bind_widget(scene: Scene, site: Site, before: str = "", tag: str = "") -> None:
    """Let the card open a widget of the site, which loads `bridge.js` with this tag.

    `before`: what stands before it.
    """
    tag = tag or f'<script src="{scene.bridge.url}/bridge.js"></script>'
    page = f'<!doctype html><title>Own</title><p id="bitrix24-bridge"></p>{before}{tag}'
    site.pages["/widget"] = page.encode()
    scene.allowed.append(site.origin)
    widgets = scene.sandbox.portal.application.widgets
    widgets[:] = [widgets[0]._replace(handler=f"{site.origin}/widget")]


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_script_and_a_library_both_work(scene: Scene, site: Site, library: str) -> None:
    begin, get_status = LIBRARIES[library]
    url = f"{scene.sandbox.origin}/api/v1/"
    if library == "b24jssdk":
        if not SDK.is_file():
            missing = "b24jssdk is not installed: `make test` does that, from package-lock.json."
            if os.environ.get("CI"):
                pytest.fail(missing)
            pytest.skip(missing)
        site.pages["/sdk.js"] = SDK.read_bytes()
        url = "/sdk.js"
    bind_widget(scene, site, f'<script src="{url}"></script>')
    frame = scene.open_card().frame()
    assert scene.ask() == scene.on_screen
    frame.evaluate("() => { window.heard = []; }")
    frame.evaluate(begin)
    assert frame.evaluate(get_status) == scene.sandbox.call
    scene.act("bind")
    frame.wait_for_function("heard.length > 0")
    call = scene.sandbox.call
    assert call
    bound = frame.evaluate("heard.map(({ CRM_ENTITY_ID }) => CRM_ENTITY_ID)")
    assert bound == [call["CRM_ENTITY_ID"]]
    assert frame.evaluate(get_status) == call
    assert scene.ask() == scene.on_screen


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="{url}"></script><script src="{url}"></script>',
        '<script type="module" src="{url}"></script>',
        '<script src="{url}" integrity="sha256-{digest}" crossorigin></script>',
    ],
    ids=["twice", "module", "integrity"],
)
def test_however_the_script_is_loaded_it_connects_once(scene: Scene, site: Site, tag: str) -> None:
    url = f"{scene.bridge.url}/bridge.js"
    digest = b64encode(sha256(httpx.get(url, trust_env=False).content).digest()).decode()
    bind_widget(scene, site, tag=tag.format(url=url, digest=digest))
    scene.open_card()
    scene.until_shown()
    assert len(scene.sockets) == 1


@pytest.mark.parametrize("replies", ["true", "false"])
def test_a_portal_that_gives_no_token_at_first_is_asked_again(
    scene: Scene, site: Site, replies: str
) -> None:
    empty = """<script>addEventListener("message", (event) => {
        if (window.first || !event.data.includes("AUTH_ID")) return;
        window.first = event.data;
        event.stopImmediatePropagation();
        if (!%s) return;
        const { origin, source } = event;
        const data = event.data.split(":")[0] + ":null";
        dispatchEvent(new MessageEvent("message", { data, origin, source }));
    });</script>"""
    bind_widget(scene, site, empty % replies)
    tab = scene.open_page(clock="running")
    expect(tab.log("getInitData")).to_have_count(2)  # question and answer
    tab.frame().wait_for_function("window.first")
    for _ in range(2):  # the script's patience, then its wait
        tab.page.clock.fast_forward(10_000)
    scene.until_shown()


def test_a_refresh_that_the_portal_fails_is_not_asked_for_again(scene: Scene, site: Site) -> None:
    bind_widget(scene, site)
    scene.sandbox.portal.authentication.issue()
    scene.sandbox.expire_tokens()
    scene.sandbox.fail("invalid_grant")
    tab = scene.open_page(clock="running")
    expect(tab.log("refreshAuth")).to_have_count(1)
    tab.page.clock.fast_forward(10_000)
    place = tab.widget.locator("#bitrix24-bridge")
    expect(place).to_have_text("Not connected: the portal did not refresh the access token.")
    tab.page.clock.fast_forward(60_000)
    assert scene.ask() == NO_CARD
    scene.act("bind")
    expect(tab.log("getStatus")).to_have_count(2)  # which comes after all that it has said before
    expect(tab.log("refreshAuth")).to_have_count(1)


def test_at_an_origin_that_is_not_set_it_is_refused(start: Playing, site: Site) -> None:
    scene = start()
    bind_widget(scene, site)
    page = scene.context().new_page()
    with page.expect_console_message(lambda said: "/socket' failed" in said.text):
        page.goto(f"{scene.sandbox.origin}/")
    assert scene.ask() == NO_CARD
    page.close()
    scene.expect_faults("/socket' failed")
