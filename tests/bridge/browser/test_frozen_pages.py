"""How a page that stops answering, or goes, is noticed; and what another page says meanwhile."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bitrix24_bridge.settings import Times
from playwright.sync_api import Browser, CDPSession

from tests.bridge.answers import NO_CARD, remembered
from tests.bridge.browser.scenes import Scene
from tests.chromium import launch

Playing = Callable[..., Scene]

SOON = Times(ask=0.2, fresh=0, every=0.2, lease=1)
"""Cards are asked often, and soon given up."""


def processes(browser: Browser, kind: str) -> list[int]:
    """The processes of a browser: its own, `browser`, or those of its pages, `renderer`."""
    session = browser.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return [process["id"] for process in found if process["type"] == kind]


@contextmanager
def stopped(browser: Browser, *kinds: str) -> Iterator[None]:
    """Stop the processes of these kinds while the context lasts."""
    chosen = [process for kind in kinds for process in processes(browser, kind)]
    for process in chosen:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in chosen:
            os.kill(process, signal.SIGCONT)


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


class TestGone:
    def test_a_tab_that_is_closed(self, scene: Scene) -> None:
        tab = scene.open_card()
        tab.page.close()
        scene.until(NO_CARD, scene.on_screen)

    def test_a_browser_that_is_killed(self, scene: Scene, browser: Browser) -> None:
        another = launch(browser.browser_type)
        scene.open_card(scene.context(another))
        (process,) = processes(another, "browser")
        os.kill(process, signal.SIGKILL)
        scene.until(NO_CARD, scene.on_screen)
        another.close()


class TestHidden:
    def test_a_tab_in_a_minimized_window_answers_as_before(
        self, scene: Scene, browser: Browser
    ) -> None:
        # Playwright keeps its own pages visible, so this one is opened beside it.
        session = browser.new_browser_cdp_session()
        created = {"url": f"{scene.sandbox.origin}/", "newWindow": True}
        tab = session.send("Target.createTarget", created)
        scene.until(scene.on_screen, NO_CARD, remembered(scene.on_screen))
        window = session.send("Browser.getWindowForTarget", tab)["windowId"]
        session.send(
            "Browser.setWindowBounds", {"windowId": window, "bounds": {"windowState": "minimized"}}
        )
        assert evaluate(session, tab["targetId"], "document.visibilityState") == "hidden"
        for _ in range(20):
            assert scene.ask() == scene.on_screen
        session.send("Target.closeTarget", tab)
        scene.until(NO_CARD, scene.on_screen)


class TestFrozen:
    def test_a_page_that_is_stopped_is_given_up_and_found_again_once_it_goes_on(
        self, start: Playing, browser: Browser
    ) -> None:
        scene = start(times=SOON)
        scene.open_card()
        with stopped(browser, "renderer"):
            scene.until(NO_CARD, scene.on_screen, remembered(scene.on_screen))
        scene.until(scene.on_screen, NO_CARD, remembered(scene.on_screen))
