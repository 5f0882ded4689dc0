"""Which base URLs a client accepts."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pytest
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status

if TYPE_CHECKING:
    from tests.client.conftest import Recorder


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "portal",
        "portal.example/rest/1/made-up-secret",
        "/rest/1/made-up-secret/",
        "//portal.example/rest/1/made-up-secret/",
        "https:///rest/1/made-up-secret/",
        "https://",
        "ftp://portal.example/rest/1/made-up-secret/",
        "file:///rest/1/made-up-secret/",
        "https://portal.example/rest/?auth=made-up-secret",
        "https://portal.example/rest/1/made-up-secret/?",
        "https://portal.example/rest/#made-up-secret",
        "https://user:made-up-secret@portal.example/rest/",
        "https://made-up-secret@portal.example/rest/",
        " https://portal.example/rest/1/made-up-secret/",
        "https://portal.example/rest/1/made-up-secret/\n",
        "https://[portal]/rest/1/made-up-secret/",
        "https://portal.example:port/rest/1/made-up-secret/",
        "https://portal.example:99999/rest/1/made-up-secret/",
        f"https://{'a' * 64}.example/rest/1/made-up-secret/",
        b"https://portal.example/rest/1/made-up-secret/",
        None,
    ],
)
@pytest.mark.parametrize(
    "make",
    [Client, partial(AuthenticatedClient, token="made-up-secret")],
    ids=["webhook", "OAuth"],
)
def test_an_invalid_base_url_is_a_value_error_that_does_not_show_it(
    base_url: str, make: Callable[..., Client]
) -> None:
    with pytest.raises(ValueError, match=r"^base_url: expected a URL such as") as caught:
        make(base_url=base_url)
    shown = "".join(traceback.format_exception_only(caught.value))
    assert "made-up-secret" not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("base_url", "shown"),
    [
        ("http://127.0.0.1:8024/rest", "http://127.0.0.1:8024/***"),
        ("HTTPS://PORTAL.EXAMPLE/rest/1/made-up-secret/", "https://portal.example/***"),
        ("https://[::1]:8024/rest/1/made-up-secret/", "https://[::1]:8024/***"),
        ("https://портал.example/rest/", "https://xn--80awhdgm.example/***"),
    ],
)
def test_the_repr_of_a_client_shows_scheme_host_and_port(base_url: str, shown: str) -> None:
    assert repr(Client(base_url=base_url)) == f"Client(base_url='{shown}')"
    client = AuthenticatedClient(base_url=base_url, token="made-up-token")
    assert repr(client) == f"AuthenticatedClient(base_url='{shown}')"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/placement.call"),
        ("/", "/placement.call"),
        ("/rest/1/made-up-secret", "/rest/1/made-up-secret/placement.call"),
        ("/rest/1/made-up-secret//", "/rest/1/made-up-secret/placement.call"),
        ("/a%20folder/1/made%2Dup/", "/a%20folder/1/made%2Dup/placement.call"),
    ],
)
def test_a_method_is_called_below_the_path_of_the_base_url(
    path: str, target: str, recorder: Recorder
) -> None:
    with Client(base_url=recorder.origin + path) as client:
        get_status.sync(client=client)
    assert [received.target for received in recorder.received] == [target]
