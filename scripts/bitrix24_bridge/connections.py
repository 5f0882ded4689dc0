"""The cards that are connected to this process, and the questions that they are asked."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, cast

from bitrix24_call_card.errors import InvalidResponse
from bitrix24_call_card.models import CallStatus

from .cards import Card, User, Word
from .errors import BridgeError
from .metrics import QUESTIONS
from .settings import Times

MOST_CARDS = 10
"""The cards of one user."""
MOST_UNASKED = 100
"""The messages of one card that nobody asked for, between two answers to questions."""

# The codes that a socket is closed with. After TOKEN the page's script asks the portal for another
# token, after REFUSED and REPLACED it tries again slowly, after every other code soon.
TOKEN = 4401
REFUSED = 4403
REPLACED = 4409
BAD_MESSAGE = 4400
SILENT = 4408
TOO_MUCH = 4429
UNAVAILABLE = 4503


class ClosingError(Exception):
    """A socket is to be closed, with a code and a reason that the page's script may show."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection:
    """The socket of a card: one question at a time; concurrent callers share its answer."""

    def __init__(
        self, times: Times, send: Callable[[str], Awaitable[None]], age: float = 0
    ) -> None:
        """`age`: for how many seconds its page has been open."""
        self.opened = time.time() - age
        self.word: Word | None = None
        self.spoke = _now()
        self._times = times
        self._send = send
        self._number = self._answered = self._unasked = 0
        self._wanted = asyncio.Event()
        self._answer = _future()
        self._replaced: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def age(self) -> float:
        """How many seconds ago it spoke, or connected."""
        return _now() - self.spoke

    @property
    def last_word(self) -> Word | None:
        """What it said last, unless that is too old: this process may have been stopped."""
        return self.word if self.age <= self._times.lease else None

    async def run(self, receive: Callable[[], Awaitable[str]], seconds: float) -> None:
        """Ask the card and listen to it, for at most `seconds`. Raise `ClosingError`."""
        ends = [
            asyncio.ensure_future(each)
            for each in (self._question(), self._listen(receive), self._silence(), self._replaced)
        ]
        try:
            done, _ = await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            self._answer.cancel()  # whoever waits shall not find the card any more
        if not done:
            raise ClosingError(TOKEN, "the access token has expired")
        for end in done - {self._replaced}:
            end.result()
        raise ClosingError(REPLACED, self._replaced.result())

    async def ask(self) -> bool:
        """Ask the card, unless its word is fresh or a question is under way already."""
        if self.word and self.age < self._times.fresh:
            return False
        if self._answered == self._number:
            self._wanted.set()
        answer = self._answer
        with QUESTIONS.time():
            await asyncio.wait([answer], timeout=self._times.ask)
        return answer.done() and not answer.cancelled()

    def replace(self, reason: str) -> None:
        """Close the socket."""
        if not self._replaced.done():
            self._replaced.set_result(reason)

    async def _question(self) -> None:
        while True:
            self._number += 1
            await self._send(json.dumps({"ask": self._number}))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._times.every):
                    await self._wanted.wait()
            self._wanted.clear()

    async def _listen(self, receive: Callable[[], Awaitable[str]]) -> None:
        while True:
            number, word = _read(await receive())
            # Each question has one answer. They may come late, all at once: the page was frozen.
            asked = self._answered < number <= self._number
            self.word, self.spoke = word, _now()
            if not asked:
                self._unasked += 1
                if self._unasked > MOST_UNASKED:
                    raise ClosingError(TOO_MUCH, f"more than {MOST_UNASKED} messages unasked")
                continue
            self._answered, self._unasked = number, 0
            if number == self._number:
                self._answer.set_result(None)
                self._answer = _future()

    async def _silence(self) -> None:
        while (left := self._times.lease - self.age) > 0:
            await asyncio.sleep(left)
        raise ClosingError(SILENT, "the page does not answer")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


def _read(text: str) -> tuple[int, Word | None]:
    """Read `{"answer": 7, "status": {…}}`; what nobody asked for has no number, or a wrong one."""
    try:
        message = json.loads(text)
        number, status = message.get("answer"), message["status"]
        # Without a call's id the page has said that it lives, and nothing of a call.
        says_call = isinstance(status, dict) and "CALL_ID" in status
        call = cast("dict[str, Any]", status)
        word = Word.of(CallStatus.from_dict(call)) if says_call else None
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError, InvalidResponse):
        raise ClosingError(BAD_MESSAGE, "expected the status of a call") from None
    return (number if isinstance(number, int) else 0), word


class Connections:
    """All cards of this process."""

    def __init__(self) -> None:
        self._cards: dict[User, dict[str, Connection]] = {}

    @contextlib.contextmanager
    def opened(self, user: User, card: str, connection: Connection) -> Generator[None, None, None]:
        """Keep a connection while the context lasts. Raise `BridgeError`."""
        cards = self._cards.setdefault(user, {})
        if former := cards.pop(card, None):
            former.replace("the same card has connected again")
        elif len(cards) >= MOST_CARDS:
            _make_room(cards)
        cards[card] = connection
        try:
            yield
        finally:
            if cards.get(card) is connection:
                del cards[card]
                if not cards:
                    del self._cards[user]

    async def ask(self, user: User) -> list[Card]:
        """Ask the cards of a user that are connected here."""
        asked = list(self._cards.get(user, {}).values())
        answers = await asyncio.gather(*(each.ask() for each in asked))
        answered = {each for each, in_time in zip(asked, answers, strict=True) if in_time}
        return [
            Card(name, each.opened, each.last_word, each.age, each in answered)
            for name, each in self._cards.get(user, {}).items()
        ]


def _make_room(cards: dict[str, Connection]) -> None:
    """Close the oldest card of a user that shows no call under way."""
    replaceable = [
        name for name, card in cards.items() if card.word is None or card.word.state != "connected"
    ]
    if not replaceable:
        raise BridgeError("QUERY_LIMIT_EXCEEDED", f"A user may have {MOST_CARDS} cards.")
    oldest = min(replaceable, key=lambda name: cards[name].opened)
    cards.pop(oldest).replace(f"the user has opened {MOST_CARDS} other cards")
