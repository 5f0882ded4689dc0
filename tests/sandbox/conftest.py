"""Shared by the sandbox's tests: HTTP clients, a sandbox with HTTPS, and programs with SDKs."""

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True)
class SdkProgram:
    """A program that calls the sandbox with an SDK, which knows nothing of sandboxes."""

    program: subprocess.Popen[str]

    def ask(self, **question: Any) -> Any:
        """Send one question, and return the answer; fail if there is none within a minute."""
        assert self.program.stdin
        assert self.program.stdout
        patience = threading.Timer(60, self.program.kill)
        patience.start()
        try:
            print(json.dumps(question), file=self.program.stdin, flush=True)
            answer = self.program.stdout.readline()
        finally:
            patience.cancel()
        assert answer, f"no answer to {question}"
        return json.loads(answer)


@pytest.fixture(scope="session")
def start_sdk(running_tls_sandbox: Sandbox) -> Iterator[Callable[[str], SdkProgram]]:
    """Start the program of this name, with only the CA in its environment."""
    programs: list[subprocess.Popen[str]] = []

    def start_sdk(name: str) -> SdkProgram:
        program = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).parent / "sdks" / name),
                running_tls_sandbox.origin.removeprefix("https://"),
            ],
            env={
                "SSL_CERT_FILE": str(running_tls_sandbox.tls),
                "REQUESTS_CA_BUNDLE": str(running_tls_sandbox.tls),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        programs.append(program)
        return SdkProgram(program)

    yield start_sdk
    for program in programs:
        program.communicate(timeout=60)  # it ends with its input


@pytest.fixture(scope="session")
def unusual_call() -> dict[str, Any]:
    """A call with an unusual value in each field."""
    return {
        "CALL_ID": 'externalCall.Ωmega:"quoted"&<b>%5B%5D\\\U0001f4de.0',
        "PHONE_NUMBER": "hidden",
        "LINE_NUMBER": "",
        "LINE_NAME": "  Empfang \u2013 \u0420\u0435\u0446\u0435\u043f\u0446\u0438\u044f ",
        "CRM_ENTITY_TYPE": "DYNAMIC_1042",
        "CRM_ENTITY_ID": 9007199254740991,
        "CRM_ACTIVITY_ID": "",
        "CRM_BINDINGS": [
            {"ENTITY_TYPE": "DEAL", "ENTITY_ID": 0},
            {"ENTITY_TYPE": "SMART_INVOICE", "ENTITY_ID": 2147483648},
        ],
        "CALL_DIRECTION": "incomingTransfer",
        "CALL_STATE": "on hold, which no documentation lists",
        "CALL_LIST_MODE": True,
    }


@pytest.fixture
def held_call(tls_sandbox: Sandbox, unusual_call: dict[str, Any]) -> dict[str, Any]:
    """The unusual call, set in `tls_sandbox`."""
    tls_sandbox.call = unusual_call
    return unusual_call
