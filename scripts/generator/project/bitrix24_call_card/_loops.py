"""What is known of event loops: asyncio's, and trio's.

asyncio is imported in functions, because it takes 12 ms that a synchronous program never needs.
"""

from __future__ import annotations

import sys
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


def asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """Return the running event loop of asyncio, if any."""
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def running_loop() -> Any:
    """Return what stands for the running event loop, as a key: asyncio's loop, or trio's token."""
    return asyncio_loop() or sys.modules["trio"].lowlevel.current_trio_token()


def has_ended(loop: Any) -> bool:
    """Return whether a loop that `running_loop` returned has ended; None, for no loop, never has."""
    if not hasattr(loop, "run_sync_soon"):
        return loop is not None and loop.is_closed()
    try:
        loop.run_sync_soon(bool)  # the only way to ask trio
    except RuntimeError:
        return True
    return False


def time_limit(seconds: float | None) -> AbstractAsyncContextManager[object]:
    """Raise TimeoutError in asyncio after `seconds`; in trio there is no limit."""
    if asyncio_loop() is None:
        return nullcontext()
    import asyncio

    return asyncio.timeout(seconds)
