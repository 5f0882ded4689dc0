"""What the bridge takes at most: bodies, messages, cards, sockets, tokens of an address."""

import asyncio
import json
import secrets
import socket as socket_module
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from http.client import HTTPResponse
from select import select
from typing import Any
from unittest.mock import Mock
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from bitrix24_bridge.connections import Connections
from bitrix24_bridge.incoming import _warn_of_proxy
from bitrix24_bridge.limits import Buckets, Limiter
from bitrix24_bridge.processes import Processes, connect
from bitrix24_bridge.settings import Rate, Settings
from bitrix24_bridge.websocket_protocol import BoundedProtocol
from starlette.applications import Starlette
from uvicorn.server import ServerState
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.bridge.bridges import GET_STATUS, Bridge
from tests.bridge.cards import (
    NOT_CONNECTED,
    Card,
    ask,
    ask_with,
    card,
    closing_after,
    new_sid,
    refused,
    said,
    socket,
    status,
)
from tests.bridge.conftest import PATIENT, RunBridge
from tests.bridge.portals import FakePortal, post_form

pytestmark = pytest.mark.anyio

TOO_MUCH = (503, "QUERY_LIMIT_EXCEEDED")
INVALID_TOKEN = (401, "invalid_token")
ANOTHER_APPLICATION = "The access token is not of this application."
KIB_64 = 64 * 1024


# --- bodies ---------------------------------------------------------------------------------------


def connect_to(url: str) -> socket_module.socket:
    """Connect, with little room for what comes and is not read."""
    parts = urlsplit(url)
    peer = socket_module.socket()
    peer.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, 4096)
    peer.settimeout(60)
    peer.connect((parts.hostname, parts.port))
    return peer


def stream(url: str, head: str, chunk: bytes, chunks: int) -> tuple[int, bytes, int]:
    """Send a large body until there is an answer; return it, and how many bytes were sent."""
    parts, sent = urlsplit(url), 0
    with connect_to(url) as connection:
        begin = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{head}\r\n\r\n"
        connection.sendall(begin.encode())
        with suppress(ConnectionError):
            while sent < chunks * len(chunk) and not select([connection], [], [], 0)[0]:
                connection.sendall(chunk)
                sent += len(chunk)
        answer = HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read(), sent


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
@pytest.mark.parametrize("path", ["rest/placement.call", "install", "events/secret", "widget"])
def test_a_body_of_ten_megabytes_is_refused_before_it_has_come(
    bridge: Bridge, path: str, chunked: bool
) -> None:
    kind = "Content-Type: application/x-www-form-urlencoded\r\n"
    if chunked:
        head, chunk = f"{kind}Transfer-Encoding: chunked", b"2710\r\n" + b"x" * 10_000 + b"\r\n"
    else:
        head, chunk = f"{kind}Content-Length: 10000000", b"x" * 10_000

    status_code, answer, sent = stream(f"{bridge.url}/{path}", head, chunk, 1000)

    assert status_code == 413
    assert b"CONTENT_TOO_LARGE" in answer or path == "widget"
    assert b"The body is over 65536 bytes" in answer
    assert sent < 9_000_000


async def test_a_body_of_64_kib_is_read(webhook: str, http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    for size, wanted in ((KIB_64, NOT_CONNECTED), (KIB_64 + 1, (413, "CONTENT_TOO_LARGE"))):
        body = json.dumps(GET_STATUS).ljust(size)
        answer = await http.post(f"{webhook}placement.call", content=body, headers=headers)
        assert said(answer) == wanted


async def test_a_form_of_very_many_fields_has_none(webhook: str, http: httpx.AsyncClient) -> None:
    body = "PLACEMENT=getStatus" + "&a=b" * 300
    answer = await post_form(http, f"{webhook}placement.call", body)
    assert said(answer) == (400, "ERROR_ARGUMENT")


# --- messages -------------------------------------------------------------------------------------


async def test_a_socket_that_says_nothing_at_first_is_closed_in_time(run_bridge: RunBridge) -> None:
    bridge = run_bridge(times=replace(PATIENT, hello=0.1))
    async with socket(bridge) as opened, asyncio.timeout(20):
        await opened.wait_closed()
        assert (opened.close_code, opened.close_reason) == (4408, "nothing was said in time")


async def test_a_hello_has_4_kib_at_most(bridge: Bridge, portal: FakePortal) -> None:
    fields = {"token": portal.token(), "member_id": portal.member_id, "app_sid": new_sid()}
    hello = json.dumps(fields)
    async with socket(bridge) as opened, asyncio.timeout(20):
        await opened.send(hello.ljust(4096))
        assert json.loads(await opened.recv()) == {"ask": 1}
    assert (await closing_after(bridge, hello.ljust(4097)))[0] == 4400


async def test_a_message_has_64_kib_at_most(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    async with card(bridge, portal, status("connecting")) as connected:
        connected.says = status()
        await connected.send(json.dumps({"status": status()}).ljust(KIB_64))
        assert said(await ask(http, webhook)) == (200, "connected")
        await connected.send("x" * (KIB_64 + 1))
        assert (await connected.closed())[0] == 1009
    assert said(await ask(http, webhook)) == NOT_CONNECTED


@pytest.mark.parametrize("number", [{}, {"answer": 1}])
async def test_a_hundred_messages_that_nobody_asked_for_are_taken_between_two_answers(
    bridge: Bridge,
    portal: FakePortal,
    webhook: str,
    http: httpx.AsyncClient,
    number: dict[str, int],
) -> None:
    async with card(bridge, portal) as connected:
        for _ in range(2):
            for _ in range(100):
                await connected.send({**number, "status": status()})
            assert said(await ask(http, webhook)) == (200, "connected")  # which is an answer
        with suppress(ConnectionClosed):
            for _ in range(101):
                await connected.send({**number, "status": status()})
        assert await connected.closed() == (4429, "more than 100 messages unasked")


def test_pongs_that_nobody_reads_do_not_pile_up_in_memory(
    run_bridge: RunBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = BoundedProtocol.data_received
    unread: list[int] = []

    def recorded(self: BoundedProtocol, data: bytes) -> None:
        receive(self, data)
        unread.append(self.transport.get_write_buffer_size())

    monkeypatch.setattr(BoundedProtocol, "data_received", recorded)
    bridge = run_bridge(times=replace(PATIENT, hello=1))
    handshake = f"""GET /socket HTTP/1.1\r\nHost: bridge.example\r\nOrigin: {bridge.url}\r
Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r
Sec-WebSocket-Key: {"A" * 22}==\r\n\r\n"""
    pings = b"\x89\xfd\0\0\0\0".ljust(131, b"x") * 1000
    sent = 0
    with connect_to(bridge.url) as peer:
        peer.sendall(handshake.encode())
        assert peer.recv(4096).startswith(b"HTTP/1.1 101 ")
        with suppress(ConnectionError):  # it is not waited for until it reads its close frame
            while sent < 100_000_000:
                sent += peer.send(pings[sent % len(pings) :])
    assert max(unread) < 1_000_000


def protocol_over(transport: Mock) -> BoundedProtocol:
    config = uvicorn.Config(Starlette(), log_config=None)
    config.load()
    protocol = BoundedProtocol(config, ServerState(), {})
    protocol.transport = transport
    return protocol


@pytest.mark.parametrize("application_has_messages", [False, True])
async def test_a_peer_that_reads_on_is_read_again_once_the_application_wants_messages(
    application_has_messages: bool,
) -> None:
    transport = Mock()
    protocol = protocol_over(transport)
    protocol.pause_writing()
    transport.pause_reading.assert_called_once()
    protocol.read_paused = application_has_messages
    protocol.resume_writing()
    assert transport.resume_reading.called is not application_has_messages


async def test_a_peer_that_never_closes_is_cut_off_shortly_after_its_application_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bitrix24_bridge.websocket_protocol.CLOSING", 0)
    cut_off = asyncio.Event()
    protocol = protocol_over(Mock(abort=cut_off.set))
    protocol.on_task_complete(asyncio.create_task(asyncio.sleep(0)))
    async with asyncio.timeout(20):
        await cut_off.wait()


async def test_the_answers_to_many_questions_may_come_at_once(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, every=0.01))
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal, frozen=True) as connected:
        await connected.asked(60)
        connected.frozen = False
        for number in range(1, 61):
            await connected.answer(number)
        assert said(await ask(http, webhook)) == (200, "connected")
        assert connected.socket.close_code is None


DEEP = '{"status": ' + "[" * 30_000 + "]" * 30_000 + "}"


@pytest.mark.parametrize(
    "message",
    [
        "status",
        "[]",
        '{"answer": 1}',
        '{"status": {"CALL_ID": {}}}',
        '{"status": {"CALL_ID": "", "SINCE_2031": NaN}}',
        '{"status": {"CALL_ID": "", "SINCE_2031": -1e999}}',
        '{"status": {"CALL_ID": "", "CRM_ENTITY_ID": 1%s}}' % ("0" * 5000),
        pytest.param(DEEP, id="deep"),
        b'{"status": {}}',
    ],
)
async def test_a_message_that_is_no_status_closes_the_socket(
    bridge: Bridge, portal: FakePortal, message: str | bytes
) -> None:
    async with card(bridge, portal) as connected:
        await connected.send(message)
        code, reason = await connected.closed()
        expected = "text" if isinstance(message, bytes) else "the status of a call"
        assert (code, reason) == (4400, f"expected {expected}")


# --- cards and sockets ----------------------------------------------------------------------------


async def test_a_page_that_does_not_answer_for_its_lease_is_closed(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, lease=0.5))
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal, frozen=True) as silent:
        assert await silent.closed() == (4408, "the page does not answer")
    assert said(await ask(http, webhook)) == NOT_CONNECTED


async def test_sockets_leave_files_for_the_rest(
    run_bridge: RunBridge, portal: FakePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (202, 4096))
    bridge = run_bridge()
    async with card(bridge, portal), socket(bridge) as second:
        with pytest.raises(InvalidStatus) as not_opened:
            async with socket(bridge):
                pass
        assert not_opened.value.response.status_code == 403
        await second.close()
        async with asyncio.timeout(20):
            while True:
                with suppress(InvalidStatus):
                    async with socket(bridge):
                        return


async def test_the_eleventh_card_replaces_the_oldest_without_a_call_under_way(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    token = portal.token()
    async with AsyncExitStack() as stack:

        async def opened(state: str) -> Card:
            one = card(bridge, portal, status(state), token=token)
            return await stack.enter_async_context(one)

        cards = [await opened(state) for state in ("connected", "connecting", *["idle"] * 8)]
        assert (await ask(http, webhook)).headers["bridge-cards"] == "10"
        await opened("connected")
        assert await cards[1].closed() == (4409, "the user has opened 10 other cards")
        assert (await ask(http, webhook)).headers["bridge-cards"] == "10"

        for each in cards[2:]:
            await each.change(status())
        assert said(await ask(http, webhook)) == (200, "connected")  # all have been heard
        assert await refused(bridge, portal, token) == (4429, "A user may have 10 cards.")
        assert cards[0].socket.close_code is None
        async with card(bridge, portal, user_id=2):
            pass


# --- tokens of an address -------------------------------------------------------------------------


def made_up() -> str:
    return secrets.token_hex(24)


def test_10_unseen_tokens_at_once_then_2_a_second_are_the_default() -> None:
    assert (Settings.tokens, Settings.cards) == (Rate(10, 2), Rate(100, 20))


async def test_too_many_unseen_tokens_are_refused_without_a_question(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(tokens=Rate(2, 0.001), cards=Rate(2, 0.001))
    seen, invalid, unseen = portal.token(), made_up(), portal.token(admin=True)
    assert said(await ask_with(http, bridge, seen)) == NOT_CONNECTED
    assert said(await ask_with(http, bridge, invalid)) == INVALID_TOKEN

    answer = await ask_with(http, bridge, unseen)
    assert said(answer) == TOO_MUCH
    assert "Too many access tokens. Retry later." in answer.text
    installing = portal.install_form(unseen)
    assert said(await post_form(http, f"{bridge.url}/install", installing)) == TOO_MUCH

    # Cards have a bucket of their own.
    async with card(bridge, portal):
        assert await refused(bridge, portal, made_up()) == (4401, ANOTHER_APPLICATION)
        closing = (4429, "Too many access tokens. Retry later.")
        assert await refused(bridge, portal, unseen) == closing
        async with card(bridge, portal, token=seen):
            assert said(await ask_with(http, bridge, seen)) == (200, "connected")
    assert said(await ask_with(http, bridge, invalid)) == INVALID_TOKEN
    assert said(await ask(http, bridge.webhook(portal.member_id))) == NOT_CONNECTED
    assert portal.cloud.times_asked(unseen) == 0


@pytest.mark.parametrize("several", [False, True])
async def test_a_bucket_takes_what_fits_at_once_and_then_what_drains(
    several: bool, request: pytest.FixtureRequest
) -> None:
    if not several:
        await check(Buckets())
        return
    async with connect(request.getfixturevalue("redis_url")) as redis:
        await check(Processes(redis, "bridge", Connections(), PATIENT))


async def check(limiter: Limiter) -> None:
    rate = Rate(burst=3, a_second=0.01)
    for network, kind in (("192.0.2.1", "token"), ("192.0.2.2", "token"), ("192.0.2.1", "card")):
        taken = [await limiter.take(network, rate, kind) for _ in range(4)]
        assert taken == [True, True, True, False]
    async with asyncio.timeout(20):
        while not await limiter.take("192.0.2.1", Rate(burst=3, a_second=50), "token"):
            pass


VISITORS = {
    "198.51.100.1": INVALID_TOKEN,
    "198.51.100.2": INVALID_TOKEN,
    "2001:db8::1": INVALID_TOKEN,
    "2001:db8::ffff:2": TOO_MUCH,  # in the same subscriber's network
    "2001:db8:0:1::1": INVALID_TOKEN,
    "::ffff:198.51.100.1": TOO_MUCH,
}
"""Addresses, each with the answer to an unseen token if one of a network is taken."""


@pytest.mark.parametrize(
    ("proxies", "trusted"), [("", False), ("10.0.0.0/8,192.0.2.1", False), ("127.0.0.0/8", True)]
)
async def test_the_address_counts_that_a_trusted_proxy_sets_and_another_proxy_is_logged_once(
    run_bridge: RunBridge,
    http: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    proxies: str,
    trusted: bool,
) -> None:
    _warn_of_proxy.cache_clear()
    bridge = run_bridge(tokens=Rate(1, 0.001), proxies=proxies)
    answers: list[Any] = []
    for address in VISITORS:
        http.headers["X-Forwarded-For"] = address
        http.headers["Forwarded"] = f"for={address}"
        http.headers["X-Real-IP"] = address
        answers.append(said(await ask_with(http, bridge, made_up())))
    together = [INVALID_TOKEN, *[TOO_MUCH] * (len(VISITORS) - 1)]
    assert answers == (list(VISITORS.values()) if trusted else together)
    logged = caplog.text.count("a proxy that BRIDGE_PROXIES does not name")
    assert logged == (0 if trusted else 1)
