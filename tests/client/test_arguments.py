"""The arguments of a client are checked when it is made; the environment, at the first call."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client

from tests.client.mocked import WEBHOOK_URL

if TYPE_CHECKING:
    from tests.client.conftest import Get

Make = Callable[..., Client]


@pytest.fixture(params=["webhook", "OAuth"])
def make(request: pytest.FixtureRequest) -> Make:
    """What makes a client; the test runs with each kind."""
    if request.param == "webhook":
        return partial(Client, base_url=WEBHOOK_URL)
    return partial(AuthenticatedClient, base_url="https://portal.example/rest", token="made-up")


# --- in the constructor ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_url", b"https://portal.example/rest/1/made-up-secret/"),
        ("base_url", None),
        ("cookies", "one=1"),
        ("cookies", {"one": 1}),
        ("headers", [("X-One", "1")]),
        ("headers", {"X-One": 1}),
        ("httpx_args", [("http2", True)]),
        ("proxy", 8080),
        ("transport", httpx.MockTransport(lambda _: httpx.Response(200))),
        ("async_transport", httpx.AsyncHTTPTransport()),
        ("timeout", "30"),
        ("timeout", True),
        ("timeout", httpx.Timeout("30")),  # type: ignore[arg-type]
        ("verify_ssl", None),
        ("verify_ssl", 1),
    ],
)
def test_an_argument_of_a_wrong_type_is_named(name: str, value: object, make: Make) -> None:
    with pytest.raises(TypeError, match=f"^{name}: expected [^:]* found "):
        make(**{name: value})


@pytest.mark.parametrize("name", ["headers", "cookies"])
@pytest.mark.parametrize("texts", [{"X-One": "ü"}, {"ü": "1"}, {"X-One": "1\r\nX: 2"}])
def test_a_header_or_cookie_that_cannot_be_sent_is_named(
    texts: dict[str, str], name: str, make: Make
) -> None:
    with pytest.raises(
        ValueError, match=f"^{name}: expected printable ASCII, found other characters$"
    ):
        make(**{name: texts})


@pytest.mark.parametrize("seconds", [-1, float("nan"), httpx.Timeout(5, read=-1)])
def test_a_timeout_that_cannot_be_is_named(seconds: Any, make: Make) -> None:
    with pytest.raises(ValueError, match=r"^timeout: expected 0 seconds or more, found "):
        make(timeout=seconds)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token", None),
        ("token", b"made-up-token"),
        ("refresh", "text"),
        ("on_refresh", 5),
        ("refresh_timeout", None),
        ("refresh_timeout", "30"),
    ],
)
def test_an_argument_for_oauth_of_a_wrong_type_is_named(name: str, value: object) -> None:
    arguments: dict[str, Any] = {"token": "made-up-token", name: value}
    with pytest.raises(TypeError, match=f"^{name}: expected .* found ") as caught:
        AuthenticatedClient("https://portal.example/rest", **arguments)
    assert "made-up-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token", ""),
        ("refresh_timeout", 0),
        ("refresh_timeout", -1.5),
        ("refresh_timeout", float("nan")),
        ("refresh_timeout", float("inf")),  # which threads cannot wait for
    ],
)
def test_an_argument_for_oauth_that_cannot_work_is_named(name: str, value: object) -> None:
    arguments: dict[str, Any] = {"token": "made-up-token", name: value}
    with pytest.raises(ValueError, match=f"^{name}: expected .* found "):
        AuthenticatedClient("https://portal.example/rest", **arguments)


@pytest.mark.parametrize(
    "proxy", ["socks://user:made-up-password@proxy.example", "proxy.example:1"]
)
def test_a_proxy_that_cannot_work_is_named_without_its_password(proxy: str, make: Make) -> None:
    expected = r"^proxy: expected the URL of a proxy, which begins with http://, https://, socks5:"
    with pytest.raises(ValueError, match=expected) as caught:
        make(proxy=proxy)
    assert "made-up-password" not in str(caught.value)
    assert caught.value.__context__ is None


def test_limits_of_a_wrong_type_are_named(make: Make) -> None:
    with pytest.raises(TypeError, match=r"^httpx_args\['limits'\]: expected Limits, found int$"):
        make(httpx_args={"limits": 10})


@pytest.mark.parametrize(
    "name", ["auth", "cookies", "event_hooks", "mounts", "proxy", "timeout", "transport", "verify"]
)
def test_an_httpx_argument_that_does_not_belong_there_names_what_to_use(
    name: str, make: Make
) -> None:
    with pytest.raises(TypeError, match=f"^httpx_args: '{name}' is not one of .*set_httpx_client"):
        make(httpx_args={name: None})


def test_the_arguments_of_httpx_s_transports_are_accepted(make: Make) -> None:
    make(
        httpx_args={
            "cert": None,
            "http1": True,
            "http2": False,
            "limits": httpx.Limits(max_connections=1),
            "local_address": "127.0.0.1",
            "retries": 1,
            "socket_options": [],
            "trust_env": False,
            "uds": None,
        }
    ).close()


@pytest.mark.parametrize("kind", [str, Path])
def test_a_ca_bundle_that_is_missing_is_named(kind: Callable[[str], Any], make: Make) -> None:
    with pytest.raises(FileNotFoundError, match=r"verify_ssl: there is no file: '/no/such\.pem'"):
        make(verify_ssl=kind("/no/such.pem"))


@pytest.mark.parametrize("kind", [Client, AuthenticatedClient])
def test_tools_can_read_the_arguments(kind: type[Client]) -> None:
    parameters = inspect.signature(kind).parameters
    assert "timeout" in parameters
    assert ("refresh" in parameters) == (kind is AuthenticatedClient)
    assert typing.get_type_hints(kind.__init__).keys() == {*parameters, "return"}


# --- at the first call ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ALL_PROXY", "HTTPS_PROXY", "https_proxy"])
def test_a_proxy_of_the_environment_that_cannot_work_is_named(
    name: str, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "socks://user:made-up-password@proxy.example")
    with pytest.raises(ValueError, match=f"^{name.upper()}: expected the URL of a proxy") as caught:
        get(Client(WEBHOOK_URL))
    assert "made-up-password" not in str(caught.value)


def test_a_ca_bundle_of_the_environment_that_is_missing_is_named(
    get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such.pem")
    with pytest.raises(FileNotFoundError, match=r"SSL_CERT_FILE: there is no file: '/no/such"):
        get(Client(WEBHOOK_URL))
