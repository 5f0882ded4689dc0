"""The benchmark runs as a whole, says what it measured, and fails when a bound is broken.

Whether the real bounds hold is not asked here: that takes a machine with nothing else to do.
"""

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import bench
import pytest
from benchmark.servers import responding
from benchmark.turns import Row, Spread
from chromium import executable

# What is measured only where the machine has what it takes.
TWO_PROCESSES = {
    "the bridge, two processes": ["directly", "by way of the second"],
    "the bridge, the way": ["by way of the second"],
}
BROWSER = {
    "the bridge, asking the browser": ["echo by bare Starlette", "getStatus, asked"],
    "the bridge, a change in the card": ["echo by bare Starlette", "seen over REST, later by"],
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench") / "reports" / "bench.json"


@pytest.fixture(scope="module")
def passed(out: Path) -> subprocess.CompletedProcess[str]:
    """A tiny measurement, with bounds that cannot but hold."""
    lax = "bench.BOUNDS.update(dict.fromkeys(bench.BOUNDS, bench.Bound(least=0.0)))"
    program = f"import sys, bench; {lax}; sys.exit(bench.main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", program, "--quick", "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ":".join(filter(None, sys.path)),
            "TERM": "dumb",
        },
    )


@pytest.fixture
def report(passed: subprocess.CompletedProcess[str], out: Path) -> Any:
    assert passed.returncode == 0, passed.stderr
    return json.loads(out.read_text("utf-8"))


def test_every_section_measures_ours_beside_what_it_is_held_to(report: Any) -> None:
    subjects: dict[str, list[str]] = {}
    for row in report["rows"]:
        section = subjects.setdefault(row["section"], [])
        if row["subject"] not in section:
            section.append(row["subject"])
    assert subjects == {
        "calls one by one": [
            "bare httpx",
            "ours",
            "ours, pyreqwest",
            "stock generated client",
            "fast_bitrix24, raw",
            "b24pysdk, over TLS",
        ],
        "asyncio, 1 at once": ["bare httpx", "ours", "ours, aiohttp"],
        "asyncio, 3 at once": ["bare httpx", "ours", "ours, aiohttp"],
        "asyncio, 3 at once, cold": ["bare httpx", "ours, aiohttp"],
        "import": ["httpx", "ours", "stock generated client"],
        "memory over a bare interpreter": ["bare httpx", "ours"],
        "an answer into models": [
            "json.loads",
            "CallStatus.from_dict",
            "GetStatusResponse.from_dict",
        ],
        "the server": ["bare Starlette", "sandbox"],
        "the bridge, asking nobody": [
            "bare Starlette",
            "200, from memory",
            "400, no call",
            "401, no such secret",
        ],
        "the bridge, connected cards": ["3 cards"],
        **(TWO_PROCESSES if shutil.which("redis-server") else {}),
        **(BROWSER if executable() else {}),
    }


def test_every_figure_is_a_median_between_its_quartiles(report: Any) -> None:
    for row in report["rows"]:
        for spread in (row["value"], row["ratio"]):
            assert spread["low"] <= spread["median"] <= spread["high"], row
        assert row["value"]["low"] >= 0 or row["quantity"].startswith("more"), row


def test_the_bounds_are_on_what_is_ours_alone(report: Any) -> None:
    bounded = {
        (row["section"], row["subject"], row["quantity"]) for row in report["rows"] if row["bound"]
    }
    assert {row for row in bounded if not row[0].startswith("the bridge")} == {
        ("calls one by one", "ours", "time, µs"),
        ("calls one by one", "ours", "CPU, µs"),
        ("calls one by one", "ours, pyreqwest", "time, µs"),
        ("asyncio, 1 at once", "ours", "time, µs"),
        ("asyncio, 1 at once", "ours, aiohttp", "time, µs"),
        ("import", "ours", "time, ms"),
        ("import", "ours", "CPU, ms"),
        ("the server", "sandbox", "requests a second"),
    }
    assert {row for row in bounded if row[0] == "the bridge, asking nobody"} == {
        ("the bridge, asking nobody", "200, from memory", "requests a second"),
        ("the bridge, asking nobody", "400, no call", "requests a second"),
        ("the bridge, asking nobody", "401, no such secret", "requests a second"),
    }


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="no program chooses its processor on this system"
)
def test_the_responder_has_a_processor_of_its_own_where_there_are_several() -> None:
    processors = os.sched_getaffinity(0)
    before = set(multiprocessing.active_children())  # other tests keep one
    with responding({}):
        (responder,) = set(multiprocessing.active_children()) - before
        own = os.sched_getaffinity(responder.pid or 0)
        assert len(own) == 1
        assert os.sched_getaffinity(0) == (processors - own or processors)
    assert os.sched_getaffinity(0) == processors


def test_the_report_names_the_machine_and_its_noise(report: Any) -> None:
    machine = report["machine"]
    assert machine["cores"] >= 1
    assert machine["python"].startswith("3.")
    assert machine["load_before"] >= 0
    assert machine["load_after"] >= 0


def test_the_table_goes_to_the_output_and_the_progress_beside_it(
    passed: subprocess.CompletedProcess[str], report: Any
) -> None:
    for row in report["rows"]:
        assert row["section"] in passed.stdout
        assert row["subject"] in passed.stdout
        assert f"{row['ratio']['median']:.3f}" in passed.stdout
        assert row["section"] in passed.stderr
    assert "noisy" in passed.stdout


def test_a_broken_bound_is_told_in_a_sentence_and_by_the_exit_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def row(median: float) -> Row:
        ratio = Spread(median, low=0.1, high=9.9)
        return Row("the server", "sandbox", "requests a second", ratio, ratio)

    def judged(median: float) -> tuple[int, str, list[str]]:
        monkeypatch.setattr(bench, "measure", lambda _: [row(median)])
        status = bench.main(["--out", str(tmp_path / "bench.json")])
        broken: list[str] = json.loads((tmp_path / "bench.json").read_text("utf-8"))["broken"]
        return status, capsys.readouterr().err.splitlines()[-1], broken

    least = bench.BOUNDS["the server", "sandbox", "requests a second"].least
    assert least
    assert judged(least)[0] == 0
    status, last, broken = judged(least - 0.01)
    assert status == 1
    assert last.startswith(
        f"the server: sandbox has {least - 0.01:.3f} times the requests a second"
    )
    assert last.endswith(f"must be ≥ {least:.2f}.")
    assert broken == [last]
