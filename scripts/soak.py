"""Drive the client against a sandbox with random faults, and count what came of it.

Threads and tasks share two clients, one with a webhook and one with OAuth with a refresh, while the
sandbox meets them with every fault it has and lets their tokens expire. In the end each call must
have come back with an answer or a documented error (lost 0), and nothing may be left of it in this
process (leaked 0); otherwise the exit status is 1.
"""

import argparse
import asyncio
import contextlib
import gc
import linecache
import math
import os
import random
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status
from bitrix24_sandbox.portal.authentication import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from bitrix24_sandbox.portal.faults import FAULTS, OAUTH_FAULTS
from bitrix24_sandbox.testing import Sandbox
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

THREADS = 6
TASKS = 12
CALLS_OF_A_LOOP = 20
"""How many calls each task makes at most before its event loop ends and another one begins."""

TIMEOUT = httpx.Timeout(5, read=0.3)
"""Shorter than some of the sandbox's slow answers, so that some calls end by it."""

PATIENCE = 60
"""Seconds after the end in which a call must have come back, or it is lost."""

WARM_UP = 1.0
"""Seconds of the same before the count, so that what is kept for good is there already."""

MEMORY = 500_000
"""Bytes by which the memory may differ; caches and counters breathe by less."""


@dataclass
class Score:
    """What came of the calls. Any thread may count."""

    calls: int = 0
    answers: int = 0
    refreshes: int = 0
    errors: Counter[str] = field(default_factory=Counter[str])
    undocumented: Counter[str] = field(default_factory=Counter[str])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """Count one call, and take what it raises."""
        with self._lock:
            self.calls += 1
        try:
            yield
        except (errors.Bitrix24Error, httpx.HTTPError, TimeoutError) as error:
            with self._lock:
                self.errors[_kind(error)] += 1
        except Exception as error:
            with self._lock:
                self.undocumented[type(error).__name__] += 1
        else:
            with self._lock:
                self.answers += 1

    def refreshed(self, _: str) -> None:
        """Count a new token."""
        with self._lock:
            self.refreshes += 1

    @property
    def lost(self) -> int:
        """The calls that gave neither an answer nor a documented error."""
        return self.calls - self.answers - self.errors.total()


def _kind(error: Exception) -> str:
    if isinstance(error, errors.ApiError):
        return f"ApiError {error.error}"
    if isinstance(error, errors.UnexpectedStatus):
        return f"UnexpectedStatus {error.status_code}"
    return "cancelled" if isinstance(error, TimeoutError) else type(error).__name__


@dataclass(frozen=True)
class Held:
    """What this process holds."""

    threads: int
    files: int
    connections: int
    memory: int
    """In bytes."""

    @classmethod
    def now(cls) -> "Held":
        """Look, once the garbage is gone."""
        linecache.clearcache()  # sources that were read for tracebacks
        gc.collect()
        targets = []
        for descriptor in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):  # that of the listing itself
                targets.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        connections = sum(target.startswith("socket:") for target in targets)
        memory, _ = tracemalloc.get_traced_memory()
        return cls(threading.active_count(), len(targets) - connections, connections, memory)

    def leaks_since(self, before: "Held") -> dict[str, int]:
        """What there is more of than before, by kind; memory in whole `MEMORY`s."""
        return {
            "threads": max(0, self.threads - before.threads),
            "file descriptors": max(0, self.files - before.files),
            "connections": max(0, self.connections - before.connections),
            "memory": max(0, (self.memory - before.memory) // MEMORY),
        }


# --- the sandbox --------------------------------------------------------------------------------


@contextlib.contextmanager
def sandbox_process() -> Iterator[Sandbox]:
    """Run a sandbox in a process of its own, so that this one holds nothing but the client."""
    command = [sys.executable, "-m", "bitrix24_sandbox", "--port", "0", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None  # noqa: S101 - asked for above
            for line in process.stdout:
                if line.split()[:1] == ["Webhook"]:
                    yield Sandbox(line.split()[1].partition("/rest/")[0])
                    break
            else:
                raise SystemExit("The sandbox did not start; try `make sandbox` to see why.")
        finally:
            process.terminate()


def disturb(sandbox: Sandbox, dice: random.Random) -> None:
    """Let the next calls meet something."""
    name = dice.choice([*FAULTS, *OAUTH_FAULTS, "slow", "expire", "expire"])
    if name == "expire":
        sandbox.expire_tokens()
    elif name == "slow":
        sandbox.fail(name, dice.randint(1, 3), seconds=dice.choice([0.05, 0.1, 60]))
    elif name == "redirect":
        status = dice.choice([301, 302, 303, 307, 308])
        location = dice.choice([f"{sandbox.webhook_url}placement.call", "/", "http://a.invalid/"])
        sandbox.fail(name, dice.randint(1, 3), status=status, location=location)
    else:
        sandbox.fail(name, dice.randint(1, 3))


# --- the callers --------------------------------------------------------------------------------


class Refresh:
    """A `refresh` for the sandbox, which also takes its arguments in a body that nobody logs."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._url = f"{sandbox.origin}/oauth/token/"
        self._fields = {
            "grant_type": "refresh_token",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "refresh_token": REFRESH_TOKEN,
        }

    def __call__(self) -> str:
        """Get a new access token."""
        response = httpx.post(self._url, data=self._fields, verify=False)  # noqa: S501 - loopback
        tokens: dict[str, str] = response.raise_for_status().json()
        if "error" in tokens:  # the OAuth server also reports errors with status 200
            raise httpx.HTTPError(tokens["error"])
        self._fields["refresh_token"] = tokens["refresh_token"]
        return tokens["access_token"]


Clients = tuple[Client, ...]


def call_from_a_thread(clients: Clients, score: Score, ends: threading.Event) -> None:
    """Call, one after the other, until the end."""
    while not ends.is_set():
        for client in clients:
            with score.counting():
                get_status.sync(client=client)


def call_from_tasks(
    clients: Clients, score: Score, ends: threading.Event, dice: random.Random
) -> None:
    """Call from many tasks, in event loops that come and go, until the end."""

    async def call() -> None:
        for _ in range(CALLS_OF_A_LOOP):
            if ends.is_set():
                return
            with score.counting():
                async with asyncio.timeout(dice.choice([None, None, None, 0.01])):
                    await get_status.asyncio(client=dice.choice(clients))

    async def use() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for client in clients:
                await stack.enter_async_context(client)
            await asyncio.gather(*[call() for _ in range(TASKS)])

    while not ends.is_set():
        asyncio.run(use())


def drive(
    sandbox: Sandbox, clients: Clients, score: Score, seconds: float, dice: random.Random
) -> None:
    """Have everybody call for so long, and wait until the last of them has come back."""
    ends = threading.Event()
    callers = [
        threading.Thread(target=call_from_a_thread, args=(clients, score, ends), daemon=True)
        for _ in range(THREADS)
    ]
    chances = random.Random(dice.random())  # noqa: S311 - to be repeated, not to be secret
    tasks = (clients, score, ends, chances)
    callers.append(threading.Thread(target=call_from_tasks, args=tasks, daemon=True))
    with contextlib.ExitStack() as stack:
        for client in clients:
            stack.enter_context(client)
        for caller in callers:
            caller.start()
        end = time.monotonic() + seconds
        told = 0
        while (left := end - time.monotonic()) > 0:
            disturb(sandbox, dice)
            if told != (told := math.ceil(left)):
                print(f"\r{told:6} s to go, {score.calls} calls ", end="", file=sys.stderr)
            time.sleep(min(left, 0.03))
        ends.set()
        last = time.monotonic() + PATIENCE
        for caller in callers:
            caller.join(max(0, last - time.monotonic()))
    print(file=sys.stderr)


# --- the report ---------------------------------------------------------------------------------


def report(console: Console, score: Score, leaks: dict[str, int], grown: int) -> None:
    """Print the table."""
    table = Table("what", "how often", box=SIMPLE_HEAD)
    table.columns[1].justify = "right"
    table.add_row("calls", str(score.calls))
    table.add_row("answers", str(score.answers))
    table.add_row("refreshes of the token", str(score.refreshes))
    table.add_row("errors", str(score.errors.total()))
    for kind, count in score.errors.most_common():
        table.add_row(f"  {kind}", str(count))
    table.add_row("lost", str(score.lost))
    for kind, count in score.undocumented.most_common():
        table.add_row(f"  {kind}, which is not documented", str(count))
    table.add_row("leaked", str(sum(leaks.values())))
    for kind, count in leaks.items():
        more = f" ({grown / 1000:+.0f} kB)" if kind == "memory" else ""
        table.add_row(f"  {kind}{more}", str(count))
    console.print(table)


def soak(seconds: float, seed: int, console: Console) -> int:
    """Run the soak; return the exit status."""
    dice = random.Random(seed)  # noqa: S311
    score = Score()
    console.print(f"Soaking for {seconds:g} s with --seed {seed}.")
    tracemalloc.start()
    with sandbox_process() as sandbox:
        clients = (
            Client(
                base_url=sandbox.webhook_url,
                timeout=TIMEOUT,
                verify_ssl=False,
            ),
            AuthenticatedClient(
                base_url=sandbox.oauth_url,
                token=sandbox.access_token,
                timeout=TIMEOUT,
                verify_ssl=False,
                refresh=Refresh(sandbox),
                on_refresh=score.refreshed,
            ),
        )
        drive(sandbox, clients, score, WARM_UP, dice)
        before = Held.now()
        drive(sandbox, clients, score, seconds, dice)
        after = Held.now()
    tracemalloc.stop()
    leaks = after.leaks_since(before)
    report(console, score, leaks, after.memory - before.memory)
    if score.lost or any(leaks.values()):
        console.print(
            "[red]Something was lost or leaked.[/] The same --seed gives the same faults."
        )
        return 1
    return 0


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=1, help="how long, in minutes (default: 1)"
    )
    parser.add_argument("--seed", type=int, help="of the faults (default: a random one)")
    arguments = parser.parse_args()
    if not 0 < arguments.minutes < float("inf"):
        parser.error("--minutes must be more than 0")
    if not os.path.isdir("/proc/self/fd"):
        parser.error("only Linux tells what a process holds, in /proc")
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed  # noqa: S311
    return soak(arguments.minutes * 60, seed, Console(highlight=False))


if __name__ == "__main__":
    sys.exit(main())
