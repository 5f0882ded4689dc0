"""The two answers to the question which call is on a user's screen."""

from dataclasses import dataclass

from .cards import Cards, User
from .errors import BridgeError

RANK = {"connected": 0, "connecting": 1, "idle": 2}


@dataclass(frozen=True)
class Answer:
    """What a card says is on the user's screen."""

    text: str
    """A `CallStatus` as JSON."""
    source: str
    """`card` if it answered this question, `memory` if this is its last word."""
    age: float
    """Seconds since the card said so."""
    cards: int
    """How many cards of the user are connected."""


async def answer(cards: Cards, user: User) -> Answer:
    """Return what is on the screen of a user. Raise `BridgeError` if no card says it."""
    connected = await cards.ask(user)
    spoken = [(card, card.word) for card in connected if card.word]
    if not spoken:
        raise BridgeError(
            "CARD_NOT_CONNECTED", "No card of this user is connected, so nothing is known."
        )
    # By the state of the call, then the card that was opened last.
    card, word = min(spoken, key=lambda pair: (RANK.get(pair[1].state, 0), -pair[0].opened))
    return Answer(word.text, "card" if card.answered else "memory", card.age, len(connected))
