"""Testing an application of the client with pytest-httpx."""

import asyncio

import pytest
from bitrix24_call_card import Client, errors
from bitrix24_call_card.api.call_card import get_status
from pytest_httpx import HTTPXMock


def test_an_error_of_the_portal(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(
        url="https://portal.example/rest/1/webhook/placement.call",
        status_code=403,
        json={"error": "ACCESS_DENIED", "error_description": "Access denied!"},
    )
    client = Client("https://portal.example/rest/1/webhook/")
    with pytest.raises(errors.ApiError, match="ACCESS_DENIED"):
        asyncio.run(get_status.asyncio(client=client))
