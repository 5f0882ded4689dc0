"""What the tests of the bridge share."""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import pytest
import redis
from bitrix24_bridge.redis_store import connect
from bitrix24_bridge.settings import Times

from tests.bridge.stores import KNOWING, Tried, in_memory, in_redis, running_redis


@pytest.fixture
def anyio_backend() -> str:
    """Run `async` tests on asyncio, as the bridge runs."""
    return "asyncio"


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis. Without redis-server the tests are skipped, but in CI they fail."""
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The URL of an empty Redis."""
    with redis.Redis.from_url(redis_server) as emptied:
        emptied.flushall()
    return redis_server


@pytest.fixture(params=["memory", "redis"])
async def open_store(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[Times], Tried]]:
    """Open an empty store of each kind that keeps these times."""
    if request.param == "memory":
        yield in_memory
    else:
        async with connect(request.getfixturevalue("redis_url")) as client:
            yield partial(in_redis, redis=client)


@pytest.fixture
def tried(open_store: Callable[[Times], Tried]) -> Tried:
    """An empty store of each kind, which has been there for a while."""
    return open_store(KNOWING)
