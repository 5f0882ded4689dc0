"""The stores that one suite of tests tries, and how time passes for each."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bitrix24_bridge.memory import MemoryStore
from bitrix24_bridge.settings import Times
from bitrix24_bridge.store import Store


@dataclass(frozen=True)
class Tried:
    """A store, with the times that it keeps."""

    store: Store
    times: Times
    later: Callable[[float], Awaitable[None]]
    """Lets so many of the store's seconds pass."""


def in_memory(times: Times) -> Tried:
    now = 1000.0

    async def later(seconds: float) -> None:
        nonlocal now
        now += seconds

    return Tried(MemoryStore(times, lambda: now), times, later)


STORES: dict[str, Callable[[Times], Tried]] = {"memory": in_memory}

KNOWING = replace(Times(), start=0)
"""The times of a store that knows at once who has no call."""
