"""The benchmark measures everything that has a bound, and fails if one is broken.

Whether the bounds hold is not tested here: that takes a machine with nothing else to do.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bench
import pytest
from benchmark.turns import Effort, Row, compare

from tests.chromium import require

ROOT = Path(__file__).resolve().parents[2]


def test_each_bound_is_for_something_that_is_measured() -> None:
    require()
    effort = Effort(turns=2, calls=4, at_once=(1, 10), cold=4, requests=16)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, bench; sys.exit(bench.run(bench.{effort}))"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "scripts:generated"},
        capture_output=True,
        text=True,
    )
    bounds = [bound for key, bound in bench.BOUNDS.items() if "00 at once" not in key[0]]
    assert re.findall(r"  ([≤≥] .*)$", done.stdout, re.M) == bounds, done.stderr
    assert done.returncode == (1 if "the bound is" in done.stdout else 0), done.stderr


def test_a_ratio_is_the_median_of_those_within_each_turn() -> None:
    def values(*times: float) -> Iterator[dict[str, float]]:
        return iter([{"time, s": time} for time in times])

    base, other = values(1, 2, 4), values(10, 4, 12)  # 10, 2 and 3 times as long
    blocks = {"base": lambda: next(base), "other": lambda: next(other)}
    rows = list(compare("calls", 3, blocks))
    assert [(row.subject, row.value, row.ratio) for row in rows] == [
        ("base", 2, 1),
        ("other", 10, 3),
    ]


@pytest.mark.parametrize(
    ("bound", "ratio", "is_held"),
    [
        ("≤ 0.50", 0.5, True),
        ("≤ 0.50", 0.51, False),
        ("≥ 0.50", 0.5, True),
        ("≥ 0.50", 0.49, False),
    ],
)
def test_a_broken_bound_is_reported_and_makes_the_exit_status_1(
    bound: str,
    ratio: float,
    is_held: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [
        Row("calls", "bare httpx", "time, s", 1.0, 1.0, (1.0, 1.0)),
        Row("calls", "ours", "time, s", ratio, ratio, (0.1, 9.9)),
    ]
    monkeypatch.setattr(bench, "BOUNDS", {("calls", "ours", "time, s"): bound})
    monkeypatch.setattr(bench, "measure", lambda _: iter(rows))
    assert bench.run(Effort()) == (0 if is_held else 1)
    sentence = f"calls: ours has {ratio:.3f} times the time, s of bare httpx; the bound is {bound}."
    assert (sentence in capsys.readouterr().out) is not is_held
