"""The portal page in Chromium: what it shows, and what its buttons do to card and widget.

What the actions do is tested in test_card, and the stream of turns in test_card_pages.
"""

import json
import re

import httpx
from bitrix24_sandbox.web.samples import samples
from playwright.sync_api import expect

from tests.data import GET_STATUS, REFRESH
from tests.sandbox.browser.cards import CardPage, OpenCard, Serve

NEW_CALLS = (
    "Ring",
    "Outgoing call",
    "Callback",
    "Transferred call",
    "Unbound call",
    "Unidentified call",
    "External call",
)


class TestCard:
    def test_it_shows_the_caller_the_line_and_the_crm_items(self, open_card: OpenCard) -> None:
        page = open_card().page
        expect(page.get_by_role("heading", name="Nora Whitfield")).to_be_visible()
        pane = page.locator(".pane")
        for text in ("+12025550142", "Main office", "Incoming call", "Connected", "Activity 2024"):
            expect(pane.get_by_text(text, exact=True)).to_be_visible()
        expect(page.locator("#items li")).to_have_text(
            [re.compile("Contact.*17"), re.compile("Company.*5"), re.compile("Deal.*83")]
        )
        expect(pane.get_by_text("The card closes when the far end hangs up.")).to_be_visible()
        expect(page.locator("#timer")).to_have_text(re.compile(r"^\d+:\d\d$"))
        first = page.locator("#timer").inner_text()
        page.clock.fast_forward(1000)
        expect(page.locator("#timer")).not_to_have_text(first)

    def test_untrusted_text_is_never_html(self, open_card: OpenCard) -> None:
        card = open_card()
        evil = "<img src=x onerror=window.harmed=1>"
        card.sandbox.call = card.call() | {
            "PHONE_NUMBER": evil,
            "LINE_NAME": evil,
            "CRM_ENTITY_TYPE": evil,
        }
        expect(card.page.locator("#number")).to_have_text(evil)
        expect(card.page.locator("#line")).to_have_text(evil)
        expect(card.page.locator("#items")).to_contain_text(evil)
        expect(card.row("PHONE_NUMBER")).to_have_text(evil)
        expect(card.page.locator("img")).to_have_count(0)
        expect(card.widget.locator("img")).to_have_count(0)

    def test_impossible_actions_are_disabled(self, open_card: OpenCard) -> None:
        card = open_card()
        expect(card.button("Hang up")).to_be_enabled()
        for name in (*NEW_CALLS, "Answer", "Next client"):
            expect(card.button(name)).to_be_disabled()
        for name in ("Unfold", "Widget tab"):
            expect(card.button(name)).to_be_hidden()
        card.click("Close card")
        for name in (*NEW_CALLS, "Start a call list"):
            expect(card.button(name)).to_be_enabled()
        for name in ("Answer", "Hang up", "Close card", "Far end hangs up", "No activity"):
            expect(card.button(name)).to_be_disabled()
        card.click("Reset")
        expect(card.page.locator("#state")).to_have_text("Connected")
        expect(card.page.get_by_text("The sandbox is reset.")).to_be_visible()

    def test_switches_show_their_state_and_that_no_event_occurs(self, open_card: OpenCard) -> None:
        card = open_card()
        expect(card.received("getStatus")).to_have_count(1)
        said = card.page.locator("#said")
        card.click("Write a comment")
        expect(said).to_have_text("This fires no event.")
        for name in ("No activity", "Hidden number"):
            card.click(name)
            expect(said).to_contain_text("the widget sees the change when it calls getStatus")
        for name in ("Write a comment", "No activity", "Hidden number"):
            expect(card.button(name)).to_have_attribute("aria-pressed", "true")
        expect(card.page.locator("#activity")).to_have_text("No activity")
        expect(card.page.locator("#number")).to_have_text("Hidden number")
        card.widget.get_by_role("button", name="Get status", exact=True).click()
        expect(card.row("PHONE_NUMBER")).to_have_text("hidden")
        card.click("Bind another CRM item")
        expect(said).to_have_text("")
        expect(card.received("CallCard::EntityChanged")).to_contain_text(
            '{"PHONE_NUMBER":"hidden","CRM_ENTITY_TYPE":"LEAD","CRM_ENTITY_ID":52}'
        )
        expect(card.page.locator("#items .main")).to_contain_text("52")
        expect(card.row("CRM_BINDINGS")).to_contain_text("LEAD 52")


class TestEvents:
    def test_answering_and_the_far_end_s_hang_up_with_auto_close_disabled(
        self, recorder: CardPage
    ) -> None:
        recorder.click("Close card", "Ring")
        expect(recorder.page.locator("#state")).to_have_text("Ringing")
        recorder.wait_for_console("ready:")
        recorder.click("Answer")
        recorder.wait_for_console('CallStateChanged:"connected"')
        expect(recorder.page.locator("#state")).to_have_text("Connected")
        recorder.console.clear()
        recorder.in_widget("say(`disableAutoClose::off:${sid}`)")
        recorder.wait_for_console("off:[]")
        expect(recorder.page.locator("#auto-close")).to_have_text("off")
        recorder.click("Far end hangs up")
        recorder.wait_for_console('CallStateChanged:"idle"', "BeforeClose:")
        assert recorder.console == ["off:[]", 'CallStateChanged:"idle"', "BeforeClose:"]
        expect(recorder.page.get_by_text(re.compile(r"The card closes in 1:\d\d"))).to_be_visible()
        expect(recorder.page.get_by_role("progressbar")).to_be_visible()
        recorder.in_widget("say(`enableAutoClose::on:${sid}`)")
        recorder.wait_until_closed()

    def test_the_events_of_a_closing_card_do_not_arrive(self, recorder: CardPage) -> None:
        recorder.click("Close card", "Ring")
        recorder.wait_for_console("ready:")
        recorder.console.clear()
        recorder.click("Far end hangs up")
        recorder.wait_until_closed()
        for name in ("CallStateChanged", "BeforeClose"):
            expect(recorder.messages(f"CallCard::{name}").last).to_contain_text("does not arrive")
        assert recorder.console == []

    def test_the_next_client_is_loaded_into_the_same_widget(self, recorder: CardPage) -> None:
        recorder.click("Close card", "Start a call list")
        expect(recorder.page.locator("#state")).to_have_text("Not dialled")
        expect(recorder.page.locator("#direction")).to_contain_text("client 1 of 3")
        expect(recorder.page.locator("iframe")).to_have_count(0)
        recorder.click("Widget tab")
        recorder.wait_for_console("ready:")
        name = recorder.page.locator("iframe").get_attribute("name")
        recorder.click("Next client")
        expect(recorder.page.locator("#direction")).to_contain_text("client 2 of 3")
        fields = ("PHONE_NUMBER", "CRM_ENTITY_TYPE", "CRM_ENTITY_ID")
        entity = {field: recorder.call()[field] for field in fields}
        recorder.wait_for_console("EntityChanged:" + json.dumps(entity, separators=(",", ":")))
        assert recorder.page.locator("iframe").get_attribute("name") == name


class TestFrame:
    def test_the_demonstration_widget_has_another_origin_and_shows_what_it_receives(
        self, open_card: OpenCard
    ) -> None:
        card = open_card()
        for name in ("init", "getInterface", "getStatus"):
            expect(card.received(name)).to_have_count(1)
        frame = card.page.locator("iframe")
        assert frame.get_attribute("src") is None
        assert frame.get_attribute("sandbox") is None
        assert frame.get_attribute("allow") == "geolocation *; microphone *; camera *; autoplay *;"
        origin = card.in_widget("location.origin")
        assert origin != card.sandbox.origin
        assert card.in_widget("window.name") == frame.get_attribute("name")
        expect(card.page.locator("#widget-origin")).to_have_text(origin)
        for name, flag in (("Disable auto-close", "off"), ("Enable auto-close", "on")):
            card.widget.get_by_role("button", name=name).click()
            expect(card.page.locator("#auto-close")).to_have_text(flag)

    def test_it_is_removed_when_hidden_and_the_page_says_why(self, open_card: OpenCard) -> None:
        card = open_card()
        expect(card.received("getStatus")).to_have_count(1)
        for away, back, why in (
            ("Fold", "Unfold", "The card is folded."),
            ("Another tab", "Widget tab", "Another tab is selected."),
        ):
            card.click(away)
            expect(card.page.get_by_text(why)).to_be_visible()
            expect(card.page.locator("iframe")).to_have_count(0)
            card.click(back)
            expect(card.received("getStatus")).to_have_count(1)
        card.page.reload()
        expect(card.page.get_by_text("The card is folded.")).to_be_visible()
        expect(card.page.locator("iframe")).to_have_count(0)
        card.sandbox.play("no-widget")
        expect(card.page.get_by_text("the card has no widget")).to_be_visible()
        expect(card.page.locator("iframe")).to_have_count(0)
        expect(card.page.locator("#state")).to_have_text("Connected")

    def test_a_static_application_is_loaded_by_its_url(self, open_card: OpenCard) -> None:
        card = open_card()
        card.sandbox.load({"form": "static"})
        card.click("Close card", "Ring")
        expect(card.received("getStatus")).to_have_count(1)
        assert "APP_SID=" in (card.page.locator("iframe").get_attribute("src") or "")

    def test_two_tabs_control_one_card_and_say_so(self, open_card: OpenCard) -> None:
        first = open_card()
        notice = first.page.locator("#pages")
        expect(first.messages("open")).to_have_count(1)
        first.page.reload()
        expect(first.page.get_by_text("The card is folded.")).to_be_visible()
        expect(notice).to_have_text("")  # a reload is not a second tab
        second = open_card()
        for card in (first, second):
            expect(card.page.locator("#pages")).to_contain_text("open in 2 tabs")
        expect(notice).to_have_attribute("role", "status")
        second.click("Close card")
        first.wait_until_closed()
        second.page.close()
        expect(notice).to_have_text("")


class TestLog:
    def test_an_entry_has_direction_time_size_and_json_and_can_be_filtered(
        self, open_card: OpenCard
    ) -> None:
        card = open_card()
        question = card.messages("getStatus").first
        reply = card.messages("getStatus").nth(1)
        expect(question.get_by_role("img", name="to the portal:")).to_be_visible()
        expect(reply.get_by_role("img", name="to the widget:")).to_be_visible()
        expect(reply.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d{3}$"))
        reply.locator("summary").click()
        expect(reply.locator("pre").last).to_contain_text('\n  "CRM_ENTITY_ID": 17,')
        wire = reply.locator(".wire").inner_text()
        expect(reply.locator(".size")).to_have_text(f"{len(wire.encode())} B")

        everything = card.entries.count()
        card.page.get_by_label("Filter the messages").fill("getinterface")
        expect(card.entries).to_have_count(2)
        expect(card.page.locator("#log-count")).to_have_text(f"2 of {everything}")
        card.page.get_by_label("Filter the messages").fill("")
        expect(card.entries).to_have_count(everything)
        card.page.locator("#log-clear").click()
        expect(card.entries).to_have_count(0)

    def test_no_secret_is_shown_or_copied(self, open_card: OpenCard) -> None:
        card = open_card(permissions=["clipboard-read", "clipboard-write"])
        expect(card.received("getStatus")).to_have_count(1)
        card.click("Expire tokens")
        expect(card.page.get_by_text("Every access token has expired.")).to_be_visible()
        card.widget.get_by_role("button", name="Get status over REST").click()
        expect(card.received("REST: placement.call")).to_contain_text('"CALL_ID":"externalCall')
        expect(card.messages("refreshAuth")).to_have_count(2)
        auth = card.in_widget("BX24.getAuth()")
        name = card.page.locator("iframe").get_attribute("name") or ""
        log = card.page.locator("#log-entries").text_content() or ""
        secrets = (auth["access_token"], auth["refresh_token"], "sandboxaccesstoken")
        for secret in (name.rpartition("|")[2], *secrets):
            assert secret not in log
        card.page.get_by_label("Filter the messages").fill("getInitData")
        copied = json.loads(card.copied_by(card.page.locator("#log-copy")))
        assert [entry["to"] for entry in copied] == ["portal", "widget"]
        assert json.loads(copied[1]["json"])["AUTH_ID"] == "•••"

    def test_rest_calls_of_a_backend_are_in_it(
        self, open_card: OpenCard, http: httpx.Client
    ) -> None:
        card = open_card()
        expect(card.messages("getStatus")).to_have_count(2)
        card.sandbox.fail("QUERY_LIMIT_EXCEEDED")
        url = f"{card.sandbox.webhook_url}placement.call.json"
        for _ in range(2):
            http.post(url, json={**GET_STATUS, "PARAMS": {"x": "<b>"}})
        shown = card.messages("placement.call.json")
        expect(shown).to_have_count(2)
        expect(shown.first).to_contain_text("webhook: 503 QUERY_LIMIT_EXCEEDED, ")
        expect(shown.first).to_contain_text("POST /rest/1/***/placement.call.json")
        expect(shown.first).to_contain_text('"x": "<b>"')
        expect(shown.last).to_contain_text('"argument": "PARAMS"')
        tokens = http.post(f"{card.sandbox.origin}/oauth/token/", data=REFRESH).json()
        expect(card.messages("token")).to_contain_text("application: 200, ")
        log = card.page.locator("#log-entries").text_content() or ""
        for secret in (tokens["access_token"], tokens["refresh_token"], REFRESH["client_secret"]):
            assert secret not in log


class TestDropped:
    def test_the_log_has_the_reason_and_the_widget_gets_no_reply(self, recorder: CardPage) -> None:
        for script, reason in (
            ("say(`getStatus::x:${'0'.repeat(32)}`)", "the SID is not that of this widget"),
            ("say(`openPath:{}:x:${sid}`)", "the sandbox does not support this command"),
            ("say({ method: 'a:b', params: '', callback: 'x', appSid: sid })", "no such command"),
            ("say(12n)", "neither text nor an object"),
        ):
            recorder.in_widget(script)
            expect(recorder.dropped().last).to_contain_text(reason)
        # A later question has the first reply that arrives.
        recorder.in_widget("say(`getInterface::later:${sid}`)")
        recorder.wait_for_console("later:")
        assert len(recorder.console) == 1

    def test_a_message_from_another_origin(self, recorder: CardPage, serve: Serve) -> None:
        intruder = serve("<script>parent.parent.postMessage(location.hash.slice(1), '*')</script>")
        recorder.in_widget(
            "document.body.append(Object.assign(document.createElement('iframe'),"
            f" {{ src: `{intruder}#getStatus::x:${{sid}}` }}))"
        )
        expected = f"it comes from {intruder[:-1]}, but the widget's origin is http://"
        expect(recorder.dropped()).to_contain_text(expected)


class TestAccessibility:
    def test_the_keyboard_is_enough(self, open_card: OpenCard) -> None:
        card = open_card()
        card.sandbox.call = None
        expect(card.button("Ring")).to_be_enabled()
        for name in ("API pages", "Contract", "Ring"):
            card.page.keyboard.press("Tab")
            focused = card.page.locator(":focus")
            expect(focused).to_have_text(name)
            expect(focused).to_have_css("outline-style", "solid")
        card.page.keyboard.press("Enter")
        expect(card.page.locator("#state")).to_have_text("Ringing")
        card.button("Answer").focus()
        card.page.keyboard.press("Space")
        expect(card.page.locator("#state")).to_have_text("Connected")
        # The state is announced, but not the running timer.
        expect(card.page.locator("#state")).to_have_attribute("role", "status")
        expect(card.page.locator("[role=status] #timer, #timer[role]")).to_have_count(0)

    def test_it_fits_into_wide_and_narrow_windows_in_both_color_schemes(
        self, open_card: OpenCard
    ) -> None:
        card = open_card()
        page = card.page
        expect(card.received("getStatus")).to_have_count(1)
        card.sandbox.fail("OPERATION_TIME_LIMIT", times=1_000_000)
        for _ in range(4):
            card.click("Bind another CRM item")
        card.messages("getInitData").last.locator("summary").click()
        for summary in ("Response of getStatus", "Settings: "):
            page.get_by_text(summary).click()
        expect(page.locator("#faults")).to_contain_text("OPERATION_TIME_LIMIT")
        for width in (1280, 400):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert card.in_widget("document.documentElement.scrollWidth <= innerWidth")
        color = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0]"
        page.emulate_media(color_scheme="light")
        light = int(page.evaluate(color))
        page.emulate_media(color_scheme="dark")
        assert int(page.evaluate(color)) < 128 < light

    def test_reduced_motion_is_respected(self, open_card: OpenCard) -> None:
        card = open_card(reduced_motion="reduce")
        card.click("Close card", "Ring")
        expect(card.page.locator("#state")).to_have_text("Ringing")
        animation = "getComputedStyle(document.querySelector('.avatar'), '::after').animationName"
        assert card.page.evaluate(animation) == "none"
        card.page.emulate_media(reduced_motion="no-preference")
        assert card.page.evaluate(animation) == "ring"


def test_addresses_and_programs_can_be_copied(open_card: OpenCard) -> None:
    card = open_card(permissions=["clipboard-read", "clipboard-write"])
    button = card.page.get_by_role("button", name="Copy: Webhook URL")
    assert card.copied_by(button) == card.sandbox.webhook_url
    card.click("OAuth", "JavaScript")
    for name in ("OAuth", "JavaScript"):
        expect(card.button(name)).to_have_attribute("aria-pressed", "true")
    copied = card.copied_by(card.page.locator("#sample-copy"))
    assert copied == samples(card.sandbox.origin)["OAuth"]["JavaScript"]
