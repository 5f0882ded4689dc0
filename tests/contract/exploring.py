"""Generated requests, sent by a separate process.

Hypothesis generates values from the constants of every first-party module that is imported, and no
public setting turns this off. A process of its own always imports the same modules, whichever tests
ran before. (Hypothesis ignores test modules.) One process serves all views: what it sends for one
does not depend on the others.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import islice
from multiprocessing import get_context
from typing import NamedTuple

from contract.properties import Finding, Tally, View, findings


class Explored(NamedTuple):
    """What was sent, and the first findings."""

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
