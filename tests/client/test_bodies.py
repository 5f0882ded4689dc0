"""Response bodies are bounded: in size, decoded, and in time."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import threading
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import Client, errors
from bitrix24_call_card.api.call_card import get_status

if TYPE_CHECKING:
    from tests.client.conftest import Answering, Get, Parts, Raw

WAIT = 60
MB = 2**20


def head(*headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def peak_of(call: Callable[[], object]) -> int:
    """The bytes of memory that Python handed out in a call, at most at once."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def invalid(get: Get, base_url: str) -> errors.InvalidResponse:
    with Client(base_url=base_url) as client, pytest.raises(errors.InvalidResponse) as caught:
        get(client)
    return caught.value


def test_an_endless_body_is_invalid_after_8_mb(get: Get, serve: Callable[[Parts], Raw]) -> None:
    def parts() -> Iterator[bytes]:
        yield head("Transfer-Encoding: chunked")
        while True:
            yield chunk(b" " * 65536)

    server = serve(parts)
    reasons: list[str] = []
    peak = peak_of(lambda: reasons.append(invalid(get, server.base_url).reason))
    assert reasons == ["the body: expected at most 8 MB"]
    assert server.closed_early.wait(WAIT)
    assert peak < 16 * MB


def test_a_body_that_is_not_read_to_its_end_is_closed(get: Get) -> None:
    closed: list[str] = []

    class Endless(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return itertools.repeat(bytes(MB))

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for part in self:
                yield part

        def close(self) -> None:
            closed.append("close")

        async def aclose(self) -> None:
            closed.append("aclose")

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Endless()))
    client = Client(
        base_url="https://portal.example/rest/1/made-up-secret/",
        transport=lambda: transport,
        async_transport=lambda: transport,
    )
    with pytest.raises(errors.InvalidResponse, match="expected at most 8 MB"):
        get(client)
    assert closed in (["close"], ["aclose"])


def zeros(megabytes: int) -> Iterator[bytes]:
    """So many MB of zeros as gzip: the same few bytes for each of them."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    yield compressor.compress(b"") + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(bytes(MB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    for _ in range(megabytes):
        yield block


def test_a_gzip_of_1_gb_is_invalid_and_is_not_unpacked(
    get: Get, serve: Callable[[Parts], Raw]
) -> None:
    whole = b"".join(zeros(1024))
    assert len(whole) < 2 * MB

    def parts() -> Iterator[bytes]:
        yield head("Content-Encoding: gzip", f"Content-Length: {len(whole)}") + whole

    server = serve(parts)
    reasons: list[str] = []
    peak = peak_of(lambda: reasons.append(invalid(get, server.base_url).reason))
    assert reasons == ["the body: expected at most 8 MB"]
    assert peak < 32 * MB


def test_what_follows_the_end_of_a_gzip_is_not_kept(
    serve: Callable[[Parts], Raw], get: Get, answer: dict[str, Any]
) -> None:
    def parts() -> Iterator[bytes]:
        yield head("Content-Encoding: gzip", "Transfer-Encoding: chunked")
        yield chunk(gzip.compress(json.dumps(answer).encode()))
        for _ in range(512):
            yield chunk(b" " * 65536)
        yield chunk(b"")

    server = serve(parts)

    def call() -> None:
        with Client(base_url=server.base_url) as client:
            assert get(client).result.crm_entity_id == 17

    assert peak_of(call) < 16 * MB


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize(("size", "is_valid"), [(8 * MB, True), (8 * MB + 1, False)])
def test_a_body_may_have_8_mb_decoded(
    size: int,
    is_valid: bool,
    encoding: str,
    get: Get,
    serve: Callable[[Parts], Raw],
    answer: dict[str, Any],
) -> None:
    content = json.dumps(answer).encode().ljust(size)
    body = gzip.compress(content, 1) if encoding == "gzip" else content
    server = serve(
        lambda: iter([head(f"Content-Encoding: {encoding}", f"Content-Length: {len(body)}"), body])
    )
    with Client(base_url=server.base_url) as client:
        if is_valid:
            assert get(client).result.crm_entity_id == 17
        else:
            with pytest.raises(errors.InvalidResponse, match="expected at most 8 MB"):
                get(client)


def test_a_body_that_drips_ends_at_the_read_timeout(
    get: Get, serve: Callable[[Parts], Raw]
) -> None:
    stop = threading.Event()

    def parts() -> Iterator[bytes]:
        yield head("Transfer-Encoding: chunked")
        for _ in range(200):
            stop.wait(0.05)  # always within the read timeout
            yield chunk(b" ")

    server = serve(parts)
    client = Client(base_url=server.base_url, timeout=httpx.Timeout(WAIT, read=1))
    try:
        with client, pytest.raises(httpx.ReadTimeout, match="not complete within the read timeout"):
            get(client)
        assert server.closed_early.wait(WAIT)
    finally:
        stop.set()


def test_without_a_read_timeout_a_body_may_take_any_time(
    get: Get,
    serve: Callable[[Parts], Raw],
    answer: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hours = itertools.count(step=3600.0)
    clock = SimpleNamespace(monotonic=lambda: next(hours))
    monkeypatch.setattr("bitrix24_call_card._received.time", clock)
    body = json.dumps(answer).encode()
    server = serve(lambda: iter([head(f"Content-Length: {len(body)}"), body]))
    with Client(base_url=server.base_url, timeout=None) as client:
        assert get(client).result.crm_entity_id == 17


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "made-up"])
def test_an_encoding_that_was_not_asked_for_is_invalid(
    encoding: str, get: Get, serve: Callable[[Parts], Raw]
) -> None:
    server = serve(lambda: iter([head(f"Content-Encoding: {encoding}", "Content-Length: 1"), b"x"]))
    error = invalid(get, server.base_url)
    assert error.reason == "the body: expected gzip or no content encoding"
    assert error.content is None


def test_a_body_that_is_not_the_gzip_it_says_is_invalid(
    get: Get, serve: Callable[[Parts], Raw]
) -> None:
    server = serve(lambda: iter([head("Content-Encoding: gzip", "Content-Length: 2"), b"{}"]))
    error = invalid(get, server.base_url)
    assert error.reason == "the body: expected gzip"
    assert error.__context__ is None


def test_a_gzip_that_ends_early_is_invalid(
    get: Get, serve: Callable[[Parts], Raw], answer: dict[str, Any]
) -> None:
    body = gzip.compress(json.dumps(answer).encode())[:-20]
    server = serve(
        lambda: iter([head("Content-Encoding: gzip", f"Content-Length: {len(body)}"), body])
    )
    assert invalid(get, server.base_url).reason == "expected JSON"


@pytest.mark.parametrize("encoding", ["GZIP", "gzip"])
def test_a_gzip_is_decoded(
    encoding: str, get: Get, serve: Callable[[Parts], Raw], answer: dict[str, Any]
) -> None:
    body = gzip.compress(json.dumps(answer).encode())

    def parts() -> Iterator[bytes]:
        yield head(f"Content-Encoding: {encoding}", "Transfer-Encoding: chunked")
        for byte in body:
            yield chunk(bytes([byte]))
        yield chunk(b"")

    server = serve(parts)
    with Client(base_url=server.base_url) as client:
        assert get(client).result.crm_entity_id == 17


def test_a_body_that_a_transport_has_read_is_taken_as_it_is(
    get: Get, answering: Answering, answer: dict[str, Any]
) -> None:
    compressed = gzip.compress(json.dumps(answer).encode())
    client = answering(compressed, headers={"Content-Encoding": "gzip"})
    assert get(client).result.crm_entity_id == 17


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({"Content-Encoding": "br"}, b"not for us"),
        ({"Content-Encoding": "gzip"}, b"not gzip"),
        ({}, b" " * (8 * MB + 1)),
    ],
    ids=["another encoding", "a wrong encoding", "too much"],
)
def test_an_undocumented_status_is_unexpected_even_if_its_body_cannot_be_read(
    headers: dict[str, str], content: bytes, get: Get, serve: Callable[[Parts], Raw]
) -> None:
    lines = [f"{name}: {value}" for name, value in headers.items()]
    response = head(f"Content-Length: {len(content)}", "Location: https://new.example/", *lines)
    server = serve(lambda: iter([response.replace(b"200 OK", b"302 Found"), content]))
    with Client(base_url=server.base_url) as client, pytest.raises(errors.UnexpectedStatus) as e:
        get(client)
    assert (e.value.status_code, e.value.redirect_host) == (302, "new.example")


def _sync(client: Client, custom: dict[str, Any]) -> None:
    with httpx.Client(**custom) as httpx_client:
        get_status.sync(client=client.set_httpx_client(httpx_client))


def _asyncio(client: Client, custom: dict[str, Any]) -> None:
    async def use() -> None:
        async with httpx.AsyncClient(**custom) as httpx_client:
            await get_status.asyncio(client=client.set_async_httpx_client(httpx_client))

    asyncio.run(use())


@pytest.mark.parametrize("call", [_sync, _asyncio], ids=["sync", "asyncio"])
@pytest.mark.parametrize("kind", [httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_an_error_with_a_custom_httpx_client_has_its_request(
    kind: type[httpx.RequestError],
    call: Callable[[Client, dict[str, Any]], None],
    serve: Callable[[Parts], Raw],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hours = itertools.count(step=3600.0)
    server = serve(lambda: iter([head("Content-Length: 9"), b"{", b"}"]))
    client = Client(base_url=server.base_url)
    if kind is httpx.ReadTimeout:
        clock = SimpleNamespace(monotonic=lambda: next(hours))
        monkeypatch.setattr("bitrix24_call_card._received.time", clock)
    with pytest.raises(kind) as caught:
        call(client, {"timeout": 30})
    assert caught.value.request.method == "POST"
