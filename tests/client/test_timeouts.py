"""How long a call waits, for each of its phases."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import Client

if TYPE_CHECKING:
    from tests.client.conftest import Get

WEBHOOK = "https://portal.example/rest/1/made-up-secret/"
Timeout = dict[str, float | None]


@pytest.fixture
def timeout_of(get: Get, answer: dict[str, Any]) -> Callable[..., Timeout]:
    """Make a client, change it, and return the timeout of its call."""

    def timeout_of(
        change: Callable[[Client], Client] = lambda client: client, **arguments: Any
    ) -> Timeout:
        seen: list[Timeout] = []

        def respond(request: httpx.Request) -> httpx.Response:
            seen.append(request.extensions["timeout"])
            return httpx.Response(200, json=answer)

        client = Client(
            base_url=WEBHOOK,
            transport=lambda: httpx.MockTransport(respond),
            async_transport=lambda: httpx.MockTransport(respond),
            **arguments,
        )
        get(change(client))
        (timeout,) = seen
        return timeout

    return timeout_of


def test_by_default_a_call_waits_10_s_to_connect_and_30_s_for_each_other_phase(
    timeout_of: Callable[..., Timeout],
) -> None:
    assert timeout_of() == {"connect": 10.0, "read": 30.0, "write": 30.0, "pool": 30.0}


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [
        (httpx.Timeout(1.5, connect=2.5), {"connect": 2.5, "read": 1.5, "write": 1.5, "pool": 1.5}),
        (1.5, dict.fromkeys(("connect", "read", "write", "pool"), 1.5)),
        (None, dict.fromkeys(("connect", "read", "write", "pool"))),
    ],
)
def test_a_timeout_is_seconds_or_an_httpx_timeout_or_none(
    timeout: Any, expected: Timeout, timeout_of: Callable[..., Timeout]
) -> None:
    assert timeout_of(timeout=timeout) == expected
    assert timeout_of(lambda client: client.with_timeout(timeout)) == expected


def test_a_timeout_that_is_not_seconds_is_refused_before_the_first_call() -> None:
    wrong: Any = "30"
    with pytest.raises(TypeError, match=r"^timeout: expected seconds or httpx.Timeout, found str"):
        Client(base_url=WEBHOOK, timeout=wrong)


def test_a_ca_bundle_that_is_missing_is_named_before_the_first_call() -> None:
    with pytest.raises(FileNotFoundError, match=r"verify_ssl: there is no file: '/no/such\.pem'"):
        Client(base_url=WEBHOOK, verify_ssl="/no/such.pem")
