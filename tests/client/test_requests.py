"""Each call sends a request of its own, so a change to one request affects no other call."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status

from tests.client.mocked import WEBHOOK_URL

CALLS = 200


class Tagging(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that adds the next id to each request, as a tracing library does."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.arrived: list[list[str]] = []
        self._answer = answer
        self._numbers = itertools.count()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._tag(request)
        time.sleep(0)  # another thread runs
        return self._respond(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._tag(request)
        await asyncio.sleep(0)  # another task runs
        return self._respond(request)

    def _tag(self, request: httpx.Request) -> None:
        assert "made-up" not in request.extensions
        request.extensions["made-up"] = True
        request.headers["X-Id"] = f"{request.headers.get('x-id', '')}{next(self._numbers)}"

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.arrived.append(request.headers.get_list("x-id"))
        return httpx.Response(200, json=self._answer)


@pytest.fixture
def transport(answer: dict[str, Any]) -> Tagging:
    return Tagging(answer)


@pytest.fixture
def client(transport: Tagging) -> Client:
    return Client(WEBHOOK_URL, transport=lambda: transport, async_transport=lambda: transport)


def by_threads(client: Client) -> None:
    def call(_: int) -> None:
        get_status.sync(client=client)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(call, range(CALLS)))


def by_tasks(client: Client) -> None:
    async def use() -> None:
        await asyncio.gather(*[get_status.asyncio(client=client) for _ in range(CALLS)])

    asyncio.run(use())


@pytest.mark.parametrize("calls", [by_threads, by_tasks])
def test_an_id_that_a_transport_adds_to_a_request_arrives_with_this_request_alone(
    calls: Callable[[Client], None], client: Client, transport: Tagging
) -> None:
    calls(client)
    assert sorted(int(number) for (number,) in transport.arrived) == [*range(CALLS)]
