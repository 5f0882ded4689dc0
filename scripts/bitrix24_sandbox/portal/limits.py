"""What a portal counts: requests in a leaky bucket, and the seconds that a method has used."""

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

WINDOW = 600
"""The seconds over which the use of a method is summed up."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many requests fit into the bucket, and how many drain from it in a second."""

    burst: int
    rate: float


@dataclass
class LeakyBucket:
    """One bucket for each source address."""

    limits: Limits
    clock: Callable[[], float] = time.monotonic
    _levels: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])

    def take(self, source: str) -> bool:
        """Tell whether one more request fits, and put it in if so."""
        now = self.clock()
        level, then = self._levels.get(source, (0.0, now))
        level = max(0.0, level - (now - then) * self.limits.rate)
        fits = level + 1 <= self.limits.burst
        self._levels[source] = (level + fits, now)
        return fits


class OperatingTime:
    """The seconds that each method has used in the last ten minutes.

    They are kept by the second, so that ten busy minutes need no more room than ten quiet ones.
    """

    def __init__(self) -> None:
        self._used: defaultdict[str, deque[tuple[int, float]]] = defaultdict(deque)
        self._sums: defaultdict[str, float] = defaultdict(float)

    def add(self, method: str, now: float, seconds: float) -> tuple[float, int]:
        """Count a call; return what is used by now, and when the oldest part of it is forgotten.

        Both times are Unix seconds.
        """
        used, second = self._used[method], int(now)
        while used and used[0][0] <= second - WINDOW:
            self._sums[method] -= used.popleft()[1]
        if used and used[-1][0] == second:
            seconds_before = used.pop()[1]
            used.append((second, seconds_before + seconds))
        else:
            used.append((second, seconds))
        self._sums[method] += seconds
        return self._sums[method], used[0][0] + WINDOW
