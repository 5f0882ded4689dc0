"""A refresh that is cancelled, interrupted or hangs: no call hangs, and the next one works."""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from bitrix24_call_card import errors

from tests.client.conftest import WAIT
from tests.client.refreshing import (
    KINDS,
    NEW,
    OLD,
    Portal,
    Refreshes,
    acall,
    call,
    in_time,
    outcomes_of_threads,
    wait_for_waiting_callers,
)

if TYPE_CHECKING:
    from tests.client.conftest import Get, RunProgram


@pytest.fixture
def portal(answer: dict[str, Any]) -> Portal:
    """A portal that accepts the new token only."""
    return Portal(answer)


@pytest.fixture
def goes_on() -> Iterator[threading.Event]:
    """What `hanging` waits for, at the latest until the test ends."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def hanging(goes_on: threading.Event) -> Refreshes:
    """A `refresh` whose first call hangs until `goes_on`."""
    return (refresh := Refreshes(ready=lambda: refresh.calls > 1 or goes_on.wait()))


async def until(event: threading.Event) -> None:
    """Wait in a loop for an event of threads."""
    async with asyncio.timeout(WAIT):
        while not event.is_set():
            await asyncio.sleep(0)


# --- cancellation ---------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("others", [0, 19])
def test_a_cancelled_caller_leaves_the_refresh_to_the_others_and_to_the_next_call(
    others: int, kind: str, hanging: Refreshes, goes_on: threading.Event, portal: Portal
) -> None:
    async def use() -> None:
        client = portal.client(refresh=hanging.of_kind(kind))
        first, *rest = [asyncio.create_task(acall(client)) for _ in range(1 + others)]
        await until(hanging.begun)  # in vain, if a plain `refresh` blocked the loop
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        goes_on.set()
        assert await asyncio.gather(*rest, acall(client)) == [17] * (others + 1)
        assert hanging.calls == 1

    in_time(lambda: asyncio.run(use()))


def test_a_loop_that_ends_with_the_refresh_in_it_fails_the_calls_of_other_loops(
    portal: Portal,
) -> None:
    async def refresh() -> str:
        begun.set()
        if portal.tokens[OLD] < 3:
            await asyncio.Event().wait()  # forever
        return NEW

    async def begin() -> asyncio.Task[object]:
        task = asyncio.create_task(acall(client))
        await until(begun)
        return task

    async def end(task: asyncio.Task[object]) -> None:
        with pytest.raises(errors.RefreshError, match="the refresh of the token was cancelled"):
            await task
        assert await acall(client) == 17

    begun = threading.Event()
    client = portal.client(refresh=refresh)
    with asyncio.Runner() as ending, asyncio.Runner() as other:
        ending.run(begin())
        waiting = other.run(begin())
        ending.close()
        other.run(asyncio.wait_for(end(waiting), WAIT))


# --- interrupts -----------------------------------------------------------------------------------

INTERRUPTS = [KeyboardInterrupt(), SystemExit(2), GeneratorExit(), asyncio.CancelledError()]


def is_refresh_error(error: object) -> bool:
    """Return whether it is what those get who did not run the refresh."""
    expected = r"the refresh of the token was (interrupted: \w+|cancelled)"
    return isinstance(error, errors.RefreshError) and bool(re.fullmatch(expected, str(error)))


class TestWhatIsNotAnException:
    """It stays with the thread or task that ran `refresh`; everybody else gets a RefreshError."""

    @pytest.mark.parametrize("interrupt", INTERRUPTS, ids=repr)
    @pytest.mark.parametrize("name", ["refresh", "on_refresh"])
    def test_is_raised_to_the_synchronous_caller_that_ran_it(
        self, name: str, interrupt: BaseException, portal: Portal
    ) -> None:
        failing = Refreshes(interrupt)
        client = portal.client(**{"refresh": Refreshes(), name: failing})
        with pytest.raises(type(interrupt)) as caught:
            call(client)
        assert caught.value is interrupt
        failing.result = NEW
        assert call(client) == 17

    @pytest.mark.parametrize("interrupt", INTERRUPTS, ids=repr)
    def test_ends_neither_other_threads_nor_the_loops_of_other_threads(
        self, interrupt: BaseException, portal: Portal
    ) -> None:
        async def wait_and_go_on() -> object:
            waiting = asyncio.create_task(acall(client))
            while portal.tokens[OLD] < 3:
                await asyncio.sleep(0)
            loop_waits.set()
            (outcome,) = await asyncio.gather(waiting, return_exceptions=True)
            return outcome

        def ready() -> None:
            wait_for_waiting_callers(1)
            assert loop_waits.wait(WAIT)

        loop_waits = threading.Event()
        refresh = Refreshes(interrupt, ready)
        client = portal.client(refresh=refresh)
        with ThreadPoolExecutor(3) as threads:
            runs = threads.submit(call, client)
            assert refresh.begun.wait(WAIT)
            waits = threads.submit(outcomes_of_threads, client, 1)
            waits_in_loop = threads.submit(asyncio.run, wait_and_go_on())
            assert is_refresh_error(waits.result(WAIT)[0])
            assert is_refresh_error(waits_in_loop.result(WAIT))
            assert runs.exception(WAIT) is interrupt
        assert refresh.calls == 1

    @pytest.mark.parametrize(
        ("kind", "interrupt"),
        [
            *[("function", interrupt) for interrupt in INTERRUPTS],
            # The others end the loop in which a coroutine raises them, as asyncio does with any.
            *[("coroutine function", interrupt) for interrupt in INTERRUPTS[2:]],
        ],
    )
    def test_ends_no_call_in_asyncio(
        self, kind: str, interrupt: BaseException, portal: Portal
    ) -> None:
        async def use() -> None:
            (outcome,) = await asyncio.gather(acall(client), return_exceptions=True)
            assert is_refresh_error(outcome)
            refresh.result = NEW
            assert await acall(client) == 17

        refresh = Refreshes(interrupt)
        client = portal.client(refresh=refresh.of_kind(kind))
        in_time(lambda: asyncio.run(use()))


# --- refresh_timeout ------------------------------------------------------------------------------

PROGRAM = """
import asyncio, os, threading, warnings
import httpx
from bitrix24_call_card import AuthenticatedClient, errors
from bitrix24_call_card.api.call_card import get_status

def answer(request):
    if b'"new"' in request.content:
        return httpx.Response(400, json={"error": "refreshed"})
    return httpx.Response(401, json={"error": "expired_token"})

def client_with(**arguments):
    return AuthenticatedClient(
        "https://portal.example/rest",
        "expired",
        transport=lambda: httpx.MockTransport(answer),
        async_transport=lambda: httpx.MockTransport(answer),
        **arguments,
    )
"""
IN_VAIN = r"the refresh did not end within 0\.1 s \(refresh_timeout\)"


class TestRefreshTimeout:
    @KINDS
    def test_bounds_every_caller_in_asyncio_the_first_one_too(
        self, kind: str, hanging: Refreshes, goes_on: threading.Event, portal: Portal
    ) -> None:
        client = portal.client(refresh=hanging.of_kind(kind), refresh_timeout=0.1)

        async def use() -> None:
            callers = [acall(client) for _ in range(20)]
            for outcome in await asyncio.gather(*callers, return_exceptions=True):
                with pytest.raises(errors.RefreshError, match=IN_VAIN):
                    raise outcome if isinstance(outcome, BaseException) else AssertionError
            assert await acall(client) == 17
            goes_on.set()

        in_time(lambda: asyncio.run(use()))

    def test_bounds_waiting_threads_and_not_the_one_that_runs_the_refresh(
        self, hanging: Refreshes, goes_on: threading.Event, portal: Portal
    ) -> None:
        client = portal.client(refresh=hanging, refresh_timeout=0.1)
        with ThreadPoolExecutor(1) as other:
            refreshing = other.submit(call, client)
            try:
                assert hanging.begun.wait(WAIT)
                with pytest.raises(errors.RefreshError, match=IN_VAIN):
                    in_time(lambda: call(client))
            finally:
                goes_on.set()
            assert refreshing.result(WAIT) == 17

    def test_is_not_rounded_up(self, hanging: Refreshes, portal: Portal) -> None:
        def seconds() -> float:
            begun = time.monotonic()
            with pytest.raises(errors.RefreshError):
                asyncio.run(acall(portal.client(refresh=hanging, refresh_timeout=1.1)))
            return time.monotonic() - begun

        # Several times, because other programs may hold this one up.
        assert any(seconds() < 1.6 for _ in range(3))

    def test_lets_a_program_end_although_refresh_hangs(self, run_program: RunProgram) -> None:
        printed = run_program(
            PROGRAM
            + """
client = client_with(refresh=threading.Event().wait, refresh_timeout=0.1)
try:
    asyncio.run(get_status.asyncio(client=client))
except errors.RefreshError as error:
    print(error)
"""
        )
        assert printed.startswith("the refresh did not end within 0.1 s")


# --- a refresh that uses its own client -----------------------------------------------------------

EXPIRED = "^the portal answered 401 expired_token"


class TestACallInsideTheRefresh:
    """It gets the error of the expired token, or waits no longer than `refresh_timeout`."""

    @pytest.mark.parametrize("name", ["refresh", "on_refresh"])
    def test_in_a_function(self, name: str, get: Get, portal: Portal) -> None:
        def function(*_: str) -> object:
            return call(client)

        portal.valid = set()
        client = portal.client(**{"refresh": Refreshes(), name: function})
        with pytest.raises(errors.ApiError, match=EXPIRED):
            in_time(lambda: get(client))

    @pytest.mark.parametrize("name", ["refresh", "on_refresh"])
    def test_in_a_task_that_a_function_starts(self, name: str, portal: Portal) -> None:
        async def function(*_: str) -> object:
            return await asyncio.create_task(acall(client))

        portal.valid = set()
        client = portal.client(**{"refresh": Refreshes(), name: function})
        with pytest.raises(errors.ApiError, match=EXPIRED):
            in_time(lambda: asyncio.run(acall(client)))

    def test_in_a_thread_that_a_function_starts(self, get: Get, portal: Portal) -> None:
        def refresh() -> str:
            with ThreadPoolExecutor(1) as thread:
                thread.submit(call, client).result(WAIT)
            raise AssertionError

        client = portal.client(refresh=refresh, refresh_timeout=0.1)
        with pytest.raises(errors.RefreshError, match=IN_VAIN):
            in_time(lambda: get(client))

    def test_in_a_task_that_outlives_a_function_refreshes_like_any_other(
        self, portal: Portal
    ) -> None:
        async def on_refresh(_: str) -> None:
            started.append(asyncio.create_task(call_later()))

        async def call_later() -> None:
            await refreshed.wait()
            assert await acall(client) == 17

        async def use() -> None:
            await acall(client)
            portal.valid, refresh.result = {"a-third-token"}, "a-third-token"
            refreshed.set()
            await started[0]
            assert refresh.calls == 2

        started: list[asyncio.Task[None]] = []
        refreshed = asyncio.Event()
        refresh = Refreshes()
        client = portal.client(refresh=refresh, on_refresh=on_refresh)
        in_time(lambda: asyncio.run(use()))


# --- fork -----------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_forked_during_a_refresh_refreshes_itself(run_program: RunProgram) -> None:
    printed = run_program(
        PROGRAM
        + """
warnings.simplefilter("ignore", DeprecationWarning)  # later Pythons advise against such a fork
parent, begun, goes_on = os.getpid(), threading.Event(), threading.Event()

def refresh():
    if os.getpid() == parent:
        begun.set()
        goes_on.wait()
    return "new"

def call():
    return get_status.sync_detailed(client=client).parsed.error

client = client_with(refresh=refresh, refresh_timeout=600)
thread = threading.Thread(target=call)
thread.start()
begun.wait()
child = os.fork()
if child == 0:
    os._exit(0 if call() == "refreshed" else 1)
print(os.waitpid(child, 0)[1], flush=True)
goes_on.set()
"""
    )
    assert printed == "0\n"
