"""The refresh of an expired token: once for all calls that wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import errors
from bitrix24_call_card.api.call_card import get_status

from tests.client.refreshing import (
    EXPIRED,
    NEW,
    OLD,
    WAIT,
    Portal,
    Refreshes,
    acall,
    call,
    in_time,
    outcomes_of_tasks,
    outcomes_of_threads,
    wait_for_waiting_threads,
)

if TYPE_CHECKING:
    from tests.client.conftest import Ask, Get


@pytest.fixture
def portal(answer: dict[str, Any]) -> Portal:
    """A portal that accepts the new token only."""
    return Portal(answer)


class TestOneCall:
    def test_an_expired_token_is_refreshed_and_the_call_retried(
        self, ask: Ask, portal: Portal
    ) -> None:
        stored: list[str] = []
        refresh = Refreshes()
        ask(portal.client(refresh=refresh, on_refresh=stored.append))
        assert portal.tokens == {OLD: 1, NEW: 1}
        assert refresh.calls == 1
        assert stored == [NEW]

    def test_the_new_token_is_used_from_then_on(self, get: Get, portal: Portal) -> None:
        refresh = Refreshes()
        client = portal.client(refresh=refresh)
        for _ in range(3):
            assert get(client).result.crm_entity_id == 17
        assert client.token == NEW
        assert portal.tokens == {OLD: 1, NEW: 3}
        assert refresh.calls == 1

    def test_a_token_that_expires_again_is_refreshed_again(self, get: Get, portal: Portal) -> None:
        refresh = Refreshes()
        client = portal.client(refresh=refresh)
        get(client)
        portal.valid, refresh.result = {"a-third-token"}, "a-third-token"
        assert get(client).result.crm_entity_id == 17
        assert refresh.calls == 2

    def test_refresh_may_be_a_coroutine_function_for_the_asynchronous_functions(
        self, portal: Portal
    ) -> None:
        refresh = Refreshes()
        client = portal.client(refresh=refresh.in_the_loop)
        assert asyncio.run(acall(client)) == 17
        assert (refresh.calls, client.token) == (1, NEW)

    def test_without_refresh_the_error_is_raised(self, get: Get, portal: Portal) -> None:
        with pytest.raises(errors.ApiError, match="expired_token"):
            get(portal.client())
        assert portal.tokens == {OLD: 1}

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (401, {"error": "invalid_token", "error_description": ""}),
            (401, {"error": "NO_AUTH_FOUND", "error_description": ""}),
            (401, {"error": "EXPIRED_TOKEN", "error_description": "expired_token"}),
            (401, {"error": ["expired_token"]}),
            (401, ["expired_token"]),
            (401, "expired_token"),
            (401, None),
            (403, {"error": "insufficient_scope", "error_description": ""}),
            *[(status, EXPIRED) for status in (200, 400, 403, 500, 503, 520)],
        ],
    )
    def test_no_other_response_triggers_a_refresh(
        self, status: int, body: object, ask: Ask, portal: Portal
    ) -> None:
        portal.refusal = httpx.Response(status, json=body)
        refresh = Refreshes()
        with contextlib.suppress(errors.Bitrix24Error):
            ask(portal.client(refresh=refresh))
        assert refresh.calls == 0
        assert portal.tokens == {OLD: 1}

    def test_a_portal_that_accepts_no_token_gets_one_retry(self, get: Get, portal: Portal) -> None:
        portal.valid = set()
        refresh = Refreshes()
        with pytest.raises(errors.ApiError, match="expired_token"):
            get(portal.client(refresh=refresh))
        assert portal.tokens == {OLD: 1, NEW: 1}
        assert refresh.calls == 1

    @pytest.mark.parametrize("result", [None, 17, b"bytes-marker"])
    def test_what_is_not_a_token_is_a_type_error_that_does_not_show_it(
        self, result: object, get: Get, portal: Portal
    ) -> None:
        client = portal.client(refresh=Refreshes(result))
        with pytest.raises(
            TypeError, match=r"refresh returned .*expected the new access token"
        ) as caught:
            get(client)
        assert "marker" not in str(caught.value)
        assert client.token == OLD

    @pytest.mark.parametrize("token", [None, b"bytes-marker"])
    def test_a_token_set_by_hand_is_checked_likewise(self, token: Any, portal: Portal) -> None:
        client = portal.client()
        with pytest.raises(TypeError, match="token: expected str") as caught:
            client.token = token
        assert "marker" not in str(caught.value)
        assert client.token == OLD


Function = Callable[..., Any]


class TestOnRefresh:
    @pytest.fixture
    def stored(self) -> list[str]:
        """What `on_refresh` was called with."""
        return []

    def functions(self, kind: str, result: Any, calls: list[Any]) -> Function:
        """A function of this kind, which returns `result` and notes its arguments."""

        def plain(*arguments: Any) -> Any:
            calls.extend(arguments)
            return result

        async def coroutine(*arguments: Any) -> Any:
            await asyncio.sleep(0)
            calls.extend(arguments)
            return result

        class AnObject:
            async def __call__(self, *arguments: Any) -> Any:
                return await coroutine(*arguments)

        kinds: dict[str, Function] = {
            "plain": plain,
            "coroutine": coroutine,
            "partial": partial(coroutine),
            "object": AnObject(),
        }
        return kinds[kind]

    @pytest.mark.parametrize("on_refresh", ["plain", "coroutine", "partial", "object"])
    @pytest.mark.parametrize("refresh", ["plain", "coroutine", "partial", "object"])
    def test_each_may_be_plain_or_a_coroutine_function(
        self, refresh: str, on_refresh: str, stored: list[str], portal: Portal
    ) -> None:
        client = portal.client(
            refresh=self.functions(refresh, NEW, []),
            on_refresh=self.functions(on_refresh, None, stored),
        )
        assert asyncio.run(acall(client)) == 17
        assert stored == [NEW]

    @pytest.mark.parametrize(
        ("refresh", "on_refresh"), [("coroutine", "plain"), ("plain", "coroutine")]
    )
    def test_a_coroutine_function_is_an_error_for_the_synchronous_functions(
        self, refresh: str, on_refresh: str, stored: list[str], portal: Portal
    ) -> None:
        calls: list[object] = []
        client = portal.client(
            refresh=self.functions(refresh, NEW, calls),
            on_refresh=self.functions(on_refresh, None, stored),
        )
        for _ in range(2):
            with pytest.raises(TypeError, match="coroutine function, which serves asyncio"):
                in_time(lambda: call(client))
        gc.collect()  # here a coroutine that was never awaited would warn, and fail the test
        assert (calls, stored, client.token) == ([], [], OLD)
        assert asyncio.run(acall(client)) == 17  # which refreshes for the others as well
        assert in_time(lambda: call(client)) == 17

    @pytest.mark.parametrize("name", ["refresh", "on_refresh"])
    def test_a_plain_function_that_returns_an_awaitable_is_an_error_that_names_it(
        self, name: str, get: Get, portal: Portal
    ) -> None:
        async def coroutine(*_: str) -> str:
            raise AssertionError("this never runs")

        arguments: dict[str, Any] = {"refresh": Refreshes(), name: lambda *_: coroutine()}
        client = portal.client(**arguments)
        with pytest.raises(TypeError, match=f"^{name} returned an awaitable"):
            in_time(lambda: get(client))
        gc.collect()

    def test_a_failure_of_it_fails_the_call_and_keeps_the_token(
        self, get: Get, portal: Portal
    ) -> None:
        def fail(_: str) -> None:
            raise OSError("the disk is full")

        refresh = Refreshes()
        client = portal.client(refresh=refresh, on_refresh=fail)
        with pytest.raises(OSError, match="the disk is full"):
            get(client)
        assert get(client).result.crm_entity_id == 17
        assert refresh.calls == 1

    def test_it_is_also_called_if_refresh_sets_the_token_itself(
        self, get: Get, stored: list[str], portal: Portal
    ) -> None:
        def refresh() -> str:
            client.token = NEW
            return NEW

        client = portal.client(refresh=refresh, on_refresh=stored.append)
        assert get(client).result.crm_entity_id == 17
        assert stored == [NEW]


class TestManyCalls:
    """However many callers meet the expired token: one refresh, and one retry for each."""

    THREADS, TASKS = 32, 200

    def check(self, outcomes: list[object], portal: Portal, refresh: Refreshes) -> None:
        """All were refused before the refresh ended, and all succeeded after it."""
        assert outcomes == [17] * len(outcomes)
        assert refresh.calls == 1
        assert portal.tokens == {OLD: len(outcomes), NEW: len(outcomes)}

    def test_threads_share_one_refresh(self, portal: Portal) -> None:
        stored: list[str] = []
        refresh = Refreshes(ready=lambda: portal.wait_for(OLD, self.THREADS))
        client = portal.client(refresh=refresh, on_refresh=stored.append)
        self.check(outcomes_of_threads(client, self.THREADS), portal, refresh)
        assert stored == [NEW]

    @pytest.mark.parametrize("kind", ["function", "coroutine function"])
    def test_tasks_share_one_refresh(self, kind: str, portal: Portal) -> None:
        stored: list[str] = []
        refresh = Refreshes(ready=lambda: portal.wait_for(OLD, self.TASKS))
        client = portal.client(
            refresh=refresh if kind == "function" else refresh.in_the_loop, on_refresh=stored.append
        )
        self.check(asyncio.run(outcomes_of_tasks(client, self.TASKS)), portal, refresh)
        assert stored == [NEW]

    def test_threads_and_the_tasks_of_several_loops_share_one_refresh(self, portal: Portal) -> None:
        refresh = Refreshes(ready=lambda: portal.wait_for(OLD, self.THREADS + 2 * self.TASKS))
        client = portal.client(refresh=refresh)
        with ThreadPoolExecutor(3) as mixed:
            parts = [
                mixed.submit(outcomes_of_threads, client, self.THREADS),
                mixed.submit(asyncio.run, outcomes_of_tasks(client, self.TASKS)),
                mixed.submit(asyncio.run, outcomes_of_tasks(client, self.TASKS)),
            ]
            outcomes = [outcome for part in parts for outcome in part.result(WAIT)]
        self.check(outcomes, portal, refresh)

    def test_the_tasks_of_several_loops_share_one_coroutine(self, portal: Portal) -> None:
        refresh = Refreshes(ready=lambda: portal.wait_for(OLD, 2 * self.TASKS))
        client = portal.client(refresh=refresh.in_the_loop)
        with ThreadPoolExecutor(2) as loops:
            parts = [
                loops.submit(asyncio.run, outcomes_of_tasks(client, self.TASKS)) for _ in range(2)
            ]
            outcomes = [outcome for part in parts for outcome in part.result(WAIT)]
        self.check(outcomes, portal, refresh)

    def test_a_call_that_learns_late_that_the_old_token_expired_uses_the_new_one(
        self, portal: Portal
    ) -> None:
        refused, refreshed = threading.Event(), threading.Event()
        answer = portal.answer

        def delay(request: httpx.Request) -> httpx.Response:
            response = answer(request)
            if threading.current_thread().name.startswith("late") and not refreshed.is_set():
                refused.set()
                refreshed.wait(WAIT)
            return response

        portal.answer = delay  # type: ignore[method-assign]
        refresh = Refreshes()
        client = portal.client(refresh=refresh)
        with ThreadPoolExecutor(1, "late") as late:
            result = late.submit(call, client)
            assert refused.wait(WAIT)
            assert call(client) == 17
            refreshed.set()
            assert result.result(WAIT) == 17
        assert refresh.calls == 1
        assert portal.tokens == {OLD: 2, NEW: 2}


class TestTheNewestTokenStays:
    @pytest.fixture
    def stored(self) -> list[str]:
        """What `on_refresh` was called with."""
        return []

    def test_when_a_token_is_set_by_hand_during_a_refresh(
        self, get: Get, stored: list[str], portal: Portal
    ) -> None:
        def refresh() -> str:
            client.token = "by-hand"
            return "late"

        portal.valid = {"by-hand"}
        client = portal.client(refresh=refresh, on_refresh=stored.append)
        assert get(client).result.crm_entity_id == 17
        assert client.token == "by-hand"
        assert stored == []  # or the store would hold an older one than the client

    @pytest.mark.parametrize("kind", ["function", "coroutine function"])
    def test_when_a_refresh_that_all_gave_up_ends_after_a_later_one(
        self, kind: str, stored: list[str], portal: Portal
    ) -> None:
        tokens = iter(["late", NEW])
        goes_on = threading.Event()

        def refresh() -> str:
            token = next(tokens)
            if token == "late":
                goes_on.wait(WAIT)
            return token

        async def refresh_in_the_loop() -> str:
            return await asyncio.to_thread(refresh)

        async def overlap() -> None:
            with pytest.raises(errors.Bitrix24Error, match="did not end within"):
                await acall(client)
            assert await acall(client) == 17
            goes_on.set()
            async with asyncio.timeout(WAIT):
                while asyncio.all_tasks() - {asyncio.current_task()} or any(
                    thread.daemon for thread in set(threading.enumerate()) - before
                ):
                    await asyncio.sleep(0)  # until the first refresh has ended, wherever it runs

        before = set(threading.enumerate())
        client = portal.client(
            refresh=refresh if kind == "function" else refresh_in_the_loop,
            on_refresh=stored.append,
            refresh_timeout=0.1,
        )
        asyncio.run(overlap())
        assert client.token == NEW
        assert stored == [NEW]

    def test_the_token_of_a_refresh_that_all_gave_up_is_used_if_it_is_the_newest(
        self, portal: Portal
    ) -> None:
        goes_on, accepted = threading.Event(), threading.Event()
        client = portal.client(
            refresh=Refreshes(ready=lambda: goes_on.wait(WAIT)),
            on_refresh=lambda _: accepted.set(),
            refresh_timeout=0.1,
        )
        with pytest.raises(errors.Bitrix24Error, match="did not end within"):
            asyncio.run(acall(client))
        goes_on.set()
        assert accepted.wait(WAIT)
        assert client.token == NEW  # the refresh token is spent: another refresh would fail


class TestARefreshThatFails:
    """Each waiting caller gets what `refresh` raised; the next call tries again."""

    @pytest.fixture(params=["threads", "tasks", "tasks, coroutine function"])
    def everybody(
        self, request: pytest.FixtureRequest, portal: Portal
    ) -> Iterator[tuple[Refreshes, Callable[[], list[object]]]]:
        """A `refresh` that fails when all have been refused, and what they get."""
        count = 32 if request.param == "threads" else 200
        loops: list[asyncio.AbstractEventLoop] = []

        def wait_for_all() -> None:
            portal.wait_for(OLD, count)
            if loops:  # who was refused last begins to wait before the loop does anything else
                waiting = threading.Event()
                loops[-1].call_soon_threadsafe(waiting.set)
                assert waiting.wait(WAIT)
            else:
                wait_for_waiting_threads(count - 1)

        async def call_all() -> list[object]:
            loops.append(asyncio.get_running_loop())
            return await outcomes_of_tasks(client, count)

        refresh = Refreshes(OSError("no route"), ready=wait_for_all)
        in_the_loop = "coroutine" in request.param
        client = portal.client(refresh=refresh.in_the_loop if in_the_loop else refresh)
        if request.param == "threads":
            yield refresh, lambda: outcomes_of_threads(client, count)
        else:
            yield refresh, lambda: asyncio.run(call_all())

    def test_each_waiting_caller_gets_that_exception(
        self, everybody: tuple[Refreshes, Callable[[], list[object]]], portal: Portal
    ) -> None:
        refresh, call_all = everybody
        outcomes = call_all()
        assert {id(outcome) for outcome in outcomes} == {id(refresh.result)}
        assert refresh.calls == 1
        assert NEW not in portal.tokens

    def test_the_next_call_tries_again(
        self, everybody: tuple[Refreshes, Callable[[], list[object]]], portal: Portal
    ) -> None:
        refresh, call_all = everybody
        call_all()
        refresh.result = NEW
        assert call_all() == [17] * portal.tokens[NEW]
        assert refresh.calls == 2


RAISED = [
    OSError("no route"),
    KeyboardInterrupt(),
    SystemExit(2),
    GeneratorExit(),
    asyncio.CancelledError("by the function"),
    CancelledError("of concurrent.futures"),
    TimeoutError("of the OAuth server"),
    StopIteration("no tokens left"),
    StopAsyncIteration("no tokens left"),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__qualname__)
@pytest.mark.parametrize("name", ["refresh", "on_refresh"])
class TestWhateverEitherFunctionRaises:
    """A caller and one who waits get it as what it is, and the next call works."""

    def functions(self, name: str, error: BaseException, portal: Portal) -> dict[str, Refreshes]:
        """The functions; one raises, and `refresh` ends when two callers are there."""
        refresh = Refreshes(ready=lambda: portal.wait_for(OLD, 2))
        functions = {"refresh": refresh, "on_refresh": Refreshes()}
        functions[name].result = error
        return functions

    def test_reaches_threads(self, name: str, error: BaseException, portal: Portal) -> None:
        functions = self.functions(name, error, portal)
        client = portal.client(
            refresh=functions["refresh"], on_refresh=lambda _: functions["on_refresh"]()
        )
        outcomes: list[object] = []

        def note() -> None:
            try:
                outcomes.append(call(client))
            except BaseException as raised:
                outcomes.append(raised)

        threads = [threading.Thread(target=note, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        # The token is there before on_refresh is called, so one who was late may have used it.
        possible = [error, 17] if name == "on_refresh" else [error]
        assert error in outcomes
        assert len([outcome for outcome in outcomes if outcome in possible]) == 2
        functions[name].result = NEW
        assert in_time(lambda: call(client)) == 17

    @pytest.mark.parametrize("kind", ["functions", "coroutine functions"])
    def test_reaches_tasks(
        self, kind: str, name: str, error: BaseException, portal: Portal
    ) -> None:
        functions = self.functions(name, error, portal)

        async def on_refresh(_: str) -> None:
            await functions["on_refresh"].in_the_loop()

        if kind == "functions":
            client = portal.client(
                refresh=functions["refresh"], on_refresh=lambda _: functions["on_refresh"]()
            )
        else:
            client = portal.client(refresh=functions["refresh"].in_the_loop, on_refresh=on_refresh)

        async def use() -> list[object]:
            tasks = [asyncio.ensure_future(acall(client)) for _ in range(2)]
            await asyncio.wait(tasks, timeout=WAIT)
            return [
                asyncio.CancelledError() if task.cancelled() else task.exception() or task.result()
                for task in tasks
            ]

        def is_it(outcome: object) -> bool:
            if isinstance(error, StopIteration):  # which Python lets no coroutine raise
                return isinstance(outcome, RuntimeError) and "StopIteration" in str(outcome)
            if isinstance(error, asyncio.CancelledError):  # a task ends with another of its kind
                return isinstance(outcome, asyncio.CancelledError)
            return outcome is error

        if isinstance(error, KeyboardInterrupt | SystemExit):  # which end the loop as well
            with pytest.raises(type(error)):
                in_time(lambda: asyncio.run(use()))
        else:
            outcomes = in_time(lambda: asyncio.run(use()))
            assert any(is_it(outcome) for outcome in outcomes)
            late = [outcome for outcome in outcomes if not is_it(outcome)]
            assert late == [] or (name, late) == ("on_refresh", [17])
        functions[name].result = NEW
        assert in_time(lambda: asyncio.run(acall(client))) == 17


class TestCancellation:
    def test_a_cancelled_caller_leaves_the_refresh_to_the_others(self, portal: Portal) -> None:
        async def use() -> None:
            goes_on = asyncio.Event()
            calls = 0

            async def refresh() -> str:
                nonlocal calls
                calls += 1
                await goes_on.wait()
                return NEW

            client = portal.client(refresh=refresh)
            first, *others = (asyncio.ensure_future(acall(client)) for _ in range(20))
            while calls == 0 or portal.tokens[OLD] < 20:
                await asyncio.sleep(0)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            goes_on.set()
            assert await asyncio.gather(*others) == [17] * 19
            assert calls == 1
            assert portal.tokens == {OLD: 20, NEW: 19}

        asyncio.run(asyncio.wait_for(use(), WAIT))

    def test_a_refresh_whose_callers_were_all_cancelled_serves_the_next_call(
        self, portal: Portal
    ) -> None:
        async def use() -> None:
            begun, goes_on = asyncio.Event(), asyncio.Event()

            async def refresh() -> str:
                begun.set()
                await goes_on.wait()
                return NEW

            client = portal.client(refresh=refresh)
            first = asyncio.ensure_future(get_status.asyncio(client=client))
            await begun.wait()
            first.cancel()
            goes_on.set()
            assert await acall(client) == 17

        asyncio.run(asyncio.wait_for(use(), WAIT))

    def test_a_refresh_that_fails_after_its_caller_was_cancelled_is_not_logged_as_unretrieved(
        self, portal: Portal, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def use() -> None:
            begun, goes_on = asyncio.Event(), asyncio.Event()

            async def refresh() -> str:
                begun.set()
                await goes_on.wait()
                raise OSError("the OAuth server is not there")

            call = asyncio.ensure_future(acall(portal.client(refresh=refresh)))
            await begun.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            goes_on.set()
            while asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.sleep(0)

        asyncio.run(use())
        gc.collect()
        assert "never retrieved" not in caplog.text
