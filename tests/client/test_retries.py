"""Retries: the recipe with httpx-retries, and when to retry after OPERATION_TIME_LIMIT."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import Client, errors
from bitrix24_call_card.api.call_card import get_status
from httpx_retries import Retry

from tests.client.mocked import mocked
from tests.client.recipes import retry as recipe
from tests.client.recipes.retry import RETRY

if TYPE_CHECKING:
    from bitrix24_sandbox.testing import Sandbox

    from tests.client.conftest import Ask, Get

SPEED = 50
"""How much shorter the recipe's waits are here."""


class Counting(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The network, which counts the requests."""

    def __init__(self) -> None:
        self.requests = 0
        self._sync, self._async = httpx.HTTPTransport(), httpx.AsyncHTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        return self._sync.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        return await self._async.handle_async_request(request)

    def close(self) -> None:
        self._sync.close()

    async def aclose(self) -> None:
        await self._async.aclose()


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """The network of the recipe, whose waits are shorter here."""
    network = Counting()
    monkeypatch.setattr(httpx, "HTTPTransport", lambda: network)
    monkeypatch.setattr(httpx, "AsyncHTTPTransport", lambda: network)
    faster = RETRY.copy_with(
        backoff_factor=RETRY.backoff_factor / SPEED,
        max_backoff_wait=RETRY.max_backoff_wait / SPEED,
    )
    monkeypatch.setattr(recipe, "RETRY", faster)
    return network


class TestFaults:
    @pytest.fixture
    def retrying(self, network: Counting, sandbox: Sandbox) -> Iterator[Client]:
        """A client made by the recipe."""
        assert network.requests == 0
        with recipe.retrying_client(sandbox.webhook_url) as client:
            yield client

    @pytest.mark.parametrize(
        "fault",
        [
            *("OPERATION_TIME_LIMIT", "QUERY_LIMIT_EXCEEDED"),
            *("html-502", "html-503", "html-504", "disconnect"),
        ],
    )
    def test_a_temporary_one_is_retried_until_the_call_succeeds(
        self, fault: str, get: Get, retrying: Client, network: Counting, sandbox: Sandbox
    ) -> None:
        sandbox.fail(fault, times=2)
        assert get(retrying).result.crm_entity_id == 17
        assert network.requests == 3

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            ("OVERLOAD_LIMIT", errors.ApiError),
            ("ERROR_CORE", errors.ApiError),
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
        network: Counting,
        sandbox: Sandbox,
    ) -> None:
        sandbox.fail(fault)
        with pytest.raises(error):
            get(retrying)
        assert network.requests == 1

    def test_a_lasting_one_is_raised_after_ten_retries_at_growing_intervals(
        self,
        get: Get,
        retrying: Client,
        network: Counting,
        sandbox: Sandbox,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        waited: list[float] = []
        backoff = Retry.backoff_strategy

        def note(retry: Retry) -> float:
            waited.append(backoff(retry) * SPEED)
            return 0

        monkeypatch.setattr(Retry, "backoff_strategy", note)
        sandbox.fail("QUERY_LIMIT_EXCEEDED", times=100)
        with pytest.raises(errors.ApiError):
            get(retrying)
        assert network.requests == 11
        bounds = [2, 4, 8, 16, 30, 30, 30, 30, 30, 30]
        assert len(waited) == len(bounds)
        assert all(0 <= seconds <= bound for seconds, bound in zip(waited, bounds, strict=True))
        assert len(set(waited)) > 3  # at random, so that many callers do not come at once


def test_a_hundred_calls_at_once_succeed_although_fifty_requests_are_too_many(
    sandbox: Sandbox, network: Counting
) -> None:
    async def call(client: Client) -> int:
        return (await get_status.asyncio(client=client)).result.crm_entity_id

    async def use() -> list[int]:
        async with recipe.retrying_client(sandbox.webhook_url) as client:
            return await asyncio.gather(*[call(client) for _ in range(100)])

    # Not by the portal's limits, whose bucket would drain meanwhile on a busy machine.
    sandbox.fail("QUERY_LIMIT_EXCEEDED", times=50)
    assert asyncio.run(use()) == [17] * 100
    assert network.requests == 150


class TestOperatingTime:
    """Responses before the block say when a blocked method is available again."""

    def test_the_last_reported_reset_is_on_the_error_and_on_the_client(
        self, ask: Ask, sandbox: Sandbox
    ) -> None:
        def reset_on_error() -> int | None:
            sandbox.fail("OPERATION_TIME_LIMIT")
            with pytest.raises(errors.ApiError) as caught:
                get_status.sync(client=client)
            return caught.value.operating_reset_at

        with Client(base_url=sandbox.webhook_url) as client:
            assert reset_on_error() is None
            ask(client)
            assert reset_on_error() == client.operating_reset_at
            assert (client.operating_reset_at or 0) > 1_700_000_000

    def test_the_latest_is_kept_whatever_later_responses_report(
        self, get: Get, answer: dict[str, Any]
    ) -> None:
        def respond(_: httpx.Request) -> httpx.Response:
            answer["time"]["operating_reset_at"] = next(reported)
            return httpx.Response(200, json=answer)

        reported = iter([2000, 1000, None])
        client = mocked(respond)
        for _ in range(3):
            get(client)
            assert client.operating_reset_at == 2000
