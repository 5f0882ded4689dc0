"""Redirects are never followed: a renamed portal is another host."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import httpx
import pytest
from bitrix24_call_card import Client, errors

from tests.client.mocked import answering, mocked

if TYPE_CHECKING:
    from tests.client.conftest import Ask, Get, Recorder


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["{origin}/elsewhere", "/elsewhere", "{other}/elsewhere"])
def test_a_redirect_is_an_unexpected_status_without_a_second_request(
    location: str, status: int, ask: Ask, recorder: Recorder
) -> None:
    other = recorder.origin.replace("127.0.0.1", "localhost")  # another host, for a client
    location = location.format(origin=recorder.origin, other=other)
    recorder.answers["/rest/1/made-up-secret/placement.call"] = [(status, {"Location": location})]
    with Client(recorder.webhook_url) as client, pytest.raises(errors.UnexpectedStatus) as caught:
        ask(client)
    assert caught.value.status_code == status
    assert len(recorder.received) == 1


def test_the_error_names_the_new_host_and_nothing_more_of_its_address(get: Get) -> None:
    location = (
        "https://made-up-user:made-up-secret@renamed.example:58443/made-up-path/?made-up#made-up"
    )
    with pytest.raises(errors.UnexpectedStatus) as caught:
        get(answering(b"", 302, headers={"Location": location}))
    assert caught.value.redirect_host == "renamed.example"
    assert str(caught.value) == (
        "status 302 redirects to renamed.example, and redirects are not followed; "
        "if the portal was renamed, use its new base URL"
    )
    shown = "".join(traceback.format_exception(caught.value))
    assert "made-up" not in shown
    assert "58443" not in shown


@pytest.mark.parametrize(
    "location",
    [
        *("/elsewhere", "", "/", "//", ":", "%", "жизнь", "mailto:x"),
        *("https:///path", "http://[x]/", "http://[::1", "http://portal.example:port/", None),
    ],
)
def test_a_redirect_to_no_host_names_none(location: str | None, get: Get) -> None:
    def redirect(_: httpx.Request) -> httpx.Response:
        headers = [] if location is None else [(b"Location", location.encode())]
        return httpx.Response(302, headers=headers)

    with pytest.raises(errors.UnexpectedStatus, match=r"^status 302 is not in the contract") as e:
        get(mocked(redirect))
    assert e.value.redirect_host is None


def test_another_status_names_no_host(get: Get) -> None:
    with pytest.raises(errors.UnexpectedStatus) as caught:
        get(answering(b"", 201, headers={"Location": "https://renamed.example/"}))
    assert caught.value.redirect_host is None
