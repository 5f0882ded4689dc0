"""Redis servers of tests."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def running_redis(folder: Path, *options: str) -> Iterator[str]:
    """Run a Redis while the context lasts; yield its URL."""
    command = shutil.which("redis-server")
    if command is None:
        missing = "There is no redis-server on this machine, so nothing was tested with Redis."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    path = folder / "redis.sock"
    where = ["--port", "0", "--unixsocket", str(path), "--dir", str(folder)]
    memory_only = ["--save", "", "--appendonly", "no"]
    with subprocess.Popen(
        [command, *where, *memory_only, *options], stdout=subprocess.DEVNULL
    ) as server:
        try:
            while server.poll() is None and not _listens(path):
                time.sleep(0.01)
            yield f"unix://{path}"
        finally:
            server.terminate()


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0
