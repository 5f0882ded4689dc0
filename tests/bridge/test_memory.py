"""What the store in memory takes of it, whatever it is told."""

import asyncio
import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from bitrix24_bridge.memory import MemoryStore
from bitrix24_bridge.settings import Rate, Times
from bitrix24_bridge.store import User, Word

pytestmark = pytest.mark.anyio

ANN = User("portal-a", "1")
LONG = 10_000


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def allocated() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.usefixtures("traced")
async def test_addresses_and_tokens_without_number_take_little_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bitrix24_bridge.memory.MOST_KEPT", 100)
    store = MemoryStore(Times())
    before = allocated()

    for number in range(5000):
        await store.take(f"{number:0{LONG // 10}}", Rate(10, 2), "token")
        await store.keep(f"{number:0{LONG // 10}}", "refused", 60)

    assert allocated() - before < 300 * LONG // 10
    assert await store.recall(f"{4999:0{LONG // 10}}") == "refused"


@pytest.mark.usefixtures("traced")
async def test_what_is_over_is_forgotten_without_anybody_asking() -> None:
    times = replace(Times(), form=0.05, lease=0.05)
    store = MemoryStore(times)
    before = allocated()
    for number in range(200):
        user = User("portal-a", f"{number:0{LONG}}")
        await store.claim(user, "tab", "socket", Word("connected", ""))
    assert allocated() - before > 150 * LONG

    async def ask_here(_: str) -> bool:
        return False

    at_work = asyncio.create_task(store.run(ask_here))
    try:
        async with asyncio.timeout(20):
            while allocated() - before > 20 * LONG:
                await asyncio.sleep(0.01)
    finally:
        at_work.cancel()
        with suppress(asyncio.CancelledError):
            await at_work
