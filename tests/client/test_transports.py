"""Transports come from a function: one for the threads of a process, one for each event loop."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import trio
from bitrix24_call_card import Client, errors
from bitrix24_call_card.api.call_card import get_status

from tests.client.conftest import WAIT, Get, Recorder
from tests.client.mocked import WEBHOOK_URL, mocked
from tests.client.refreshing import in_time


class Factory:
    """The function that a client is given: it keeps the transports that it has made."""

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


async def call(client: Client) -> int:
    responses = [await get_status.asyncio(client=client) for _ in range(2)]
    return responses[-1].result.crm_entity_id


# --- one for each event loop --------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_client_works_in_event_loops_in_a_row(recorder: Recorder) -> None:
    client = Client(base_url=recorder.webhook_url)
    assert [asyncio.run(call(client)) for _ in range(4)] == [17] * 4
    assert recorder.connections == 4
    del client
    gc.collect()  # open connections warn here, and not in another test


def test_event_loops_at_once_have_a_transport_each(recorder: Recorder) -> None:
    factory = Factory(Noting)
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
    assert all(len(each.loops) == 1 for each in factory.made)


def test_a_loop_that_has_ended_keeps_no_transport(answer: dict[str, Any]) -> None:
    made: list[weakref.ref[httpx.MockTransport]] = []

    def make() -> httpx.MockTransport:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
        made.append(weakref.ref(transport))
        return transport

    client = Client(base_url=WEBHOOK_URL, async_transport=make)
    for _ in range(3):
        asyncio.run(call(client))
    gc.collect()
    assert [transport() is None for transport in made] == [True, True, False]


def test_trio_gets_an_error_that_says_why() -> None:
    client = Client(base_url=WEBHOOK_URL)

    async def use() -> None:
        with pytest.raises(errors.Bitrix24Error, match="functions need asyncio"):
            await get_status.asyncio(client=client)

    trio.run(use)


# --- one for the threads of a process -----------------------------------------------------------


def test_threads_share_one_transport_which_is_made_at_the_first_call(recorder: Recorder) -> None:
    factory = Factory(httpx.HTTPTransport)
    client = Client(base_url=recorder.webhook_url, transport=factory)
    everybody = threading.Barrier(32)
    assert factory.made == []

    def use(_: int) -> int:
        everybody.wait(WAIT)
        return get_status.sync(client=client).result.crm_entity_id

    with client, ThreadPoolExecutor(32) as threads:
        assert list(threads.map(use, range(32))) == [17] * 32
    assert len(factory.made) == 1
    get_status.sync(client=client)
    client.close()
    assert len(factory.made) == 2


# --- while one is made --------------------------------------------------------------------------


def test_what_makes_a_transport_may_use_its_client(get: Get, answer: dict[str, Any]) -> None:
    def make() -> httpx.MockTransport:
        assert repr(client.with_timeout(5)) == repr(client)
        assert client.operating_reset_at is None
        client.close()
        return transport

    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    client = Client(WEBHOOK_URL, transport=make, async_transport=make)
    assert in_time(lambda: get(client)).result.crm_entity_id == 17


def test_what_makes_a_transport_may_call_with_its_client(answer: dict[str, Any]) -> None:
    class Noting(httpx.BaseTransport):
        def handle_request(self, _: httpx.Request) -> httpx.Response:
            open_transports.add(self)
            return httpx.Response(200, json=answer)

        def close(self) -> None:
            open_transports.discard(self)

    def make() -> httpx.BaseTransport:
        made.append(1)
        if len(made) == 1:
            assert get_status.sync(client=client).result.crm_entity_id == 17
        return Noting()

    made: list[int] = []
    open_transports: set[httpx.BaseTransport] = set()
    client = Client(WEBHOOK_URL, transport=make)
    assert in_time(lambda: get_status.sync(client=client)).result.crm_entity_id == 17
    client.close()
    assert open_transports == set()


def test_a_thread_in_which_a_transport_is_made_slowly_does_not_stop_an_event_loop(
    answer: dict[str, Any],
) -> None:
    begun, goes_on = threading.Event(), threading.Event()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))

    def make_slowly() -> httpx.MockTransport:
        begun.set()
        assert goes_on.wait(WAIT)
        return transport

    async def use() -> None:
        async with client:
            assert (await get_status.asyncio(client=client)).result.crm_entity_id == 17

    client = Client(WEBHOOK_URL, transport=make_slowly, async_transport=lambda: transport)
    with ThreadPoolExecutor(1) as other:
        slow = other.submit(get_status.sync, client=client)
        assert begun.wait(WAIT)
        try:
            in_time(lambda: asyncio.run(use()))
        finally:
            goes_on.set()
        assert slow.result(WAIT).result.crm_entity_id == 17


# --- invalid functions --------------------------------------------------------------------------


@pytest.mark.parametrize("returned", [None, "transport", httpx.HTTPTransport])
def test_a_function_that_returns_no_transport_is_a_type_error(returned: object) -> None:
    client = Client(base_url=WEBHOOK_URL, transport=lambda: returned)  # type: ignore[arg-type, return-value]
    expected = "^what transport returned: expected BaseTransport, found "
    with pytest.raises(TypeError, match=expected + type(returned).__name__):
        get_status.sync(client=client)


def test_a_function_that_returns_a_synchronous_transport_for_asyncio_is_a_type_error() -> None:
    client = Client(base_url=WEBHOOK_URL, async_transport=httpx.HTTPTransport)  # type: ignore[arg-type]
    expected = "^what async_transport returned: expected AsyncBaseTransport, found HTTPTransport$"
    with pytest.raises(TypeError, match=expected):
        asyncio.run(get_status.asyncio(client=client))


def test_more_arguments_reach_httpx_s_transport(get: Get, recorder: Recorder) -> None:
    args = {"local_address": "127.0.0.2"}
    with Client(base_url=recorder.webhook_url, httpx_args=args) as client:
        get(client)
    assert recorder.peers == ["127.0.0.2"]


# --- requests -----------------------------------------------------------------------------------


def test_what_a_transport_adds_to_a_request_is_in_no_other(
    get: Get, answer: dict[str, Any]
) -> None:
    def tag(request: httpx.Request) -> httpx.Response:
        assert "made-up" not in request.extensions
        assert "x-id" not in request.headers
        request.extensions["made-up"] = True
        request.headers["X-Id"] = "1"  # as a tracing library does
        tagged.append(request)
        if len(tagged) == 1:
            get_status.sync(client=client)  # while this one is under way
        return httpx.Response(200, json=answer)

    tagged: list[httpx.Request] = []
    client = mocked(tag)
    for _ in range(2):
        get(client)
    assert len(tagged) == 3
