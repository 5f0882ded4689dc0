"""What the tests of the sandbox share: a plain HTTP client, and the call as clients ask it."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from sandbox.remote import Sandbox

Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """A client that adds nothing of its own to a request, and follows no redirect."""
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def ask(http: httpx.Client, sandbox: Sandbox) -> Ask:
    """Send `getStatus` by webhook, as JSON."""

    def ask() -> httpx.Response:
        return http.post(
            f"{sandbox.webhook_url}placement.call", json={"PLACEMENT": "getStatus", "PARAMS": {}}
        )

    return ask
