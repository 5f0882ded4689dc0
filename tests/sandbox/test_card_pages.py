"""What the portal page's script asks the sandbox for, without a browser."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox


def turns(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """The turns of a stream, as they come."""
    for line in response.iter_lines():
        if line:
            field, _, value = line.partition(": ")
            assert field == "data"
            yield json.loads(value)


class TestActions:
    def act(self, http: httpx.Client, sandbox: Sandbox, action: str) -> httpx.Response:
        return http.post(f"{sandbox.origin}/sandbox/card/{action}")

    def test_rest_and_the_card_show_the_same_call(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        for action in ("close", "next-client", "ring", "answer", "bind", "hidden-number"):
            state = self.act(http, sandbox, action).json()
            asked = http.post(
                f"{sandbox.webhook_url}placement.call", json={"PLACEMENT": "getStatus"}
            ).json()
            if state["call"] is None:
                assert (asked["error"], asked["error_description"]) == (
                    "ERROR_CORE",
                    "Call is not found",
                )
            else:
                assert asked["result"] == state["call"]
        assert state["call"]["PHONE_NUMBER"] == "hidden"
        assert http.get(f"{sandbox.origin}/sandbox/card").json()["call"] == state["call"]

    def test_an_action_that_makes_no_sense_is_a_conflict_and_changes_nothing(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        before = sandbox.state()
        answer = self.act(http, sandbox, "ring")
        assert answer.status_code == 409
        assert "makes no sense now" in answer.json()["error_description"]
        assert sandbox.state() == before

    def test_an_unknown_action_is_not_found(self, http: httpx.Client, sandbox: Sandbox) -> None:
        answer = self.act(http, sandbox, "sing")
        assert answer.status_code == 404
        assert "no action 'sing'" in answer.json()["error_description"]

    def test_the_time_until_the_card_closes_can_be_set(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        url = f"{sandbox.origin}/sandbox/card"
        assert http.put(url, json={"close_after": 0.5}).json()["close_after"] == 0.5
        assert http.put(url, json={"close_after": 65}).json()["close_after"] == 65

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


class TestWidget:
    """When the page has a frame, and what opens it."""

    def follow(
        self, http: httpx.Client, sandbox: Sandbox, *actions: str, seen: str = ""
    ) -> list[dict[str, Any]]:
        """The turns that a page gets from its opening to the last of these actions."""
        url = f"{sandbox.origin}/sandbox/card/turns?seen={seen}"
        with http.stream("GET", url) as response:
            stream = turns(response)
            got = [next(stream), next(stream)]
            for action in actions:
                http.post(f"{sandbox.origin}/sandbox/card/{action}").raise_for_status()
                got.append(next(stream))
        return got

    @pytest.mark.parametrize(
        ("away", "back", "why"),
        [("fold", "unfold", "folded"), ("other-tab", "widget-tab", "other-tab")],
    )
    def test_it_goes_without_an_event_and_comes_back_under_another_sid(
        self, away: str, back: str, why: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        _, opened, gone, again = self.follow(http, sandbox, away, back)
        assert (gone["close"], gone["post"], gone["card"]["widget"]) == (True, [], why)
        assert again["open"]["name"] != opened["open"]["name"]
        assert again["card"]["widget"] == "open"

    def test_in_a_card_that_the_page_has_shown_before_it_is_not_opened(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        seen = self.follow(http, sandbox)[0]["card"]["id"]
        _, first, unfolded = self.follow(http, sandbox, "unfold", seen=seen)
        assert first["open"] is None
        assert first["card"]["widget"] == "folded"
        assert unfolded["open"] is not None

    def test_in_another_card_than_the_page_has_shown_before_it_is(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        assert self.follow(http, sandbox, seen="another")[1]["open"] is not None

    def test_in_a_card_without_crm_it_never_opens(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        sandbox.play("no-widget")
        _, opened = self.follow(http, sandbox)
        assert opened["open"] is None
        assert opened["card"]["widget"] == "no-layout"

    def test_the_form_on_request_is_the_one_that_opens_it(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        sandbox.load({"form": "static"})
        opening = self.follow(http, sandbox)[1]
        assert (opening["open"]["method"], opening["open"]["fields"]) == ("GET", {})
        assert opening["log"][0]["wire"].startswith("GET ")


class TestStream:
    def test_it_begins_with_the_page_its_card_and_the_opening(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        with http.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            stream = turns(response)
            first, second = next(stream), next(stream)
        assert first["addresses"]["Webhook URL"] == sandbox.webhook_url
        assert first["addresses"]["OAuth base"] == sandbox.oauth_url
        for who in ("Webhook", "OAuth"):
            assert first["samples"][who].keys() == {"cURL", "Python", "JavaScript", "PHP"}
        host = sandbox.origin.removeprefix("http://")
        assert second["open"]["name"].startswith(f"{host}|0|")
        assert second["open"]["origin"] not in ("", sandbox.origin)
        assert second["card"]["call"] == sandbox.state()["call"]

    def test_a_message_is_answered_in_the_stream(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        with http.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as response:
            stream = turns(response)
            page, opening = next(stream)["page"], next(stream)["open"]
            sid = opening["name"].rpartition("|")[2]
            posted = http.post(
                f"{sandbox.origin}/sandbox/card/message",
                json={"page": page, "origin": opening["origin"], "data": f"getStatus::a1:{sid}"},
            )
            assert posted.status_code == 204
            heard, answered = next(stream), next(stream)
        assert [entry["to"] for entry in heard["log"]] == ["portal"]
        assert heard["log"][0]["wire"] == "getStatus::a1:•••"
        (reply,) = answered["post"]
        assert reply.startswith("a1:{")
        assert json.loads(reply[3:]) == sandbox.state()["call"]
        assert answered["log"][0]["size"] == len(reply.encode())

    def test_what_is_dropped_is_logged_and_not_answered(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        with http.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as response:
            stream = turns(response)
            page, opening = next(stream)["page"], next(stream)["open"]
            message = {"page": page, "origin": opening["origin"], "data": {"half": "\ud800"}}
            http.post(f"{sandbox.origin}/sandbox/card/message", content=json.dumps(message))
            turn = next(stream)
        assert "post" not in turn
        assert "without the texts" in turn["log"][0]["dropped"]

    def test_a_message_without_a_widget_is_dropped(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        sandbox.call = None
        with http.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as response:
            stream = turns(response)
            message = {"page": next(stream)["page"], "origin": "http://x", "data": "a:b:c"}
            http.post(f"{sandbox.origin}/sandbox/card/message", json=message)
            assert next(stream)["log"][0]["dropped"] == "no widget is open"

    def test_what_a_widget_says_too_late_is_dropped_and_its_sid_masked(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        with http.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as response:
            stream = turns(response)
            page, opening = next(stream)["page"], next(stream)["open"]
            sandbox.call = None
            assert next(stream)["close"] is True
            message = {"page": page, "origin": opening["origin"]}
            message["data"] = f"getStatus::a1:{opening['name'].rpartition('|')[2]}"
            http.post(f"{sandbox.origin}/sandbox/card/message", json=message)
            (entry,) = next(stream)["log"]
        assert entry["dropped"] == "no widget is open"
        assert entry["wire"] == "getStatus::a1:•••"

    def test_the_reply_to_the_command_that_closes_the_card_does_not_arrive(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        with http.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as response:
            stream = turns(response)
            page, opening = next(stream)["page"], next(stream)["open"]
            message = {"page": page, "origin": opening["origin"]}
            for command in ("disableAutoClose", "enableAutoClose"):
                sid = opening["name"].rpartition("|")[2]
                message["data"] = f"{command}::a1:{sid}"
                if command == "enableAutoClose":
                    http.post(f"{sandbox.origin}/sandbox/card/far-end-hangs-up")
                http.post(f"{sandbox.origin}/sandbox/card/message", json=message)
            turn = next(
                turn
                for turn in stream
                if any(e["note"] for e in turn["log"] if e["name"] == "enableAutoClose")
            )
        assert "post" not in turn
        assert turn["card"]["call"] is None

    def test_the_second_card_on_a_page_adds_the_events_once_more(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        with http.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as response:
            stream = turns(response)
            page = next(stream)["page"]
            for action in ("fold", "unfold", "close", "ring"):
                http.post(f"{sandbox.origin}/sandbox/card/{action}").raise_for_status()
            openings = (turn["open"] for turn in stream if turn.get("open"))
            first, unfolded, opening = (next(openings) for _ in range(3))
            assert len({first["name"], unfolded["name"], opening["name"]}) == 3
            sid = opening["name"].rpartition("|")[2]
            message = {"page": page, "origin": opening["origin"], "data": f"getInterface::a1:{sid}"}
            http.post(f"{sandbox.origin}/sandbox/card/message", json=message)
            posts = next(turn["post"] for turn in stream if turn.get("post"))
        assert len(json.loads(posts[0].removeprefix("a1:"))["event"]) == 6

    def test_the_page_says_what_its_profile_is(self, http: httpx.Client, sandbox: Sandbox) -> None:
        with http.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as response:
            stream = turns(response)
            assert next(stream)["profile"].startswith("Profile rest: ")
            sandbox.profile = "js-only"
            said = [next(stream)["profile"] for _ in range(2)]
        assert said[-1].endswith("as on real portals.")

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"page":"gone","origin":"","data":""}'])
    def test_a_message_of_no_page_is_refused(
        self, http: httpx.Client, sandbox: Sandbox, body: bytes
    ) -> None:
        answer = http.post(f"{sandbox.origin}/sandbox/card/message", content=body)
        assert answer.status_code == 422

    def test_an_open_stream_does_not_hold_up_the_end(
        self, http: httpx.Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        with running() as own:
            response = http.send(
                http.build_request("GET", f"{own.origin}/sandbox/card/turns"), stream=True
            )
            stream = turns(response)  # open as long as it is referred to
            next(stream)
        assert "timeout graceful shutdown exceeded" not in caplog.text
        response.close()


def test_a_handler_of_the_developer_is_opened_instead_of_the_demonstration(
    http: httpx.Client,
) -> None:
    with (
        running(handler="http://localhost:3000/my/card?x=1") as own,
        http.stream("GET", f"{own.origin}/sandbox/card/turns") as response,
    ):
        stream = turns(response)
        next(stream)
        opening = next(stream)["open"]
    assert opening["action"].startswith("http://localhost:3000/my/card?x=1&DOMAIN=127.0.0.1%3A")
    assert opening["origin"] == "http://localhost:3000"


def test_the_library_is_a_script_at_the_address_where_portals_have_it(
    http: httpx.Client, sandbox: Sandbox
) -> None:
    answer = http.get(f"{sandbox.origin}/api/v1/")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "window.BX24" in answer.text


def test_the_start_page_names_no_other_machine(http: httpx.Client, sandbox: Sandbox) -> None:
    answer = http.get(f"{sandbox.origin}/")
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert "//" not in answer.text.replace("http://www.w3.org/", "")


class TestDemonstrationWidget:
    def test_it_shows_what_it_was_opened_with_and_no_secret(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        with http.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as stream:
            opening = next(turn["open"] for turn in turns(stream) if turn.get("open"))
        widget = opening["action"].partition("?")[0]
        answer = http.post(
            f"{widget}?DOMAIN=portal.example&PROTOCOL=1&APP_SID=a1b2c3",
            data={"AUTH_ID": "s3cr3t", "PLACEMENT_OPTIONS": '{"CALL_ID":"<b>"}', "odd": "</pre>"},
        )
        assert "portal.example" in answer.text
        assert "s3cr3t" not in answer.text
        assert "a1b2c3" not in answer.text
        assert "&lt;b&gt;" in answer.text
        assert "&lt;/pre&gt;" in answer.text
