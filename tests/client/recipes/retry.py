"""A client that retries temporary failures, with httpx-retries."""

import httpx
from bitrix24_call_card import Client
from httpx_retries import Retry, RetryTransport


def check(response: httpx.Response) -> None:
    """Ask for a retry of a 503, unless it is OVERLOAD_LIMIT: that block is lifted by hand."""
    if response.status_code == 503 and b"OVERLOAD_LIMIT" not in response.read():
        raise httpx.NetworkError("503")


async def acheck(response: httpx.Response) -> None:
    """Async version of `check`."""
    if response.status_code == 503 and b"OVERLOAD_LIMIT" not in await response.aread():
        raise httpx.NetworkError("503")


RETRY = Retry(
    total=10,  # retries of one call
    allowed_methods=["POST"],  # getStatus only reads
    status_forcelist=[429, 502, 504],  # 503 is for `check` to judge
    backoff_factor=1,  # up to 2 s before the first retry, 4 s before the second …
    max_backoff_wait=30,  # … and never more than this
)


def retrying_client(webhook_url: str) -> Client:
    """Return a client with a new transport for each process and each event loop."""
    return Client(
        webhook_url,
        transport=lambda: RetryTransport(
            httpx.HTTPTransport(), RETRY.copy_with(validate_response=check)
        ),
        async_transport=lambda: RetryTransport(
            httpx.AsyncHTTPTransport(), RETRY.copy_with(validate_response=acheck)
        ),
    )
