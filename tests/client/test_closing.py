"""Closing a client closes its connections; later calls reopen them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status

if TYPE_CHECKING:
    from tests.client.conftest import Recorder, RunProgram


@pytest.fixture
def client(recorder: Recorder) -> Client:
    return Client(base_url=recorder.webhook_url)


def test_with_closes_the_connections(client: Client, recorder: Recorder) -> None:
    with client:
        get_status.sync(client=client)
    assert recorder.wait_until_all_is_closed()


def test_close_closes_the_connections(client: Client, recorder: Recorder) -> None:
    get_status.sync(client=client)
    client.close()
    assert recorder.wait_until_all_is_closed()


def test_async_with_closes_the_connections_of_the_event_loop(
    client: Client, recorder: Recorder
) -> None:
    async def use() -> None:
        async with client:
            await asyncio.gather(*[get_status.asyncio(client=client) for _ in range(3)])
        # Here, where the loop still runs: its end would close them as well.
        assert await asyncio.to_thread(recorder.wait_until_all_is_closed)

    asyncio.run(use())


def test_aclose_closes_the_connections_of_the_event_loop(
    client: Client, recorder: Recorder
) -> None:
    async def use() -> None:
        await asyncio.gather(*[get_status.asyncio(client=client) for _ in range(3)])
        await client.aclose()
        assert await asyncio.to_thread(recorder.wait_until_all_is_closed)

    asyncio.run(use())


def test_an_unused_client_can_be_closed_without_a_connection(
    client: Client, recorder: Recorder
) -> None:
    with client:
        client.close()
    asyncio.run(client.aclose())
    assert recorder.connections == 0


def test_a_client_can_be_closed_twice(client: Client) -> None:
    async def use() -> None:
        await get_status.asyncio(client=client)
        await client.aclose()
        await client.aclose()

    get_status.sync(client=client)
    client.close()
    client.close()
    asyncio.run(use())


def test_closing_synchronously_leaves_the_connections_of_event_loops(
    client: Client, recorder: Recorder
) -> None:
    async def use() -> None:
        async with client:
            await get_status.asyncio(client=client)
            client.close()
            await get_status.asyncio(client=client)

    asyncio.run(use())
    assert recorder.connections == 1


def test_a_client_works_after_with(client: Client, recorder: Recorder) -> None:
    for _ in range(2):
        with client:
            get_status.sync(client=client)
    assert get_status.sync(client=client).result.crm_entity_id == 17
    client.close()
    assert recorder.connections == 3
    assert recorder.wait_until_all_is_closed()


def test_a_client_works_after_async_with(client: Client, recorder: Recorder) -> None:
    async def use() -> None:
        for _ in range(2):
            async with client:
                await get_status.asyncio(client=client)
        assert (await get_status.asyncio(client=client)).result.crm_entity_id == 17
        await client.aclose()

    asyncio.run(use())
    assert recorder.connections == 3
    assert recorder.wait_until_all_is_closed()


IMPORTS = """
import asyncio, sys
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status
"""
PROGRAMS = {
    "with": """
with Client(base_url=sys.argv[1]) as client:
    print(get_status.sync(client=client).result.crm_entity_id)
""",
    "close": """
client = Client(base_url=sys.argv[1])
print(get_status.sync(client=client).result.crm_entity_id)
client.close()
""",
    "async with": """
async def main():
    async with Client(base_url=sys.argv[1]) as client:
        print((await get_status.asyncio(client=client)).result.crm_entity_id)
asyncio.run(main())
""",
    "aclose": """
async def main():
    client = Client(base_url=sys.argv[1])
    print((await get_status.asyncio(client=client)).result.crm_entity_id)
    await client.aclose()
asyncio.run(main())
""",
}


@pytest.mark.parametrize("how", PROGRAMS)
def test_a_program_that_closes_its_client_gets_no_resource_warning(
    how: str, recorder: Recorder, run_program: RunProgram
) -> None:
    assert run_program(IMPORTS + PROGRAMS[how], recorder.webhook_url) == "17\n"
