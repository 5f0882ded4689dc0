"""Each request is one line at DEBUG of the logger bitrix24_call_card, without a secret."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status

from tests.client.mocked import answering
from tests.client.refreshing import NEW, OLD, Portal, Refreshes

if TYPE_CHECKING:
    from tests.client.conftest import Get


@pytest.fixture(autouse=True)
def _debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "bitrix24_call_card")


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the package has logged, with N for numbers of milliseconds."""
    records = [record for record in caplog.records if record.name == "bitrix24_call_card"]
    assert all(record.levelno == logging.DEBUG for record in records)
    shown = " ".join(str(vars(record)) for record in records)
    assert not [secret for secret in ("made-up-secret", OLD, NEW) if secret in shown]
    return [re.sub(r"\d+ ms", "N ms", record.getMessage()) for record in records]


@pytest.mark.parametrize("status", [200, 502])
def test_a_response_is_logged_with_its_status(
    status: int,
    get: Get,
    answer: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with contextlib.suppress(errors.UnexpectedStatus):
        get(answering(answer, status))
    assert logged(caplog) == [f"POST portal.example: {status} in N ms (attempt 1)"]


def test_a_request_without_a_response_is_logged(get: Get, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(httpx.ConnectError):
        get(Client("http://portal.invalid:8080/rest/1/made-up-secret/"))
    assert logged(caplog) == ["POST portal.invalid:8080: no response in N ms (attempt 1)"]


def test_a_retry_after_a_refresh_is_another_line(
    get: Get, answer: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    get(Portal(answer).client(refresh=Refreshes()))
    assert logged(caplog) == [
        "POST portal.example: 401 in N ms (attempt 1)",
        "POST portal.example: 200 in N ms (attempt 2)",
    ]


def test_a_request_through_a_custom_httpx_client_is_logged(
    answer: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def use() -> None:
        async with httpx.AsyncClient(transport=transport) as custom:
            await get_status.asyncio(client=client.set_async_httpx_client(custom))

    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    client = AuthenticatedClient("https://portal.example/rest", OLD)
    with httpx.Client(transport=transport) as custom:
        get_status.sync(client=client.set_httpx_client(custom))
    asyncio.run(use())
    assert logged(caplog) == ["POST portal.example: 200 in N ms (attempt 1)"] * 2
