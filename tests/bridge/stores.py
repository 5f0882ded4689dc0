"""The stores that one suite of tests tries, and how time passes for each."""

import os
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from bitrix24_bridge.memory import MemoryStore
from bitrix24_bridge.redis_store import PREFIX, RedisStore
from bitrix24_bridge.settings import Times
from bitrix24_bridge.store import Store
from redis.asyncio import Redis


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


def in_redis(times: Times, redis: Redis) -> Tried:
    async def later(seconds: float) -> None:
        # Redis has a clock of its own, so everything that it keeps grows older instead.
        for key in await redis.keys(f"{PREFIX}*"):
            await grow_older(redis, str(key), round(seconds * 1000))

    return Tried(RedisStore(redis, times), times, later)


async def grow_older(redis: Redis, key: str, milliseconds: int) -> None:
    left = await redis.pttl(key)
    kind = await redis.type(key)
    if kind == "hash" and await redis.hexists(key, "since"):
        await redis.hincrby(key, "since", -milliseconds)
    if left >= 0:
        await redis.pexpire(key, max(0, left - milliseconds))


@contextmanager
def running_redis(folder: Path, *options: str) -> Iterator[str]:
    """Run a Redis while the context lasts; yield its URL."""
    command = shutil.which("redis-server")
    if command is None:
        missing = "There is no redis-server on this machine, so nothing was tested with Redis."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    socket = folder / "redis.sock"
    where = ["--port", "0", "--unixsocket", str(socket), "--dir", str(folder)]
    memory_only = ["--save", "", "--appendonly", "no"]
    with subprocess.Popen(
        [command, *where, *memory_only, *options], stdout=subprocess.DEVNULL
    ) as server:
        try:
            while server.poll() is None and not socket.exists():
                time.sleep(0.01)
            yield f"unix://{socket}"
        finally:
            server.terminate()
