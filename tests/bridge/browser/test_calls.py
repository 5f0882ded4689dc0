"""How a call is known: by the form that opens the card, by its page, and by the server's events."""

from collections.abc import Callable
from dataclasses import replace

from playwright.sync_api import expect

from tests.bridge.answers import NO_CALL, NO_CARD, Answer, remembered
from tests.bridge.browser.scenes import TIMES, Scene, Tab

START, END = "ONVOXIMPLANTCALLSTART", "ONVOXIMPLANTCALLEND"

Playing = Callable[..., Scene]


def ended(answer: Answer) -> Answer:
    return replace(answer, ended="true")


class TestForm:
    def test_a_form_whose_script_never_runs_counts_as_a_card_for_a_while(
        self, start: Playing
    ) -> None:
        scene = start(times=replace(TIMES, form=1))
        context = scene.context()
        context.route("**/bridge.js", lambda route: route.fulfill(body=""))
        page = context.new_page()
        page.goto(f"{scene.sandbox.origin}/")
        scene.until(remembered(scene.on_screen), NO_CALL)
        scene.until(NO_CARD, remembered(scene.on_screen))

    def test_a_frame_that_is_reloaded_sends_its_form_again_and_opens_no_second_card(
        self, scene: Scene
    ) -> None:
        tab = scene.open_card()
        in_between = [remembered(scene.on_screen), scene.on_screen]
        with tab.page.expect_websocket():
            tab.frame().evaluate("setTimeout(() => location.reload())")
        for _ in range(20):  # never two cards, nor none
            assert scene.ask() in in_between
        scene.until(scene.on_screen, *in_between)


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

    def test_the_age_is_that_of_the_last_word(self, start: Playing) -> None:
        scene = start(times=replace(TIMES, fresh=60))
        scene.open_card()
        earlier, later = scene.ask().age, scene.ask().age
        for _ in range(100):  # a new word may come between two questions
            assert earlier is not None
            assert later is not None
            if 0 <= earlier < later < 60:
                return
            earlier, later = later, scene.ask().age
        raise AssertionError(f"{later} is not later than {earlier}")

    def test_what_a_card_answered_just_now_is_not_asked_again(self, start: Playing) -> None:
        scene = start(times=replace(TIMES, fresh=0.5))
        scene.open_card()
        scene.until(scene.on_screen, remembered(scene.on_screen))
        scene.until(remembered(scene.on_screen), scene.on_screen)


class TestEvents:
    def test_an_external_call_is_registered_and_finished_while_its_card_is_open(
        self, scene: Scene
    ) -> None:
        scene.sandbox.call = None
        page = scene.context().new_page()
        page.goto(f"{scene.sandbox.origin}/")
        registered = scene.call_method(
            "telephony.externalCall.register",
            USER_ID=1,
            PHONE_NUMBER="+12025550142",
            TYPE=2,
        )
        Tab(page).wait_until_connected()
        on_screen = scene.on_screen
        assert on_screen.call
        assert on_screen.call["CALL_ID"] == registered["CALL_ID"]
        assert scene.ask() == on_screen
        scene.call_method(
            "telephony.externalCall.finish",
            USER_ID=1,
            CALL_ID=registered["CALL_ID"],
            DURATION=5,
        )
        scene.until(NO_CALL, on_screen, ended(on_screen), NO_CARD)

    def test_the_end_of_a_call_is_reported_while_its_card_is_open(self, scene: Scene) -> None:
        scene.open_card()
        on_screen = scene.on_screen
        assert on_screen.call
        scene.report(END, CALL_ID=on_screen.call["CALL_ID"], PORTAL_USER_ID="1")
        assert scene.ask() == ended(on_screen)

    def test_an_end_that_is_lost_leaves_a_call_heard_of_for_as_long_as_is_set(
        self, start: Playing
    ) -> None:
        scene = start(times=replace(TIMES, heard=1))
        tab = scene.open_card()
        before = scene.on_screen
        scene.call_method("event.unbind", event=END)
        tab.click("Close card")
        scene.until(NO_CARD, before)
        scene.until(NO_CALL, NO_CARD)

    def test_a_call_that_was_idle_as_its_card_closed_has_ended_though_no_end_is_reported(
        self, scene: Scene
    ) -> None:
        scene.sandbox.play("incoming-bound")
        tab = scene.open_card()
        scene.call_method("event.unbind", event=END)
        tab.click("Write a comment", "Far end hangs up")
        expect(tab.page.locator("#countdown")).to_be_visible()
        idle = scene.on_screen
        assert idle.call
        assert idle.call["CALL_STATE"] == "idle"
        scene.until(idle)
        tab.click("Close card")
        scene.until(NO_CALL, idle)
        scene.report(START, CALL_ID=idle.call["CALL_ID"], USER_ID="1")  # late
        assert scene.ask() == NO_CALL

    def test_a_start_without_a_card_is_a_call_until_its_end(self, scene: Scene) -> None:
        scene.report(START, CALL_ID="call-1", USER_ID="1")
        assert scene.ask() == NO_CARD
        scene.report(END, CALL_ID="call-1", PORTAL_USER_ID="1")
        assert scene.ask() == NO_CALL

    def test_an_end_wins_over_the_start_that_comes_after_it(self, scene: Scene) -> None:
        call_id = (scene.sandbox.call or {})["CALL_ID"]
        scene.report(END, CALL_ID=call_id, PORTAL_USER_ID="1")
        scene.report(START, CALL_ID=call_id, USER_ID="1")
        assert scene.ask() == NO_CALL
        scene.open_card()
        assert scene.ask() == ended(scene.on_screen)

    def test_the_start_and_end_of_another_user_say_nothing_of_this_one(self, scene: Scene) -> None:
        scene.report(START, CALL_ID="call-2", USER_ID="2")
        assert scene.ask() == NO_CALL


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
