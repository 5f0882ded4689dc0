# Copied from scripts/generator/project/bitrix24_call_card/_connections.py by `make generate`: do not edit.
"""The connections of a client and its copies, through which they send."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ._failures import without_secrets
from ._fork import lock
from ._received import Received, aread, read
from ._requests import PortalRequest
from ._transports import NewTransports
from .errors import Bitrix24Error

_logger: Final = logging.getLogger("bitrix24_call_card")


@dataclass
class Pool:
    """A transport, which the last of its users closes: the client, until it is closed, and each call."""

    transport: Any
    users: int = 1

    def leave(self) -> bool:
        """Stop using it; return whether the transport has to be closed now."""
        with lock:
            self.users -= 1
            return self.users == 0


class Connections:
    """One transport for the threads of a process, and one for each event loop."""

    def __init__(self, transports: NewTransports) -> None:
        self._transports = transports
        self.custom: Pool | None = None  # of a custom httpx client, which is never closed here
        self.async_custom: Pool | None = None
        self.operating_reset_at: int | None = None
        self._pools: dict[tuple[int, Any], Pool] = {}  # by process and event loop
        self._making: dict[int, threading.RLock] = {}  # by process

    # --- a request ---

    def send(self, request: PortalRequest) -> Received:
        """Send a request and read the whole response.

        Raises:
            httpx.TransportError: If there is no response, or the body is not complete in time.
            BaseException: Whatever else the transport raises.
        """
        with self._making.setdefault(os.getpid(), threading.RLock()):
            pool = self._enter_pool(None, self._transports.for_threads, self.custom)
        received = None
        try:
            received = read(pool.transport.handle_request(request), request)
            return received
        except BaseException as error:
            raised = [without_secrets(error, request)]
        finally:
            self._note(request, received)
            if pool.leave():
                pool.transport.close()
        raise raised.pop()  # not bound to a name: its traceback refers to this frame

    async def asend(self, request: PortalRequest) -> Received:
        """Async version of `send`."""
        pool = self._enter_pool(_running_loop(), self._transports.for_loop, self.async_custom)
        received = None
        try:
            received = await aread(await pool.transport.handle_async_request(request), request)
            return received
        except BaseException as error:
            raised = [without_secrets(error, request)]
        finally:
            self._note(request, received)
            if pool.leave():
                await pool.transport.aclose()
        raise raised.pop()

    def _note(self, request: PortalRequest, received: Received | None) -> None:
        """Log a request and what came of it, and keep the latest time that was reported."""
        if received and (reported := received.operating_reset_at()):
            with lock:
                self.operating_reset_at = max(reported, self.operating_reset_at or 0)
        if _logger.isEnabledFor(logging.DEBUG):
            host = request.url.netloc.decode()
            status = received.status_code if received else "no response"
            ms = 1000 * (time.perf_counter() - request.began)
            message = "%s %s: %s in %.0f ms (attempt %d)"
            _logger.debug(message, request.method, host, status, ms, request.attempt)

    # --- its transport ---

    def _enter_pool(self, loop: Any, make: Callable[[], Any], custom: Pool | None) -> Pool:
        """Begin a call with the pool of an event loop, None for threads; make it if there is none."""
        key = os.getpid(), loop
        while True:
            with lock:
                if pool := custom or self._pools.get(key):
                    pool.users += 1
                    return pool
                # Of a copy, because other threads add and remove theirs meanwhile.
                for ended in [key for key in list(self._pools) if key[1] and key[1].is_closed()]:
                    self._pools.pop(ended, None)
            made = Pool(make())
            self._pools.setdefault(key, made)  # what made it may have called

    def close(self) -> None:
        """Close the transport of the threads after its last call; a later call makes a new one."""
        pool = self._pools.pop((os.getpid(), None), None)
        if pool and pool.leave():
            pool.transport.close()

    async def aclose(self) -> None:
        """Likewise close the transports of the running event loop and of the threads."""
        self.close()
        pool = self._pools.pop((os.getpid(), _running_loop()), None)
        if pool and pool.leave():
            await pool.transport.aclose()


def _running_loop() -> Any:
    import asyncio  # here, because it takes 12 ms that a synchronous program never needs

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise Bitrix24Error("the asynchronous functions need asyncio") from None
