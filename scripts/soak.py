"""Call a sandbox with random faults from threads and tasks, and count the outcomes.

Threads and tasks share two clients, one with a webhook and one with OAuth and a refresh, while the
sandbox plays all of its faults and lets tokens expire. In the end each call must have returned or
raised a documented error (lost 0), and this process must hold no more than before (leaked 0);
otherwise the exit status is 1. Ctrl-C ends it early, with the same summary.
"""

import asyncio
import contextlib
import gc
import math
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator

import httpx
from benchmark.servers import process, serve_sandbox
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status
from bitrix24_sandbox.portal.authentication import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from bitrix24_sandbox.portal.faults import FAULTS, OAUTH_FAULTS
from bitrix24_sandbox.testing import Sandbox
from commands import Parser, ignore_proxies

THREADS = 6
TASKS = 12
TIMEOUT = httpx.Timeout(5, read=0.3)
"""Shorter than the sandbox's slow responses."""
PATIENCE = 60
"""Seconds after the end that a thread has for its last call, which is lost otherwise."""
UNDOCUMENTED = ", which is not documented"


def refreshing(sandbox: Sandbox) -> AuthenticatedClient:
    """Return a client that refreshes its token."""
    fields = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
    }

    def refresh() -> str:
        response = httpx.post(f"{sandbox.origin}/oauth/token/", data=fields)
        if "invalid_grant" in response.text:  # the newest refresh token was lost with its response
            sandbox.reset()
            fields["refresh_token"] = REFRESH_TOKEN
            return sandbox.access_token
        tokens = response.raise_for_status().json()
        if "error" in tokens:  # the OAuth server also reports errors with status 200
            raise httpx.HTTPError(tokens["error"])
        fields["refresh_token"] = tokens["refresh_token"]
        return str(tokens["access_token"])

    return AuthenticatedClient(
        sandbox.oauth_url, sandbox.access_token, timeout=TIMEOUT, refresh=refresh
    )


def disturb(sandbox: Sandbox, dice: random.Random) -> None:
    """Let the next calls fail, or the tokens expire."""
    name = dice.choice([*FAULTS, *OAUTH_FAULTS, "expire", "expire"])
    if name == "expire":
        sandbox.expire_tokens()
    else:
        sandbox.fail(name, dice.randint(1, 3))


@contextlib.contextmanager
def noting(outcomes: list[str]) -> Iterator[None]:
    """Append the outcome of a call; any thread may."""
    outcome = "a CallStatus"
    try:
        yield
    except (errors.Bitrix24Error, httpx.HTTPError, TimeoutError) as error:
        detail = getattr(error, "error", getattr(error, "status_code", ""))
        outcome = f"{type(error).__name__} {detail}"
    except Exception as error:
        outcome = f"{type(error).__name__}{UNDOCUMENTED}"
    outcomes.append(outcome)


def call_from_a_thread(clients: list[Client], outcomes: list[str], ends: threading.Event) -> None:
    """Call until the end."""
    while not ends.is_set():
        for client in clients:
            with noting(outcomes):
                get_status.sync(client=client)


def call_from_tasks(clients: list[Client], outcomes: list[str], ends: threading.Event) -> None:
    """Call until the end in short-lived event loops; every fourth call is cancelled."""

    async def call() -> None:
        for number in range(20):
            if not ends.is_set():
                with noting(outcomes):
                    async with asyncio.timeout(None if number % 4 else 0.01):
                        await get_status.asyncio(client=random.choice(clients))  # noqa: S311

    async def run() -> None:
        async with clients[0], clients[1]:
            await asyncio.gather(*(call() for _ in range(TASKS)))

    while not ends.is_set():
        asyncio.run(run())


def held() -> Counter[str]:
    """Count the threads of this process, and its open files, which connections are, too."""
    gc.collect()
    files = len(os.listdir("/proc/self/fd"))
    return Counter({"threads": threading.active_count(), "open files": files})


def soak(seconds: float, seed: int) -> int:
    """Run the soak, print the summary, and return the exit status."""
    interrupted = threading.Event()
    # Also where a shell that starts this in the background makes it ignore Ctrl-C.
    signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # which ends the sandbox as well
    print(f"Soaking for {seconds / 60:g} minutes with --seed {seed}.", flush=True)
    dice = random.Random(seed)  # noqa: S311
    outcomes: list[str] = []
    ends = threading.Event()
    with process(serve_sandbox) as origin:
        sandbox = Sandbox(origin)
        clients = [Client(sandbox.webhook_url, timeout=TIMEOUT), refreshing(sandbox)]
        threads = [
            threading.Thread(target=target, args=(clients, outcomes, ends), daemon=True)
            for target in [call_from_a_thread] * THREADS + [call_from_tasks]
        ]
        before = held()
        with clients[0], clients[1]:
            for thread in threads:
                thread.start()
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0 and not interrupted.wait(0.03):
                disturb(sandbox, dice)
                print(f"\r{left:6.0f} s to go, {len(outcomes)} calls ", end="", file=sys.stderr)
            failed = sum(not thread.is_alive() for thread in threads)
            ends.set()
            for thread in threads:
                thread.join(PATIENCE)
        leaked = held() - before
    called = Counter(outcomes)
    lost = Counter({name: called[name] for name in called if name.endswith(UNDOCUMENTED)})
    lost["has not returned"] = sum(thread.is_alive() for thread in threads)
    lost["its thread has failed"] = failed
    print(file=sys.stderr)
    for title, rows in (("calls", called), ("lost", lost), ("leaked", leaked)):
        print(f"{title:40}{rows.total():8}")
        for name, count in (+rows).most_common():
            print(f"  {name:38}{count:8}")
    return 1 if lost.total() or leaked else 0


def main() -> int:
    """Run the command line; return the exit status."""
    parser = Parser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1, help="how long (default: 1)")
    parser.add_argument("--seed", type=int, help="of the faults (default: a random one)")
    arguments = parser.parse_args()
    if not 0 < arguments.minutes < math.inf:
        parser.error("MINUTES must be a finite number greater than 0")
    if not os.path.isdir("/proc/self/fd"):
        parser.error("only Linux has /proc/self/fd, where it counts files and connections")
    seed = random.randrange(10**6) if arguments.seed is None else arguments.seed  # noqa: S311
    ignore_proxies()
    try:
        return soak(arguments.minutes * 60, seed)
    except RuntimeError as error:  # the sandbox did not start
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
