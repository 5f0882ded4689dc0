"""The portal page's server side, without a browser: its endpoints and its stream of turns."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from bitrix24_sandbox.card.calls import NEW_CALLS
from bitrix24_sandbox.card.card import ACTIONS
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox

from tests.data import GET_STATUS
from tests.sandbox.turns import Turn, open_page, opening_of_widget


@dataclass
class Page:
    """An open portal page, with its turns after the first two."""

    http: httpx.Client
    sandbox: Sandbox
    turns: Iterator[Turn]
    id: str
    opening: Turn

    def act(self, action: str) -> None:
        url = f"{self.sandbox.origin}/sandbox/card/{action}"
        self.http.post(url).raise_for_status()

    def send(self, data: object) -> None:
        """Pass on a message from the widget's origin; to text, the SID is appended."""
        if isinstance(data, str):
            data = f"{data}:{self.opening['name'].rpartition('|')[2]}"
        message = {"page": self.id, "origin": self.opening["origin"], "data": data}
        url = f"{self.sandbox.origin}/sandbox/card/message"
        assert self.http.post(url, content=json.dumps(message)).status_code == 204


@pytest.fixture
def page(http: httpx.Client, sandbox: Sandbox) -> Iterator[Page]:
    with open_page(http, sandbox.origin) as turns:
        yield Page(http, sandbox, turns, next(turns)["page"], next(turns)["open"])


class TestActions:
    def act(self, http: httpx.Client, sandbox: Sandbox, action: str) -> httpx.Response:
        return http.post(f"{sandbox.origin}/sandbox/card/{action}")

    def test_rest_and_the_card_have_the_same_call(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        url = f"{sandbox.webhook_url}placement.call"
        for action in ("close", "next-client", "ring", "answer", "bind", "hidden-number"):
            state = self.act(http, sandbox, action).json()
            answer = http.post(url, json=GET_STATUS).json()
            assert answer.get("result") == state["call"]
            assert (answer.get("error") == "ERROR_CORE") == (action == "close")
        assert state["call"]["PHONE_NUMBER"] == "hidden"
        assert http.get(f"{sandbox.origin}/sandbox/card").json()["call"] == state["call"]

    @pytest.mark.parametrize(
        ("action", "status", "expected"),
        [
            ("ring", 409, "'ring' is not possible now, only bind, call-fails, "),
            ("sing", 404, "no action 'sing': use ring, dial, "),
        ],
    )
    def test_an_impossible_or_unknown_one_is_refused_and_changes_nothing(
        self, action: str, status: int, expected: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        before = sandbox.state()
        answer = self.act(http, sandbox, action)
        assert answer.status_code == status
        assert expected in answer.json()["error_description"]
        assert sandbox.state() == before

    @pytest.mark.parametrize(
        "body",
        ["", "{}", "[]"]
        + [f'{{"close_after":{value}}}' for value in ('"1"', "-1", "true", "1e99", "NaN", "null")],
    )
    def test_an_invalid_time_is_refused(
        self, http: httpx.Client, sandbox: Sandbox, body: str
    ) -> None:
        answer = http.put(f"{sandbox.origin}/sandbox/card", content=body)
        assert answer.status_code == 422
        assert "close_after" in answer.json()["error_description"]


class TestOpeningOnRequest:
    """`GET /sandbox/widget`, for tests of the backend that receives the form."""

    def test_it_is_a_portal_s_request(self, sandbox: Sandbox) -> None:
        before = sandbox.state()
        opening = sandbox.widget_opening()
        assert opening.method == "POST"
        assert opening.query.keys() == {"DOMAIN", "PROTOCOL", "LANG", "APP_SID"}
        assert opening.query["DOMAIN"] == urlsplit(sandbox.origin).netloc
        assert opening.form["PLACEMENT"] == "CALL_CARD"
        assert opening.form["AUTH_ID"] == sandbox.access_token
        options = json.loads(opening.form["PLACEMENT_OPTIONS"])
        assert options["CALL_ID"] == before["call"]["CALL_ID"]
        assert sandbox.widget_opening().query["APP_SID"] != opening.query["APP_SID"]
        assert sandbox.state() == before

    def test_it_has_the_form_that_is_set(self, sandbox: Sandbox) -> None:
        assert "APPLICATION_TOKEN" in sandbox.widget_opening().form
        sandbox.load({"form": "old"})
        assert "APPLICATION_TOKEN" not in sandbox.widget_opening().form
        sandbox.load({"form": "static"})
        static = sandbox.widget_opening()
        assert (static.method, static.form) == ("GET", {})
        assert static.query["APP_SID"]

    @pytest.mark.parametrize(
        ("state", "missing"), [({"call": None}, "call"), ({"widget": False}, "widget in the card")]
    )
    def test_there_is_none_without_a_widget(
        self, state: Any, missing: str, sandbox: Sandbox, http: httpx.Client
    ) -> None:
        sandbox.load(state)
        answer = http.get(f"{sandbox.origin}/sandbox/widget")
        assert answer.status_code == 409
        assert answer.json()["error_description"] == f"There is no {missing}."
        with pytest.raises(httpx.HTTPStatusError, match=rf"^There is no {missing}\.$"):
            sandbox.widget_opening()


class TestStream:
    def test_it_begins_with_the_page_its_card_and_the_opening(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        with open_page(http, sandbox.origin) as turns:
            first, second = next(turns), next(turns)
        assert first["addresses"]["Webhook URL"] == sandbox.webhook_url
        assert first["addresses"]["OAuth base"] == sandbox.oauth_url
        for who in ("Webhook", "OAuth"):
            assert first["samples"][who].keys() == {"cURL", "Python", "JavaScript", "PHP"}
        host = sandbox.origin.removeprefix("http://")
        assert second["open"]["name"].startswith(f"{host}|0|")
        assert second["open"]["origin"] not in ("", sandbox.origin)
        assert second["card"]["call"] == sandbox.state()["call"]

    def test_a_message_has_its_reply_in_the_stream(self, page: Page, sandbox: Sandbox) -> None:
        page.send("getStatus::a1")
        received, replied = next(page.turns), next(page.turns)
        assert [entry["to"] for entry in received["log"]] == ["portal"]
        assert received["log"][0]["wire"] == "getStatus::a1:•••"
        (reply,) = replied["post"]
        assert reply.startswith("a1:{")
        assert json.loads(reply[3:]) == sandbox.state()["call"]
        assert replied["log"][0]["size"] == len(reply.encode())

    def test_a_dropped_message_is_logged_and_has_no_reply(self, page: Page) -> None:
        page.send({"half": "\ud800"})
        turn = next(page.turns)
        assert "post" not in turn
        assert "without the strings" in turn["log"][0]["dropped"]

    def test_a_message_after_the_card_is_closed_is_dropped_and_its_sid_masked(
        self, page: Page, sandbox: Sandbox
    ) -> None:
        sandbox.call = None
        assert next(page.turns)["close"] is True
        page.send("getStatus::a1")
        (entry,) = next(page.turns)["log"]
        assert entry["dropped"] == "no widget is open"
        assert entry["wire"] == "getStatus::a1:•••"

    def test_the_reply_to_the_command_that_closes_the_card_does_not_arrive(
        self, page: Page
    ) -> None:
        page.send("disableAutoClose::a1")
        page.act("far-end-hangs-up")
        page.send("enableAutoClose::a1")
        turn = next(
            turn
            for turn in page.turns
            if any(e["note"] for e in turn["log"] if e["name"] == "enableAutoClose")
        )
        assert "post" not in turn
        assert turn["card"]["call"] is None

    def test_the_second_card_of_a_page_adds_the_events_again(self, page: Page) -> None:
        for action in ("fold", "unfold", "close", "ring"):
            page.act(action)
        openings = (turn["open"] for turn in page.turns if turn.get("open"))
        names = {page.opening["name"]}
        for page.opening in (next(openings), next(openings)):
            names.add(page.opening["name"])
        assert len(names) == 3
        page.send("getInterface::a1")
        (reply,) = next(turn["post"] for turn in page.turns if turn.get("post"))
        assert len(json.loads(reply.removeprefix("a1:"))["event"]) == 6

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"page":"gone","origin":"","data":""}'])
    def test_a_message_of_no_page_is_refused(
        self, http: httpx.Client, sandbox: Sandbox, body: bytes
    ) -> None:
        answer = http.post(f"{sandbox.origin}/sandbox/card/message", content=body)
        assert answer.status_code == 422


def test_the_handler_of_a_developer_is_opened_instead_of_the_demonstration(
    http: httpx.Client,
) -> None:
    with running(handler="http://localhost:3000/my/card?x=1") as sandbox:
        opening = opening_of_widget(http, sandbox.origin)
    assert opening["action"].startswith("http://localhost:3000/my/card?x=1&DOMAIN=127.0.0.1%3A")
    assert opening["origin"] == "http://localhost:3000"


def test_each_button_of_the_page_is_an_action(http: httpx.Client, sandbox: Sandbox) -> None:
    page = http.get(f"{sandbox.origin}/")
    assert page.headers["content-type"].startswith("text/html")
    buttons = re.findall(r'data-action="([a-z-]+)"', page.text)
    assert len(buttons) == len(set(buttons))
    assert set(buttons) == NEW_CALLS.keys() | ACTIONS.keys()


def test_the_demonstration_widget_shows_its_opening_without_secrets(
    http: httpx.Client, sandbox: Sandbox
) -> None:
    widget = opening_of_widget(http, sandbox.origin)["action"].partition("?")[0]
    answer = http.post(
        f"{widget}?DOMAIN=portal.example&PROTOCOL=1&APP_SID=a1b2c3",
        data={"AUTH_ID": "s3cr3t", "PLACEMENT_OPTIONS": '{"CALL_ID":"<b>"}', "odd": "</pre>"},
    )
    assert "portal.example" in answer.text
    assert "s3cr3t" not in answer.text
    assert "a1b2c3" not in answer.text
    assert "&lt;b&gt;" in answer.text
    assert "&lt;/pre&gt;" in answer.text
