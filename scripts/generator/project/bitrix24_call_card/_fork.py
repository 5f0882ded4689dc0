"""Lets connections and tokens begin with state of their own in a process that was forked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from typing import Protocol

    class Resettable(Protocol):
        """Something with locks, connections or threads, none of which survive a fork."""

        def reset_after_fork(self) -> None:
            """Forget what belongs to the parent process, without closing it."""
            ...


_owners: WeakSet[Resettable] = WeakSet()


def reset_in_children(owner: Resettable) -> None:
    """Call `owner.reset_after_fork` in each process that is forked from this one."""
    _owners.add(owner)


def _reset_all() -> None:
    for owner in _owners:
        owner.reset_after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_reset_all)
