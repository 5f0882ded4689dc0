"""Copies of a client share everything with it but what was changed."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status

from tests.client.mocked import WEBHOOK_URL
from tests.client.refreshing import NEW, OLD, Portal, Refreshes

if TYPE_CHECKING:
    from tests.client.conftest import Get, Recorder

Copy = Callable[[AuthenticatedClient], AuthenticatedClient]
COPIES: dict[str, Copy] = {
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "with_headers": lambda client: client.with_headers({"X-Two": "2"}),
    "with_cookies": lambda client: client.with_cookies({"two": "2"}),
    "with_timeout": lambda client: client.with_timeout(5),
}


@pytest.fixture(params=COPIES)
def copied(request: pytest.FixtureRequest) -> Copy:
    """What makes a copy of a client; the test runs with each."""
    return COPIES[request.param]


@pytest.fixture
def client(recorder: Recorder) -> Iterator[AuthenticatedClient]:
    """A client of the recording server."""
    with AuthenticatedClient(
        base_url=f"{recorder.origin}/rest",
        token="made-up-token",
        headers={"X-One": "1"},
        cookies={"one": "1"},
    ) as client:
        yield client


def sent(recorder: Recorder) -> dict[str, list[str]]:
    """Return what differs from call to call in the last request."""
    received = recorder.received[-1]
    headers = {name: received.header(name) for name in ("x-one", "x-two", "cookie")}
    return {**headers, "token": [json.loads(received.body)["auth"]]}


ONE = {"x-one": ["1"], "x-two": [], "cookie": ["one=1"], "token": ["made-up-token"]}

# --- what was changed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda client: client.with_headers({"X-Two": "2"}), {"x-two": ["2"]}),
        (lambda client: client.with_headers({"x-ONE": "other"}), {"x-one": ["other"]}),
        (lambda client: client.with_cookies({"two": "2"}), {"cookie": ["one=1; two=2"]}),
        (lambda client: client.with_cookies({"one": "other"}), {"cookie": ["one=other"]}),
        (lambda client: client.with_timeout(5), {}),
        (copy.copy, {}),
        (copy.deepcopy, {}),
    ],
)
@pytest.mark.parametrize("is_custom", [False, True], ids=["own connections", "custom httpx client"])
def test_a_copy_differs_in_what_was_changed_alone(
    is_custom: bool,
    change: Copy,
    expected: dict[str, list[str]],
    client: AuthenticatedClient,
    recorder: Recorder,
) -> None:
    with httpx.Client() as custom:
        if is_custom:
            client.set_httpx_client(custom)
        changed = change(client)
        assert type(changed) is AuthenticatedClient
        for _ in range(2):
            get_status.sync(client=changed)
            assert sent(recorder) == {**ONE, **expected}
            get_status.sync(client=client)
            assert sent(recorder) == ONE


# --- what is shared -------------------------------------------------------------------------------


def test_copies_share_the_token(copied: Copy, client: AuthenticatedClient) -> None:
    other = copied(client)
    client.token = "by-the-client"
    assert other.token == "by-the-client"
    other.token = "by-the-copy"
    assert client.token == "by-the-copy"


def test_copies_spend_a_refresh_token_once(copied: Copy, answer: dict[str, Any]) -> None:
    portal = Portal(answer)
    refresh = Refreshes(ready=lambda: portal.wait_for(OLD, 3))
    client = portal.client(refresh=refresh)
    copies = [client, copied(client), copied(copied(client))]
    with ThreadPoolExecutor(3) as threads:
        for response in threads.map(lambda each: get_status.sync(client=each), copies):
            assert response.result.crm_entity_id == 17
    assert refresh.calls == 1
    assert [each.token for each in copies] == [NEW] * 3


def test_copies_share_connections(
    copied: Copy, client: AuthenticatedClient, recorder: Recorder
) -> None:
    async def use() -> None:
        async with client:
            for each in (client, copied(client), client):
                await get_status.asyncio(client=each)

    for each in (copied(client), client, copied(client)):
        get_status.sync(client=each)
    assert recorder.connections == 1
    asyncio.run(use())
    assert recorder.connections == 2


def test_copies_share_when_operating_time_is_restored(
    copied: Copy, client: AuthenticatedClient
) -> None:
    other = copied(client)
    get_status.sync(client=client)
    assert other.operating_reset_at == client.operating_reset_at == 1723557390


@pytest.mark.parametrize("is_set", ["before", "after", "through the copy"])
def test_copies_share_custom_httpx_clients(
    is_set: str, copied: Copy, client: AuthenticatedClient, recorder: Recorder
) -> None:
    async def use() -> None:
        async with httpx.AsyncClient(headers={"X-Custom": "yes"}) as async_custom:
            if is_set == "before":
                client.set_httpx_client(custom).set_async_httpx_client(async_custom)
            other = copied(client)
            if is_set != "before":
                each = client if is_set == "after" else other
                each.set_httpx_client(custom).set_async_httpx_client(async_custom)
            for each in (client, other):
                get_status.sync(client=each)
                await get_status.asyncio(client=each)

    with httpx.Client(headers={"X-Custom": "yes"}) as custom:
        asyncio.run(use())
    assert [received.header("x-custom") for received in recorder.received] == [["yes"]] * 4


# --- closing --------------------------------------------------------------------------------------


def test_closing_any_copy_closes_the_connections_of_all_and_later_calls_reopen_them(
    copied: Copy, client: AuthenticatedClient, recorder: Recorder
) -> None:
    other = copied(client)
    for number, closed in enumerate((client, other), start=1):
        for each in (client, other):
            get_status.sync(client=each)
        closed.close()
        assert recorder.wait_until_all_is_closed()
        assert recorder.connections == number


def test_a_call_under_way_ends_normally_although_a_copy_is_closed(
    get: Get, answer: dict[str, Any]
) -> None:
    closed: list[bool] = []

    class Closing(httpx.BaseTransport, httpx.AsyncBaseTransport):
        def handle_request(self, _: httpx.Request) -> httpx.Response:
            closing.with_timeout(5).close()
            assert closed == []
            return httpx.Response(200, json=answer)

        async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
            await closing.with_timeout(5).aclose()
            assert closed == []
            return httpx.Response(200, json=answer)

        def close(self) -> None:
            closed.append(True)

        async def aclose(self) -> None:
            closed.append(True)

    closing = Client(WEBHOOK_URL, transport=Closing, async_transport=Closing)
    assert get(closing).result.crm_entity_id == 17
    assert closed == [True]


# --- webhooks and pickles -------------------------------------------------------------------------


def test_a_webhook_client_can_be_copied_too(get: Get, recorder: Recorder) -> None:
    client = Client(base_url=recorder.webhook_url)
    for other in (copy.copy(client), copy.deepcopy({"client": client})["client"]):
        with other:
            get(other)
    targets = [received.target for received in recorder.received]
    assert targets == ["/rest/1/made-up-secret/placement.call"] * 2


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_a_client_is_a_type_error_that_says_what_to_do(
    protocol: int, client: AuthenticatedClient
) -> None:
    expected = (
        r"^AuthenticatedClient holds secrets and cannot be pickled: make one in each process$"
    )
    with pytest.raises(TypeError, match=expected):
        pickle.dumps(client, protocol)
