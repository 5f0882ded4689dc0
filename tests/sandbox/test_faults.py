"""The faults that can be asked for: each strikes the next so many requests, and no more."""

import json
import time
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.data import ERRORS


@pytest.mark.parametrize(
    ("status", "code", "description"),
    [(statuses[0], code, description) for code, statuses, description in ERRORS],
    ids=str,
)
def test_an_error_by_its_code_has_the_status_of_a_portal_of_today(
    status: int, code: str, description: str | None, ask: Any, sandbox: Sandbox
) -> None:
    sandbox.fail(code)
    answer = ask()
    assert answer.status_code == status
    assert answer.json()["error"] == code
    assert answer.json()["error_description"]
    if description:
        assert answer.json()["error_description"] == description
    extra = {"argument"} if code == "ERROR_ARGUMENT" else set()
    assert answer.json().keys() == {"error", "error_description"} | extra
    assert "retry-after" not in answer.headers
    assert ask().status_code == 200


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *((code, status) for code, statuses, _ in ERRORS for status in statuses[1:]),
        ("expired_token", 200),
    ],
)
def test_the_status_of_older_documentation_on_request(
    code: str, status: int, ask: Any, sandbox: Sandbox
) -> None:
    sandbox.fail(code, status=status)
    answer = ask()
    assert (answer.status_code, answer.json()["error"]) == (status, code)


def test_it_strikes_both_kinds_of_call_before_their_authentication(
    http: httpx.Client, sandbox: Sandbox
) -> None:
    sandbox.fail("QUERY_LIMIT_EXCEEDED", times=2)
    for base in (sandbox.oauth_url, f"{sandbox.origin}/rest/1/wrong"):
        assert http.post(f"{base}/placement.call", json={}).status_code == 503
    assert http.post(f"{sandbox.oauth_url}/placement.call", json={}).status_code == 401


def test_faults_strike_in_the_order_of_their_asking(ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("expired_token", times=2)
    sandbox.fail("html-502")
    assert sandbox.state()["faults"] == [
        {"fault": "expired_token", "times": 2},
        {"fault": "html-502", "times": 1},
    ]
    assert [ask().status_code for _ in range(4)] == [401, 401, 502, 200]
    assert sandbox.state()["faults"] == []


def test_a_preflight_and_an_unknown_method_leave_the_fault_waiting(
    http: httpx.Client, ask: Any, sandbox: Sandbox
) -> None:
    sandbox.fail("QUERY_LIMIT_EXCEEDED")
    url = f"{sandbox.webhook_url}placement.call"
    http.options(url, headers={"Origin": "x", "Access-Control-Request-Method": "POST"})
    http.post(f"{sandbox.webhook_url}unknown")
    assert ask().status_code == 503


def test_it_strikes_a_batch(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.fail("QUERY_LIMIT_EXCEEDED")
    assert http.post(f"{sandbox.webhook_url}batch", json={"cmd": {}}).status_code == 503


@pytest.mark.parametrize("status", [502, 503, 504, 520])
def test_a_front_server_answers_in_html(status: int, ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail(f"html-{status}")
    answer = ask()
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<html>")


def test_a_renamed_portal_redirects(ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("redirect")
    answer = ask()
    assert answer.status_code == 307
    location = httpx.URL(answer.headers["location"])
    assert location.host != httpx.URL(sandbox.origin).host
    assert location.path != "/rest/1/sandboxwebhook/placement.call"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_goes_to_the_location_asked_for(status: int, ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("redirect", status=status, location="http://127.0.0.1:9/elsewhere")
    answer = ask()
    assert answer.status_code == status
    assert answer.headers["location"] == "http://127.0.0.1:9/elsewhere"


def test_an_error_in_a_200(ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("error-in-200")
    answer = ask()
    assert answer.status_code == 200
    assert answer.json().keys() == {"error", "error_description"}


def test_truncated_json_is_a_whole_http_answer(ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("truncated-json")
    answer = ask()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.text.startswith('{"result":{"CALL_ID"')
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_slow_answer_comes_late_and_whole(ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("slow", seconds=0.2)
    begun = time.monotonic()
    answer = ask()
    assert time.monotonic() - begun >= 0.2
    assert answer.json()["result"]["CRM_ENTITY_ID"] == 17
    assert answer.json()["time"]["duration"] >= 0.2


def test_a_slow_answer_may_still_be_an_error(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.fail("slow", seconds=0)
    answer = http.post(f"{sandbox.oauth_url}/placement.call", json={})
    assert answer.json()["error"] == "NO_AUTH_FOUND"


def test_a_disconnect_sends_not_a_byte(ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("disconnect")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask()
    assert ask().status_code == 200


def test_a_reset_forgets_the_faults(ask: Any, sandbox: Sandbox) -> None:
    sandbox.fail("html-502", times=100)
    sandbox.reset()
    assert ask().status_code == 200
