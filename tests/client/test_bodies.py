"""Response bodies are bounded: in size, decoded, and in time."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import threading
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

import httpx
import pytest
from bitrix24_call_card import Client, errors
from bitrix24_call_card.api.call_card import get_status

from tests.client.conftest import WAIT, Get, RawServer
from tests.client.mocked import ANSWER, WEBHOOK_URL, answering, mocked, mocking

MB = 2**20
BODY = json.dumps(ANSWER).encode()


def response(content: bytes, *headers: str, status: str = "200 OK") -> list[bytes]:
    """Return a response with this content, as one part."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(content)}", "", ""]
    return ["\r\n".join(lines).encode() + content]


def chunked(parts: Iterable[bytes], *headers: str) -> Iterator[bytes]:
    """Yield a response with a chunk for each part."""
    lines = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *headers, "", ""]
    yield "\r\n".join(lines).encode()
    for part in parts:
        yield b"%x\r\n%s\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


def peak_of(call: Callable[[], object]) -> int:
    """Return the most memory in bytes that Python allocated at once during a call."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def invalid(get: Get, webhook_url: str) -> errors.InvalidResponse:
    with Client(webhook_url) as client, pytest.raises(errors.InvalidResponse) as caught:
        get(client)
    return caught.value


def test_an_endless_body_is_invalid_after_8_mb(get: Get, raw_server: RawServer) -> None:
    raw_server.respond = lambda _: chunked(itertools.repeat(b" " * 65536))
    reasons: list[str] = []
    peak = peak_of(lambda: reasons.append(invalid(get, raw_server.webhook_url).reason))
    assert reasons == ["the body: expected at most 8 MB"]
    assert raw_server.closed_early.wait(WAIT)
    assert peak < 16 * MB


class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that notes how it is closed."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self.closed: list[str] = []
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part

    def close(self) -> None:
        self.closed.append("close")

    async def aclose(self) -> None:
        self.closed.append("aclose")


def test_a_body_that_is_not_read_to_its_end_is_closed(get: Get) -> None:
    stream = Stream(itertools.repeat(bytes(MB)))
    with pytest.raises(errors.InvalidResponse, match="expected at most 8 MB"):
        get(mocked(lambda _: httpx.Response(200, stream=stream)))
    assert stream.closed in (["close"], ["aclose"])


def zeros(megabytes: int) -> Iterator[bytes]:
    """Yield zeros as gzip: the same few bytes for each MB of them."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    yield compressor.compress(b"") + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(bytes(MB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    for _ in range(megabytes):
        yield block


def test_a_gzip_of_1_gb_is_invalid_and_is_not_decompressed(get: Get, raw_server: RawServer) -> None:
    whole = b"".join(zeros(1024))
    assert len(whole) < 2 * MB
    raw_server.respond = lambda _: response(whole, "Content-Encoding: gzip")
    reasons: list[str] = []
    peak = peak_of(lambda: reasons.append(invalid(get, raw_server.webhook_url).reason))
    assert reasons == ["the body: expected at most 8 MB"]
    assert peak < 32 * MB


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize(("size", "is_valid"), [(8 * MB, True), (8 * MB + 1, False)])
def test_a_body_may_have_8_mb_decoded(
    size: int, is_valid: bool, encoding: str, get: Get, raw_server: RawServer
) -> None:
    content = BODY.ljust(size)
    body = gzip.compress(content, 1) if encoding == "gzip" else content
    raw_server.respond = lambda _: response(body, f"Content-Encoding: {encoding}")
    if is_valid:
        with Client(raw_server.webhook_url) as client:
            assert get(client).result.crm_entity_id == 17
    else:
        error = invalid(get, raw_server.webhook_url)
        assert error.reason == "the body: expected at most 8 MB"


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_body_that_a_transport_has_read_may_have_8_mb(encoding: str, get: Get) -> None:
    for size in (8 * MB, 8 * MB + 1):
        body = BODY.ljust(size)
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
        client = Client(WEBHOOK_URL).set_httpx_client(custom)
        with pytest.raises(errors.InvalidResponse, match="expected at most 8 MB"):
            get_status.sync(client=client)


# --- time -----------------------------------------------------------------------------------------


@pytest.fixture
def pass_seconds(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass in this thread alone: the sandbox's event loop runs in another one."""

    real, here = time.monotonic, threading.get_ident()
    now = real()

    def pass_seconds(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now if threading.get_ident() == here else real())
    return pass_seconds


@pytest.mark.parametrize("timeout", [30, None])
@pytest.mark.parametrize("is_whole", [False, True], ids=["drips", "ends late"])
def test_a_body_must_be_complete_within_the_read_timeout_if_there_is_one(
    is_whole: bool, timeout: float | None, get: Get, pass_seconds: Callable[[float], None]
) -> None:
    def parts() -> Iterator[bytes]:
        for part in [BODY] if is_whole else [BODY[at : at + 1] for at in range(len(BODY))]:
            yield part
            read.append(part)
            pass_seconds(40 if is_whole else 20)  # 20 are always within the read timeout

    read: list[bytes] = []
    arguments = mocking(lambda _: httpx.Response(200, stream=Stream(parts())))
    client = Client(WEBHOOK_URL, timeout=timeout, **arguments)
    if timeout is None:
        assert get(client).result.crm_entity_id == 17
    else:
        with pytest.raises(httpx.ReadTimeout, match="not complete within the read timeout"):
            get(client)
        assert len(read) <= 2  # and no further


READ = 0.5
"""A read timeout, in seconds."""


@pytest.mark.parametrize(
    ("get", "bound"),
    [
        (lambda client: asyncio.run(get_status.asyncio(client=client)), 1.5),
        (lambda client: get_status.sync(client=client), 2),
    ],
    ids=["asyncio", "sync"],
)
def test_in_asyncio_a_body_takes_one_read_timeout_and_in_a_thread_at_most_two(
    get: Get, bound: float, raw_server: RawServer
) -> None:
    def read_timeouts() -> float:
        """Return how many a call takes that gets a byte after 0.8 of one."""

        def respond(_: bytes) -> Iterator[bytes]:
            began.append(time.monotonic())
            yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            over.wait(0.8 * READ)
            yield b"1\r\n{\r\n"
            over.wait(WAIT)

        began: list[float] = []
        over = threading.Event()
        raw_server.respond = respond
        client = Client(raw_server.webhook_url, timeout=httpx.Timeout(WAIT, read=READ))
        with client, pytest.raises(httpx.ReadTimeout):
            get(client)
        over.set()
        return (time.monotonic() - began[0]) / READ

    # Three times, because other programs may hold this one up.
    assert any(read_timeouts() < bound for _ in range(3))


def test_in_asyncio_the_read_timeout_also_bounds_a_transport_that_has_none() -> None:
    class Silent(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

        async def aclose(self) -> None:
            closed.append(True)

    async def use() -> None:
        with pytest.raises(httpx.ReadTimeout, match="within the read timeout") as caught:
            await get_status.asyncio(client=client)
        assert str(caught.value.request.url) == "https://portal.example/***"

    closed: list[bool] = []
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Silent()))
    client = Client(
        WEBHOOK_URL, async_transport=lambda: transport, timeout=httpx.Timeout(WAIT, read=0.1)
    )
    asyncio.run(asyncio.wait_for(use(), WAIT))
    assert closed == [True]


# --- encodings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "made-up"])
def test_an_encoding_that_was_not_requested_is_invalid(
    encoding: str, get: Get, raw_server: RawServer
) -> None:
    raw_server.respond = lambda _: response(b"x", f"Content-Encoding: {encoding}")
    error = invalid(get, raw_server.webhook_url)
    assert error.reason == "the body: expected gzip or no content encoding"
    assert error.content is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"{}", "the body: expected gzip"), (gzip.compress(BODY)[:-20], "expected JSON")],
    ids=["not gzip", "truncated"],
)
def test_a_broken_gzip_is_invalid(
    body: bytes, reason: str, get: Get, raw_server: RawServer
) -> None:
    raw_server.respond = lambda _: response(body, "Content-Encoding: gzip")
    error = invalid(get, raw_server.webhook_url)
    assert error.reason == reason
    assert error.__context__ is None


@pytest.mark.parametrize("encoding", ["GZIP", "gzip"])
def test_a_gzip_is_decoded(encoding: str, get: Get, raw_server: RawServer) -> None:
    parts = [bytes([byte]) for byte in gzip.compress(BODY)]
    raw_server.respond = lambda _: chunked(parts, f"Content-Encoding: {encoding}")
    with Client(raw_server.webhook_url) as client:
        assert get(client).result.crm_entity_id == 17


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        (["Content-Encoding: br"], b"not for us"),
        (["Content-Encoding: gzip"], b"not gzip"),
        ([], b" " * (8 * MB + 1)),
    ],
    ids=["another encoding", "a wrong encoding", "too much"],
)
def test_an_undocumented_status_is_unexpected_even_if_its_body_cannot_be_read(
    headers: list[str], content: bytes, get: Get, raw_server: RawServer
) -> None:
    lines = ("Location: https://new.example/", *headers)
    for status, host in (("302 Found", "new.example"), ("502 Bad Gateway", None)):
        answer = response(content, *lines, status=status)
        raw_server.respond = lambda _, answer=answer: answer  # type: ignore[misc]
        with Client(raw_server.webhook_url) as client, pytest.raises(errors.UnexpectedStatus) as e:
            get(client)
        assert f"{e.value.status_code} " in status
        assert (e.value.redirect_host, e.value.content) == (host, None)
    assert "(its body was not read)" in str(e.value)  # and not: 0 bytes


def test_an_empty_body_is_called_empty(get: Get) -> None:
    with pytest.raises(errors.UnexpectedStatus, match=r"0 bytes of body, see \.content") as caught:
        get(answering(b"", 502))
    assert caught.value.content == b""
