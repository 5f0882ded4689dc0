"""What is answered under load while processes end and begin again, and Redis is in trouble."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from math import inf
from pathlib import Path
from typing import Generic, TypeVar

import httpx
import pytest
from redis.asyncio import Redis
from websockets.exceptions import WebSocketException

from tests.bridge import commands
from tests.bridge.bridges import Bridge
from tests.bridge.cards import NOT_CONNECTED, about, ask, card, new_sid, said, status
from tests.bridge.nginx import running_nginx
from tests.bridge.portals import FakePortal
from tests.bridge.redis_servers import running_redis
from tests.ports import unused_port

pytestmark = pytest.mark.anyio

USERS = range(1, 6)
NOBODY = 9
A_SECOND = 200
AT_ONCE = 50
SHOWN = (200, "connected")
GONE = (500, "INTERNAL_SERVER_ERROR")
ALLOWED = {NOT_CONNECTED, GONE, (503, "QUERY_LIMIT_EXCEEDED")}
"""Nothing is known, or the contract calls it retryable."""
ON_ITS_WAY = 3
"""Seconds that a word may take from its page to the bridge, which counts its age from then on."""

_T = TypeVar("_T")


@dataclass
class Page:
    """A page whose card counts on all the time, and connects again as the script does."""

    user_id: int
    since: list[float] = field(default_factory=lambda: [time.monotonic()])
    """When it said each number first."""
    connected: asyncio.Event = field(default_factory=asyncio.Event)

    async def stay(self, bridge: Bridge, portal: FakePortal) -> None:
        token, sid = portal.token(self.user_id), new_sid()
        failures = 0
        while True:
            with suppress(OSError, TimeoutError, WebSocketException, AssertionError):
                connecting = card(
                    bridge, portal, self.says(), user_id=self.user_id, token=token, app_sid=sid
                )
                async with connecting as connected:
                    failures = 0
                    self.connected.set()
                    while connected.socket.close_code is None:
                        with suppress(TimeoutError):
                            async with asyncio.timeout(0.02):
                                await connected.socket.wait_closed()
                        self.since.append(time.monotonic())
                        connected.says = self.says()
            failures += 1
            if failures > 1:
                await asyncio.sleep(0.5 * 2 ** (failures - 1) * random.uniform(0.5, 1))

    def says(self) -> dict[str, object]:
        return status(CALL_ID=f"{self.user_id}-{len(self.since) - 1}")


@dataclass
class Load:
    """What backends ask, and what came of it."""

    answers: Counter[tuple[int, str]] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    untrue: list[str] = field(default_factory=list)
    ends: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, http: httpx.AsyncClient, webhooks: Mapping[str, Page | None]) -> None:
        """Ask until it ends, more slowly if the machine cannot do as much."""
        slots, due = asyncio.Semaphore(AT_ONCE), time.monotonic()
        async with asyncio.TaskGroup() as group:
            while not self.ends.is_set():
                await slots.acquire()
                asking = self._ask(http, *random.choice(list(webhooks.items())))
                group.create_task(asking).add_done_callback(lambda _: slots.release())
                due += 1 / A_SECOND
                await asyncio.sleep(max(0, due - time.monotonic()))

    async def until(self, answer: tuple[int, str], times: int = 50) -> None:
        """Wait until this answer has come `times` more times."""
        wanted = self.answers[answer] + times
        async with asyncio.timeout(60):
            while self.answers[answer] < wanted:
                await asyncio.sleep(0.01)

    async def _ask(self, http: httpx.AsyncClient, webhook: str, page: Page | None) -> None:
        begun = time.monotonic()
        try:
            answer = await ask(http, webhook)
            self.answers[said(answer)] += 1
        except (httpx.HTTPError, ValueError) as error:  # what nginx answers itself is no JSON
            self.lost[type(error).__name__] += 1
            return
        if not self._is_true(answer, page, begun):
            self.untrue.append(f"{answer.status_code} {answer.text} {about(answer)}")

    def _is_true(self, answer: httpx.Response, page: Page | None, begun: float) -> bool:
        if answer.status_code != 200:
            return said(answer) in ALLOWED
        if page is None:
            return False
        user, _, number = answer.json()["result"]["CALL_ID"].partition("-")
        said_until = [*page.since, inf][int(number) + 1]
        oldest = begun - float(answer.headers["bridge-age"]) - ON_ITS_WAY
        return int(user) == page.user_id and said_until > oldest


class Part(Generic[_T]):
    """A process of the bridge, or Redis: it can end, and begin again."""

    def __init__(self, stack: ExitStack, run: Callable[[], AbstractContextManager[_T]]) -> None:
        self._running = stack.enter_context(ExitStack())
        self._run = run

    async def begin(self) -> _T:
        return await asyncio.to_thread(self._running.enter_context, self._run())

    async def end(self) -> None:
        await asyncio.to_thread(self._running.close)


Processes = list[Part[Bridge]]


async def restart_one_after_the_other(load: Load, _: Part[str], processes: Processes) -> None:
    for process in processes:
        await process.end()
        await load.until(SHOWN)
        await process.begin()
        await load.until(SHOWN)


async def lose_redis(load: Load, server: Part[str], _: Processes) -> None:
    await server.end()
    await load.until(GONE)
    url = await server.begin()
    await load.until(SHOWN)
    async with Redis.from_url(url) as redis:
        for trouble in (
            redis.flushall(),
            redis.config_set("maxmemory", 1),
            redis.config_set("maxmemory-policy", "allkeys-lru"),
        ):
            await trouble
            await load.until(SHOWN)
        pid = (await redis.info("server"))["process_id"]
        os.kill(pid, signal.SIGSTOP)
        try:
            await load.until(GONE)
        finally:
            os.kill(pid, signal.SIGCONT)
    await load.until(SHOWN)


@pytest.mark.parametrize(
    ("trouble", "end"),
    [
        (restart_one_after_the_other, signal.SIGTERM),
        (restart_one_after_the_other, signal.SIGKILL),
        (lose_redis, signal.SIGTERM),
    ],
)
async def test_behind_nginx_no_request_is_lost_and_no_answer_untrue(
    portal: FakePortal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Callable[[Load, Part[str], Processes], Awaitable[None]],
    end: signal.Signals,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))  # which pages trust
    ports = [unused_port() for _ in range(2)]
    load, pages = Load(), {user: Page(user) for user in USERS}
    with running_nginx(tmp_path, *ports) as nginx, ExitStack() as stack:
        redis = Part(stack, partial(running_redis, tmp_path))
        store = await redis.begin()

        def serving(port: int) -> AbstractContextManager[Bridge]:
            settings = commands.environment(
                tmp_path,
                portal.cloud.oauth_server,
                BRIDGE_URL=nginx.url,
                BRIDGE_PORT=str(port),
                BRIDGE_PROXIES="127.0.0.1",
                BRIDGE_STORE=store,
                BRIDGE_FRESH="0",
            )
            return commands.serving(settings, tmp_path / f"output-{new_sid()}", end=end)

        processes = [Part(stack, partial(serving, port)) for port in ports]
        bridge, _ = await asyncio.gather(*(process.begin() for process in processes))
        portal.known_to(bridge)
        webhooks = {
            bridge.webhook(portal.member_id, str(user)): pages.get(user)
            for user in (*USERS, NOBODY)
        }
        async with nginx.client() as http, asyncio.TaskGroup() as group:
            staying = [group.create_task(page.stay(bridge, portal)) for page in pages.values()]
            async with asyncio.timeout(60):
                for page in pages.values():
                    await page.connected.wait()
            loading = group.create_task(load.run(http, webhooks))
            await load.until(SHOWN)
            await trouble(load, redis, processes)
            load.ends.set()
            await loading
            for task in staying:
                task.cancel()

    print(load.answers, load.lost)
    assert load.untrue == []
    # Each process that is killed may be in the middle of an answer.
    assert load.lost.total() <= (len(ports) if end == signal.SIGKILL else 0)
    assert load.answers[NOT_CONNECTED]
    for output in tmp_path.glob("output-*"):
        assert "Traceback" not in output.read_text()
