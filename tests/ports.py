"""Ports for what takes them later: a program that is told its own, or nobody."""

import secrets
import socket


def unused_port() -> int:
    """Give a port, with three more behind it, that the system hands to nobody who asks for any.

    Those that it hands out by itself, to other tests as well, begin at 32768 or above.
    """
    while True:
        port = 20_000 + 4 * secrets.randbelow(3000)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:  # somebody is there
            continue
