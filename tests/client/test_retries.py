"""Retries: the recipe with httpx-retries, and what an error says about a retry."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import Client, errors
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import ErrorResponse
from bitrix24_sandbox.portal.limits import Limits
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import running
from httpx_retries import Retry

from tests.client.recipes import retry as recipe
from tests.client.recipes.retry import RETRY

if TYPE_CHECKING:
    from bitrix24_sandbox.testing import Sandbox

    from tests.client.conftest import Answering, Get

# --- with httpx-retries -------------------------------------------------------------------------

SPEED = 50
"""How much faster than the recipe's the tests' clock runs: for waiting, and for the bucket."""


class Tries(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The network, and how often each caller (a thread or a task) was there."""

    def __init__(self) -> None:
        self.of: Counter[object] = Counter()
        self._sync, self._async = httpx.HTTPTransport(), httpx.AsyncHTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.of[threading.get_ident()] += 1
        return self._sync.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.of[asyncio.current_task()] += 1
        return await self._async.handle_async_request(request)

    def close(self) -> None:
        self._sync.close()

    async def aclose(self) -> None:
        await self._async.aclose()


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> Tries:
    """The network of the recipe, which counts, and the recipe's clock, which runs faster."""
    tries = Tries()
    monkeypatch.setattr(httpx, "HTTPTransport", lambda: tries)
    monkeypatch.setattr(httpx, "AsyncHTTPTransport", lambda: tries)
    faster = RETRY.copy_with(
        backoff_factor=RETRY.backoff_factor / SPEED,
        max_backoff_wait=RETRY.max_backoff_wait / SPEED,
    )
    monkeypatch.setattr(recipe, "RETRY", faster)
    return tries


@pytest.fixture
def retrying(tries: Tries, sandbox: Sandbox) -> Iterator[Client]:
    """A client made by the recipe."""
    assert tries.of == {}
    with recipe.retrying_client(sandbox.webhook_url) as client:
        yield client


class TestFaults:
    @pytest.mark.parametrize(
        "fault",
        [
            "OPERATION_TIME_LIMIT",
            "QUERY_LIMIT_EXCEEDED",
            "html-502",
            "html-503",
            "html-504",
            "disconnect",
        ],
    )
    def test_one_that_passes_is_retried_until_it_has_passed(
        self,
        fault: str,
        get: Get,
        retrying: Client,
        tries: Tries,
        sandbox: Sandbox,
    ) -> None:
        sandbox.fail(fault, times=2)
        assert get(retrying).result.crm_entity_id == sandbox.state()["call"]["CRM_ENTITY_ID"]
        assert list(tries.of.values()) == [3]

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            ("OVERLOAD_LIMIT", errors.ApiError),
            ("ERROR_CORE", errors.ApiError),
            ("NO_AUTH_FOUND", errors.ApiError),
            ("ACCESS_DENIED", errors.ApiError),
            ("ERROR_METHOD_NOT_FOUND", errors.ApiError),
            ("INTERNAL_SERVER_ERROR", errors.ApiError),
            ("error-in-200", errors.ApiError),
            ("html-520", errors.UnexpectedStatus),
            ("redirect", errors.UnexpectedStatus),
            ("truncated-json", errors.InvalidResponse),
        ],
    )
    def test_another_one_is_raised_at_once(
        self,
        fault: str,
        error: type[Exception],
        get: Get,
        retrying: Client,
        tries: Tries,
        sandbox: Sandbox,
    ) -> None:
        sandbox.fail(fault)
        with pytest.raises(error):
            get(retrying)
        assert list(tries.of.values()) == [1]

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            ("QUERY_LIMIT_EXCEEDED", errors.ApiError),
            ("html-502", errors.UnexpectedStatus),
            ("disconnect", httpx.RemoteProtocolError),
        ],
    )
    def test_one_that_stays_is_raised_after_ten_retries_at_growing_intervals(
        self,
        fault: str,
        error: type[Exception],
        get: Get,
        retrying: Client,
        tries: Tries,
        sandbox: Sandbox,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        waited: list[float] = []
        backoff = Retry.backoff_strategy

        def note(retry: Retry) -> float:
            waited.append(backoff(retry) * SPEED)
            return 0

        monkeypatch.setattr(Retry, "backoff_strategy", note)
        sandbox.fail(fault, times=100)
        with pytest.raises(error):
            get(retrying)
        assert list(tries.of.values()) == [11]
        bounds = [2, 4, 8, 16, 30, 30, 30, 30, 30, 30]
        assert len(waited) == len(bounds)
        assert all(0 <= seconds <= bound for seconds, bound in zip(waited, bounds, strict=True))
        assert len(set(waited)) > 3  # by chance, so that many callers do not come at once


class TestLimits:
    """As on a portal with the usual 50 requests and 2 a second, with time running faster."""

    CALLS = 200

    @pytest.fixture
    def limited(self) -> Iterator[str]:
        """The webhook of a portal whose bucket is much smaller than what is asked of it."""
        with running(Portal(limits=Limits(50, 2 * SPEED))) as sandbox:
            yield sandbox.webhook_url

    def check(self, outcomes: list[object], tries: Tries) -> None:
        """All succeeded, none was lost, and none was retried more often than allowed."""
        assert outcomes == [outcomes[0]] * self.CALLS
        assert isinstance(outcomes[0], str)
        assert len(tries.of) == self.CALLS
        assert 1 < max(tries.of.values()) <= 1 + RETRY.total

    def test_threads(self, limited: str, tries: Tries) -> None:
        everybody = threading.Barrier(self.CALLS)

        def call(_: int) -> object:
            everybody.wait(30)  # so that each call has a thread of its own
            return get_status.sync(client=client).result.call_id

        with (
            recipe.retrying_client(limited) as client,
            ThreadPoolExecutor(self.CALLS) as threads,
        ):
            self.check(list(threads.map(call, range(self.CALLS))), tries)

    def test_tasks(self, limited: str, tries: Tries) -> None:
        async def call(client: Client) -> object:
            return (await get_status.asyncio(client=client)).result.call_id

        async def use() -> list[object]:
            async with recipe.retrying_client(limited) as client:
                return await asyncio.gather(*[call(client) for _ in range(self.CALLS)])

        self.check(asyncio.run(use()), tries)


class TestEventLoops:
    def test_four_in_a_row_each_retry(self, sandbox: Sandbox) -> None:
        client = recipe.retrying_client(sandbox.webhook_url)

        async def call() -> object:
            async with client:
                return (await get_status.asyncio(client=client)).result.call_id

        for _ in range(4):
            sandbox.fail("html-502")
            assert asyncio.run(call())

    def test_four_at_once_and_threads_beside_them(self, sandbox: Sandbox) -> None:
        client = recipe.retrying_client(sandbox.webhook_url)

        async def call() -> object:
            async with client:
                return (await get_status.asyncio(client=client)).result.call_id

        with ThreadPoolExecutor(8) as threads, client:
            results: list[Future[Any]] = [
                *[threads.submit(lambda: asyncio.run(call())) for _ in range(4)],
                *[threads.submit(lambda: get_status.sync(client=client)) for _ in range(4)],
            ]
            for result in results:
                assert result.result(30)


# --- what an error says about a retry ------------------------------------------------------------


class TestRetryable:
    @pytest.mark.parametrize(
        ("code", "retryable"),
        [
            ("INVALID_REQUEST", False),
            ("ERROR_ARGUMENT", False),
            ("ERROR_PLACEMENT_NOT_FOUND", False),
            ("ERROR_CORE", False),
            ("NO_AUTH_FOUND", False),
            ("invalid_token", False),
            ("expired_token", False),  # only with another token
            ("WRONG_AUTH_TYPE", False),
            ("insufficient_scope", False),
            ("INVALID_CREDENTIALS", False),
            ("ACCESS_DENIED", False),
            ("user_access_error", False),
            ("ERROR_METHOD_NOT_FOUND", False),
            ("OPERATION_TIME_LIMIT", True),
            ("INTERNAL_SERVER_ERROR", True),
            ("ERROR_UNEXPECTED_ANSWER", True),
            ("PORTAL_DELETED", False),
            ("QUERY_LIMIT_EXCEEDED", True),
            ("OVERLOAD_LIMIT", False),
        ],
    )
    def test_each_documented_error_says_whether_a_retry_may_help(
        self, code: str, retryable: bool, get: Get, sandbox: Sandbox
    ) -> None:
        sandbox.fail(code)
        with (
            Client(base_url=sandbox.webhook_url) as client,
            pytest.raises(errors.ApiError, match=code) as caught,
        ):
            get(client)
        assert caught.value.retryable is retryable

    @pytest.mark.parametrize(
        ("status", "retryable"), [(400, False), (403, False), (429, True), (500, True), (503, True)]
    )
    def test_for_an_unknown_code_the_status_decides(self, status: int, retryable: bool) -> None:
        response = ErrorResponse(error="BRAND_NEW", error_description="")
        assert errors.ApiError(status, response, b"").retryable is retryable

    @pytest.mark.parametrize(
        ("code", "retryable"),
        [
            ("QUERY_LIMIT_EXCEEDED", True),
            ("OPERATION_TIME_LIMIT", True),
            ("OVERLOAD_LIMIT", False),
            ("ERROR_CORE", False),
        ],
    )
    def test_in_a_200_the_code_decides(
        self, code: str, retryable: bool, get: Get, answering: Answering
    ) -> None:
        with pytest.raises(errors.ApiError) as caught:
            get(answering({"error": code, "error_description": ""}, 200))
        assert caught.value.retryable is retryable


class TestOperatingTime:
    """Responses before the block say when a blocked method is available again."""

    def test_the_last_reported_reset_is_on_the_error(self, get: Get, sandbox: Sandbox) -> None:
        with Client(base_url=sandbox.webhook_url) as client:
            time = get(client).time
            seen = time and time.operating_reset_at
            sandbox.fail("OPERATION_TIME_LIMIT")
            with pytest.raises(errors.ApiError) as caught:
                get(client)
        assert isinstance(seen, int)
        assert seen > 1_700_000_000
        assert caught.value.operating_reset_at == seen
        assert client.operating_reset_at == seen

    def test_is_unknown_before_the_first_response(self, get: Get, sandbox: Sandbox) -> None:
        sandbox.fail("OPERATION_TIME_LIMIT")
        with (
            Client(base_url=sandbox.webhook_url) as client,
            pytest.raises(errors.ApiError) as caught,
        ):
            get(client)
        assert caught.value.operating_reset_at is None

    def test_a_response_without_one_keeps_the_last(self, get: Get, answer: dict[str, Any]) -> None:
        without = {**answer, "time": {**answer["time"]}}
        del without["time"]["operating_reset_at"]
        answers = iter([answer, without])

        def give(_: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json=next(answers))

        client = Client(
            base_url="https://portal.example/rest/1/made-up-secret/",
            transport=lambda: httpx.MockTransport(give),
            async_transport=lambda: httpx.MockTransport(give),
        )
        with client:
            get(client)
            get(client)
        assert client.operating_reset_at == answer["time"]["operating_reset_at"]

    def test_the_detailed_functions_note_it_as_well(
        self, answering: Answering, answer: dict[str, Any]
    ) -> None:
        client = answering(answer)
        get_status.sync_detailed(client=client)
        assert client.operating_reset_at == answer["time"]["operating_reset_at"]
