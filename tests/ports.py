"""Ports for programs that get theirs as an argument, and for servers that do not exist."""

import secrets
import socket


def unused_port() -> int:
    """Return an unused port, the first of four that no other call returns.

    Below 32768, where the ports begin that the system assigns, to other tests too.
    """
    while True:
        port = 20_000 + 4 * secrets.randbelow(3000)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:  # in use
            continue
