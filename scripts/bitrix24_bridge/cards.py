"""The call cards of users: what each said last, and how all of a user's are asked."""

import json
from typing import NamedTuple, Protocol

from bitrix24_call_card.models import CallStatus


class User(NamedTuple):
    """A user of a portal."""

    member_id: str
    user_id: str


class Word(NamedTuple):
    """What a card said: the call on the screen, as JSON and by the member that decides."""

    state: str
    text: str

    @classmethod
    def of(cls, call: CallStatus) -> "Word":
        """Take what counts from the status; portals before 2026-04 say no state.

        Raise `ValueError` or `RecursionError` if a member is not JSON.
        """
        state = str(call.call_state) if call.call_state else "connected"
        return cls(state, json.dumps(call.to_dict(), allow_nan=False))


class Card(NamedTuple):
    """A connected card."""

    id: str
    """The hash of its SID, which is a secret between page and widget."""
    opened: float
    """Unix time."""
    word: Word | None
    """The last that it said; None if it has said no call."""
    age: float
    """Seconds since then."""
    answered: bool
    """Whether it said so just now, because it was asked."""


class Cards(Protocol):
    """All cards of this bridge."""

    async def ask(self, user: User) -> list[Card]:
        """Ask the cards of a user; return all that are connected, also those that are silent."""
        ...
