"""A refresh that does not come to its end: no call waits forever, and the next one works."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import bitrix24_call_card
import pytest
import trio
from bitrix24_call_card import AuthenticatedClient, errors
from bitrix24_call_card.api.call_card import get_status

from tests.client.refreshing import (
    NEW,
    OLD,
    WAIT,
    Portal,
    Refreshes,
    acall,
    call,
    in_time,
)

PACKAGE = Path(bitrix24_call_card.__file__).parent
MODULES = [
    *("_lock.py", "_received.py", "_refresh.py", "_secrets.py", "_settings.py", "_transports.py"),
    "client.py",
]

MakeClient = Callable[..., AuthenticatedClient]


@pytest.fixture
def portal(answer: dict[str, Any]) -> Portal:
    """A portal that accepts the new token only."""
    return Portal(answer)


@pytest.fixture(params=["functions", "coroutine refresh", "coroutine functions"])
def make(request: pytest.FixtureRequest, portal: Portal) -> MakeClient:
    """Makes a client whose functions are of a kind, and which asks `refresh` for a token."""

    def make(refresh: Callable[[], str], **arguments: Any) -> AuthenticatedClient:
        async def in_the_loop() -> str:
            await asyncio.sleep(0)
            return refresh()

        async def on_refresh(_: str) -> None:
            await asyncio.sleep(0)

        functions: dict[str, Any] = {
            "functions": {"refresh": refresh, "on_refresh": lambda _: None},
            "coroutine refresh": {"refresh": in_the_loop, "on_refresh": lambda _: None},
            "coroutine functions": {"refresh": in_the_loop, "on_refresh": on_refresh},
        }[request.param]
        return portal.client(**{**functions, **arguments})

    return make


class Forever:
    """A `refresh` that does not return before the test is over, but for its last call."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.over = threading.Event()
        self.works = False

    def __call__(self) -> str:
        if self.works:
            return NEW
        self.begun.set()
        self.over.wait()
        return "too-late"

    async def in_the_loop(self) -> str:
        """Do the same as a coroutine function."""
        if self.works:
            return NEW
        self.begun.set()
        while not self.over.is_set():
            await asyncio.sleep(0.01)
        return "too-late"


@pytest.fixture
def forever() -> Iterator[Forever]:
    """A `refresh` that hangs."""
    forever = Forever()
    yield forever
    forever.over.set()


class TestRefreshTimeout:
    """It bounds the wait for a refresh that somebody else carries out."""

    MESSAGE = r"the refresh did not end within 0\.1 s \(refresh_timeout\)"

    @pytest.mark.parametrize("kind", ["function", "coroutine function"])
    def test_tasks_get_an_error_and_the_next_call_works(
        self, kind: str, forever: Forever, portal: Portal
    ) -> None:
        client = portal.client(
            refresh=forever if kind == "function" else forever.in_the_loop, refresh_timeout=0.1
        )

        async def use() -> None:
            outcomes = await asyncio.gather(
                *[acall(client) for _ in range(20)], return_exceptions=True
            )
            for outcome in outcomes:
                with pytest.raises(errors.Bitrix24Error, match=self.MESSAGE):
                    raise outcome if isinstance(outcome, BaseException) else AssertionError
            forever.works = True
            assert await acall(client) == 17

        in_time(lambda: asyncio.run(use()))

    def test_threads_get_an_error_and_the_next_call_works(
        self, forever: Forever, portal: Portal
    ) -> None:
        client = portal.client(refresh=forever, refresh_timeout=0.1)
        threading.Thread(target=call, args=[client], daemon=True).start()  # hangs with `refresh`
        assert forever.begun.wait(WAIT)
        with pytest.raises(errors.Bitrix24Error, match=self.MESSAGE):
            in_time(lambda: call(client))
        forever.works = True
        assert in_time(lambda: call(client)) == 17
        assert in_time(lambda: asyncio.run(acall(client))) == 17

    def test_a_thread_that_refreshes_itself_takes_its_time_and_gets_the_token(
        self, portal: Portal
    ) -> None:
        begun, goes_on = threading.Event(), threading.Event()

        def refresh() -> str:
            begun.set()
            goes_on.wait(WAIT)
            return NEW

        client = portal.client(refresh=refresh, refresh_timeout=0.1)
        with ThreadPoolExecutor(1) as other:
            refreshing = other.submit(call, client)
            assert begun.wait(WAIT)
            with pytest.raises(errors.Bitrix24Error, match=self.MESSAGE):
                call(client)
            goes_on.set()
            assert refreshing.result(WAIT) == 17

    def test_a_program_ends_although_refresh_hangs(self) -> None:
        program = """
import asyncio, threading
import httpx
from bitrix24_call_card import AuthenticatedClient
from bitrix24_call_card.api.call_card import get_status

client = AuthenticatedClient(
    "https://portal.example/rest",
    "expired",
    refresh=threading.Event().wait,
    refresh_timeout=0.1,
    async_transport=lambda: httpx.MockTransport(
        lambda _: httpx.Response(401, json={"error": "expired_token"})
    ),
)
try:
    asyncio.run(get_status.asyncio(client=client))
except Exception as error:
    print(error)
"""
        ran = subprocess.run(
            [sys.executable, "-X", "dev", "-c", program],
            env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
            capture_output=True,
            text=True,
            timeout=6 * WAIT,
            check=True,
        )
        assert "the refresh did not end within 0.1 s" in ran.stdout
        assert ran.stderr == ""


class TestRefreshThatUsesItsOwnClient:
    """Its calls get the error of the expired token, or wait no longer than refresh_timeout."""

    def check(self, use: Callable[[], object], error: str) -> None:
        with pytest.raises(errors.Bitrix24Error, match=error):
            in_time(use)

    def test_directly(self, portal: Portal) -> None:
        def refresh() -> str:
            get_status.sync(client=client)
            raise AssertionError

        client = portal.client(refresh=refresh)
        for use in (lambda: call(client), lambda: asyncio.run(acall(client))):
            self.check(use, "expired_token")

    def test_directly_in_the_loop(self, portal: Portal) -> None:
        async def refresh() -> str:
            await acall(client)
            raise AssertionError

        client = portal.client(refresh=refresh)
        self.check(lambda: asyncio.run(acall(client)), "expired_token")

    def test_in_on_refresh(self, portal: Portal) -> None:
        portal.valid = set()

        def on_refresh(_: str) -> None:
            call(client)

        client = portal.client(refresh=Refreshes(), on_refresh=on_refresh)
        for use in (lambda: call(client), lambda: asyncio.run(acall(client))):
            self.check(use, "expired_token")

    @pytest.mark.parametrize("how", ["plain", "to_thread"])
    def test_from_a_thread_that_it_starts(self, how: str, portal: Portal) -> None:
        def refresh() -> str:
            with ThreadPoolExecutor(1) as thread:
                thread.submit(call, client).result(WAIT)
            raise AssertionError

        async def refresh_in_the_loop() -> str:
            await asyncio.to_thread(refresh)
            raise AssertionError

        if how == "plain":
            client = portal.client(refresh=refresh, refresh_timeout=0.1)
            self.check(lambda: call(client), "did not end within.*does it wait for a call of this")
            self.check(lambda: asyncio.run(acall(client)), "did not end within")
        else:
            client = portal.client(refresh=refresh_in_the_loop, refresh_timeout=0.1)
            with pytest.raises((errors.Bitrix24Error, TypeError)):
                in_time(lambda: asyncio.run(acall(client)))
        portal.valid = {OLD}
        assert in_time(lambda: call(client)) == 17

    def test_from_a_task_that_it_starts(self, portal: Portal) -> None:
        async def refresh() -> str:
            await asyncio.create_task(acall(client))
            raise AssertionError

        client = portal.client(refresh=refresh)
        self.check(lambda: asyncio.run(acall(client)), "expired_token")

    def test_from_a_task_that_was_there_before(self, portal: Portal) -> None:
        async def use() -> object:
            asked = asyncio.Event()

            async def call_when_asked() -> object:
                await asked.wait()
                return await acall(client)

            async def refresh() -> str:
                asked.set()
                await helper
                raise AssertionError

            helper = asyncio.create_task(call_when_asked())
            client = portal.client(refresh=refresh, refresh_timeout=0.1)
            with pytest.raises(errors.Bitrix24Error, match="did not end within"):
                await acall(client)
            client.token = NEW
            return await acall(client)

        assert in_time(lambda: asyncio.run(use())) == 17

    def test_by_a_call_in_the_loop_that_waits_for_it(self, portal: Portal) -> None:
        async def use() -> object:
            loop = asyncio.get_running_loop()

            def refresh() -> str:
                asyncio.run_coroutine_threadsafe(acall(client), loop).result(WAIT)
                raise AssertionError

            client = portal.client(refresh=refresh, refresh_timeout=0.1)
            return await acall(client)

        self.check(lambda: asyncio.run(use()), "did not end within|expired_token")


class TestASynchronousCallInTheLoopThatRefreshes:
    def test_is_an_error_if_the_refresh_needs_the_loop(
        self, forever: Forever, portal: Portal
    ) -> None:
        client = portal.client(refresh=forever.in_the_loop)

        async def use() -> None:
            refreshing = asyncio.create_task(acall(client))
            while not forever.begun.is_set():
                await asyncio.sleep(0)
            with pytest.raises(TypeError, match="coroutine function, which serves asyncio"):
                call(client)
            refreshing.cancel()

        in_time(lambda: asyncio.run(use()))

    def test_works_if_the_refresh_runs_in_a_thread(self, portal: Portal) -> None:
        begun, goes_on = threading.Event(), threading.Event()

        def refresh() -> str:
            begun.set()
            portal.wait_for(OLD, 2)
            return NEW

        client = portal.client(refresh=refresh)

        async def use() -> None:
            refreshing = asyncio.create_task(acall(client))
            while not begun.is_set():
                await asyncio.sleep(0)
            assert call(client) == 17
            assert await refreshing == 17

        in_time(lambda: asyncio.run(use()))
        goes_on.set()


# --- the event loop ------------------------------------------------------------------------------


def drive(loop: asyncio.AbstractEventLoop, steps: int) -> None:
    """Run so many rounds of the loop."""
    for _ in range(steps):
        loop.call_soon(loop.stop)
        loop.run_forever()


class TestCancellation:
    """At every step of the loop: nobody hangs, and the next call works."""

    CALLERS = 3

    @pytest.mark.parametrize("which", ["all", "the callers", "all but the callers", "one caller"])
    def test_at_any_step(self, which: str, make: MakeClient) -> None:
        steps = 0
        while self.cancels_at(steps, which, make(Refreshes())):
            steps += 1
        assert steps > 1  # else nothing was interrupted

    def cancels_at(self, step: int, which: str, client: AuthenticatedClient) -> bool:
        """Whether there was anything left to cancel at this step."""
        loop = asyncio.new_event_loop()
        try:
            callers = [loop.create_task(acall(client)) for _ in range(self.CALLERS)]
            drive(loop, step)
            running = {caller for caller in callers if not caller.done()}
            victims = {
                "all": asyncio.all_tasks(loop),
                "the callers": running,
                "all but the callers": asyncio.all_tasks(loop) - running,
                "one caller": set(callers[:1]) & running,
            }[which]
            for task in victims:
                task.cancel()
            outcomes = asyncio.gather(*callers, return_exceptions=True)
            for outcome in loop.run_until_complete(asyncio.wait_for(outcomes, WAIT)):
                assert outcome == 17 or isinstance(
                    outcome, asyncio.CancelledError | errors.Bitrix24Error
                )
            assert loop.run_until_complete(asyncio.wait_for(acall(client), WAIT)) == 17
            return bool(running)
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            drive(loop, 3)
            loop.close()

    def test_of_the_refresh_is_an_error_that_says_so(
        self, forever: Forever, portal: Portal
    ) -> None:
        client = portal.client(refresh=forever.in_the_loop)

        async def use() -> None:
            caller = asyncio.create_task(acall(client))
            while not forever.begun.is_set():
                await asyncio.sleep(0)
            for task in asyncio.all_tasks() - {asyncio.current_task(), caller}:
                task.cancel()
            with pytest.raises(errors.Bitrix24Error, match="interrupted: it was cancelled"):
                await caller
            forever.works = True
            assert await acall(client) == 17

        in_time(lambda: asyncio.run(use()))


class TestALoopThatStops:
    """With the refresh in it: calls of other loops get an error, and the next call works."""

    @pytest.fixture
    def waiting(
        self, forever: Forever, portal: Portal
    ) -> Iterator[tuple[AuthenticatedClient, Callable[[], object]]]:
        """A client whose refresh is in a loop that has stopped, and a call that waits elsewhere."""
        client = portal.client(refresh=forever.in_the_loop)
        loop, other = asyncio.new_event_loop(), asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        loop.create_task(acall(client))
        thread.start()
        assert forever.begun.wait(WAIT)
        waits = other.create_task(acall(client))
        drive(other, 20)  # without a network, far more than it takes to begin to wait
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT)
        left = asyncio.all_tasks(loop)
        loop.close()
        yield client, lambda: other.run_until_complete(waits)
        other.close()
        for task in left:  # end them here, and not whenever the garbage is collected
            task.get_coro().close()
            task._log_destroy_pending = False  # type: ignore[attr-defined]

    def test_calls_of_other_loops_get_an_error(
        self, waiting: tuple[AuthenticatedClient, Callable[[], object]], forever: Forever
    ) -> None:
        client, outcome = waiting
        with pytest.raises(errors.Bitrix24Error, match="interrupted: the event loop stopped"):
            in_time(outcome)
        forever.works = True
        assert in_time(lambda: asyncio.run(acall(client))) == 17

    def test_the_next_call_in_another_loop_refreshes_itself(
        self, waiting: tuple[AuthenticatedClient, Callable[[], object]], forever: Forever
    ) -> None:
        client, outcome = waiting
        forever.works = True
        assert in_time(lambda: asyncio.run(acall(client))) == 17
        with pytest.raises(errors.Bitrix24Error, match="interrupted: the event loop stopped"):
            in_time(outcome)

    def test_a_token_set_by_hand_is_used_at_once(
        self, waiting: tuple[AuthenticatedClient, Callable[[], object]]
    ) -> None:
        client, outcome = waiting
        client.token = NEW
        assert in_time(lambda: asyncio.run(acall(client))) == 17
        with pytest.raises(errors.Bitrix24Error, match="interrupted: the event loop stopped"):
            in_time(outcome)


class TestOtherEventLoops:
    def test_trio_gets_an_error_that_says_why_and_then_works_with_a_new_token(
        self, portal: Portal
    ) -> None:
        client = portal.client(refresh=Refreshes())

        async def use() -> None:
            with pytest.raises(errors.Bitrix24Error, match="only asyncio's event loop can refresh"):
                await acall(client)
            client.token = NEW
            assert await acall(client) == 17

        in_time(lambda: trio.run(use))

    def test_no_event_loop_does_not_hold_up_the_next_call(self, portal: Portal) -> None:
        client = portal.client(refresh=Refreshes())
        coroutine: Coroutine[Any, Any, Any] = acall(client)
        with pytest.raises((RuntimeError, StopIteration)):
            coroutine.send(None)
        assert in_time(lambda: call(client)) == 17


# --- interrupts ----------------------------------------------------------------------------------


def interrupt(line: int, function: Callable[[], object]) -> bool:
    """Call the function with a KeyboardInterrupt at this line of it; whether it came.

    Only the lines of the modules that hold anything, not of those that read a response.
    """
    count = 0
    files = {str(PACKAGE / name) for name in MODULES}

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            count += 1
            if count == line:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return count >= line  # in a place where nothing can be raised, such as a weak reference's end


# Between the call of a coroutine function and its await, Python itself complains of it.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
class TestKeyboardInterrupt:
    """At any line of the package: the next call works at once."""

    @pytest.fixture(autouse=True)
    def _collect(self) -> Iterator[None]:
        """Let Python complain here, and not in another test.

        Nor in the midst of this one: within a namedtuple's `__new__`, which has no builtins, it
        cannot find the filter above.
        """
        gc.disable()
        yield
        gc.enable()
        gc.collect()

    @pytest.mark.parametrize("result", [NEW, OSError("no route")], ids=["token", "exception"])
    def test_in_a_synchronous_call(self, result: object, portal: Portal) -> None:
        steps = 0
        while True:
            steps += 1
            refresh = Refreshes(result)
            client = portal.client(refresh=refresh, on_refresh=lambda _: None)

            def use(client: AuthenticatedClient = client) -> None:
                with contextlib.suppress(OSError):
                    call(client)

            if not interrupt(steps, use):
                break
            refresh.result = NEW
            assert in_time(lambda: call(client)) == 17  # noqa: B023 - called at once
            assert call(client) == 17
        assert steps > 50

    @pytest.mark.parametrize("result", [NEW, OSError("no route")], ids=["token", "exception"])
    def test_in_asyncio(self, result: object, make: MakeClient) -> None:
        steps = 0
        while True:
            steps += 1
            refresh = Refreshes(result)
            client = make(refresh)

            def use(client: AuthenticatedClient = client) -> None:
                async def both() -> None:
                    await asyncio.gather(acall(client), acall(client), return_exceptions=True)

                asyncio.run(both())

            before = set(threading.enumerate())
            if not interrupt(steps, use):
                break
            while set(threading.enumerate()) - before:  # `refresh` may have been left in a thread
                time.sleep(0)
            refresh.result = NEW
            assert in_time(lambda: asyncio.run(acall(client))) == 17  # noqa: B023
        assert steps > 50

    @pytest.mark.parametrize("result", [NEW, OSError("no route")], ids=["token", "exception"])
    def test_in_a_loop_that_goes_on(self, result: object, make: MakeClient) -> None:
        """As in a notebook, where an interrupt ends the cell and not the loop."""
        steps = 0
        interrupted = True
        while interrupted:
            steps += 1
            refresh = Refreshes(result)
            client = make(refresh)
            loop = asyncio.new_event_loop()
            before = set(threading.enumerate())

            def use(
                client: AuthenticatedClient = client, loop: asyncio.AbstractEventLoop = loop
            ) -> None:
                with contextlib.suppress(OSError):
                    loop.run_until_complete(acall(client))

            try:
                interrupted = interrupt(steps, use)
                while set(threading.enumerate()) - before:
                    time.sleep(0)
                refresh.result = NEW
                task = loop.create_task(asyncio.wait_for(acall(client), WAIT))
                assert loop.run_until_complete(task) == 17
            finally:
                for left in asyncio.all_tasks(loop):
                    left.cancel()
                drive(loop, 3)
                loop.close()
        assert steps > 50


# --- fork ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("kind", ["thread", "loop"])
def test_a_child_forked_during_a_refresh_refreshes_itself(kind: str) -> None:
    program = """
import asyncio, os, sys, threading
import httpx
from bitrix24_call_card import AuthenticatedClient
from bitrix24_call_card.api.call_card import get_status

parent, begun, goes_on = os.getpid(), threading.Event(), threading.Event()

def refresh():
    if os.getpid() == parent:
        begun.set()
        goes_on.wait()
    return "new"

def answer(request):
    if b'"new"' in request.content:
        return httpx.Response(403, json={"error": "refreshed", "error_description": ""})
    return httpx.Response(401, json={"error": "expired_token"})

client = AuthenticatedClient(
    "https://portal.example/rest",
    "expired",
    refresh=refresh,
    transport=lambda: httpx.MockTransport(answer),
    async_transport=lambda: httpx.MockTransport(answer),
)

def call():
    return get_status.sync_detailed(client=client).parsed.error

def acall():
    return asyncio.run(get_status.asyncio_detailed(client=client)).parsed.error

other = threading.Thread(target=call if sys.argv[1] == "thread" else acall, daemon=True)
other.start()
begun.wait()
for use in call, acall:
    child = os.fork()
    if child == 0:
        os._exit(0 if use() == "refreshed" else 1)
    assert os.waitpid(child, 0)[1] == 0
goes_on.set()
other.join()
assert client.token == "new"
print("both refreshed")
"""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, kind],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        timeout=6 * WAIT,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("both refreshed\n", "")
