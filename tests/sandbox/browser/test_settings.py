"""The settings on the portal page: the sandbox's situation, set without a terminal."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.portal.faults import FAULTS, OAUTH_FAULTS
from playwright.sync_api import expect

# The fixtures of conftest.py; their types are not importable under importlib mode.
Card = Any
OpenCard = Callable[..., Any]


@pytest.fixture
def settings(open_card: OpenCard) -> Card:
    """The portal page with its settings unfolded, which show the present situation."""
    card = open_card()
    card.page.locator("#settings > summary").click()
    expect(call_text(card)).to_have_value(json.dumps(card.sandbox.call, indent=2))
    return card


def call_text(card: Card) -> Any:
    return card.page.get_by_label("Call, as JSON")


def choose(card: Card, label: str, value: str) -> None:
    card.page.get_by_role("combobox", name=label, exact=True).select_option(value)


def fill(card: Card, label: str, value: str) -> None:
    card.page.get_by_label(label, exact=True).fill(value)


def said(card: Card, text: str) -> None:
    expect(card.page.locator("#settings-said")).to_contain_text(text)


def test_a_scenario_is_played(settings: Card) -> None:
    choose(settings, "Scenario", "transfer")
    settings.click("Play")
    expect(settings.page.locator("#direction")).to_contain_text("Transferred call")
    expect(call_text(settings)).to_have_value(json.dumps(settings.sandbox.call, indent=2))


def test_the_profile_and_the_opening_form_are_set(settings: Card) -> None:
    choose(settings, "Profile", "js-only")
    settings.click("Set profile")
    expect(settings.page.locator("#profile")).to_contain_text("Profile js-only")
    choose(settings, "Opening form", "old")
    settings.click("Set form")
    said(settings, "The form is old.")
    assert settings.sandbox.state()["form"] == "old"


def test_the_limits_are_set_and_lifted_while_the_card_stays(
    settings: Card, http: httpx.Client
) -> None:
    call_id = settings.sandbox.call["CALL_ID"]
    fill(settings, "Requests at once", "1")
    fill(settings, "Then per second", "0.001")
    settings.click("Set limits")
    said(settings, "The limits are set.")
    url = f"{settings.sandbox.webhook_url}placement.call"
    body = {"PLACEMENT": "getStatus", "PARAMS": {}}
    assert [http.post(url, json=body).status_code for _ in range(2)] == [200, 503]
    fill(settings, "Requests at once", "")
    fill(settings, "Then per second", "")
    settings.click("Set limits")
    said(settings, "There are no limits.")
    assert http.post(url, json=body).status_code == 200
    assert settings.sandbox.call["CALL_ID"] == call_id
    expect(settings.messages("open")).to_have_count(1)


def test_every_fault_can_be_chosen(settings: Card) -> None:
    fault = settings.page.get_by_role("combobox", name="Fault", exact=True)
    offered = fault.locator("option").all_inner_texts()
    assert set(offered) == FAULTS.keys() | OAUTH_FAULTS.keys()
    for name in offered:
        choose(settings, "Fault", name)
        settings.click("Add fault")
        said(settings, f"{name} waits")
    assert [fault["fault"] for fault in settings.sandbox.state()["faults"]] == offered


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("slow", {"seconds": 0.5}),
        ("redirect", {"status": 302, "location": "http://127.0.0.1:9/"}),
        ("expired_token", {"status": 200}),
    ],
)
def test_a_fault_has_its_members_and_no_others(
    settings: Card, name: str, members: dict[str, Any]
) -> None:
    choose(settings, "Fault", name)
    for label in ("Status", "Seconds", "Location"):
        control = settings.page.get_by_label(label, exact=True)
        if label.lower() in members:
            control.fill(str(members[label.lower()]))
        else:
            expect(control).to_be_hidden()
    fill(settings, "Times", "2")
    settings.click("Add fault")
    said(settings, f"{name} waits")
    assert settings.sandbox.state()["faults"] == [{"fault": name, "times": 2, **members}]


def test_the_faults_to_come_are_listed_until_they_have_struck(
    settings: Card, http: httpx.Client
) -> None:
    choose(settings, "Fault", "html-502")
    fill(settings, "Times", "2")
    settings.click("Add fault")
    faults = settings.page.locator("#faults > li")
    expect(faults).to_have_text(["html-502, times 2"])
    http.post(f"{settings.sandbox.webhook_url}placement.call")
    expect(faults).to_have_text(["html-502, times 1"])
    settings.click("Forget faults")
    expect(faults).to_have_text(["None"])
    assert settings.sandbox.state()["faults"] == []


def test_the_call_is_edited_as_json(settings: Card) -> None:
    call = settings.sandbox.call | {"PHONE_NUMBER": "+15550100", "CRM_BINDINGS": []}
    call_text(settings).fill(json.dumps(call))
    settings.click("Set call")
    expect(settings.page.locator("#number")).to_have_text("+15550100")
    assert settings.sandbox.call == call
    settings.click("End call")
    settings.wait_until_closed()
    expect(call_text(settings)).to_have_value("null")


@pytest.mark.parametrize(
    ("text", "problem"), [("{", "not valid JSON"), ("{}", "CALL_ID")], ids=["text", "fields"]
)
def test_an_invalid_call_is_refused_in_words_and_stays_in_its_field(
    settings: Card, text: str, problem: str
) -> None:
    before = settings.sandbox.call
    call_text(settings).fill(text)
    settings.click("Set call")
    said(settings, problem)
    assert settings.sandbox.call == before
    settings.click("Bind another CRM item")  # what happens meanwhile does not overwrite it
    expect(settings.messages("CallCard::EntityChanged")).not_to_have_count(0)
    expect(call_text(settings)).to_have_value(text)
    settings.click("Show the current call")
    expect(call_text(settings)).to_have_value(json.dumps(settings.sandbox.call, indent=2))


def test_a_keyboard_is_enough(open_card: OpenCard) -> None:
    card = open_card()
    expect(card.page.locator("#settings")).to_be_visible()
    card.page.locator("#settings > summary").focus()
    press = card.page.keyboard.press
    press("Enter")
    for name in ("scenario", "", "profile", "", "form", "", "burst", "rate", "", "fault"):
        press("Tab")
        focused = card.page.locator(":focus")
        expect(focused).to_have_css("outline-style", "solid")
        assert (focused.get_attribute("name") or "") == name
    for character in "slow":
        press(character)
    press("Tab")
    press("Enter")  # in a field: the form is sent
    expect(card.page.locator("#faults")).to_have_text("slow, times 1, seconds 2")


@pytest.mark.parametrize("width", [1280, 400])
def test_it_fits(open_card: OpenCard, width: int) -> None:
    card = open_card(viewport={"width": width, "height": 900})
    card.page.locator("#settings > summary").click()
    card.sandbox.fail("OPERATION_TIME_LIMIT", times=1_000_000)
    assert card.page.evaluate("document.documentElement.scrollWidth") == width
