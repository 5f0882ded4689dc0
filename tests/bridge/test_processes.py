"""What several processes of the bridge answer, which share a Redis and a file of data."""

import asyncio
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest
from bitrix24_bridge import connections
from bitrix24_bridge.data import hashed
from bitrix24_bridge.processes import Processes
from bitrix24_bridge.settings import Rate
from bitrix24_sandbox.server import listen, port_of
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
    status,
    until,
)
from tests.bridge.conftest import PATIENT, RunBridge
from tests.bridge.lines import Line, running_line
from tests.bridge.portals import FakePortal
from tests.bridge.redis_servers import running_redis

pytestmark = pytest.mark.anyio

SHOWN = (200, "connected")
GONE = (500, "INTERNAL_SERVER_ERROR")
TOO_MUCH = (503, "QUERY_LIMIT_EXCEEDED")


@pytest.fixture
def run_process(run_bridge: RunBridge, redis_url: str) -> RunBridge:
    """Run one more process of a bridge, with other settings than usual."""
    return partial(run_bridge, store=redis_url, several=True)


@pytest.fixture
def one(run_process: RunBridge) -> Bridge:
    return run_process()


@pytest.fixture
def other(run_process: RunBridge) -> Bridge:
    return run_process()


def webhook_at(process: Bridge, portal: FakePortal, user_id: str = "1") -> str:
    """Return the URL of a new secret at this process; it counts at every other as well."""
    return process.webhook(portal.member_id, user_id, new_sid())


# --- questions ------------------------------------------------------------------------------------


async def test_a_card_is_asked_from_another_process_and_its_answer_is_the_whole_status(
    one: Bridge, other: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    says = status(CALL_ID="\ud83d", LINE_NAME="Приёмная \u2028")
    async with card(one, portal, says) as connected:
        await until(http, webhook_at(one, portal), SHOWN)
        begun = time.monotonic()
        answer = await ask(http, webhook_at(other, portal))

        assert answer.status_code == 200
        assert answer.json()["result"] == says
        assert about(answer) == {"source": "card", "cards": "1"}
        assert 0 <= float(answer.headers["bridge-age"]) < time.monotonic() - begun
        assert connected.questions >= 2

        connected.says = status("idle")
        assert said(await ask(http, webhook_at(other, portal))) == (200, "idle")


async def test_a_card_that_does_not_answer_another_process_in_time_is_remembered(
    run_process: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    one, other = (run_process(times=replace(PATIENT, ask=0.05)) for _ in range(2))
    async with card(one, portal) as connected:
        webhook = webhook_at(other, portal)
        await until(http, webhook, SHOWN)
        connected.frozen = True
        await until(http, webhook, SHOWN, source="memory")
        connected.frozen = False
        await connected.answer()
        answer = await until(http, webhook, SHOWN, source="card")
        assert about(answer) == {"source": "card", "cards": "1"}


async def test_cards_at_two_processes_are_all_asked_and_connected_comes_first(
    one: Bridge, other: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    webhooks = [webhook_at(each, portal) for each in (one, other)]
    first, last = status("connected", CALL_ID="first"), status("connected", CALL_ID="last")
    async with card(one, portal, first) as here, card(other, portal, last) as there:
        for webhook in webhooks:
            await until(http, webhook, SHOWN, source="card")
            answer = await ask(http, webhook)
            assert about(answer) == {"source": "card", "cards": "2"}
            assert answer.json()["result"]["CALL_ID"] == "last"
        there.says = status("idle", CALL_ID="last")
        for webhook in webhooks:
            assert (await ask(http, webhook)).json()["result"]["CALL_ID"] == "first"
        here.says = status("idle", CALL_ID="first")
        for webhook in webhooks:
            answer = await ask(http, webhook)
            assert said(answer) == (200, "idle")
            assert answer.json()["result"]["CALL_ID"] == "last"


async def test_a_card_that_closes_at_one_process_is_closed_for_all_at_once(
    one: Bridge, other: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    webhook = webhook_at(other, portal)
    async with card(one, portal) as connected:
        await until(http, webhook, SHOWN)
        connected.frozen = True
        asking = asyncio.create_task(ask(http, webhook))
        await connected.asked(connected.questions + 1)
        await connected.socket.close()
        answer = await asking  # long before the question's bound, which is longer than this test

        assert said(answer) == NOT_CONNECTED
        assert about(answer) == {}
    assert said(await ask(http, webhook)) == NOT_CONNECTED


# --- connecting again elsewhere -------------------------------------------------------------------


async def test_a_card_that_connects_elsewhere_is_one_card_with_its_last_word(
    run_process: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    one, other = (run_process(times=replace(PATIENT, ask=0.5)) for _ in range(2))
    sid = new_sid()
    async with card(one, portal, status("connecting"), app_sid=sid) as former:
        await until(http, webhook_at(one, portal), (200, "connecting"))
        former.frozen = True  # its process has not noticed yet that the page has gone
        async with card(other, portal, app_sid=sid):
            for process in (one, other):
                webhook = webhook_at(process, portal)
                answer = await until(http, webhook, SHOWN, source="card")
                assert about(answer) == {"source": "card", "cards": "1"}


# --- a process that hangs or was killed -----------------------------------------------------------


async def test_a_process_that_hangs_or_was_killed_costs_no_answer_but_those_of_its_own_cards(
    run_process: RunBridge,
    portal: FakePortal,
    redis_url: str,
    tmp_path: Path,
    http: httpx.AsyncClient,
) -> None:
    other, sid = run_process(times=replace(PATIENT, ask=0.3)), new_sid()
    of_both, of_one = (webhook_at(other, portal, user_id) for user_id in ("1", "2"))
    settings = commands.environment(
        tmp_path, portal.cloud.oauth_server, several=True, BRIDGE_STORE=redis_url
    )

    async def assert_alone() -> None:
        answer = await ask(http, of_both)
        assert said(answer) == (200, "idle")
        assert about(answer)["cards"] == "1"
        assert said(await ask(http, of_one)) == NOT_CONNECTED

    with ExitStack() as stack:
        running = commands.serving(settings, tmp_path / "output", end=signal.SIGKILL)
        one = stack.enter_context(running)
        async with (
            card(other, portal, status("idle")),
            card(one, portal),
            card(one, portal, user_id=2, app_sid=sid) as connected,
        ):
            await until(http, of_both, SHOWN, (200, "idle"))
            os.kill(one.pid, signal.SIGSTOP)
            await assert_alone()
            os.kill(one.pid, signal.SIGCONT)
            await until(http, of_both, SHOWN, (200, "idle"))
            await until(http, of_one, SHOWN, NOT_CONNECTED)

            await asyncio.to_thread(stack.close)
            await connected.closed()
            await assert_alone()
            async with card(other, portal, user_id=2, app_sid=sid):
                answer = await until(http, of_one, SHOWN, NOT_CONNECTED, source="card")
                assert about(answer)["cards"] == "1"


# --- what is shared, and what is not --------------------------------------------------------------


async def test_the_oauth_server_is_asked_once_for_all_processes(
    one: Bridge, other: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    token, unknown = portal.token(), new_sid()

    async def kept(token: str) -> None:
        """Wait until what the OAuth server said is in the data, which an answer does not."""
        with one.data() as data:
            async with asyncio.timeout(60):
                while data.verdict(hashed(token)) is None:
                    await asyncio.sleep(0.01)

    async with card(one, portal, token=token):
        await kept(token)
        assert said(await ask_with(http, one, unknown)) == (401, "invalid_token")
        await kept(unknown)
        for each in (other, one):
            await until(http, webhook_at(each, portal), SHOWN)
            assert said(await ask_with(http, each, token)) == SHOWN
            assert said(await ask_with(http, each, unknown)) == (401, "invalid_token")
    async with card(other, portal, token=token):
        pass
    assert portal.cloud.times_asked(token) == 1
    assert portal.cloud.times_asked(unknown) == 1


async def test_limits_are_of_all_processes_together(
    run_process: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    one, other = (run_process(tokens=Rate(3, 0.001)) for _ in range(2))
    for each in (one, other, one):
        assert said(await ask_with(http, each, new_sid())) == (401, "invalid_token")
    for each in (one, other):
        unseen = new_sid()
        assert said(await ask_with(http, each, unseen)) == TOO_MUCH
        assert portal.cloud.times_asked(unseen) == 0


async def test_two_bridges_that_share_a_redis_do_not_share_cards(
    one: Bridge, run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient, redis_url: str
) -> None:
    another = run_bridge(store=redis_url)
    async with card(one, portal):
        await until(http, webhook_at(one, portal), SHOWN)
        assert said(await ask(http, webhook_at(another, portal))) == NOT_CONNECTED


# --- a Redis that is gone -------------------------------------------------------------------------


async def assert_gone(http: httpx.AsyncClient, process: Bridge, portal: FakePortal) -> None:
    """Whoever asks, the bridge says that it cannot know, within a second."""
    webhook = webhook_at(process, portal)
    answer = await ask(http, webhook)
    assert said(answer) == GONE
    assert answer.json()["error_description"] == "The store cannot be reached. Retry later."
    assert about(answer) == {}
    assert answer.headers["cache-control"] == "no-store"
    unknown = webhook.replace("/rest/1/", "/rest/2/")
    assert said(await ask(http, unknown)) == (401, "INVALID_CREDENTIALS")
    async with asyncio.timeout(60):
        taken = 1.0
        while taken >= 1:  # a busy machine takes longer now and then
            begun = time.monotonic()
            assert said(await ask_with(http, process, portal.token())) == GONE
            taken = time.monotonic() - begun
        while (await http.get(f"{process.url}/ready")).status_code != 503:
            await asyncio.sleep(0.01)
    assert said(await ask(http, webhook)) == GONE


async def test_without_redis_every_answer_is_a_fault_until_it_is_back(
    run_bridge: RunBridge, portal: FakePortal, tmp_path: Path, http: httpx.AsyncClient
) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(running_redis(tmp_path))
        one, other = (run_bridge(store=url, several=True) for _ in range(2))
        webhook = webhook_at(other, portal)
        async with card(one, portal) as connected:
            await until(http, webhook, SHOWN, NOT_CONNECTED)
            stack.close()

            for process in (one, other):
                await assert_gone(http, process, portal)
                # The page asks for the call itself, once it can be taken.
                form = opening_form(portal, portal.token())
                assert (await open_widget(http, process, form)).status_code == 200
                closed = await refused(process, portal, portal.token())
                assert closed == (4503, "The store cannot be reached. Retry later.")

            stack.enter_context(running_redis(tmp_path))  # an empty one
            answer = await until(http, webhook, SHOWN, NOT_CONNECTED, GONE, source="card")
            assert about(answer)["cards"] == "1"
            assert connected.socket.close_code is None
            async with card(other, portal):
                answer = await until(http, webhook_at(one, portal), SHOWN)
                assert about(answer)["cards"] == "2"


@pytest.fixture
def line(redis_url: str) -> Iterator[Line]:
    """A line to the Redis."""
    with running_line(redis_url.removeprefix("unix://")) as line:
        yield line


@pytest.fixture
def run_at_line(run_process: RunBridge, line: Line, monkeypatch: pytest.MonkeyPatch) -> RunBridge:
    """Run one more process, which comes to Redis over the line and notices soon what is wrong.

    Its cards do not: for them, time stands still.
    """
    monkeypatch.setattr(connections, "_now", lambda: 0.0)
    url = line.url.replace("http", "redis")
    return partial(run_process, store=url, times=replace(PATIENT, ask=0.3, lease=1))


async def test_a_process_that_is_cut_off_knows_nothing_and_others_do_not_know_its_cards(
    run_at_line: RunBridge,
    line: Line,
    run_process: RunBridge,
    portal: FakePortal,
    http: httpx.AsyncClient,
) -> None:
    one, other = run_at_line(), run_process(times=replace(PATIENT, ask=0.3))
    webhook = webhook_at(other, portal)
    async with card(one, portal) as connected:
        await until(http, webhook, SHOWN, NOT_CONNECTED, source="card")
        redis = line.target
        with listen() as silent:
            line.target = port_of(silent)
            line.drop()
            await assert_gone(http, one, portal)
            assert said(await ask(http, webhook)) == NOT_CONNECTED
            line.target = redis

        # Also the question is heard, although nothing said that its connection was lost.
        await until(http, webhook, SHOWN, NOT_CONNECTED, source="card")
        await until(http, webhook_at(one, portal), SHOWN, GONE, source="card")
        assert connected.socket.close_code is None


async def test_after_a_failover_connections_to_the_former_server_are_dropped(
    run_at_line: RunBridge,
    line: Line,
    redis_url: str,
    portal: FakePortal,
    tmp_path: Path,
    http: httpx.AsyncClient,
) -> None:
    one, other = run_at_line(), run_at_line()
    webhook = webhook_at(other, portal)
    async with card(one, portal), Redis.from_url(redis_url) as former:
        await until(http, webhook, SHOWN, NOT_CONNECTED, GONE, source="card")
        with running_redis(tmp_path) as second:
            line.target = second.removeprefix("unix://")
            await former.replicaof("127.0.0.1", "1")
            try:
                async with asyncio.timeout(60):
                    while await former.pubsub_channels():
                        await asyncio.sleep(0.02)
                await until(http, webhook, SHOWN, NOT_CONNECTED, GONE, source="card")
            finally:
                await former.replicaof("NO", "ONE")


async def test_a_process_hears_again_after_whatever_ended_its_listening(
    one: Bridge,
    other: Bridge,
    portal: FakePortal,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    redis_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    webhook = webhook_at(other, portal)
    failed = threading.Event()
    async with card(one, portal), Redis.from_url(redis_url) as redis:

        async def publish(*texts: str) -> None:
            for text in texts:
                for channel in await redis.pubsub_channels():
                    await redis.publish(channel, text)

        await until(http, webhook, SHOWN, NOT_CONNECTED, source="card")
        with monkeypatch.context() as patch:

            def fail(*_: object) -> None:
                failed.set()
                raise RuntimeError("+12025550199")

            patch.setattr(Processes, "_receive", fail)
            await publish("{}")
            assert await asyncio.to_thread(failed.wait, 60)
        await until(http, webhook, SHOWN, NOT_CONNECTED, GONE, source="card")
        await publish("", "null", "[]", '{"question": 1}', "\xff")
        assert said(await ask(http, webhook)) == SHOWN
    assert "Listening to Redis failed: RuntimeError" in caplog.text
    assert "12025550199" not in caplog.text


# --- which Redis is fit, and its password ---------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--maxmemory-policy", "allkeys-lru"], "this Redis evicts keys (allkeys-lru)."),
        (["--cluster-enabled", "yes"], "this Redis is a cluster."),
    ],
)
def test_a_redis_that_evicts_and_a_cluster_are_refused_by_name(
    tmp_path: Path, options: list[str], reason: str
) -> None:
    with running_redis(tmp_path, *options) as url:
        done = commands.run(commands.environment(tmp_path, BRIDGE_STORE=url))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"BRIDGE_STORE: {reason}")


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
