"""Calls through an HTTP proxy: forwarded for http, in a tunnel for https."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status

if TYPE_CHECKING:
    from tests.client.conftest import Get, Proxy, Recorder

HTTP = "http://portal.example/rest/1/made-up-secret/"
HTTPS = "https://portal.example/rest/1/made-up-secret/"
# No name server knows portal.example, so a call that does not go through the proxy fails.


@pytest.fixture
def portal(recorders: Callable[..., Recorder]) -> Recorder:
    """A portal that is reached by http."""
    return recorders()


@pytest.fixture
def proxy(portal: Recorder, proxies: Callable[[Recorder], Proxy]) -> Proxy:
    """A proxy in front of it."""
    return proxies(portal)


@pytest.fixture
def tls_portal(recorders: Callable[..., Recorder], tls: ssl.SSLContext) -> Recorder:
    """A portal that is reached by https."""
    return recorders(tls)


@pytest.fixture
def tunnel(tls_portal: Recorder, proxies: Callable[[Recorder], Proxy]) -> Proxy:
    """A proxy in front of it."""
    return proxies(tls_portal)


def test_an_http_call_is_forwarded(get: Get, proxy: Proxy, portal: Recorder) -> None:
    with Client(base_url=HTTP, proxy=proxy.url) as client:
        assert get(client).result.crm_entity_id == 17
    (request,) = proxy.requests
    assert request.startswith(f"POST {HTTP}placement.call HTTP/1.1\n")
    (received,) = portal.received
    assert received.header("host") == ["portal.example"]
    assert received.body == b'{"PLACEMENT":"getStatus","PARAMS":{}}'


def test_an_https_call_goes_through_a_tunnel_whose_opening_shows_host_and_port_alone(
    get: Get, tunnel: Proxy, tls_portal: Recorder
) -> None:
    with Client(base_url=HTTPS, proxy=tunnel.url) as client:
        assert get(client).result.crm_entity_id == 17
    (connect,) = tunnel.requests
    first, *headers = connect.strip().splitlines()
    assert first == "CONNECT portal.example:443 HTTP/1.1"
    assert {header.partition(":")[0].lower() for header in headers} <= {"host", "accept"}
    (received,) = tls_portal.received
    assert received.target == "/rest/1/made-up-secret/placement.call"


def test_no_secret_is_in_the_opening_of_a_tunnel(get: Get, tunnel: Proxy) -> None:
    with AuthenticatedClient(
        base_url="https://portal.example/made-up-path/rest",
        token="made-up-token",
        proxy=tunnel.url,
        headers={"X-Key": "made-up-key"},
        cookies={"session": "made-up-session"},
    ) as client:
        assert get(client).result.crm_entity_id == 17
    assert len(tunnel.requests) == 1
    assert "made-up" not in tunnel.requests[0]


def test_calls_share_a_tunnel(tunnel: Proxy, tls_portal: Recorder) -> None:
    with Client(base_url=HTTPS, proxy=httpx.Proxy(tunnel.url)) as client:
        for _ in range(3):
            get_status.sync(client=client)
    assert len(tls_portal.received) == 3
    assert len(tunnel.requests) == 1


def test_a_proxy_gets_its_own_password_and_no_portal_does(
    get: Get, tunnel: Proxy, tls_portal: Recorder
) -> None:
    with Client(base_url=HTTPS, proxy=f"http://user:password@{tunnel.netloc}") as client:
        get(client)
    assert "Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==" in tunnel.requests[0]
    assert tls_portal.received[0].header("proxy-authorization") == []


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_an_http_call_takes_the_proxy_of_the_environment(
    name: str, get: Get, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, proxy.url)
    with Client(base_url=HTTP) as client:
        assert get(client).result.crm_entity_id == 17
    assert len(proxy.requests) == 1


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_an_https_call_takes_the_proxy_of_the_environment(
    name: str, get: Get, tunnel: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, tunnel.url)
    with Client(base_url=HTTPS) as client:
        assert get(client).result.crm_entity_id == 17
    assert len(tunnel.requests) == 1


def test_the_proxy_of_the_environment_may_lack_its_scheme(
    get: Get, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.netloc)
    with Client(base_url=HTTP) as client:
        get(client)
    assert len(proxy.requests) == 1


def test_the_proxy_of_another_scheme_is_not_taken(
    get: Get, proxy: Proxy, portal: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with Client(base_url=portal.webhook_url) as client:
        get(client)
    assert proxy.requests == []


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "{netloc}", "localhost, 127.0.0.1", "*"])
def test_a_host_in_no_proxy_is_reached_directly(
    no_proxy: str, get: Get, proxy: Proxy, portal: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    netloc = portal.origin.removeprefix("http://")
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", no_proxy.format(netloc=netloc))
    with Client(base_url=portal.webhook_url) as client:
        get(client)
    assert (len(proxy.requests), len(portal.received)) == (0, 1)


@pytest.mark.parametrize("no_proxy", ["other.example", "127.0.0.1:1", ""])
def test_a_host_that_is_not_in_no_proxy_is_reached_through_the_proxy(
    no_proxy: str, get: Get, proxy: Proxy, portal: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    with Client(base_url=portal.webhook_url) as client:
        get(client)
    assert (len(proxy.requests), len(portal.received)) == (1, 1)


@pytest.mark.parametrize("no_proxy", ["", "portal.example"])
def test_the_argument_counts_more_than_the_environment(
    no_proxy: str, get: Get, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://unused.example:1")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    with Client(base_url=HTTP, proxy=proxy.url) as client:
        get(client)
    assert len(proxy.requests) == 1


def test_without_trust_env_the_environment_is_not_looked_at(
    get: Get, proxy: Proxy, portal: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    with Client(base_url=portal.webhook_url, httpx_args={"trust_env": False}) as client:
        get(client)
    assert proxy.requests == []


def test_a_proxy_that_opens_no_tunnel_is_a_proxy_error(get: Get, recorder: Recorder) -> None:
    proxy = recorder.origin  # which does not know the method CONNECT
    with Client(base_url=HTTPS, proxy=proxy) as client, pytest.raises(httpx.ProxyError) as caught:
        get(client)
    assert str(caught.value.request.url) == "https://portal.example/***"


def test_a_proxy_that_does_not_listen_is_a_connect_error(get: Get) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        proxy = f"http://127.0.0.1:{free.getsockname()[1]}"
    with Client(base_url=HTTPS, proxy=proxy) as client, pytest.raises(httpx.ConnectError):
        get(client)
