"""The limits of a body hold whoever reads it: its time, and its size."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import Client, errors
from bitrix24_call_card.api.call_card import get_status

from tests.client.conftest import WAIT
from tests.client.mocked import answering

if TYPE_CHECKING:
    from tests.client.conftest import Get, RawServer

MB = 2**20
WEBHOOK = "https://portal.example/rest/1/made-up-secret/"
TOO_LATE = "The body was not complete within the read timeout"


# --- time -----------------------------------------------------------------------------------------

READ = 0.5
"""A read timeout, in seconds."""


class Dripping:
    """A chunked body, whose two parts and end arrive that many read timeouts after the headers."""

    def __init__(self, body: bytes, *arrivals: float) -> None:
        parts = [body[:9], body[9:], b""]
        self._chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]
        self._arrivals = arrivals
        self.over = threading.Event()
        self.began = 0.0

    def __call__(self, _: bytes) -> Iterator[bytes]:
        self.began = time.monotonic()
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for chunk, arrival in zip(self._chunks, self._arrivals, strict=False):
            self.over.wait(self.began + arrival * READ - time.monotonic())
            yield chunk
        self.over.wait(WAIT)

    def read_timeouts_until(self, fail: Callable[[], object]) -> float:
        """Return after how many read timeouts since the headers a call fails with one."""
        with pytest.raises(httpx.ReadTimeout):
            fail()
        self.over.set()
        return (time.monotonic() - self.began) / READ


@pytest.fixture
def drip(raw_server: RawServer, answer: dict[str, Any]) -> Callable[..., float]:
    """Returns after how many read timeouts a call of such a server fails."""

    def drip(get: Get, *arrivals: float) -> float:
        dripping = Dripping(json.dumps(answer).encode(), *arrivals)
        raw_server.respond = dripping
        client = Client(raw_server.webhook_url, timeout=httpx.Timeout(WAIT, read=READ))
        with client:
            return dripping.read_timeouts_until(lambda: get(client))

    return drip


@pytest.mark.parametrize("arrivals", [(0, 0.7, 1.4), (0.7, 1.4, 1.4)])
def test_a_body_that_ends_too_late_is_not_accepted(
    arrivals: tuple[float, ...], get: Get, drip: Callable[..., float]
) -> None:
    drip(get, *arrivals)


# Three times, because other programs may hold this one up.


def test_in_asyncio_a_body_takes_no_longer_than_the_read_timeout(
    drip: Callable[..., float],
) -> None:
    def get(client: Client) -> Any:
        return asyncio.run(get_status.asyncio(client=client))

    assert any(drip(get, 0.8) < 1.5 for _ in range(3))


def test_in_a_thread_a_body_takes_no_longer_than_twice_the_read_timeout(
    drip: Callable[..., float],
) -> None:
    def get(client: Client) -> Any:
        return get_status.sync(client=client)

    assert any(drip(get, 0.8) < 2 for _ in range(3))


def test_in_asyncio_the_read_timeout_also_bounds_a_transport_that_has_none() -> None:
    class Silent(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

        async def aclose(self) -> None:
            closed.append(True)

    async def use() -> None:
        with pytest.raises(httpx.ReadTimeout, match=TOO_LATE) as caught:
            await get_status.asyncio(client=client)
        assert str(caught.value.request.url) == "https://portal.example/***"

    closed: list[bool] = []
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Silent()))
    client = Client(
        WEBHOOK, async_transport=lambda: transport, timeout=httpx.Timeout(WAIT, read=0.1)
    )
    asyncio.run(asyncio.wait_for(use(), WAIT))
    assert closed == [True]


# --- size -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_body_that_a_transport_has_read_may_have_8_mb(
    encoding: str, get: Get, answer: dict[str, Any]
) -> None:
    for size in (8 * MB, 8 * MB + 1):
        body = json.dumps(answer).encode().ljust(size)
        content = gzip.compress(body, 1) if encoding == "gzip" else body
        client = answering(content, headers={"Content-Encoding": encoding})
        if size == 8 * MB:
            assert get(client).result.crm_entity_id == 17
        else:
            with pytest.raises(errors.InvalidResponse, match="expected at most 8 MB"):
                get(client)


def test_a_body_that_an_event_hook_has_read_may_have_8_mb() -> None:
    def read(response: httpx.Response) -> None:
        response.read()

    too_much = gzip.compress(bytes(8 * MB + 1), 1)
    transport = httpx.MockTransport(
        lambda _: httpx.Response(
            200, stream=httpx.ByteStream(too_much), headers={"Content-Encoding": "gzip"}
        )
    )
    with httpx.Client(transport=transport, event_hooks={"response": [read]}) as custom:
        client = Client(WEBHOOK).set_httpx_client(custom)
        with pytest.raises(errors.InvalidResponse, match="expected at most 8 MB"):
            get_status.sync(client=client)


# --- a body that was dropped ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "content"),
    [({}, b" " * (8 * MB + 1)), ({"Content-Encoding": "br"}, b"x")],
    ids=["too large", "another encoding"],
)
def test_a_body_that_was_dropped_is_not_called_empty(
    headers: dict[str, str], content: bytes, get: Get, raw_server: RawServer
) -> None:
    lines = ["HTTP/1.1 502 Bad Gateway", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, "", ""]).encode()
    raw_server.respond = lambda _: [head, content]
    with (
        Client(raw_server.webhook_url) as client,
        pytest.raises(errors.UnexpectedStatus) as caught,
    ):
        get(client)
    assert caught.value.content is None
    assert "(its body was not read)" in str(caught.value)


def test_an_empty_body_is_called_empty(get: Get) -> None:
    with pytest.raises(errors.UnexpectedStatus, match=r"0 bytes of body, see \.content") as caught:
        get(answering(b"", 502))
    assert caught.value.content == b""
