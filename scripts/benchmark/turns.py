"""Compare subjects in turns.

Short blocks of calls alternate between the subjects, and what counts is the median of the ratios
within each turn: a busy machine slows both alike. The quartiles show how much noise is left.
"""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median, quantiles

Sample = Mapping[str, float]
"""What one block measured: values by quantity and unit."""
Block = Callable[[], Sample]


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    turns: int = 15
    calls: int = 200
    """In each turn; more if more are made at once."""
    at_once: tuple[int, ...] = (1, 10, 100, 1000)
    cold: int = 300
    """Calls at once without a connection: httpx needs 20 times as long for three times as many."""
    requests: int = 1200


@dataclass(frozen=True)
class Row:
    """A quantity of one subject, and its ratio to that of the section's first subject."""

    section: str
    subject: str
    quantity: str
    value: float
    ratio: float
    quartiles: tuple[float, float]
    """Of the ratio."""


def compare(section: str, turns: int, blocks: Mapping[str, Block]) -> Iterator[Row]:
    """Run the blocks in turns, two or more, in alternating order.

    The first turn also opens connections and fills caches, which a median ignores.
    """
    samples: dict[str, list[Sample]] = {subject: [] for subject in blocks}
    for turn in range(turns):
        for subject in list(blocks)[:: -1 if turn % 2 else 1]:
            samples[subject].append(blocks[subject]())
    base = next(iter(samples.values()))
    for subject, measured in samples.items():
        for quantity in measured[0]:
            ratios = [a[quantity] / b[quantity] for a, b in zip(measured, base, strict=True)]
            low, ratio, high = quantiles(ratios, n=4, method="inclusive")
            value = median(sample[quantity] for sample in measured)
            yield Row(section, subject, quantity, value, ratio, (low, high))


def per_call(calls: int, run: Callable[[int], object]) -> Block:
    """Measure `run(calls)`, in microseconds for each call."""

    def block() -> Sample:
        gc.collect()
        used, began = time.process_time(), time.perf_counter()
        run(calls)
        took, used = time.perf_counter() - began, time.process_time() - used
        return {"time, µs": took / calls * 1e6, "CPU, µs": used / calls * 1e6}

    return block
