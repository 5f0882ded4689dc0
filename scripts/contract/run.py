"""Check a portal against the contract with many generated requests: `make contract`.

By default that is a sandbox, started for the run. Its profile (PROFILE=app-only) says what a valid
request is answered with: the call, 403 or 404. Every documented error is provoked in it as well.
The environment can name any other portal, which is to answer with the call:

  BASE_URL  a webhook's URL, or the base URL for OAuth, such as https://PORTAL/rest
  TOKEN     an access token, which the latter needs

Both are secrets. As arguments they would stand in the list of processes, those of make included,
and in the history of the shell. Enter them where nothing is shown or kept, then run make:

  read -rs BASE_URL && export BASE_URL
  make contract RATE=2

Keep a call on the screen of the user who asks: without one, every valid request fails.
"""

import argparse
import math
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from bitrix24_sandbox.portal.situation import Profile
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import Running, running
from bitrix24_sandbox.testing import Sandbox

from contract.document import Document, load
from contract.properties import View, findings, oauth, oauth_in_body, stranger, webhook
from contract.provoking import provoked
from contract.report import Outcome, coverage, failures_of, last_line, summary, write_junit

PROFILES: dict[Profile, tuple[int, int, int]] = {
    "rest": (200, 200, 401),
    "app-only": (403, 200, 401),
    "js-only": (404, 404, 404),
}
"""What a valid request is answered with: with a webhook, with a valid token, without one."""

FAILED, INTERRUPTED = 1, 130  # exit statuses; the second is what a shell says of Ctrl-C


class CannotRunError(Exception):
    """The run cannot be made. The message says why, without a secret."""


def main(arguments: list[str] | None = None) -> int:
    """Run and report; return the exit status."""
    options = _options(arguments)
    document = load()
    whom = _origin(options.base_url) if options.base_url else f"a sandbox ({options.profile})"
    version = document["info"]["version"]
    print(
        f"Checking {whom} against the contract {version}:"
        f" {options.cases} random requests, seed {options.seed}.",
        flush=True,
    )
    begun = time.monotonic()
    outcomes: list[Outcome] = []
    problem, status = None, 0
    try:
        _run(document, options, outcomes)
    except CannotRunError as error:
        problem, status = str(error), FAILED
    except KeyboardInterrupt:
        problem, status = "Interrupted: the last view's failures are not shown.", INTERRUPTED
    except Exception as error:
        # Its message may hold a secret, and so it is left out.
        traceback.print_tb(error.__traceback__)
        problem, status = f"The run itself failed: {type(error).__name__}.", FAILED
    print(*summary(outcomes), *coverage(document, outcomes), sep="\n")
    write_junit(options.report, outcomes, problem)
    failures = failures_of(outcomes)
    print(last_line(failures, time.monotonic() - begun, options.seed, options.report))
    if problem:
        print(problem, file=sys.stderr)
    return status or (FAILED if failures else 0)


def _run(document: Document, options: argparse.Namespace, outcomes: list[Outcome]) -> None:
    with ExitStack() as stack:
        sandbox = None if options.base_url else stack.enter_context(_sandbox(options.profile))
        views = _views(document, options, sandbox, stack)
        for view in views:
            outcome = Outcome(view.name)
            outcomes.append(outcome)
            for finding in findings(
                view,
                outcome.tally,
                cases=math.ceil(options.cases / len(views)),
                seed=options.seed,
                rate=f"{options.rate}/s" if options.rate else None,
                on_answer=_progress(view.name),
            ):
                outcome.add(finding)
        answered = sum(outcome.tally.cases for outcome in outcomes)
        if answered < options.cases:
            raise CannotRunError(f"Only {answered} of {options.cases} requests were answered.")
        if sandbox and options.profile != "js-only":  # where all that is not REST comes first
            outcome = Outcome("errors")
            outcomes.append(outcome)
            for finding in provoked(document, sandbox, outcome.tally):
                outcome.add(finding)


def _sandbox(profile: Profile) -> AbstractContextManager[Running]:
    return running(Portal(profile))


def _views(
    document: Document,
    options: argparse.Namespace,
    sandbox: Sandbox | None,
    stack: ExitStack,
) -> list[View]:
    base_url: str = options.base_url
    if sandbox:
        closed = stack.enter_context(_sandbox(options.profile))
        closed.expire_tokens()  # so that no token, made up or not, is a valid one
        by_webhook, by_oauth, by_nobody = PROFILES[options.profile]
        views = [
            webhook(document, sandbox.webhook_url, by_webhook),
            oauth(document, sandbox.oauth_url, sandbox.access_token, by_oauth),
            oauth_in_body(document, sandbox.oauth_url, sandbox.access_token, by_oauth),
            stranger(document, closed.oauth_url, by_nobody),
        ]
        if options.profile == "js-only":  # of a method that does not exist, no HTTP method is known
            views = [replace(view, unexpected=()) for view in views]
        return views
    try:
        httpx.post(f"{base_url.rstrip('/')}/placement.call", json={}, timeout=30)
    except httpx.TransportError as error:
        raise CannotRunError(
            f"{_origin(base_url)} does not answer ({type(error).__name__}):"
            " is the portal running, and the address right?"
        ) from None
    if _is_webhook(base_url):
        return [webhook(document, base_url)]
    return [
        oauth(document, base_url, options.token),
        oauth_in_body(document, base_url, options.token),
        stranger(document, base_url),
    ]


def _progress(view: str) -> Callable[[object], None]:
    """Tell every so often how far a view has come; on a terminal in one line that moves."""
    answered = 0

    def progress(_: object) -> None:
        nonlocal answered
        answered += 1
        if sys.stdout.isatty():
            print(f"\r{f'{view}: {answered} requests':40}", end="", flush=True)
        elif answered % 200 == 0:
            print(f"{view}: {answered} requests", flush=True)

    return progress


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m contract.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--cases",
        type=_positive,
        default=3000,
        help="at least so many random requests (%(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=random.SystemRandom().randrange(2**32),
        help="what the requests are made from; the same seed makes the same (random)",
    )
    parser.add_argument("--profile", choices=PROFILES, help="what the sandbox promises (rest)")
    parser.add_argument(
        "--rate", type=_positive, help="at most so many requests a second; portals allow 2"
    )
    parser.add_argument(
        "--report",
        type=Path,
        default=Path("reports/contract.xml"),
        help="where to write JUnit XML (%(default)s)",
    )
    options = parser.parse_args(arguments)
    options.base_url = os.environ.get("BASE_URL", "")
    options.token = os.environ.get("TOKEN", "")
    if options.base_url and not _is_base_url(options.base_url):
        # It is not shown: it may hold a webhook's secret.
        parser.error(
            "BASE_URL: expected https://PORTAL/rest/USER_ID/WEBHOOK/ or https://PORTAL/rest"
        )
    if options.base_url and options.profile:
        parser.error(
            "--profile is the sandbox's; the portal at BASE_URL is to answer with the call"
        )
    options.profile = options.profile or "rest"
    if options.base_url and not _is_webhook(options.base_url) and not options.token:
        parser.error("BASE_URL is not a webhook, so the environment must have an access TOKEN")
    return options


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("expected a positive number")
    return int(text)


def _is_base_url(text: str) -> bool:
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    shape = url.path.strip("/").split("/")
    return (
        shape[:1] == ["rest"]
        and len(shape) in (1, 3)
        and url.scheme in ("http", "https")
        and bool(url.hostname)
        and not url.query
    )


def _is_webhook(base_url: str) -> bool:
    return urlsplit(base_url).path.strip("/") != "rest"


def _origin(base_url: str) -> str:
    url = urlsplit(base_url)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"


if __name__ == "__main__":
    # A shell that starts this in the background has told it to ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
