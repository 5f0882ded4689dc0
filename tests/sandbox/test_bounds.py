"""What is sent without end, or slowly: the sandbox takes so much of it, and others do not wait."""

import asyncio
import json
import socket
import threading
from typing import Any

import httpx
import pytest
from bitrix24_sandbox import server
from bitrix24_sandbox.card.card import Card
from bitrix24_sandbox.card.frame import Place
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.rest import entry
from bitrix24_sandbox.rest.decoding import MAX_BODY, MAX_FIELDS, from_body, from_query
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox
from bitrix24_sandbox.web import card_page

MULTIPART = "multipart/form-data; boundary=a"


def part(name: str) -> bytes:
    return f'--a\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n1\r\n'.encode()


class TestFields:
    def test_a_form_and_a_query_give_so_many(self) -> None:
        pairs = "&".join(f"a{i}=1" for i in range(2 * MAX_FIELDS))
        fields = from_query(pairs)
        assert len(fields) == MAX_FIELDS
        assert fields[f"a{MAX_FIELDS - 1}"] == "1"
        assert from_query("&" * MAX_BODY + "a=1") == {}

    def test_a_multipart_form_gives_so_many(self) -> None:
        body = b"".join(part(f"a{i}") for i in range(2 * MAX_FIELDS)) + b"--a--\r\n"
        assert len(from_body(MULTIPART, body)) == MAX_FIELDS

    @pytest.mark.parametrize("cmd", [["x"] * 20_000, {str(i): "x" for i in range(20_000)}])
    def test_a_batch_answers_to_so_many_commands(
        self, cmd: Any, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.post(f"{sandbox.webhook_url}batch", json={"cmd": cmd}, timeout=60)
        assert answer.status_code == 200
        assert len(answer.json()["result"]["result_error"]) == MAX_FIELDS


def test_others_are_answered_while_a_large_body_is_read(
    http: httpx.Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, answered = threading.Event(), threading.Event()

    def read_slowly(content_type: str, body: bytes) -> dict[str, Any]:
        if len(body) > 1_000_000:
            reading.set()
            assert answered.wait(60)
        return from_body(content_type, body)

    monkeypatch.setattr(entry, "from_body", read_slowly)
    request = {"PLACEMENT": "getStatus", "A": "x" * 2_000_000}
    statuses: list[int] = []
    url = f"{sandbox.webhook_url}placement.call"
    large = threading.Thread(
        target=lambda: statuses.append(httpx.post(url, json=request, timeout=60).status_code)
    )
    large.start()
    assert reading.wait(60)
    assert http.post(url, json={"PLACEMENT": "getStatus"}).status_code == 200
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
    def test_a_body_without_end_is_read_to_its_bound_and_refused(
        self, method: str, path: str, size: int, status: int, sandbox: Sandbox
    ) -> None:
        parts = httpx.URL(sandbox.origin)
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        with socket.create_connection((parts.host, parts.port or 80), timeout=60) as connection:
            connection.sendall(head.encode())
            chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
            for _ in range(size // 0x10000 + 1):
                connection.sendall(chunk)
            assert connection.recv(100).startswith(f"HTTP/1.1 {status} ".encode())

    def test_the_widget_s_too(self, http: httpx.Client, sandbox: Sandbox) -> None:
        with http.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as stream:
            turns = (json.loads(line.partition(": ")[2] or "{}") for line in stream.iter_lines())
            opening = next(turn["open"] for turn in turns if turn.get("open"))
        answer = http.post(opening["action"], content=b"a" * 1_100_000)
        assert answer.status_code == 413


class TestHeads:
    @pytest.mark.parametrize(
        "sent", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nA: b\r\n"]
    )
    def test_one_that_never_ends_is_closed(
        self, sent: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
        with running() as sandbox:
            assert closed(sandbox, sent)

    def test_one_after_another_request_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
        whole = b"GET /sandbox/state HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with running() as sandbox:
            assert closed(sandbox, whole, whole[:20])

    def test_a_connection_that_is_kept_alive_is_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
        whole = b"GET /sandbox/state HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with running() as sandbox:
            assert not closed(sandbox, whole, patience=0.6)

    def test_a_long_answer_is_not_cut_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
        with running() as sandbox:
            sandbox.fail("slow", seconds=0.6)
            answer = httpx.post(
                f"{sandbox.webhook_url}placement.call", json={"PLACEMENT": "getStatus"}, timeout=60
            )
            assert answer.status_code == 200


def closed(sandbox: Sandbox, *sent: bytes, patience: float = 60) -> bool:
    """Send this, with an answer to all but the last; tell whether the connection is closed then."""
    url = httpx.URL(sandbox.origin)
    with socket.create_connection((url.host, url.port or 80), timeout=patience) as connection:
        for request in sent[:-1]:
            connection.sendall(request)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(sent[-1])
        try:
            while connection.recv(65536):
                pass
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True
    return True


class TestStreams:
    def test_a_page_that_does_not_read_is_given_up(self) -> None:
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

    def test_so_many_pages_can_be_open(
        self, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(card_page, "MOST_PAGES", 1)
        with running() as sandbox:
            url = f"{sandbox.origin}/sandbox/card/turns"
            with http.stream("GET", url) as first:
                lines = first.iter_lines()
                next(lines)  # the page is open, as long as somebody reads it
                answer = http.get(url)
                assert answer.status_code == 503
                assert answer.json()["error"] == "TOO_MANY_PAGES"
