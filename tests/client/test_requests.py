"""Each call sends a request of its own: what is done to it is seen in no other call."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status

CALLS = 1000
THREADS = 8
TASKS = 50

Arrived = list[list[str]]


class Ids(httpx.Auth):
    """Adds the next id to a request, and gives other calls a turn before the request is sent."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def add(self, request: httpx.Request) -> None:
        request.headers["X-Id"] = str(next(self._numbers))
        time.sleep(0)

    async def add_async(self, request: httpx.Request) -> None:
        request.headers["X-Id"] = str(next(self._numbers))
        await asyncio.sleep(0)

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        self.add(request)
        yield request

    async def async_auth_flow(self, request: httpx.Request) -> Any:
        await self.add_async(request)
        yield request


class Tagging(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that adds an id to each request, as a tracing library does."""

    def __init__(self, ids: Ids, inner: httpx.MockTransport) -> None:
        self._ids = ids
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._ids.add(request)
        return self._inner.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._ids.add_async(request)
        return await self._inner.handle_async_request(request)


@pytest.fixture
def arrived() -> Arrived:
    """The ids with which each request arrived."""
    return []


@pytest.fixture
def portal(arrived: Arrived, answer: dict[str, Any]) -> httpx.MockTransport:
    """A portal that notes the ids."""

    def respond(request: httpx.Request) -> httpx.Response:
        arrived.append(request.headers.get_list("x-id"))
        return httpx.Response(200, json=answer)

    return httpx.MockTransport(respond)


@pytest.fixture(params=["event hook", "auth", "transport"])
def client(request: pytest.FixtureRequest, portal: httpx.MockTransport) -> Client:
    ids = Ids()
    client = Client(
        base_url="https://portal.example/rest/1/made-up-secret/",
        transport=lambda: Tagging(ids, portal),
        async_transport=lambda: Tagging(ids, portal),
    )
    settings: dict[str, tuple[Any, Any]] = {
        "event hook": (
            {"event_hooks": {"request": [ids.add]}},
            {"event_hooks": {"request": [ids.add_async]}},
        ),
        "auth": ({"auth": ids}, {"auth": ids}),
    }
    if request.param != "transport":
        sync, asynchronous = settings[request.param]
        client.set_httpx_client(httpx.Client(transport=portal, **sync))
        client.set_async_httpx_client(httpx.AsyncClient(transport=portal, **asynchronous))
    return client


def by_threads(client: Client) -> None:
    def call(_: int) -> None:
        get_status.sync(client=client)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(call, range(CALLS)))


def by_tasks(client: Client) -> None:
    async def call() -> None:
        for _ in range(CALLS // TASKS):
            await get_status.asyncio(client=client)

    async def use() -> None:
        await asyncio.gather(*[call() for _ in range(TASKS)])

    asyncio.run(use())


@pytest.mark.parametrize("calls", [by_threads, by_tasks], ids=["8 threads", "50 tasks"])
def test_every_id_that_is_added_to_a_request_arrives_once(
    calls: Callable[[Client], None], client: Client, arrived: Arrived
) -> None:
    calls(client)
    assert sorted(arrived, key=lambda ids: int(ids[0])) == [[str(n)] for n in range(CALLS)]


def test_a_header_that_a_transport_adds_to_one_request_is_not_in_the_next(
    portal: httpx.MockTransport, arrived: Arrived
) -> None:
    class TaggingTheFirst(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if not arrived:
                request.headers["X-Id"] = "first"
                request.extensions["made-up"] = True
            assert ("made-up" in request.extensions) is not bool(arrived)
            return portal.handle_request(request)

    client = Client(
        base_url="https://portal.example/rest/1/made-up-secret/", transport=TaggingTheFirst
    )
    for _ in range(2):
        get_status.sync(client=client)
    assert arrived == [["first"], []]
