"""How a call is known: by the form that opens the card, by its page, and by the server's events."""

from collections.abc import Callable
from dataclasses import replace

from tests.bridge.answers import NO_CARD, Answer, remembered
from tests.bridge.browser.scenes import TIMES, Scene

Playing = Callable[..., Scene]


class TestChange:
    def test_a_change_in_the_card_is_known_without_asking_it(self, start: Playing) -> None:
        scene = start(times=replace(TIMES, fresh=60, every=60, lease=120))
        scene.sandbox.play("transfer")  # it rings
        tab = scene.open_card()
        ringing = remembered(scene.on_screen)
        assert scene.ask() == ringing
        with tab.page.expect_response("**/sandbox/card/answer"):
            tab.click("Answer")
        connected = remembered(scene.on_screen)
        scene.until(connected, ringing)
        with tab.page.expect_response("**/sandbox/card/bind"):
            tab.click("Bind another CRM item")
        bound = remembered(scene.on_screen)
        scene.until(bound, connected)
        assert ringing != connected != bound


def test_an_application_that_is_removed_answers_nobody_until_it_is_installed_again(
    scene: Scene,
) -> None:
    tab = scene.open_card()
    scene.sandbox.uninstall()
    assert scene.sandbox.deliveries[-1].status == 200
    assert scene.ask() == Answer(
        401, code="INVALID_CREDENTIALS", description="Invalid request credentials"
    )
    assert scene.sandbox.install(f"{scene.bridge.url}/install").status == 200
    tab.wait_until_connected()
    scene.until(scene.on_screen, NO_CARD, remembered(scene.on_screen))


def test_a_sandbox_that_is_reset_opens_the_bridge_again_when_it_is_installed_again(
    scene: Scene,
) -> None:
    tab = scene.open_card()
    tab.click("Reset")  # the demonstration widget comes into the card, which the bridge never sees
    scene.until(NO_CARD, scene.on_screen)
    demonstration = tab.frame()
    demonstration.wait_for_url("**/widget/?*")
    scene.allowed.append(demonstration.url.partition("/widget")[0])
    scene.faults.clear()  # what it asked of its own server
    assert scene.sandbox.install(f"{scene.bridge.url}/install").status == 200
    tab.wait_until_connected()
    scene.until(scene.on_screen, NO_CARD, remembered(scene.on_screen))
