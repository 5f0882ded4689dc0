"""What a portal refuses, with which code and status, and in which order."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox

ASKED = {"PLACEMENT": "getStatus", "PARAMS": {}}


def assert_error(answer: httpx.Response, status: int, code: str, description: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json() == {"error": code, "error_description": description}


class TestAuthentication:
    @pytest.mark.parametrize(
        "path",
        ["1/wrong", "2/sandboxwebhook", "1/sandboxwebhook%20", "1/SANDBOXWEBHOOK", "0/%00"],
    )
    def test_a_wrong_webhook_has_invalid_credentials(
        self, path: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.post(f"{sandbox.origin}/rest/{path}/placement.call", json=ASKED)
        assert_error(answer, 401, "INVALID_CREDENTIALS", "Invalid request credentials")

    @pytest.mark.parametrize("auth", [None, "", 17, {}, ["sandboxaccesstoken"], True])
    def test_a_call_without_a_token_is_no_auth_found(
        self, auth: object, http: httpx.Client, oauth_url: str
    ) -> None:
        answer = http.post(f"{oauth_url}/placement.call", json={**ASKED, "auth": auth})
        assert_error(answer, 401, "NO_AUTH_FOUND", "Wrong authorization data")

    def test_a_token_in_a_header_is_no_auth_found(self, http: httpx.Client, oauth_url: str) -> None:
        headers = {"Authorization": "Bearer sandboxaccesstoken"}
        answer = http.post(f"{oauth_url}/placement.call", json=ASKED, headers=headers)
        assert_error(answer, 401, "NO_AUTH_FOUND", "Wrong authorization data")

    def test_a_token_that_was_never_issued_is_invalid(
        self, http: httpx.Client, oauth_url: str
    ) -> None:
        answer = http.post(f"{oauth_url}/placement.call?auth=never-issued", json=ASKED)
        assert_error(answer, 401, "invalid_token", "Unable to get application by token")

    def test_a_token_after_its_hour_is_expired(self, http: httpx.Client, sandbox: Sandbox) -> None:
        sandbox.expire_tokens()
        url = f"{sandbox.oauth_url}/placement.call?auth=sandboxaccesstoken"
        answer = http.post(url, json=ASKED)
        assert_error(answer, 401, "expired_token", "The access token provided has expired.")

    def test_who_may_not_ask_does_not_learn_what_else_is_wrong(
        self, http: httpx.Client, oauth_url: str
    ) -> None:
        answer = http.post(f"{oauth_url}/placement.call", json={"PLACEMENT": 5})
        assert_error(answer, 401, "NO_AUTH_FOUND", "Wrong authorization data")


class TestArguments:
    @pytest.mark.parametrize("body", [{}, {"PLACEMENT": None}, {"PLACEMENT": ""}, {"PARAMS": {}}])
    def test_a_missing_placement_is_named(
        self, body: object, http: httpx.Client, webhook_url: str
    ) -> None:
        answer = http.post(f"{webhook_url}placement.call", json=body)
        assert answer.status_code == 400
        assert answer.json() == {
            "error": "ERROR_ARGUMENT",
            "error_description": "Argument 'PLACEMENT' is null or empty",
            "argument": "PLACEMENT",
        }

    @pytest.mark.parametrize("placement", [0, 1.5, True, [], {}, ["getStatus"]])
    def test_a_placement_of_another_type_is_named(
        self, placement: object, http: httpx.Client, webhook_url: str
    ) -> None:
        answer = http.post(f"{webhook_url}placement.call", json={"PLACEMENT": placement})
        assert answer.status_code == 400
        assert answer.json()["error"] == "ERROR_ARGUMENT"
        assert answer.json()["argument"] == "PLACEMENT"

    @pytest.mark.parametrize("params", [None, "", "x", 0, False, [1], [[]], {"isRawValue": False}])
    def test_params_that_are_not_empty_are_named(
        self, params: object, http: httpx.Client, webhook_url: str
    ) -> None:
        body = {"PLACEMENT": "getStatus", "PARAMS": params}
        answer = http.post(f"{webhook_url}placement.call", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"] == "ERROR_ARGUMENT"
        assert answer.json()["argument"] == "PARAMS"

    def test_params_in_brackets_are_not_empty(self, http: httpx.Client, webhook_url: str) -> None:
        form = {"PLACEMENT": "getStatus", "PARAMS[a][b]": "1"}
        answer = http.post(f"{webhook_url}placement.call.json", data=form)
        assert answer.status_code == 400
        assert answer.json()["argument"] == "PARAMS"

    @pytest.mark.parametrize("placement", ["getstatus", "disableAutoClose", " getStatus", "\x00"])
    def test_an_unknown_command_is_placement_not_found(
        self, placement: str, http: httpx.Client, webhook_url: str
    ) -> None:
        answer = http.post(f"{webhook_url}placement.call", json={"PLACEMENT": placement})
        assert_error(answer, 400, "ERROR_PLACEMENT_NOT_FOUND", "Placement not found")

    def test_no_call_in_progress_is_call_is_not_found(
        self, ask: Callable[[], httpx.Response], sandbox: Sandbox
    ) -> None:
        sandbox.call = None
        assert_error(ask(), 400, "ERROR_CORE", "Call is not found")


class TestBody:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b'{"PLACEMENT": "getStatus"} x',
            b'\xef\xbb\xbf{"PLACEMENT": "getStatus"}',
            b'{"PLACEMENT": "getStatus", "a": "\xff"}',
            '{"PLACEMENT": "getStatus"}'.encode("utf-16"),
            b'{"PLACEMENT": "getStatus", "a": NaN}',
            b'{"PLACEMENT": "getStatus", "a": ' + b"9" * 5000 + b"}",
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"[]",
            b"null",
            b'"getStatus"',
        ],
        ids=lambda value: repr(value[:20]) + repr(value[-12:]),
    )
    @pytest.mark.parametrize("name", ["placement.call", "placement.call.json"])
    def test_json_that_cannot_be_read_is_no_fields(
        self, name: str, body: bytes, http: httpx.Client, webhook_url: str
    ) -> None:
        headers = {"Content-Type": "application/json"}
        answer = http.post(webhook_url + name, content=body, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["error"] == "ERROR_ARGUMENT"
        assert answer.json()["argument"] == "PLACEMENT"
        with_query = f"{webhook_url}{name}?PLACEMENT=getStatus"
        assert http.post(with_query, content=body, headers=headers).status_code == 200

    @pytest.mark.parametrize("content_type", [None, "text/plain", "application/xml", "json", "/"])
    def test_json_without_its_label_is_a_form_of_one_odd_name(
        self, content_type: str | None, http: httpx.Client, webhook_url: str
    ) -> None:
        answer = http.post(
            f"{webhook_url}placement.call",
            content=b'{"PLACEMENT":"getStatus","PARAMS":{}}',
            headers={"Content-Type": content_type} if content_type else {},
        )
        assert answer.status_code == 400
        assert answer.json()["error"] == "ERROR_ARGUMENT"

    def test_a_body_too_large_is_refused_as_a_front_server_would(
        self, http: httpx.Client, webhook_url: str
    ) -> None:
        answer = http.post(f"{webhook_url}placement.call", content=b" " * 9_000_000)
        assert_error(answer, 413, "BODY_TOO_LARGE", "The body is larger than 8388608 bytes")

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("multipart/form-data", b"--a"),
            ("multipart/form-data; boundary=a", b"nonsense"),
            ("multipart/form-data; boundary=a", b"--a\r\nContent-Disposition: form-data\r\n\r\n"),
            ("multipart/form-data; boundary=a", b"--a\r\n\xff: \xff\r\n\r\nx\r\n--a--"),
            ('multipart/form-data; boundary="', b"--a--"),
        ],
    )
    def test_a_broken_multipart_form_is_no_fields(
        self, content_type: str, body: bytes, http: httpx.Client, webhook_url: str
    ) -> None:
        headers = {"Content-Type": content_type}
        url = f"{webhook_url}placement.call"
        answer = http.post(url, content=body, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["argument"] == "PLACEMENT"


class TestMethodNames:
    @pytest.mark.parametrize(
        "path",
        [
            "placement.cal",
            "placement.call.json.json",
            "user.get",
            "1/sandboxwebhook/",
            "1/sandboxwebhook/nothing",
            "1/sandboxwebhook/extra/placement.call",
            "1/placement.call",
            "sandboxwebhook/placement.call",
            "1/sandboxwebhook/profile.json/placement.call",
            "/",
            "",
            "%00",
            "%ff%fe",
            "..%2fsandbox/state",
        ],
    )
    def test_an_unknown_method_is_not_found(
        self, path: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.post(f"{sandbox.origin}/rest/{path}", json=ASKED)
        assert_error(answer, 404, "ERROR_METHOD_NOT_FOUND", "Method not found!")

    def test_anything_else_is_not_found_either(self, http: httpx.Client, sandbox: Sandbox) -> None:
        for path in ("/nowhere", "/rest", "/sandbox/state/", "/a%0Ab"):
            answer = http.post(sandbox.origin + path, json=ASKED)
            assert answer.status_code == 404
            assert answer.json()["error"] == "NOT_FOUND"


class TestOrder:
    """Of several faults in one request, a portal names the first that it meets."""

    def test_from_the_method_name_to_the_call(self, http: httpx.Client, sandbox: Sandbox) -> None:
        sandbox.call = None
        sandbox.fail("OPERATION_TIME_LIMIT")
        wrong, right = f"{sandbox.origin}/rest/1/wrong", sandbox.webhook_url.rstrip("/")
        requests: list[tuple[str, str, Any, int]] = [
            ("PUT", f"{wrong}/unknown", None, 404),
            ("POST", f"{wrong}/unknown", None, 404),
            ("PUT", f"{wrong}/placement.call", None, 405),
            ("POST", f"{wrong}/placement.call", None, 429),
            ("POST", f"{wrong}/placement.call", None, 401),
        ]
        for method, url, body, status in requests:
            assert http.request(method, url, json=body).status_code == status
        codes = [
            http.post(f"{right}/placement.call", json=body).json()["error"]
            for body in ({}, {"PLACEMENT": "other"}, ASKED)
        ]
        assert codes == ["ERROR_ARGUMENT", "ERROR_PLACEMENT_NOT_FOUND", "ERROR_CORE"]

    def test_a_wrong_webhook_before_a_missing_right(self, http: httpx.Client) -> None:
        with running(Portal("app-only")) as sandbox:
            answers = [
                http.post(f"{sandbox.origin}/rest/1/{secret}/placement.call", json={})
                for secret in ("wrong", "sandboxwebhook")
            ]
        assert [answer.json()["error"] for answer in answers] == [
            "INVALID_CREDENTIALS",
            "WRONG_AUTH_TYPE",
        ]
