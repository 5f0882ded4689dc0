"""`errors.retryable` says of any exception of a call whether a later retry may succeed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest
from bitrix24_call_card import Client, errors
from bitrix24_call_card.api.call_card import get_status

from tests.client.mocked import answering, mocked

if TYPE_CHECKING:
    from tests.client.conftest import Get, Recorder


def raised(get: Get, client: Client) -> Exception:
    """Return what a call raises."""
    with pytest.raises((errors.Bitrix24Error, httpx.HTTPError)) as caught:
        get(client)
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        # The code decides, ...
        (503, {"error": "QUERY_LIMIT_EXCEEDED"}, True),
        (200, {"error": "QUERY_LIMIT_EXCEEDED"}, True),
        (503, {"error": "OVERLOAD_LIMIT"}, False),
        (401, {"error": "invalid_token"}, False),
        # ... or else the status: of a response that is not the portal's, or not whole, too.
        (503, {"error": "MOON_PHASE"}, True),
        (429, {"error": "MOON_PHASE"}, True),
        (500, {"error": "MOON_PHASE"}, True),
        (400, {"error": "MOON_PHASE"}, False),
        (502, "<html>", True),
        (301, "", False),
        (503, "<html>", True),
        (200, "<html>", False),
    ],
)
def test_of_a_response_the_code_decides_or_else_the_status(
    status: int, body: object, expected: bool, get: Get
) -> None:
    assert errors.retryable(raised(get, answering(body, status))) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ConnectTimeout(""), True),
        (httpx.ReadTimeout(""), True),
        (httpx.ConnectError(""), True),
        (httpx.ProxyError(""), True),
        (httpx.RemoteProtocolError(""), True),
        (ConnectionResetError(""), True),  # which becomes httpx's
        (httpx.LocalProtocolError(""), False),
        (httpx.UnsupportedProtocol(""), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_network_error_may_pass_unless_the_request_cannot_be_sent(
    error: Exception, expected: bool, get: Get
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    assert errors.retryable(raised(get, mocked(fail))) is expected


@pytest.mark.parametrize("is_custom", [False, True], ids=["own connections", "custom httpx client"])
def test_a_certificate_that_is_not_trusted_does_not_pass(
    is_custom: bool, recorders: Callable[..., Recorder], tls: ssl.SSLContext
) -> None:
    async def use() -> Exception:
        async with httpx.AsyncClient(verify=trusts_nobody) as custom, client:
            if is_custom:
                client.set_async_httpx_client(custom)
            with pytest.raises(httpx.ConnectError) as caught:
                await get_status.asyncio(client=client)
            return caught.value

    trusts_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client = Client(recorders(tls).webhook_url, verify_ssl=trusts_nobody)
    with httpx.Client(verify=trusts_nobody) as custom:
        if is_custom:
            client.set_httpx_client(custom)
        error = raised(lambda client: get_status.sync(client=client), client)
    assert not errors.retryable(error)
    assert not errors.retryable(asyncio.run(use()))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.RefreshError("took too long"), True),
        (errors.Bitrix24Error("only asyncio's event loop can refresh"), False),
        (ValueError("HTTPS_PROXY"), False),
        (KeyboardInterrupt(), False),
        (asyncio.CancelledError(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_another_exception_does_not_pass_unless_it_is_of_a_refresh(
    error: BaseException, expected: bool
) -> None:
    assert errors.retryable(error) is expected
