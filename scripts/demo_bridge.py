"""Run a js-only sandbox with the bridge installed on it.

The bridge runs as in production: its own command, configured by environment variables.
"""

import os
import signal
import subprocess
import sys
import tempfile
from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import listen, running
from bitrix24_sandbox.testing import Sandbox
from commands import Parser, ignore_proxies

BRIDGE = [sys.executable, "-m", "bitrix24_bridge"]
CURL = """curl -i -H 'Content-Type: application/json' -d '{"PLACEMENT":"getStatus","PARAMS":{}}'"""
GREETING = """\
A portal on which only the browser knows the call, as on current portals, with the bridge
installed. Ctrl-C ends both.

  Call card URL  {card}
  Webhook URL    {webhook}

  Open the first in a browser and keep it open: it shows the call card with the bridge's widget.
  Then ask the bridge:
  {curl} {webhook}placement.call
"""


def main() -> int:
    """Run until Ctrl-C; return the exit status."""
    arguments = parser().parse_args()
    ignore_proxies()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            running(Portal("js-only"), port=arguments.sandbox_port) as sandbox,
            installed(sandbox, Path(folder), arguments.port) as bridge,
        ):
            card = f"{sandbox.origin}/"
            print(GREETING.format(card=card, webhook=bridge.webhook, curl=CURL), flush=True)
            bridge.process.wait()
            return 1  # not by Ctrl-C
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        print(
            f"Cannot start: {reason}. Choose other ports with PORT= and ARGS=--sandbox-port=…",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return 0


@dataclass(frozen=True)
class Installed:
    """A running bridge that is installed on a portal."""

    url: str
    webhook: str
    """The webhook of user 1."""
    process: subprocess.Popen[str]


@contextmanager
def installed(sandbox: Sandbox, folder: Path, port: int, **settings: str) -> Iterator[Installed]:
    """Run a bridge with its data in the folder, and install it, while the context lasts.

    `settings` are additional environment variables, such as `BRIDGE_FRESH`.
    """
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "BRIDGE_URL": url,
        "BRIDGE_PORT": str(port),
        "BRIDGE_CLIENT_IDS": "sandboxclientid",
        "BRIDGE_PORTALS": "*",
        "BRIDGE_DATA": str(folder / "bridge.sqlite3"),
        "BRIDGE_OAUTH_SERVERS": sandbox.oauth_server_url,
        **settings,
    }
    listen(port=port).close()  # fails here, where the error can name PORT=, if it is in use
    with started(environment) as bridge:
        if sandbox.install(f"{url}/install").status != 200:
            sys.exit("The bridge could not be installed on the portal.")
        domain = urlsplit(sandbox.origin).netloc
        added = subprocess.run(  # noqa: S603 - our own command
            [*BRIDGE, "secret", "add", "--portal", domain, "--user", "1", "--name", "demo"],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        yield Installed(url, added.stdout.strip(), bridge)


@contextmanager
def started(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run the bridge while the context lasts; yield it once it is ready."""
    # In a session of its own: Ctrl-C reaches only this process, which then ends all in order.
    bridge = subprocess.Popen(  # noqa: S603 - our own command
        BRIDGE, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        if not (bridge.stdout and bridge.stdout.readline()):
            sys.exit(bridge.wait())  # it has printed the reason
        yield bridge
    finally:
        bridge.terminate()
        bridge.wait()


def port(text: str) -> int:
    """Read a port; not 0, because the portal has to know it beforehand."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(prog="make bridge", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=port, default=8025, help="of the bridge (default: 8025)")
    parser.add_argument(
        "--sandbox-port", type=port, default=8024, help="of the sandbox (default: 8024)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
