"""The store of a bridge that is one process."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from .settings import Rate, Times
from .store import MOST_CARDS, AskHere, Card, Situation, TooManyCardsError, User, Word

MOST_KEPT = 50_000
"""The texts, and the buckets, that are kept; beyond, the oldest go first."""

MOST_CALLS = 50
"""The calls that are kept of one user, who may make them up; beyond, the oldest go first."""

UNNAMED = ""
"""The id of a call that has none yet."""


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
        self._started = clock()
        self._opened = 0
        self._cards: dict[User, dict[str, _Card]] = {}
        self._heard: dict[User, dict[str, float]] = {}
        self._ended: dict[User, dict[str, float]] = {}
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()

    async def run(self, ask_here: AskHere) -> None:
        """Forget what is over, every now and then."""
        self._ask_here = ask_here
        while True:
            await asyncio.sleep(self._times.heard / 10)
            self._forget()

    def _forget(self) -> None:
        now = self._clock()
        for calls in (self._heard, self._ended):
            for user, times in list(calls.items()):
                calls[user] = {call: until for call, until in times.items() if until > now}
                if not calls[user]:
                    del calls[user]
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
            self._note(user, known, word, self._times.form)

    def _open(self, user: User, card: str, owner: str) -> _Card:
        cards = self._cards.setdefault(user, {})
        if len(cards) >= MOST_CARDS:
            raise TooManyCardsError
        self._opened += 1
        cards[card] = _Card(owner, self._opened, until=self._clock() + self._times.form)
        self._hear(user, UNNAMED)  # it has not said yet which call it shows
        return cards[card]

    async def say(self, user: User, card: str, owner: str, word: Word) -> bool:
        """Note the card's word."""
        # A card that was silent for too long is one again.
        known = self._leased(user).get(card) or self._open(user, card, owner)
        if known.owner != owner:
            return False
        self._note(user, known, word, self._times.lease)
        return True

    def _note(self, user: User, card: _Card, word: Word, lease: float) -> None:
        now = self._clock()
        if card.word is None or card.word.call_id == UNNAMED:
            self._heard.get(user, {}).pop(UNNAMED, None)  # this word is of the same call
        card.word, card.spoke, card.until = word, now, now + lease
        self._hear(user, word.call_id)
        if word.is_idle:
            del self._heard[user][word.call_id]

    def _hear(self, user: User, call_id: str) -> None:
        self._remember(self._heard, user, call_id)
        # An end wins as long as anything speaks of its call.
        for whose in (user, _everybody(user)):
            if call_id in self._ended.get(whose, {}):
                self._remember(self._ended, whose, call_id)

    def _remember(self, calls: dict[User, dict[str, float]], user: User, call_id: str) -> None:
        known = calls.setdefault(user, {})
        known.pop(call_id, None)  # so that the newest is the last
        known[call_id] = self._clock() + self._times.heard
        if len(known) > MOST_CALLS and user != _everybody(user):
            del known[next(iter(known))]

    async def close(self, user: User, card: str, owner: str) -> None:
        """Forget a card whose connection has closed."""
        cards = self._leased(user)
        known = cards.get(card)
        if known is None or known.owner != owner:
            return
        del cards[card]
        if known.word is not None and known.word.is_idle:
            self._end(user, known.word.call_id)

    async def start_call(self, user: User, call_id: str) -> None:
        """Note that the server has told of the start of a call."""
        self._hear(user, call_id)

    async def end_call(self, user: User, call_id: str) -> None:
        """Note that the server has told of the end of a call."""
        self._end(_everybody(user), call_id)
        # A card that closed before its call had an id spoke of this one, or of an earlier one.
        self._heard.get(user, {}).pop(UNNAMED, None)

    def _end(self, user: User, call_id: str) -> None:
        if call_id != UNNAMED:
            self._remember(self._ended, user, call_id)

    def _has_ended(self, user: User, call_id: str) -> bool:
        ends = (self._ended.get(whose, {}) for whose in (user, _everybody(user)))
        return any(ended.get(call_id, 0) > self._clock() for ended in ends)

    async def situation(self, user: User) -> Situation:
        """Give what is known of a user."""
        now = self._clock()
        cards = [
            Card(
                name,
                card.owner,
                card.opened,
                card.word,
                now - card.spoke,
                ended=card.word is not None and self._has_ended(user, card.word.call_id),
            )
            for name, card in self._leased(user).items()
        ]
        heard = any(
            until > now and not self._has_ended(user, call)
            for call, until in self._heard.get(user, {}).items()
        )
        return Situation(cards, heard or now < self._started + self._times.start)

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


def _everybody(user: User) -> User:
    """The portal's server tells of an end for all users: for one without an id."""
    return User(user.member_id, "")
