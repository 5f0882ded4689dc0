"""The store of a bridge of several processes: Redis, which any of them may lose for a while.

A card is a lease: its age is what is left of it. A question goes to the process that holds the
card's socket, by pub/sub. The operations themselves are in redis_store.lua.
"""

# pyright: basic
# The types of redis itself are incomplete.

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from .settings import Rate, Times
from .store import (
    MOST_CARDS,
    AskHere,
    Card,
    StoreGoneError,
    TooManyCardsError,
    User,
    Word,
)

log = logging.getLogger("bitrix24_bridge")

PREFIX = "bitrix24-bridge:"
SCRIPT = (Path(__file__).parent / "redis_store.lua").read_text("utf-8")
PATIENCE = 0.8
"""Seconds that Redis may take for one operation."""
MOST_CONNECTIONS = 50
"""To Redis, of one process."""
STILL_THERE = "still there"
"""What a process says to itself, to know that it would hear a question."""
_T = TypeVar("_T")


def connect(url: str) -> Redis:
    """Make the client for a store. Raise `TypeError` or `ValueError` for options of the URL."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MOST_CONNECTIONS,
        timeout=PATIENCE,  # a burst of requests waits for its turn; it is not a Redis that has gone
        decode_responses=True,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 1),  # a connection that was idle may have gone
        retry_on_error=[ConnectionError],
    )
    # Made now, or an unknown option would fail every request.
    pool.make_connection()  # type: ignore[no-untyped-call]
    return Redis.from_pool(pool)


class RedisStore:
    """State in Redis, under keys that begin with `bitrix24-bridge:`."""

    def __init__(self, redis: Redis, times: Times) -> None:
        self._times = times
        self._process = secrets.token_hex(8)
        self._redis = redis
        self._script = redis.register_script(SCRIPT)
        self._reached = True
        self._working = True
        self._answering: set[asyncio.Task[None]] = set()
        self._waiting: dict[str, asyncio.Future[bool]] = {}

    async def run(self, ask_here: AskHere) -> None:
        """Answer the questions of other processes, and say that this one lives."""
        self._ask_here = ask_here
        await self._check_persistence()
        tasks = [asyncio.create_task(each) for each in (self._listen(), self._live())]
        try:
            await asyncio.wait(tasks)
        finally:
            self._working = False  # redis-py may swallow a cancellation (Python 3.11)
            for task in tasks:
                task.cancel()
            await self._redis.aclose()

    async def _check_persistence(self) -> None:
        """Warn where phone numbers would be written to a disk."""
        with contextlib.suppress(RedisError, OSError):
            kept = await self._redis.config_get("save", "appendonly")
            if kept.get("save") or kept.get("appendonly") == "yes":
                log.warning(
                    "This Redis writes phone numbers to its disk. Set save '' and appendonly no."
                )

    async def _live(self) -> None:
        while self._working:
            with contextlib.suppress(StoreGoneError):
                await self._do(self._redis.publish(PREFIX + self._process, STILL_THERE))
            await asyncio.sleep(self._times.lease / 4)

    async def _listen(self) -> None:
        while self._working:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(PREFIX + self._process)
                    heard = time.monotonic()
                    # A connection that a network dropped is as silent as one without questions.
                    while self._working and time.monotonic() - heard < self._times.lease / 2:
                        message = await channel.get_message(timeout=PATIENCE / 2)
                        if message is not None:
                            heard = time.monotonic()
                            answering = asyncio.create_task(self._receive(message["data"]))
                            self._answering.add(answering)
                            answering.add_done_callback(self._answering.discard)
            except (RedisError, OSError):
                await asyncio.sleep(PATIENCE / 4)

    async def _receive(self, text: str) -> None:
        if text == STILL_THERE:
            return
        message = json.loads(text)
        if "owner" in message:  # a question
            answered = await self._ask_here(message["owner"])
            answer = {"question": message["question"], "answered": answered}
            with contextlib.suppress(StoreGoneError):
                await self._do(self._redis.publish(message["asked_by"], json.dumps(answer)))
        elif waiting := self._waiting.get(message["question"]):
            waiting.set_result(message["answered"])

    async def ask(self, user: User, card: Card) -> bool:
        """Ask a card for its word, at the process that has its socket."""
        process, _, owner = card.owner.partition("/")
        if process == self._process:
            return await self._ask_here(owner)
        question = secrets.token_hex(8)
        answer = self._waiting[question] = asyncio.get_running_loop().create_future()
        message = {"owner": owner, "question": question, "asked_by": PREFIX + self._process}
        try:
            if not await self._do(self._redis.publish(PREFIX + process, json.dumps(message))):
                # Nobody listens: the process has gone, and the card's socket with it.
                await self._run("close", user, card.id, card.owner)
                return False
            await asyncio.wait([answer], timeout=self._times.ask)
            return answer.done() and answer.result()
        finally:
            del self._waiting[question]

    async def claim(self, user: User, card: str, owner: str, word: Word | None = None) -> None:
        """Let `owner` speak for the card from now on."""
        form = _milliseconds(self._times.form)
        if not await self._run("claim", user, *self._said(card, owner, form, word)):
            raise TooManyCardsError

    async def say(self, user: User, card: str, owner: str, word: Word) -> bool:
        """Note the card's word."""
        lease = _milliseconds(self._times.lease)
        said = await self._run("say", user, *self._said(card, owner, lease, word))
        if not said:
            raise TooManyCardsError
        return bool(said == 1)

    def _said(self, card: str, owner: str, lease: int, word: Word | None) -> list[str | int]:
        words = [word.state, word.text] if word else []
        return [card, f"{self._process}/{owner}", lease, MOST_CARDS, *words]

    async def close(self, user: User, card: str, owner: str) -> None:
        """Forget a card whose connection has closed."""
        await self._run("close", user, card, f"{self._process}/{owner}")

    async def cards(self, user: User) -> list[Card]:
        """Return the connected cards of a user."""
        return [
            Card(
                id=card,
                owner=owner,
                opened=int(opened),
                word=None if text is None else Word(state, text),
                age=age / 1000,
            )
            for card, owner, opened, age, state, text in await self._run("cards", user)
        ]

    async def take(self, address: str, rate: Rate, what: str) -> bool:
        """Put one more request of this kind into the bucket of an address."""
        nobody = User("", "")
        return bool(await self._run("take", nobody, address, what, rate.burst, rate.a_second))

    async def recall(self, key: str) -> str | None:
        """Give the text that was kept under a key."""
        text: Any = await self._do(self._redis.get(PREFIX + key))
        return None if text is None else str(text)

    async def keep(self, key: str, text: str, seconds: float) -> None:
        """Keep a text for so long at most."""
        await self._do(self._redis.set(PREFIX + key, text, px=_milliseconds(seconds)))

    async def _run(self, operation: str, user: User, *arguments: str | float) -> Any:
        return await self._do(self._script(args=[operation, *user, *arguments]))

    async def _do(self, operation: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await operation
        except (RedisError, OSError) as error:
            if self._reached:
                # That it is the password, only the cause says. Texts may hold anything.
                cause = error.__cause__ if isinstance(error.__cause__, RedisError) else error
                log.warning("Redis cannot be used: %s.", type(cause).__name__)
            self._reached = False
            raise StoreGoneError from None
        self._reached = True
        return answer


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
