# Copied from scripts/generator/project/bitrix24_call_card/_refresh.py by `make generate`: do not edit.
"""The access token of a client, and its refresh: one attempt at a time for all calls.

The first caller begins an attempt. A synchronous caller runs it itself. In asyncio a daemon thread
runs it, so that a plain `refresh` never blocks the event loop; it hands what is awaitable to the loop,
as a task that the cancellation of no caller reaches, but the end of the loop does. Every caller but one
that runs the attempt waits for its outcome up to `refresh_timeout`, counted from its own arrival. After
that it forgets the attempt, or a hung one would be waited for forever.
"""

from __future__ import annotations

import inspect
import itertools
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from types import NoneType
from typing import TYPE_CHECKING, Any

from ._arguments import checked
from ._fork import lock
from ._secrets import Secret
from .errors import RefreshError

if TYPE_CHECKING:
    import asyncio


@dataclass(repr=False)
class _Attempt:
    """One refresh.

    Args:
        token: The access token that it refreshes.
        number: Attempts and assigned tokens share a counter; the token with the highest one is used.
        loop: The event loop of the caller that began it; None for a synchronous one.
    """

    token: AccessToken
    number: int
    loop: asyncio.AbstractEventLoop | None
    # The exception that all callers raise is its result: asyncio's futures, which wrap this one, refuse
    # StopIteration as an exception.
    outcome: Future[Exception | None] = field(default_factory=Future[Exception | None])

    def result_of(self, name: str, value: Secret[Any]) -> Secret[Any]:
        """Return what a function returned, awaited in the event loop if need be."""
        if not inspect.isawaitable(value.reveal()):
            return value
        if self.loop is None:
            if inspect.iscoroutine(value.reveal()):
                value.reveal().close()
            raise _needs_asyncio(name)
        import asyncio  # here, because it takes 12 ms that a synchronous program never needs

        try:
            return asyncio.run_coroutine_threadsafe(_awaited(value), self.loop).result()
        except CancelledError:
            raise RefreshError("the refresh of the token was cancelled") from None


# Set inside `refresh` and `on_refresh`: calls made there do not wait for the attempt they are in.
_inside: ContextVar[_Attempt | None] = ContextVar("bitrix24_call_card.refreshing", default=None)


class AccessToken:
    """An access token that is refreshed when it has expired.

    The arguments are those of `AuthenticatedClient`.

    Attributes:
        current: The token; the same object until another token is used.
    """

    def __init__(
        self,
        token: Secret[str],
        refresh: Secret[Any],  # wrapped, because the repr of a partial shows a client secret
        on_refresh: Secret[Any],
        refresh_timeout: float,
    ) -> None:
        _check_token("token", token)
        for name, function in (("refresh", refresh), ("on_refresh", on_refresh)):
            checked(name, function.reveal(), Callable, NoneType)
        if not 0 < checked("refresh_timeout", refresh_timeout, int, float) <= threading.TIMEOUT_MAX:
            expected = "a finite number of seconds above 0"
            raise ValueError(f"refresh_timeout: expected {expected}, found {refresh_timeout}")
        self._refresh, self._on_refresh = refresh, on_refresh
        self._refresh_timeout = refresh_timeout
        self._numbers = itertools.count(1)
        self.current, self._number = token, 0
        # By process id, because a child does not wait for its parent's.
        self._attempts: dict[int, _Attempt] = {}

    def set(self, token: Secret[str]) -> None:
        """Use this token from the next call on, even if a refresh under way returns another."""
        _check_token("token", token)
        self._use(token, next(self._numbers))

    def can_refresh(self) -> bool:
        """Return whether a call from here may wait for a refresh."""
        inside = _inside.get()
        is_inside = inside is not None and inside.token is self and not inside.outcome.done()
        return self._refresh.reveal() is not None and not is_inside

    def refresh(self, expired: Secret[str]) -> None:
        """Return once another token than `expired` is in use.

        Raises:
            RefreshError: If another caller's refresh was interrupted, or does not end within `refresh_timeout`.
            Exception: Whatever `refresh` and `on_refresh` raise.
        """
        for name, function in (("refresh", self._refresh), ("on_refresh", self._on_refresh)):
            if inspect.iscoroutinefunction(function.reveal()):  # before a refresh token is spent
                raise _needs_asyncio(name)
        mine = _Attempt(self, next(self._numbers), loop=None)
        if (attempt := self._join(mine, expired)) is None:
            return
        if attempt is mine:
            copy_context().run(self._run, attempt)
        wait([attempt.outcome], self._refresh_timeout)  # over at once for the caller that ran it
        self._finish(attempt)

    async def arefresh(self, expired: Secret[str]) -> None:
        """Async version of `refresh`; no caller waits longer than `refresh_timeout`."""
        import asyncio

        mine = _Attempt(self, next(self._numbers), asyncio.get_running_loop())
        if (attempt := self._join(mine, expired)) is None:
            return
        if attempt is mine:
            # A daemon, so that a hung `refresh` cannot keep the program alive.
            arguments = (copy_context().run, self._run, attempt)
            threading.Thread(target=_run_in_thread, args=arguments, daemon=True).start()
        await asyncio.wait([asyncio.wrap_future(attempt.outcome)], timeout=self._refresh_timeout)
        self._finish(attempt)

    # --- an attempt, from its beginning to its end ---

    def _join(self, mine: _Attempt, expired: Secret[str]) -> _Attempt | None:
        """Return the attempt to wait for, if any: `mine`, which the caller then runs, or another's."""
        with lock:
            if self.current is not expired:
                return None
            return self._attempts.setdefault(os.getpid(), mine)

    def _run(self, attempt: _Attempt) -> None:
        """Run an attempt; what is not an `Exception` is raised here, and nowhere else."""
        _inside.set(attempt)
        outcome: Exception | None = None
        try:
            token = attempt.result_of("refresh", Secret(self._refresh.reveal()()))
            _check_token("what refresh returned", token)
            self._use(token, attempt.number)
            # Compared as text: `refresh` may have assigned it itself. Otherwise a newer one is in use.
            is_used = self.current.reveal() == token.reveal()
            if is_used and self._on_refresh.reveal() is not None:
                result = Secret(self._on_refresh.reveal()(token.reveal()))
                attempt.result_of("on_refresh", result)
        except Exception as error:
            outcome = error
        except BaseException as interrupt:
            name = type(interrupt).__name__
            outcome = RefreshError(f"the refresh of the token was interrupted: {name}")
            raise
        finally:
            self._forget(attempt)
            attempt.outcome.set_result(outcome)

    def _forget(self, attempt: _Attempt) -> None:
        """Stop sharing this attempt, which may still be running: the next call begins another."""
        with lock:
            if self._attempts.get(os.getpid()) is attempt:
                del self._attempts[os.getpid()]

    def _finish(self, attempt: _Attempt) -> None:
        """End the wait for an attempt: raise its exception, if any; if it goes on, forget it."""
        if not attempt.outcome.done():
            # Only after the whole refresh_timeout: another refresh would spend the refresh token twice.
            # This one runs on: if its token still arrives, it is used.
            self._forget(attempt)
            seconds = f"{self._refresh_timeout:g} s"
            raise RefreshError(f"the refresh did not end within {seconds} (refresh_timeout)")
        if (error := attempt.outcome.result()) is not None:
            raise error

    def _use(self, token: Secret[str], number: int) -> None:
        with lock:
            if number > self._number:
                self.current, self._number = token, number


def _check_token(name: str, token: Secret[Any]) -> None:
    if not isinstance(token.reveal(), str):
        raise TypeError(f"{name}: expected an access token, found {type(token.reveal()).__name__}")
    if not token.reveal():
        raise ValueError(f"{name}: expected an access token, found an empty text")


def _needs_asyncio(name: str) -> TypeError:
    return TypeError(f"{name} is asynchronous, which serves asyncio and asyncio_detailed only")


def _run_in_thread(run: Callable[..., None], *arguments: object) -> None:
    with suppress(BaseException):  # the callers raise what it was
        run(*arguments)


async def _awaited(value: Secret[Awaitable[Any]]) -> Secret[Any]:
    return Secret(await value.reveal())
