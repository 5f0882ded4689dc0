"""The cards that are connected to this process, and the questions that they are asked."""

import asyncio
import contextlib
import json
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Generator

from bitrix24_call_card.errors import InvalidResponse
from bitrix24_call_card.models import CallStatus

from .settings import Times
from .store import Store, StoreGoneError, User, Word

MOST_MESSAGES = 20
"""The messages of one card in a second that nobody asked for."""

# The codes that a socket is closed with. The page's script knows three of them: it asks the portal
# for another token, or it stops. After every other code it connects again, later and later.
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
    """The socket of one card: one question at a time, whose answer all who wait share."""

    def __init__(
        self,
        user: User,
        card: str,
        store: Store,
        times: Times,
        send: Callable[[str], Awaitable[None]],
    ) -> None:
        self.owner = secrets.token_hex(8)
        self.user = user
        self.card = card
        self.replaced = asyncio.Event()
        self._store = store
        self._times = times
        self._send = send
        self._number = 0
        self._answered = 0
        self._wanted = asyncio.Event()
        self._answer = _future()
        self._second = 0
        self._messages = 0

    async def run(self, receive: Callable[[], Awaitable[str]], seconds: float) -> None:
        """Ask the card and listen to it, for so many seconds at most. Raise `ClosingError`."""
        ends = [
            asyncio.ensure_future(each)
            for each in (self._question(), self._listen(receive), self.replaced.wait())
        ]
        try:
            done, _ = await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            with contextlib.suppress(StoreGoneError):  # its lease runs out all the same
                await asyncio.shield(self._store.close(self.user, self.card, self.owner))
            self._answer.cancel()  # who waits shall not find the card any more
        if not done:
            raise ClosingError(TOKEN, "the access token has expired")
        for end in done:
            end.result()
        raise ClosingError(REPLACED, "the same card has connected again")

    async def answered(self) -> bool:
        """Ask the card, unless a question is under way. False if it does not answer in time."""
        if self._answered == self._number:
            self._wanted.set()
        answer = self._answer
        await asyncio.wait([answer], timeout=self._times.ask)
        return answer.done() and not answer.cancelled()

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
            text = await receive()
            number, word = _read(text)
            # Each question has one answer. They may come late, all at once: the page was frozen.
            asked = self._answered < number <= self._number
            awaited = number == self._number
            if not asked:
                self._count()
            noted = False
            with contextlib.suppress(StoreGoneError):  # the card will say it again
                if not await self._store.say(self.user, self.card, self.owner, word):
                    raise ClosingError(REPLACED, "the same card has connected elsewhere")
                noted = True
            if asked:
                self._answered = number
                if awaited and noted:  # or who waits would take an earlier word for this answer
                    self._answer.set_result(None)
                    self._answer = _future()

    def _count(self) -> None:
        second = int(asyncio.get_running_loop().time())
        self._messages = self._messages + 1 if second == self._second else 1
        self._second = second
        if self._messages > MOST_MESSAGES:
            raise ClosingError(TOO_MUCH, f"more than {MOST_MESSAGES} messages in a second")


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


def _read(text: str) -> tuple[int, Word]:
    """Read `{"answer": 7, "status": {…}}`; what nobody asked for has no number, or a wrong one."""
    try:
        message = json.loads(text)
        number, word = message.get("answer"), Word.of(CallStatus.from_dict(message["status"]))
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError, InvalidResponse):
        raise ClosingError(BAD_MESSAGE, "expected the status of a call") from None
    return (number if isinstance(number, int) else 0), word


class Connections:
    """All cards of this process, by owner and by card."""

    def __init__(self) -> None:
        self._by_owner: dict[str, Connection] = {}
        self._by_card: dict[tuple[User, str], Connection] = {}

    @contextlib.contextmanager
    def opened(self, connection: Connection) -> Generator[None, None, None]:
        """Keep a connection while the context lasts; one of the same card is replaced."""
        key = (connection.user, connection.card)
        self.replace(*key)
        self._by_card[key] = self._by_owner[connection.owner] = connection
        try:
            yield
        finally:
            del self._by_owner[connection.owner]
            if self._by_card.get(key) is connection:
                del self._by_card[key]

    def replace(self, user: User, card: str) -> None:
        """Close the connection of a card, if it has one: its page has been opened again."""
        if former := self._by_card.get((user, card)):
            former.replaced.set()

    async def ask(self, owner: str) -> bool:
        """Ask the card of this owner. False if it does not answer in time, or is not here."""
        connection = self._by_owner.get(owner)
        return connection is not None and await connection.answered()

    def count(self) -> dict[User, int]:
        """Count the cards of each user."""
        return Counter(connection.user for connection in self._by_owner.values())
