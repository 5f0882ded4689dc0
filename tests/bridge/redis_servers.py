"""Redis servers of tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bridge.programs import running


@contextmanager
def running_redis(folder: Path, *options: str) -> Iterator[str]:
    """Run a Redis while the context lasts; yield its URL."""
    path = str(folder / "redis.sock")
    where = ("--port", "0", "--unixsocket", path, "--dir", str(folder))
    memory_only = ("--save", "", "--appendonly", "no")
    with running("redis-server", *where, *memory_only, *options, address=path):
        yield f"unix://{path}"
