"""Ports for programs that get theirs as an argument, and for servers that do not exist."""

import os
import socket
from itertools import count

WORKERS = 8
"""The workers of pytest-xdist that have ports of their own."""
BLOCKS = 350
"""Of four ports for each of them."""

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_numbers = count(os.getpid())  # not where another run of the tests has begun


def unused_port() -> int:
    """Return an unused port, the first of four that no other call returns soon.

    Below 32768, where the ports begin that the system assigns, to other tests too.
    """
    while True:
        block = _worker % WORKERS * BLOCKS + next(_numbers) % BLOCKS
        port = 20_000 + 4 * block
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:  # in use
            continue
