"""What is answered while the processes of the bridge restart, one after the other."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis
from websockets.exceptions import WebSocketException

from tests.bridge import commands
from tests.bridge.balancing import balancing
from tests.bridge.bridges import Bridge
from tests.bridge.cards import (
    NOT_CONNECTED,
    about,
    ask,
    card,
    new_sid,
    said,
    status,
)
from tests.bridge.portals import FakePortal
from tests.bridge.redis_servers import running_redis

pytestmark = pytest.mark.anyio

USERS = range(1, 6)
NOBODY = 9
A_SECOND = 200
SHOWN = (200, "connected")
GONE = (500, "INTERNAL_SERVER_ERROR")
ALLOWED = {
    NOT_CONNECTED,
    GONE,
    (503, "QUERY_LIMIT_EXCEEDED"),
}
"""Nothing is known, or the contract calls it retryable."""

OLDEST = {"card": 1, "memory": 12}
"""Seconds for which a word may not be true any more. A question that is under way is shared: the
card may have answered it a moment ago."""


@dataclass
class Page:
    """A page whose card counts on all the time, and connects again as the script does."""

    user_id: int
    since: list[float] = field(default_factory=lambda: [time.monotonic()])
    """When it said each number first."""
    codes: Counter[int | None] = field(default_factory=Counter)
    """The codes with which the bridge closed its sockets."""
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
                    self.codes[connected.socket.close_code] += 1
            failures += 1
            if failures > 1:
                await asyncio.sleep(0.5 * 2 ** (failures - 1) * random.uniform(0.5, 1))

    def says(self) -> dict[str, object]:
        return status(CALL_ID=f"{self.user_id}-{len(self.since) - 1}")


@dataclass
class Asked:
    """What was asked for, and what came of it."""

    answers: Counter[tuple[int, str]] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    untrue: list[str] = field(default_factory=list)

    async def ask(self, http: httpx.AsyncClient, webhook: str, page: Page | None) -> None:
        begun = time.monotonic()
        try:
            answer = await ask(http, webhook)
        except httpx.HTTPError as error:
            self.lost[type(error).__name__] += 1
            return
        self.answers[said(answer)] += 1
        if not self.is_true(answer, page, begun):
            self.untrue.append(f"{answer.status_code} {answer.text} {about(answer)}")

    def is_true(self, answer: httpx.Response, page: Page | None, begun: float) -> bool:
        if answer.status_code != 200:
            return said(answer) in ALLOWED
        if page is None:
            return False
        user, _, number = answer.json()["result"]["CALL_ID"].partition("-")
        said_until = [*page.since, inf][int(number) + 1]
        return int(user) == page.user_id and said_until > begun - OLDEST[about(answer)["source"]]


@dataclass
class Trouble:
    """Two processes of a bridge under load, and a Redis that is theirs alone."""

    asked: Asked
    folder: Path
    end: signal.Signals
    redis: ExitStack
    running: list[ExitStack]
    settings: list[dict[str, str]]
    outputs: list[Path] = field(default_factory=list)

    async def start(self, number: int) -> Bridge:
        self.outputs.append(self.folder / f"output-{len(self.outputs)}")
        serving = commands.serving(self.settings[number], self.outputs[-1], end=self.end)
        return await asyncio.to_thread(self.running[number].enter_context, serving)

    def start_redis(self) -> str:
        return self.redis.enter_context(running_redis(self.folder))

    async def restart_one_after_the_other(self) -> None:
        for number, process in enumerate(self.running):
            await asyncio.to_thread(process.close)
            await seen(self.asked, SHOWN)
            await self.start(number)
            await seen(self.asked, SHOWN)

    async def lose_redis(self) -> None:
        self.redis.close()
        await seen(self.asked, GONE)
        url = self.start_redis()
        await seen(self.asked, SHOWN)
        async with Redis.from_url(url) as redis:
            for trouble in (redis.flushall(), redis.config_set("maxmemory", 1)):
                await trouble
                await seen(self.asked, SHOWN)
            (pid,) = [(await redis.info("server"))["process_id"]]
            os.kill(pid, signal.SIGSTOP)
            try:
                await seen(self.asked, GONE)
            finally:
                os.kill(pid, signal.SIGCONT)
        await seen(self.asked, SHOWN)


@pytest.mark.parametrize(
    ("trouble", "end"),
    [
        (Trouble.restart_one_after_the_other, signal.SIGTERM),
        (Trouble.restart_one_after_the_other, signal.SIGKILL),
        (Trouble.lose_redis, signal.SIGTERM),
    ],
)
async def test_under_load_no_answer_is_untrue_and_a_restart_loses_none(
    portal: FakePortal,
    tmp_path: Path,
    trouble: Callable[[Trouble], Awaitable[None]],
    end: signal.Signals,
) -> None:
    ports: list[int] = []
    with balancing(0, ports) as port, ExitStack() as stack:
        running = [stack.enter_context(ExitStack()) for _ in range(2)]
        asked, rest = Asked(), asyncio.Event()
        world = Trouble(asked, tmp_path, end, stack.enter_context(ExitStack()), running, [])
        store = world.start_redis()
        for _ in running:
            settings = commands.environment(
                tmp_path,
                portal.cloud.oauth_server,
                BRIDGE_URL=f"http://127.0.0.1:{port}",
                BRIDGE_STORE=store,
                BRIDGE_FRESH="0",
            )
            world.settings.append(settings)
        bridge, _ = await asyncio.gather(world.start(0), world.start(1))
        ports += [int(each["BRIDGE_PORT"]) for each in world.settings]
        portal.known_to(bridge)
        pages = {user: Page(user) for user in USERS}

        async def load(http: httpx.AsyncClient) -> None:
            webhooks = [
                (bridge.webhook(portal.member_id, str(user)), pages.get(user))
                for user in (*USERS, NOBODY)
            ]
            async with asyncio.TaskGroup() as group:
                due = time.monotonic()
                while not rest.is_set():
                    group.create_task(asked.ask(http, *random.choice(webhooks)))
                    due += 1 / A_SECOND
                    await asyncio.sleep(max(0, due - time.monotonic()))

        # The balancer knows connections, not requests: one that is kept open ends with its process.
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=0)
        async with (
            httpx.AsyncClient(trust_env=False, timeout=30, limits=limits) as http,
            asyncio.TaskGroup() as group,
        ):
            staying = [group.create_task(each.stay(bridge, portal)) for each in pages.values()]
            for page in pages.values():
                await page.connected.wait()
            loading = group.create_task(load(http))
            await seen(asked, SHOWN)
            await trouble(world)
            rest.set()
            await loading
            for task in staying:
                task.cancel()

    codes = [page.codes for page in pages.values()]
    print(sum(asked.answers.values()), asked.answers, asked.lost, codes)
    assert asked.untrue == []
    assert end == signal.SIGKILL or asked.lost == Counter()
    assert asked.answers[NOT_CONNECTED]
    for output in world.outputs:
        assert "Traceback" not in output.read_text()


async def seen(asked: Asked, answer: tuple[int, str], times: int = 50) -> None:
    """Wait until this answer has come `times` more times."""
    wanted = asked.answers[answer] + times
    async with asyncio.timeout(60):
        while asked.answers[answer] < wanted:
            await asyncio.sleep(0.01)
