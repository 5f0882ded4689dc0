"""What processes of the bridge answer while their Redis is gone, and once it is back."""

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest
from bitrix24_bridge.processes import Processes
from redis.asyncio import Redis

from tests.bridge import commands
from tests.bridge.bridges import Bridge
from tests.bridge.cards import (
    NOT_CONNECTED,
    PHONE,
    about,
    ask,
    ask_with,
    card,
    new_sid,
    open_widget,
    opening_form,
    refused,
    said,
    until,
)
from tests.bridge.conftest import PATIENT, RunBridge
from tests.bridge.lines import Line, running_line
from tests.bridge.portals import FakePortal
from tests.bridge.redis_servers import running_redis

pytestmark = pytest.mark.anyio

SHOWN = (200, "connected")
GONE = (500, "INTERNAL_SERVER_ERROR")

OFTEN = replace(PATIENT, ask=0.3, every=1, lease=3)
"""Cards are asked so often that they are known again soon, but not while Redis is waited for."""


@pytest.fixture
def run_process(run_bridge: RunBridge, redis_url: str) -> RunBridge:
    """Run one more process of a bridge, with other settings than usual."""
    return partial(run_bridge, store=redis_url, several=True, times=OFTEN)


@pytest.fixture
async def line(redis_url: str, tmp_path: Path) -> AsyncIterator[tuple[str, Line]]:
    """A line to the Redis, and the URL of its other end."""
    async with running_line(redis_url, tmp_path) as line:
        yield line


def webhook_at(process: Bridge, portal: FakePortal, user_id: str = "1") -> str:
    """Return the URL of a new secret at this process; it counts at every other as well."""
    return process.webhook(portal.member_id, user_id, new_sid())


async def assert_gone(http: httpx.AsyncClient, process: Bridge, portal: FakePortal) -> None:
    """Whoever asks, the bridge says that it cannot know, and soon."""
    webhook, taken = webhook_at(process, portal), []
    for _ in range(3):
        begun = time.monotonic()
        answer = await ask(http, webhook)
        taken.append(time.monotonic() - begun)
        assert said(answer) == GONE
        assert answer.json()["error_description"] == "The store cannot be reached. Retry later."
        assert about(answer) == {}
        assert answer.headers["cache-control"] == "no-store"
    assert min(taken) < 1  # a busy machine takes longer now and then
    assert said(await ask_with(http, process, portal.token())) == GONE
    unknown = webhook.replace("/rest/1/", "/rest/2/")
    assert said(await ask(http, unknown)) == (401, "INVALID_CREDENTIALS")


async def assert_takes_nothing(
    http: httpx.AsyncClient, process: Bridge, portal: FakePortal
) -> None:
    """What a portal or a page sends is refused with what makes it come again, if anything does."""
    # The page asks for the call itself, once it can be taken.
    form = opening_form(portal, portal.token())
    assert (await open_widget(http, process, form)).status_code == 200
    closed = await refused(process, portal, portal.token())
    assert closed == (4503, "The store cannot be reached. Retry later.")


async def test_without_redis_every_answer_is_a_fault_until_it_is_back(
    run_bridge: RunBridge, portal: FakePortal, tmp_path: Path, http: httpx.AsyncClient
) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    with ExitStack() as stack:
        url = stack.enter_context(running_redis(folder))
        one, other = (run_bridge(store=url, several=True, times=OFTEN) for _ in range(2))
        webhook = webhook_at(other, portal)
        async with card(one, portal) as connected:
            await until(http, webhook, SHOWN, NOT_CONNECTED)
            stack.close()

            for process in (one, other):
                await assert_gone(http, process, portal)
                await assert_takes_nothing(http, process, portal)
            assert connected.socket.close_code is None

            stack.enter_context(running_redis(folder))  # an empty one
            await until(http, webhook, SHOWN, NOT_CONNECTED, GONE, source="card")
            assert about(await ask(http, webhook)) == {"source": "card", "cards": "1"}
            assert connected.socket.close_code is None
            async with card(other, portal):
                answer = await until(http, webhook_at(one, portal), SHOWN)
                assert about(answer)["cards"] == "2"


async def test_a_process_that_is_cut_off_knows_nothing_and_others_do_not_know_its_cards(
    run_process: RunBridge, line: tuple[str, Line], portal: FakePortal, http: httpx.AsyncClient
) -> None:
    url, one_s_line = line
    one, other = run_process(store=url), run_process()
    webhook = webhook_at(other, portal)
    async with card(one, portal) as connected:
        await until(http, webhook, SHOWN, NOT_CONNECTED, source="card")
        one_s_line.cut()
        assert said(await ask(http, webhook_at(one, portal))) == GONE
        assert said(await ask(http, webhook)) == NOT_CONNECTED
        assert connected.socket.close_code is None

        one_s_line.down = False
        # Also the question is heard, although nothing said that its connection was lost.
        await until(http, webhook, SHOWN, NOT_CONNECTED, source="card")
        await until(http, webhook_at(one, portal), SHOWN, GONE, source="card")
        assert connected.socket.close_code is None


async def test_after_a_failover_connections_to_the_former_server_are_dropped(
    run_process: RunBridge,
    line: tuple[str, Line],
    portal: FakePortal,
    tmp_path: Path,
    http: httpx.AsyncClient,
) -> None:
    url, to_the_master = line
    one, other = (run_process(store=url, times=replace(OFTEN, lease=1)) for _ in range(2))
    webhook = webhook_at(other, portal)
    folder = tmp_path / "redis"
    folder.mkdir()
    async with card(one, portal):
        await until(http, webhook, SHOWN, NOT_CONNECTED, source="card")
        with running_redis(folder) as second:
            former = to_the_master.lead_to(second)
            async with Redis.from_url(former) as redis:
                await redis.replicaof("127.0.0.1", "1")
                try:
                    async with asyncio.timeout(60):
                        while await redis.pubsub_channels():
                            await asyncio.sleep(0.02)
                    await until(http, webhook, SHOWN, NOT_CONNECTED, GONE, source="card")
                finally:
                    await redis.replicaof("NO", "ONE")
                    to_the_master.lead_to(former)


async def test_a_process_hears_again_after_whatever_ended_its_listening(
    run_process: RunBridge,
    portal: FakePortal,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    redis_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one, other = run_process(), run_process()
    webhook = webhook_at(other, portal)
    failed = threading.Event()
    async with card(one, portal), Redis.from_url(redis_url) as redis:
        await until(http, webhook, SHOWN, NOT_CONNECTED, source="card")
        with monkeypatch.context() as patch:

            def fail(*_: object) -> None:
                failed.set()
                raise RuntimeError("+12025550199")

            patch.setattr(Processes, "_receive", fail)
            assert await asyncio.to_thread(failed.wait, 60)
        await until(http, webhook, SHOWN, NOT_CONNECTED, GONE, source="card")
        for text in ("", "null", "[]", '{"question": 1}', '{"opened": 1, "user": 2}', "\xff"):
            for channel in await redis.pubsub_channels():
                await redis.publish(channel, text)
        assert said(await ask(http, webhook)) == SHOWN
    assert "Listening to Redis failed: RuntimeError" in caplog.text
    assert "12025550199" not in caplog.text


# --- whether it is fit, and its password ----------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--maxmemory-policy", "noeviction"], ""),
        (["--maxmemory-policy", "allkeys-lru"], "this Redis evicts keys (allkeys-lru)."),
        (["--cluster-enabled", "yes", "--port", "0"], "this Redis is a cluster."),
    ],
)
def test_a_redis_that_evicts_and_a_cluster_are_refused_by_name(
    tmp_path: Path, options: list[str], reason: str
) -> None:
    with running_redis(tmp_path, *options) as url:
        settings = commands.environment(
            tmp_path, "https://oauth.example/rest/", several=True, BRIDGE_STORE=url
        )
        if reason:
            done = commands.run(settings)
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr.startswith(f"BRIDGE_STORE: {reason}")
        else:
            with commands.serving(settings, tmp_path / "output"):
                pass


async def test_no_log_shows_the_password_of_redis_nor_what_is_in_it(
    portal: FakePortal, tmp_path: Path, http: httpx.AsyncClient
) -> None:
    right, wrong = new_sid(), new_sid()
    with running_redis(tmp_path, "--requirepass", right) as url:
        path = url.removeprefix("unix://")
        outputs = []
        for password, wanted in ((right, SHOWN), (wrong, GONE)):
            settings = commands.environment(
                tmp_path,
                portal.cloud.oauth_server,
                BRIDGE_STORE=f"unix://:{password}@{path}",
            )
            output = tmp_path / f"output-{wanted[0]}"
            with commands.serving(settings, output, "--log-level", "debug") as process:
                assert password not in repr(process)
                portal.known_to(process)
                webhook = webhook_at(process, portal)
                if password == wrong:
                    assert said(await ask(http, webhook)) == GONE
                else:
                    async with card(process, portal):
                        await until(http, webhook, SHOWN, NOT_CONNECTED)
            outputs.append(output.read_text())
    for printed in outputs:
        for secret in (right, wrong, PHONE, PHONE[1:], "Traceback"):
            assert secret not in printed
    assert re.search(r"Redis cannot be used: AuthenticationError\.$", outputs[1], re.MULTILINE)
