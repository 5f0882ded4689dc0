"""The settings of the portal page, which show and set the sandbox's situation."""

import json
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.portal.faults import FAULTS, OAUTH_FAULTS
from playwright.sync_api import Locator, expect

from tests.sandbox.browser.cards import CardPage, OpenCard


@pytest.fixture
def settings(open_card: OpenCard) -> CardPage:
    """The portal page with its settings unfolded, which show the current situation."""
    card = open_card()
    card.page.locator("#settings > summary").click()
    expect(call_text(card)).to_have_value(json.dumps(card.call(), indent=2))
    return card


def call_text(card: CardPage) -> Locator:
    return card.page.get_by_label("Call, as JSON")


def choose(card: CardPage, label: str, value: str) -> None:
    card.page.get_by_role("combobox", name=label, exact=True).select_option(value)


def fill(card: CardPage, label: str, value: str) -> None:
    card.page.get_by_label(label, exact=True).fill(value)


def expect_message(card: CardPage, text: str) -> None:
    expect(card.page.locator("#settings-said")).to_contain_text(text)


def test_scenario_profile_and_opening_form(settings: CardPage) -> None:
    choose(settings, "Scenario", "transfer")
    settings.click("Play")
    expect(settings.page.locator("#direction")).to_contain_text("Transferred call")
    expect(call_text(settings)).to_have_value(json.dumps(settings.call(), indent=2))
    choose(settings, "Profile", "js-only")
    settings.click("Set profile")
    expect(settings.page.locator("#profile")).to_contain_text("Profile js-only: getStatus answers")
    choose(settings, "Opening form", "old")
    settings.click("Set form")
    expect_message(settings, "The form is old.")
    assert settings.sandbox.state()["form"] == "old"


def test_limits_are_set_and_lifted_while_the_card_stays(settings: CardPage) -> None:
    call_id = settings.call()["CALL_ID"]
    fill(settings, "Requests at once", "1")
    fill(settings, "Then per second", "0.001")
    settings.click("Set limits")
    expect_message(settings, "The limits are set.")
    assert settings.sandbox.state()["limits"] == {"burst": 1, "rate": 0.001}
    fill(settings, "Requests at once", "")
    fill(settings, "Then per second", "")
    settings.click("Set limits")
    expect_message(settings, "There are no limits.")
    assert settings.sandbox.state()["limits"] is None
    assert settings.call()["CALL_ID"] == call_id
    expect(settings.messages("open")).to_have_count(1)


def test_every_fault_is_offered_with_its_members(settings: CardPage, http: httpx.Client) -> None:
    fault = settings.page.get_by_role("combobox", name="Fault", exact=True)
    offered = fault.locator("option").all_inner_texts()
    assert set(offered) == FAULTS.keys() | OAUTH_FAULTS.keys()
    fill(settings, "Times", "2")
    added: list[dict[str, Any]] = [
        {"fault": "html-502"},
        {"fault": "slow", "seconds": 0.5},
        {"fault": "redirect", "location": "http://127.0.0.1:9/", "status": 302},
        {"fault": "expired_token", "status": 200},
    ]
    for wanted in added:
        choose(settings, "Fault", wanted["fault"])
        for label in ("Status", "Seconds", "Location"):
            control = settings.page.get_by_label(label, exact=True)
            if label.lower() in wanted:
                control.fill(str(wanted[label.lower()]))
            else:
                expect(control).to_be_hidden()
        settings.click("Add fault")
        expect_message(settings, f"{wanted['fault']} is pending.")
    expected = [{**wanted, "times": 2} for wanted in added]
    assert settings.sandbox.state()["faults"] == expected

    faults = settings.page.locator("#faults > li")
    expect(faults).to_have_count(4)
    http.post(f"{settings.sandbox.webhook_url}placement.call")
    expect(faults.first).to_have_text("html-502, times 1")
    settings.click("Remove faults")
    expect(faults).to_have_text(["None"])
    assert settings.sandbox.state()["faults"] == []


def test_the_call_is_edited_as_json(settings: CardPage) -> None:
    call = settings.call() | {"PHONE_NUMBER": "+15550100", "CRM_BINDINGS": []}
    call_text(settings).fill(json.dumps(call))
    settings.click("Set call")
    expect(settings.page.locator("#number")).to_have_text("+15550100")
    assert settings.call() == call
    for text, problem in (("{}", "CALL_ID"), ("{", "not valid JSON")):
        call_text(settings).fill(text)
        settings.click("Set call")
        expect_message(settings, problem)
        assert settings.call() == call
    settings.sandbox.profile = "app-only"
    profile = settings.page.get_by_role("combobox", name="Profile", exact=True)
    expect(profile).to_have_value("app-only")
    expect(call_text(settings)).to_have_value("{")  # a change does not overwrite the edited text
    settings.click("Show the current call")
    expect(call_text(settings)).to_have_value(json.dumps(settings.call(), indent=2))
    settings.click("End call")
    settings.wait_until_closed()
    expect(call_text(settings)).to_have_value("null")
