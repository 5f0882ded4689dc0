"""The three answers to the question which call is on a user's screen."""

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
    ended: bool
    """Whether the end of the call was heard of, although its card is still open."""


async def answer(store: Store, times: Times, user: User) -> Answer:
    """Tell which call is on the screen of a user.

    Raise `BridgeError`: `ERROR_UNEXPECTED_ANSWER` where a call was heard of and no card shows it,
    `ERROR_CORE` where none was.
    """
    situation = await store.situation(user)
    fresh = {card.owner for card in situation.cards if card.word and card.age < times.fresh}
    asked = [card for card in situation.cards if card.owner not in fresh]
    answered: set[str] = set()
    if asked:
        answers = await gather(*(store.ask(user, card) for card in asked))
        answered = {card.owner for card, in_time in zip(asked, answers, strict=True) if in_time}
        situation = await store.situation(user)  # with their words, and without who has gone
    spoken = [(card, card.word) for card in situation.cards if card.word]
    sure = [pair for pair in spoken if pair[0].owner in fresh | answered]
    if not spoken:
        raise _no_card(heard=situation.heard)
    card, word = min(sure or spoken, key=lambda pair: _rank(*pair))
    return Answer(
        word.text,
        "card" if card.owner in answered else "memory",
        card.age,
        len(situation.cards),
        card.ended,
    )


def _rank(card: Card, word: Word) -> tuple[int, int]:
    """Order cards: by the state of the call, then the one that was opened last comes first."""
    return RANK.get(word.state, 0), -card.opened


def _no_card(*, heard: bool) -> BridgeError:
    if heard:
        return BridgeError(
            "ERROR_UNEXPECTED_ANSWER", "A call was heard of, but no card is connected"
        )
    return BridgeError("ERROR_CORE", "Call is not found")
