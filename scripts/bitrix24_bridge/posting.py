"""Questions to OAuth servers and portals: bounded in time and size, over no redirect."""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any, cast

import httpx

from .errors import BridgeError
from .settings import SettingsError

log = logging.getLogger("bitrix24_bridge")

MOST_BYTES = 64 * 1024
"""Of a response."""

WITHOUT_PROXY: Mapping[str, None] = dict.fromkeys(
    ("all://127.0.0.1", "all://localhost", "all://[::1]")
)
"""What is asked without the proxies of the environment, as httpx's `mounts`: this machine."""


class NoAnswerError(BridgeError):
    """Another server gave no usable response; that may pass."""

    def __init__(self, whose: str) -> None:
        super().__init__(
            "ERROR_UNEXPECTED_ANSWER", f"{whose} gave no usable response. Retry later."
        )


def client(seconds: float) -> httpx.AsyncClient:
    """Make the client that asks other servers. Raise `SettingsError`."""
    try:
        return httpx.AsyncClient(timeout=seconds, follow_redirects=False, mounts=WITHOUT_PROXY)
    except (ValueError, ImportError):  # the latter for SOCKS
        raise SettingsError(
            "A proxy of the environment cannot be used. Expected http:// or https:// in ALL_PROXY, "
            "HTTPS_PROXY and HTTP_PROXY."
        ) from None
    except OSError as error:
        raise SettingsError(f"SSL_CERT_FILE or SSL_CERT_DIR cannot be used: {error}.") from None


async def post(
    http: httpx.AsyncClient, url: str, fields: dict[str, Any], *, whose: str, seconds: float
) -> tuple[int, dict[str, Any]]:
    """Post JSON; return the status and the JSON object of the response. Raise `NoAnswerError`."""
    body = bytearray()
    try:
        async with (
            asyncio.timeout(seconds),
            http.stream(
                "POST", url, json=fields, headers={"Accept-Encoding": "identity"}
            ) as response,
        ):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise ValueError("too large")
        answer = json.loads(body)
        if not isinstance(answer, dict):
            raise ValueError("no object")
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, RecursionError) as error:
        # Its text may hold what was sent.
        log.warning("%s gave no usable response: %s", whose, type(error).__name__)
        raise NoAnswerError(whose) from None
    return response.status_code, cast("dict[str, Any]", answer)
