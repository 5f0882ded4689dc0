"""The refresh of an expired token: once for all calls that wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import errors

from tests.client.conftest import WAIT
from tests.client.refreshing import (
    EXPIRED,
    KINDS,
    NEW,
    OLD,
    Portal,
    Refreshes,
    acall,
    call,
    in_time,
    outcomes_of_tasks,
    outcomes_of_threads,
    wait_for_waiting_callers,
)

if TYPE_CHECKING:
    from tests.client.conftest import Ask, Get

THREADS, TASKS = 32, 200


@pytest.fixture
def portal(answer: dict[str, Any]) -> Portal:
    """A portal that accepts the new token only."""
    return Portal(answer)


@pytest.fixture
def stored() -> list[str]:
    """What `on_refresh` was called with."""
    return []


class TestOneCall:
    def test_an_expired_token_is_refreshed_and_the_call_retried(
        self, ask: Ask, stored: list[str], portal: Portal
    ) -> None:
        refresh = Refreshes()
        ask(portal.client(refresh=refresh, on_refresh=stored.append))
        assert portal.tokens == {OLD: 1, NEW: 1}
        assert (refresh.calls, stored) == (1, [NEW])

    def test_the_new_token_is_used_until_it_expires(self, get: Get, portal: Portal) -> None:
        refresh = Refreshes()
        client = portal.client(refresh=refresh)
        for _ in range(3):
            assert get(client).result.crm_entity_id == 17
        assert (refresh.calls, client.token) == (1, NEW)
        assert portal.tokens == {OLD: 1, NEW: 3}
        portal.valid, refresh.result = {"a-third-token"}, "a-third-token"
        assert get(client).result.crm_entity_id == 17
        assert refresh.calls == 2

    def test_without_refresh_the_error_is_raised(self, get: Get, portal: Portal) -> None:
        with pytest.raises(errors.ApiError, match="expired_token"):
            get(portal.client())
        assert portal.tokens == {OLD: 1}

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (401, {"error": "invalid_token", "error_description": ""}),
            (401, {"error": "EXPIRED_TOKEN", "error_description": "expired_token"}),
            (401, {"error": ["expired_token"]}),
            (401, ["expired_token"]),
            (401, None),
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

    @pytest.mark.parametrize("result", [None, 17, b"bytes-marker", ""])
    def test_a_result_other_than_a_token_is_an_error_that_does_not_show_it(
        self, result: object, get: Get, portal: Portal
    ) -> None:
        client = portal.client(refresh=Refreshes(result))
        expected = "^what refresh returned: expected an access token, found "
        with pytest.raises((TypeError, ValueError), match=expected) as caught:
            get(client)
        assert "marker" not in str(caught.value)
        assert client.token == OLD

    @pytest.mark.parametrize("token", [None, b"bytes-marker", ""])
    def test_an_assigned_token_is_checked_likewise(self, token: Any, portal: Portal) -> None:
        client = portal.client()
        expected = "^token: expected an access token, found "
        with pytest.raises((TypeError, ValueError), match=expected) as caught:
            client.token = token
        assert "marker" not in str(caught.value)
        assert client.token == OLD


class TestFunctions:
    """`refresh` and `on_refresh` may be asynchronous for asyncio, and for nothing else."""

    @pytest.mark.parametrize("on_refresh", ["function", "coroutine function", "object", "lambda"])
    @pytest.mark.parametrize("refresh", ["function", "coroutine function", "object", "lambda"])
    def test_asyncio_awaits_what_is_awaitable(
        self, refresh: str, on_refresh: str, portal: Portal
    ) -> None:
        store = Refreshes()
        client = portal.client(
            refresh=Refreshes().of_kind(refresh), on_refresh=store.of_kind(on_refresh)
        )
        assert in_time(lambda: asyncio.run(acall(client))) == 17
        assert store.calls == 1

    @pytest.mark.parametrize("kind", ["coroutine function", "object", "lambda"])
    @pytest.mark.parametrize("name", ["refresh", "on_refresh"])
    def test_the_synchronous_functions_refuse_what_is_awaitable(
        self, name: str, kind: str, portal: Portal
    ) -> None:
        plain, asynchronous = Refreshes(), Refreshes()
        functions = {"refresh": plain, name: asynchronous.of_kind(kind)}
        client = portal.client(**functions)
        with pytest.raises(TypeError, match=f"^{name} is asynchronous, which serves asyncio"):
            in_time(lambda: call(client))
        gc.collect()  # here a coroutine that was never awaited would warn, and fail the test
        assert asynchronous.calls == 0
        # Refused before the refresh token is spent, if the function itself says what it is.
        assert plain.calls == (name == "on_refresh" and kind != "coroutine function")

    def test_a_failure_of_on_refresh_fails_the_call_and_keeps_the_token(
        self, get: Get, portal: Portal
    ) -> None:
        refresh = Refreshes()
        client = portal.client(refresh=refresh, on_refresh=Refreshes(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            get(client)
        assert get(client).result.crm_entity_id == 17
        assert refresh.calls == 1


class TestManyCalls:
    @pytest.mark.parametrize(
        ("kind", "threads"), [("function", THREADS), ("coroutine function", 0), ("lambda", 0)]
    )
    def test_threads_and_the_tasks_of_several_loops_share_one_refresh(
        self, kind: str, threads: int, stored: list[str], portal: Portal
    ) -> None:
        count = threads + 2 * TASKS
        refresh = Refreshes(ready=lambda: portal.wait_for(OLD, count))
        client = portal.client(refresh=refresh.of_kind(kind), on_refresh=stored.append)
        with ThreadPoolExecutor(2 + threads) as callers:
            loops = [callers.submit(asyncio.run, outcomes_of_tasks(client, TASKS)) for _ in "ab"]
            singles = [callers.submit(call, client) for _ in range(threads)]
            outcomes = [outcome for loop in loops for outcome in loop.result(WAIT)]
            outcomes += [single.result(WAIT) for single in singles]
        assert outcomes == [17] * count
        assert (refresh.calls, stored) == (1, [NEW])
        assert portal.tokens == {OLD: count, NEW: count}  # one retry for each

    def test_a_call_that_is_refused_after_a_refresh_uses_its_token(
        self, get: Get, portal: Portal
    ) -> None:
        def answer_late(request: httpx.Request) -> httpx.Response:
            response = answer(request)
            if portal.tokens == {OLD: 1}:
                assert call(portal_client) == 17
            return response

        answer, portal.answer = portal.answer, answer_late  # type: ignore[method-assign]
        refresh = Refreshes()
        portal_client = portal.client(refresh=refresh)
        assert get(portal_client).result.crm_entity_id == 17
        assert refresh.calls == 1
        assert portal.tokens == {OLD: 2, NEW: 2}


class TestTheNewestToken:
    @pytest.mark.parametrize("assigned", ["assigned", NEW])
    def test_is_the_one_assigned_during_the_refresh(
        self, assigned: str, get: Get, stored: list[str], portal: Portal
    ) -> None:
        def refresh() -> str:
            client.token = assigned
            return NEW

        portal.valid = {assigned}
        client = portal.client(refresh=refresh, on_refresh=stored.append)
        assert get(client).result.crm_entity_id == 17
        assert client.token == assigned
        # Another one is not stored, or the store would hold an older one than the client.
        assert stored == ([NEW] if assigned == NEW else [])

    @pytest.mark.parametrize("is_followed", [True, False])
    def test_is_that_of_an_abandoned_refresh_only_if_no_later_one_has_ended(
        self, is_followed: bool, stored: list[str], portal: Portal
    ) -> None:
        goes_on = threading.Event()
        runs: list[threading.Thread] = []

        def refresh() -> str:
            runs.append(threading.current_thread())
            if len(runs) > 1:
                return NEW
            goes_on.wait(WAIT)
            return "late"

        client = portal.client(refresh=refresh, on_refresh=stored.append, refresh_timeout=0.1)
        with pytest.raises(errors.RefreshError, match="did not end within"):
            asyncio.run(acall(client))
        if is_followed:
            assert asyncio.run(acall(client)) == 17
        goes_on.set()
        runs[0].join(WAIT)
        # If nothing else: its refresh token is spent, and another refresh would fail.
        expected = NEW if is_followed else "late"
        assert (client.token, stored) == (expected, [expected])


class TestAFailure:
    """Each waiting caller gets what `refresh` raised; the next call tries again."""

    def test_is_shared_by_all_threads(self, portal: Portal) -> None:
        refresh = Refreshes(OSError("no route"), lambda: wait_for_waiting_callers(THREADS - 1))
        client = portal.client(refresh=refresh)
        outcomes = outcomes_of_threads(client, THREADS)
        assert {id(outcome) for outcome in outcomes} == {id(refresh.result)}
        assert refresh.calls == 1
        refresh.result = NEW
        assert outcomes_of_threads(client, THREADS) == [17] * THREADS

    @KINDS
    def test_is_shared_by_all_tasks(self, kind: str, portal: Portal) -> None:
        refresh = Refreshes(OSError("no route"), lambda: portal.wait_for(OLD, TASKS))
        client = portal.client(refresh=refresh.of_kind(kind))
        outcomes = asyncio.run(outcomes_of_tasks(client, TASKS))
        assert {id(outcome) for outcome in outcomes} == {id(refresh.result)}
        assert refresh.calls <= 2  # the task that is refused last may be too late to share
        refresh.result = NEW
        assert asyncio.run(acall(client)) == 17

    @pytest.mark.parametrize(
        "error",
        [
            OSError("no route"),
            TimeoutError("of the OAuth server"),
            CancelledError("of concurrent.futures"),
            StopIteration("no tokens left"),
            StopAsyncIteration("no tokens left"),
        ],
        ids=lambda error: type(error).__name__,
    )
    @pytest.mark.parametrize("name", ["refresh", "on_refresh"])
    def test_is_the_exception_itself(
        self, name: str, error: Exception, get: Get, portal: Portal
    ) -> None:
        failing = Refreshes(error)
        client = portal.client(**{"refresh": Refreshes(), name: failing})
        with pytest.raises(Exception) as caught:  # noqa: PT011 - compared below
            in_time(lambda: get(client))
        # Python lets no coroutine raise StopIteration.
        is_stop = isinstance(error, StopIteration) and isinstance(caught.value, RuntimeError)
        assert caught.value is error or is_stop
        failing.result = NEW
        assert in_time(lambda: get(client)).result.crm_entity_id == 17
