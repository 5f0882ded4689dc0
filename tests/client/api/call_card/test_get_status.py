"""The four functions of `get_status`: what they send, and what they return."""

from __future__ import annotations

import inspect
import json
import typing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import CallDirection, CrmEntityType, ErrorResponse, GetStatusResponse
from bitrix24_call_card.types import Response

if TYPE_CHECKING:
    from bitrix24_sandbox.remote import Sandbox

    from tests.client.conftest import Answering, Ask, Get, GetDetailed, Recorder

BODY = b'{"PLACEMENT":"getStatus","PARAMS":{}}'


# What the module names for type checkers only, so that importing it does not import the models.
NAMES = {
    each.__name__: each
    for each in (AuthenticatedClient, Client, ErrorResponse, GetStatusResponse, Response)
}


class TestSignature:
    @pytest.mark.parametrize("name", ["sync", "asyncio", "sync_detailed", "asyncio_detailed"])
    def test_needs_a_client_and_nothing_else(self, name: str) -> None:
        (parameter,) = inspect.signature(getattr(get_status, name)).parameters.values()
        assert parameter.name == "client"
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.default is inspect.Parameter.empty

    @pytest.mark.parametrize("name", ["sync", "asyncio"])
    def test_plain_functions_return_the_success_model_never_a_union(self, name: str) -> None:
        assert typing.get_type_hints(getattr(get_status, name), localns=NAMES) == {
            "client": AuthenticatedClient | Client,
            "return": GetStatusResponse,
        }

    @pytest.mark.parametrize("name", ["sync_detailed", "asyncio_detailed"])
    def test_detailed_functions_return_the_union_of_the_documented_models(self, name: str) -> None:
        assert typing.get_type_hints(getattr(get_status, name), localns=NAMES) == {
            "client": AuthenticatedClient | Client,
            "return": Response[GetStatusResponse | ErrorResponse],
        }


class TestOnTheWire:
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_a_webhook_sends_the_documented_bytes_with_or_without_the_slash(
        self, slash: str, ask: Ask, recorder: Recorder
    ) -> None:
        with Client(base_url=f"{recorder.origin}/rest/1/made-up-secret{slash}") as client:
            ask(client)
        (received,) = recorder.received
        assert received.method == "POST"
        assert received.target == "/rest/1/made-up-secret/placement.call"
        assert received.body == BODY
        assert received.header("content-type") == ["application/json"]
        assert received.header("accept") == ["application/json"]
        assert received.header("content-length") == [str(len(BODY))]
        assert received.header("transfer-encoding") == []
        assert received.header("authorization") == []

    def test_each_call_of_a_client_sends_the_same(self, recorder: Recorder) -> None:
        with Client(base_url=f"{recorder.origin}/rest/1/made-up-secret/") as client:
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

    @pytest.mark.parametrize("token", ['"}', "a\\", "жетон", "&auth=other"])
    def test_a_token_of_any_letters_is_a_json_string(self, token: str, recorder: Recorder) -> None:
        with AuthenticatedClient(base_url=f"{recorder.origin}/rest", token=token) as client:
            get_status.sync(client=client)
        (received,) = recorder.received
        assert json.loads(received.body) == {**json.loads(BODY), "auth": token}

    @pytest.mark.parametrize(
        ("token", "query"),
        [
            ("made-up-token", "auth=made-up-token"),
            ("a b&c=d#e?f/g%h", "auth=a+b%26c%3Dd%23e%3Ff%2Fg%25h"),
            ("жетон", "auth=%D0%B6%D0%B5%D1%82%D0%BE%D0%BD"),
        ],
    )
    def test_a_token_goes_into_the_query_on_request(
        self, token: str, query: str, ask: Ask, recorder: Recorder
    ) -> None:
        base_url = f"{recorder.origin}/rest"
        with AuthenticatedClient(base_url=base_url, token=token, auth_in="query") as client:
            ask(client)
        (received,) = recorder.received
        assert received.target == f"/rest/placement.call?{query}"
        assert received.body == BODY
        assert token not in str(received.headers)

    def test_a_token_set_anew_is_used_from_the_next_call_on(
        self, get: Get, recorder: Recorder
    ) -> None:
        client = AuthenticatedClient(base_url=f"{recorder.origin}/rest", token="first-token")
        with client:
            get(client)
            client.token = "second-token"
            get(client)
            get(client)
        sent = [json.loads(received.body)["auth"] for received in recorder.received]
        assert sent == ["first-token", "second-token", "second-token"]

    def test_a_token_set_anew_is_used_on_an_open_connection(self, recorder: Recorder) -> None:
        client = AuthenticatedClient(
            base_url=f"{recorder.origin}/rest", token="first-token", auth_in="query"
        )
        with client:
            get_status.sync(client=client)
            client.token = "second-token"
            get_status.sync(client=client)
        targets = [received.target for received in recorder.received]
        assert targets == [
            "/rest/placement.call?auth=first-token",
            "/rest/placement.call?auth=second-token",
        ]
        assert recorder.connections == 1


class TestAnswers:
    @pytest.fixture(params=["webhook", "webhook without slash", "body", "query"])
    def client(self, request: pytest.FixtureRequest, sandbox: Sandbox) -> Client:
        match request.param:
            case "webhook":
                return Client(base_url=sandbox.webhook_url)
            case "webhook without slash":
                return Client(base_url=sandbox.webhook_url.removesuffix("/"))
            case auth_in:
                return AuthenticatedClient(
                    base_url=sandbox.oauth_url, token=sandbox.access_token, auth_in=auth_in
                )

    def test_the_call_on_the_portal_is_returned(self, client: Client, get: Get) -> None:
        with client:
            response = get(client)
        assert type(response) is GetStatusResponse
        assert response.result.to_dict() == {
            "CALL_ID": "externalCall.c3ee67f1a63f6e6117c230ab59cc49ea.1723556778",
            "PHONE_NUMBER": "+12025550142",
            "LINE_NUMBER": "+12025550100",
            "LINE_NAME": "Main office",
            "CRM_ENTITY_TYPE": "CONTACT",
            "CRM_ENTITY_ID": 17,
            "CRM_ACTIVITY_ID": 2024,
            "CRM_BINDINGS": [
                {"ENTITY_TYPE": "CONTACT", "ENTITY_ID": 17},
                {"ENTITY_TYPE": "COMPANY", "ENTITY_ID": 5},
                {"ENTITY_TYPE": "DEAL", "ENTITY_ID": 83},
            ],
            "CALL_DIRECTION": "incoming",
            "CALL_STATE": "connected",
            "CALL_LIST_MODE": False,
        }
        assert response.result.crm_entity_type is CrmEntityType.CONTACT
        assert response.result.call_direction is CallDirection.INCOMING
        assert response.time
        assert response.time.start <= response.time.finish
        assert response.time.date_start.utcoffset() is not None

    def test_detailed_functions_return_the_whole_answer(
        self, get_detailed: GetDetailed, answering: Answering, answer: dict[str, Any]
    ) -> None:
        response = get_detailed(answering(answer, headers={"X-Portal": "made-up"}))
        assert type(response) is Response
        assert response.status_code is HTTPStatus.OK
        assert json.loads(response.content) == answer
        assert response.headers["x-portal"] == "made-up"
        assert response.parsed == GetStatusResponse.from_dict(answer)

    def test_detailed_functions_return_an_error_as_its_model(
        self, get_detailed: GetDetailed, sandbox: Sandbox
    ) -> None:
        sandbox.fault("ERROR_ARGUMENT")
        with Client(base_url=sandbox.webhook_url) as client:
            response = get_detailed(client)
        assert response.status_code is HTTPStatus.BAD_REQUEST
        assert type(response.parsed) is ErrorResponse
        assert response.parsed.to_dict() == {
            "error": "ERROR_ARGUMENT",
            "error_description": "Argument 'PLACEMENT' is null or empty",
            "argument": "PLACEMENT",
        }

    def test_detailed_functions_return_an_error_in_a_200_as_its_model(
        self, get_detailed: GetDetailed, sandbox: Sandbox
    ) -> None:
        sandbox.fault("error-in-200")
        with Client(base_url=sandbox.webhook_url) as client:
            response = get_detailed(client)
        assert response.status_code is HTTPStatus.OK
        assert isinstance(response.parsed, ErrorResponse)
        assert response.parsed.error == "ERROR_UNEXPECTED_ANSWER"

    def test_a_token_that_was_renewed_is_taken_again(self, get: Get, sandbox: Sandbox) -> None:
        client = AuthenticatedClient(base_url=sandbox.oauth_url, token=sandbox.access_token)
        sandbox.expire_tokens()
        with client:
            with pytest.raises(errors.ApiError, match="expired_token"):
                get(client)
            renewed = httpx.get(
                f"{sandbox.origin}/oauth/token/",
                params={
                    "grant_type": "refresh_token",
                    "client_id": "sandboxclientid",
                    "client_secret": "sandboxclientsecret",
                    "refresh_token": "sandboxrefreshtoken",
                },
            )
            client.token = renewed.json()["access_token"]
            assert get(client).result.crm_entity_id == 17
