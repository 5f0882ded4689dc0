"""What several processes of the bridge answer, which share a Redis and a file of data."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest
from bitrix24_bridge.settings import Rate

from tests.bridge import commands
from tests.bridge.bridges import Bridge
from tests.bridge.cards import (
    NOT_CONNECTED,
    about,
    ask,
    ask_with,
    card,
    new_sid,
    said,
    status,
    until,
)
from tests.bridge.conftest import PATIENT, RunBridge
from tests.bridge.portals import FakePortal

pytestmark = pytest.mark.anyio

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
        await until(http, webhook_at(one, portal), (200, "connected"))
        answer = await ask(http, webhook_at(other, portal))

        assert answer.status_code == 200
        assert answer.json()["result"] == says
        assert about(answer) == {"source": "card", "cards": "1"}
        assert 0 <= float(answer.headers["bridge-age"]) < 5
        assert connected.questions >= 2

        connected.says = status("idle")
        assert said(await ask(http, webhook_at(other, portal))) == (200, "idle")


async def test_a_card_that_does_not_answer_another_process_in_time_is_remembered(
    run_process: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    one, other = (run_process(times=replace(PATIENT, ask=0.05)) for _ in range(2))
    async with card(one, portal) as connected:
        webhook = webhook_at(other, portal)
        await until(http, webhook, (200, "connected"))
        connected.frozen = True
        await until(http, webhook, (200, "connected"), source="memory")
        connected.frozen = False
        await connected.answer()
        answer = await until(http, webhook, (200, "connected"), source="card")
        assert about(answer) == {"source": "card", "cards": "1"}


async def test_cards_at_two_processes_are_all_asked_and_connected_comes_first(
    one: Bridge, other: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    webhooks = [webhook_at(each, portal) for each in (one, other)]
    first, last = status("connected", CALL_ID="first"), status("connected", CALL_ID="last")
    async with card(one, portal, first) as here, card(other, portal, last) as there:
        for webhook in webhooks:
            await until(http, webhook, (200, "connected"), source="card")
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
        await until(http, webhook, (200, "connected"))
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
                answer = await until(http, webhook, (200, "connected"), source="card")
                assert about(answer) == {"source": "card", "cards": "1"}


# --- a process that was killed --------------------------------------------------------------------


@contextmanager
def stopped(process: Bridge) -> Iterator[None]:
    """Stop a process, which is not this one, while the context lasts."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


@pytest.fixture
def owner(portal: FakePortal, redis_url: str, tmp_path: Path) -> Iterator[tuple[Bridge, ExitStack]]:
    """A process of the bridge, and the stack whose end kills it."""
    settings = commands.environment(
        tmp_path, portal.cloud.oauth_server, several=True, BRIDGE_STORE=redis_url, BRIDGE_FRESH="0"
    )
    with ExitStack() as stack:
        running = commands.serving(settings, tmp_path / "output", end=signal.SIGKILL)
        owner = stack.enter_context(running)
        portal.known_to(owner)
        yield owner, stack


async def test_the_card_of_a_killed_process_is_gone_until_it_connects_to_another(
    owner: tuple[Bridge, ExitStack],
    run_process: RunBridge,
    portal: FakePortal,
    http: httpx.AsyncClient,
) -> None:
    killed, stack = owner
    other, sid = run_process(), new_sid()
    webhook = webhook_at(other, portal)
    async with card(killed, portal, app_sid=sid) as connected:
        await until(http, webhook, (200, "connected"), source="card")
        await asyncio.to_thread(stack.close)
        await connected.closed()

        for _ in range(3):  # at once: nobody listens for the question
            answer = await ask(http, webhook)
            assert said(answer) == NOT_CONNECTED
            assert about(answer) == {}
    async with card(other, portal, app_sid=sid):
        answer = await until(http, webhook, (200, "connected"), source="card")
        assert about(answer) == {"source": "card", "cards": "1"}


async def test_a_question_during_which_its_process_is_killed_finds_no_card(
    owner: tuple[Bridge, ExitStack],
    run_process: RunBridge,
    portal: FakePortal,
    http: httpx.AsyncClient,
) -> None:
    killed, stack = owner
    other = run_process(times=replace(PATIENT, ask=1.5))
    webhook = webhook_at(other, portal)
    async with card(killed, portal) as connected:
        await until(http, webhook, (200, "connected"), source="card")
        connected.frozen = True
        asking = asyncio.create_task(ask(http, webhook))
        await connected.asked(connected.questions + 1)
        await asyncio.to_thread(stack.close)

        assert said(await asking) == NOT_CONNECTED


async def test_a_process_that_hangs_costs_no_answer_but_those_of_its_own_cards(
    owner: tuple[Bridge, ExitStack],
    run_process: RunBridge,
    portal: FakePortal,
    http: httpx.AsyncClient,
) -> None:
    hung, _ = owner
    other = run_process(times=replace(PATIENT, ask=1))
    webhook = webhook_at(other, portal)
    async with card(hung, portal, status("idle")), card(other, portal):
        await until(http, webhook, (200, "connected"))
        assert about(await ask(http, webhook)) == {"source": "card", "cards": "2"}
        with stopped(hung):
            answer = await ask(http, webhook)
            assert said(answer) == (200, "connected")
            assert about(answer) == {"source": "card", "cards": "1"}
        async with asyncio.timeout(60):
            while about(await ask(http, webhook))["cards"] != "2":
                pass


async def test_two_bridges_that_share_a_redis_do_not_share_cards(
    one: Bridge, run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient, redis_url: str
) -> None:
    another = run_bridge(store=redis_url)
    async with card(one, portal):
        await until(http, webhook_at(one, portal), (200, "connected"))
        assert said(await ask(http, webhook_at(another, portal))) == NOT_CONNECTED


# --- what is shared -------------------------------------------------------------------------------


async def test_the_oauth_server_is_asked_once_for_all_processes(
    one: Bridge, other: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    token, unknown = portal.token(), new_sid()
    async with card(one, portal, token=token):
        for each in (other, one):
            await until(http, webhook_at(each, portal), (200, "connected"))
            assert said(await ask_with(http, each, token)) == (200, "connected")
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
