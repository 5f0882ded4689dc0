"""Copies of a client: a changed copy leaves the client as it was, also once it has been used."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status

if TYPE_CHECKING:
    from tests.client.conftest import Recorder

COPIES = pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        lambda client: client.with_headers({}),
        lambda client: client.with_cookies({}),
        lambda client: client.with_timeout(5),
    ],
    ids=["copy.copy", "copy.deepcopy", "with_headers", "with_cookies", "with_timeout"],
)
Copied = Callable[[AuthenticatedClient], AuthenticatedClient]


def sent(client: Client, recorder: Recorder) -> dict[str, list[str]]:
    with client:
        get_status.sync(client=client)
    received = recorder.received[-1]
    token = json.loads(received.body)["auth"]
    return {
        **{name: received.header(name) for name in ("x-one", "x-two", "cookie")},
        "token": [token],
    }


ONE = {"x-one": ["1"], "x-two": [], "cookie": ["one=1"], "token": ["made-up-token"]}


@pytest.fixture(params=["unused", "used"])
def client(request: pytest.FixtureRequest, recorder: Recorder) -> AuthenticatedClient:
    client = AuthenticatedClient(
        base_url=f"{recorder.origin}/rest",
        token="made-up-token",
        headers={"X-One": "1"},
        cookies={"one": "1"},
    )
    if request.param == "used":
        assert sent(client, recorder) == ONE
    return client


def test_with_headers_adds_headers_to_a_copy(
    client: AuthenticatedClient, recorder: Recorder
) -> None:
    other = client.with_headers({"X-Two": "2"})
    assert sent(other, recorder) == {**ONE, "x-two": ["2"]}
    assert sent(client, recorder) == ONE


def test_with_headers_replaces_headers_of_the_same_name(
    client: AuthenticatedClient, recorder: Recorder
) -> None:
    other = client.with_headers({"x-one": "other"})
    assert sent(other, recorder)["x-one"] == ["other"]
    assert sent(client, recorder)["x-one"] == ["1"]


def test_with_cookies_adds_cookies_to_a_copy(
    client: AuthenticatedClient, recorder: Recorder
) -> None:
    other = client.with_cookies({"two": "2"})
    assert sent(other, recorder)["cookie"] == ["one=1; two=2"]
    assert sent(client, recorder)["cookie"] == ["one=1"]


@COPIES
def test_a_copy_sends_what_the_client_sends(
    copied: Copied, client: AuthenticatedClient, recorder: Recorder
) -> None:
    other = copied(client)
    assert type(other) is AuthenticatedClient
    assert other is not client
    assert sent(other, recorder) == ONE


@COPIES
def test_a_copy_has_its_own_token(
    copied: Copied, client: AuthenticatedClient, recorder: Recorder
) -> None:
    other = copied(client)
    client.token = "another-token"
    assert sent(other, recorder)["token"] == ["made-up-token"]
    assert sent(client, recorder)["token"] == ["another-token"]


@COPIES
def test_a_copy_has_its_own_connections(
    copied: Copied, client: AuthenticatedClient, recorder: Recorder
) -> None:
    before = recorder.connections
    with client:
        get_status.sync(client=client)
        with copied(client) as other:
            get_status.sync(client=other)
        get_status.sync(client=client)  # whose connection the copy did not close
        assert recorder.connections == before + 2


@COPIES
def test_a_copy_does_not_send_through_a_custom_httpx_client(
    copied: Copied, client: AuthenticatedClient, recorder: Recorder
) -> None:
    with httpx.Client(headers={"X-Two": "custom"}) as custom:
        client.set_httpx_client(custom)
        assert sent(copied(client), recorder) == ONE


@COPIES
def test_a_copy_has_not_seen_when_operating_time_is_restored(
    copied: Copied, client: AuthenticatedClient, recorder: Recorder
) -> None:
    sent(client, recorder)
    assert client.operating_reset_at is not None
    assert copied(client).operating_reset_at is None


def test_a_webhook_client_can_be_copied_too(recorder: Recorder) -> None:
    client = Client(base_url=f"{recorder.origin}/rest/1/made-up-secret/")
    for other in (copy.copy(client), copy.deepcopy({"client": client})["client"]):
        with other:
            get_status.sync(client=other)
    targets = [received.target for received in recorder.received]
    assert targets == ["/rest/1/made-up-secret/placement.call"] * 2


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_a_client_is_a_type_error_that_says_what_to_do(
    protocol: int, client: AuthenticatedClient
) -> None:
    expected = r"^AuthenticatedClient cannot be pickled.*make a client in each process$"
    with pytest.raises(TypeError, match=expected):
        pickle.dumps(client, protocol)
