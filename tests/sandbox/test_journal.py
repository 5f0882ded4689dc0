"""The journal of requests: its entries, its filters, waiting for requests, its size."""

import asyncio
import threading
import time
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.rest.journal import KEPT, SIZE, Filter, Journal
from bitrix24_sandbox.testing import Sandbox

from tests.data import GET_STATUS, REFRESH

WEBHOOK = "/rest/1/sandboxwebhook"


@pytest.fixture
def send(http: httpx.Client, sandbox: Sandbox) -> Any:
    """Send a request to a path of the portal."""

    def send(path: str, method: str = "POST", **arguments: Any) -> httpx.Response:
        return http.request(method, f"{sandbox.origin}{path}", **arguments)

    return send


class TestEntries:
    def test_a_call_with_the_webhook(self, send: Any, sandbox: Sandbox) -> None:
        before = time.time()
        send(f"{WEBHOOK}/placement.call.json", json=GET_STATUS)
        (request,) = sandbox.requests
        assert request.method == "POST"
        assert request.path == "/rest/1/***/placement.call.json"
        assert request.fields == GET_STATUS
        assert (request.status, request.code, request.who) == (200, None, "webhook")
        assert before - 1 < request.time < time.time() + 1
        assert 0 < request.seconds < 10

    def test_a_call_with_a_token_that_has_expired(self, send: Any, sandbox: Sandbox) -> None:
        sandbox.expire_tokens()
        token = sandbox.access_token
        send("/rest/placement.call", json={**GET_STATUS, "auth": token})
        send("/rest/placement.call", method="GET", params={"PLACEMENT": "getStatus", "auth": token})
        bearer = {"Authorization": f"Bearer {token}"}
        send(f"{WEBHOOK}/placement.call", json=GET_STATUS, headers=bearer)
        by_body, by_query, by_header = sandbox.requests
        assert by_body.fields == {**GET_STATUS, "auth": "***"}
        assert by_query.fields == {"PLACEMENT": "getStatus", "auth": "***"}
        assert token not in repr(by_header)
        for request in sandbox.requests:
            assert (request.status, request.code) == (401, "expired_token")
            assert request.who == "application"

    def test_a_refresh(self, send: Any, sandbox: Sandbox) -> None:
        send("/oauth/token/", method="GET", params=REFRESH)
        (request,) = sandbox.requests
        assert (request.path, request.status, request.who) == ("/oauth/token", 200, "application")
        assert request.fields == {**REFRESH, "client_secret": "***", "refresh_token": "***"}

    def test_a_form_and_a_batch_whose_command_holds_a_token(
        self, send: Any, sandbox: Sandbox
    ) -> None:
        command = f"placement.call?auth={sandbox.access_token}&PLACEMENT=getStatus"
        send(f"{WEBHOOK}/batch", data={"cmd[a]": command, "halt": "0"})
        (request,) = sandbox.requests
        assert request.fields == {
            "cmd": {"a": "placement.call?auth=***&PLACEMENT=getStatus"},
            "halt": "0",
        }

    def test_errors_have_their_code(self, send: Any, sandbox: Sandbox) -> None:
        sandbox.fail("error-in-200")
        send(f"{WEBHOOK}/placement.call", json=GET_STATUS)
        send("/rest/placement.cal", json={})
        assert [(request.status, request.code, request.who) for request in sandbox.requests] == [
            (200, "ERROR_UNEXPECTED_ANSWER", "webhook"),
            (404, "ERROR_METHOD_NOT_FOUND", None),
        ]

    def test_a_broken_connection(self, send: Any, sandbox: Sandbox) -> None:
        sandbox.fail("disconnect")
        with pytest.raises(httpx.RemoteProtocolError):
            send(f"{WEBHOOK}/placement.call", json=GET_STATUS)
        (request,) = sandbox.wait_for_requests(1)
        assert (request.status, request.code, request.fields) == (None, None, GET_STATUS)

    @pytest.mark.parametrize("sent", [{"params": {"A": "x" * KEPT}}, {"json": {"A": "x" * KEPT}}])
    def test_fields_that_are_too_large_are_not_kept(
        self, sent: Any, send: Any, sandbox: Sandbox
    ) -> None:
        send(f"{WEBHOOK}/placement.call", **sent)
        (request,) = sandbox.requests
        assert (request.fields, request.who) == (None, "webhook")

    @pytest.mark.parametrize(
        "path",
        [
            f"{WEBHOOK}/placement.call",
            "//rest//1//sandboxwebhook//placement.call",
            "/rest/1/another-secret/placement.call",
            "/rest/api/1/another-secret/placement.call",
            "/rest/1/sandboxwebhook",
            "/rest/1/another-secret/",
            "/rest/sandboxwebhook",
            "/rest/1/sandboxwebhook/placement.call/more",
        ],
    )
    def test_a_webhook_s_secret_is_masked(self, path: str, send: Any, sandbox: Sandbox) -> None:
        send(path, json=GET_STATUS)
        (request,) = sandbox.requests
        assert "sandboxwebhook" not in repr(request)
        assert "another-secret" not in repr(request)
        assert "***" in request.path

    def test_requests_for_control_endpoints_and_pages_are_not_kept(
        self, send: Any, sandbox: Sandbox
    ) -> None:
        for path in ("/", "/sandbox/state", "/docs", "/api/v1/"):
            send(path, method="GET")
        assert sandbox.requests == []


class TestFilters:
    @pytest.fixture(autouse=True)
    def _requests(self, send: Any) -> None:
        send(f"{WEBHOOK}/placement.call", json=GET_STATUS)
        send("/rest/placement.call", method="GET", params={"auth": "none"})
        send("/oauth/token/", json={})

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ({}, [0, 1, 2]),
            ({"path": "placement.call"}, [0, 1]),
            ({"method": "GET"}, [1]),
            ({"status": 401}, [1]),
            ({"code": "invalid_request"}, [2]),
            ({"who": "webhook"}, [0]),
            ({"who": "webhook", "status": 401}, []),
        ],
    )
    def test_each_must_match(self, wanted: Any, found: list[int], sandbox: Sandbox) -> None:
        every = sandbox.requests
        assert sandbox.wait_for_requests(len(found), **wanted) == [every[i] for i in found]

    def test_only_newer_ones(self, send: Any, sandbox: Sandbox) -> None:
        last = sandbox.requests[-1].id
        send(f"{WEBHOOK}/placement.call", json=GET_STATUS)
        (request,) = sandbox.wait_for_requests(1, after=last)
        assert request.id == last + 1

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"status": "ok"}, "status must be a whole number, 0 or more"),
            ({"after": "-1"}, "after must be a whole number, 0 or more"),
            ({"count": "1" * 5000}, "count must be a whole number, 0 or more"),
            ({"wait": "61"}, "wait must be 60 seconds at most"),
        ],
    )
    def test_an_invalid_filter_is_refused(self, query: Any, expected: str, send: Any) -> None:
        answer = send("/sandbox/requests", method="GET", params=query)
        assert answer.status_code == 422
        assert answer.json()["error_description"] == expected


class TestWaiting:
    def test_it_ends_when_the_requests_have_arrived(self, send: Any, sandbox: Sandbox) -> None:
        def work() -> None:
            for path in ("/rest/scope", "/rest/profile", "/rest/profile"):
                send(path, json={})

        thread = threading.Thread(target=work)
        thread.start()
        found = sandbox.wait_for_requests(2, path="profile")
        thread.join()
        assert [request.path for request in found] == ["/rest/profile"] * 2

    def test_it_ends_when_the_time_is_up(self, sandbox: Sandbox) -> None:
        assert asyncio.run(Journal().wait_for(Filter(), 1, 0.01)) == []
        with pytest.raises(TimeoutError, match="0 of 1 requests came within 0 s"):
            sandbox.wait_for_requests(1, timeout=0)


class TestSize:
    def test_it_keeps_the_newest(self) -> None:
        journal = Journal(size=3)
        scope = {"method": "GET", "query_string": b"", "headers": [], "path": "/rest/x"}
        for _ in range(5):
            journal.add(journal.new(scope))
        assert [entry["id"] for entry in journal.find(Filter())] == [3, 4, 5]

    def test_a_huge_request_takes_little_memory(self) -> None:
        journal = Journal()
        huge = "x" * 8_000_000
        request = journal.new({
            "method": huge,
            "path": f"/{huge}",
            "query_string": huge.encode(),
            "headers": [(b"content-type", huge.encode()), (b"cookie", huge.encode())],
        })  # fmt: skip
        assert sum(len(str(getattr(request, name))) for name in request.__slots__) < KEPT
        assert SIZE * 3 * KEPT < 32_000_000

    def test_it_can_be_emptied(self, send: Any, sandbox: Sandbox) -> None:
        send("/rest/profile", json={})
        (first,) = sandbox.requests
        sandbox.forget_requests()
        assert sandbox.requests == []
        send("/rest/profile", json={})
        assert sandbox.requests[0].id == first.id + 1
