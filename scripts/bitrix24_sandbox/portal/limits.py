"""What a portal counts: requests in a leaky bucket, and the operating time of each method."""

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

WINDOW = 600
"""The window over which operating time is summed, in seconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many requests the bucket holds, and how many drain from it per second."""

    burst: int
    rate: float


@dataclass
class LeakyBucket:
    """One bucket for each source address."""

    limits: Limits
    clock: Callable[[], float] = time.monotonic
    _levels: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])

    def take(self, source: str) -> bool:
        """Add one request if it fits; return whether it did."""
        now = self.clock()
        level, then = self._levels.get(source, (0.0, now))
        level = max(0.0, level - (now - then) * self.limits.rate)
        fits = level + 1 <= self.limits.burst
        self._levels[source] = (level + fits, now)
        return fits


class OperatingTime:
    """The seconds that each method has used in the last ten minutes.

    They are summed by the second, so that ten busy minutes take no more memory than quiet ones.
    """

    def __init__(self) -> None:
        self._used: defaultdict[str, deque[tuple[int, float]]] = defaultdict(deque)
        self._sums: defaultdict[str, float] = defaultdict(float)

    def add(self, method: str, now: float, seconds: float) -> tuple[float, int]:
        """Count a call; return the seconds used so far, and when the oldest of them expire.

        `now` and the expiry are Unix times.
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
