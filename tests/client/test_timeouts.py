"""How long a call waits, for each of its phases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status

if TYPE_CHECKING:
    from tests.client.conftest import Get

PHASES = ("connect", "read", "write", "pool")
TIMEOUTS = pytest.mark.parametrize(
    ("timeout", "expected"),
    [
        (httpx.Timeout(1.5, connect=2.5), dict(zip(PHASES, (2.5, 1.5, 1.5, 1.5), strict=True))),
        (1.5, dict.fromkeys(PHASES, 1.5)),
        (None, dict.fromkeys(PHASES)),
    ],
)
BY_DEFAULT = {"connect": 10.0, "read": 30.0, "write": 30.0, "pool": 30.0}
Timeout = dict[str, float | None]


@pytest.fixture
def seen() -> list[Timeout]:
    """The timeouts of the calls through `transport`."""
    return []


@pytest.fixture
def transport(seen: list[Timeout], answer: dict[str, Any]) -> httpx.MockTransport:
    """A portal without a network."""

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return httpx.Response(200, json=answer)

    return httpx.MockTransport(respond)


@pytest.fixture
def make_client(transport: httpx.MockTransport) -> Callable[..., Client]:
    """Makes a client of that portal."""
    return partial(
        Client,
        base_url="https://portal.example/rest/1/made-up-secret/",
        transport=lambda: transport,
        async_transport=lambda: transport,
    )


def test_by_default_a_call_waits_10_s_to_connect_and_30_s_for_each_other_phase(
    get: Get, make_client: Callable[..., Client], seen: list[Timeout]
) -> None:
    get(make_client())
    assert seen == [BY_DEFAULT]


@TIMEOUTS
def test_a_timeout_is_seconds_or_an_httpx_timeout_or_none(
    timeout: Any,
    expected: Timeout,
    get: Get,
    make_client: Callable[..., Client],
    seen: list[Timeout],
) -> None:
    get(make_client(timeout=timeout))
    get(make_client().with_timeout(timeout))
    assert seen == [expected] * 2


@TIMEOUTS
def test_a_timeout_may_be_for_one_call_alone(
    timeout: Any, expected: Timeout, make_client: Callable[..., Client], seen: list[Timeout]
) -> None:
    async def use() -> None:
        await get_status.asyncio(client=client, timeout=timeout)
        await get_status.asyncio_detailed(client=client, timeout=timeout)
        await get_status.asyncio(client=client)

    client = make_client()
    get_status.sync(client=client, timeout=timeout)
    get_status.sync_detailed(client=client, timeout=timeout)
    get_status.sync(client=client)
    asyncio.run(use())
    assert seen == [expected, expected, BY_DEFAULT] * 2


@pytest.mark.parametrize("timeout", ["30", -1, True])
def test_a_timeout_for_one_call_is_checked(
    timeout: Any, make_client: Callable[..., Client], seen: list[Timeout]
) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^timeout: expected "):
        get_status.sync(client=make_client(), timeout=timeout)
    assert seen == []


def test_a_custom_httpx_client_keeps_its_timeout_unless_another_was_set(
    transport: httpx.MockTransport, make_client: Callable[..., Client], seen: list[Timeout]
) -> None:
    with httpx.Client(transport=transport, timeout=7) as custom:
        client = make_client().set_httpx_client(custom)
        get_status.sync(client=client)
        get_status.sync(client=client.with_timeout(5))
        get_status.sync(client=client, timeout=None)
    assert seen == [dict.fromkeys(PHASES, timeout) for timeout in (7, 5, None)]
