"""Which base URLs a client accepts."""

from __future__ import annotations

import traceback
from functools import partial
from typing import TYPE_CHECKING

import pytest
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status

if TYPE_CHECKING:
    from tests.client.conftest import Recorder


MAKE = {"webhook": Client, "OAuth": partial(AuthenticatedClient, token="made-up-secret")}
EXPECTED = {
    "webhook": "Expected a webhook's URL, https://PORTAL/rest/USER_ID/WEBHOOK/",
    "OAuth": "Expected a portal's REST address, https://PORTAL/rest",
}
NOT_HTTP = "it is not an absolute http or https URL"
QUERY = "it has a query or a fragment (? or #): cut it off"
USER = "it has a user or a password in it: remove them"
QUOTES = "it has quotes around it: remove them"
NOT_A_WEBHOOK = "what follows /rest/ is not USER_ID/WEBHOOK alone"
INVISIBLE = "it has an invisible character"


def problem(kind: str, base_url: object) -> str:
    """Return the error's reason; neither its message nor its causes may show the secret."""
    with pytest.raises(ValueError, match=r"^base_url: ") as caught:
        MAKE[kind](base_url=base_url)  # type: ignore[operator]
    error = caught.value
    assert "made-up-secret" not in "".join(traceback.format_exception_only(error))
    assert error.__cause__ is None
    assert error.__context__ is None
    text, expected = str(error).removeprefix("base_url: ").split(". ", 1)
    assert expected == EXPECTED[kind]
    return text


@pytest.mark.parametrize(
    "base_url",
    [
        "https://[portal]/rest/1/made-up-secret/",
        "https://portal.example:port/rest/1/made-up-secret/",
        "https://portal.example:99999/rest/1/made-up-secret/",
        "https://portal.example:0/rest/1/made-up-secret/",
        f"https://{'a' * 64}.example/rest/1/made-up-secret/",
    ],
)
def test_an_invalid_host_or_port_is_named(base_url: str) -> None:
    assert problem("webhook", base_url) == "its host or its port is not valid"


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("", NOT_HTTP),
        ("portal", NOT_HTTP),
        ("portal.example/rest/1/made-up-secret", NOT_HTTP),
        ("/rest/1/made-up-secret/", NOT_HTTP),
        ("//portal.example/rest/1/made-up-secret/", NOT_HTTP),
        ("https:///rest/1/made-up-secret/", NOT_HTTP),
        ("https://", NOT_HTTP),
        ("ftp://portal.example/rest/1/made-up-secret/", NOT_HTTP),
        ("file:///rest/1/made-up-secret/", NOT_HTTP),
        ("https://portal.example/rest/?auth=made-up-secret", QUERY),
        ("https://portal.example/rest/1/made-up-secret/?", QUERY),
        ("https://portal.example/rest/#made-up-secret", QUERY),
        ("https://user:made-up-secret@portal.example/rest/", USER),
        ("https://made-up-secret@portal.example/rest/", USER),
        ('"https://portal.example/rest/1/made-up-secret/"', QUOTES),
        ("<https://portal.example/rest/1/made-up-secret/>", QUOTES),
        (
            " https://portal.example/rest/1/made-up-secret/",
            INVISIBLE,
        ),
        (
            "https://portal.example/rest/1/made-up-secret/\n",
            INVISIBLE,
        ),
        (
            "https://portal.example/rest/\u200b1/made-up-secret/",
            INVISIBLE,
        ),
        (  # As os.environ has bytes that are not UTF-8.
            "https://portal.example/rest/1/\udcffmade-up-secret/",
            INVISIBLE,
        ),
        ("https://portal.example/", "there is no /rest in its path"),
    ],
)
def test_an_invalid_base_url_is_a_value_error_that_says_why_and_does_not_show_it(
    base_url: object, expected: str, kind: str
) -> None:
    assert problem(kind, base_url) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/rest", "this is an OAuth address, which AuthenticatedClient takes with a token"),
        ("/rest/1/", NOT_A_WEBHOOK),
        ("/rest/made-up-secret/", NOT_A_WEBHOOK),
        ("/rest/1/made-up-secret/profile.json", NOT_A_WEBHOOK),
        ("/rest/1/made-up-secret/a/b", NOT_A_WEBHOOK),
    ],
)
def test_a_client_for_a_webhook_takes_no_other_address(path: str, expected: str) -> None:
    assert problem("webhook", f"https://portal.example{path}") == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/rest/1/made-up-secret/", "this is a webhook's URL, which Client takes"),
        ("/rest/placement.call", "something follows /rest, such as a method: cut it off"),
        ("/rest/made-up-secret", "something follows /rest, such as a method: cut it off"),
    ],
)
def test_a_client_for_oauth_takes_no_other_address(path: str, expected: str) -> None:
    assert problem("OAuth", f"https://portal.example{path}") == expected


@pytest.mark.parametrize(
    ("origin", "shown"),
    [
        ("http://127.0.0.1:8024", "http://127.0.0.1:8024/***"),
        ("HTTPS://PORTAL.EXAMPLE", "https://portal.example/***"),
        ("https://[::1]:8024", "https://[::1]:8024/***"),
        ("https://портал.example", "https://xn--80awhdgm.example/***"),
    ],
)
def test_the_repr_of_a_client_shows_scheme_host_and_port(origin: str, shown: str) -> None:
    client = Client(base_url=f"{origin}/rest/1/made-up-secret/")
    assert repr(client) == f"Client(base_url='{shown}')"
    client = AuthenticatedClient(base_url=f"{origin}/rest", token="made-up-token")
    assert repr(client) == f"AuthenticatedClient(base_url='{shown}')"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/rest/1/made-up-secret", "/rest/1/made-up-secret/placement.call"),
        ("/rest/1/made-up-secret//", "/rest/1/made-up-secret/placement.call"),
        (
            "/rest/folder/rest/1/made-up-secret/",
            "/rest/folder/rest/1/made-up-secret/placement.call",
        ),
        ("/a%20folder/rest/1/made%2Dup/", "/a%20folder/rest/1/made%2Dup/placement.call"),
    ],
)
def test_a_method_is_called_below_the_path_of_the_base_url(
    path: str, target: str, recorder: Recorder
) -> None:
    with Client(base_url=recorder.origin + path) as client:
        get_status.sync(client=client)
    assert [received.target for received in recorder.received] == [target]
