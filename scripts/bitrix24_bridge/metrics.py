"""What is counted, for Prometheus, and the line in the log that a refusal leaves."""

import logging
import re
import time

from prometheus_client import Counter, Gauge, Histogram

log = logging.getLogger("bitrix24_bridge")

ANSWERS = Counter("bridge_answers", "Answers to placement.call, by 200 or error code.", ["answer"])
QUESTIONS = Histogram(
    "bridge_question_seconds",
    "How long cards took to answer.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3),
)
CARDS = Gauge("bridge_cards", "Cards that are connected to this process.")
REFUSALS = Counter("bridge_refusals", "What was refused, by kind.", ["kind"])
STORE = Gauge("bridge_store_up", "Whether Redis is reached; 1 for a bridge of one process.")

QUIET = 60
"""Seconds between two lines that say the same: strangers cause them."""
NAME = re.compile(r"(?=.*[a-z])(https?://)?[0-9a-z-]{1,63}(\.[0-9a-z-]{1,63}){0,8}(:\d+)?", re.I)
"""A domain, an origin or a member id: what a log may show of a stranger's text."""
_quiet_until: dict[tuple[str, str], float] = {}


def is_due(kind: str, text: str) -> bool:
    """Return whether a line may be logged, as none of this kind and text was a moment ago."""
    now = time.monotonic()
    due = now >= _quiet_until.get((kind, text), 0)
    if due:
        _quiet_until[kind, text] = now + QUIET
    return due


def refuse(kind: str, reason: str, portal: str = "") -> None:
    """Count a refusal, and log it unless the same was logged a moment ago.

    `reason`: one of a fixed number; `portal`: its domain or member id, or an origin, in a
    stranger's words.
    """
    REFUSALS.labels(kind).inc()
    if is_due(kind, reason):
        whose = f", {portal if NAME.fullmatch(portal) else '?'}" if portal else ""
        log.warning("Refused (%s%s): %s", kind, whose, reason)


def printable(text: str) -> str:
    """Return a stranger's text as a log and a terminal may show it, in one word."""
    return re.sub(r"[^0-9A-Za-z_.:/-]", "?", text)[:80]
