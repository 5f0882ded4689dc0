"""Measure the client beside bare httpx and its peers, and the sandbox beside bare Starlette.

Everything is compared side by side: short blocks of each subject take turns in one process, and
what counts is the median of the ratios within each turn, because a busy machine slows both alike.
A figure stands with its quartiles, so that the noise can be seen.
"""

import argparse
import asyncio
import gc
import importlib
import json
import multiprocessing
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

import httpx
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import CallStatus, GetStatusResponse
from bitrix24_sandbox.app import create_app
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.remote import Sandbox
from bitrix24_sandbox.server import listen, origin_of, serve
from bitrix24_sandbox.tls import transport
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = ROOT / "openapi" / "call-card.yaml"
GENERATOR_CONFIG = ROOT / "scripts" / "generator" / "config.yaml"

MAX_LATENCY = 1.00
"""What a call of ours may take, in units of a call with bare httpx: time, and processor time."""
MAX_CPU = 1.00
MAX_IMPORT = 1.10
"""What importing the client may take, in units of `import httpx`."""
MIN_REQUESTS = 0.70
"""The requests a second that the sandbox must answer, in units of bare Starlette's."""

BODY: Mapping[str, Any] = {"PLACEMENT": "getStatus", "PARAMS": {}}
TIMEOUT = httpx.Timeout(60)
# The same for both clients. Few connections: for each answer, httpx's pool looks at every one for
# every call that waits, so that with 100 of them 1000 calls at once take it a quarter minute. They
# are kept through the others' turns, or a first turn would cost more than a second; but not for
# as long as the server keeps them, or the two would race each other to close them.
LIMITS = httpx.Limits(max_connections=10, keepalive_expiry=60)

Sample = Mapping[str, float]
"""What one block measured: a quantity with its unit, and its value."""
Block = Callable[[], Sample]


@dataclass(frozen=True)
class Effort:
    """How much is measured: calls are those of a block."""

    rounds: int
    calls: int = 60
    concurrent: tuple[int, ...] = (1, 10, 100, 1000)
    memory_calls: int = 1000


QUICK = Effort(rounds=2, calls=6, concurrent=(1, 3), memory_calls=3)


@dataclass(frozen=True)
class Bound:
    """What a ratio must be."""

    most: float | None = None
    least: float | None = None

    def __str__(self) -> str:
        return f"≤ {self.most:.2f}" if self.most is not None else f"≥ {self.least:.2f}"

    def holds(self, ratio: float) -> bool:
        """Tell whether the ratio keeps within it."""
        return ratio <= self.most if self.most is not None else ratio >= (self.least or 0)


@dataclass(frozen=True)
class Spread:
    """The median of a quantity, between its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Sum up what was measured, in two rounds or more."""
        low, middle, high = quantiles(values, n=4, method="inclusive")
        return cls(middle, low, high)


@dataclass(frozen=True)
class Row:
    """A quantity of one subject, and its ratio to that of the section's first subject."""

    section: str
    subject: str
    quantity: str
    value: Spread
    ratio: Spread
    bound: str | None
    holds: bool


# --- measuring --------------------------------------------------------------------------------


def say(line: str) -> None:
    """Tell how far it has come."""
    print(line, file=sys.stderr, flush=True)


def per_call(calls: int, run: Callable[[int], object]) -> Block:
    """Make a block of so many calls, which gives microseconds for each."""

    def block() -> Sample:
        gc.collect()
        used, began = time.process_time(), time.perf_counter()
        run(calls)
        took, used = time.perf_counter() - began, time.process_time() - used
        return {"time, µs": took / calls * 1e6, "CPU, µs": used / calls * 1e6}

    return block


def compare(
    section: str,
    rounds: int,
    blocks: Mapping[str, Block],
    bounded: str = "",
    bounds: Mapping[str, Bound] | None = None,
) -> list[Row]:
    """Measure the blocks in turns, in alternating order; the first one is what all are held to.

    The first turn also opens connections and fills caches; a median does not mind.
    """
    say(f"  {section}")
    samples: dict[str, list[Sample]] = {subject: [] for subject in blocks}
    for number in range(rounds):
        for subject in list(blocks)[:: 1 if number % 2 else -1]:
            samples[subject].append(blocks[subject]())
    base = next(iter(samples.values()))
    rows = []
    for subject, measured in samples.items():
        for quantity in measured[0]:
            ratio = Spread.of(
                [one[quantity] / other[quantity] for one, other in zip(measured, base, strict=True)]
            )
            bound = (bounds or {}).get(quantity) if subject == bounded else None
            rows.append(
                Row(
                    section,
                    subject,
                    quantity,
                    Spread.of([sample[quantity] for sample in measured]),
                    ratio,
                    str(bound) if bound else None,
                    bound is None or bound.holds(ratio.median),
                )
            )
    return rows


def broken(rows: list[Row]) -> list[str]:
    """Say, a sentence each, which bounds do not hold."""
    return [
        f"{row.section}: {row.subject} has {row.ratio.median:.3f} times the "
        f"{row.quantity.partition(',')[0]} of what it is held to, and it must be {row.bound}."
        for row in rows
        if not row.holds
    ]


# --- servers ------------------------------------------------------------------------------------


def bare_starlette(answer: Any) -> Starlette:
    """Make the least that answers this JSON at the webhook's address."""

    async def call(request: Request) -> JSONResponse:
        await request.json()
        return JSONResponse(answer)

    return Starlette(
        routes=[Route("/rest/{user}/{webhook}/placement.call", call, methods=["POST"])]
    )


def _serve(answer: Any, tls: bool, addresses: Connection) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app = create_app(Portal()) if answer is None else bare_starlette(answer)
    with suppress(KeyboardInterrupt), transport(tls) as carrier, listen() as listener:
        origin = origin_of(listener, carrier.scheme)
        addresses.send(Sandbox(origin, authority=carrier.authority))
        serve(app, listener, tls=carrier.context)


@contextmanager
def serving(answer: Any = None, *, tls: bool = False) -> Iterator[Sandbox]:
    """Run the sandbox in a process of its own; or bare Starlette, if there is an `answer`."""
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_serve, args=(answer, tls, sender), daemon=True)
    process.start()
    sender.close()
    try:
        yield receiver.recv()
    finally:
        process.terminate()
        process.join()


# --- calls --------------------------------------------------------------------------------------


def _repeat(ask: Callable[[], object]) -> Callable[[int], None]:
    def run(calls: int) -> None:
        for _ in range(calls):
            ask()

    return run


def _concurrently(
    loop: asyncio.Runner, ask: Callable[[], Awaitable[object]], concurrent: int = 1
) -> Callable[[int], None]:
    async def ask_one_by_one(calls: int) -> None:
        for _ in range(calls):
            await ask()

    async def ask_at_once(calls: int) -> None:
        for _ in range(calls // concurrent):
            await asyncio.gather(*(ask() for _ in range(concurrent)))

    run = ask_one_by_one if concurrent == 1 else ask_at_once
    return lambda calls: loop.run(run(calls))


def _bounds() -> dict[str, Bound]:
    return {"time, µs": Bound(most=MAX_LATENCY), "CPU, µs": Bound(most=MAX_CPU)}


def sequential(sandbox: Sandbox, secure: Sandbox, stock: Path, effort: Effort) -> list[Row]:
    """Measure calls one after the other: ours, the stock generated client's, the peers'."""
    webhook = sandbox.webhook_url
    url = f"{webhook}placement.call"
    with (
        httpx.Client(timeout=TIMEOUT, limits=LIMITS) as bare,
        Client(base_url=webhook, timeout=TIMEOUT, httpx_args={"limits": LIMITS}) as ours,
        asyncio.Runner() as loop,
    ):
        subjects = {
            "bare httpx": _repeat(lambda: bare.post(url, json=BODY).json()),
            "ours": _repeat(lambda: get_status.sync(client=ours)),
            "stock generated client": _repeat(_ask_stock(stock, webhook)),
            "fast_bitrix24, raw": _concurrently(loop, _ask_fast_bitrix24(webhook)),
            "b24pysdk, over TLS": _repeat(_ask_b24pysdk(secure)),
        }
        # The slow ones get fewer calls, so that all blocks last about as long.
        shares = {"fast_bitrix24, raw": 3, "b24pysdk, over TLS": 6}
        blocks = {
            subject: per_call(effort.calls // shares.get(subject, 1), run)
            for subject, run in subjects.items()
        }
        return compare("calls one by one", effort.rounds, blocks, "ours", _bounds())


def _ask_stock(folder: Path, webhook: str) -> Callable[[], object]:
    sys.path.append(str(folder))
    stock: Any = importlib.import_module("stock_client")
    stock_get_status: Any = importlib.import_module("stock_client.api.call_card.get_status")
    models: Any = importlib.import_module("stock_client.models")
    client = stock.Client(base_url=webhook, httpx_args={"limits": LIMITS})
    body = models.GetStatusRequest(params=models.NoParameters())
    return lambda: stock_get_status.sync(client=client, body=body)


def _ask_fast_bitrix24(webhook: str) -> Callable[[], Awaitable[object]]:
    peer: Any = importlib.import_module("fast_bitrix24")
    # Its own throttle is off: a block would soon be nothing but waiting.
    client = peer.BitrixAsync(
        webhook, verbose=False, request_pool_size=10**9, requests_per_second=1e9
    )
    return lambda: client.call("placement.call", BODY, raw=True)


def _ask_b24pysdk(sandbox: Sandbox) -> Callable[[], object]:
    os.environ["REQUESTS_CA_BUNDLE"] = str(sandbox.authority)
    peer: Any = importlib.import_module("b24pysdk")
    parts = urlsplit(sandbox.webhook_url)
    secret = parts.path.removeprefix("/rest/")
    token = peer.BitrixWebhook(domain=parts.netloc, webhook_token=secret)
    return lambda: token.call_method("placement.call", BODY)


def concurrent(sandbox: Sandbox, effort: Effort) -> list[Row]:
    """Measure asynchronous calls, so many at once."""
    webhook = sandbox.webhook_url
    url = f"{webhook}placement.call"
    rows = []
    with asyncio.Runner() as loop:
        bare = httpx.AsyncClient(timeout=TIMEOUT, limits=LIMITS)
        ours = Client(base_url=webhook, timeout=TIMEOUT, httpx_args={"limits": LIMITS})

        async def ask_bare() -> object:
            return (await bare.post(url, json=BODY)).json()

        async def ask_ours() -> object:
            return await get_status.asyncio(client=ours)

        for number in effort.concurrent:
            calls = max(effort.calls, number)
            blocks = {
                "bare httpx": per_call(calls, _concurrently(loop, ask_bare, number)),
                "ours": per_call(calls, _concurrently(loop, ask_ours, number)),
            }
            rounds = effort.rounds if number < 1000 else min(10, effort.rounds)
            rows += compare(f"asyncio, {number} at once", rounds, blocks, "ours", _bounds())
        loop.run(bare.aclose())
        loop.run(ours.get_async_httpx_client().aclose())
    return rows


# --- what a program pays before its first call, and after -----------------------------------------

_IMPORT = """
import time
used, began = time.process_time(), time.perf_counter()
{imported}
took, used = time.perf_counter() - began, time.process_time() - used
print(took * 1e3, used * 1e3)
"""

_MEMORY = """
import os, sys
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
url, calls = sys.argv[1], int(sys.argv[2])
before = resident()
{imported}
after_import = resident()
{client}
for _ in range(calls):
    {call}
print(after_import - before, resident() - before)
"""

_IMPORT_HTTPX = "import httpx"
_IMPORT_OURS = "from bitrix24_call_card.api.call_card import get_status"


def _in_a_process(quantities: tuple[str, ...], program: str, *arguments: str) -> Block:
    """Make a block that runs a program afresh; the program prints the quantities."""
    # As in an application: httpx loads its command line when it finds these, which only tools need.
    program = f"import sys; sys.modules.update(click=None, rich=None)\n{program}"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        # As in an application, too: what it imports has been compiled before.
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir(), "bitrix24-call-card-bytecode")),
    }

    def block() -> Sample:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=environment,
        )
        return dict(zip(quantities, map(float, done.stdout.split()), strict=True))

    return block


def imports(effort: Effort) -> list[Row]:
    """Measure how long an import takes, inside an interpreter that has just started."""
    statements = {
        "httpx": _IMPORT_HTTPX,
        "httpx and attrs": "import httpx, attrs",
        "ours": _IMPORT_OURS,
        "stock generated client": "from stock_client.api.call_card import get_status",
    }
    blocks = {
        subject: _in_a_process(("time, ms", "CPU, ms"), _IMPORT.format(imported=statement))
        for subject, statement in statements.items()
    }
    bounds = {"time, ms": Bound(most=MAX_IMPORT), "CPU, ms": Bound(most=MAX_IMPORT)}
    return compare("import", effort.rounds, blocks, "ours", bounds)


def memory(sandbox: Sandbox, effort: Effort) -> list[Row]:
    """Measure what a process holds over a bare interpreter; Linux alone tells it in this way."""
    if not Path("/proc/self/statm").exists():
        return []
    programs = {
        "bare httpx": (
            _IMPORT_HTTPX,
            "client = httpx.Client()",
            f"client.post(url + 'placement.call', json={BODY}).json()",
        ),
        "ours": (
            _IMPORT_OURS,
            "from bitrix24_call_card import Client; client = Client(base_url=url)",
            "get_status.sync(client=client)",
        ),
    }
    quantities = ("after import, MiB", f"after {effort.memory_calls} calls, MiB")
    blocks = {
        subject: _in_a_process(
            quantities,
            _MEMORY.format(imported=imported, client=client, call=call),
            sandbox.webhook_url,
            str(effort.memory_calls),
        )
        for subject, (imported, client, call) in programs.items()
    }
    return compare("memory over a bare interpreter", 2, blocks)


def models(answer: Any, effort: Effort) -> list[Row]:
    """Measure what it takes to make an answer into models."""
    text, calls = json.dumps(answer), effort.calls * 10
    blocks = {
        "json.loads": per_call(calls, _repeat(lambda: json.loads(text))),
        "CallStatus.from_dict": per_call(
            calls, _repeat(lambda: CallStatus.from_dict(answer["result"]))
        ),
        "GetStatusResponse.from_dict": per_call(
            calls, _repeat(lambda: GetStatusResponse.from_dict(answer))
        ),
    }
    return compare("an answer into models", effort.rounds, blocks)


# --- the sandbox ----------------------------------------------------------------------------------


async def _drive(webhook: str, connections: int, requests: int) -> None:
    """Keep a server busy, at as little expense as can be: it shares the processors."""
    parts = urlsplit(f"{webhook}placement.call")
    body = json.dumps(BODY).encode()
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    async def ask(number: int) -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for _ in range(number):
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", answer)
            if not answer.startswith(b"HTTP/1.1 200") or length is None:
                raise SystemExit(f"{parts.netloc} answered {answer!r} instead of the call.")
            await reader.readexactly(int(length[1]))
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(ask(requests // connections) for _ in range(connections)))


def requests_a_second(sandbox: Sandbox, starlette: Sandbox, effort: Effort) -> list[Row]:
    """Measure how many requests each of the two servers answers."""
    requests = effort.calls * 4

    def block(server: Sandbox) -> Block:
        def drive() -> Sample:
            began = time.perf_counter()
            loop.run(_drive(server.webhook_url, 8, requests))
            return {"requests a second": requests / (time.perf_counter() - began)}

        return drive

    with asyncio.Runner() as loop:
        return compare(
            "the server",
            effort.rounds,
            {"bare Starlette": block(starlette), "sandbox": block(sandbox)},
            "sandbox",
            {"requests a second": Bound(least=MIN_REQUESTS)},
        )


# --- the whole ------------------------------------------------------------------------------------


def generate_stock(folder: Path) -> None:
    """Write the client that the generator gives without our templates."""
    subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--path", CONTRACT),
            *("--config", GENERATOR_CONFIG, "--meta", "none"),
            *("--output-path", folder / "stock_client"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def measure(effort: Effort) -> list[Row]:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as stock, serving() as sandbox:
        generate_stock(Path(stock))
        # The stock client fails on the number of an activity, so the call has none yet.
        sandbox.set_call({**sandbox.state()["call"], "CRM_ACTIVITY_ID": ""})
        answer = httpx.post(f"{sandbox.webhook_url}placement.call", json=BODY).json()
        with serving(tls=True) as secure:
            rows = sequential(sandbox, secure, Path(stock), effort)
        rows += concurrent(sandbox, effort)
        rows += imports(effort)
        rows += memory(sandbox, effort)
        rows += models(answer, effort)
        with serving(answer) as starlette:
            rows += requests_a_second(sandbox, starlette, effort)
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
        value, ratio = row.value, row.ratio
        laid_out.add_row(
            "" if row.subject == subject else f"  {row.subject}",
            row.quantity,
            f"{value.median:,.1f}",
            f"{value.low:,.1f} … {value.high:,.1f}",
            f"{ratio.median:.3f}",
            f"{ratio.low:.3f} … {ratio.high:.3f}",
            "" if row.bound is None else f"[{'green' if row.holds else 'red'}]{row.bound}",
        )
        subject = row.subject
    return laid_out


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
        "rows": [asdict(row) for row in rows],
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
