"""What a bridge answers over REST, as a test compares it."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

PATIENCE = 60.0
"""The seconds in which an answer has to become what a test waits for."""


@dataclass(frozen=True, repr=False)
class Answer:
    """An answer, without what differs from one to the next."""

    status: int
    call: dict[str, Any] | None = None
    code: str | None = None
    description: str | None = None
    source: str | None = None
    """The header `Bridge-Source`; this and the following are None where there is no such header."""
    cards: str | None = None
    age: float | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        about = {"Source": self.source, "Cards": self.cards, "Age": self.age}
        headers = [f"{name}: {value}" for name, value in about.items() if value is not None]
        return " ".join([str(self.status), self.code or repr(self.call), *headers])

    @classmethod
    def of(cls, response: httpx.Response) -> "Answer":
        envelope, headers = response.json(), response.headers
        age = headers.get("Bridge-Age")
        assert (age is None) == (headers.get("Bridge-Source") is None)
        return cls(
            response.status_code,
            envelope.get("result"),
            envelope.get("error"),
            envelope.get("error_description"),
            headers.get("Bridge-Source"),
            headers.get("Bridge-Cards"),
            None if age is None else float(age),
        )


def shown(call: dict[str, Any] | None, source: str = "card", *, cards: int = 1) -> Answer:
    """The answer while a card shows this call, which the page of a portal holds."""
    assert call is not None
    # The page holds `false` where the call is bound to nothing; over REST the types are fixed.
    unbound = {"CRM_ENTITY_TYPE": "", "CRM_ENTITY_ID": 0}
    fixed = {name: none for name, none in unbound.items() if call[name] is False}
    return Answer(200, {**call, **fixed}, source=source, cards=str(cards))


def remembered(answer: Answer) -> Answer:
    """The same answer, given without asking the card, or as it did not answer in time."""
    return replace(answer, source="memory")


NO_CARD = Answer(
    400,
    code="CARD_NOT_CONNECTED",
    description="No card of this user is connected, so nothing is known.",
)


def until(ask: Callable[[], Answer], wanted: Answer, meanwhile: Collection[Answer]) -> Answer:
    """Ask until this is the answer; each one before it has to be one of `meanwhile`."""
    deadline = time.monotonic() + PATIENCE
    while (answer := ask()) != wanted:
        assert answer in meanwhile, f"{answer} is none of {wanted}, {meanwhile}"
        time.sleep(0.005)  # others want the processor
        assert time.monotonic() < deadline, f"wanted {wanted}, the last answer was {answer}"
    return answer
