"""The call as real clients send it, and the answer as a portal gives it."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox

from tests.data import CALL

ASKED = {"PLACEMENT": "getStatus", "PARAMS": {}}
FOREIGN = {"Origin": "https://widget.example"}


def assert_answered(answer: httpx.Response) -> None:
    assert answer.status_code == 200, answer.text
    assert answer.json()["result"]["CALL_ID"] == CALL["CALL_ID"]


def curl(url: str) -> dict[str, Any]:
    command = [
        *("curl", "-sS", "-X", "POST"),
        *("-H", "Content-Type: application/json"),
        *("-H", "Accept: application/json"),
        *("-d", '{"PLACEMENT":"getStatus","PARAMS":{}}'),
        url,
    ]
    printed = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    answer: dict[str, Any] = json.loads(printed)
    return answer


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
class TestTheDocumentedCurlCalls:
    def test_by_webhook(self, sandbox: Sandbox) -> None:
        answer = curl(f"{sandbox.origin}/rest/1/sandboxwebhook/placement.call")
        assert answer["result"]["CALL_ID"] == CALL["CALL_ID"]

    def test_by_oauth(self, sandbox: Sandbox) -> None:
        answer = curl(f"{sandbox.origin}/rest/placement.call?auth=sandboxaccesstoken")
        assert answer["result"]["CALL_ID"] == CALL["CALL_ID"]


class TestSpellings:
    @pytest.mark.parametrize(
        "name",
        [
            "placement.call",
            "PLACEMENT.CALL",
            "Placement.Call",
            "placement.call.json",
            "PLACEMENT.call.JSON",
            "placement.call/",
            "placement.call.json/",
            "/placement.call",
            "//placement.call//",
        ],
    )
    def test_a_method_name_is_taken_in_any_case_and_with_any_slashes(
        self, name: str, http: httpx.Client, webhook_url: str
    ) -> None:
        assert_answered(http.post(webhook_url + name, json=ASKED))

    @pytest.mark.parametrize(
        "body",
        [
            {"PLACEMENT": "getStatus"},
            {"PLACEMENT": "getStatus", "PARAMS": {}},
            {"PLACEMENT": "getStatus", "PARAMS": []},
            {"PLACEMENT": "getStatus", "PARAMS": {}, "start": 0, "auth": 5},
        ],
        ids=["left out", "object", "list", "with members that no method reads"],
    )
    def test_empty_params_in_json(self, body: object, http: httpx.Client, webhook_url: str) -> None:
        assert_answered(http.post(f"{webhook_url}placement.call", json=body))

    def test_empty_params_in_a_form(self, http: httpx.Client, webhook_url: str) -> None:
        form = {"PLACEMENT": "getStatus", "PARAMS": ""}
        assert_answered(http.post(f"{webhook_url}placement.call.json", data=form))

    def test_a_multipart_form(self, http: httpx.Client, webhook_url: str) -> None:
        parts = {"PLACEMENT": (None, "getStatus")}
        assert_answered(http.post(f"{webhook_url}placement.call.json", files=parts))

    def test_a_file_in_a_multipart_form_is_ignored(
        self, http: httpx.Client, webhook_url: str
    ) -> None:
        parts = [("PLACEMENT", (None, b"getStatus")), ("file", ("a.txt", b"a" * 3_000_000))]
        assert_answered(http.post(f"{webhook_url}placement.call.json", files=parts))

    @pytest.mark.parametrize("name", ["placement.call", "placement.call.json"])
    def test_the_query_counts_as_well_and_the_body_goes_first(
        self, name: str, http: httpx.Client, webhook_url: str
    ) -> None:
        url = f"{webhook_url}{name}?PLACEMENT=other"
        assert_answered(http.post(url, data={"PLACEMENT": "getStatus"}))
        assert_answered(http.post(f"{webhook_url}{name}?PLACEMENT=getStatus"))
        assert_answered(http.post(f"{webhook_url}{name}?PLACEMENT=getStatus", json={"PARAMS": []}))

    @pytest.mark.parametrize(
        "base",
        ["/rest//1/sandboxwebhook/", "/rest/1//sandboxwebhook/", "//rest/1/sandboxwebhook//"],
    )
    def test_repeated_slashes_in_the_base_url_count_as_one(
        self, base: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        assert_answered(http.post(f"{sandbox.origin}{base}placement.call", json=ASKED))

    def test_a_content_type_may_have_parameters_and_capitals(
        self, http: httpx.Client, webhook_url: str
    ) -> None:
        answer = http.post(
            f"{webhook_url}placement.call",
            content=json.dumps(ASKED),
            headers={"Content-Type": "Application/JSON; charset=utf-8"},
        )
        assert_answered(answer)

    def test_a_token_in_the_query_goes_before_one_in_the_body(
        self, http: httpx.Client, oauth_url: str
    ) -> None:
        url = f"{oauth_url}/placement.call?auth=sandboxaccesstoken"
        assert_answered(http.post(url, json={**ASKED, "auth": "never-issued"}))

    def test_of_a_token_given_twice_the_last_counts(
        self, http: httpx.Client, oauth_url: str
    ) -> None:
        url = f"{oauth_url}/placement.call?auth=never-issued&auth=sandboxaccesstoken"
        assert_answered(http.post(url, json=ASKED))

    def test_by_webhook_a_token_is_not_looked_at(
        self, http: httpx.Client, webhook_url: str
    ) -> None:
        assert_answered(http.post(f"{webhook_url}placement.call?auth=never-issued", json=ASKED))


class TestAnswer:
    def test_the_default_call_has_every_field_and_three_bindings(
        self, ask: Callable[[], httpx.Response]
    ) -> None:
        assert ask().json()["result"] == CALL

    def test_the_envelope_has_its_time_block_in_full(
        self, ask: Callable[[], httpx.Response]
    ) -> None:
        before = time.time()
        answer = ask().json()
        after = time.time()
        assert answer.keys() == {"result", "time"}
        times = answer["time"]
        assert before <= times["start"] <= times["finish"] <= after
        assert times["duration"] == pytest.approx(times["finish"] - times["start"], abs=1e-5)
        assert 0 <= times["processing"] <= times["duration"]
        for name in ("start", "finish"):
            date = datetime.fromisoformat(times[f"date_{name}"])
            assert date.utcoffset() is not None
            assert date.timestamp() == int(times[name])

    def test_operating_sums_up_what_the_method_has_used(
        self, ask: Callable[[], httpx.Response]
    ) -> None:
        first, second = ask().json()["time"], ask().json()["time"]
        assert first["operating"] == pytest.approx(first["processing"])
        assert second["operating"] == pytest.approx(first["processing"] + second["processing"])
        assert first["operating_reset_at"] == int(first["finish"]) + 600
        assert second["operating_reset_at"] == first["operating_reset_at"]

    def test_it_is_json_in_utf_8_with_its_characters_as_they_are(
        self, ask: Callable[[], httpx.Response], sandbox: Sandbox
    ) -> None:
        sandbox.call = {**sandbox.state()["call"], "LINE_NAME": "Приёмная ☎"}
        answer = ask()
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert "Приёмная ☎".encode() in answer.content

    def test_an_error_is_json_in_utf_8_too(
        self, ask: Callable[[], httpx.Response], sandbox: Sandbox
    ) -> None:
        sandbox.call = None
        assert ask().headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"])
@pytest.mark.parametrize("name", ["placement.call", "placement.call.json", "batch", "batch.json"])
def test_a_method_takes_get_and_post_alone(
    method: str, name: str, http: httpx.Client, webhook_url: str
) -> None:
    answer = http.request(method, webhook_url + name, json=ASKED)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


def test_an_answer_in_xml_is_not_played_and_says_so(http: httpx.Client, webhook_url: str) -> None:
    answer = http.post(f"{webhook_url}placement.call.xml", json=ASKED)
    assert answer.status_code == 501
    assert answer.json()["error"] == "FORMAT_NOT_PLAYED"
    assert "JSON only" in answer.json()["error_description"]


class TestCors:
    def test_a_preflight_for_json_is_granted(self, http: httpx.Client, oauth_url: str) -> None:
        asking = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        answer = http.options(f"{oauth_url}/placement.call", headers=FOREIGN | asking)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-allow-headers"] == "content-type"
        assert answer.headers["access-control-allow-methods"] == "GET, POST"

    def test_a_preflight_is_granted_for_an_unknown_method_so_that_its_error_can_be_read(
        self, http: httpx.Client, oauth_url: str
    ) -> None:
        asking = {"Access-Control-Request-Method": "POST"}
        answer = http.options(f"{oauth_url}/unknown", headers=FOREIGN | asking)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"

    @pytest.mark.parametrize("path", ["/rest/placement.call", "/rest/1/sandboxwebhook/batch.json"])
    def test_options_is_answered_without_a_preflight_header_too(
        self, path: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        assert http.options(sandbox.origin + path).status_code == 204

    def test_pages_of_any_origin_may_read_an_answer(
        self, http: httpx.Client, webhook_url: str
    ) -> None:
        answer = http.post(f"{webhook_url}placement.call", json=ASKED, headers=FOREIGN)
        assert_answered(answer)
        assert answer.headers["access-control-allow-origin"] == "*"

    @pytest.mark.parametrize("path", ["/rest/placement.call", "/rest/unknown", "/rest/1/no/batch"])
    def test_pages_of_any_origin_may_read_an_error(
        self, path: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.post(sandbox.origin + path, json=ASKED, headers=FOREIGN)
        assert answer.status_code in (401, 404)
        assert answer.headers["access-control-allow-origin"] == "*"

    def test_no_other_page_may_read_or_change_the_state(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        asking = {**FOREIGN, "Access-Control-Request-Method": "PUT"}
        for answer in (
            http.get(f"{sandbox.origin}/sandbox/state", headers=FOREIGN),
            http.options(f"{sandbox.origin}/sandbox/call", headers=asking),
        ):
            assert "access-control-allow-origin" not in answer.headers


class TestProfiles:
    def test_an_app_only_portal_denies_a_webhook_and_answers_an_application(
        self, http: httpx.Client
    ) -> None:
        with running(Portal("app-only")) as portal:
            denied = http.post(f"{portal.webhook_url}placement.call", json=ASKED)
            url = f"{portal.oauth_url}/placement.call?auth=sandboxaccesstoken"
            answered = http.post(url, json=ASKED)
        assert denied.status_code == 403
        assert denied.json() == {
            "error": "WRONG_AUTH_TYPE",
            "error_description": "Current authorization type is denied for this method "
            "Application context required",
        }
        assert_answered(answered)

    def test_a_js_only_portal_has_no_such_method(self, http: httpx.Client) -> None:
        with running(Portal("js-only")) as portal:
            urls = (
                f"{portal.webhook_url}placement.call",
                f"{portal.oauth_url}/placement.call?auth=sandboxaccesstoken",
            )
            answers = [http.post(url, json=ASKED) for url in urls]
            batched = http.post(f"{portal.webhook_url}batch", json={"cmd": {"a": "placement.call"}})
        for answer in answers:
            assert answer.status_code == 404
            assert answer.json()["error"] == "ERROR_METHOD_NOT_FOUND"
        errors = batched.json()["result"]["result_error"]
        assert errors["a"]["error"] == "ERROR_METHOD_NOT_FOUND"

    @pytest.mark.parametrize("profile", ["app-only", "js-only"])
    def test_a_wrong_webhook_has_invalid_credentials_on_any_portal(
        self, profile: Any, http: httpx.Client
    ) -> None:
        with running(Portal(profile)) as portal:
            answer = http.post(f"{portal.origin}/rest/1/wrong/batch", json={"cmd": []})
        assert answer.status_code == 401
        assert answer.json()["error"] == "INVALID_CREDENTIALS"

    def test_a_js_only_portal_refuses_the_method_before_it_asks_who_is_calling(
        self, http: httpx.Client
    ) -> None:
        with running(Portal("js-only")) as portal:
            answer = http.post(f"{portal.origin}/rest/1/wrong/placement.call", json=ASKED)
        assert answer.status_code == 404
        assert answer.json()["error"] == "ERROR_METHOD_NOT_FOUND"
