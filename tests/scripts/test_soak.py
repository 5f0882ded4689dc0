"""`make soak` finds no lost call and no leak, and Ctrl-C does not cost its summary."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="the soak counts what is open in /proc"
)


def start(minutes: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "scripts/soak.py", "--minutes", minutes],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "scripts:generated"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # as a terminal does, whose Ctrl-C reaches the whole group
    )


@pytest.mark.parametrize(("minutes", "interrupted"), [("0.04", False), ("60", True)])
def test_nothing_is_lost_and_nothing_leaks(minutes: str, interrupted: bool) -> None:
    with start(minutes) as process:
        if interrupted:
            assert process.stderr
            progress = ""
            while not re.search(r"\d{3} calls", progress):
                progress += process.stderr.read(1)
            os.killpg(process.pid, signal.SIGINT)
        summary, errors = process.communicate()
    assert process.returncode == 0, summary + errors
    assert "Traceback" not in errors
    assert "sandboxwebhook" not in summary + errors
    assert "sandboxaccesstoken" not in summary + errors
    counts = {name: int(count) for name, count in re.findall(r"^ *(.*?) +(\d+)$", summary, re.M)}
    assert counts["lost"] == counts["leaked"] == 0
    assert counts["calls"] > counts["a CallStatus"] > 0


def test_ctrl_c_while_the_sandbox_starts_is_no_traceback() -> None:
    with start("60") as process:
        assert process.stdout
        assert process.stdout.readline().startswith("Soaking for 60 minutes")
        os.killpg(process.pid, signal.SIGINT)
        summary, errors = process.communicate()
    # Ctrl-C may reach the sandbox's process just as that begins.
    assert "leaked" in summary or "serve_sandbox did not start" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("minutes", ["0", "inf", "nan"])
def test_a_time_that_never_ends_or_begins_is_refused(minutes: str) -> None:
    with start(minutes) as process:
        _, errors = process.communicate()
    assert process.returncode == 2
    assert errors.splitlines()[-1].endswith("MINUTES must be a finite number greater than 0")
