"""The connections of a client: who makes them and when, and that either block closes them."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status

from tests.client.conftest import WAIT
from tests.client.refreshing import in_time

if TYPE_CHECKING:
    from tests.client.conftest import Get, Recorder

WEBHOOK = "https://portal.example/rest/1/made-up-secret/"


def test_an_asynchronous_block_closes_the_connection_of_a_synchronous_call(
    recorder: Recorder,
) -> None:
    async def use() -> None:
        async with Client(recorder.webhook_url) as client:
            get_status.sync(client=client)
            await get_status.asyncio(client=client)
        assert recorder.connections == 2
        assert await asyncio.to_thread(recorder.wait_until_all_is_closed)

    asyncio.run(use())


def test_what_makes_a_transport_may_use_its_client(get: Get, answer: dict[str, Any]) -> None:
    def make() -> httpx.MockTransport:
        assert repr(client.with_timeout(5)) == repr(client)
        assert client.operating_reset_at is None
        client.close()
        return transport

    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    client = Client(WEBHOOK, transport=make, async_transport=make)
    assert in_time(lambda: get(client)).result.crm_entity_id == 17


def test_a_thread_in_which_a_transport_is_made_slowly_does_not_stop_an_event_loop(
    answer: dict[str, Any],
) -> None:
    begun, goes_on = threading.Event(), threading.Event()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))

    def make_slowly() -> httpx.MockTransport:
        begun.set()
        assert goes_on.wait(WAIT)
        return transport

    async def use() -> None:
        async with client:
            assert (await get_status.asyncio(client=client)).result.crm_entity_id == 17

    client = Client(WEBHOOK, transport=make_slowly, async_transport=lambda: transport)
    with ThreadPoolExecutor(1) as other:
        slow = other.submit(get_status.sync, client=client)
        assert begun.wait(WAIT)
        try:
            in_time(lambda: asyncio.run(use()))
        finally:
            goes_on.set()
        assert slow.result(WAIT).result.crm_entity_id == 17
