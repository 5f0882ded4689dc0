"""What the tests of refreshing share: a portal that refuses the old token, and a `refresh`."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status

T = TypeVar("T")

WAIT = 60
"""Seconds after which something that should have happened will not."""

OLD, NEW = "old-marker-token", "new-marker-token"

EXPIRED = {"error": "expired_token", "error_description": "The access token provided has expired."}


class Portal:
    """A portal without a network, which accepts only the tokens in `valid`."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.valid = {NEW}
        self.refusal = httpx.Response(401, json=EXPIRED)
        self.tokens: Counter[str] = Counter()
        self._answer = answer
        self._changed = threading.Condition()

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        token = json.loads(request.content)["auth"]
        with self._changed:
            self.tokens[token] += 1
            self._changed.notify_all()
        if token in self.valid:
            return httpx.Response(200, json=self._answer)
        return httpx.Response(self.refusal.status_code, content=self.refusal.content)

    def wait_for(self, token: str, times: int) -> None:
        """Wait until so many calls came with this token."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.tokens[token] >= times, WAIT):
                raise TimeoutError(f"{self.tokens} instead of {times} calls with {token}")

    def client(self, **arguments: Any) -> AuthenticatedClient:
        """A client of this portal, which begins with a token that has expired.

        Its `refresh_timeout` is longer than any test waits, unless given.
        """
        return AuthenticatedClient(
            base_url="https://portal.example/rest",
            token=OLD,
            transport=lambda: httpx.MockTransport(self.answer),
            async_transport=lambda: httpx.MockTransport(self.answer),
            refresh_timeout=arguments.pop("refresh_timeout", 10 * WAIT),
            **arguments,
        )


class Refreshes:
    """A `refresh` that counts its calls, waits for `ready`, and then returns or raises `result`."""

    def __init__(self, result: object = NEW, ready: Callable[[], object] = lambda: None) -> None:
        self.calls = 0
        self.result = result
        self._ready = ready

    def __call__(self) -> str:
        self.calls += 1
        self._ready()
        return self._end()

    async def in_the_loop(self) -> str:
        """Do the same as a coroutine function."""
        self.calls += 1
        await asyncio.to_thread(self._ready)
        return self._end()

    def _end(self) -> str:
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result  # type: ignore[return-value]


def call(client: Client) -> object:
    """A synchronous call, of which the id of an entity is enough."""
    return get_status.sync(client=client).result.crm_entity_id


async def acall(client: Client) -> object:
    """The same in an event loop."""
    return (await get_status.asyncio(client=client)).result.crm_entity_id


def in_time(function: Callable[[], T]) -> T:
    """Call the function in a thread; if it hangs, the test fails, and the thread is left behind."""
    results: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(WAIT)
    if thread.is_alive():
        pytest.fail("the call hangs")
    if raised:
        raise raised[0]
    return results[0]


def outcomes_of_threads(client: Client, count: int) -> list[object]:
    """What so many threads get that call at once: an entity's id, or an exception."""

    def outcome(_: int) -> object:
        try:
            return call(client)
        except Exception as error:
            return error

    with ThreadPoolExecutor(count, thread_name_prefix="caller") as threads:
        return list(threads.map(outcome, range(count), timeout=WAIT))


def wait_for_waiting_threads(count: int) -> None:
    """Wait until so many of the callers in threads wait for another one."""
    deadline = time.monotonic() + WAIT
    while _waiting_threads() < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def _waiting_threads() -> int:
    frames = sys._current_frames()
    callers = [thread for thread in threading.enumerate() if thread.name.startswith("caller")]
    running = [frames[caller.ident] for caller in callers if caller.ident in frames]
    return sum(frame.f_code is threading.Condition.wait.__code__ for frame in running)


async def outcomes_of_tasks(client: Client, count: int) -> list[object]:
    """What so many tasks get that call at once: an entity's id, or an exception."""
    async with asyncio.timeout(WAIT):
        calls = [acall(client) for _ in range(count)]
        return list(await asyncio.gather(*calls, return_exceptions=True))
