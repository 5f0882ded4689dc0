"""What the tests of the refresh share: a portal that refuses the old token, and a `refresh`."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status

from tests.client.conftest import WAIT

T = TypeVar("T")

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
        """Wait until the token has come with that many calls."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.tokens[token] >= times, WAIT)

    def client(self, **arguments: Any) -> AuthenticatedClient:
        """Make a client of this portal, whose token has expired.

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
    """A function that counts its calls, waits for `ready`, and then returns or raises `result`."""

    def __init__(self, result: object = NEW, ready: Callable[[], object] = lambda: None) -> None:
        self.calls = 0
        self.begun = threading.Event()
        self.result = result
        self._ready = ready

    def __call__(self, *_: str) -> Any:
        self.calls += 1
        self.begun.set()
        self._ready()
        return self._end()

    async def in_the_loop(self, *_: str) -> Any:
        """Async version."""
        self.calls += 1
        self.begun.set()
        await asyncio.to_thread(self._ready)
        return self._end()

    def of_kind(self, kind: str) -> Callable[..., Any]:
        """Return it as one of the kinds of functions that asyncio accepts."""

        class Object:
            __call__ = staticmethod(self.in_the_loop)

        kinds: dict[str, Callable[..., Any]] = {
            "function": self,
            "coroutine function": self.in_the_loop,
            "object": Object(),
            "lambda": lambda *arguments: self.in_the_loop(*arguments),
        }
        return kinds[kind]

    def _end(self) -> object:
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


KINDS = pytest.mark.parametrize("kind", ["function", "coroutine function", "lambda"])


def call(client: Client) -> object:
    """Make a synchronous call, and return the id of its entity."""
    return get_status.sync(client=client).result.crm_entity_id


async def acall(client: Client) -> object:
    """Async version of `call`."""
    return (await get_status.asyncio(client=client)).result.crm_entity_id


def in_time(function: Callable[[], T]) -> T:
    """Call the function in a thread, and leave the thread behind if it hangs."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome.result(WAIT)


def outcomes_of_threads(client: Client, count: int) -> list[object]:
    """Call in `count` threads at once, and return the ids or exceptions."""

    def outcome(_: int) -> object:
        try:
            return call(client)
        except Exception as error:
            return error

    with ThreadPoolExecutor(count, thread_name_prefix="caller") as threads:
        return list(threads.map(outcome, range(count), timeout=WAIT))


def wait_for_waiting_callers(count: int) -> None:
    """Wait until that many threads of `outcomes_of_threads` wait for another one."""
    waiting = 0
    while waiting < count:
        time.sleep(0.001)
        frames = sys._current_frames()
        callers = [thread for thread in threading.enumerate() if thread.name.startswith("caller")]
        running = [frames[caller.ident] for caller in callers if caller.ident in frames]
        waiting = sum(frame.f_code is threading.Condition.wait.__code__ for frame in running)


async def outcomes_of_tasks(client: Client, count: int) -> list[object]:
    """Call in `count` tasks at once, and return the ids or exceptions."""
    calls = [acall(client) for _ in range(count)]
    return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), WAIT)
