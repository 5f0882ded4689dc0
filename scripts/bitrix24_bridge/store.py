"""What the bridge remembers for minutes, and nothing longer: the one interface to it."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bitrix24_call_card.errors import InvalidResponse
from bitrix24_call_card.models import CallStatus

from .errors import BridgeError
from .settings import Rate

MOST_CARDS = 10
"""The cards of one user."""


class User(NamedTuple):
    """A user of a portal."""

    member_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Word:
    """What a card said: the call on the screen, as JSON and by the member that decides."""

    state: str
    text: str

    @classmethod
    def of(cls, call: CallStatus) -> "Word":
        """Take what counts from the status; portals before 2026-04 say no state.

        Raise `InvalidResponse` if a member that the contract does not list cannot be written.
        """
        state = str(call.call_state) if call.call_state else "connected"
        try:
            return cls(state, json.dumps(call.to_dict(), allow_nan=False))
        except (ValueError, RecursionError):
            raise InvalidResponse("CallStatus: expected JSON") from None


@dataclass(frozen=True, slots=True)
class Card:
    """A card that counts as connected."""

    id: str
    owner: str
    """The connection, or the form, that speaks for it; before a slash, the process that has it."""
    opened: int
    """Cards are counted as they open: the last has the highest number."""
    word: Word | None
    """The last that it said; None if it has not spoken yet."""
    age: float
    """Seconds since then."""


class TooManyCardsError(BridgeError):
    """A user has as many cards as are kept."""

    def __init__(self) -> None:
        super().__init__("QUERY_LIMIT_EXCEEDED", f"A user may have {MOST_CARDS} cards.")


class StoreGoneError(BridgeError):
    """The store cannot be reached; that may pass."""

    def __init__(self) -> None:
        super().__init__("INTERNAL_SERVER_ERROR", "The store cannot be reached. Retry later.")


AskHere = Callable[[str], Awaitable[bool]]
"""Asks the connection of this name; tells whether its card answered in time."""


class Store(Protocol):
    """State and questions. Any method may raise `StoreGoneError`."""

    async def run(self, ask_here: AskHere) -> None:
        """Work until cancelled; `ask_here` asks a connection of this process."""
        ...

    async def claim(self, user: User, card: str, owner: str, word: Word | None = None) -> None:
        """Let `owner` speak for the card from now on, which is new, or had another owner.

        With a word, as a form brings it, the card counts as connected for `Times.form`.
        Raise `TooManyCardsError`.
        """
        ...

    async def say(self, user: User, card: str, owner: str, word: Word) -> bool:
        """Note the card's word. False if another owner speaks for it by now.

        A card whose lease had run out is connected again. Raise `TooManyCardsError`.
        """
        ...

    async def close(self, user: User, card: str, owner: str) -> None:
        """Forget a card whose connection has closed, unless another owner speaks for it."""
        ...

    async def cards(self, user: User) -> list[Card]:
        """Return the connected cards of a user."""
        ...

    async def ask(self, user: User, card: Card) -> bool:
        """Ask a card for its word. False if it did not answer in time."""
        ...

    async def take(self, address: str, rate: Rate, what: str) -> bool:
        """Put one more request of this kind into the bucket of an address. False if it is full."""
        ...

    async def recall(self, key: str) -> str | None:
        """Give the text that was kept under a key."""
        ...

    async def keep(self, key: str, text: str, seconds: float) -> None:
        """Keep a text for so long at most."""
        ...
