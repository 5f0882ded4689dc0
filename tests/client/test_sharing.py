"""A client that is shared and used for long: it does not grow, and loses no connection."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from benchmark.servers import responding
from bitrix24_call_card import AuthenticatedClient, Client, _lock, errors
from bitrix24_call_card.api.call_card import get_status

if TYPE_CHECKING:
    from bitrix24_sandbox.testing import Sandbox

    from tests.client.conftest import Recorder

CALLS = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 1_000

WAIT = 60
"""Seconds after which something that should have happened will not."""


def file_descriptors() -> int:
    """How many files and connections this process has open."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def settles_at(most: int) -> bool:
    """Whether no more than so many stay open, once the server has closed its ends as well."""
    end = time.monotonic() + WAIT / 4
    while file_descriptors() > most and time.monotonic() < end:
        time.sleep(0.02)
    return file_descriptors() <= most


def waits_for_a_lock(thread: threading.Thread) -> bool:
    """Whether the thread is where the package takes a lock, and has not got it."""
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code.co_filename == _lock.__file__


@pytest.fixture
def traced() -> Iterator[None]:
    """Count the memory that Python hands out."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


def by_threads(client: Client, calls: int) -> None:
    """Make so many calls, four at once."""

    def call(_: int) -> None:
        get_status.sync(client=client)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(call, range(calls)))


def by_tasks(client: Client, calls: int) -> None:
    """Make so many calls in one event loop, four at once."""

    async def call(numbers: Iterator[int]) -> None:
        for _ in numbers:
            await get_status.asyncio(client=client)

    async def use() -> None:
        numbers = iter(range(calls))
        async with client:
            await asyncio.gather(*[call(numbers) for _ in range(4)])

    asyncio.run(use())


def by_many_loops(client: Client, calls: int) -> None:
    """Make so many calls in an event loop for every ten of them."""
    for _ in range(calls // 10):
        by_tasks(client, 10)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc to count connections")
class TestGrowth:
    @pytest.mark.parametrize("ask", [by_threads, by_tasks, by_many_loops])
    @pytest.mark.usefixtures("traced")
    def test_hundreds_of_calls_leave_nothing_behind(
        self, ask: Callable[[Client, int], None], answer: dict[str, Any]
    ) -> None:
        # A server in another process, because what it keeps would count here.
        with responding(answer) as webhook_url, Client(base_url=webhook_url) as client:
            ask(client, 100)  # what is kept once is kept by now
            gc.collect()
            before, threads = file_descriptors(), threading.active_count()

            def grows() -> bool:
                memory, _ = tracemalloc.get_traced_memory()
                ask(client, CALLS // 3)
                gc.collect()
                grown = tracemalloc.get_traced_memory()[0] - memory
                # A single answer that is kept for each call would be some thousand bytes.
                return grown / (CALLS // 3) >= 300

            # What calls leave behind is there after each round; what else is stored is not.
            assert not all(grows() for _ in range(3))
            assert settles_at(before + 4)
            assert threading.active_count() <= threads

    @pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
    def test_loops_that_end_without_closing_the_client_do_not_pile_up(
        self, sandbox: Sandbox
    ) -> None:
        client = Client(base_url=sandbox.webhook_url)
        asyncio.run(get_status.asyncio(client=client))
        before = file_descriptors()
        for _ in range(20):
            asyncio.run(get_status.asyncio(client=client))
        settled = settles_at(before + 4)  # both ends of the newest connection or two
        del client
        gc.collect()  # what is left open warns here, and not in another test
        assert settled

    def test_new_tokens_leave_nothing_behind(self) -> None:
        def answer(_: httpx.Request) -> httpx.Response:
            return httpx.Response(
                401, json={"error": "expired_token", "error_description": "an hour has passed"}
            )

        client = AuthenticatedClient(
            base_url="https://portal.example/rest",
            token="token-0",
            transport=lambda: httpx.MockTransport(answer),
        )

        def ask(numbers: range) -> int:
            for number in numbers:
                client.token = f"token-{number}"
                with pytest.raises(errors.ApiError):
                    get_status.sync(client=client)
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            with client:
                before = ask(range(50))
                assert ask(range(50, 50 + CALLS // 4)) - before < 300 * CALLS // 4
        finally:
            tracemalloc.stop()


class TestSharing:
    def test_threads_with_their_own_loops_share_a_client(self, sandbox: Sandbox) -> None:
        client = Client(base_url=sandbox.webhook_url)
        everybody = threading.Barrier(8)

        async def call() -> list[str]:
            async with client:
                everybody.wait(WAIT)
                answers = [get_status.asyncio(client=client) for _ in range(5)]
                return [answer.result.call_id for answer in await asyncio.gather(*answers)]

        with ThreadPoolExecutor(8) as threads:
            running = [threads.submit(asyncio.run, call()) for _ in range(8)]
            call_ids = [each for loop in running for each in loop.result(WAIT)]
        assert len(call_ids) == 40
        assert len(set(call_ids)) == 1

    def test_sync_and_async_calls_do_not_get_in_each_other_s_way(self, sandbox: Sandbox) -> None:
        async def call(client: Client) -> set[str]:
            async with client:
                there = [asyncio.to_thread(get_status.sync, client=client) for _ in range(10)]
                here = [get_status.asyncio(client=client) for _ in range(10)]
                return {a.result.call_id for a in await asyncio.gather(*there, *here)}

        with Client(base_url=sandbox.webhook_url) as client:
            assert len(asyncio.run(call(client))) == 1

    def test_threads_build_one_transport(self, recorder: Recorder) -> None:
        built: list[httpx.BaseTransport] = []
        everybody = threading.Barrier(32)

        def build() -> httpx.BaseTransport:
            built.append(httpx.HTTPTransport())
            time.sleep(0.05)  # long enough for every other thread to come and build one, too
            return built[-1]

        def call(_: int) -> int:
            everybody.wait(WAIT)
            return get_status.sync(client=client).result.crm_entity_id

        client = Client(base_url=recorder.webhook_url, transport=build)
        with client, ThreadPoolExecutor(32) as threads:
            assert list(threads.map(call, range(32))) == [17] * 32
        assert len(built) == 1

    def test_an_event_loop_may_close_its_connections_while_another_opens_its_own(
        self, answer: dict[str, Any]
    ) -> None:
        """A new loop has the others looked through; until they are, none of them may go."""
        meanwhile: list[Callable[[], None]] = []

        class Loop(asyncio.SelectorEventLoop):
            def is_closed(self) -> bool:
                while meanwhile:
                    meanwhile.pop()()
                return super().is_closed()

        transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
        client = Client(
            base_url="https://portal.example/rest/1/made-up-secret/",
            async_transport=lambda: transport,
        )
        with contextlib.closing(Loop()) as first, contextlib.closing(Loop()) as second:
            for loop in (first, second):
                loop.run_until_complete(get_status.asyncio(client=client))
            closing = threading.Thread(target=second.run_until_complete, args=[client.aclose()])

            def close() -> None:
                closing.start()
                while closing.is_alive() and not waits_for_a_lock(closing):
                    time.sleep(0)

            meanwhile.append(close)
            assert asyncio.run(get_status.asyncio(client=client)).result.crm_entity_id == 17
            closing.join(WAIT)
            assert not closing.is_alive()

    def test_threads_do_not_mix_the_tokens_of_their_clients(self, recorder: Recorder) -> None:
        def call(number: int) -> None:
            token = f"token-{number}"
            with AuthenticatedClient(base_url=f"{recorder.origin}/rest", token=token) as client:
                get_status.sync(client=client)
                get_status.sync(client=client)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(call, range(8)))
        sent = sorted(json.loads(received.body)["auth"] for received in recorder.received)
        assert sent == sorted(f"token-{number}" for number in range(8) for _ in range(2))

    def test_tasks_share_a_client(self, recorder: Recorder) -> None:
        async def use() -> list[int]:
            async with Client(base_url=recorder.webhook_url) as client:
                calls = [get_status.asyncio(client=client) for _ in range(20)]
                return [each.result.crm_entity_id for each in await asyncio.gather(*calls)]

        assert asyncio.run(use()) == [17] * 20

    def test_sync_calls_keep_their_connection(self, recorder: Recorder) -> None:
        with Client(base_url=recorder.webhook_url) as client:
            for _ in range(5):
                get_status.sync(client=client)
        assert recorder.connections == 1

    def test_async_calls_keep_their_connection(self, recorder: Recorder) -> None:
        async def use() -> None:
            async with Client(base_url=recorder.webhook_url) as client:
                for _ in range(5):
                    await get_status.asyncio(client=client)

        asyncio.run(use())
        assert recorder.connections == 1


class TestCancellation:
    """A pool of one connection shows at once whether it came back."""

    @pytest.fixture
    def client(self, sandbox: Sandbox) -> Client:
        """A client that has one connection and does not wait long for it."""
        return Client(
            base_url=sandbox.webhook_url,
            timeout=httpx.Timeout(WAIT, pool=WAIT / 4),
            httpx_args={"limits": httpx.Limits(max_connections=1)},
        )

    def test_a_cancelled_call_gives_its_connection_back(
        self, client: Client, sandbox: Sandbox
    ) -> None:
        async def use() -> None:
            async with client:
                for _ in range(5):
                    await get_status.asyncio(client=client)
                    await asyncio.to_thread(sandbox.fail, "slow", seconds=60)
                    slow = asyncio.ensure_future(get_status.asyncio(client=client))
                    while (await asyncio.to_thread(sandbox.state))["faults"]:
                        await asyncio.sleep(0)  # until the portal has it
                    slow.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await slow
                assert (await get_status.asyncio(client=client)).result.call_id

        asyncio.run(use())

    def test_a_call_that_is_cancelled_while_it_waits_for_one_loses_none(
        self, client: Client, sandbox: Sandbox
    ) -> None:
        async def use() -> None:
            async with client:
                await asyncio.to_thread(sandbox.fail, "slow", seconds=60)
                slow, *waiting = (
                    asyncio.ensure_future(get_status.asyncio(client=client)) for _ in range(5)
                )
                while (await asyncio.to_thread(sandbox.state))["faults"]:
                    await asyncio.sleep(0)
                for task in (*waiting, slow):
                    task.cancel()
                await asyncio.gather(slow, *waiting, return_exceptions=True)
                assert (await get_status.asyncio(client=client)).result.call_id

        asyncio.run(use())

    def test_a_call_that_takes_too_long_gives_its_connection_back(
        self, client: Client, sandbox: Sandbox
    ) -> None:
        impatient = client.with_timeout(httpx.Timeout(WAIT, read=0.05, pool=WAIT / 4))
        with impatient:
            for _ in range(5):
                sandbox.fail("slow", seconds=60)
                with pytest.raises(httpx.ReadTimeout):
                    get_status.sync(client=impatient)
        with client:
            assert get_status.sync(client=client).result.call_id
