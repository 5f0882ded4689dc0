"""Measure the client beside bare httpx and its peers, sandbox and bridge beside bare Starlette.

benchmark/turns.py says how, the modules beside it what.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from benchmark import bridge_speed
from benchmark.calls import cold, concurrent, generate_stock, sequential
from benchmark.costs import imports, memory, models
from benchmark.servers import BODY, requests_a_second, responding, serving
from benchmark.turns import QUICK, Effort, Row, say
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Bound:
    """What a ratio must be, or the value itself."""

    most: float | None = None
    least: float | None = None
    of_value: bool = False

    def __str__(self) -> str:
        return f"≤ {self.most:.2f}" if self.most is not None else f"≥ {self.least:.2f}"

    def holds(self, row: Row) -> bool:
        """Tell whether the median keeps within it."""
        median = (row.value if self.of_value else row.ratio).median
        return median <= self.most if self.most is not None else median >= (self.least or 0)


# What the median of a ratio must be, by section, subject and quantity.
BOUNDS = {
    ("calls one by one", "ours", "time, µs"): Bound(most=0.88),
    ("calls one by one", "ours", "CPU, µs"): Bound(most=0.80),
    ("calls one by one", "ours, pyreqwest", "time, µs"): Bound(most=0.65),
    ("asyncio, 1 at once", "ours", "time, µs"): Bound(most=0.92),
    ("asyncio, 10 at once", "ours", "time, µs"): Bound(most=1.00),
    ("asyncio, 100 at once", "ours", "time, µs"): Bound(most=1.00),
    ("asyncio, 1000 at once", "ours", "time, µs"): Bound(most=1.00),
    ("asyncio, 1 at once", "ours, aiohttp", "time, µs"): Bound(most=0.55),
    ("asyncio, 1000 at once, cold", "ours, aiohttp", "time, µs"): Bound(most=0.10),
    ("import", "ours", "time, ms"): Bound(most=1.05),
    ("import", "ours", "CPU, ms"): Bound(most=1.05),
    ("the server", "sandbox", "requests a second"): Bound(least=0.70),
    ("the bridge, asking nobody", "200, from memory", "requests a second"): Bound(least=0.60),
    ("the bridge, asking nobody", "400, no call", "requests a second"): Bound(least=0.60),
    ("the bridge, asking nobody", "401, no such secret", "requests a second"): Bound(least=0.60),
    ("the bridge, asking the browser", "getStatus, asked", "time, ms"): Bound(most=3.00),
    ("the bridge, a change in the card", "seen over REST, later by", "time, ms"): Bound(most=4.00),
    ("the bridge, the way", "by way of the second", "more time, ms"): Bound(most=3, of_value=True),
}


def bound_of(row: Row) -> Bound | None:
    """Give the bound of a row's ratio, if it has one."""
    return BOUNDS.get((row.section, row.subject, row.quantity))


def broken(rows: list[Row]) -> list[str]:
    """Say, a sentence each, which bounds do not hold."""
    return [
        f"{row.section}: {row.subject} has {_figure(row, bound)}, and it must be {bound}."
        for row in rows
        if (bound := bound_of(row)) and not bound.holds(row)
    ]


def _figure(row: Row, bound: Bound) -> str:
    quantity, _, unit = row.quantity.partition(", ")
    if bound.of_value:
        return f"{row.value.median:.1f} {unit} {quantity}"
    return f"{row.ratio.median:.3f} times the {quantity} of what it is compared with"


def table(rows: list[Row]) -> Table:
    """Lay out the figures for a person."""
    laid_out = Table(
        "", "", "median", "quartiles", "ratio", "quartiles", "must be", box=SIMPLE_HEAD
    )
    for number, column in enumerate(laid_out.columns):
        column.no_wrap = True
        column.justify = "right" if 2 <= number <= 5 else "left"
    section = subject = ""
    for row in rows:
        if row.section != section:
            section, subject = row.section, ""
            laid_out.add_section()
            laid_out.add_row(f"[bold]{section}")
        value, ratio, bound = row.value, row.ratio, bound_of(row)
        colour = "green" if bound and bound.holds(row) else "red"
        laid_out.add_row(
            "" if row.subject == subject else f"  {row.subject}",
            row.quantity,
            f"{value.median:,.1f}",
            f"{value.low:,.1f} … {value.high:,.1f}",
            f"{ratio.median:.3f}",
            f"{ratio.low:.3f} … {ratio.high:.3f}",
            f"[{colour}]{bound}" if bound else "",
        )
        subject = row.subject
    return laid_out


def measure(effort: Effort) -> list[Row]:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as stock, serving() as sandbox:
        generate_stock(Path(stock))
        # The stock client fails on the number of an activity, so the call has none yet.
        sandbox.call = {**sandbox.state()["call"], "CRM_ACTIVITY_ID": ""}
        answer = httpx.post(f"{sandbox.webhook_url}placement.call", json=BODY).json()
        with serving(tls=True) as secure, responding(answer) as webhook:
            rows = sequential(webhook, secure, Path(stock), effort)
            rows += concurrent(webhook, effort)
            rows += cold(webhook, effort)
        rows += imports(effort)
        rows += memory(sandbox, effort)
        rows += models(answer, effort)
        with serving(answer) as starlette:
            rows += requests_a_second(sandbox, starlette, effort)
            rows += bridge_speed.measured(answer["result"], starlette, effort)
    return rows


def load() -> float:
    """Give the load average of the last minute: beyond the number of cores, it is noise."""
    return round(os.getloadavg()[0], 2)


def machine() -> dict[str, Any]:
    """Name the machine."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "httpx": httpx.__version__,
    }


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="turns of each block (default: 15)")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "reports" / "bench.json",
        help="the JSON file to write (default: reports/bench.json)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="only see that everything runs; the figures mean little",
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 1 says that a bound does not hold."""
    asked = parser().parse_args(arguments)
    if asked.rounds < 5:
        parser().error("--rounds: fewer than 5 say nothing")
    effort = QUICK if asked.quick else Effort(rounds=asked.rounds)
    began, load_before = time.perf_counter(), load()
    say("Measuring …")
    rows = measure(effort)
    where = {**machine(), "load_before": load_before, "load_after": load()}
    failures = broken(rows)
    report = {
        "machine": where,
        "effort": asdict(effort),
        "rows": [{**asdict(row), "bound": str(bound_of(row) or "")} for row in rows],
        "broken": failures,
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", "utf-8")
    console = Console(highlight=False, width=160)  # a narrow one would cut figures off
    console.print(table(rows))
    console.print(
        f"Python {where['python']} on {where['cores']} shared, noisy cores; load average "
        f"{load_before} before, {where['load_after']} after; {effort.rounds} rounds.\n"
        "A ratio is to the section's first row, in the same round: its median over all rounds."
    )
    say(f"Done in {time.perf_counter() - began:.0f} s; the figures are in {asked.out}.")
    for sentence in failures:
        say(sentence)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
