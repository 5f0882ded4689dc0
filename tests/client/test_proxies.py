"""Calls through an HTTP proxy: forwarded for http, in a tunnel for https."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status

from tests.client.mocked import WEBHOOK_URL as HTTPS

if TYPE_CHECKING:
    from tests.client.conftest import Get, Proxy, Recorder

HTTP = HTTPS.replace("https:", "http:")
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
    with AuthenticatedClient(
        base_url="https://portal.example/made-up-path/rest",
        token="made-up-token",
        proxy=tunnel.url,
        headers={"X-Key": "made-up-key"},
        cookies={"session": "made-up-session"},
    ) as client:
        assert get(client).result.crm_entity_id == 17
    (connect,) = tunnel.requests
    first, *headers = connect.strip().splitlines()
    assert first == "CONNECT portal.example:443 HTTP/1.1"
    assert {header.partition(":")[0].lower() for header in headers} <= {"host", "accept"}
    assert "made-up" not in connect
    (received,) = tls_portal.received
    assert received.target == "/made-up-path/rest/placement.call"


def test_calls_share_a_tunnel(tunnel: Proxy, tls_portal: Recorder) -> None:
    with Client(base_url=HTTPS, proxy=httpx.Proxy(tunnel.url)) as client:
        for _ in range(3):
            get_status.sync(client=client)
    assert len(tls_portal.received) == 3
    assert len(tunnel.requests) == 1


def test_a_proxy_receives_its_password_and_the_portal_does_not(
    get: Get, tunnel: Proxy, tls_portal: Recorder
) -> None:
    with Client(base_url=HTTPS, proxy=f"http://user:password@{tunnel.netloc}") as client:
        get(client)
    assert "Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==" in tunnel.requests[0]
    assert tls_portal.received[0].header("proxy-authorization") == []


@pytest.mark.parametrize(
    ("name", "base_url"),
    [
        *[(name, HTTP) for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")],
        *[(name, HTTPS) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")],
    ],
)
def test_the_environment_names_a_proxy_for_each_scheme_or_for_all(
    name: str,
    base_url: str,
    get: Get,
    proxy: Proxy,
    tunnel: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used = proxy if base_url == HTTP else tunnel
    for value in (used.url, used.netloc):  # it may lack its scheme
        monkeypatch.setenv(name, value)
        with Client(base_url=base_url) as client:
            assert get(client).result.crm_entity_id == 17
    assert len(used.requests) == 2


def test_a_proxy_for_https_is_not_used_for_http(
    proxy: Proxy, portal: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with Client(base_url=portal.webhook_url) as client:
        get_status.sync(client=client)
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("no_proxy", "through_proxy"),
    [
        ("127.0.0.1", False),
        ("{netloc}", False),
        ("localhost, 127.0.0.1", False),
        ("*", False),
        ("other.example", True),
        ("127.0.0.1:1", True),
        ("", True),
        # None is an error.
        *[(value, True) for value in ("[::1]", "::1", "fe80::/10", "10.0.0.0/8")],
        *[(value, True) for value in ("[", "https://", "*.example", ",, ,")],
    ],
)
def test_no_proxy_names_hosts_that_are_reached_directly(
    no_proxy: str,
    through_proxy: bool,
    get: Get,
    proxy: Proxy,
    portal: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netloc = portal.origin.removeprefix("http://")
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", no_proxy.format(netloc=netloc))
    with Client(base_url=portal.webhook_url) as client:
        get(client)
    assert (len(proxy.requests), len(portal.received)) == (through_proxy, 1)


@pytest.mark.parametrize("no_proxy", ["[::1]", "::1"])
def test_no_proxy_may_have_an_ipv6_address_with_or_without_brackets(
    no_proxy: str, get: Get, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    with (
        Client(base_url="http://[::1]:1/rest/1/made-up-secret/") as client,
        pytest.raises(httpx.ConnectError),  # nobody listens there, and the proxy is not asked
    ):
        get(client)
    assert proxy.requests == []


@pytest.mark.parametrize("no_proxy", ["", "portal.example"])
def test_the_argument_takes_precedence_over_the_environment(
    no_proxy: str, get: Get, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://unused.example:1")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    with Client(base_url=HTTP, proxy=proxy.url) as client:
        get(client)
    assert len(proxy.requests) == 1


def test_without_trust_env_the_environment_is_ignored(
    proxy: Proxy, portal: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    with Client(base_url=portal.webhook_url, httpx_args={"trust_env": False}) as client:
        get_status.sync(client=client)
    assert proxy.requests == []


def test_a_proxy_that_opens_no_tunnel_is_a_proxy_error(get: Get, recorder: Recorder) -> None:
    proxy = recorder.origin  # it does not know the method CONNECT
    with Client(base_url=HTTPS, proxy=proxy) as client, pytest.raises(httpx.ProxyError) as caught:
        get(client)
    assert str(caught.value.request.url) == "https://portal.example/***"
