"""Methods that hold their object's lock."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from typing import Concatenate, ParamSpec, Protocol, TypeVar

    class _Lockable(Protocol):
        lock: threading.Lock

    P = ParamSpec("P")
    R = TypeVar("R")
    Owner = TypeVar("Owner", bound=_Lockable)


def locked(method: Callable[Concatenate[Owner, P], R]) -> Callable[Concatenate[Owner, P], R]:
    """Hold `self.lock` during the method.

    In one line, because a KeyboardInterrupt between the method's end and the release would leave
    the lock locked forever.
    """

    @functools.wraps(method)
    def run(self: Owner, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock: return method(self, *args, **kwargs)  # noqa: E701  # fmt: skip

    return run
