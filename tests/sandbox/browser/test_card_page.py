"""The portal page in Chromium: each button by a click, and what the widget saw."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, expect

# The fixtures of conftest.py; their types are not importable under importlib mode.
Card = Any
OpenCard = Callable[..., Any]

NEW_CALLS = (
    "Ring",
    "Outgoing call",
    "Callback",
    "Transferred call",
    "Unbound call",
    "Unidentified call",
    "External call",
)


def rest_status(card: Card) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.post(
        f"{card.sandbox.webhook_url}placement.call",
        json={"PLACEMENT": "getStatus"},
        trust_env=False,
        timeout=60,
    ).json()
    return answer


def widget_row(card: Card, field: str) -> Locator:
    """What the demonstration widget shows for a field of getStatus."""
    row: Locator = card.widget.locator("#status > div").filter(
        has=card.page.locator("dt", has_text=re.compile(f"^{field}$"))
    )
    return row.locator("dd")


def received(card: Card, name: str) -> Locator:
    """What the demonstration widget has received under a name."""
    items: Locator = card.widget.locator("#received > li").filter(
        has=card.page.locator("strong", has_text=re.compile(f"^{re.escape(name)}$"))
    )
    return items


class TestCard:
    def test_it_shows_who_calls_on_which_line_and_what_the_crm_knows(
        self, open_card: OpenCard
    ) -> None:
        page = open_card().page
        expect(page.get_by_role("heading", name="Nora Whitfield")).to_be_visible()
        pane = page.locator(".pane")
        for text in ("+12025550142", "Main office", "Incoming call", "Connected", "Activity 2024"):
            expect(pane.get_by_text(text, exact=True)).to_be_visible()
        expect(page.locator("#items li")).to_have_text(
            [re.compile("Contact.*17"), re.compile("Company.*5"), re.compile("Deal.*83")]
        )
        expect(pane.get_by_text("The card closes when the far end hangs up.")).to_be_visible()

    def test_the_page_says_what_its_profile_is(self, open_card: OpenCard) -> None:
        card = open_card()
        card.sandbox.profile = "js-only"
        expect(card.page.locator("#profile")).to_contain_text("js-only: it is no method of REST")

    def test_its_timer_runs(self, open_card: OpenCard) -> None:
        page = open_card().page
        expect(page.locator("#timer")).to_have_text(re.compile(r"^\d+:\d\d$"))
        first = page.locator("#timer").inner_text()
        expect(page.locator("#timer")).not_to_have_text(first)

    def test_what_callers_are_called_is_text_and_no_html(self, open_card: OpenCard) -> None:
        card = open_card()
        evil = "<img src=x onerror=window.harmed=1>"
        call = card.sandbox.state()["call"]
        card.sandbox.call = call | {
            "PHONE_NUMBER": evil,
            "LINE_NAME": evil,
            "CRM_ENTITY_TYPE": evil,
        }
        expect(card.page.locator("#number")).to_have_text(evil)
        expect(card.page.locator("#line")).to_have_text(evil)
        expect(card.page.locator("#items")).to_contain_text(evil)
        expect(widget_row(card, "PHONE_NUMBER")).to_have_text(evil)
        expect(card.page.locator("img")).to_have_count(0)
        expect(card.widget.locator("img")).to_have_count(0)

    def test_an_unbound_call_of_an_unknown_number(self, open_card: OpenCard) -> None:
        card = open_card()
        call = card.sandbox.state()["call"] | {"CRM_ENTITY_TYPE": "", "CRM_ENTITY_ID": 0}
        card.sandbox.call = {**call, "CRM_BINDINGS": [], "PHONE_NUMBER": "+15550100"}
        expect(card.page.get_by_role("heading", name="+15550100")).to_be_visible()
        expect(card.page.locator("#items")).to_have_text("Not bound to any")

    def test_buttons_that_make_no_sense_are_disabled(self, open_card: OpenCard) -> None:
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


class TestButtons:
    def test_ring_opens_the_widget_again_under_another_sid(self, open_card: OpenCard) -> None:
        card = open_card()
        expect(card.page.locator("iframe")).to_have_count(1)
        first = card.page.locator("iframe").get_attribute("name")
        card.click("Close card", "Ring")
        expect(card.page.locator("#state")).to_have_text("Ringing")
        second = card.page.locator("iframe").get_attribute("name")
        assert first != second
        assert re.fullmatch(r"127\.0\.0\.1:\d+\|0\|[0-9a-f]{32}", second)
        expect(widget_row(card, "CALL_STATE")).to_have_text("connecting")

    def test_answer_sends_the_widget_the_connected_state(self, recorder: Card) -> None:
        recorder.click("Close card", "Ring")
        recorder.wait_until_heard("ready:")
        recorder.click("Answer")
        recorder.wait_until_heard('CallStateChanged:"connected"')
        expect(recorder.page.locator("#state")).to_have_text("Connected")

    def test_far_end_hangs_up_closes_the_card_before_the_widget_hears_of_it(
        self, recorder: Card
    ) -> None:
        recorder.click("Close card", "Ring")
        recorder.wait_until_heard("ready:")
        recorder.heard.clear()
        recorder.click("Far end hangs up")
        recorder.wait_until_closed()
        for name in ("CallStateChanged", "BeforeClose"):
            expect(recorder.messages(f"CallCard::{name}").last).to_contain_text("does not arrive")
        assert recorder.heard == []
        assert rest_status(recorder)["error_description"] == "Call is not found"

    def test_far_end_hangs_up_with_auto_close_disabled(self, recorder: Card) -> None:
        recorder.click("Close card", "Ring")
        recorder.wait_until_heard("ready:")
        recorder.heard.clear()
        recorder.in_widget("say(`disableAutoClose::off:${sid}`)")
        recorder.wait_until_heard("off:[]")
        expect(recorder.page.locator("#auto-close")).to_have_text("off")
        recorder.click("Far end hangs up")
        recorder.wait_until_heard('CallStateChanged:"idle"', "BeforeClose:")
        assert recorder.heard == ["off:[]", 'CallStateChanged:"idle"', "BeforeClose:"]
        expect(recorder.page.get_by_text(re.compile(r"The card closes in 1:\d\d"))).to_be_visible()
        expect(recorder.page.get_by_role("progressbar")).to_be_visible()

    def test_a_card_that_stays_closes_when_its_time_is_over(self, recorder: Card) -> None:
        recorder.close_after(1)
        recorder.in_widget("say(`disableAutoClose::off:${sid}`)")
        recorder.wait_until_heard("off:[]")
        recorder.click("Far end hangs up")
        recorder.wait_until_closed()

    def test_enabling_auto_close_while_the_card_waits_closes_it_at_once(
        self, recorder: Card
    ) -> None:
        recorder.in_widget("say(`disableAutoClose::off:${sid}`)")
        recorder.wait_until_heard("off:[]")
        recorder.click("Far end hangs up")
        recorder.wait_until_heard("BeforeClose:")
        recorder.in_widget("say(`enableAutoClose::on:${sid}`)")
        recorder.wait_until_closed()

    @pytest.mark.parametrize("name", ["Hang up", "Close card"])
    def test_the_operator_closes_at_once_although_auto_close_is_disabled(
        self, recorder: Card, name: str
    ) -> None:
        recorder.in_widget("say(`disableAutoClose::off:${sid}`)")
        recorder.wait_until_heard("off:[]")
        recorder.click(name)
        recorder.wait_until_closed()
        assert recorder.heard == ["off:[]"]

    def test_next_client_loads_another_client_into_the_same_widget(self, recorder: Card) -> None:
        recorder.click("Close card", "Start a call list")
        expect(recorder.page.locator("#state")).to_have_text("Not dialled")
        expect(recorder.page.locator("#direction")).to_contain_text("client 1 of 3")
        expect(recorder.page.locator("iframe")).to_have_count(0)
        recorder.click("Widget tab")
        recorder.wait_until_heard("ready:")
        name = recorder.page.locator("iframe").get_attribute("name")
        recorder.click("Next client")
        expect(recorder.page.locator("#direction")).to_contain_text("client 2 of 3")
        call = rest_status(recorder)["result"]
        entity = {key: call[key] for key in ("PHONE_NUMBER", "CRM_ENTITY_TYPE", "CRM_ENTITY_ID")}
        recorder.wait_until_heard("EntityChanged:" + json.dumps(entity, separators=(",", ":")))
        assert recorder.page.locator("iframe").get_attribute("name") == name

    def test_bind_sends_the_widget_the_new_entity(self, open_card: OpenCard) -> None:
        card = open_card()
        expect(received(card, "getStatus")).to_have_count(1)
        card.click("Bind another CRM item")
        expect(received(card, "CallCard::EntityChanged")).to_contain_text(
            '{"PHONE_NUMBER":"+12025550142","CRM_ENTITY_TYPE":"LEAD","CRM_ENTITY_ID":52}'
        )
        expect(card.page.locator("#items .main")).to_contain_text("52")
        expect(widget_row(card, "CRM_BINDINGS")).to_contain_text("LEAD 52")
        assert rest_status(card)["result"]["CRM_ENTITY_ID"] == 52

    def test_no_activity_is_a_switch(self, open_card: OpenCard) -> None:
        card = open_card()
        card.click("No activity")
        expect(card.button("No activity")).to_have_attribute("aria-pressed", "true")
        expect(card.page.locator("#activity")).to_have_text("No activity")
        assert "CRM_ACTIVITY_ID" not in rest_status(card)["result"]
        card.click("No activity")
        expect(card.page.locator("#activity")).to_have_text("Activity 2024")

    def test_hidden_number_is_a_switch_and_the_widget_sees_it_when_it_asks(
        self, open_card: OpenCard
    ) -> None:
        card = open_card()
        expect(received(card, "getStatus")).to_have_count(1)
        card.click("Hidden number")
        expect(card.page.locator("#number")).to_have_text("Hidden number")
        card.widget.get_by_role("button", name="Get status", exact=True).click()
        expect(widget_row(card, "PHONE_NUMBER")).to_have_text("hidden")
        assert rest_status(card)["result"]["PHONE_NUMBER"] == "hidden"
        card.click("Hidden number")
        expect(card.page.locator("#number")).to_have_text("+12025550142")

    def test_expire_tokens_lets_the_widget_refresh_its_token_and_ask_again(
        self, open_card: OpenCard
    ) -> None:
        card = open_card()
        expect(received(card, "getStatus")).to_have_count(1)
        card.click("Expire tokens")
        expect(card.page.get_by_text("Every access token has expired.")).to_be_visible()
        card.widget.get_by_role("button", name="Get status over REST").click()
        expect(received(card, "REST: placement.call")).to_contain_text('"CALL_ID":"externalCall')
        expect(card.messages("refreshAuth")).to_have_count(2)

    def test_reset_opens_the_first_card_again(self, open_card: OpenCard) -> None:
        card = open_card()
        card.click("Close card", "Reset")
        expect(card.page.locator("#state")).to_have_text("Connected")
        expect(card.page.get_by_text("as it was at the start")).to_be_visible()

    @pytest.mark.parametrize(
        ("name", "fields"),
        [
            ("Outgoing call", {"CALL_DIRECTION": "outgoing", "CRM_ENTITY_TYPE": False}),
            ("Callback", {"CALL_DIRECTION": "callback", "CRM_ENTITY_ID": 17}),
            ("Transferred call", {"CALL_DIRECTION": "incomingTransfer", "CRM_ENTITY_ID": 17}),
            ("Unbound call", {"CALL_DIRECTION": "incoming", "CRM_BINDINGS": []}),
            ("Unidentified call", {"PHONE_NUMBER": None, "CRM_ENTITY_TYPE": ""}),
            ("External call", {"CALL_STATE": "connected"}),
        ],
    )
    def test_each_kind_of_call_has_a_button(
        self, open_card: OpenCard, name: str, fields: dict[str, Any]
    ) -> None:
        card = open_card()
        card.click("Close card")
        card.wait_until_closed()
        card.click(name)
        expect(widget_row(card, "CALL_DIRECTION")).not_to_have_text("")
        call = rest_status(card)["result"]
        assert {field: call.get(field) for field in fields} == fields
        assert call["CALL_ID"].startswith("externalCall.") == (name == "External call")

    @pytest.mark.parametrize("name", ["No activity", "Hidden number"])
    def test_a_change_that_fires_no_event_says_so(self, recorder: Card, name: str) -> None:
        said = recorder.page.locator("#said")
        recorder.click(name)
        expect(said).to_contain_text("no event: the widget sees the change when it calls getStatus")
        recorder.click("Bind another CRM item")
        recorder.wait_until_heard("EntityChanged:")
        assert len(recorder.heard) == 1
        expect(said).to_have_text("")

    def test_what_changes_nothing_and_fires_no_event_says_so(self, open_card: OpenCard) -> None:
        card = open_card()
        card.click("Write a comment")
        expect(card.page.locator("#said")).to_have_text("This fires no event.")


class TestWidget:
    def test_the_demonstration_shows_all_that_it_receives(self, open_card: OpenCard) -> None:
        card = open_card()
        for name in ("init", "getInterface", "getStatus"):
            expect(received(card, name)).to_have_count(1)
        opened_with = json.loads(card.widget.locator("#opened-with").text_content())
        assert opened_with["PLACEMENT"] == "CALL_CARD"
        assert opened_with["PLACEMENT_OPTIONS"]["CRM_ENTITY_ID"] == "17"
        for secret in ("AUTH_ID", "REFRESH_ID", "APPLICATION_TOKEN", "APP_SID"):
            assert opened_with[secret] == "•••"

    def test_the_demonstration_disables_and_enables_auto_close(self, open_card: OpenCard) -> None:
        card = open_card()
        expect(received(card, "getStatus")).to_have_count(1)
        for name, flag in (("Disable auto-close", "off"), ("Enable auto-close", "on")):
            card.widget.get_by_role("button", name=name).click()
            expect(card.page.locator("#auto-close")).to_have_text(flag)

    def test_it_is_of_another_origin_in_a_frame_as_portals_make_it(
        self, open_card: OpenCard
    ) -> None:
        card = open_card()
        frame = card.page.locator("iframe")
        assert frame.get_attribute("src") is None
        assert frame.get_attribute("sandbox") is None
        assert frame.get_attribute("allow") == "geolocation *; microphone *; camera *; autoplay *;"
        expect(received(card, "getStatus")).to_have_count(1)
        origin = card.in_widget("location.origin")
        assert origin != card.sandbox.origin
        assert card.in_widget("window.name") == frame.get_attribute("name")
        expect(card.page.locator("#widget-origin")).to_have_text(origin)


class TestFrame:
    """When a card has a frame for the widget."""

    def test_a_folded_card_has_none(self, open_card: OpenCard) -> None:
        card = open_card()
        expect(received(card, "getStatus")).to_have_count(1)
        card.click("Fold")
        expect(card.page.locator("iframe")).to_have_count(0)
        expect(card.page.get_by_text("The card is folded.")).to_be_visible()
        card.click("Unfold")
        expect(received(card, "getStatus")).to_have_count(1)

    def test_after_a_reload_the_card_is_folded(self, open_card: OpenCard) -> None:
        card = open_card()
        expect(received(card, "getStatus")).to_have_count(1)
        card.page.reload()
        expect(card.page.get_by_text("The card is folded.")).to_be_visible()
        expect(card.page.locator("iframe")).to_have_count(0)
        card.click("Unfold")
        expect(received(card, "getStatus")).to_have_count(1)

    def test_another_applications_tab_takes_it_away(self, open_card: OpenCard) -> None:
        card = open_card()
        expect(received(card, "getStatus")).to_have_count(1)
        card.click("Another tab")
        expect(card.page.get_by_text("Another tab is in front.")).to_be_visible()
        expect(card.page.locator("iframe")).to_have_count(0)
        card.click("Widget tab")
        expect(received(card, "getStatus")).to_have_count(1)

    def test_a_card_without_crm_has_none(self, open_card: OpenCard) -> None:
        card = open_card()
        card.sandbox.play("no-widget")
        expect(card.page.get_by_text("the card has no widget")).to_be_visible()
        expect(card.page.locator("iframe")).to_have_count(0)
        expect(card.page.locator("#state")).to_have_text("Connected")

    def test_a_static_application_is_loaded_by_its_address(self, open_card: OpenCard) -> None:
        card = open_card()
        card.sandbox.load({"form": "static"})
        card.click("Close card", "Ring")
        expect(received(card, "getStatus")).to_have_count(1)
        assert "APP_SID=" in card.page.locator("iframe").get_attribute("src")
        opened_with = json.loads(card.widget.locator("#opened-with").text_content())
        assert opened_with.keys() == {"DOMAIN", "PROTOCOL", "LANG", "APP_SID"}

    def test_an_unbound_outgoing_call_is_shown_and_sent_with_false(
        self, open_card: OpenCard
    ) -> None:
        card = open_card()
        card.click("Close card", "Outgoing call")
        expect(card.page.get_by_role("heading", name="+12025550199")).to_be_visible()
        expect(card.page.locator("#items")).to_have_text("Not bound to any")
        expect(widget_row(card, "CRM_ENTITY_ID")).to_have_text("false")
        expect(widget_row(card, "CALL_ID")).to_have_text("")
        card.click("Answer")
        expect(widget_row(card, "CALL_ID")).not_to_have_text("")

    def test_a_comment_keeps_the_card_open(self, recorder: Card) -> None:
        recorder.click("Write a comment")
        expect(recorder.button("Write a comment")).to_have_attribute("aria-pressed", "true")
        recorder.click("Far end hangs up")
        recorder.wait_until_heard("BeforeClose:")
        assert recorder.heard == ["BeforeClose:"]  # it is an external call, which stays connected
        expect(recorder.page.get_by_text("The card closes in 1:0")).to_be_visible()


class TestLog:
    def test_both_ways_with_size_and_pretty_json(self, open_card: OpenCard) -> None:
        card = open_card()
        asked = card.messages("getStatus").first
        answered = card.messages("getStatus").nth(1)
        expect(asked.get_by_role("img", name="to the portal:")).to_be_visible()
        expect(answered.get_by_role("img", name="to the widget:")).to_be_visible()
        expect(answered.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d{3}$"))
        answered.locator("summary").click()
        expect(answered.locator("pre").last).to_contain_text('\n  "CRM_ENTITY_ID": 17,')
        wire = answered.locator(".wire").inner_text()
        expect(answered.locator(".size")).to_have_text(f"{len(wire.encode())} B")

    def test_the_filter_leaves_what_matches(self, open_card: OpenCard) -> None:
        card = open_card()
        expect(card.messages("getStatus")).to_have_count(2)
        everything = card.entries.count()
        card.page.get_by_label("Filter the messages").fill("getinterface")
        expect(card.entries).to_have_count(2)
        expect(card.page.locator("#log-count")).to_have_text(f"2 of {everything}")
        card.page.get_by_label("Filter the messages").fill("")
        expect(card.entries).to_have_count(everything)

    def test_what_is_copied_is_what_is_shown_without_its_secrets(self, open_card: OpenCard) -> None:
        card = open_card(permissions=["clipboard-read", "clipboard-write"])
        expect(card.messages("getStatus")).to_have_count(2)
        card.page.get_by_label("Filter the messages").fill("getInitData")
        copied = json.loads(card.copied_by(card.page.locator("#log-copy")))
        assert [entry["to"] for entry in copied] == ["portal", "widget"]
        assert json.loads(copied[1]["json"])["AUTH_ID"] == "•••"

    def test_no_secret_is_anywhere_in_the_page(self, open_card: OpenCard) -> None:
        card = open_card()
        card.click("Expire tokens")
        card.widget.get_by_role("button", name="Get status over REST").click()
        expect(received(card, "REST: placement.call")).to_have_count(1)
        auth = card.in_widget("BX24.getAuth()")
        sid = card.page.locator("iframe").get_attribute("name").rpartition("|")[2]
        log = card.page.locator("#log-entries").text_content()
        for secret in (sid, auth["access_token"], auth["refresh_token"], "sandboxaccesstoken"):
            assert secret not in log
        assert "•••" in log

    def test_clear_empties_it(self, open_card: OpenCard) -> None:
        card = open_card()
        expect(card.messages("getStatus")).to_have_count(2)
        card.page.locator("#log-clear").click()
        expect(card.entries).to_have_count(0)


class TestDropped:
    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            ("say(`getStatus::x:${'0'.repeat(32)}`)", "the SID is not the one"),
            ("say(`setTitle:{}:x:${sid}`)", "setTitle is denied in placements"),
            ("say(`getWeather:{}:x:${sid}`)", "this placement has no such command"),
            ("say(`openPath:{}:x:${sid}`)", "the sandbox does not play this command"),
            ("say({ method: 'a:b', params: '', callback: 'x', appSid: sid })", "no such command"),
            ("say('hello')", "not of the form command:JSON:callbackId:SID"),
            ("say(12n)", "neither text nor an object"),
        ],
    )
    def test_the_reason_is_in_the_log_and_the_widget_hears_nothing(
        self, recorder: Card, script: str, reason: str
    ) -> None:
        recorder.in_widget(script)
        expect(recorder.dropped()).to_contain_text(reason)
        # The answer to a later question is the first thing that arrives.
        recorder.in_widget("say(`getInterface::later:${sid}`)")
        recorder.wait_until_heard("later:")
        assert len(recorder.heard) == 1

    def test_a_message_of_another_origin(self, recorder: Card, serve: Callable[[str], str]) -> None:
        intruder = serve("<script>parent.parent.postMessage(location.hash.slice(1), '*')</script>")
        recorder.in_widget(
            "document.body.append(Object.assign(document.createElement('iframe'),"
            f" {{ src: `{intruder}#getStatus::x:${{sid}}` }}))"
        )
        dropped = recorder.dropped()
        expect(dropped).to_contain_text(f"it comes from {intruder[:-1]}, the widget is of http://")


class TestReach:
    def test_everything_can_be_done_by_keyboard(self, open_card: OpenCard) -> None:
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

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [1280, 400])
    def test_it_fits_both_widths_in_both_schemes(
        self, open_card: OpenCard, width: int, scheme: str
    ) -> None:
        card = open_card(viewport={"width": width, "height": 900}, color_scheme=scheme)
        expect(received(card, "getStatus")).to_have_count(1)
        for _ in range(4):
            card.click("Bind another CRM item")
        card.messages("getInitData").last.locator("summary").click()
        card.page.get_by_text("As getStatus gives it").click()
        assert card.page.evaluate("document.documentElement.scrollWidth") == width
        assert card.in_widget("document.documentElement.scrollWidth <= innerWidth")
        lightness = card.page.evaluate(
            "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0]"
        )
        assert (int(lightness) > 128) == (scheme == "light")

    def test_the_state_is_announced_and_the_running_timer_is_not(self, open_card: OpenCard) -> None:
        card = open_card()
        expect(card.page.locator("#state")).to_have_attribute("role", "status")
        assert card.page.locator("[role=status] #timer, #timer[role]").count() == 0

    @pytest.mark.parametrize(
        ("motion", "animation"), [("reduce", "none"), ("no-preference", "ring")]
    )
    def test_who_wants_little_motion_gets_none(
        self, open_card: OpenCard, motion: str, animation: str
    ) -> None:
        card = open_card(reduced_motion=motion)
        card.click("Close card", "Ring")
        expect(card.page.locator("#state")).to_have_text("Ringing")
        assert animation == card.page.evaluate(
            "getComputedStyle(document.querySelector('.avatar'), '::after').animationName"
        )

    def test_the_addresses_can_be_copied(self, open_card: OpenCard) -> None:
        card = open_card(permissions=["clipboard-read", "clipboard-write"])
        button = card.page.get_by_role("button", name="Copy: Webhook URL")
        assert card.copied_by(button) == card.sandbox.webhook_url
