"""The renewal of an expired token: once for all who wait for it, and never for ever."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import pickle
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import parse_qs

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status

if TYPE_CHECKING:
    from bitrix24_sandbox.remote import Sandbox

    from tests.client.conftest import Ask, Get

T = TypeVar("T")

WAIT = 10
"""Seconds after which something that should have happened will not."""

OLD, NEW = "old-marker-token", "new-marker-token"

EXPIRED = {"error": "expired_token", "error_description": "The access token provided has expired."}


class Portal:
    """A portal without a network, which takes the tokens it is told to take."""

    def __init__(self, answer: dict[str, Any], *valid: str) -> None:
        self.valid = set(valid)
        self.refusal = httpx.Response(401, json=EXPIRED)
        self.tokens: Counter[str] = Counter()
        self._answer = answer
        self._changed = threading.Condition()

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        (token,) = parse_qs(request.url.query.decode()).get("auth") or [_json(request)["auth"]]
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
        """A client of this portal, which begins with a token that has expired."""
        return AuthenticatedClient(
            base_url="https://portal.example/rest",
            token=OLD,
            httpx_args={"transport": httpx.MockTransport(self.answer)},
            **arguments,
        )


def _json(request: httpx.Request) -> Any:
    return httpx.Response(200, content=b"".join(request.stream)).json()  # type: ignore[arg-type]


@pytest.fixture
def portal(answer: dict[str, Any]) -> Portal:
    """A portal that takes the new token only."""
    return Portal(answer, NEW)


class Renewals:
    """A `refresh` that counts its calls, and waits for `ready` before it gives what it has."""

    def __init__(self, gives: object = NEW, ready: Callable[[], object] = lambda: None) -> None:
        self.calls = 0
        self.gives = gives
        self._ready = ready

    def __call__(self) -> str:
        self.calls += 1
        self._ready()
        if isinstance(self.gives, BaseException):
            raise self.gives
        return self.gives  # type: ignore[return-value]

    async def in_the_loop(self) -> str:
        """Do the same as a coroutine function."""
        self.calls += 1
        await asyncio.to_thread(self._ready)
        if isinstance(self.gives, BaseException):
            raise self.gives
        return self.gives  # type: ignore[return-value]


def in_time(call: Callable[[], T]) -> T:
    """What a call gives in a thread of its own; a call that hangs fails the test."""
    results: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)  # a daemon, or the end would hang as well
    thread.start()
    thread.join(WAIT / 4)
    if thread.is_alive():
        pytest.fail("the call hangs")
    if raised:
        raise raised[0]
    return results[0]


def outcomes_of_threads(client: Client, count: int) -> list[object]:
    """What so many threads get that ask at once: an entity's id, or an exception."""

    def call(_: int) -> object:
        try:
            return get_status.sync(client=client).result.crm_entity_id
        except Exception as error:
            return error

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(call, range(count), timeout=WAIT))


async def outcomes_of_tasks(client: Client, count: int) -> list[object]:
    """What so many tasks get that ask at once: an entity's id, or an exception."""
    async with asyncio.timeout(WAIT):
        answers = [get_status.asyncio(client=client) for _ in range(count)]
        results = await asyncio.gather(*answers, return_exceptions=True)
    return [r if isinstance(r, BaseException) else r.result.crm_entity_id for r in results]


class TestOneCall:
    @pytest.mark.parametrize("auth_in", ["body", "query"])
    def test_an_expired_token_is_renewed_and_the_call_repeated(
        self, auth_in: Literal["body", "query"], ask: Ask, portal: Portal
    ) -> None:
        stored: list[str] = []
        refresh = Renewals()
        client = portal.client(auth_in=auth_in, refresh=refresh, on_refresh=stored.append)
        with client:
            ask(client)
        assert portal.tokens == {OLD: 1, NEW: 1}
        assert refresh.calls == 1
        assert stored == [NEW]

    def test_the_new_token_is_used_from_then_on(self, get: Get, portal: Portal) -> None:
        refresh = Renewals()
        with portal.client(refresh=refresh) as client:
            for _ in range(3):
                assert get(client).result.crm_entity_id == 17
            assert client.token == NEW
        assert portal.tokens == {OLD: 1, NEW: 3}
        assert refresh.calls == 1

    def test_it_is_renewed_again_when_it_expires_again(self, get: Get, portal: Portal) -> None:
        refresh = Renewals()
        with portal.client(refresh=refresh) as client:
            get(client)
            portal.valid, refresh.gives = {"a-third-token"}, "a-third-token"
            assert get(client).result.crm_entity_id == 17
        assert refresh.calls == 2

    def test_a_coroutine_function_renews_for_the_asynchronous_functions(
        self, portal: Portal
    ) -> None:
        refresh = Renewals()
        client = portal.client(refresh=refresh.in_the_loop)
        assert asyncio.run(outcomes_of_tasks(client, 1)) == [17]
        assert (refresh.calls, client.token) == (1, NEW)

    def test_without_refresh_the_error_is_the_answer(self, get: Get, portal: Portal) -> None:
        with portal.client() as client, pytest.raises(errors.ApiError, match="expired_token"):
            get(client)
        assert portal.tokens == {OLD: 1}

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (401, {"error": "invalid_token", "error_description": ""}),
            (401, {"error": "NO_AUTH_FOUND", "error_description": ""}),
            (401, {"error": "EXPIRED_TOKEN", "error_description": "expired_token"}),
            (401, {"error": ["expired_token"]}),
            (401, ["expired_token"]),
            (401, "expired_token"),
            (401, None),
            (403, {"error": "insufficient_scope", "error_description": ""}),
            *[(status, EXPIRED) for status in (200, 400, 403, 500, 503, 520)],
        ],
    )
    def test_nothing_else_is_a_reason_to_renew(
        self, status: int, body: object, ask: Ask, portal: Portal
    ) -> None:
        portal.refusal = httpx.Response(status, json=body)
        refresh = Renewals()
        with portal.client(refresh=refresh) as client, contextlib.suppress(errors.Bitrix24Error):
            ask(client)
        assert refresh.calls == 0
        assert portal.tokens == {OLD: 1}

    def test_a_portal_that_takes_no_token_ends_after_one_renewal(
        self, get: Get, portal: Portal
    ) -> None:
        portal.valid = set()
        refresh = Renewals()
        with portal.client(refresh=refresh) as client:
            with pytest.raises(errors.ApiError, match="expired_token"):
                get(client)
            assert portal.tokens == {OLD: 1, NEW: 1}
            assert refresh.calls == 1

    @pytest.mark.parametrize("gives", [None, 17, b"bytes-marker"])
    def test_what_is_no_token_is_a_type_error_that_says_so(
        self, gives: object, get: Get, portal: Portal
    ) -> None:
        with (
            portal.client(refresh=Renewals(gives)) as client,
            pytest.raises(TypeError, match=r"refresh gave .*expected the new access token") as e,
        ):
            get(client)
        assert "marker" not in str(e.value)
        assert client.token == OLD

    def test_a_hook_that_fails_fails_the_call_and_the_token_is_kept(
        self, get: Get, portal: Portal
    ) -> None:
        def fail(_: str) -> None:
            raise OSError("the disk is full")

        refresh = Renewals()
        with portal.client(refresh=refresh, on_refresh=fail) as client:
            with pytest.raises(OSError, match="the disk is full"):
                get(client)
            assert get(client).result.crm_entity_id == 17
        assert refresh.calls == 1

    def test_a_coroutine_function_cannot_serve_the_synchronous_functions(
        self, portal: Portal
    ) -> None:
        refresh = Renewals()
        with portal.client(refresh=refresh.in_the_loop) as client:
            for _ in range(2):
                with pytest.raises(TypeError, match="coroutine function serves the asynchronous"):
                    get_status.sync(client=client)
        gc.collect()  # here a coroutine that was never awaited would warn, and fail the test
        assert refresh.calls == 0
        assert client.token == OLD


class TestManyCalls:
    """However many callers meet the expired token: one renewal, and one repeat for each."""

    THREADS, TASKS = 32, 200

    def check(self, outcomes: list[object], portal: Portal, refresh: Renewals) -> None:
        """All were refused before the renewal ended, and all were answered after it."""
        assert outcomes == [17] * len(outcomes)
        assert refresh.calls == 1
        assert portal.tokens == {OLD: len(outcomes), NEW: len(outcomes)}

    def test_threads(self, portal: Portal) -> None:
        stored: list[str] = []
        refresh = Renewals(ready=lambda: portal.wait_for(OLD, self.THREADS))
        with portal.client(refresh=refresh, on_refresh=stored.append) as client:
            self.check(outcomes_of_threads(client, self.THREADS), portal, refresh)
        assert stored == [NEW]

    @pytest.mark.parametrize("how", ["function", "coroutine function"])
    def test_tasks(self, how: str, portal: Portal) -> None:
        stored: list[str] = []
        refresh = Renewals(ready=lambda: portal.wait_for(OLD, self.TASKS))
        client = portal.client(
            refresh=refresh if how == "function" else refresh.in_the_loop, on_refresh=stored.append
        )
        self.check(asyncio.run(outcomes_of_tasks(client, self.TASKS)), portal, refresh)
        assert stored == [NEW]

    def test_threads_and_the_tasks_of_several_loops(self, portal: Portal) -> None:
        refresh = Renewals(ready=lambda: portal.wait_for(OLD, self.THREADS + 2 * self.TASKS))
        with portal.client(refresh=refresh) as client, ThreadPoolExecutor(3) as mixed:
            parts = [
                mixed.submit(outcomes_of_threads, client, self.THREADS),
                mixed.submit(asyncio.run, outcomes_of_tasks(client, self.TASKS)),
                mixed.submit(asyncio.run, outcomes_of_tasks(client, self.TASKS)),
            ]
            outcomes = [outcome for part in parts for outcome in part.result(WAIT)]
        self.check(outcomes, portal, refresh)

    def test_threads_after_a_renewal_in_a_loop_that_has_ended(
        self, portal: Portal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refresh = Renewals()
        with portal.client(refresh=refresh) as client:
            assert asyncio.run(outcomes_of_tasks(client, 1)) == [17]
            client.token = OLD
            join = AuthenticatedClient._join_renewal

            def join_and_be_put_aside(*arguments: Any) -> Any:
                joined = join(*arguments)
                time.sleep(0.05)  # as it may happen to any thread between any two steps
                return joined

            monkeypatch.setattr(AuthenticatedClient, "_join_renewal", join_and_be_put_aside)
            assert outcomes_of_threads(client, self.THREADS) == [17] * self.THREADS
        assert refresh.calls == 2

    def test_one_who_was_refused_before_and_hears_of_it_later_does_not_renew_again(
        self, portal: Portal
    ) -> None:
        refused, renewed = threading.Event(), threading.Event()
        answer = portal.answer

        def hear_late(request: httpx.Request) -> httpx.Response:
            response = answer(request)
            if threading.current_thread().name.startswith("late") and not renewed.is_set():
                refused.set()
                renewed.wait(WAIT)
            return response

        portal.answer = hear_late  # type: ignore[method-assign]
        refresh = Renewals()
        with portal.client(refresh=refresh) as client, ThreadPoolExecutor(1, "late") as late:
            answered = late.submit(get_status.sync, client=client)
            assert refused.wait(WAIT)
            assert get_status.sync(client=client).result.crm_entity_id == 17
            renewed.set()
            assert answered.result(WAIT).result.crm_entity_id == 17
        assert refresh.calls == 1
        assert portal.tokens == {OLD: 2, NEW: 2}


class TestARenewalThatFails:
    """Everybody who waits gets what `refresh` raised; the next call tries again."""

    @pytest.fixture(params=["threads", "tasks", "tasks, coroutine function"])
    def everybody(
        self, request: pytest.FixtureRequest, portal: Portal
    ) -> Iterator[tuple[Renewals, Callable[[], list[object]]]]:
        """A `refresh` that fails when all have been refused, and what they get."""
        count = 32 if request.param == "threads" else 200
        refresh = Renewals(OSError("no route"), ready=lambda: portal.wait_for(OLD, count))
        by_coroutine = "coroutine" in request.param
        with portal.client(refresh=refresh.in_the_loop if by_coroutine else refresh) as client:
            if request.param == "threads":
                yield refresh, lambda: outcomes_of_threads(client, count)
            else:
                yield refresh, lambda: asyncio.run(outcomes_of_tasks(client, count))

    def test_each_waiting_caller_gets_that_exception(
        self, everybody: tuple[Renewals, Callable[[], list[object]]], portal: Portal
    ) -> None:
        refresh, ask_all = everybody
        outcomes = ask_all()
        assert {id(outcome) for outcome in outcomes} == {id(refresh.gives)}
        assert refresh.calls == 1
        assert NEW not in portal.tokens

    def test_the_next_call_tries_again(
        self, everybody: tuple[Renewals, Callable[[], list[object]]], portal: Portal
    ) -> None:
        refresh, ask_all = everybody
        ask_all()
        refresh.gives = NEW
        assert ask_all() == [17] * portal.tokens[NEW]
        assert refresh.calls == 2

    @pytest.mark.parametrize(
        "error", [KeyboardInterrupt(), SystemExit(2)], ids=lambda error: type(error).__name__
    )
    def test_the_end_of_the_program_does_not_leave_others_waiting(
        self, error: BaseException, portal: Portal
    ) -> None:
        refresh = Renewals(error)
        with portal.client(refresh=refresh) as client:
            with pytest.raises(type(error)):
                in_time(lambda: get_status.sync(client=client))
            refresh.gives = NEW
            assert in_time(lambda: get_status.sync(client=client)).result.crm_entity_id == 17

    def test_a_refresh_that_runs_out_of_tokens_does_not_hang(
        self, get: Get, portal: Portal
    ) -> None:
        # An asyncio future does not take StopIteration, so it needs a care of its own.
        tokens: Iterator[str] = iter(())
        with portal.client(refresh=lambda: next(tokens)) as client:
            for _ in range(2):
                with pytest.raises((StopIteration, RuntimeError)):
                    in_time(lambda: get(client))


class TestCancellation:
    def test_a_caller_who_gives_up_does_not_take_the_others_along(self, portal: Portal) -> None:
        async def use() -> None:
            goes_on = asyncio.Event()
            calls = 0

            async def refresh() -> str:
                nonlocal calls
                calls += 1
                await goes_on.wait()
                return NEW

            client = portal.client(refresh=refresh)
            first, *others = (
                asyncio.ensure_future(get_status.asyncio(client=client)) for _ in range(20)
            )
            while calls == 0 or portal.tokens[OLD] < 20:
                await asyncio.sleep(0)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            goes_on.set()
            for answer in await asyncio.gather(*others):
                assert answer.result.crm_entity_id == 17
            assert calls == 1
            assert portal.tokens == {OLD: 20, NEW: 19}

        asyncio.run(asyncio.wait_for(use(), WAIT))

    def test_a_renewal_that_all_have_given_up_serves_the_next_call(self, portal: Portal) -> None:
        async def use() -> None:
            begun, goes_on = asyncio.Event(), asyncio.Event()

            async def refresh() -> str:
                begun.set()
                await goes_on.wait()
                return NEW

            client = portal.client(refresh=refresh)
            first = asyncio.ensure_future(get_status.asyncio(client=client))
            await begun.wait()
            first.cancel()
            goes_on.set()
            assert (await get_status.asyncio(client=client)).result.crm_entity_id == 17

        asyncio.run(asyncio.wait_for(use(), WAIT))

    def test_a_loop_that_ends_with_the_renewal_in_it_tells_those_who_wait(
        self, portal: Portal
    ) -> None:
        begun = threading.Event()

        async def for_ever() -> str:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

        client = portal.client(refresh=for_ever)

        async def give_up() -> None:
            asked = asyncio.ensure_future(get_status.asyncio(client=client))
            await asyncio.to_thread(portal.wait_for, OLD, 2)  # the caller in the other thread
            await asyncio.sleep(0.05)  # let it go from its answer to its waiting
            del asked

        def wait_in_another_thread() -> str:
            begun.wait(WAIT)
            with pytest.raises(errors.Bitrix24Error, match="event loop ended"):
                in_time(lambda: get_status.sync(client=client))
            return "was told"

        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(wait_in_another_thread)
            asyncio.run(give_up())
            assert waiting.result(WAIT) == "was told"
        client.refresh = Renewals()
        assert in_time(lambda: get_status.sync(client=client)).result.crm_entity_id == 17

    def test_a_loop_that_stands_still_in_the_renewal_does_not_hold_up_the_next_call(
        self, portal: Portal
    ) -> None:
        async def for_ever() -> str:
            await asyncio.Event().wait()
            raise AssertionError

        client = portal.client(refresh=for_ever)
        loop = asyncio.new_event_loop()
        with pytest.raises(TimeoutError):
            loop.run_until_complete(asyncio.wait_for(get_status.asyncio(client=client), 0.1))
        left = asyncio.all_tasks(loop)
        loop.close()  # unlike asyncio.run, this leaves the tasks in it where they are
        client.refresh = Renewals()
        try:
            assert in_time(lambda: get_status.sync(client=client)).result.crm_entity_id == 17
        finally:
            for task in left:  # end them here, and not whenever the garbage is collected
                task.get_coro().close()
                task._log_destroy_pending = False  # type: ignore[attr-defined]

    def test_a_loop_that_stands_still_in_the_renewal_lets_go_of_those_who_wait(
        self, portal: Portal
    ) -> None:
        begun = threading.Event()

        async def for_ever() -> str:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

        client = portal.client(refresh=for_ever)
        loop = asyncio.new_event_loop()
        waiting = ThreadPoolExecutor()

        async def begin() -> Future[Any]:
            task = asyncio.ensure_future(get_status.asyncio(client=client))
            await asyncio.to_thread(begun.wait, WAIT)
            other = waiting.submit(lambda: get_status.sync(client=client))
            await asyncio.sleep(0.2)
            assert not task.done()
            return other

        other = loop.run_until_complete(begin())
        left = asyncio.all_tasks(loop)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        try:
            with pytest.raises(errors.Bitrix24Error, match="event loop ended"):
                other.result(WAIT)
        finally:
            waiting.shutdown(wait=False)
            for task in left:
                task.get_coro().close()
                task._log_destroy_pending = False  # type: ignore[attr-defined]

    def test_a_renewal_that_fails_after_its_caller_was_cancelled_is_not_complained_of(
        self, portal: Portal, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def fail() -> str:
            await asyncio.sleep(0.1)
            raise OSError("the OAuth server is not there")

        async def give_up() -> None:
            async with portal.client(refresh=fail) as client:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(get_status.asyncio(client=client), 0.05)
                await asyncio.sleep(0.1)

        asyncio.run(give_up())
        gc.collect()
        assert "never retrieved" not in caplog.text

    def test_a_refresh_that_uses_the_client_it_renews_gets_the_error_and_does_not_hang(
        self, portal: Portal
    ) -> None:
        def refresh() -> str:
            get_status.sync(client=client)
            return "never"

        client = portal.client(refresh=refresh)
        for call in (
            lambda: get_status.sync(client=client),
            lambda: asyncio.run(get_status.asyncio(client=client)),
        ):
            with pytest.raises(errors.ApiError, match="expired_token"):
                in_time(call)

    def test_a_loop_that_is_not_asyncio_s_does_not_hold_up_the_next_call(
        self, portal: Portal
    ) -> None:
        client = portal.client(refresh=Renewals())
        call: Coroutine[Any, Any, Any] = get_status.asyncio(client=client)
        with pytest.raises((RuntimeError, StopIteration)):
            call.send(None)  # as another library's loop does it
        gc.collect()  # here a coroutine that was never awaited would warn, and fail the test
        assert in_time(lambda: get_status.sync(client=client)).result.crm_entity_id == 17


# --- the recipe ---------------------------------------------------------------------------------


class Renewal(httpx.HTTPTransport):
    """A `refresh` that asks a portal's OAuth server."""

    def __init__(self, url: str, **secrets: str) -> None:
        super().__init__()
        self.url, self.secrets = url, {"grant_type": "refresh_token", **secrets}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        # The secrets come in here: httpx logs the URL that it is given, and raises with it.
        url = request.url.copy_merge_params(self.secrets)
        return super().handle_request(httpx.Request("GET", url, extensions=request.extensions))

    def __call__(self) -> str:
        with httpx.Client(transport=self) as oauth:
            tokens: dict[str, str] = oauth.get(self.url).raise_for_status().json()
        # The old refresh token is spent now, so an application also stores the new one here.
        self.secrets["refresh_token"] = tokens["refresh_token"]
        return tokens["access_token"]


SECRETS = [
    "sandboxaccesstoken",
    "sandboxrefreshtoken",
    "sandboxclientsecret",
]


class TestRecipe:
    """The `refresh` that the README shows, against the sandbox's OAuth server."""

    @pytest.fixture
    def refresh(self, sandbox: Sandbox) -> Renewal:
        """The recipe as an application makes it."""
        return Renewal(
            f"{sandbox.origin}/oauth/token/",
            client_id="sandboxclientid",
            client_secret="sandboxclientsecret",
            refresh_token="sandboxrefreshtoken",
        )

    @pytest.fixture
    def stored(self) -> list[str]:
        """The tokens that the application was given to store."""
        return []

    @pytest.fixture
    def client(
        self, sandbox: Sandbox, refresh: Renewal, stored: list[str]
    ) -> Iterator[AuthenticatedClient]:
        """A client whose token has expired."""
        sandbox.expire_tokens()
        with AuthenticatedClient(
            base_url=sandbox.oauth_url,
            token=sandbox.access_token,
            refresh=refresh,
            on_refresh=stored.append,
        ) as client:
            yield client

    def test_it_renews_again_and_again(
        self, get: Get, client: AuthenticatedClient, sandbox: Sandbox, stored: list[str]
    ) -> None:
        for count in (1, 2, 3):  # each time with the refresh token of the time before
            assert get(client).result.crm_entity_id == sandbox.state()["call"]["CRM_ENTITY_ID"]
            assert len(set(stored)) == count
            sandbox.expire_tokens()

    def test_threads_share_one_renewal(
        self, client: AuthenticatedClient, stored: list[str]
    ) -> None:
        assert all(isinstance(outcome, int) for outcome in outcomes_of_threads(client, 32))
        assert len(stored) == 1  # a second one would also have failed: the token is spent

    @pytest.mark.parametrize(("fault", "status"), [("invalid_grant", 400), ("invalid_client", 400)])
    def test_a_refusal_reaches_the_caller_and_the_next_call_tries_again(
        self,
        fault: str,
        status: int,
        get: Get,
        client: AuthenticatedClient,
        sandbox: Sandbox,
    ) -> None:
        sandbox.fault(fault)
        with pytest.raises(httpx.HTTPStatusError) as caught:
            get(client)
        assert caught.value.response.status_code == status
        assert caught.value.response.json()["error"] == fault
        assert get(client).result.call_id

    @pytest.mark.parametrize("fault", [None, "invalid_grant", "PAYMENT_REQUIRED", "no server"])
    def test_its_secrets_are_shown_nowhere(
        self,
        fault: str | None,
        get: Get,
        client: AuthenticatedClient,
        refresh: Renewal,
        sandbox: Sandbox,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        if fault == "no server":
            refresh.url = "http://127.0.0.1:1/oauth/token/"
        elif fault:
            sandbox.fault(fault)
        shown: list[str] = [repr(refresh), repr(client)]
        with caplog.at_level(logging.DEBUG):
            try:
                get(client)
            except httpx.HTTPError as error:
                shown += [*traceback.format_exception(error), repr(error), str(error.request.url)]
                shown.append(pickle.dumps(error).decode("latin-1"))
        assert (len(shown) > 2) == (fault is not None)
        ours = [record for record in caplog.records if record.name.startswith("http")]
        assert any("/oauth/token/" in record.getMessage() for record in ours) == (
            fault != "no server"
        )
        shown += [f"{record.getMessage()} {vars(record)}" for record in ours]
        secrets = [*SECRETS, client.token, refresh.secrets["refresh_token"]]
        assert [secret for secret in secrets if secret in "\n".join(shown)] == []
