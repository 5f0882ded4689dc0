"""The four functions of `get_status`: what they send, and what they return."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from bitrix24_call_card import AuthenticatedClient, Client, __version__
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import CallDirection, CrmEntityType, ErrorResponse, GetStatusResponse
from bitrix24_call_card.types import Response

from tests.client.mocked import ANSWER, answering
from tests.data import CALL

if TYPE_CHECKING:
    from bitrix24_sandbox.testing import Sandbox

    from tests.client.conftest import Ask, Get, GetDetailed, Recorder

BODY = b'{"PLACEMENT":"getStatus","PARAMS":{}}'


class TestOnTheWire:
    def test_a_webhook_sends_the_documented_bytes(self, ask: Ask, recorder: Recorder) -> None:
        with Client(base_url=recorder.webhook_url) as client:
            ask(client)
        (received,) = recorder.received
        assert received.method == "POST"
        assert received.target == "/rest/1/made-up-secret/placement.call"
        assert received.body == BODY
        assert received.header("content-type") == ["application/json"]
        assert received.header("accept") == ["application/json"]
        assert received.header("user-agent") == [f"bitrix24-call-card/{__version__}"]
        assert received.header("content-length") == [str(len(BODY))]
        assert received.header("transfer-encoding") == []
        assert received.header("authorization") == []

    def test_each_call_sends_the_same_over_one_connection(self, recorder: Recorder) -> None:
        with Client(base_url=recorder.webhook_url) as client:
            for _ in range(3):
                get_status.sync(client=client)
        first, second, third = recorder.received
        assert first == second == third
        assert recorder.connections == 1

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_a_token_goes_into_the_body_and_nowhere_else(
        self, slash: str, ask: Ask, recorder: Recorder
    ) -> None:
        base_url = f"{recorder.origin}/rest{slash}"
        with AuthenticatedClient(base_url=base_url, token="made-up-token") as client:
            ask(client)
        (received,) = recorder.received
        assert received.target == "/rest/placement.call"
        assert json.loads(received.body) == {**json.loads(BODY), "auth": "made-up-token"}
        assert "made-up-token" not in str(received.headers)
        assert received.header("content-type") == ["application/json"]
        assert received.header("content-length") == [str(len(received.body))]

    def test_an_assigned_token_is_sent_from_the_next_call_on_over_the_same_connection(
        self, recorder: Recorder
    ) -> None:
        tokens = ["made-up-token", '"}', "a\\", "жетон", "&auth=other"]
        with AuthenticatedClient(base_url=f"{recorder.origin}/rest", token=tokens[0]) as client:
            for token in tokens:
                client.token = token
                get_status.sync(client=client)
                get_status.sync(client=client)
        sent = [json.loads(received.body)["auth"] for received in recorder.received]
        assert sent == [token for token in tokens for _ in range(2)]
        assert recorder.connections == 1

    def test_headers_and_cookies_of_the_client_are_sent(self, get: Get, recorder: Recorder) -> None:
        with Client(
            base_url=recorder.webhook_url,
            headers={"X-Tenant": "made-up", "user-agent": "application/1"},
            cookies={"one": "1", "two": "2"},
        ) as client:
            get(client)
        (received,) = recorder.received
        assert received.header("x-tenant") == ["made-up"]
        assert received.header("user-agent") == ["application/1"]
        assert received.header("cookie") == ["one=1; two=2"]

    def test_cookies_of_a_response_are_discarded(self, recorder: Recorder) -> None:
        recorder.answers["/rest/1/made-up-secret/placement.call"] = [
            (200, {"Set-Cookie": "session=made-up; Path=/"})
        ]
        with Client(base_url=recorder.webhook_url) as client:
            for _ in range(2):
                get_status.sync(client=client)
        assert [received.header("cookie") for received in recorder.received] == [[], []]


class TestResponses:
    @pytest.fixture(params=["webhook", "OAuth"])
    def client(self, request: pytest.FixtureRequest, sandbox: Sandbox) -> Client:
        if request.param == "webhook":
            return Client(base_url=sandbox.webhook_url)
        return AuthenticatedClient(base_url=sandbox.oauth_url, token=sandbox.access_token)

    def test_the_call_on_the_portal_is_returned(self, client: Client, get: Get) -> None:
        with client:
            response = get(client)
        assert type(response) is GetStatusResponse
        assert response.result.to_dict() == CALL
        assert response.result.crm_entity_type is CrmEntityType.CONTACT
        assert response.result.call_direction is CallDirection.INCOMING
        assert response.time
        assert response.time.start <= response.time.finish
        assert response.time.date_start.utcoffset() is not None

    def test_detailed_functions_return_the_whole_response(self, get_detailed: GetDetailed) -> None:
        response = get_detailed(answering(ANSWER, headers={"X-Portal": "made-up"}))
        assert type(response) is Response
        assert response.status_code == 200
        assert json.loads(response.content) == ANSWER
        assert response.headers["x-portal"] == "made-up"
        assert response.parsed == GetStatusResponse.from_dict(ANSWER)

    @pytest.mark.parametrize(
        ("fault", "status", "code"),
        [
            ("ERROR_ARGUMENT", 400, "ERROR_ARGUMENT"),
            ("error-in-200", 200, "ERROR_UNEXPECTED_ANSWER"),
        ],
    )
    def test_detailed_functions_return_an_error_as_its_model(
        self, fault: str, status: int, code: str, get_detailed: GetDetailed, sandbox: Sandbox
    ) -> None:
        sandbox.fail(fault)
        with Client(base_url=sandbox.webhook_url) as client:
            response = get_detailed(client)
        assert response.status_code == status
        assert type(response.parsed) is ErrorResponse
        assert response.parsed.error == code
