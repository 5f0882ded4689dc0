"""A forked process starts with connections of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.client.conftest import Recorder, RunProgram

CALLS = """
import asyncio, os, sys, threading
import httpx
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status

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

def fork(call):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            call()
            status = 0
        finally:
            sys.stdout.flush()
            os._exit(status)
    return pid

def join(pids):
    for pid in pids:
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
# What each process does after the first call of the parent, whose connection is still open.
PARENT_AND_CHILDREN = {
    "os.fork": """
children = [fork(lambda: call_sync(200)) for _ in range(4)]
call_sync(200)
join(children)
""",
    "os.fork, asyncio": """
with asyncio.Runner() as runner:
    runner.run(get_status.asyncio(client=client))
    children = [fork(lambda: call_asyncio(200)) for _ in range(4)]
    runner.run(client.aclose())
call_sync(200)
join(children)
""",
    "multiprocessing": """
import multiprocessing
context = multiprocessing.get_context("fork")
children = [context.Process(target=call_sync, args=(200,)) for _ in range(4)]
for child in children:
    child.start()
call_sync(200)
for child in children:
    child.join()
    print(child.exitcode)
""",
}


@pytest.mark.parametrize("how", PARENT_AND_CHILDREN)
def test_a_parent_and_four_children_call_200_times_each_over_a_connection_each(
    how: str, recorder: Recorder, run_program: RunProgram
) -> None:
    first = "get_status.sync(client=client)\n"
    printed = run_program(CALLS + first + PARENT_AND_CHILDREN[how], recorder.webhook_url)
    assert printed.split() == ["0"] * 4
    in_a_loop = "asyncio" in how
    assert len(recorder.received) == 1 + 5 * 200 + in_a_loop
    assert recorder.connections == 5 + in_a_loop


def test_the_connection_of_the_parent_outlives_its_children(
    recorder: Recorder, run_program: RunProgram
) -> None:
    program = """
get_status.sync(client=client)
def end():
    client.close()
join([fork(end) for _ in range(4)])
call_sync(2)
"""
    run_program(CALLS + program, recorder.webhook_url)
    assert (recorder.connections, len(recorder.received)) == (1, 3)


# The child would wait forever for what only the thread of the parent can end.
BUSY_PARENTS = {
    "makes a transport": """
def make():
    if os.getpid() == parent:
        busy.set()
        go_on.wait()
    return httpx.HTTPTransport()
client = Client(base_url=sys.argv[1], transport=make)
""",
    "reads the authorities": """
create = httpx.create_ssl_context
def create_ssl_context(*args, **kwargs):
    if os.getpid() == parent:
        busy.set()
        go_on.wait()
    return create(*args, **kwargs)
httpx.create_ssl_context = create_ssl_context
""",
}


@pytest.mark.parametrize("what", BUSY_PARENTS)
def test_a_process_may_be_forked_while_a_thread_of_the_parent(
    what: str, recorder: Recorder, run_program: RunProgram
) -> None:
    program = f"""
import httpx, signal, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # later Pythons advise against such a fork
parent, busy, go_on = os.getpid(), threading.Event(), threading.Event()
{BUSY_PARENTS[what]}
thread = threading.Thread(target=call_sync, args=(1,))
thread.start()
busy.wait()
def child():
    signal.alarm(20)
    call_sync(1)
children = [fork(child)]
join(children)
go_on.set()
thread.join()
"""
    assert run_program(CALLS + program, recorder.webhook_url) == "0\n"
    assert len(recorder.received) == 2
