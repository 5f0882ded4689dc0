"""Recipes: with the transports of aiohttp and pyreqwest the client keeps its promises."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from aiohttp import ClientSession, DummyCookieJar
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status
from httpx_aiohttp import AiohttpTransport
from pyreqwest.client import ClientBuilder, SyncClientBuilder
from pyreqwest.compatibility.httpx import HttpxTransport, SyncHttpxTransport

if TYPE_CHECKING:
    from tests.client.conftest import Proxy, RawServer, Recorder

# --- the recipes, as the package's README shows them --------------------------------------------


# pip install './generated[aiohttp]'
def aiohttp_transport() -> AiohttpTransport:
    # As without it: no cookie is kept, and the environment names the proxies.
    return AiohttpTransport(
        client=lambda: ClientSession(cookie_jar=DummyCookieJar(), trust_env=True)
    )


# pip install pyreqwest
def pyreqwest_transport() -> SyncHttpxTransport:
    return SyncHttpxTransport(SyncClientBuilder().follow_redirects(False).build())


def async_pyreqwest_transport() -> HttpxTransport:
    return HttpxTransport(ClientBuilder().follow_redirects(False).build())


# --- the promises -------------------------------------------------------------------------------

Call = Callable[..., int]
TARGET = "/rest/1/made-up-secret/placement.call"


def _sync(client: Client, times: int = 1) -> int:
    with client:
        responses = [get_status.sync(client=client) for _ in range(times)]
    return responses[-1].result.crm_entity_id


def _asyncio(client: Client, times: int = 1) -> int:
    async def use() -> int:
        async with client:
            responses = [await get_status.asyncio(client=client) for _ in range(times)]
        return responses[-1].result.crm_entity_id

    return asyncio.run(use())


RECIPES: dict[str, dict[str, Any]] = {
    "aiohttp": {"async_transport": aiohttp_transport},
    "pyreqwest": {"transport": pyreqwest_transport},
    "pyreqwest, asyncio": {"async_transport": async_pyreqwest_transport},
}


@pytest.fixture(params=RECIPES)
def arguments(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The arguments with which a recipe makes a client; the test runs with each."""
    chosen: str = request.param
    return RECIPES[chosen]


@pytest.fixture
def call(arguments: dict[str, Any]) -> Call:
    """Calls through the transport of the recipe."""
    return _sync if "transport" in arguments else _asyncio


def test_a_faster_transport_sends_the_documented_request(
    arguments: dict[str, Any], call: Call, recorder: Recorder
) -> None:
    client = AuthenticatedClient(
        base_url=f"{recorder.origin}/rest",
        token="made-up-token",
        headers={"X-Tenant": "made-up"},
        cookies={"one": "1"},
        **arguments,
    )
    assert [call(client) for _ in range(3)] == [17] * 3
    for received in recorder.received:
        assert received.method == "POST"
        assert received.target == "/rest/placement.call"
        assert received.body == b'{"PLACEMENT":"getStatus","PARAMS":{},"auth":"made-up-token"}'
        assert received.header("content-type") == ["application/json"]
        assert received.header("user-agent")[0].startswith("bitrix24-call-card/")
        assert received.header("x-tenant") == ["made-up"]
        assert received.header("cookie") == ["one=1"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_faster_transport_follows_no_redirect(
    status: int, arguments: dict[str, Any], call: Call, recorders: Callable[[], Recorder]
) -> None:
    portal, other = recorders(), recorders()
    portal.answers[TARGET] = [(status, {"Location": other.webhook_url})]
    with pytest.raises(errors.UnexpectedStatus, match=r"redirects to 127\.0\.0\.1,"):
        call(Client(base_url=portal.webhook_url, **arguments))
    assert other.connections == 0


def test_a_faster_transport_keeps_no_cookie(
    arguments: dict[str, Any], call: Call, recorder: Recorder
) -> None:
    recorder.answers[TARGET] = [(200, {"Set-Cookie": "session=made-up; Path=/"})] * 2
    # A host name, because no library keeps cookies of an IP address.
    client = Client(base_url=recorder.webhook_url.replace("127.0.0.1", "localhost"), **arguments)
    call(client, times=2)
    assert recorder.connections == 1
    assert [received.header("cookie") for received in recorder.received] == [[], []]


def test_a_faster_transport_checks_the_certificate(
    arguments: dict[str, Any],
    call: Call,
    recorders: Callable[..., Recorder],
    tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    portal = recorders(tls)
    with pytest.raises(httpx.TransportError):
        call(Client(base_url=portal.webhook_url, **arguments))
    assert portal.received == []


def test_a_faster_transport_raises_errors_of_httpx_without_secrets(
    arguments: dict[str, Any], call: Call, raw_server: RawServer
) -> None:
    raw_server.respond = lambda _: [b"this is not HTTP\r\n\r\n"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        refusing = free.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for origin, timeout, kinds in (
            (raw_server.origin, 60, httpx.HTTPError),
            (f"http://127.0.0.1:{refusing}", 60, (httpx.ConnectError, httpx.ConnectTimeout)),
            (f"http://127.0.0.1:{silent.getsockname()[1]}", 0.1, httpx.TimeoutException),
        ):
            client = Client(f"{origin}/rest/1/made-up-secret/", timeout=timeout, **arguments)
            with pytest.raises(kinds) as caught:
                call(client)
            shown = "".join(traceback.format_exception(caught.value))
            assert "made-up-secret" not in f"{shown} {caught.value.request.url}"


def test_the_body_from_a_faster_transport_is_bounded(
    arguments: dict[str, Any], call: Call, raw_server: RawServer
) -> None:
    body = gzip.compress(bytes(9 * 2**20))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    raw_server.respond = lambda _: [head.encode() + body]
    with pytest.raises(errors.InvalidResponse, match="expected at most 8 MB"):
        call(Client(base_url=raw_server.webhook_url, **arguments))


def test_a_faster_transport_uses_the_proxy_of_the_environment(
    arguments: dict[str, Any],
    call: Call,
    recorder: Recorder,
    proxies: Callable[[Recorder], Proxy],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = proxies(recorder)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    base_url = "http://portal.example/rest/1/made-up-secret/"
    assert call(Client(base_url=base_url, **arguments)) == 17
    assert len(proxy.requests) == 1
