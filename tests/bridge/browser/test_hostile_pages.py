"""What other pages in the browser, and the texts of a call, cannot do to the bridge's page."""

import json
from dataclasses import replace
from html import escape
from typing import Any

from playwright.sync_api import Page

from tests.bridge.browser.scenes import NO_CARD, TIMES, Playing, Scene, remembered, shown
from tests.bridge.browser.sites import Site, serving

MARKUP = "<img src=x onerror=\"window.hacked = true\"><b id='bold'>{0}</b>&amp;"


def post_from(page: Page, text: str) -> None:
    """Post a message from this page's window to the widget's."""
    page.evaluate("(text) => frames[0].postMessage(text, '*')", text)


def test_html_in_the_fields_of_a_call_stays_text(scene: Scene) -> None:
    names = ("CALL_ID", "PHONE_NUMBER", "LINE_NUMBER", "LINE_NAME")
    scene.sandbox.call = {**scene.on_screen.says, **dict.fromkeys(names, MARKUP)}
    frame = scene.open_card().frame()
    assert scene.ask() == scene.on_screen
    assert frame.evaluate("document.body.innerText.trim()") == "Connected."
    assert frame.evaluate("[typeof hacked, document.images.length]") == ["undefined", 0]


def test_a_page_that_is_not_the_portals_cannot_frame_the_bridges(scene: Scene, site: Site) -> None:
    opening = scene.sandbox.widget_opening()
    query = "&".join(f"{name}={value}" for name, value in opening.query.items())
    fields = "".join(
        f'<input name="{name}" value="{escape(value)}">' for name, value in opening.form.items()
    )
    action = f"{scene.bridge.url}/widget?{query}"
    name = f"{opening.query['DOMAIN']}|0|{opening.query['APP_SID']}"
    site.pages["/"] = f"""<!doctype html><iframe name="{name}"></iframe>
        <form method="post" action="{action}" target="{name}">{fields}</form>
        <script>document.forms[0].submit()</script>""".encode()
    scene.allowed.append(site.origin)
    page = scene.context().new_page()
    with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
        page.goto(f"{site.origin}/")
    page.frames[1].wait_for_url("chrome-error:**")
    assert scene.sockets == []
    assert scene.ask() == NO_CARD
    scene.expect_faults("frame-ancestors")


def test_an_answer_from_another_window_than_the_portals_is_dropped(
    start: Playing, site: Site
) -> None:
    scene = start(times=replace(TIMES, ask=0.2))
    page = scene.open_card().page
    before = scene.on_screen
    scene.until(before, remembered(before), NO_CARD)
    # From now on the portal answers nothing.
    page.route("**/sandbox/card/message", lambda _: None)
    page.evaluate(
        """() => {
            window.asked = new Promise((done) => addEventListener("message", ({ data }) => {
                if (data.startsWith("getStatus:")) done(data.split(":").at(-2));
            }));
        }"""
    )
    unanswered = remembered(before)
    scene.until(unanswered, before)
    callback = page.evaluate("asked")

    def forged(number: str) -> tuple[str, dict[str, Any]]:
        call = {**before.says, "PHONE_NUMBER": number}
        return f"{callback}:{json.dumps(call)}", call

    site.pages["/"] = b"<!doctype html>"
    scene.allowed.append(site.origin)
    for url in ("about:blank", f"{site.origin}/"):  # of the portal's origin, and another
        page.evaluate(
            """(url) => new Promise((done) => {
                const frame = document.createElement("iframe");
                Object.assign(frame, { src: url, onload: done });
                document.body.append(frame);
            })""",
            url,
        )
        text, _ = forged(f"from {url}")
        page.frames[-1].evaluate("(text) => parent.frames[0].postMessage(text, '*')", text)
    text, call = forged("from the portal's window")
    post_from(page, text)
    # It answers the question under way, if somebody waits for that by now.
    scene.until(remembered(shown(call)), unanswered, shown(call), NO_CARD)


def test_a_page_that_calls_itself_the_portal_is_not_believed(start: Playing, site: Site) -> None:
    with serving({}) as application:
        scene = start(origins=frozenset({application.origin}))
        scene.allowed += [application.origin, site.origin]
        portal = scene.sandbox.origin.removeprefix("http://")
        name = f"{portal}|0|{'0' * 32}"
        application.pages["/"] = f"""<!doctype html><title>Own</title>
            <script>Math.random = () => 0.5;  // so that a stranger can guess</script>
            <script src="{scene.bridge.url}/bridge.js"></script>
            <script>addEventListener("message", ({{ data }}) => console.log(data))</script>
            """.encode()
        site.pages["/"] = (
            f'<!doctype html><iframe name="{name}" src="{application.origin}/"></iframe>'
        ).encode()
        page = scene.context().new_page()
        page.goto(f"{site.origin}/")
        auth = scene.sandbox.portal.authentication.tokens.access_token
        text = f"bridgei-3:{json.dumps({'AUTH_ID': auth, 'MEMBER_ID': 'any'})}"
        with page.expect_console_message(lambda said: said.text == text):
            post_from(page, text)
        probe = f"{scene.bridge.url.replace('http', 'ws')}/socket?probe"
        with page.expect_websocket():
            page.frames[1].evaluate("(url) => { new WebSocket(url); }", probe)
        assert scene.sockets == [probe]  # or the script's would have come before it
        # What the script asked never reached the stranger.
        assert len(scene.faults) == 3
        scene.expect_faults("does not match the recipient window's origin")
