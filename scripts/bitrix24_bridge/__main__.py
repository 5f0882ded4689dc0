"""The bridge from the command line: `bitrix24-bridge`, or `python -m bitrix24_bridge`."""

import argparse
import logging
import os
import signal
import sqlite3
import sys
import textwrap
import time
from contextlib import closing

from bitrix24_call_card import __version__

from .data import REMOVED, Data, DataError, serving
from .doctor import Call, examine
from .server import listen, quiet_logs, raise_limit_of_files, serve
from .settings import VARIABLES, Settings, SettingsError, default_of, from_environment


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="bitrix24-bridge",
        description="The server that answers placement.call on portals where only the browser "
        "knows the call. Without a command it serves, until Ctrl-C.",
        epilog="environment:\n" + "\n".join(map(_explained, VARIABLES)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning"), default="info", help="(default: info)"
    )
    parser.add_argument("--store", help=argparse.SUPPRESS)  # of earlier versions
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    portals = commands.add_parser(
        "portals", help="list portals, with the step of the installation that failed"
    )
    remove = portals.add_subparsers(dest="action", metavar="ACTION").add_parser(
        "remove", help="forget a portal and its secrets"
    )
    remove.add_argument("portal", help="its domain or member id")
    doctor = commands.add_parser("doctor", help="check what has to be right, and say what is wrong")
    doctor.add_argument(
        "--call",
        action="store_true",
        help="register a call on a trial portal and ask the bridge for it; the webhook comes from "
        "PORTAL_URL or a prompt, an access token from PORTAL_TOKEN",
    )
    secret = commands.add_parser("secret", help="let a backend ask for a user, or no longer")
    actions = secret.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="list the secrets by name")
    for action, what in (
        ("add", "make a webhook URL, and print it: this once"),
        ("revoke", "make a webhook URL useless"),
    ):
        chosen = actions.add_parser(action, help=what)
        chosen.add_argument("--portal", required=True, help="its domain or member id")
        chosen.add_argument("--user", required=True, type=user, help="the id of the user")
        chosen.add_argument("--name", required=True, help="what you call it, such as crm")
    return parser


def _explained(name: str) -> str:
    default = default_of(name)
    about = {None: "required", "": "default: none"}.get(default, f"default: {default}")
    text = f"{VARIABLES[name].expected} ({about})"
    return textwrap.fill(
        text,
        100,
        initial_indent=f"  {name:21} ",
        subsequent_indent=" " * 24,
        break_on_hyphens=False,
    )


def user(text: str) -> str:
    """Read the id of a user."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not the id of a user, such as 1")
    return text


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status."""
    asked = parser().parse_args(arguments)
    logging.basicConfig(level=asked.log_level.upper(), format="%(asctime)s %(message)s")
    quiet_logs()
    try:
        if asked.store is not None:
            raise SettingsError(
                "Set BRIDGE_STORE instead of --store: a URL may hold a password, and every user of "
                "this machine can list arguments."
            )
        settings = from_environment(os.environ)
        if asked.command is None:
            raise_limit_of_files()
        elif not settings.data.exists():  # made here, it might be root's, and not the server's
            raise DataError(
                f"BRIDGE_DATA: there is no {settings.data.absolute()}. Start the bridge first, and "
                "set for each command what is set for the bridge."
            )
        try:
            with closing(Data(settings.data)) as data:
                return 0 if _run(asked, settings, data) else 1
        except sqlite3.Error as error:
            raise DataError(f"BRIDGE_DATA: {settings.data} cannot be used: {error}.") from None
    except (SettingsError, DataError) as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Or Python would report it again, as it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("Nobody reads the standard output.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _run(asked: argparse.Namespace, settings: Settings, data: Data) -> bool:
    match asked.command, getattr(asked, "action", None):
        case None, _:
            _serve(settings, data)
        case "portals", "remove":
            data.forget_portal(data.portal_named(asked.portal).member_id)
        case "portals", _:
            _print_portals(data)
        case "doctor", _:
            return examine(settings, data) and (
                not asked.call or Call(settings, data, os.environ).run()
            )
        case _, "list":
            _print_secrets(data)
        case _, "add":
            member_id = data.portal_named(asked.portal).member_id
            secret = data.add_secret(member_id, asked.user, asked.name)
            print(f"{settings.url}/rest/{asked.user}/{secret}/")
        case _:
            data.revoke_secret(asked.portal, asked.user, asked.name)
    return True


def _serve(settings: Settings, data: Data) -> None:
    # A shell that starts this in the background has told it to ignore Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with (
        serving(settings.data, alone=not settings.store),
        listen(settings.host, settings.port) as listener,
    ):
        serve(settings, data, listener)


def _print_portals(data: Data) -> None:
    for portal in data.portals():
        states = {"": "installed", REMOVED: "removed there"}
        state = states.get(portal.failed, f"failed at {portal.failed}")
        print(f"{portal.domain}  {portal.member_id}  {_day(portal.installed)}  {state}")
    if not data.portals():
        print("No portal has installed the application yet.")


def _print_secrets(data: Data) -> None:
    for secret in data.secrets():
        note = "" if secret.counts else "  (does not count: the portal removed the application)"
        print(f"{secret.domain}  user {secret.user_id}  {secret.name}  {_day(secret.added)}{note}")
    if not data.secrets():
        print("No backend may ask yet: see `secret add --help`.")


def _day(unix: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(unix))


if __name__ == "__main__":
    sys.exit(main())
