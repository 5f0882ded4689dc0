"""A bridge of several processes: over Redis they ask each other's cards and share their limits.

No card is stored there. A question goes to every process that listens, and each answers with the
cards that it has; so a card counts while its process hears, and no clock decides.
"""

# pyright: basic
# The types of redis itself are incomplete.

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar

import redis as sync_redis
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError, RedisError

from .cards import Card, User, Word
from .connections import Connections
from .errors import StoreGoneError
from .metrics import is_due
from .settings import Rate, SettingsError, Times, invalid

log = logging.getLogger("bitrix24_bridge")

PATIENCE = 0.8
"""Seconds that Redis may take for one operation."""
LATE = 0.3
"""Seconds that an answer of another process may take, beside what its cards may take."""
MOST_CONNECTIONS = 50
"""To Redis, of one process."""

TAKE = """
local burst, a_second = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local level, since = unpack(redis.call('HMGET', KEYS[1], 'level', 'since'))
level = math.max(0, (level or 0) - math.max(0, now - (since or now)) * a_second)
local fits = level + 1 <= burst
redis.call('HSET', KEYS[1], 'level', fits and level + 1 or level, 'since', now)
redis.call('EXPIRE', KEYS[1], math.ceil((burst + 1) / a_second))
return fits and 1 or 0
"""
_T = TypeVar("_T")


def connect(url: str) -> Redis:
    """Make the client for a store."""
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
    return Redis.from_pool(pool)


def check(url: str) -> None:
    """Raise `SettingsError` if this Redis cannot serve a bridge, or `StoreGoneError`."""
    try:
        with sync_redis.Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        ) as client:
            info: dict[str, Any] = client.info()
    except (TypeError, ValueError):  # an option of the URL that the client does not know
        raise invalid("BRIDGE_STORE") from None
    except (RedisError, OSError):
        raise StoreGoneError from None
    if info.get("cluster_enabled"):
        raise SettingsError("BRIDGE_STORE: this Redis is a cluster. Expected a single server.")
    if (policy := info.get("maxmemory_policy", "noeviction")) != "noeviction":
        raise SettingsError(
            f"BRIDGE_STORE: this Redis evicts keys ({policy}). Set its maxmemory-policy to "
            "noeviction."
        )


class Processes:
    """All cards of a bridge, and its limits; `name` is that of the bridge, its address say."""

    def __init__(self, redis: Redis, name: str, here: Connections, times: Times) -> None:
        self._redis = redis
        self._prefix = f"bitrix24-bridge:{name}:"
        self._to_all = f"{self._prefix}all"
        self._here = here
        self._times = times
        self._take = redis.register_script(TAKE)
        self._process = secrets.token_hex(8)
        self._working = True
        self.hears = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._questions = 0
        self._waiting: dict[int, asyncio.Queue[list[Card]]] = {}

    async def run(self) -> None:
        """Answer the questions of other processes until cancelled."""
        tasks = [asyncio.create_task(each) for each in (self._listen(), self._live())]
        try:
            await asyncio.wait(tasks)
        finally:
            self._working = False  # redis-py may swallow a cancellation (Python 3.11)
            for task in tasks:
                task.cancel()
            await self._redis.aclose()

    async def _listen(self) -> None:
        while self._working:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(self._to_all, self._to(self._process))
                    await self._hear(channel)
            except Exception as error:  # whatever it is: a process that is deaf loses its cards
                if not isinstance(error, RedisError | OSError):
                    log.error("Listening to Redis failed: %s", type(error).__name__)
            finally:
                self.hears.clear()
            await asyncio.sleep(PATIENCE / 4)

    async def _hear(self, channel: Any) -> None:
        heard = time.monotonic()
        # A connection that a network dropped is as silent as one without questions.
        while self._working and time.monotonic() - heard < self._times.lease / 2:
            message = await channel.get_message(timeout=PATIENCE / 2)
            if message is None:
                continue
            heard = time.monotonic()
            self.hears.set()  # also that it has subscribed
            if message["type"] == "message":
                with suppress(ValueError, TypeError, KeyError, AttributeError):  # not of a bridge
                    self._receive(json.loads(message["data"]))

    async def _live(self) -> None:
        """Say to itself that it lives, and notice a Redis that has become a replica."""
        while self._working:
            with suppress(StoreGoneError):
                await self._do(self._redis.publish(self._to(self._process), "{}"))
                await self._do(self._redis.set(f"{self._prefix}alive", self._process, ex=60))
            await asyncio.sleep(self._times.lease / 4)

    def _receive(self, message: dict[str, Any]) -> None:
        if (question := message.get("answer")) in self._waiting:
            cards = [Card(*row)._replace(word=row[2] and Word(*row[2])) for row in message["cards"]]
            self._waiting[question].put_nowait(cards)
        elif message.get("from") == self._process:
            pass
        elif "question" in message:
            user, to = User(*message["user"]), self._to(message["from"])
            task = asyncio.create_task(self._answer(user, message["question"], to))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, user: User, question: int, to: str) -> None:
        answer = json.dumps({"answer": question, "cards": await self._here.ask(user)})
        with suppress(StoreGoneError):
            await self._do(self._redis.publish(to, answer))

    async def ask(self, user: User) -> list[Card]:
        """Ask the cards of a user, wherever they are connected. Raise `StoreGoneError`."""
        here, elsewhere = await asyncio.gather(self._here.ask(user), self._ask_others(user))
        # A card that has connected to another process may be at both until the former notices.
        cards = sorted([*here, *elsewhere], key=lambda card: -card.age)
        return list({card.id: card for card in cards}.values())

    async def _ask_others(self, user: User) -> list[Card]:
        if not self.hears.is_set():
            raise StoreGoneError
        self._questions = question = self._questions + 1
        answers = self._waiting[question] = asyncio.Queue[list[Card]]()
        message = {"from": self._process, "user": user, "question": question}
        cards: list[Card] = []
        try:
            listeners = await self._do(self._redis.publish(self._to_all, json.dumps(message)))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._times.ask + LATE):
                    for _ in range(listeners - 1):  # without this process
                        cards += await answers.get()
        finally:
            del self._waiting[question]
        return cards

    async def take(self, network: str, rate: Rate, kind: str) -> bool:
        """Put one more request of this kind into the bucket of a network."""
        key = f"{self._prefix}{kind}:{network}"
        return bool(await self._do(self._take(keys=[key], args=[rate.burst, rate.a_second])))

    def _to(self, process: str) -> str:
        return f"{self._prefix}process:{process}"

    async def _do(self, operation: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(PATIENCE):
                return await operation
        except (RedisError, OSError) as error:
            if isinstance(error, ReadOnlyError):  # after a failover, this is the former server
                await self._redis.connection_pool.disconnect()
            # That it is the password, only the cause says. Texts may hold anything.
            cause = error.__cause__ if isinstance(error.__cause__, RedisError) else error
            if is_due("store", type(cause).__name__):
                log.warning("Redis cannot be used: %s.", type(cause).__name__)
            raise StoreGoneError from None
