"""The soak: that it finishes well with this client, and that it notices one that loses or leaks."""

from __future__ import annotations

import io
import itertools
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import soak
from bitrix24_call_card.api.call_card import get_status
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="the soak counts what is open in /proc"
)


def rows(text: str) -> dict[str, int]:
    """The table's rows, without what is said of the memory."""
    found = re.findall(r"^ *(\S.*?)(?: \(.*\))?  +(\d+) *$", text, re.MULTILINE)
    return {name: int(count) for name, count in found}


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program as `make soak` does."""
    return subprocess.run(
        [sys.executable, "scripts/soak.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "scripts:generated"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_nothing_is_lost_and_nothing_leaks() -> None:
    done = program("--minutes", "0.04", "--seed", "7")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--seed 7" in done.stdout
    assert "s to go" in done.stderr
    assert "sandboxwebhook" not in done.stdout + done.stderr
    assert "sandboxaccesstoken" not in done.stdout + done.stderr
    found = rows(done.stdout)
    assert found["lost"] == 0
    assert found["leaked"] == 0
    assert found["calls"] == found["answers"] + found["errors"]
    assert found["answers"] > 0
    assert len([name for name in found if name.startswith(("ApiError ", "Unexpected"))]) > 5


def test_help_says_what_it_does() -> None:
    done = program("--help")
    assert done.returncode == 0
    assert "--minutes" in done.stdout
    assert "--seed" in done.stdout


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "soon"])
def test_a_time_that_is_none_is_a_clear_error(
    minutes: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["soak.py", "--minutes", minutes])
    with pytest.raises(SystemExit) as ended:
        soak.main()
    assert ended.value.code == 2
    assert "--minutes" in capsys.readouterr().err


class TestProof:
    """A client that loses or leaks is found out."""

    @pytest.fixture(autouse=True)
    def _importable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # The sandbox is another process, and does not inherit pytest's own search path.
        monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'scripts'}:{ROOT / 'generated'}")
        monkeypatch.setattr(soak, "WARM_UP", 0.1)

    @staticmethod
    def soaked() -> tuple[int, dict[str, int]]:
        """Soak for a moment; the exit status, and the table."""
        output = io.StringIO()
        status = soak.soak(0.7, 7, Console(file=output, width=100))
        return status, rows(output.getvalue())

    @staticmethod
    @contextmanager
    def after_each_call(
        monkeypatch: pytest.MonkeyPatch, damage: Callable[[], Any]
    ) -> Iterator[None]:
        """Have the client do something more in every call from a thread."""
        ask = get_status.sync

        def sync(*, client: Any) -> Any:
            damage()
            return ask(client=client)

        with monkeypatch.context() as patch:
            patch.setattr(get_status, "sync", sync)
            yield

    def test_a_call_that_raises_what_is_not_documented_is_lost(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = itertools.count()

        def damage() -> None:
            if next(calls) % 50 == 0:
                raise KeyError("result")

        with self.after_each_call(monkeypatch, damage):
            status, found = self.soaked()
        assert status == 1
        assert found["lost"] == found["KeyError, which is not documented"] > 0

    def test_a_call_that_does_not_come_back_is_lost(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(soak, "PATIENCE", 1)
        others, released = set(threading.enumerate()), threading.Event()
        with self.after_each_call(monkeypatch, released.wait):
            try:
                status, found = self.soaked()
            finally:
                released.set()
                for caller in set(threading.enumerate()) - others:
                    caller.join()
        assert status == 1
        assert found["lost"] >= soak.THREADS

    def test_what_is_kept_is_leaked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        threads: list[threading.Thread] = []
        released = threading.Event()
        with ExitStack() as kept:
            kept.callback(released.set)

            def damage() -> None:
                if len(threads) < 100:
                    kept.enter_context(socket.socket())
                    kept.enter_context(open(os.devnull))
                    kept.callback(len, bytes(soak.MEMORY))
                    threads.append(threading.Thread(target=released.wait))
                    threads[-1].start()

            with self.after_each_call(monkeypatch, damage):
                status, found = self.soaked()
            released.set()
            for thread in threads:
                thread.join()
        assert status == 1
        assert found["lost"] == 0
        for kind in ("connections", "file descriptors", "memory", "threads"):
            assert found[kind] > 0
        assert found["leaked"] >= 4
