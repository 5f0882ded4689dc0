"""The application and a portal, without a browser."""

import re
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox
from serving import Application

on_each_kind_of_portal = pytest.mark.parametrize("profile", ["rest", "app-only", "js-only"])


@pytest.fixture
def page(application: Application, bitrix24_sandbox: Sandbox) -> Any:
    """What the page in the card does: get the client, and add notes."""

    class Page:
        def __init__(self) -> None:
            answer = application.open(bitrix24_sandbox.widget_opening())
            assert answer.status_code == 200, answer.text
            (session,) = re.findall(r'data-session="([^"]+)"', answer.text)
            self.headers = {"X-Session": session}

        def client(self) -> Any:
            url = f"{application.url}/client"
            answer = application.http.get(url, headers=self.headers)
            if answer.status_code == 409:
                call = bitrix24_sandbox.call
                answer = application.http.post(url, headers=self.headers, json=call)
            assert answer.status_code == 200, answer.text
            return answer.json()

        def note(self, text: str) -> None:
            application.http.post(
                f"{application.url}/notes", headers=self.headers, content=text
            ).raise_for_status()

    return Page()


def test_it_installs_itself(application: Application, bitrix24_sandbox: Sandbox) -> None:
    assert application.installation.status == 200
    paths = [request.path for request in bitrix24_sandbox.requests]
    assert paths[0] == "/rest/app.info"
    assert paths[1:] == ["/rest/placement.bind", "/rest/event.bind", "/rest/event.bind"]


@on_each_kind_of_portal
def test_the_page_shows_the_client_of_the_call(
    page: Any, profile: str, bitrix24_sandbox: Sandbox
) -> None:
    assert page.client() == {"client": "Nora Whitfield", "notes": []}
    (request,) = [made for made in bitrix24_sandbox.requests if "placement.call" in made.path]
    assert request.status == (404 if profile == "js-only" else 200)
    bitrix24_sandbox.play("outgoing-unbound")
    assert page.client() == {"client": "+12025550199", "notes": []}


def test_a_note_is_shown_in_the_next_call_with_the_length_of_its_own(
    page: Any, bitrix24_sandbox: Sandbox
) -> None:
    page.client()
    page.note("wants oak, not ash")
    assert page.client()["notes"] == [{"text": "wants oak, not ash", "seconds": None}]
    assert bitrix24_sandbox.call
    bitrix24_sandbox.call = {**bitrix24_sandbox.call, "CALL_ID": "externalCall.next"}
    assert [made.status for made in bitrix24_sandbox.deliveries] == [200, 200]
    (note,) = page.client()["notes"]
    assert note["text"] == "wants oak, not ash"
    assert note["seconds"] >= 0
    bitrix24_sandbox.play("outgoing-unbound")
    assert page.client()["notes"] == [], "it is about another client"


@on_each_kind_of_portal
def test_an_expired_token_is_refreshed_once(page: Any, bitrix24_sandbox: Sandbox) -> None:
    page.client()
    bitrix24_sandbox.expire_tokens()
    assert page.client()["client"] == "Nora Whitfield"
    assert page.client()["client"] == "Nora Whitfield"
    refreshes = [made for made in bitrix24_sandbox.requests if made.path == "/oauth/token"]
    assert [made.status for made in refreshes] == [200]


def test_a_form_that_is_not_from_the_portal_is_refused(
    application: Application, bitrix24_sandbox: Sandbox
) -> None:
    opening = bitrix24_sandbox.widget_opening()
    opening.form["APPLICATION_TOKEN"] = "guessed"
    assert application.open(opening).status_code == 403
    opening.form["PLACEMENT"] = "elsewhere"
    assert application.open(opening).status_code == 400


def test_an_event_that_is_not_from_the_portal_is_refused(application: Application) -> None:
    form = {"event": "ONAPPUNINSTALL", "auth[member_id]": "x", "auth[application_token]": "y"}
    answer = application.http.post(f"{application.url}/events", data=form)
    assert answer.status_code == 403
    form = {
        "event": "ONAPPINSTALL",
        "auth[access_token]": "made up",
        "auth[application_token]": "y",
    }
    answer = application.http.post(f"{application.url}/events", data=form)
    assert answer.status_code == 403


def test_uninstalling_it_deletes_the_portal_and_its_notes(
    page: Any, application: Application, bitrix24_sandbox: Sandbox
) -> None:
    page.client()
    page.note("to be deleted")
    opening = bitrix24_sandbox.widget_opening()
    bitrix24_sandbox.uninstall()
    assert application.open(opening).status_code == 403
    with pytest.raises(httpx.HTTPStatusError):
        bitrix24_sandbox.widget_opening()
    assert bitrix24_sandbox.install(f"{application.url}/events").status == 200
    assert page.client()["notes"] == []
