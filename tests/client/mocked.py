"""Clients whose portal is a function: for tests in which only the response matters."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from bitrix24_call_card import Client

from tests.data import CALL

WEBHOOK_URL = "https://portal.example/rest/1/made-up-secret/"

ANSWER: dict[str, Any] = {
    "result": CALL,
    "time": {
        "start": 1723556790.1123,
        "finish": 1723556790.1571,
        "duration": 0.0448,
        "processing": 0.0121,
        "date_start": "2024-08-13T15:46:30+02:00",
        "date_finish": "2024-08-13T15:46:30+02:00",
        "operating": 0.5,
        "operating_reset_at": 1723557390,
    },
}
"""A portal's response with every documented member; the fixture `answer` is a copy."""

Respond = Callable[[httpx.Request], httpx.Response]


def mocking(respond: Respond) -> dict[str, Any]:
    """Return the arguments of a client whose requests this function answers."""
    return {
        "transport": lambda: httpx.MockTransport(respond),
        "async_transport": lambda: httpx.MockTransport(respond),
    }


def mocked(respond: Respond) -> Client:
    """Return a client whose requests this function answers."""
    return Client(WEBHOOK_URL, **mocking(respond))


def answering(
    body: object, status: int = 200, *, headers: Mapping[str, str] | None = None
) -> Client:
    """Return a client of a portal with this response; a body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return mocked(lambda _: httpx.Response(status, headers=headers, content=content))
