"""Measure subjects side by side, in turns.

Short blocks of each subject take turns in one process, and what counts is the median of the ratios
within each turn, because a busy machine slows both alike. A figure stands with its quartiles, so
that the noise can be seen.
"""

import gc
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import quantiles

Sample = Mapping[str, float]
"""What one block measured: a quantity with its unit, and its value."""
Block = Callable[[], Sample]


@dataclass(frozen=True)
class Effort:
    """How much is measured: calls are those of a block."""

    rounds: int
    calls: int = 60
    concurrent: tuple[int, ...] = (1, 10, 100, 1000)
    cold: int = 1000
    imports: int = 8
    memory_calls: int = 1000
    cards: int = 2000


QUICK = Effort(rounds=2, calls=6, concurrent=(1, 3), cold=3, imports=1, memory_calls=3, cards=3)


@dataclass(frozen=True)
class Spread:
    """The median of a quantity, between its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Sum up what was measured, in two rounds or more."""
        low, middle, high = quantiles(values, n=4, method="inclusive")
        return cls(middle, low, high)


@dataclass(frozen=True)
class Row:
    """A quantity of one subject, and its ratio to that of the section's first subject."""

    section: str
    subject: str
    quantity: str
    value: Spread
    ratio: Spread


def say(line: str) -> None:
    """Tell how far it has come."""
    print(line, file=sys.stderr, flush=True)


def per_call(calls: int, run: Callable[[int], object]) -> Block:
    """Make a block of so many calls, which gives microseconds for each."""

    def block() -> Sample:
        gc.collect()
        used, began = time.process_time(), time.perf_counter()
        run(calls)
        took, used = time.perf_counter() - began, time.process_time() - used
        return {"time, µs": took / calls * 1e6, "CPU, µs": used / calls * 1e6}

    return block


def compare(section: str, rounds: int, blocks: Mapping[str, Block]) -> list[Row]:
    """Measure the blocks in turns, in alternating order; ratios are to the first one.

    The first turn also opens connections and fills caches; a median does not mind.
    """
    say(f"  {section}")
    samples: dict[str, list[Sample]] = {subject: [] for subject in blocks}
    for number in range(rounds):
        for subject in list(blocks)[:: 1 if number % 2 else -1]:
            samples[subject].append(blocks[subject]())
    base = next(iter(samples.values()))
    return [
        Row(
            section,
            subject,
            quantity,
            Spread.of([sample[quantity] for sample in measured]),
            Spread.of([a[quantity] / b[quantity] for a, b in zip(measured, base, strict=True)]),
        )
        for subject, measured in samples.items()
        for quantity in measured[0]
    ]
