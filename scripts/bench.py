"""Measure the client beside bare httpx and its peers, sandbox and bridge beside bare Starlette.

A ratio is to the section's first row, the median over all turns (see benchmark/turns.py). The exit
status is 1 if one is not within its bound.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
from benchmark.bridge_speed import bridge_speed
from benchmark.calls import at_once, cold, generate_stock, one_by_one
from benchmark.servers import BODY, process, respond, serve_sandbox, serve_starlette, under_load
from benchmark.starts import starts
from benchmark.turns import Effort, Row, compare
from bitrix24_sandbox.testing import Sandbox
from chromium import executable

# What README claims, by section, subject and quantity; everything else is printed for information.
BOUNDS = {
    ("calls one by one", "ours", "time, µs"): "≤ 0.90",
    ("calls one by one", "ours", "CPU, µs"): "≤ 0.85",
    ("calls one by one", "ours, pyreqwest", "time, µs"): "≤ 0.75",
    ("calls one by one", "stock generated client", "time, µs"): "≥ 1.00",
    ("calls one by one", "fast_bitrix24", "time, µs"): "≥ 1.50",
    ("asyncio, 1 at once", "ours", "time, µs"): "≤ 1.00",
    ("asyncio, 10 at once", "ours", "time, µs"): "≤ 1.00",
    ("asyncio, 100 at once", "ours", "time, µs"): "≤ 1.00",
    ("asyncio, 1000 at once", "ours", "time, µs"): "≤ 1.00",
    ("import and first call, Client", "ours", "time, ms"): "≤ 1.00",
    ("import and first call, AuthenticatedClient", "ours", "time, ms"): "≤ 1.05",
    ("under load", "sandbox", "time, µs"): "≤ 1.50",
    ("under load, a card's last report", "bridge", "time, µs"): "≤ 2.00",
    ("asking the browser", "bridge", "time, µs"): "≤ 2.00",
}


def holds(bound: str, ratio: float) -> bool:
    """Return whether the ratio is within the bound."""
    sign, limit = bound.split()
    return ratio <= float(limit) if sign == "≤" else ratio >= float(limit)


def measure(effort: Effort) -> Iterator[Row]:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as folder, process(serve_sandbox) as origin:
        sandbox, stock = Sandbox(origin), Path(folder)
        generate_stock(stock)
        # The stock client fails on the number of an activity, so the call has none yet.
        sandbox.call = {**sandbox.state()["call"], "CRM_ACTIVITY_ID": ""}
        answer = httpx.post(f"{sandbox.webhook_url}placement.call", json=BODY).json()
        with process(respond, answer) as webhook:
            yield from one_by_one(webhook, stock, effort)
            yield from at_once(webhook, effort)
            yield from cold(webhook, effort)
        yield from starts(answer, stock, effort)
        with process(serve_starlette, answer) as origin:
            starlette = f"{origin}/rest/1/starlettewebhook/"
            blocks = {
                "bare Starlette": under_load(starlette, effort.requests),
                "sandbox": under_load(sandbox.webhook_url, effort.requests),
            }
            yield from compare("under load", effort.turns, blocks)
            if chromium := executable():
                yield from bridge_speed(chromium, starlette, effort)
            else:
                print("\nChromium is not installed, so the bridge is not measured.")


def run(effort: Effort) -> int:
    """Print each row as it is measured; return 1 if a bound is broken."""
    section = base = ""
    broken = []
    for row in measure(effort):
        if row.section != section:
            section, base = row.section, row.subject
            print(f"\n{section:58}median   ratio   quartiles     bound")
        bound = BOUNDS.get((section, row.subject, row.quantity), "")
        low, high = row.quartiles
        print(
            f"  {row.subject:26}{row.quantity:22}{row.value:14,.1f}{row.ratio:8.2f}"
            f"   {low:.2f} … {high:.2f}   {bound}".rstrip(),
            flush=True,
        )
        if bound and not holds(bound, row.ratio):
            broken.append(
                f"{section}: {row.subject} has {row.ratio:.3f} times the {row.quantity} "
                f"of {base}; the bound is {bound}."
            )
    print("", *broken, sep="\n")
    return 1 if broken else 0


def main() -> int:
    """Run the command line; return the exit status."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # which ends the servers as well
    return run(Effort())


if __name__ == "__main__":
    sys.exit(main())
