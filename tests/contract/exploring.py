"""Generated requests, from a process of their own.

Hypothesis mixes the constants of each first-party module that is imported into what it generates,
and has no public setting against it. Here there are the same modules whichever tests run before:
those of `contract` that are imported below. (Modules of tests it leaves alone.) One process is
enough for all views, as what one has sent does not change what the next one sends.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import islice
from multiprocessing import get_context
from typing import NamedTuple

from contract.properties import Finding, Tally, View, findings


class Explored(NamedTuple):
    """What was sent, and the first things that failed."""

    tally: Tally
    failed: list[Finding]


@cache
def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def explore(view: View, *, cases: int, seed: int) -> Explored:
    """Check a portal against one view of the contract; the same seed sends the same requests."""
    return _process().submit(_explore, view, cases, seed).result()


def _explore(view: View, cases: int, seed: int) -> Explored:
    tally = Tally()
    failed = list(islice(findings(view, tally, cases=cases, seed=seed), 5))
    return Explored(tally, failed)
