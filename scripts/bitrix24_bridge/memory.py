"""The store of a bridge that is one process."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from .settings import Rate, Times
from .store import MOST_CARDS, AskHere, Card, TooManyCardsError, User, Word

MOST_KEPT = 50_000
"""The texts, and the buckets, that are kept; beyond, the oldest go first."""


@dataclass(slots=True)
class _Card:
    owner: str
    opened: int
    word: Word | None = None
    spoke: float = 0
    until: float = 0


class MemoryStore:
    """Everything in dictionaries; `clock` gives seconds that never go back."""

    def __init__(self, times: Times, clock: Callable[[], float] = time.monotonic) -> None:
        self._times = times
        self._clock = clock
        self._opened = 0
        self._cards: dict[User, dict[str, _Card]] = {}
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()

    async def run(self, ask_here: AskHere) -> None:
        """Forget what is over, every now and then."""
        self._ask_here = ask_here
        while True:
            await asyncio.sleep(self._times.lease)
            for user in list(self._cards):
                self._leased(user)

    def _leased(self, user: User) -> dict[str, _Card]:
        """Give the cards of a user, without those whose lease has run out."""
        now = self._clock()
        cards = self._cards.setdefault(user, {})
        for name, card in list(cards.items()):
            if card.until <= now:
                del cards[name]
        if not cards:
            del self._cards[user]
        return cards

    async def claim(self, user: User, card: str, owner: str, word: Word | None = None) -> None:
        """Let `owner` speak for the card from now on."""
        known = self._leased(user).get(card) or self._open(user, card, owner)
        known.owner = owner
        if word is not None:
            self._note(known, word, self._times.form)

    def _open(self, user: User, card: str, owner: str) -> _Card:
        cards = self._cards.setdefault(user, {})
        if len(cards) >= MOST_CARDS:
            raise TooManyCardsError
        self._opened += 1
        cards[card] = _Card(owner, self._opened, until=self._clock() + self._times.form)
        return cards[card]

    async def say(self, user: User, card: str, owner: str, word: Word) -> bool:
        """Note the card's word."""
        # A card that was silent for too long is one again.
        known = self._leased(user).get(card) or self._open(user, card, owner)
        if known.owner != owner:
            return False
        self._note(known, word, self._times.lease)
        return True

    def _note(self, card: _Card, word: Word, lease: float) -> None:
        now = self._clock()
        card.word, card.spoke, card.until = word, now, now + lease

    async def close(self, user: User, card: str, owner: str) -> None:
        """Forget a card whose connection has closed."""
        cards = self._leased(user)
        if card in cards and cards[card].owner == owner:
            del cards[card]

    async def cards(self, user: User) -> list[Card]:
        """Return the connected cards of a user."""
        now = self._clock()
        return [
            Card(name, card.owner, card.opened, card.word, now - card.spoke)
            for name, card in self._leased(user).items()
        ]

    async def ask(self, user: User, card: Card) -> bool:  # noqa: ARG002
        """Ask a card for its word."""
        return await self._ask_here(card.owner)

    async def take(self, address: str, rate: Rate, what: str) -> bool:
        """Put one more request of this kind into the bucket of an address."""
        now = self._clock()
        level, since = self._buckets.pop((what, address), (0.0, now))
        level = max(0.0, level - (now - since) * rate.a_second)
        fits = level + 1 <= rate.burst
        self._buckets[what, address] = (level + fits, now)
        if len(self._buckets) > MOST_KEPT:
            self._buckets.popitem(last=False)
        return fits

    async def recall(self, key: str) -> str | None:
        """Give the text that was kept under a key."""
        text, until = self._kept.get(key, (None, 0.0))
        return text if until > self._clock() else None

    async def keep(self, key: str, text: str, seconds: float) -> None:
        """Keep a text for so long at most."""
        self._kept[key] = (text, self._clock() + seconds)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
