"""What the tests of the bridge share: bridges, and an OAuth server with portals."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from logging import Logger
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from bitrix24_bridge.settings import Rate, Times

from tests.bridge.bridges import Bridge, running_bridge
from tests.bridge.portals import Cloud, Decoy, FakePortal, running_cloud
from tests.bridge.redis_servers import running_redis

PATIENT = Times(ask=20, fresh=0, lease=60, every=60, hello=20, refusal=60, oauth=20)
"""Nothing happens by itself, however busy the machine: a test shortens what it is about."""

PLENTY = Rate(100_000, 100_000)

RunBridge = Callable[..., Bridge]


@pytest.fixture
def anyio_backend() -> str:
    """Run `async` tests on asyncio, as the bridge runs."""
    return "asyncio"


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """The bridge's command quiets the logs of its whole process, here that of all tests."""

    def loggers() -> list[Logger]:
        known = logging.root.manager.loggerDict.values()
        return [logging.root, *(each for each in known if isinstance(each, Logger))]

    before = {
        each: (each.level, each.disabled, each.filters[:], each.handlers[:]) for each in loggers()
    }
    yield
    for each in loggers():
        each.level, each.disabled, each.filters, each.handlers = before.get(
            each, (logging.NOTSET, False, [], [])
        )
        each.setLevel(each.level)  # which also forgets what is cached


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


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """An OAuth server, to which each test adds portals of its own."""
    with running_cloud() as running:
        yield running


@pytest.fixture
def portal(cloud: Cloud) -> FakePortal:
    """A portal that no other test knows."""
    return cloud.portal()


@pytest.fixture(scope="session")
def shared_bridge(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A bridge with patient times, for all tests whose portals are their own."""
    file = tmp_path_factory.mktemp("bridge") / "bridge.sqlite3"
    with running_bridge(
        file, cloud.oauth_server, times=PATIENT, tokens=PLENTY, cards=PLENTY
    ) as bridge:
        yield bridge


@pytest.fixture
def bridge(shared_bridge: Bridge, portal: FakePortal) -> Bridge:
    """A bridge with patient times, which knows the portal."""
    portal.known_to(shared_bridge)
    return shared_bridge


@pytest.fixture
def webhook(bridge: Bridge, portal: FakePortal) -> str:
    """The URL of a secret for user 1 of the portal."""
    return bridge.webhook(portal.member_id)


@pytest.fixture
def run_bridge(cloud: Cloud, portal: FakePortal, tmp_path: Path) -> Iterator[RunBridge]:
    """Run another bridge that knows the portal, with other settings than usual."""
    with ExitStack() as stack:

        def run(*, times: Times = PATIENT, stack: ExitStack = stack, **settings: Any) -> Bridge:
            usual = {"tokens": PLENTY, "cards": PLENTY}
            running = stack.enter_context(
                running_bridge(
                    tmp_path / "bridge.sqlite3",
                    cloud.oauth_server,
                    times=times,
                    **{**usual, **settings},
                )
            )
            portal.known_to(running)
            return running

        yield run


@pytest.fixture
def own_bridge(run_bridge: RunBridge) -> Bridge:
    """A bridge with the usual settings, whose data is this test's own."""
    return run_bridge()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client that adds nothing of its own to a request, and follows no redirect."""
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=30) as client:
        yield client


@pytest.fixture
def decoy() -> Iterator[Decoy]:
    """A server that is not to be asked."""
    decoy = Decoy()
    yield decoy
    decoy.close()
