"""Check a portal against the contract with many generated requests: `make contract`.

By default the portal is a sandbox, started for the run, whose profile (PROFILE=app-only) decides
how it answers a valid request: with the call, 403 or 404. It also has to answer with every
documented error, and with the calls that are put into its card. The environment can name another
portal or a bridge, which has to answer with the call:

  BASE_URL  a webhook's URL, or the base URL for OAuth, such as https://PORTAL/rest
  TOKEN     an access token, required for OAuth

Both are secrets. As arguments, of make as well, they would appear in the list of processes and in
the shell's history. Enter them so that neither shows them, then run make:

  read -rs BASE_URL && export BASE_URL
  make contract RATE=2

Keep a call on that user's screen meanwhile: without one, every valid request fails.
"""

import argparse
import math
import os
import random
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from bitrix24_sandbox.portal.situation import Profile
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox
from commands import Parser

from contract.document import Document, load
from contract.properties import View, findings, stranger, webhook, with_token
from contract.provoking import asked, caused, injected
from contract.report import Outcome, summary, write_junit

PROFILES: dict[Profile, tuple[int, int, int]] = {
    "rest": (200, 200, 401),
    "app-only": (403, 200, 401),
    "js-only": (404, 404, 404),
}
"""The status of a valid request with a webhook, with a valid token, and without one."""

_HOST = r"(?:[^/?#\[\]\s]+|\[[0-9A-Fa-f:.]+\](?::\d+)?)"
_BASE_URL = re.compile(rf"https?://{_HOST}/rest(/[^/?#]+/[^/?#]+)?/*")
FAILED, INTERRUPTED = 1, 130  # exit statuses; 130 is what a shell reports after Ctrl-C


class CannotRunError(Exception):
    """The run is not possible. The message says why, without any secret."""


def main(arguments: list[str] | None = None) -> int:
    """Run and report; return the exit status."""
    options = _options(arguments)
    document = load()
    whom = _origin(options.base_url) if options.base_url else f"a sandbox ({options.profile})"
    print(f"Checking {whom} against the contract {document['info']['version']}:", end=" ")
    print(f"{options.cases} random requests, seed {options.seed}.", flush=True)
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
        # Its message may contain a secret, so it is not shown.
        traceback.print_tb(error.__traceback__)
        problem, status = f"The run itself failed: {type(error).__name__}.", FAILED
    print(*summary(outcomes), sep="\n")
    write_junit(options.report, outcomes, problem)
    failures = sum(outcome.times.total() for outcome in outcomes)
    print(
        f"\n{failures} failures in {time.monotonic() - begun:.1f} s;"
        f" seed {options.seed}; report {options.report}."
    )
    if problem:
        print(problem, file=sys.stderr)
    return status or (FAILED if failures else 0)


def _run(document: Document, options: argparse.Namespace, outcomes: list[Outcome]) -> None:
    with ExitStack() as stack:
        sandbox = None
        if not options.base_url:
            sandbox = stack.enter_context(running(Portal(options.profile)))
        views = _views(document, options, sandbox, stack)
        for view in views:
            outcomes += [outcome := Outcome(view.name)]
            outcome.add(
                findings(
                    view,
                    outcome.tally,
                    cases=math.ceil(options.cases / len(views)),
                    seed=options.seed,
                    rate=f"{options.rate}/s" if options.rate else None,
                    on_answer=_progress(view.name),
                )
            )
        answered = sum(outcome.tally.cases for outcome in outcomes)
        if answered < options.cases:
            raise CannotRunError(f"Only {answered} of {options.cases} requests were answered.")
        for view, outcome in zip(views, outcomes, strict=True):
            outcome.add(asked(view, outcome.tally, 1 / options.rate if options.rate else 0))
        if sandbox and options.profile != "js-only":  # where all that is not REST comes first
            outcomes += [outcome := Outcome("sandbox")]
            outcome.add(injected(document, sandbox, outcome.tally))
            if options.profile == "rest":
                outcome.add(caused(document, sandbox, outcome.tally))


def _views(
    document: Document, options: argparse.Namespace, sandbox: Sandbox | None, stack: ExitStack
) -> list[View]:
    base_url: str = options.base_url
    if sandbox:
        closed = stack.enter_context(running(Portal(options.profile)))
        closed.expire_tokens()  # so that no generated token is valid
        by_webhook, by_oauth, by_nobody = PROFILES[options.profile]
        views = [
            webhook(document, sandbox.webhook_url, by_webhook),
            *with_token(document, sandbox.oauth_url, sandbox.access_token, by_oauth),
            stranger(document, closed.oauth_url, by_nobody),
        ]
        unexpected = () if options.profile == "js-only" else views[0].unexpected  # 404 before 405
        return [replace(view, cross_origin=True, unexpected=unexpected) for view in views]
    try:
        probe = httpx.post(f"{base_url.rstrip('/')}/placement.call", json={}, timeout=30)
    except httpx.TransportError as error:
        raise CannotRunError(
            f"{_origin(base_url)} does not answer ({type(error).__name__}):"
            " is the portal running, and the address right?"
        ) from None
    views = [webhook(document, base_url)]
    if not _is_webhook(base_url):
        views = [*with_token(document, base_url, options.token), stranger(document, base_url)]
    cross_origin = "access-control-allow-origin" in probe.headers
    return [replace(view, cross_origin=cross_origin) for view in views]


def _progress(view: str) -> Callable[[object], None]:
    """Return a function that counts responses, and prints their number every 200."""
    answered = count(1)

    def progress(_: object) -> None:
        if (number := next(answered)) % 200 == 0:
            print(f"{view}: {number} requests", flush=True)

    return progress


def _options(arguments: list[str] | None) -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="make contract", description=__doc__, formatter_class=raw)
    seed, report = random.SystemRandom().randrange(2**32), Path("reports/contract.xml")
    add = parser.add_argument
    add("--cases", type=_positive, default=3000, help="minimum of random requests (%(default)s)")
    add("--seed", type=int, default=seed, help="the same seed sends the same requests (random)")
    add("--profile", choices=PROFILES, help="profile of the sandbox (rest)")
    add("--rate", type=_positive, help="maximum of requests per second; portals allow 2")
    add("--report", type=Path, default=report, help="file for the JUnit XML (%(default)s)")
    options = parser.parse_args(arguments)
    options.base_url = os.environ.get("BASE_URL", "")
    options.token = os.environ.get("TOKEN", "")
    if options.base_url and not _BASE_URL.fullmatch(options.base_url):
        # Not shown: it may contain the secret of a webhook.
        parser.error(
            "BASE_URL: expected https://PORTAL/rest/USER_ID/WEBHOOK/ or https://PORTAL/rest"
        )
    if options.base_url and options.profile:
        parser.error(
            "--profile is for the sandbox; the portal at BASE_URL has to answer with the call"
        )
    options.profile = options.profile or "rest"
    if options.base_url and not _is_webhook(options.base_url) and not options.token:
        parser.error("BASE_URL is not a webhook, so TOKEN must be set to an access token")
    try:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.touch()
    except OSError as error:
        parser.error(f"cannot write the report {options.report}: {error.strerror}")
    return options


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("expected a positive number")
    return int(text)


def _is_webhook(base_url: str) -> bool:
    return urlsplit(base_url).path.strip("/") != "rest"


def _origin(base_url: str) -> str:
    url = urlsplit(base_url)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"


if __name__ == "__main__":
    # A shell that starts this in the background makes it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
