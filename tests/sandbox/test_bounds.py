"""Endless or slow input: the sandbox accepts a bounded amount, and other requests do not wait."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

import httpx
import pytest
from bitrix24_sandbox import server
from bitrix24_sandbox.card.card import Card
from bitrix24_sandbox.card.frame import Place
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.rest import decoding
from bitrix24_sandbox.rest.decoding import MAX_BODY, MAX_FIELDS, from_body, from_query
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox
from bitrix24_sandbox.web import card_page

from tests.data import GET_STATUS
from tests.sandbox.turns import open_page, opening_of_widget

MULTIPART = "multipart/form-data; boundary=a"


def part(name: str) -> bytes:
    return f'--a\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n1\r\n'.encode()


class TestFields:
    """Only the first `MAX_FIELDS` count."""

    def test_of_a_form_or_a_query(self) -> None:
        pairs = "&".join(f"a{i}=1" for i in range(2 * MAX_FIELDS))
        fields = from_query(pairs)
        assert len(fields) == MAX_FIELDS
        assert fields[f"a{MAX_FIELDS - 1}"] == "1"
        assert from_query("&" * MAX_BODY + "a=1") == {}

    def test_of_a_multipart_form(self) -> None:
        body = b"".join(part(f"a{i}") for i in range(2 * MAX_FIELDS)) + b"--a--\r\n"
        assert len(from_body(MULTIPART, body)) == MAX_FIELDS

    @pytest.mark.parametrize("cmd", [["x"] * 20_000, {str(i): "x" for i in range(20_000)}])
    def test_of_the_commands_of_a_batch(
        self, cmd: Any, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.post(f"{sandbox.webhook_url}batch", json={"cmd": cmd}, timeout=60)
        assert answer.status_code == 200
        assert len(answer.json()["result"]["result_error"]) == MAX_FIELDS


def test_other_requests_are_answered_while_a_large_body_is_read(
    http: httpx.Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, answered = threading.Event(), threading.Event()

    def read_slowly(content_type: str, body: bytes) -> dict[str, Any]:
        if len(body) > 1_000_000:
            reading.set()
            assert answered.wait(60)
        return from_body(content_type, body)

    monkeypatch.setattr(decoding, "from_body", read_slowly)
    request = {**GET_STATUS, "A": "x" * 2_000_000}
    statuses: list[int] = []
    url = f"{sandbox.webhook_url}placement.call"
    large = threading.Thread(
        target=lambda: statuses.append(httpx.post(url, json=request, timeout=60).status_code)
    )
    large.start()
    assert reading.wait(60)
    assert http.post(url, json=GET_STATUS).status_code == 200
    answered.set()
    large.join()
    assert statuses == [200]


class TestBodies:
    @pytest.mark.parametrize(
        ("method", "path", "size", "status"),
        [
            ("PUT", "/sandbox/state", MAX_BODY, 422),
            ("PUT", "/sandbox/call", MAX_BODY, 422),
            ("POST", "/sandbox/faults", MAX_BODY, 422),
            ("PUT", "/sandbox/card", MAX_BODY, 422),
            ("POST", "/sandbox/card/message", MAX_BODY, 422),
            ("POST", "/rest/1/sandboxwebhook/placement.call", MAX_BODY, 413),
            ("POST", "/oauth/token/", 64 * 1024, 413),
        ],
    )
    def test_an_endless_body_is_read_up_to_its_limit_and_refused(
        self, method: str, path: str, size: int, status: int, sandbox: Sandbox
    ) -> None:
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        with connected(sandbox) as connection:
            connection.sendall(head.encode())
            chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
            for _ in range(size // 0x10000 + 1):
                connection.sendall(chunk)
            assert connection.recv(100).startswith(f"HTTP/1.1 {status} ".encode())

    def test_the_widget_s_too(self, http: httpx.Client, sandbox: Sandbox) -> None:
        opening = opening_of_widget(http, sandbox.origin)
        assert http.post(opening["action"], content=b"a" * 1_100_000).status_code == 413


WHOLE = b"GET /sandbox/state HTTP/1.1\r\nHost: localhost\r\n\r\n"


class TestHeads:
    @pytest.fixture
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
        monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
        with running() as sandbox:
            yield sandbox

    @pytest.mark.parametrize("head", [b"", WHOLE[:20], WHOLE[:-2]])
    def test_a_connection_with_an_endless_head_is_closed(
        self, head: bytes, impatient: Sandbox
    ) -> None:
        with connected(impatient) as connection:
            if head:  # without one, the time begins with the connection
                assert exchange(connection) == 200
            connection.sendall(head)
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(65536) == b""

    def test_an_idle_connection_and_a_slow_response_are_not_cut_off(
        self, http: httpx.Client, impatient: Sandbox
    ) -> None:
        with connected(impatient) as idle:
            assert exchange(idle) == 200
            impatient.fail("slow", seconds=0.4)  # longer than a head may take
            answer = http.post(f"{impatient.webhook_url}placement.call", json=GET_STATUS)
            assert answer.status_code == 200
            assert exchange(idle) == 200


def connected(sandbox: Sandbox) -> socket.socket:
    url = httpx.URL(sandbox.origin)
    return socket.create_connection((url.host, url.port or 80), timeout=60)


def exchange(connection: socket.socket) -> int:
    """Send a request; return the status of the whole response."""
    connection.sendall(WHOLE)
    response = HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status


class TestStreams:
    def test_a_page_that_does_not_read_has_to_reconnect(self) -> None:
        async def run() -> None:
            portal = Portal()
            place = Place("127.0.0.1:1", secure=False, uri="/")
            page = card_page.Page(portal, Card(portal), place, "http://127.0.0.1:2/", pages=1)
            for _ in range(card_page.MOST_TURNS + 10):
                page.receive("nonsense", "http://127.0.0.1:2")
            await asyncio.sleep(0)
            read = [turn async for turn in page.turns()]
            assert len(read) <= card_page.MOST_TURNS

        asyncio.run(asyncio.wait_for(run(), 60))

    def test_the_number_of_open_pages_is_limited(
        self, http: httpx.Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(card_page, "MOST_PAGES", 1)
        with open_page(http, sandbox.origin) as turns:
            next(turns)  # the page is open
            answer = http.get(f"{sandbox.origin}/sandbox/card/turns")
            assert (answer.status_code, answer.json()["error"]) == (503, "TOO_MANY_PAGES")
