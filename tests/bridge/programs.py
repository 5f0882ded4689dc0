"""Servers that are programs of this machine."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def running(program: str, *arguments: str, address: str | tuple[str, int]) -> Iterator[None]:
    """Run a program while the context lasts, which begins when it listens.

    Without the program the test is skipped, but in CI it fails.
    """
    command = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if command is None:
        missing = f"{program} is not installed."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with subprocess.Popen([command, *arguments], stdout=subprocess.DEVNULL) as server:
        try:
            while not _listens(address):
                assert server.poll() is None, f"{program} does not run with {arguments}"
                time.sleep(0.01)
            yield
        finally:
            server.terminate()


def _listens(address: str | tuple[str, int]) -> bool:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as client:
        return client.connect_ex(address) == 0
