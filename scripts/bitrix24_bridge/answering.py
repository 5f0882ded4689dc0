"""The two answers to the question which call is on a user's screen."""

from asyncio import gather
from dataclasses import dataclass

from .errors import BridgeError
from .settings import Times
from .store import Card, Store, User, Word

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


async def answer(store: Store, times: Times, user: User) -> Answer:
    """Return what is on the screen of a user. Raise `BridgeError` if no card says it."""
    cards = await store.cards(user)
    asked = [card for card in cards if not (card.word and 0 <= card.age < times.fresh)]
    answered: set[str] = set()
    if asked:
        answers = await gather(*(store.ask(user, card) for card in asked))
        answered = {card.owner for card, in_time in zip(asked, answers, strict=True) if in_time}
        cards = await store.cards(user)  # with their words, and without those that have gone
    spoken = [(card, card.word) for card in cards if card.word and 0 <= card.age <= times.lease]
    if not spoken:
        raise BridgeError(
            "CARD_NOT_CONNECTED", "No card of this user is connected, so nothing is known."
        )
    card, word = min(spoken, key=lambda pair: _rank(*pair))
    source = "card" if card.owner in answered else "memory"
    return Answer(word.text, source, card.age, len(cards))


def _rank(card: Card, word: Word) -> tuple[int, int]:
    """Order cards: by the state of the call, then the one that was opened last comes first."""
    return RANK.get(word.state, 0), -card.opened
