"""The sandbox from the command line: `bitrix24-sandbox`, or `python -m bitrix24_sandbox`."""

import argparse
import os
import re
import signal
import socket
import sys
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from .app import create_app
from .portal import json_text
from .portal.authentication import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from .portal.limits import Limits
from .portal.scenarios import DEFAULT, SCENARIOS
from .portal.situation import PROFILES, Profile
from .portal.state import Portal
from .server import listen, origin_of, port_of, serve
from .testing import Sandbox
from .tls import UnusableFolderError, UnusableNameError, transport
from .web.access_log import AccessLog


def limits(text: str) -> Limits:
    """Read BURST:RATE."""
    burst, _, rate = text.partition(":")
    try:
        read = Limits(int(burst), float(rate))
    except ValueError:
        read = Limits(0, 0)
    if not (read.burst >= 1 and 0 < read.rate < float("inf")):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not BURST:RATE, such as 50:2: 50 requests at once, then 2 a second"
        )
    return read


def port(text: str) -> int:
    """Read a port number."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 (any free one) to 65535")
    return int(text)


def handler(text: str) -> str:
    """Read the URL of a widget."""
    try:
        valid = re.fullmatch(r"https?://[^/\s]+(/\S*)?", text) and urlsplit(text).port != 0
    except ValueError:  # no such port
        valid = False
    if not valid:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not the URL of a page, such as http://127.0.0.1:3000/widget"
        )
    return text


def state(text: str) -> tuple[Path, Any]:
    """Read a situation from a file, for `Portal.load`."""
    file = Path(text)
    try:
        return file, json_text.decode(file.read_bytes())
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"{file}: {(error.strerror or str(error)).lower()}"
        ) from None
    except json_text.NotJsonError:
        raise argparse.ArgumentTypeError(f"{file} is not valid JSON") from None


def version() -> str:
    """Return the version of the distribution, which a checkout has only once it is installed."""
    try:
        return metadata.version("bitrix24-sandbox")
    except metadata.PackageNotFoundError:
        return "(a checkout)"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="bitrix24-sandbox",
        description="A small Bitrix24 portal on this machine: getStatus in the call card, and over "
        "REST with a webhook and with OAuth. Current portals answer only in the browser: "
        "--profile js-only.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version()}")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="also answer to this host name, such as that of a container; by default, only to "
        "localhost and IP addresses (may be repeated)",
    )
    parser.add_argument("--port", type=port, default=8024, help="0: any free port (default: 8024)")
    parser.add_argument(
        "--oauth-port",
        type=port,
        default=0,
        help="of the OAuth server; 0: any free port (default: 0)",
    )
    parser.add_argument(
        "--profile",
        choices=PROFILES,
        default="rest",
        help="".join(f"{name}: {what}; " for name, what in PROFILES.items()) + "default: rest",
    )
    parser.add_argument(
        "--scenario",
        choices=SCENARIOS,
        default=DEFAULT,
        help=f"the situation to start in (default: {DEFAULT})",
    )
    parser.add_argument(
        "--state",
        type=state,
        metavar="FILE",
        help="start in the situation stored in this file, a response of GET /sandbox/state; the "
        "options decide what it leaves out",
    )
    parser.add_argument(
        "--limits",
        type=limits,
        nargs="?",
        const="50:2",
        metavar="BURST:RATE",
        help="respond with 503 beyond BURST requests at once, then RATE a second (default of "
        "--limits: 50:2, as on most real portals; without --limits, there are none)",
    )
    parser.add_argument(
        "--handler",
        type=handler,
        metavar="URL",
        help="the widget that the call card opens (default: a demonstration widget)",
    )
    parser.add_argument(
        "--tls",
        action="store_true",
        help="speak HTTPS, with a certificate from a test CA that is made at each start",
    )
    parser.add_argument(
        "--tls-dir",
        type=Path,
        metavar="DIR",
        help="speak HTTPS, and keep the test CA in this folder: made at the first start, used "
        "again at each later one",
    )
    parser.add_argument("--quiet", action="store_true", help="do not log requests")
    return parser


def greeting(
    sandbox: Sandbox, oauth_origin: str, profile: Profile, host: str, *, kept: bool
) -> str:
    """Return the text that names every address."""
    call = '{"PLACEMENT":"getStatus","PARAMS":{}}'
    trust = test_ca = ""
    if file := sandbox.tls:
        trust = f"--cacert {file} "
        lifetime = "kept there" if kept else "made for this run, and removed when it ends"
        test_ca = f"""
  Test CA        {file}
                 {lifetime}; a program trusts it when started with
                 Python   SSL_CERT_FILE={file} REQUESTS_CA_BUNDLE={file}
                 Node     NODE_EXTRA_CA_CERTS={file}
                 PHP      php -d curl.cainfo={file} -d openssl.cafile={file}
"""
    text = f"""\
The sandbox portal is ready. Ctrl-C stops it.
Profile {profile}: {PROFILES[profile]}.

  Webhook        {sandbox.webhook_url}
  OAuth base     {sandbox.oauth_url}
  Access token   {sandbox.access_token}
  OAuth server   {oauth_origin}/oauth/token/
                 with {REFRESH_TOKEN}, {CLIENT_ID}, {CLIENT_SECRET}
                 {oauth_origin}/rest/app.info
{test_ca}
  Call card      {sandbox.origin}/
  API pages      {sandbox.origin}/docs
  Contract       {sandbox.origin}/openapi.yaml

  Try it:
  curl {trust}-H 'Content-Type: application/json' -d '{call}' {sandbox.webhook_url}placement.call
"""
    if host not in ("127.0.0.1", "::1", "localhost"):
        text += f"""
  Note: it listens on {host}, so every machine that reaches this one can use it and change its
  state. Its secrets are public. Nothing in it is worth protecting; keep it that way.
"""
    return text


def say(line: str) -> None:
    """Print without buffering, into a pipe as well."""
    print(line, flush=True)


def chosen(host: str, port: int, option: str) -> socket.socket:
    """Listen on the port that an option names, or end the program with a message."""
    try:
        return listen(host, port)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        sys.exit(
            f"Cannot listen on {host}, port {port}: {reason}. Choose another with {option}; "
            f"{option} 0 takes any free one."
        )


def main() -> int:
    """Run the sandbox until Ctrl-C; return the exit status."""
    arguments = parser().parse_args()
    portal = Portal(arguments.profile, arguments.limits, arguments.scenario)
    if arguments.state:
        file, document = arguments.state
        try:
            portal.load(document, start=True)
        except ValueError as error:
            parser().error(f"argument --state: {file}: {error}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with (
            chosen(arguments.host, arguments.port, "--port") as listener,
            chosen(arguments.host, arguments.oauth_port, "--oauth-port") as oauth,
            listen(arguments.host) as widget,
            transport(
                arguments.tls or arguments.tls_dir is not None,
                arguments.host,
                *arguments.allow_host,
                folder=arguments.tls_dir,
            ) as carrier,
        ):
            origin = origin_of(listener, carrier.scheme)
            application = create_app(
                portal,
                origin=origin,
                handler=arguments.handler,
                widget_port=port_of(widget),
                oauth_port=port_of(oauth),
                hosts=[arguments.host, *arguments.allow_host],
            )
            app: ASGIApp = application if arguments.quiet else AccessLog(application, say)
            sandbox = Sandbox(origin, tls=carrier.ca)
            kept = arguments.tls_dir is not None
            oauth_origin = origin_of(oauth, carrier.scheme)
            say(greeting(sandbox, oauth_origin, portal.profile, arguments.host, kept=kept))
            serve(app, listener, widget, oauth, tls=carrier.context)
    except UnusableFolderError as error:
        parser().error(f"argument --tls-dir: {error}")
    except UnusableNameError as error:
        parser().error(f"argument --allow-host: {error}")
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # The reader of the output has gone. Without this, Python would complain at exit, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
