"""A forked process starts with connections of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.client.conftest import Recorder, RunProgram

CALLS = """
import asyncio, multiprocessing, os, signal, sys, threading, warnings
import httpx
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status

warnings.simplefilter("ignore", DeprecationWarning)  # later Pythons advise against such a fork
# On a busy machine a process may pause for longer than httpx keeps an idle connection.
limits = httpx.Limits(keepalive_expiry=600)
client = Client(base_url=sys.argv[1], httpx_args={"limits": limits})

def call_sync(times):
    with client:
        for _ in range(times):
            assert get_status.sync(client=client).result.crm_entity_id == 17

def call_asyncio(times):
    async def use():
        async with client:
            for _ in range(times):
                assert (await get_status.asyncio(client=client)).result.crm_entity_id == 17
    asyncio.run(use())

def forked(function, *args):
    child = multiprocessing.get_context("fork").Process(target=function, args=args)
    child.start()
    return child

def join(children):
    for child in children:
        child.join()
        assert child.exitcode == 0
"""
# What each process does after the first call of the parent, whose connection is still open.
PARENT_AND_CHILDREN = {
    "sync": """
children = [forked(call_sync, 20) for _ in range(4)]
call_sync(20)
join(children)
""",
    "asyncio": """
with asyncio.Runner() as runner:
    runner.run(get_status.asyncio(client=client))
    children = [forked(call_asyncio, 20) for _ in range(4)]
    runner.run(client.aclose())
call_sync(20)
join(children)
""",
}


@pytest.mark.parametrize("how", PARENT_AND_CHILDREN)
def test_a_parent_and_four_children_have_a_connection_each(
    how: str, recorder: Recorder, run_program: RunProgram
) -> None:
    first = "get_status.sync(client=client)\n"
    run_program(CALLS + first + PARENT_AND_CHILDREN[how], recorder.webhook_url)
    in_a_loop = how == "asyncio"
    assert len(recorder.received) == 1 + 5 * 20 + in_a_loop
    assert recorder.connections == 5 + 2 * in_a_loop  # aclose() closes both kinds


def test_a_child_that_closes_the_client_leaves_the_parent_its_connection(
    recorder: Recorder, run_program: RunProgram
) -> None:
    program = """
get_status.sync(client=client)
join([forked(client.close) for _ in range(4)])
call_sync(2)
"""
    run_program(CALLS + program, recorder.webhook_url)
    assert (recorder.connections, len(recorder.received)) == (1, 3)


def test_a_process_may_be_forked_while_a_thread_makes_a_transport(
    recorder: Recorder, run_program: RunProgram
) -> None:
    # The child would wait forever for a lock that only the parent's thread can release.
    program = """
parent, busy, go_on = os.getpid(), threading.Event(), threading.Event()
def make():
    if os.getpid() == parent:
        busy.set()
        go_on.wait()
    return httpx.HTTPTransport()
client = Client(base_url=sys.argv[1], transport=make)
thread = threading.Thread(target=call_sync, args=(1,), daemon=True)
thread.start()
busy.wait()
def child():
    signal.alarm(20)
    call_sync(1)
join([forked(child)])
go_on.set()
thread.join()
"""
    run_program(CALLS + program, recorder.webhook_url)
    assert len(recorder.received) == 2


def test_a_process_may_be_forked_while_a_thread_uses_the_client(run_program: RunProgram) -> None:
    # As above, for the lock that each change of a client's state takes.
    program = """
from bitrix24_call_card import AuthenticatedClient
over = threading.Event()
client = AuthenticatedClient("https://portal.example/rest", "made-up-token")
def use():
    while not over.is_set():
        client.token = "another-token"
thread = threading.Thread(target=use)
thread.start()
def child():
    signal.alarm(20)
    client.token = "a-third-token"
for _ in range(20):
    join([forked(child)])
over.set()
thread.join()
"""
    run_program(CALLS + program, "https://portal.example/rest/1/made-up-secret/")
