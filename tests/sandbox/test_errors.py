"""What a portal refuses, with which code and status, and in which order."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.data import GET_STATUS

WEBHOOK = "/rest/1/sandboxwebhook"


def assert_error(answer: httpx.Response, status: int, code: str, description: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json() == {"error": code, "error_description": description}


def assert_argument(answer: httpx.Response, name: str) -> None:
    assert answer.status_code == 400, answer.text
    assert (answer.json()["error"], answer.json()["argument"]) == ("ERROR_ARGUMENT", name)


@pytest.mark.parametrize(
    ("path", "code", "description"),
    [
        *(
            (f"/{webhook}/placement.call", "INVALID_CREDENTIALS", "Invalid request credentials")
            for webhook in (
                *("1/wrong", "1/sandboxwebhoo", "1/sandboxwebhook%20", "1/SANDBOXWEBHOOK"),
                *("2/sandboxwebhook", "0/%00"),
            )
        ),
        ("/placement.call", "NO_AUTH_FOUND", "Wrong authorization data"),
        *(
            (f"/placement.call?auth={token}", "invalid_token", "Unable to get application by token")
            for token in ("never-issued", "sandboxaccesstoke", "sandboxrefreshtoken")
        ),
    ],
)
def test_wrong_credentials(
    path: str, code: str, description: str, http: httpx.Client, oauth_url: str
) -> None:
    assert_error(http.post(oauth_url + path, json=GET_STATUS), 401, code, description)


class TestArguments:
    @pytest.mark.parametrize("placement", ["getstatus", "disableAutoClose", " getStatus", "\x00"])
    def test_an_unknown_command_is_placement_not_found(
        self, placement: str, http: httpx.Client, webhook_url: str
    ) -> None:
        answer = http.post(f"{webhook_url}placement.call", json={"PLACEMENT": placement})
        assert_error(answer, 400, "ERROR_PLACEMENT_NOT_FOUND", "Placement not found")

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ({"PARAMS": {}}, "is null or empty"),
            ({"PLACEMENT": None}, "is null or empty"),
            ({"PLACEMENT": ""}, "is null or empty"),
            ({"PLACEMENT": 0}, "must be a string"),
            ({"PLACEMENT": True}, "must be a string"),
            ({"PLACEMENT": []}, "must be a string"),
            ({"PLACEMENT": ["getStatus"]}, "must be a string"),
        ],
    )
    def test_a_placement_that_is_missing_or_not_text(
        self, body: object, problem: str, http: httpx.Client, webhook_url: str
    ) -> None:
        answer = http.post(f"{webhook_url}placement.call", json=body)
        assert_argument(answer, "PLACEMENT")
        assert answer.json()["error_description"] == f"Argument 'PLACEMENT' {problem}"

    @pytest.mark.parametrize("params", [None, "", "x", 0, False, [1], [[]], {"isRawValue": False}])
    def test_params_that_are_not_empty(
        self, params: object, http: httpx.Client, webhook_url: str
    ) -> None:
        body = {"PLACEMENT": "getStatus", "PARAMS": params}
        assert_argument(http.post(f"{webhook_url}placement.call", json=body), "PARAMS")

    def test_params_of_a_form_that_are_not_empty(
        self, http: httpx.Client, webhook_url: str
    ) -> None:
        form = {"PLACEMENT": "getStatus", "PARAMS[a][b]": "1"}
        assert_argument(http.post(f"{webhook_url}placement.call", data=form), "PARAMS")

    def test_without_a_call_there_is_none_to_find(
        self, ask: Callable[[], httpx.Response], sandbox: Sandbox
    ) -> None:
        sandbox.call = None
        assert_error(ask(), 400, "ERROR_CORE", "Call is not found")


JSON, FORM = "application/json", "multipart/form-data; boundary=a"


class TestBody:
    """A body that cannot be read has no fields: a portal does not report it as malformed."""

    @pytest.mark.parametrize(
        ("label", "body"),
        [
            (JSON, b""),
            (JSON, b"{"),
            (JSON, b'{"PLACEMENT": "getStatus"} x'),
            (JSON, b'\xef\xbb\xbf{"PLACEMENT": "getStatus"}'),
            (JSON, b'{"PLACEMENT": "getStatus", "a": "\xff"}'),
            (JSON, '{"PLACEMENT": "getStatus"}'.encode("utf-16")),
            (JSON, b'{"PLACEMENT": "getStatus", "a": NaN}'),
            (JSON, b'{"PLACEMENT": "getStatus", "a": ' + b"9" * 5000 + b"}"),
            (JSON, b"[" * 100_000),
            (JSON, b'{"a":' * 100_000),
            (JSON, b"[]"),
            (JSON, b"null"),
            (JSON, b'"getStatus"'),
            *((label, b'{"PLACEMENT":"getStatus"}') for label in ("text/plain", "json", "/", "")),
            ("multipart/form-data", b"--a"),
            (FORM, b"nonsense"),
            (FORM, b"--a\r\nContent-Disposition: form-data\r\n\r\n"),
            (FORM, b"--a\r\n\xff: \xff\r\n\r\nx\r\n--a--"),
            ('multipart/form-data; boundary="', b"--a--"),
        ],
        ids=lambda value: repr(value[:20]) + repr(value[-12:]),
    )
    def test_it_is_malformed_or_mislabelled(
        self, label: str, body: bytes, http: httpx.Client, webhook_url: str
    ) -> None:
        url, headers = f"{webhook_url}placement.call", {"Content-Type": label}
        assert_argument(http.post(url, content=body, headers=headers), "PLACEMENT")
        with_query = f"{url}?PLACEMENT=getStatus"
        assert http.post(with_query, content=body, headers=headers).status_code == 200

    def test_a_body_that_is_too_large(self, http: httpx.Client, webhook_url: str) -> None:
        answer = http.post(f"{webhook_url}placement.call", content=b" " * 9_000_000)
        assert_error(answer, 413, "BODY_TOO_LARGE", "The body is larger than 8388608 bytes")


class TestMethodNames:
    @pytest.mark.parametrize(
        "path",
        [
            "placement.cal",
            "placement.call.json.json",
            "1/sandboxwebhook/placement.call.xml",
            "api/placement.call",
            "api/1/sandboxwebhook/placement.call",
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
        answer = http.post(f"{sandbox.origin}/rest/{path}", json=GET_STATUS)
        assert_error(answer, 404, "ERROR_METHOD_NOT_FOUND", "Method not found!")

    @pytest.mark.parametrize("path", ["/nowhere", "/rest", "/sandbox/state/", "/a%0Ab"])
    def test_any_other_path_is_not_found_either(
        self, path: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.post(sandbox.origin + path, json=GET_STATUS)
        assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")


class TestOrder:
    """Of several errors in one request, a portal reports the first."""

    def test_from_the_method_s_name_to_the_call(self, http: httpx.Client, sandbox: Sandbox) -> None:
        sandbox.call = None
        sandbox.fail("OPERATION_TIME_LIMIT")
        wrong, right = "/rest/1/wrong", WEBHOOK
        requests: list[tuple[str, str, Any, int, str]] = [
            ("PATCH", f"{wrong}/unknown", None, 404, "ERROR_METHOD_NOT_FOUND"),
            ("POST", f"{wrong}/unknown", None, 404, "ERROR_METHOD_NOT_FOUND"),
            ("PATCH", f"{wrong}/placement.call", None, 405, "METHOD_NOT_ALLOWED"),
            ("POST", f"{wrong}/placement.call", None, 429, "OPERATION_TIME_LIMIT"),
            ("POST", f"{wrong}/placement.call", None, 401, "INVALID_CREDENTIALS"),
            ("POST", "/rest/placement.call", {"PLACEMENT": 5}, 401, "NO_AUTH_FOUND"),
            ("POST", f"{right}/placement.call", {}, 400, "ERROR_ARGUMENT"),
            ("POST", f"{right}/placement.call", {"PLACEMENT": 5}, 400, "ERROR_ARGUMENT"),
            ("POST", f"{right}/placement.call", GET_STATUS, 400, "ERROR_CORE"),
        ]
        for method, path, body, status, code in requests:
            answer = http.request(method, sandbox.origin + path, json=body)
            assert (answer.status_code, answer.json()["error"]) == (status, code)


class TestProfiles:
    """Who gets the call; the other methods are in test_methods."""

    @pytest.mark.parametrize(
        ("profile", "path", "code"),
        [
            ("rest", WEBHOOK, None),
            ("rest", "/rest", None),
            ("app-only", WEBHOOK, "WRONG_AUTH_TYPE"),
            ("app-only", "/rest", None),
            ("app-only", "/rest/1/wrong", "INVALID_CREDENTIALS"),
            ("js-only", WEBHOOK, "ERROR_METHOD_NOT_FOUND"),
            ("js-only", "/rest", "ERROR_METHOD_NOT_FOUND"),
            ("js-only", "/rest/1/wrong", "ERROR_METHOD_NOT_FOUND"),
        ],
    )
    def test_placement_call(
        self, profile: str, path: str, code: str | None, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        sandbox.profile = profile
        token = {"auth": sandbox.access_token} if path == "/rest" else {}
        answer = http.post(f"{sandbox.origin}{path}/placement.call", json={**GET_STATUS, **token})
        assert answer.json().get("error") == code
        if code == "WRONG_AUTH_TYPE":
            description = "Current authorization type is denied for this method "
            assert_error(answer, 403, code, f"{description}Application context required")
