"""Transports come from a function: one for the threads of a process, one for each event loop."""

from __future__ import annotations

import asyncio
import gc
import threading
import traceback
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Never

import httpx
import pytest
import trio
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status
from httpx_retries import Retry, RetryTransport
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

if TYPE_CHECKING:
    from tests.client.conftest import Ask, Get, Recorder

Make = Callable[[], httpx.AsyncBaseTransport]

WAIT = 60
SECRET_URL = "https://portal.example/rest/1/made-up-secret/"


class Factory:
    """The function that is given to a client: it counts the transports that it has made."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self.made: list[Any] = []

    def __call__(self) -> Any:
        self.made.append(self._make())
        return self.made[-1]


class Noting(httpx.AsyncHTTPTransport):
    """A transport that notes in which event loops it was made and used."""

    def __init__(self) -> None:
        super().__init__()
        self.loops = {asyncio.get_running_loop()}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.loops.add(asyncio.get_running_loop())
        return await super().handle_async_request(request)


@pytest.fixture(
    params=[
        httpx.AsyncHTTPTransport,
        lambda: RetryTransport(retry=Retry(total=2)),
        Noting,
    ],
    ids=["httpx's", "RetryTransport", "custom"],
)
def make(request: pytest.FixtureRequest) -> Make:
    """What makes a transport; the test runs with each."""
    function: Make = request.param
    return function


async def call(client: Client, times: int = 2) -> int:
    responses = [await get_status.asyncio(client=client) for _ in range(times)]
    return responses[-1].result.crm_entity_id


# --- one for each event loop --------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_client_works_in_four_event_loops_in_a_row(make: Make, recorder: Recorder) -> None:
    factory = Factory(make)
    client = Client(base_url=recorder.webhook_url, async_transport=factory)
    assert [asyncio.run(call(client)) for _ in range(4)] == [17] * 4
    assert len(factory.made) == 4
    del client, factory
    gc.collect()  # what the loops left open warns now, and not in another test


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_client_works_in_four_event_loops_in_a_row_without_a_transport_of_the_caller(
    recorder: Recorder,
) -> None:
    client = Client(base_url=recorder.webhook_url)
    assert [asyncio.run(call(client)) for _ in range(4)] == [17] * 4
    assert recorder.connections == 4
    del client
    gc.collect()


def test_a_client_works_in_four_event_loops_in_a_row_that_close_it(
    make: Make, recorder: Recorder
) -> None:
    factory = Factory(make)
    client = Client(base_url=recorder.webhook_url, async_transport=factory)

    async def use() -> int:
        async with client:
            return await call(client)

    assert [asyncio.run(use()) for _ in range(4)] == [17] * 4
    assert len(factory.made) == recorder.connections == 4


def test_four_event_loops_at_once_have_a_transport_each(make: Make, recorder: Recorder) -> None:
    factory = Factory(make)
    client = Client(base_url=recorder.webhook_url, async_transport=factory)
    everybody = threading.Barrier(4)

    async def use() -> int:
        async with client:
            await call(client)
            await asyncio.to_thread(everybody.wait, WAIT)
            return await call(client)

    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(lambda: asyncio.run(use())) for _ in range(4)]
        assert [each.result(WAIT) for each in running] == [17] * 4
    assert len(factory.made) == recorder.connections == 4
    assert all(len(each.loops) == 1 for each in factory.made if isinstance(each, Noting))


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_client_works_in_a_web_framework_under_its_test_client(
    make: Make, recorder: Recorder
) -> None:
    _call_in_a_web_framework(make, recorder)
    gc.collect()


def _call_in_a_web_framework(make: Make, recorder: Recorder) -> None:
    factory = Factory(make)
    client = Client(base_url=recorder.webhook_url, async_transport=factory)

    async def page(_: Request) -> PlainTextResponse:
        return PlainTextResponse(str(await call(client)))

    web = TestClient(Starlette(routes=[Route("/", page)]))
    assert [web.get("/").text for _ in range(4)] == ["17"] * 4  # an event loop for each request
    assert len(factory.made) == 4
    with web:
        assert [web.get("/").text for _ in range(4)] == ["17"] * 4  # one for all
    assert len(factory.made) == 5


def test_all_threads_share_one_transport(recorder: Recorder) -> None:
    factory = Factory(httpx.HTTPTransport)
    client = Client(base_url=recorder.webhook_url, transport=factory)
    with client, ThreadPoolExecutor(4) as threads:
        for _ in range(8):
            threads.submit(get_status.sync, client=client)
    assert len(factory.made) == 1
    assert len(recorder.received) == 8


def test_a_transport_is_made_at_the_first_call(get: Get, recorder: Recorder) -> None:
    factory, afactory = Factory(httpx.HTTPTransport), Factory(httpx.AsyncHTTPTransport)
    client = Client(base_url=recorder.webhook_url, transport=factory, async_transport=afactory)
    assert factory.made == afactory.made == []
    with client:
        get(client)
    assert len(factory.made + afactory.made) == 1


def test_a_transport_is_made_again_after_the_client_was_closed(recorder: Recorder) -> None:
    factory = Factory(httpx.HTTPTransport)
    client = Client(base_url=recorder.webhook_url, transport=factory)
    for number in (1, 2):
        with client:
            get_status.sync(client=client)
            get_status.sync(client=client)
        assert len(factory.made) == number


def test_a_loop_that_has_ended_keeps_no_transport(answer: dict[str, Any]) -> None:
    made: list[weakref.ref[httpx.MockTransport]] = []

    def make() -> httpx.MockTransport:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
        made.append(weakref.ref(transport))
        return transport

    client = Client(base_url=SECRET_URL, async_transport=make)
    for run in (asyncio.run, asyncio.run, _run_trio, _run_trio, asyncio.run):
        run(call(client))
    gc.collect()
    assert [transport() is None for transport in made] == [True] * 4 + [False]


def _run_trio(coroutine: Coroutine[Any, Any, int]) -> None:
    async def use() -> None:
        await coroutine

    trio.run(use)


# --- what a function may return -----------------------------------------------------------------


@pytest.mark.parametrize("returned", [None, "transport", httpx.HTTPTransport])
def test_a_function_that_returns_no_transport_is_a_type_error(returned: object) -> None:
    client = Client(base_url=SECRET_URL, transport=lambda: returned)  # type: ignore[arg-type, return-value]
    expected = r"^transport: expected a function that returns an httpx.BaseTransport, it returned "
    with pytest.raises(TypeError, match=expected + type(returned).__name__):
        get_status.sync(client=client)


def test_a_function_that_returns_a_synchronous_transport_for_asyncio_is_a_type_error() -> None:
    client = Client(base_url=SECRET_URL, async_transport=httpx.HTTPTransport)  # type: ignore[arg-type]
    expected = r"^async_transport: .* an httpx.AsyncBaseTransport, it returned HTTPTransport$"
    with pytest.raises(TypeError, match=expected):
        asyncio.run(get_status.asyncio(client=client))


def test_a_retrying_transport_retries(get: Get, recorder: Recorder) -> None:
    recorder.answers["/rest/1/made-up-secret/placement.call"] = [(503, {})] * 2

    def retrying() -> RetryTransport:
        return RetryTransport(retry=Retry(total=2, backoff_factor=0, allowed_methods=["POST"]))

    client = Client(base_url=recorder.webhook_url, transport=retrying, async_transport=retrying)
    with client:
        assert get(client).result.crm_entity_id == 17
    assert len(recorder.received) == 3


def test_more_arguments_reach_httpx_s_transport(get: Get, recorder: Recorder) -> None:
    args = {"local_address": "127.0.0.2"}
    with Client(base_url=recorder.webhook_url, httpx_args=args) as client:
        get(client)
    assert recorder.peers == ["127.0.0.2"]


# --- what a foreign transport raises ------------------------------------------------------------


class ForeignError(Exception):
    """As an HTTP library raises it, with the whole URL in its text."""


class Failing(httpx.BaseTransport, httpx.AsyncBaseTransport):
    def __init__(self, error: BaseException) -> None:
        self._error = error

    def handle_request(self, _: httpx.Request) -> Never:
        raise self._error

    async def handle_async_request(self, _: httpx.Request) -> Never:
        raise self._error


def failing(error: BaseException) -> Client:
    return Client(
        base_url=SECRET_URL,
        transport=lambda: Failing(error),
        async_transport=lambda: Failing(error),
    )


@pytest.mark.parametrize(
    "error", [ForeignError(SECRET_URL), OSError(SECRET_URL), KeyError(SECRET_URL)]
)
def test_a_foreign_exception_becomes_a_transport_error_with_its_type_alone(
    error: Exception, ask: Ask
) -> None:
    with pytest.raises(httpx.TransportError) as caught:
        ask(failing(error))
    assert type(caught.value) is httpx.TransportError
    assert str(caught.value) == f"{type(error).__name__} in the transport"
    assert str(caught.value.request.url) == "https://portal.example/***"
    assert "made-up-secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_an_exception_that_ends_the_program_stays_as_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        get_status.sync(client=failing(error))
    assert caught.value is error


def test_cancelling_a_call_stays_a_cancellation() -> None:
    waiting = asyncio.Event()

    class Waiting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
            waiting.set()
            await asyncio.Event().wait()
            raise AssertionError

    async def use() -> None:
        client = Client(base_url=SECRET_URL, async_transport=Waiting)
        task = asyncio.ensure_future(get_status.asyncio(client=client))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(use())


# --- trio ---------------------------------------------------------------------------------------


def test_a_client_works_in_two_trio_runs_in_a_row(recorder: Recorder) -> None:
    client = Client(base_url=recorder.webhook_url)

    async def use() -> int:
        async with client:
            return await call(client)

    assert [trio.run(use) for _ in range(2)] == [17] * 2
    assert recorder.connections == 2


def test_the_transport_of_a_trio_run_that_did_not_close_it_is_not_used_again(
    answer: dict[str, Any],
) -> None:
    factory = Factory(lambda: httpx.MockTransport(lambda _: httpx.Response(200, json=answer)))
    client = Client(base_url=SECRET_URL, async_transport=factory)
    assert [trio.run(call, client) for _ in range(2)] == [17] * 2
    assert asyncio.run(call(client)) == 17
    assert len(factory.made) == 3
