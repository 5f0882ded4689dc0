"""Let one process at a time work in a folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait for the lock of an existing folder, and hold it.

    The system releases it when this process ends, in whatever way, and with it the processes that
    it started with ``close_fds=False``.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.set_inheritable(descriptor, True)
        yield
    finally:
        os.close(descriptor)
