# Copied from scripts/generator/project/bitrix24_call_card/_refresh.py by `make generate`: do not edit.
"""The access token of a client, and its refresh: one at a time for all calls that wait for it."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import Any, Final, cast

from . import _fork
from ._lock import locked
from ._secrets import Secret
from .errors import Bitrix24Error

Refresh = Callable[[], str | Awaitable[str]]
OnRefresh = Callable[[str], object]

_POLL_INTERVAL: Final = 1.0
"""Seconds between two checks that the refresh still runs."""

# The token that is being refreshed here: calls with it from here never trigger a refresh.
_refreshing: ContextVar[object] = ContextVar("bitrix24_call_card.refreshing", default=None)


class _Attempt:
    """One refresh: who carries it on, and how it ended."""

    __slots__ = ("done", "loop", "number", "task", "thread")

    def __init__(
        self, *, loop: asyncio.AbstractEventLoop | None = None, thread: int | None = None
    ) -> None:
        self.loop = loop
        self.task: asyncio.Task[None] | None = None
        self.thread = thread
        self.number = 0  # until it starts
        self.done: Future[None] = Future()

    def is_abandoned(self) -> bool:
        """Tell whether its task or loop has ended, or its thread asks again and so has left it."""
        if self.loop is None:
            return self.thread == threading.get_ident()
        return not self.loop.is_running() or (self.task is not None and self.task.done())

    def error(self) -> BaseException | None:
        """Return why it has ended, once its task has ended or it is abandoned."""
        if self.task is None or not self.task.done():
            stopped = self.loop is not None and not self.loop.is_running()
            return _interrupted("the event loop stopped during it" if stopped else "it was left")
        if self.task.cancelled():
            return _interrupted("it was cancelled")
        error = self.task.exception()
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            return _interrupted(type(error).__name__)  # the exception itself has left the loop
        return error


def _interrupted(reason: str) -> Bitrix24Error:
    return Bitrix24Error(f"the refresh of the token was interrupted: {reason}")


class AccessToken:
    """An access token that is refreshed when it has expired.

    The arguments are those of `AuthenticatedClient`; `timeout` is its `refresh_timeout`.
    """

    def __init__(
        self,
        token: Secret[str],
        refresh: Secret[Refresh | None],  # a function's repr may show what it was made with
        on_refresh: Secret[OnRefresh | None],
        timeout: float,
    ) -> None:
        self._refresh = refresh
        self._on_refresh = on_refresh
        self._timeout = timeout
        # Attempts and tokens set by hand are numbered alike; the token with the highest number stays.
        self._numbers = itertools.count(1)
        self._number = 0
        self._start_idle()
        self.set(token)
        _fork.reset_in_children(self)

    def _start_idle(self) -> None:
        self.lock = threading.Lock()
        self._attempt: _Attempt | None = None
        self._tasks: set[asyncio.Task[None]] = set()  # an event loop alone would not keep them

    def reset_after_fork(self) -> None:
        """Forget a refresh of the parent process, which nobody carries on here."""
        self._start_idle()

    def copy(self) -> AccessToken:
        """Return the token with the same functions; neither is refreshed with the other."""
        return AccessToken(self._current, self._refresh, self._on_refresh, self._timeout)

    @property
    def current(self) -> Secret[str]:
        """The token; the same object until another token is set."""
        return self._current

    def set(self, token: Secret[str]) -> None:
        """Use this token from the next call on, even if a refresh under way returns another."""
        if not isinstance(cast("object", token.reveal()), str):
            raise TypeError(f"token: expected str, found {type(token.reveal()).__name__}")
        self._replace(token, next(self._numbers))

    def can_refresh(self) -> bool:
        """Tell whether a call from here may wait for a refresh."""
        return self._refresh.reveal() is not None and _refreshing.get() is not self

    def refresh(self, expired: Secret[str]) -> None:
        """Return once another token than `expired` is set: refreshed here, or by who does it already.

        Raises:
            Bitrix24Error: If somebody else's refresh does not end.
            BaseException: Whatever `refresh` and `on_refresh` raise.
        """
        mine = _Attempt(thread=threading.get_ident())
        try:
            attempt = self._join(mine, expired)
            if attempt is mine:
                copy_context().run(self._run, mine)
        except BaseException as error:  # not of the functions: an interrupt in this module
            self._settle(mine, _interrupted(type(error).__name__))
            raise
        if attempt is None:
            return
        deadline = time.monotonic() + self._timeout
        while not wait([attempt.done], timeout=self._pause()).done:
            self._check(attempt, deadline)
        attempt.done.result()

    async def arefresh(self, expired: Secret[str]) -> None:
        """Do the same as `refresh` in an event loop, without blocking it."""
        loop = _running_loop()
        if loop is None:
            raise Bitrix24Error(
                "the token has expired, and only asyncio's event loop can refresh it"
            )
        mine = _Attempt(loop=loop if self._needs_loop() else None)
        try:
            attempt = self._join(mine, expired)
            if attempt is mine and mine.loop is not None:
                self._start_task(mine, mine.loop)
            elif attempt is mine:
                _start_thread(self._run, mine)
        except BaseException as error:  # not of the functions: an interrupt in this module
            self._settle(mine, _interrupted(type(error).__name__))
            raise
        if attempt is None:
            return
        deadline = time.monotonic() + self._timeout
        while not await _is_done(attempt.done, self._pause()):
            self._check(attempt, deadline)
        attempt.done.result()

    # --- who does it, and when it is over ---

    def _join(self, mine: _Attempt, expired: Secret[str]) -> _Attempt | None:
        """Return the attempt to wait for; `mine` if the caller is to carry it on; None if it is over."""
        attempt, left = self._choose(mine, expired)
        if left is not None:
            self._settle(left, left.error())
        return attempt

    @locked
    def _choose(
        self, mine: _Attempt, expired: Secret[str]
    ) -> tuple[_Attempt | None, _Attempt | None]:
        """Return the attempt to wait for, and the abandoned one that it replaces."""
        if self._current is not expired:
            return None, None
        if mine.thread is not None and self._needs_loop():
            raise TypeError(
                "refresh or on_refresh is a coroutine function, which serves asyncio and "
                "asyncio_detailed only"
            )
        attempt = self._attempt
        if attempt is not None and not attempt.is_abandoned():
            return attempt, None
        mine.number = next(self._numbers)
        self._attempt = mine
        return mine, attempt

    def _check(self, attempt: _Attempt, deadline: float) -> None:
        """End an attempt that nobody carries on; raise Bitrix24Error for one that takes too long."""
        if attempt.is_abandoned():
            self._settle(attempt, attempt.error())
        elif time.monotonic() > deadline:
            self._forget(attempt)  # and do not end it: its token, should it still arrive, is good
            text = f"the refresh did not end within {self._timeout:g} s (refresh_timeout)"
            raise Bitrix24Error(f"{text}; does it wait for a call of this client?")

    @locked
    def _settle(self, attempt: _Attempt, error: BaseException | None) -> None:
        """End an attempt, unless it has ended already."""
        if self._attempt is attempt:
            self._attempt = None
        if attempt.done.done():
            return
        if error is None:
            attempt.done.set_result(None)
        else:
            attempt.done.set_exception(error)

    @locked
    def _forget(self, attempt: _Attempt) -> None:
        """Let the next call begin another."""
        if self._attempt is attempt:
            self._attempt = None

    @locked
    def _replace(self, token: Secret[str], number: int) -> None:
        """Use this token, unless a newer one is in use."""
        if number > self._number:
            self._current, self._number = token, number

    def _pause(self) -> float:
        return min(_POLL_INTERVAL, self._timeout)

    # --- the functions, and what they return ---

    def _needs_loop(self) -> bool:
        return _is_async(self._refresh.reveal()) or _is_async(self._on_refresh.reveal())

    def _run(self, attempt: _Attempt) -> None:
        """Carry the attempt on in this thread, in a context that nobody else uses."""
        _refreshing.set(self)
        try:
            token = self._accept(attempt, self._call_refresh())
            _refuse_awaitable("on_refresh", self._call_on_refresh(token))
        except BaseException as error:
            self._settle(attempt, error)
        else:
            self._settle(attempt, None)

    async def _arun(self, attempt: _Attempt) -> None:
        """Carry the attempt on in a task, because at least one of the functions needs one."""
        _refreshing.set(self)
        try:
            if _is_async(self._refresh.reveal()):
                received = Secret(await self._call_refresh().reveal())
            else:
                in_thread: Future[Secret[Any]] = Future()
                _start_thread(_fulfil, in_thread, self._call_refresh)
                while not await _is_done(in_thread, _POLL_INTERVAL):
                    pass
                received = in_thread.result()
            result = self._call_on_refresh(self._accept(attempt, received))
            if inspect.isawaitable(result.reveal()):
                await result.reveal()
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and not task.cancelling():  # one of the functions raised it
                self._settle(attempt, error)
            raise

    def _start_task(self, attempt: _Attempt, loop: asyncio.AbstractEventLoop) -> None:
        # A separate task, which survives the cancellation of this caller.
        attempt.task = loop.create_task(self._arun(attempt))
        self._tasks.add(attempt.task)
        attempt.task.add_done_callback(self._tasks.discard)
        attempt.task.add_done_callback(lambda _: self._settle(attempt, attempt.error()))

    # Neither function is bound to a local name, where a traceback would show its repr.

    def _call_refresh(self) -> Secret[Any]:
        return Secret(cast("Refresh", self._refresh.reveal())())

    def _call_on_refresh(self, token: Secret[str] | None) -> Secret[Any]:
        if token is None or self._on_refresh.reveal() is None:
            return Secret(None)
        return Secret(cast("OnRefresh", self._on_refresh.reveal())(token.reveal()))

    def _accept(self, attempt: _Attempt, received: Secret[Any]) -> Secret[str] | None:
        """Use the new token and return it; None if a newer one has been set meanwhile."""
        _refuse_awaitable("refresh", received)
        if not isinstance(received.reveal(), str):
            raise TypeError(
                f"refresh returned {type(received.reveal()).__name__}, expected the new access token"
            )
        self._replace(received, attempt.number)
        # Equal, not the same: `refresh` may have set it itself.
        return received if self._current.reveal() == received.reveal() else None


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object with an asynchronous __call__
    )


def _refuse_awaitable(name: str, value: Secret[Any]) -> None:
    if inspect.iscoroutine(value.reveal()):
        value.reveal().close()
    if inspect.isawaitable(value.reveal()):
        raise TypeError(f"{name} returned an awaitable: make it a coroutine function (async def)")


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _start_thread(function: Callable[..., object], *arguments: object) -> None:
    """Call the function in a thread that a hung call does not keep the program alive with."""
    run = copy_context().run
    threading.Thread(target=run, args=(function, *arguments), daemon=True).start()


def _fulfil(future: Future[Secret[Any]], function: Callable[[], Secret[Any]]) -> None:
    try:
        future.set_result(function())
    except BaseException as error:
        future.set_exception(error)


async def _is_done(future: Future[Any], seconds: float) -> bool:
    """Wait for so long, and tell whether the future is done."""
    # Not asyncio.wrap_future, whose futures refuse StopIteration.
    loop, woken = asyncio.get_running_loop(), asyncio.Event()

    def wake(_: object) -> None:
        with suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(woken.set)

    future.add_done_callback(wake)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await woken.wait()
    return future.done()
