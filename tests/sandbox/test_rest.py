"""Requests in every encoding that clients use, and the response of a portal."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.data import CALL, GET_STATUS

TOKEN = "sandboxaccesstoken"
WEBHOOK = "/rest/1/sandboxwebhook"
FOREIGN = {"Origin": "https://widget.example"}


def assert_answered(answer: httpx.Response) -> None:
    assert answer.status_code == 200, answer.text
    assert answer.json()["result"]["CALL_ID"] == CALL["CALL_ID"]


def assert_portal_headers(answer: httpx.Response) -> None:
    expected = {
        "access-control-allow-origin": "*",
        "access-control-allow-headers": "origin, content-type, accept",
        "x-content-type-options": "nosniff",
    }
    assert expected.items() <= answer.headers.items()


class TestEncodings:
    """What real clients send, byte by byte where that matters."""

    @pytest.mark.parametrize(
        "path",
        [
            f"{WEBHOOK}/placement.call",
            f"{WEBHOOK}/PLACEMENT.CALL",
            f"{WEBHOOK}/placement.call.json",
            f"{WEBHOOK}/Placement.call.JSON/",
            f"{WEBHOOK}//placement.call//",
            f"/{WEBHOOK}//placement.call",
            "/rest//1//sandboxwebhook/placement.call",
            f"/rest/placement.call?auth={TOKEN}",
            f"/rest///placement.call.json?auth={TOKEN}",
            f"/rest/placement.call?auth=never-issued&auth={TOKEN}",
        ],
    )
    def test_paths(self, path: str, http: httpx.Client, sandbox: Sandbox) -> None:
        assert_answered(http.post(sandbox.origin + path, json=GET_STATUS))

    @pytest.mark.parametrize(
        ("label", "body"),
        [
            ("application/json", {"PLACEMENT": "getStatus"}),
            ("Application/JSON; charset=utf-8", {"PLACEMENT": "getStatus", "start": 0, "auth": 0}),
            ("application/vnd.api+json", {"PLACEMENT": "getStatus", "PARAMS": []}),  # as PHP has it
        ],
    )
    def test_json(self, label: str, body: Any, http: httpx.Client, webhook_url: str) -> None:
        content, headers = json.dumps(body), {"Content-Type": label}
        assert_answered(http.post(f"{webhook_url}placement.call", content=content, headers=headers))

    def test_multipart(self, http: httpx.Client, webhook_url: str) -> None:
        parts = [("PLACEMENT", (None, b"getStatus")), ("file", ("a.txt", b"a" * 3_000_000))]
        assert_answered(http.post(f"{webhook_url}placement.call", files=parts))

    @pytest.mark.parametrize(
        "label",
        [
            *("application/x-www-form-urlencoded", "text/plain;charset=UTF-8"),
            *("application/octet-stream", "application/xml", ";", None),
        ],
    )
    def test_a_form_with_any_other_content_type(
        self, label: str | None, http: httpx.Client, oauth_url: str
    ) -> None:
        form = f"PLACEMENT=getStatus&&PARAMS=&&auth={TOKEN}&"
        headers = {"Content-Type": label} if label else {}
        url = f"{oauth_url}/placement.call"
        assert_answered(http.post(url, content=form, headers=headers))

    @pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json"}])
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
    def test_a_query_without_a_body(
        self, method: str, headers: Any, http: httpx.Client, oauth_url: str
    ) -> None:
        query = f"auth={TOKEN}&PLACEMENT=getStatus&start=0&"
        url = f"{oauth_url}/placement.call?{query}"
        assert_answered(http.request(method, url, headers=headers))

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_a_body_is_read_with_post_only(
        self, method: str, http: httpx.Client, webhook_url: str
    ) -> None:
        url = f"{webhook_url}placement.call"
        answer = http.request(method, url, json=GET_STATUS)
        assert (answer.status_code, answer.json()["argument"]) == (400, "PLACEMENT")
        assert_answered(http.request(method, f"{url}?PLACEMENT=getStatus", data={"PLACEMENT": "x"}))

    def test_head_is_get_without_the_body(self, http: httpx.Client, webhook_url: str) -> None:
        answer = http.head(f"{webhook_url}placement.call?PLACEMENT=getStatus")
        assert (answer.status_code, answer.content) == (200, b"")

    def test_query_and_body_are_merged_and_the_body_wins(
        self, http: httpx.Client, webhook_url: str
    ) -> None:
        url = f"{webhook_url}placement.call"
        assert_answered(http.post(f"{url}?PLACEMENT=getStatus", json={"PARAMS": []}))
        assert_answered(http.post(f"{url}?PLACEMENT=other", data={"PLACEMENT": "getStatus"}))


class TestAccessTokens:
    """The first place with a token decides, even beside a webhook."""

    @pytest.mark.parametrize(
        ("header", "query", "body"),
        [
            (f"Bearer {TOKEN}", {"auth": "wrong"}, {"auth": "wrong"}),
            (f"bearer  {TOKEN}", {}, {}),
            (None, {}, {"auth": TOKEN, "access_token": "wrong"}),
            (None, {"auth": TOKEN, "access_token": "wrong"}, {}),
            (None, {}, {"access_token": TOKEN}),
            (None, {"access_token": TOKEN}, {}),
            (None, {"auth": "wrong"}, {"auth": TOKEN}),
            (None, {"access_token": "wrong"}, {"access_token": TOKEN}),
            (None, {}, {"auth": ["wrong"], "access_token": TOKEN}),
            (None, {"auth[a]": "wrong", "access_token": TOKEN}, {}),
            ("Basic wrong", {"auth": TOKEN}, {}),
        ],
    )
    def test_in_a_header_the_body_or_the_query(
        self,
        header: str | None,
        query: dict[str, str],
        body: dict[str, Any],
        http: httpx.Client,
        sandbox: Sandbox,
    ) -> None:
        headers = {"Authorization": header} if header else {}
        for path in ("/rest", "/rest/1/wrong"):
            url = f"{sandbox.origin}{path}/placement.call"
            answer = http.post(url, params=query, json={**GET_STATUS, **body}, headers=headers)
            assert_answered(answer)

    @pytest.mark.parametrize(
        ("query", "body"),
        [
            ("", {}),
            ("", {"auth": None, "access_token": TOKEN}),
            ("", {"auth": "", "access_token": TOKEN}),
            ("", {"auth": "0"}),
            ("", {"auth": 0}),
            ("", {"auth": False}),
            ("", {"auth": [TOKEN], "access_token": {"a": TOKEN}}),
            (f"auth=&access_token={TOKEN}", {}),
            (f"auth={TOKEN}", {"auth": None}),
        ],
    )
    def test_without_one_only_a_webhook_counts(
        self, query: str, body: dict[str, Any], http: httpx.Client, sandbox: Sandbox
    ) -> None:
        body = {**GET_STATUS, **body}
        answer = http.post(f"{sandbox.oauth_url}/placement.call?{query}", json=body)
        assert (answer.status_code, answer.json()["error"]) == (401, "NO_AUTH_FOUND")
        assert_answered(http.post(f"{sandbox.webhook_url}placement.call?{query}", json=body))

    @pytest.mark.parametrize(
        ("headers", "body"),
        [({}, {"auth": "-"}), ({}, {"auth": 17}), ({"Authorization": "Bearer -"}, {"auth": TOKEN})],
    )
    def test_a_wrong_one_is_refused_beside_a_valid_webhook(
        self, headers: Any, body: dict[str, Any], http: httpx.Client, webhook_url: str
    ) -> None:
        url = f"{webhook_url}placement.call"
        answer = http.post(url, json={**GET_STATUS, **body}, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


class TestAnswer:
    def test_the_envelope_has_its_whole_time_block(self, ask: Callable[[], httpx.Response]) -> None:
        before = time.time()
        answer = ask().json()
        after = time.time()
        assert answer.keys() == {"result", "time"}
        times = answer["time"]
        assert before <= times["finish"] <= after
        assert times["start"] in (int(before), int(after))
        assert times["duration"] == pytest.approx(times["finish"] - times["start"], abs=1e-5)
        assert times["processing"] == int(times["finish"]) - times["start"]
        assert [type(times[name]) for name in ("start", "processing")] == [int, int]
        for name in ("start", "finish"):
            date = datetime.fromisoformat(times[f"date_{name}"])
            assert date.utcoffset() is not None
            assert date.timestamp() == int(times[name])

    def test_results_and_errors_are_json_in_utf_8(
        self, ask: Callable[[], httpx.Response], sandbox: Sandbox
    ) -> None:
        sandbox.call = {**CALL, "LINE_NAME": "Приёмная ☎"}
        result = ask()
        assert "Приёмная ☎".encode() in result.content
        sandbox.call = None
        for answer in (result, ask()):
            assert answer.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "QUERY"])
@pytest.mark.parametrize("name", ["placement.call", "batch.json"])
def test_other_methods_are_not_allowed(
    method: str, name: str, http: httpx.Client, webhook_url: str
) -> None:
    answer = http.request(method, webhook_url + name, json=GET_STATUS)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST, HEAD, PUT, DELETE"


class TestCors:
    """Pages of every origin may use REST; for the control endpoints, see test_foreign_pages."""

    @pytest.mark.parametrize(
        "path", ["/rest/placement.call", "/rest/unknown", f"{WEBHOOK}/batch.json"]
    )
    @pytest.mark.parametrize("headers", [{}, {"Access-Control-Request-Method": "POST"}])
    def test_every_preflight_is_granted(
        self, path: str, headers: Any, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.options(sandbox.origin + path, headers=FOREIGN | headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert_portal_headers(answer)

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            (f"{WEBHOOK}/placement.call", 200),
            ("/rest/placement.call", 401),
            ("/rest/unknown", 404),
        ],
    )
    def test_results_and_errors_can_be_read(
        self, path: str, status: int, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.post(sandbox.origin + path, json=GET_STATUS, headers=FOREIGN)
        assert answer.status_code == status
        assert_portal_headers(answer)
