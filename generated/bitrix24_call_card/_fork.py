# Copied from scripts/generator/project/bitrix24_call_card/_fork.py by `make generate`: do not edit.
"""The lock of all clients, which no forked child finds locked.

What belongs to one process, such as its connections, stands in dictionaries under the process's id: a
child does not find its parent's, and they stay referenced, because collecting them would touch the parent's
sockets.
"""

from __future__ import annotations

import os
import threading
from typing import Final

lock: Final = threading.RLock()
"""Held for a few steps only, never while the caller's code runs."""

if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(
        before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
    )
