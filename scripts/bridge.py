"""Show the bridge whole on this machine: a sandbox portal of today, and the bridge installed on it.

The bridge runs as an integrator runs it, with its own commands and an environment.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import running

BRIDGE = [sys.executable, "-m", "bitrix24_bridge"]
CURL = """curl -i -H 'Content-Type: application/json' -d '{"PLACEMENT":"getStatus","PARAMS":{}}'"""
GREETING = """\
A portal of today, on which only the browser knows the call, and the bridge installed on it.
Ctrl-C ends both.

  Call card URL  {card}
  Webhook URL    {webhook}

  Open the first in a browser and keep it open: the call card is on the screen there, and the
  bridge's widget in it. Then ask the bridge:
  {curl} {webhook}placement.call
"""


def main(arguments: list[str] | None = None) -> int:
    """Run until Ctrl-C; return the exit status."""
    asked = parser().parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            sandbox = stack.enter_context(running(Portal("js-only"), port=asked.sandbox_port))
            url = f"http://127.0.0.1:{asked.port}"
            environment = {
                **os.environ,
                "BRIDGE_URL": url,
                "BRIDGE_PORT": str(asked.port),
                "BRIDGE_CLIENT_IDS": "sandboxclientid",
                "BRIDGE_PORTALS": "*",
                "BRIDGE_DATA": str(folder / "bridge.sqlite3"),
                "BRIDGE_OAUTH_SERVERS": f"{sandbox.origin}/oauth/rest/",
            }
            bridge = stack.enter_context(started(environment))
            installed = sandbox.install(f"{url}/install")
            if installed.status != 200:
                print("The bridge could not be installed.", file=sys.stderr)
                return 1
            domain = urlsplit(sandbox.origin).netloc
            webhook = subprocess.run(  # noqa: S603 - our own command
                [*BRIDGE, "secret", "add", "--portal", domain, "--user", "1", "--name", "demo"],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            ).stdout.strip()
            card = f"{sandbox.origin}/"
            print(GREETING.format(card=card, webhook=webhook, curl=CURL), flush=True)
            return bridge.wait()
    except OSError as error:
        print(
            f"Cannot listen on port {asked.sandbox_port}: {(error.strerror or str(error)).lower()}."
            " Choose another with ARGS=--sandbox-port=…",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return 0


@contextmanager
def started(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run the bridge while the context lasts; yield it once it is ready."""
    # In a group of its own, so that Ctrl-C reaches it by way of this process, in order.
    bridge = subprocess.Popen(  # noqa: S603 - our own command
        BRIDGE, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        if not (bridge.stdout and bridge.stdout.readline()):
            sys.exit(bridge.wait())  # it has said why
        yield bridge
    finally:
        bridge.terminate()
        bridge.wait()


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="make bridge", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--port", type=int, default=8025, help="of the bridge (default: 8025)")
    parser.add_argument(
        "--sandbox-port", type=int, default=8024, help="of the portal (default: 8024)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
