"""The four functions of `get_status`: what they send, and what they return."""

from __future__ import annotations

import inspect
import json
import typing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client, __version__, errors
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import CallDirection, CrmEntityType, ErrorResponse, GetStatusResponse
from bitrix24_call_card.types import Response

from tests.data import CALL

if TYPE_CHECKING:
    from bitrix24_sandbox.testing import Sandbox

    from tests.client.conftest import Answering, Ask, Get, GetDetailed, Recorder

BODY = b'{"PLACEMENT":"getStatus","PARAMS":{}}'


class TestSignature:
    @pytest.mark.parametrize("name", ["sync", "asyncio", "sync_detailed", "asyncio_detailed"])
    def test_needs_a_client_and_nothing_else(self, name: str) -> None:
        (parameter,) = inspect.signature(getattr(get_status, name)).parameters.values()
        assert parameter.name == "client"
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.default is inspect.Parameter.empty

    @pytest.mark.parametrize("name", ["sync", "asyncio"])
    def test_plain_functions_return_the_success_model_never_a_union(self, name: str) -> None:
        assert typing.get_type_hints(getattr(get_status, name)) == {
            "client": AuthenticatedClient | Client,
            "return": GetStatusResponse,
        }

    @pytest.mark.parametrize("name", ["sync_detailed", "asyncio_detailed"])
    def test_detailed_functions_return_the_union_of_the_documented_models(self, name: str) -> None:
        assert typing.get_type_hints(getattr(get_status, name)) == {
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

    def test_another_token_is_sent_from_the_next_call_on(
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

    def test_another_token_is_sent_over_the_open_connection(self, recorder: Recorder) -> None:
        client = AuthenticatedClient(base_url=f"{recorder.origin}/rest", token="first-token")
        with client:
            get_status.sync(client=client)
            client.token = "second-token"
            get_status.sync(client=client)
        assert recorder.connections == 1

    def test_the_package_and_its_version_are_the_user_agent(
        self, ask: Ask, recorder: Recorder
    ) -> None:
        with Client(base_url=recorder.webhook_url) as client:
            ask(client)
        (received,) = recorder.received
        assert received.header("user-agent") == [f"bitrix24-call-card/{__version__}"]

    def test_headers_and_cookies_of_the_client_are_sent(self, ask: Ask, recorder: Recorder) -> None:
        with Client(
            base_url=recorder.webhook_url,
            headers={"X-Tenant": "made-up", "user-agent": "application/1"},
            cookies={"one": "1", "two": "2"},
        ) as client:
            ask(client)
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
    @pytest.fixture(params=["webhook", "webhook without slash", "OAuth"])
    def client(self, request: pytest.FixtureRequest, sandbox: Sandbox) -> Client:
        match request.param:
            case "webhook":
                return Client(base_url=sandbox.webhook_url)
            case "webhook without slash":
                return Client(base_url=sandbox.webhook_url.removesuffix("/"))
            case _:
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

    def test_detailed_functions_return_the_whole_response(
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
        sandbox.fail("ERROR_ARGUMENT")
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
        sandbox.fail("error-in-200")
        with Client(base_url=sandbox.webhook_url) as client:
            response = get_detailed(client)
        assert response.status_code is HTTPStatus.OK
        assert isinstance(response.parsed, ErrorResponse)
        assert response.parsed.error == "ERROR_UNEXPECTED_ANSWER"

    def test_a_refreshed_token_is_accepted(self, get: Get, sandbox: Sandbox) -> None:
        client = AuthenticatedClient(base_url=sandbox.oauth_url, token=sandbox.access_token)
        sandbox.expire_tokens()
        with client:
            with pytest.raises(errors.ApiError, match="expired_token"):
                get(client)
            refreshed = httpx.get(
                f"{sandbox.origin}/oauth/token/",
                params={
                    "grant_type": "refresh_token",
                    "client_id": "sandboxclientid",
                    "client_secret": "sandboxclientsecret",
                    "refresh_token": "sandboxrefreshtoken",
                },
                timeout=60,
            )
            client.token = refreshed.json()["access_token"]
            assert get(client).result.crm_entity_id == 17
