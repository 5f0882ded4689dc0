"""Shared by the sandbox's tests: HTTP clients, and a sandbox with HTTPS."""

import ssl
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox

from tests.data import GET_STATUS

Ask = Callable[..., httpx.Response]

# Its tests run where the distribution is installed: see test_distribution.
collect_ignore = ["application"]


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """A client that ignores the environment, and follows no redirect."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def ask(http: httpx.Client, sandbox: Sandbox) -> Ask:
    """Send `getStatus` with a webhook, as JSON."""

    def ask() -> httpx.Response:
        return http.post(f"{sandbox.webhook_url}placement.call", json=GET_STATUS)

    return ask


def error_of(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["error"], answer.json()["error_description"]


@pytest.fixture
def result(oauth: Any) -> Any:
    """Call a method with OAuth, and return its result."""

    def result(method: str, fields: dict[str, Any] | None = None) -> Any:
        answer = oauth(method, fields)
        assert answer.status_code == 200, answer.text
        assert answer.json().keys() == {"result", "time"}
        return answer.json()["result"]

    return result


@pytest.fixture
def oauth(http: httpx.Client, sandbox: Sandbox) -> Any:
    """Call a method with OAuth, and return the whole response."""

    def oauth(method: str, fields: dict[str, Any] | None = None) -> httpx.Response:
        auth = {"auth": sandbox.access_token}
        return http.post(f"{sandbox.oauth_url}/{method}", params=auth, json=fields or {})

    return oauth


@pytest.fixture
def webhook(http: httpx.Client, sandbox: Sandbox) -> Any:
    """Call a method with the webhook, and return the whole response."""

    def webhook(method: str, fields: dict[str, Any] | None = None) -> httpx.Response:
        return http.post(sandbox.webhook_url + method, json=fields or {})

    return webhook


@pytest.fixture
def refusal(oauth: Any) -> Any:
    """Call a method with OAuth, and return the status, code and description of its error."""
    return lambda method, fields=None: error_of(oauth(method, fields))


@pytest.fixture(scope="session")
def running_tls_sandbox() -> Iterator[Sandbox]:
    """One sandbox with HTTPS for all tests of this process; use `tls_sandbox`."""
    with running(tls=True) as sandbox:
        yield sandbox


@pytest.fixture
def tls_sandbox(running_tls_sandbox: Sandbox) -> Sandbox:
    """The sandbox with HTTPS, reset for the test."""
    running_tls_sandbox.reset()
    return running_tls_sandbox


@pytest.fixture(scope="session")
def trusting_http(running_tls_sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client that trusts the CA of `tls_sandbox`."""
    assert running_tls_sandbox.tls
    context = ssl.create_default_context(cafile=running_tls_sandbox.tls)
    with httpx.Client(verify=context, trust_env=False, timeout=60) as client:
        yield client
