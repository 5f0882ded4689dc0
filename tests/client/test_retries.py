"""Calls that are repeated: the README's recipe, and what an error says about repeating."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import Client, errors
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import ErrorResponse
from bitrix24_sandbox.portal.limits import Limits
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import running
from httpx_retries import Retry, RetryTransport

if TYPE_CHECKING:
    from bitrix24_sandbox.remote import Sandbox

    from tests.client.conftest import Answering, Get

# --- the recipe ---------------------------------------------------------------------------------


def will_pass(response: httpx.Response) -> None:
    """Ask for a repeat of a 503, unless it is OVERLOAD_LIMIT: that block is lifted by hand."""
    if response.status_code == 503 and b"OVERLOAD_LIMIT" not in response.read():
        raise httpx.NetworkError("503")


RETRY = Retry(
    total=10,  # repeats of one call
    allowed_methods=["POST"],  # getStatus only reads
    status_forcelist=[429, 502, 504],  # 503 is for will_pass to judge
    backoff_factor=1,  # up to 2 s before the first repeat, 4 s before the second …
    max_backoff_wait=30,  # … and never more than this
    validate_response=will_pass,
)

# client = Client(base_url=…, httpx_args={"transport": RetryTransport(retry=RETRY)})


async def will_pass_async(response: httpx.Response) -> None:
    """Do the same for the asynchronous functions."""
    if response.status_code == 503 and b"OVERLOAD_LIMIT" not in await response.aread():
        raise httpx.NetworkError("503")


# --- the recipe's tests -------------------------------------------------------------------------

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
def tries() -> Tries:
    """The network, which counts."""
    return Tries()


def by_the_recipe(
    base_url: str, tries: Tries, check: Callable[[httpx.Response], Awaitable[None] | None]
) -> Client:
    """A client made by the recipe, on the tests' clock."""
    retry = RETRY.copy_with(
        backoff_factor=RETRY.backoff_factor / SPEED,
        max_backoff_wait=RETRY.max_backoff_wait / SPEED,
        validate_response=check,
    )
    return Client(base_url=base_url, httpx_args={"transport": RetryTransport(tries, retry)})


@pytest.fixture
def repeating(request: pytest.FixtureRequest, tries: Tries, sandbox: Sandbox) -> Iterator[Client]:
    """A client that suits the function which the test runs with."""
    check = {"sync": will_pass, "asyncio": will_pass_async}[request.node.callspec.params["get"]]
    with by_the_recipe(sandbox.webhook_url, tries, check) as client:
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
    def test_one_that_passes_is_overcome(
        self,
        fault: str,
        get: Get,
        repeating: Client,
        tries: Tries,
        sandbox: Sandbox,
    ) -> None:
        sandbox.fault(fault, times=2)
        assert get(repeating).result.crm_entity_id == sandbox.state()["call"]["CRM_ENTITY_ID"]
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
    def test_another_one_is_the_answer_at_once(
        self,
        fault: str,
        error: type[Exception],
        get: Get,
        repeating: Client,
        tries: Tries,
        sandbox: Sandbox,
    ) -> None:
        sandbox.fault(fault)
        with pytest.raises(error):
            get(repeating)
        assert list(tries.of.values()) == [1]

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            ("QUERY_LIMIT_EXCEEDED", errors.ApiError),
            ("html-502", errors.UnexpectedStatus),
            ("disconnect", httpx.RemoteProtocolError),
        ],
    )
    def test_one_that_stays_is_the_answer_after_ten_repeats_that_come_ever_later(
        self,
        fault: str,
        error: type[Exception],
        get: Get,
        repeating: Client,
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
        sandbox.fault(fault, times=100)
        with pytest.raises(error):
            get(repeating)
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
        """All came back, none was lost, and none was repeated more often than allowed."""
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
            by_the_recipe(limited, tries, will_pass) as client,
            ThreadPoolExecutor(self.CALLS) as threads,
        ):
            self.check(list(threads.map(call, range(self.CALLS))), tries)

    def test_tasks(self, limited: str, tries: Tries) -> None:
        async def call(client: Client) -> object:
            return (await get_status.asyncio(client=client)).result.call_id

        async def use() -> list[object]:
            async with by_the_recipe(limited, tries, will_pass_async) as client:
                return await asyncio.gather(*[call(client) for _ in range(self.CALLS)])

        self.check(asyncio.run(use()), tries)


# --- what an error says of repeating ------------------------------------------------------------


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
    def test_each_documented_error_tells_whether_a_repeat_can_help(
        self, code: str, retryable: bool, get: Get, sandbox: Sandbox
    ) -> None:
        sandbox.fault(code)
        with (
            Client(base_url=sandbox.webhook_url) as client,
            pytest.raises(errors.ApiError, match=code) as caught,
        ):
            get(client)
        assert caught.value.retryable is retryable

    @pytest.mark.parametrize(
        ("status", "retryable"), [(400, False), (403, False), (429, True), (500, True), (503, True)]
    )
    def test_of_a_code_nobody_has_heard_of_the_status_tells_it(
        self, status: int, retryable: bool
    ) -> None:
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
    def test_in_a_200_the_code_tells_it(
        self, code: str, retryable: bool, get: Get, answering: Answering
    ) -> None:
        with pytest.raises(errors.ApiError) as caught:
            get(answering({"error": code, "error_description": ""}, 200))
        assert caught.value.retryable is retryable


class TestOperatingTime:
    """When a blocked method is free again is told by the answers before the block."""

    def test_the_last_seen_reset_is_on_the_error(self, get: Get, sandbox: Sandbox) -> None:
        with Client(base_url=sandbox.webhook_url) as client:
            time = get(client).time
            seen = time and time.operating_reset_at
            sandbox.fault("OPERATION_TIME_LIMIT")
            with pytest.raises(errors.ApiError) as caught:
                get(client)
        assert isinstance(seen, int)
        assert seen > 1_700_000_000
        assert caught.value.operating_reset_at == seen
        assert client.operating_reset_at == seen

    def test_a_client_that_has_seen_none_knows_none(self, get: Get, sandbox: Sandbox) -> None:
        sandbox.fault("OPERATION_TIME_LIMIT")
        with (
            Client(base_url=sandbox.webhook_url) as client,
            pytest.raises(errors.ApiError) as caught,
        ):
            get(client)
        assert caught.value.operating_reset_at is None

    def test_an_answer_without_one_does_not_make_it_forgotten(
        self, get: Get, answer: dict[str, Any]
    ) -> None:
        without = {**answer, "time": {**answer["time"]}}
        del without["time"]["operating_reset_at"]
        answers = iter([answer, without])

        def give(_: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json=next(answers))

        client = Client(
            base_url="https://portal.example/rest/",
            httpx_args={"transport": httpx.MockTransport(give)},
        )
        with client:
            get(client)
            get(client)
        assert client.operating_reset_at == answer["time"]["operating_reset_at"]

    def test_the_detailed_functions_see_it_as_well(
        self, answering: Answering, answer: dict[str, Any]
    ) -> None:
        client = answering(answer)
        get_status.sync_detailed(client=client)
        assert client.operating_reset_at == answer["time"]["operating_reset_at"]
