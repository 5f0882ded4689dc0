"""The journal: what the portal was asked, to be read, filtered, waited for and emptied."""

import asyncio
import threading
import time
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.portal.authentication import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from bitrix24_sandbox.rest.journal import KEPT, SIZE, Filter, Journal
from bitrix24_sandbox.testing import Sandbox

GET_STATUS = {"PLACEMENT": "getStatus", "PARAMS": {}}


@pytest.fixture
def send(http: httpx.Client, sandbox: Sandbox) -> Any:
    """Send a request to a path of the portal."""

    def send(path: str, method: str = "POST", **arguments: Any) -> httpx.Response:
        return http.request(method, f"{sandbox.origin}{path}", **arguments)

    return send


class TestWhatItSaysOfARequest:
    def test_a_call_with_the_webhook(self, send: Any, sandbox: Sandbox) -> None:
        before = time.time()
        send("/rest/1/sandboxwebhook/placement.call.json", json=GET_STATUS)
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
        by_body, by_query = sandbox.requests
        assert by_body.fields == {**GET_STATUS, "auth": "***"}
        assert by_query.fields == {"PLACEMENT": "getStatus", "auth": "***"}
        for request in (by_body, by_query):
            assert (request.status, request.code) == (401, "expired_token")
            assert request.who == "application"

    def test_a_refresh(self, send: Any, sandbox: Sandbox) -> None:
        fields = {
            "grant_type": "refresh_token",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "refresh_token": REFRESH_TOKEN,
        }
        send("/oauth/token/", method="GET", params=fields)
        (request,) = sandbox.requests
        assert (request.path, request.status, request.who) == ("/oauth/token", 200, "application")
        assert request.fields == {**fields, "client_secret": "***", "refresh_token": "***"}

    def test_a_form_and_a_batch_whose_command_holds_a_token(
        self, send: Any, sandbox: Sandbox
    ) -> None:
        command = f"placement.call?auth={sandbox.access_token}&PLACEMENT=getStatus"
        send("/rest/1/sandboxwebhook/batch", data={"cmd[a]": command, "halt": "0"})
        (request,) = sandbox.requests
        assert request.fields == {
            "cmd": {"a": "placement.call?auth=***&PLACEMENT=getStatus"},
            "halt": "0",
        }

    def test_nobody_and_a_method_that_there_is_not(self, send: Any, sandbox: Sandbox) -> None:
        send("/rest/placement.cal", json={})
        (request,) = sandbox.requests
        assert (request.status, request.code) == (404, "ERROR_METHOD_NOT_FOUND")
        assert request.who is None

    def test_an_error_that_came_with_status_200(self, send: Any, sandbox: Sandbox) -> None:
        sandbox.fail("error-in-200")
        send("/rest/1/sandboxwebhook/placement.call", json=GET_STATUS)
        (request,) = sandbox.requests
        assert (request.status, request.code) == (200, "ERROR_UNEXPECTED_ANSWER")

    def test_a_broken_connection(self, send: Any, sandbox: Sandbox) -> None:
        sandbox.fail("disconnect")
        with pytest.raises(httpx.RemoteProtocolError):
            send("/rest/1/sandboxwebhook/placement.call", json=GET_STATUS)
        (request,) = sandbox.wait_for_requests(1)
        assert (request.status, request.code, request.fields) == (None, None, GET_STATUS)

    @pytest.mark.parametrize("sent", [{"params": {"A": "x" * KEPT}}, {"json": {"A": "x" * KEPT}}])
    def test_fields_that_are_too_large_are_not_kept(
        self, sent: Any, send: Any, sandbox: Sandbox
    ) -> None:
        send("/rest/1/sandboxwebhook/placement.call", **sent)
        (request,) = sandbox.requests
        assert (request.fields, request.who) == (None, "webhook")

    @pytest.mark.parametrize(
        "path",
        [
            "/rest/1/sandboxwebhook/placement.call",
            "//rest//1//sandboxwebhook//placement.call",
            "/rest/1/another-secret/placement.call",
            "/rest/1/sandboxwebhook",
            "/rest/1/another-secret/",
            "/rest/sandboxwebhook",
            "/rest/1/sandboxwebhook/placement.call/more",
        ],
    )
    def test_no_secret_of_a_webhook_is_in_it(self, path: str, send: Any, sandbox: Sandbox) -> None:
        send(path, json=GET_STATUS)
        (request,) = sandbox.requests
        assert "sandboxwebhook" not in repr(request)
        assert "another-secret" not in repr(request)
        assert "***" in request.path

    def test_the_sandbox_s_own_endpoints_and_pages_are_not_in_it(
        self, send: Any, sandbox: Sandbox
    ) -> None:
        for path in ("/", "/sandbox/state", "/docs", "/api/v1/"):
            send(path, method="GET")
        assert sandbox.requests == []


class TestFilters:
    @pytest.fixture(autouse=True)
    def _requests(self, send: Any) -> None:
        send("/rest/1/sandboxwebhook/placement.call", json=GET_STATUS)
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
    def test_each_must_fit(self, wanted: Any, found: list[int], sandbox: Sandbox) -> None:
        every = sandbox.requests
        assert sandbox.wait_for_requests(len(found), **wanted) == [every[i] for i in found]

    def test_only_newer_ones(self, send: Any, sandbox: Sandbox) -> None:
        last = sandbox.requests[-1].id
        send("/rest/1/sandboxwebhook/placement.call", json=GET_STATUS)
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
    def test_one_that_cannot_be_is_refused(self, query: Any, expected: str, send: Any) -> None:
        answer = send("/sandbox/requests", method="GET", params=query)
        assert answer.status_code == 422
        assert answer.json()["error_description"] == expected


class TestWaiting:
    def test_it_ends_when_the_requests_have_come(self, send: Any, sandbox: Sandbox) -> None:
        asked = threading.Thread(
            target=lambda: [send("/rest/profile", json={}) for _ in range(3)], daemon=True
        )
        asked.start()
        assert len(sandbox.wait_for_requests(3, path="profile")) == 3
        asked.join()

    def test_it_ends_when_the_time_is_over(self, sandbox: Sandbox) -> None:
        with pytest.raises(TimeoutError, match="0 of 1 requests came within 1 s"):
            sandbox.wait_for_requests(1, timeout=0.5)

    def test_other_requests_do_not_count(self, send: Any, sandbox: Sandbox) -> None:
        for_nothing = threading.Thread(target=lambda: send("/rest/scope", json={}))
        for_nothing.start()
        with pytest.raises(TimeoutError):
            sandbox.wait_for_requests(1, timeout=1, code="expired_token")
        for_nothing.join()

    def test_who_waits_and_goes_leaves_nothing_behind(self) -> None:
        async def leave() -> None:
            journal = Journal()
            waiting = asyncio.create_task(journal.wait_for(Filter(), 1, 60))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert journal._listeners == []

        asyncio.run(leave())


class TestItsSize:
    def test_it_keeps_the_newest(self) -> None:
        journal = Journal(size=3)
        scope = {"method": "GET", "query_string": b"", "headers": [], "path": "/rest/x"}
        for _ in range(5):
            journal.add(journal.new(scope))
        assert [entry["id"] for entry in journal.find(Filter())] == [3, 4, 5]

    def test_a_request_as_large_as_can_be_takes_little(self) -> None:
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
        sandbox.reset()
        assert sandbox.requests == []
