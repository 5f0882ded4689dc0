"""What clients of other packages have and this one has not is a TypeError that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client

MAKE = pytest.mark.parametrize(
    "make",
    [
        partial(Client, base_url="https://portal.example/rest/1/made-up-secret/"),
        partial(AuthenticatedClient, base_url="https://portal.example/rest", token="made-up-token"),
    ],
    ids=["webhook", "OAuth"],
)
Make = Callable[..., Any]


@MAKE
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("follow_redirects", True, "redirects are never followed; errors.UnexpectedStatus names"),
        ("follow_redirects", False, "redirects are never followed; errors.UnexpectedStatus names"),
        ("auth_in", "query", "the token is always sent in the body"),
        ("raise_on_unexpected_status", True, "always raises UnexpectedStatus"),
        ("no_such_argument", 1, "it is not an argument of this client"),
    ],
)
def test_a_removed_argument_says_what_to_do_instead(
    name: str, value: object, expected: str, make: Make
) -> None:
    with pytest.raises(TypeError, match=f"^{name}: .*{expected}"):
        make(**{name: value})


@MAKE
@pytest.mark.parametrize(
    ("name", "setter"),
    [
        ("get_httpx_client", "set_httpx_client"),
        ("get_async_httpx_client", "set_async_httpx_client"),
    ],
)
def test_the_httpx_client_behind_a_client_is_gone(name: str, setter: str, make: Make) -> None:
    with pytest.raises(TypeError, match=rf"^there is no httpx client .*{setter}"):
        getattr(make(), name)()


@MAKE
@pytest.mark.parametrize("name", ["transport", "async_transport"])
def test_a_transport_that_is_not_a_function_shows_the_function(name: str, make: Make) -> None:
    expected = rf"^{name}: expected a function .*: {name}=lambda: MockTransport\(…\)$"
    with pytest.raises(TypeError, match=expected):
        make(**{name: httpx.MockTransport(lambda _: httpx.Response(200))})


@MAKE
@pytest.mark.parametrize(
    "name", ["auth", "cookies", "event_hooks", "mounts", "timeout", "transport", "base_url"]
)
def test_an_httpx_argument_that_a_transport_does_not_have_names_what_to_use(
    name: str, make: Make
) -> None:
    expected = f"^httpx_args: '{name}' is not an argument of httpx.HTTPTransport.*set_httpx_client"
    with pytest.raises(TypeError, match=expected):
        make(httpx_args={name: None})


@MAKE
def test_arguments_of_a_transport_are_accepted(make: Make) -> None:
    make(
        httpx_args={
            "cert": None,
            "http1": True,
            "http2": False,
            "limits": httpx.Limits(max_connections=1),
            "local_address": "127.0.0.1",
            "proxy": "http://proxy.example",
            "retries": 1,
            "socket_options": [],
            "trust_env": False,
            "uds": None,
        }
    ).close()
