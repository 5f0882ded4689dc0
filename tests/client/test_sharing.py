"""A client that is shared and used for long: it does not grow, and loses no connection."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status
from bitrix24_sandbox.testing import Sandbox

from tests.client.conftest import WAIT
from tests.client.mocked import ANSWER, mocked, mocking


def by_threads(client: Client, calls: int) -> None:
    """Make calls in four threads."""

    def call(_: int) -> None:
        get_status.sync(client=client)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(call, range(calls)))


def by_tasks(client: Client, calls: int) -> None:
    """Make calls in four tasks of one event loop."""

    async def call(numbers: Iterator[int]) -> None:
        for _ in numbers:
            await get_status.asyncio(client=client)

    async def use() -> None:
        numbers = iter(range(calls))
        async with client:
            await asyncio.gather(*[call(numbers) for _ in range(4)])

    asyncio.run(use())


def by_many_loops(client: Client, calls: int) -> None:
    """Make calls in an event loop for every ten of them."""
    for _ in range(calls // 10):
        by_tasks(client, 10)


def blocks_kept(use: Callable[[], None]) -> int:
    """Return how many more blocks of memory Python has allocated afterwards."""
    gc.collect()
    before = sys.getallocatedblocks()
    use()
    gc.collect()
    return sys.getallocatedblocks() - before


def responding(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=ANSWER)


class TestGrowth:
    @pytest.mark.parametrize("ask", [by_threads, by_tasks, by_many_loops])
    def test_hundreds_of_calls_leave_nothing_behind(
        self, ask: Callable[[Client, int], None]
    ) -> None:
        client, threads = mocked(responding), threading.active_count()
        ask(client, 100)  # fills caches
        # A leak shows in each round; what caches and other threads allocate does not.
        # The bound is half a block for each call.
        assert any(blocks_kept(lambda: ask(client, 200)) < 100 for _ in range(3))
        assert threading.active_count() <= threads

    def test_new_tokens_leave_nothing_behind(self) -> None:
        client = AuthenticatedClient(
            "https://portal.example/rest", "made-up-token", **mocking(responding)
        )

        def use() -> None:
            for number in range(200):
                client.token = f"made-up-token-{number}"
                get_status.sync(client=client)

        use()
        assert any(blocks_kept(use) < 100 for _ in range(3))


class TestSharing:
    def test_event_loops_in_threads_come_and_go(self) -> None:
        client, everybody = mocked(responding), threading.Barrier(8)

        async def use() -> None:
            async with client:
                await get_status.asyncio(client=client)

        def loops() -> None:
            everybody.wait(WAIT)
            for _ in range(100):
                asyncio.run(use())

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)  # threads interrupt each other as often as possible
        try:
            with ThreadPoolExecutor(8) as threads:
                for running in [threads.submit(loops) for _ in range(8)]:
                    running.result(WAIT)
        finally:
            sys.setswitchinterval(interval)


def test_cancelled_calls_give_back_the_only_connection(sandbox: Sandbox) -> None:
    async def use() -> None:
        async with Client(
            base_url=sandbox.webhook_url,
            timeout=httpx.Timeout(WAIT, pool=WAIT / 4),
            httpx_args={"limits": httpx.Limits(max_connections=1)},
        ) as client:
            for _ in range(3):
                await asyncio.to_thread(sandbox.fail, "slow", seconds=60)
                calls = [asyncio.ensure_future(get_status.asyncio(client=client)) for _ in range(5)]
                while (await asyncio.to_thread(sandbox.state))["faults"]:
                    await asyncio.sleep(0)  # until the portal has the first call
                for call in reversed(calls):
                    call.cancel()
                done = await asyncio.gather(*calls, return_exceptions=True)
                assert {type(each) for each in done} == {asyncio.CancelledError}
                assert (await get_status.asyncio(client=client)).result.call_id

    asyncio.run(use())
