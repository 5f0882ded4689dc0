"""Closing a client closes its connections; later calls reopen them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status

if TYPE_CHECKING:
    from tests.client.conftest import Recorder


@pytest.fixture
def client(recorder: Recorder) -> Client:
    return Client(base_url=recorder.webhook_url)


def test_with_and_close_close_the_connections_and_later_calls_reopen_them(
    client: Client, recorder: Recorder
) -> None:
    for opened in (1, 2):
        with client:
            get_status.sync(client=client)
        assert recorder.wait_until_all_is_closed()
        assert recorder.connections == opened
    assert get_status.sync(client=client).result.crm_entity_id == 17
    client.close()
    client.close()
    assert recorder.wait_until_all_is_closed()
    assert recorder.connections == 3


def test_async_with_and_aclose_close_the_connections_of_the_event_loop(
    client: Client, recorder: Recorder
) -> None:
    async def call() -> None:
        await asyncio.gather(*[get_status.asyncio(client=client) for _ in range(3)])

    async def use() -> None:
        for _ in range(2):
            async with client:
                await call()
            # Checked while the loop runs: its end would close them as well.
            assert await asyncio.to_thread(recorder.wait_until_all_is_closed)
        await call()
        await client.aclose()
        await client.aclose()
        assert await asyncio.to_thread(recorder.wait_until_all_is_closed)

    asyncio.run(use())


def test_an_asynchronous_block_closes_the_connection_of_a_synchronous_call_too(
    client: Client, recorder: Recorder
) -> None:
    async def use() -> None:
        async with client:
            get_status.sync(client=client)
            await get_status.asyncio(client=client)
        assert recorder.connections == 2
        assert await asyncio.to_thread(recorder.wait_until_all_is_closed)

    asyncio.run(use())


def test_an_unused_client_can_be_closed_and_opens_no_connection(
    client: Client, recorder: Recorder
) -> None:
    with client:
        client.close()
    asyncio.run(client.aclose())
    assert recorder.connections == 0


def test_close_leaves_the_connections_of_event_loops_open(
    client: Client, recorder: Recorder
) -> None:
    async def use() -> None:
        async with client:
            await get_status.asyncio(client=client)
            client.close()
            await get_status.asyncio(client=client)

    asyncio.run(use())
    assert recorder.connections == 1
