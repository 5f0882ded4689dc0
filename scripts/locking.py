"""Let one process at a time work in a folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Wait for the lock of an existing folder and hold it; yield the descriptor that holds it.

    The system releases the lock when the last process that has the descriptor ends, in whatever
    way, so no lock is ever left behind. A process started meanwhile gets it through ``pass_fds``.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
