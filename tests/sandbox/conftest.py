"""What the tests of the sandbox share: an HTTP client, a sandbox with HTTPS, and its judges."""

import json
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

Ask = Callable[..., httpx.Response]

# Its tests run where the distribution is installed: see test_distribution.
collect_ignore = ["application"]


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """A client that adds nothing of its own to a request, and follows no redirect."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def ask(http: httpx.Client, sandbox: Sandbox) -> Ask:
    """Send `getStatus` with a webhook, as JSON."""

    def ask() -> httpx.Response:
        return http.post(
            f"{sandbox.webhook_url}placement.call", json={"PLACEMENT": "getStatus", "PARAMS": {}}
        )

    return ask


@pytest.fixture(scope="session")
def running_tls_sandbox() -> Iterator[Sandbox]:
    """A sandbox with HTTPS for all tests of this process; ask for `tls_sandbox`."""
    with running(tls=True) as sandbox:
        yield sandbox


@pytest.fixture
def tls_sandbox(running_tls_sandbox: Sandbox) -> Sandbox:
    """The sandbox with HTTPS, in the state of its start."""
    running_tls_sandbox.reset()
    return running_tls_sandbox


@dataclass(frozen=True)
class Judge:
    """A program that asks the sandbox with an SDK which knows nothing of it."""

    program: subprocess.Popen[str]

    def ask(self, **question: Any) -> Any:
        """Put one question, and return the answer, which comes within a minute or never."""
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
def start_judge(running_tls_sandbox: Sandbox) -> Iterator[Callable[[str], Judge]]:
    """Start the program of this name, with nothing in its environment but whom to trust."""
    programs: list[subprocess.Popen[str]] = []

    def start_judge(name: str) -> Judge:
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
        return Judge(program)

    yield start_judge
    for program in programs:
        program.communicate(timeout=60)  # at the end of its input it ends


UNUSUAL_CALL = {
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
    "CALL_STATE": "on hold, which nobody has listed yet",
    "CALL_LIST_MODE": True,
}


@pytest.fixture(scope="session")
def unusual_call() -> dict[str, Any]:
    """A call like no other."""
    return UNUSUAL_CALL


@pytest.fixture
def held_call(tls_sandbox: Sandbox, unusual_call: dict[str, Any]) -> dict[str, Any]:
    """The call that the sandbox with HTTPS now holds, which is like no other."""
    tls_sandbox.call = unusual_call
    return unusual_call
