"""The bridge behind nginx, with the configuration that the bridge's README gives."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from bitrix24_bridge.settings import Rate
from bitrix24_sandbox.server import port_of

from tests.bridge.cards import NOT_CONNECTED, ask, new_sid, said
from tests.bridge.conftest import RunBridge
from tests.bridge.nginx import Nginx, running_nginx
from tests.bridge.portals import FakePortal
from tests.ports import unused_port

pytestmark = pytest.mark.anyio

SECRET = "0f6c" * 12
SECRET_PATHS = (f"/rest/1/{SECRET}/placement.call", f"/events/{SECRET}")


async def test_an_address_is_the_one_that_nginx_reports(
    run_bridge: RunBridge, tmp_path: Path
) -> None:
    port, answers = unused_port(), []
    run_bridge(port=port, tokens=Rate(1, 0.001), proxies="127.0.0.1")
    with running_nginx(tmp_path, port) as nginx:
        for local in ("127.0.0.2", "127.0.0.3"):
            async with nginx.client(local) as http:
                # Whatever strangers say of themselves, nginx replaces.
                http.headers["X-Forwarded-For"] = "198.51.100.1"
                for _ in range(2):
                    form = {"PLACEMENT": "getStatus", "auth": new_sid()}
                    answer = await http.post("/rest/placement.call", json=form)
                    answers.append(answer.json()["error"])
    assert answers == ["invalid_token", "QUERY_LIMIT_EXCEEDED"] * 2


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_without_tls_and_with_an_old_one_nothing_is_answered(tmp_path: Path) -> None:
    with running_nginx(tmp_path, unused_port()) as nginx:
        async with httpx.AsyncClient(trust_env=False) as http:
            for host in ("127.0.0.1", "[::1]"):
                url = f"http://{host}:{nginx.plain_port}{SECRET_PATHS[0]}"
                assert (await http.post(url)).status_code == 403
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        for version, refused in ((ssl.TLSVersion.TLSv1_1, True), (ssl.TLSVersion.TLSv1_2, False)):
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = version
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", nginx.port, ssl=old)
            except (ssl.SSLError, ConnectionError):
                assert refused
            else:
                writer.close()
                assert not refused
        assert SECRET not in nginx.logs()


async def test_no_log_of_nginx_has_a_secret_with_the_bridge_down_or_its_connections_used_up(
    tmp_path: Path,
) -> None:
    with running_nginx(tmp_path, unused_port(), connections=16) as nginx:
        async with nginx.client() as http:
            for path in SECRET_PATHS:
                assert (await http.post(path)).status_code == 502
        # All its connections, beside those with which it listens, are in the middle of a request;
        # the first that is complete then finds none to the bridge.
        begun = [await begin(nginx) for _ in range(16 - 5)]
        first, writer = begun[0]
        writer.write(b"\r\n")
        assert b" 500 " in await first.readline()
        for _, writer in begun:
            writer.close()
        assert SECRET not in nginx.logs()


async def begin(nginx: Nginx) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request but for its last line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", nginx.port, ssl=nginx.trusts)
    writer.write(f"POST {SECRET_PATHS[0]} HTTP/1.1\r\nHost: a\r\n".encode())
    return reader, writer


@asynccontextmanager
async def listening(received: list[bytes], *, silent: bool = False) -> AsyncIterator[int]:
    """Listen like a process that ends before it has answered, or one that hangs; yield its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readline())
        if silent:
            await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield port_of(server.sockets[0])


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_process_that_ends_or_hangs_costs_no_answer(
    run_bridge: RunBridge, portal: FakePortal, tmp_path: Path, hangs: bool
) -> None:
    port = unused_port()
    received: list[bytes] = []
    async with listening(received, silent=hangs) as other:
        with running_nginx(tmp_path, other, port) as nginx:
            webhook = run_bridge(port=port, url=nginx.url).webhook(portal.member_id)
            async with nginx.client() as http:
                answers = await asyncio.gather(*(ask(http, webhook) for _ in range(4)))
    assert {said(answer) for answer in answers} == {NOT_CONNECTED}
    assert received


async def test_an_installation_reaches_one_process_only_and_all_else_the_next_one_as_well(
    tmp_path: Path,
) -> None:
    received: list[bytes] = []
    async with listening(received) as first, listening(received) as second:
        with running_nginx(tmp_path, first, second) as nginx:
            async with nginx.client() as http:
                for path, status in (("/install", 502), ("/events/a", 502), ("/widget", 503)):
                    assert (await http.post(path)).status_code == status
    paths = [line.split()[1] for line in received]
    assert paths == [b"/install", b"/events/a", b"/events/a", b"/widget", b"/widget"]
