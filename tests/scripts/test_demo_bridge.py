"""`make bridge` as a new user runs it: it greets, it answers, and Ctrl-C ends it completely."""

import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from demo_bridge import parser

from tests.ports import unused_port

ROOT = Path(__file__).resolve().parents[2]


def environment() -> dict[str, str]:
    """Return the environment without the variables of a make that may run these tests."""
    ours = ("PYTHON", "MAKEFLAGS", "MAKELEVEL", "ARGS")
    return {name: value for name, value in os.environ.items() if name not in ours}


@contextmanager
def make_bridge(*arguments: str, last: str = "curl") -> Iterator[str]:
    """Run it, yield its greeting, and end it with Ctrl-C.

    The last line of the greeting begins with the word `last`.
    """
    port = unused_port()
    with subprocess.Popen(
        ["make", "bridge", f"PORT={port}", f"ARGS=--sandbox-port {port + 3}", *arguments],
        cwd=ROOT,
        env=environment()
        | {"ALL_PROXY": "socks://127.0.0.1:9", "NO_PROXY": "[::1]"},  # as some desktops set them
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # as in a terminal, whose Ctrl-C reaches the whole group
    ) as process:
        assert process.stdout
        greeting = ""
        while f"\n  {last} " not in greeting:
            line = process.stdout.readline()
            assert line, greeting
            greeting += line
        all_of_it = [process.pid, *descendants(process.pid)]
        try:
            yield greeting
        finally:
            os.killpg(process.pid, signal.SIGINT)
            rest, _ = process.communicate(timeout=60)
    assert "Traceback" not in rest
    assert [pid for pid in all_of_it if Path(f"/proc/{pid}").exists()] == []


def descendants(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for task in tasks for child in task.read_text().split()]
    return found + [below for child in found for below in descendants(child)]


def asked(greeting: str) -> str:
    """Run the command in the greeting; return its output."""
    (command,) = re.findall(r"^  (curl .*)$", greeting, re.MULTILINE)
    command = f"{command} -sS --noproxy '*'"
    done = subprocess.run(shlex.split(command), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_greets_with_the_page_and_the_command_that_asks_and_ctrl_c_ends_it() -> None:
    with make_bridge() as greeting:
        assert re.search(r"^  Call card URL  http://127\.0\.0\.1:\d+/$", greeting, re.M)
        (webhook,) = re.findall(r"^  Webhook URL    (http://\S+/rest/1/\w{48}/)$", greeting, re.M)
        assert f"{webhook}placement.call" in greeting
        # No page was opened.
        assert re.match(r"HTTP/1\.1 400 .*CARD_NOT_CONNECTED", asked(greeting), re.DOTALL)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "0"], "PORT: '0' is not a port from 1 to 65535"),
        (["--port", "99999"], "PORT: '99999' is not a port from 1 to 65535"),
        (["--sandbox-port", "x"], "argument --sandbox-port: 'x' is not a port from 1 to 65535"),
    ],
)
def test_an_argument_that_cannot_be_is_one_line_that_names_what_was_typed(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parser().parse_args(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"make bridge: {said}")


def test_a_port_in_use_is_one_line_that_names_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = (f"PORT={taken.getsockname()[1]}", f"ARGS=--sandbox-port={unused_port()}")
        done = subprocess.run(
            ["make", "bridge", *ports],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
        )
    said, by_make = done.stderr.splitlines()
    assert said == (
        "Cannot start: address already in use. Choose other ports with PORT= and "
        "ARGS=--sandbox-port=…"
    )
    assert by_make.startswith("make: ***")
