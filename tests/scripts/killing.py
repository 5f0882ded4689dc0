"""Kill an action at each of its changes to files, one after the other."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


class Killed(BaseException):
    """Stands for the end of the process."""


def killed_at_each_change(action: Callable[[], object]) -> Iterator[int]:
    """Run the action repeatedly, killed one change later each time; yield that change's number.

    A file that is written at that moment is left half written, and no later change is made either,
    not even in a `finally`. The run that reaches its end yields nothing.
    """
    for last in itertools.count():
        with pytest.MonkeyPatch.context() as patch:
            _kill_at(last, patch)
            try:
                action()
            except Killed:
                pass
            else:
                return
        yield last


def _kill_at(last: int, patch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()

    def killed(name: str) -> Callable[..., Any]:
        change = getattr(Path, name)

        def make_change(path: Path, *arguments: Any, **options: Any) -> Any:
            number = next(numbers)
            if number == last and name == "write_bytes":
                change(path, arguments[0][: len(arguments[0]) // 2])
            if number >= last:
                raise Killed
            return change(path, *arguments, **options)

        return make_change

    for name in ("mkdir", "replace", "unlink", "write_bytes"):
        patch.setattr(Path, name, killed(name))
