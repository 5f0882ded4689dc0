"""Calls through a custom httpx client, whose settings, hooks, auth and mounts apply."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status

if TYPE_CHECKING:
    from tests.client.conftest import Recorder

Call = Callable[..., int]


def _sync(client: Client, calls: int = 1, **settings: Any) -> int:
    with httpx.Client(**settings) as custom:
        assert client.set_httpx_client(custom) is client
        responses = [get_status.sync(client=client) for _ in range(calls)]
    return responses[-1].result.crm_entity_id


def _asyncio(client: Client, calls: int = 1, **settings: Any) -> int:
    async def use() -> int:
        async with httpx.AsyncClient(**settings) as custom:
            assert client.set_async_httpx_client(custom) is client
            responses = [await get_status.asyncio(client=client) for _ in range(calls)]
        return responses[-1].result.crm_entity_id

    return asyncio.run(use())


@pytest.fixture(params=[_sync, _asyncio], ids=["sync", "asyncio"])
def call(request: pytest.FixtureRequest) -> Call:
    """Call through a custom httpx client with these settings; the test runs with each kind."""
    function: Call = request.param
    return function


def hook(call: Call, function: Callable[[Any], object]) -> Callable[[Any], Any]:
    """Return the function as an event hook of the kind of httpx client that `call` uses."""

    async def asynchronous(event: Any) -> None:
        function(event)

    return function if call is _sync else asynchronous


@pytest.fixture
def client(recorder: Recorder) -> AuthenticatedClient:
    return AuthenticatedClient(
        base_url=f"{recorder.origin}/rest",
        token="made-up-token",
        headers={"X-Of-The-Client": "yes"},
        cookies={"of-the-client": "yes"},
        timeout=99,
    )


def test_the_request_is_the_same_as_without_it(
    call: Call, client: AuthenticatedClient, recorder: Recorder
) -> None:
    assert call(client) == 17
    client.token = "another-token"
    call(client)
    received, second = recorder.received
    body = {"PLACEMENT": "getStatus", "PARAMS": {}, "auth": "made-up-token"}
    assert received.method == "POST"
    assert received.target == "/rest/placement.call"
    assert json.loads(received.body) == body
    assert json.loads(second.body) == {**body, "auth": "another-token"}
    assert received.header("content-type") == ["application/json"]
    assert received.header("accept") == ["application/json"]
    assert received.header("accept-encoding") == ["gzip"]
    assert received.header("content-length") == [str(len(received.body))]


def test_its_settings_apply_and_those_given_to_the_client_over_them(
    call: Call, client: AuthenticatedClient, recorder: Recorder
) -> None:
    timeouts: list[object] = []
    call(
        client,
        headers={"X-Custom": "yes", "User-Agent": "custom", "X-Of-The-Client": "no"},
        cookies={"custom": "yes"},
        timeout=1.5,
        event_hooks={"request": [hook(call, lambda r: timeouts.append(r.extensions["timeout"]))]},
    )
    (received,) = recorder.received
    assert received.header("x-custom") == ["yes"]
    assert received.header("user-agent") == ["custom"]
    assert received.header("x-of-the-client") == ["yes"]
    assert received.header("cookie") == ["custom=yes; of-the-client=yes"]
    assert timeouts == [dict.fromkeys(("connect", "read", "write", "pool"), 99)]


def test_its_event_hooks_see_each_request_and_each_response(
    call: Call, client: AuthenticatedClient, recorder: Recorder
) -> None:
    seen: list[object] = []

    def on_request(request: httpx.Request) -> None:
        assert "x-hook" not in request.headers
        request.headers["X-Hook"] = "yes"
        seen.append(request.method)

    def on_response(response: httpx.Response) -> None:
        seen.append(response.status_code)

    hooks = {"request": [hook(call, on_request)], "response": [hook(call, on_response)]}
    call(client, calls=2, event_hooks=hooks)
    assert seen == ["POST", 200] * 2
    assert [received.header("x-hook") for received in recorder.received] == [["yes"]] * 2


def test_its_event_hooks_may_read_the_response(call: Call, client: AuthenticatedClient) -> None:
    bodies: list[object] = []

    def read(response: httpx.Response) -> None:
        response.read()
        bodies.append(response.json()["result"]["CRM_ENTITY_ID"])

    async def aread(response: httpx.Response) -> None:
        await response.aread()
        bodies.append(response.json()["result"]["CRM_ENTITY_ID"])

    reading = read if call is _sync else aread
    assert call(client, event_hooks={"response": [reading]}) == 17
    assert bodies == [17]


class _Challenged(httpx.Auth):
    """Repeats the request with the credentials that the response asks for."""

    requires_response_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        response = yield request
        if response.status_code == 401:
            request.headers["Authorization"] = response.headers["x-challenge"]
            yield request


def test_its_auth_may_send_a_request_again(
    call: Call, client: AuthenticatedClient, recorder: Recorder
) -> None:
    recorder.answers["/rest/placement.call"] = [(401, {"X-Challenge": "made-up-answer"})]
    assert call(client, auth=_Challenged()) == 17
    first, second = recorder.received
    assert first.header("authorization") == []
    assert second.header("authorization") == ["made-up-answer"]
    assert second.body == first.body


def test_its_mounts_decide_which_transport_sends(
    call: Call, client: AuthenticatedClient, answer: dict[str, Any], recorder: Recorder
) -> None:
    answer["result"]["CRM_ENTITY_ID"] = 18
    mounted = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    assert call(client, mounts={"http://127.0.0.1": mounted}) == 18
    assert call(client, mounts={"https://": mounted}) == 17
    assert len(recorder.received) == 1


@pytest.mark.parametrize("follow_redirects", [True, False])
def test_it_follows_no_redirect_either(
    follow_redirects: bool, call: Call, client: AuthenticatedClient, recorder: Recorder
) -> None:
    recorder.answers["/rest/placement.call"] = [(307, {"Location": "/elsewhere"})]
    with pytest.raises(errors.UnexpectedStatus):
        call(client, follow_redirects=follow_redirects)
    assert len(recorder.received) == 1


class _Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        raise httpx.ReadError("the connection broke")

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise httpx.ReadError("the connection broke")


def test_an_error_while_its_response_is_read_has_the_request(
    call: Call, client: AuthenticatedClient
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=_Broken()))
    with pytest.raises(httpx.ReadError) as caught:
        call(client, transport=transport)
    assert str(caught.value.request.url).endswith("/***")


def test_an_error_of_its_hooks_does_not_show_the_webhook(call: Call, recorder: Recorder) -> None:
    recorder.answers["/rest/1/made-up-secret/placement.call"] = [(502, {})]
    client = Client(base_url=f"{recorder.origin}/rest/1/made-up-secret/")
    hooks = {"response": [hook(call, httpx.Response.raise_for_status)]}
    with pytest.raises(httpx.HTTPStatusError, match="502") as caught:
        call(client, event_hooks=hooks)
    assert "made-up-secret" not in f"{caught.value} {caught.value.request.url}"
    assert caught.value.response.status_code == 502


def test_something_else_is_a_type_error() -> None:
    client: Any = Client("https://portal.example/rest/1/made-up-secret/")
    with pytest.raises(TypeError, match=r"^client: expected Client, found AsyncClient"):
        client.set_httpx_client(httpx.AsyncClient())
    with pytest.raises(TypeError, match=r"^async_client: expected AsyncClient, found int"):
        client.set_async_httpx_client(5)


def test_closing_the_client_leaves_it_open(client: AuthenticatedClient, recorder: Recorder) -> None:
    async def use() -> None:
        async with httpx.AsyncClient(headers={"X-Custom": "yes"}) as async_custom, client:
            get_status.sync(client=client)
            client.set_httpx_client(custom).set_async_httpx_client(async_custom)
            for _ in range(2):
                assert get_status.sync(client=client).result.crm_entity_id == 17
                assert (await get_status.asyncio(client=client)).result.crm_entity_id == 17
                await client.aclose()
            assert not async_custom.is_closed

    with httpx.Client(headers={"X-Custom": "yes"}) as custom:
        asyncio.run(use())
        assert not custom.is_closed
    assert [each.header("x-custom") for each in recorder.received] == [[], *[["yes"]] * 4]
