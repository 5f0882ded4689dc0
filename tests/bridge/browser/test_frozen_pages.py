"""How a page that stops answering, or goes, is noticed."""

import json
import os
import signal
from typing import Any

from bitrix24_bridge.settings import Times
from playwright.sync_api import Browser, CDPSession

from tests.bridge.browser.scenes import NO_CARD, Playing, Scene, remembered
from tests.chromium import launch

SOON = Times(ask=0.2, fresh=0, every=0.2, lease=1)
"""Cards are asked often, and soon given up."""


def send_signal(browser: Browser, kind: str, number: signal.Signals) -> None:
    """Send a signal to processes of a browser: to its own, `browser`, or its pages', `renderer`."""
    session = browser.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    for process in found:
        if process["type"] == kind:
            os.kill(process["id"], number)


def evaluate(session: CDPSession, target: str, script: str) -> Any:
    """Evaluate a script in a page that is not one of Playwright's."""
    answers: list[str] = []
    session.on("Target.receivedMessageFromTarget", lambda event: answers.append(event["message"]))
    attached = {"targetId": target, "flatten": False}
    target_session = session.send("Target.attachToTarget", attached)["sessionId"]
    command = {"id": 1, "method": "Runtime.evaluate", "params": {"expression": script}}
    session.send(
        "Target.sendMessageToTarget", {"sessionId": target_session, "message": json.dumps(command)}
    )
    while not answers:
        session.send("Target.getTargets")  # any answer of the browser lets others arrive
    return json.loads(answers[0])["result"]["result"]["value"]


def test_a_tab_that_is_closed_is_no_card(scene: Scene) -> None:
    tab = scene.open_card()
    tab.page.close()
    scene.until(NO_CARD, scene.on_screen)


def test_a_browser_that_is_killed_has_no_card(scene: Scene, browser: Browser) -> None:
    another = launch(browser.browser_type)
    scene.open_card(another)
    send_signal(another, "browser", signal.SIGKILL)
    scene.until(NO_CARD, scene.on_screen)
    another.close()


def test_a_tab_in_a_minimized_window_answers_as_before(scene: Scene, browser: Browser) -> None:
    # Playwright keeps its own pages visible, so this one is opened beside it.
    session = browser.new_browser_cdp_session()
    created = {"url": f"{scene.sandbox.origin}/", "newWindow": True}
    tab = session.send("Target.createTarget", created)
    scene.until_shown()
    window = session.send("Browser.getWindowForTarget", tab)["windowId"]
    session.send(
        "Browser.setWindowBounds", {"windowId": window, "bounds": {"windowState": "minimized"}}
    )
    assert evaluate(session, tab["targetId"], "document.visibilityState") == "hidden"
    for _ in range(20):
        assert scene.ask() == scene.on_screen
    session.send("Target.closeTarget", tab)
    scene.until(NO_CARD, scene.on_screen)


def test_a_page_that_is_stopped_is_given_up_and_found_again_once_it_goes_on(
    start: Playing, browser: Browser
) -> None:
    scene = start(times=SOON)
    scene.open_card()
    send_signal(browser, "renderer", signal.SIGSTOP)
    try:
        scene.until(NO_CARD, scene.on_screen, remembered(scene.on_screen))
    finally:
        send_signal(browser, "renderer", signal.SIGCONT)
    scene.until_shown()
