"""Resets connections and tokens in forked children."""

from __future__ import annotations

import os
from typing import Any
from weakref import WeakSet

_owners: WeakSet[Any] = WeakSet()


def reset_in_children(owner: object) -> None:
    """Call `owner.reset_after_fork()` in each process that is forked from this one."""
    _owners.add(owner)


def _reset_all() -> None:
    for owner in _owners:
        owner.reset_after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_reset_all)
