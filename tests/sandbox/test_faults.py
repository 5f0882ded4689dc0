"""The faults on request: each affects the requested number of requests, and no more."""

import json
import re
import time
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.portal.faults import FaultQueue, InvalidFaultError
from bitrix24_sandbox.testing import Sandbox

from tests.data import ERRORS, Error


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_an_error_has_its_status_and_description(error: Error, ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail(error.code)
    answer = ask()
    assert (answer.status_code, answer.json()["error"]) == (error.statuses[0], error.code)
    assert answer.json()["error_description"]
    if error.description:
        assert answer.json()["error_description"] == error.description
    argument = {"argument"} if error.code == "ERROR_ARGUMENT" else set()
    assert answer.json().keys() == {"error", "error_description"} | argument
    assert "retry-after" not in answer.headers
    assert ask().status_code == 200


@pytest.mark.parametrize(
    ("code", "description"),
    [
        ("CONNECTION_ERROR", "Error connecting to authorization server"),
        ("APPLICATION_NOT_FOUND", "Application not found"),
        ("ACCESS_DENIED", "REST is available only on commercial plans."),
        (
            "insufficient_scope",
            "The request requires higher privileges than provided by the access token",
        ),
    ],
)
def test_an_error_of_requests_with_a_token(
    code: str, description: str, http: httpx.Client, sandbox: Sandbox
) -> None:
    sandbox.fail(code)
    bearer = {"Authorization": f"Bearer {sandbox.access_token}"}
    answer = http.get(f"{sandbox.oauth_url}/scope", headers=bearer)
    assert answer.status_code == 401
    assert answer.json() == {"error": code, "error_description": description}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *((error.code, status) for error in ERRORS for status in error.statuses[1:]),
        ("expired_token", 200),
    ],
)
def test_an_error_can_have_another_status(
    code: str, status: int, ask: Any, sandbox: Sandbox
) -> None:
    sandbox.fail(code, status=status)
    answer = ask()
    assert (answer.status_code, answer.json()["error"]) == (status, code)


def test_faults_occur_in_the_order_of_the_requests_for_them(ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("expired_token", times=2)
    sandbox.fail("html-502")
    assert sandbox.state()["faults"] == [
        {"fault": "expired_token", "times": 2},
        {"fault": "html-502", "times": 1},
    ]
    assert [ask().status_code for _ in range(4)] == [401, 401, 502, 200]
    assert sandbox.state()["faults"] == []


def test_a_preflight_and_an_unknown_method_leave_the_fault_pending(
    http: httpx.Client, ask: Any, sandbox: Sandbox
) -> None:
    sandbox.fail("QUERY_LIMIT_EXCEEDED")
    url = f"{sandbox.webhook_url}placement.call"
    http.options(url, headers={"Origin": "x", "Access-Control-Request-Method": "POST"})
    http.post(f"{sandbox.webhook_url}unknown")
    assert ask().status_code == 503


@pytest.mark.parametrize("status", [502, 503, 504, 520])
def test_a_reverse_proxy_responds_in_html(status: int, ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail(f"html-{status}")
    answer = ask()
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<html>")


@pytest.mark.parametrize("options", [{}, {"status": 302, "location": "http://127.0.0.1:9/other"}])
def test_a_redirect_leads_to_another_host(options: Any, ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("redirect", **options)
    answer = ask()
    assert answer.status_code == options.get("status", 307)
    location = answer.headers["location"]
    assert location == options.get("location", "http://renamed-portal.invalid/rest/elsewhere")


def test_an_error_in_a_200(ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("error-in-200")
    answer = ask()
    assert answer.status_code == 200
    assert answer.json().keys() == {"error", "error_description"}


def test_truncated_json_is_a_complete_http_response(ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("truncated-json")
    answer = ask()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.text.startswith('{"result":{"CALL_ID"')
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_slow_response_is_late_and_complete(ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("slow", seconds=0.2)
    begun = time.monotonic()
    answer = ask()
    assert time.monotonic() - begun >= 0.2
    assert answer.json()["result"]["CRM_ENTITY_ID"] == 17
    assert answer.json()["time"]["duration"] >= 0.2


def test_a_disconnect_sends_not_a_byte(ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("disconnect")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask()
    assert ask().status_code == 200


def test_pending_faults_can_be_removed(ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("QUERY_LIMIT_EXCEEDED", times=5)
    sandbox.fail("invalid_grant")
    assert ask().status_code == 503
    assert sandbox.forget_faults()["faults"] == []
    assert ask().status_code == 200


class TestRefusals:
    @pytest.mark.parametrize(
        ("request_", "expected"),
        [
            ({"fault": "no-such"}, "fault must be one of: INVALID_REQUEST, ERROR_ARGUMENT"),
            ({"fault": None}, "fault must be one of: "),
            ({"fault": ["slow"]}, "fault must be one of: "),
            ({}, "fault must be one of: "),
            ([], "Expected an object"),
            ({"fault": "slow", "times": 0}, "times must be a positive integer"),
            ({"fault": "slow", "times": "2"}, "times must be a positive integer"),
            ({"fault": "slow", "times": True}, "times must be a positive integer"),
            ({"fault": "slow", "times": 1_000_001}, "times must be a positive integer, at most"),
            ({"fault": "slow", "seconds": "2"}, "seconds must be a number"),
            ({"fault": "slow", "seconds": -1}, "seconds must be between 0 and 3600"),
            ({"fault": "redirect", "status": 200}, "status must be 301, 302, 303, 307 or 308"),
            ({"fault": "redirect", "status": 307.0}, "status must be 301, 302, 303, 307 or 308"),
            ({"fault": "redirect", "status": [307]}, "status must be 301, 302, 303, 307 or 308"),
            ({"fault": "redirect", "location": "a\r\nb: c"}, "location must be a URL"),
            ({"fault": "redirect", "location": 5}, "location must be a URL"),
            ({"fault": "OVERLOAD_LIMIT", "status": "401"}, "status must be a number"),
            ({"fault": "OVERLOAD_LIMIT", "status": True}, "status must be a number"),
            ({"fault": "OVERLOAD_LIMIT", "status": 302}, "status must be 200, or between 400"),
            ({"fault": "invalid_grant", "status": 600}, "status must be 200, or between 400"),
            ({"fault": "html-502", "status": 500}, "html-502 takes no member 'status'"),
        ],
    )
    def test_an_invalid_fault(self, request_: object, expected: str) -> None:
        queue = FaultQueue()
        with pytest.raises(InvalidFaultError, match=f"^{re.escape(expected)}"):
            queue.add(request_)
        assert queue.waiting() == []

    def test_more_than_a_thousand_faults(self) -> None:
        queue = FaultQueue()
        for name in ["slow"] * 999 + ["invalid_grant"]:
            queue.add({"fault": name})
        with pytest.raises(InvalidFaultError, match="1000 faults are pending already"):
            queue.add({"fault": "slow"})
