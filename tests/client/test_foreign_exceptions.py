"""What is raised while a request is sent: network errors are httpx's, all else the caller's own."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import aiohttp
import attrs
import httpx
import pytest
import respx
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status
from pyreqwest.exceptions import ConnectError as PyreqwestConnectError

from tests.client.conftest import WAIT
from tests.client.mocked import WEBHOOK_URL

if TYPE_CHECKING:
    from tests.client.conftest import Get, RawServer

Fail = Callable[[httpx.Request], object]


class Failing(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that calls a function, which raises."""

    def __init__(self, fail: Fail) -> None:
        self._fail = fail

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._fail(request)
        raise AssertionError

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def raised(get: Get, fail: Fail) -> BaseException:
    """Return what a call through such a transport raises, if nothing shows a secret."""
    client = Client(
        WEBHOOK_URL, transport=lambda: Failing(fail), async_transport=lambda: Failing(fail)
    )
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - of any kind
        get(client)
    shown = "".join(traceback.format_exception(caught.value))
    assert "made-up-secret" not in f"{caught.value} {caught.value!r} {shown}"
    return caught.value


def throw(error: BaseException, cause: BaseException | None = None) -> Fail:
    """Return a function that raises the exception."""

    def fail(_: httpx.Request) -> None:
        raise error from cause

    return fail


class FieldsError(Exception):
    """Its text is made of fields, as that of aiohttp's ClientResponseError."""

    def __init__(self, request: httpx.Request) -> None:
        super().__init__()
        self.url = request.url

    def __str__(self) -> str:
        return f"no route to {self.url}"


# --- the caller's own exceptions ------------------------------------------------------------------


class TimeLimitError(Exception):
    """As workers such as Celery's raise it in the handler of a signal."""


@attrs.frozen
class FrozenError(Exception):
    reason: str


@pytest.mark.parametrize(
    "error",
    [
        TimeLimitError("300 s"),
        AssertionError("expected another token"),
        KeyError("no such fixture"),
        MemoryError(),
        ModuleNotFoundError("No module named 'h2'"),  # for http2=True
        FrozenError("cannot be changed"),
        KeyboardInterrupt(),
        SystemExit(3),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_of_the_caller_s_own_is_raised_as_the_same_object(
    error: BaseException, get: Get
) -> None:
    cause = LookupError("behind it")
    assert raised(get, throw(error.with_traceback(None), cause)) is error
    assert error.__cause__ is cause
    assert traceback.extract_tb(error.__traceback__)[-1].filename == __file__


@pytest.fixture
def limit() -> Iterator[TimeLimitError]:
    """What the handler of SIGALRM raises."""
    limit = TimeLimitError("300 s")

    def exceed(*_: object) -> None:
        raise limit

    before = signal.signal(signal.SIGALRM, exceed)
    yield limit
    signal.signal(signal.SIGALRM, before)


def test_the_time_limit_of_a_worker_ends_a_call_that_waits_for_the_portal(
    limit: TimeLimitError, raw_server: RawServer
) -> None:
    over = threading.Event()

    def exceed_and_say_nothing(_: bytes) -> Iterator[bytes]:
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGALRM)
        over.wait(WAIT)
        yield b""

    raw_server.respond = exceed_and_say_nothing
    with Client(raw_server.webhook_url) as client:
        with pytest.raises(TimeLimitError) as caught:
            get_status.sync(client=client)
        over.set()
    assert caught.value is limit


def test_a_call_that_respx_does_not_expect_is_respx_s_own_error(get: Get) -> None:
    with respx.mock, pytest.raises(AssertionError, match="not mocked"):
        get(Client(WEBHOOK_URL))


def test_a_cancellation_is_never_replaced() -> None:
    async def use() -> None:
        waiting = asyncio.Event()

        class Careless(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                try:
                    raise FieldsError(request)
                except FieldsError:  # which is then the context of the cancellation
                    waiting.set()
                    await asyncio.Event().wait()
                raise AssertionError

        task = asyncio.create_task(
            get_status.asyncio(client=Client(WEBHOOK_URL, async_transport=Careless))
        )
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert "made-up-secret" not in "".join(traceback.format_exception(caught.value))

    asyncio.run(asyncio.wait_for(use(), WAIT))


# --- those that show a secret ---------------------------------------------------------------------


def test_the_secret_in_an_exception_of_the_caller_s_own_is_masked(get: Get) -> None:
    error = TimeLimitError(f"in a call of {WEBHOOK_URL}")
    assert raised(get, throw(error, ValueError(WEBHOOK_URL))) is error
    assert str(error) == "in a call of https://portal.example/rest/1/***/"
    assert str(error.__cause__) == "https://portal.example/rest/1/***/"


def throw_from_fields(request: httpx.Request) -> None:
    raise FieldsError(request)


def throw_with_a_cause_from_fields(request: httpx.Request) -> None:
    raise ValueError("harmless") from FieldsError(request)


def throw_with_a_list(request: httpx.Request) -> None:
    raise ValueError([str(request.url)])


@pytest.mark.parametrize(
    "fail",
    [throw_from_fields, throw_with_a_cause_from_fields, throw_with_a_list],
    ids=lambda fail: fail.__name__,
)
def test_an_exception_that_shows_a_secret_even_so_is_replaced(fail: Fail, get: Get) -> None:
    error = raised(get, fail)
    assert type(error) is httpx.TransportError
    assert str(error).endswith(" in the transport")
    assert str(error.request.url) == "https://portal.example/***"
    assert error.__cause__ is error.__context__ is None


def test_an_error_for_a_status_keeps_its_response(get: Get) -> None:
    def fail(request: httpx.Request) -> None:
        httpx.Response(500, request=request).raise_for_status()

    error = raised(get, fail)
    assert isinstance(error, httpx.HTTPStatusError)
    assert error.response.status_code == 500
    for request in (error.request, error.response.request):
        assert str(request.url) == "https://portal.example/***"


# --- network errors -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENETUNREACH, "no route"),
        aiohttp.ClientPayloadError("cut off"),
        PyreqwestConnectError("cut off", {"causes": []}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_the_network_becomes_httpx_s(error: Exception, get: Get) -> None:
    found = raised(get, throw(error))
    assert type(found) is httpx.TransportError
    assert str(found) == f"{type(error).__name__}: {error}"
    assert str(found.request.url) == "https://portal.example/***"
    assert found.__cause__ is (error if isinstance(error, OSError) else None)


@pytest.mark.parametrize("cause", [FieldsError, lambda request: OSError(1, f"at {request.url}")])
def test_a_network_error_is_kept_without_a_cause_that_shows_a_secret(
    cause: Callable[[httpx.Request], Exception], get: Get
) -> None:
    def fail(request: httpx.Request) -> None:
        raise httpx.ConnectError("refused") from cause(request)

    error = raised(get, fail)
    assert type(error) is httpx.ConnectError
    assert error.__cause__ is None


def test_the_cause_of_a_network_error_is_kept_without_what_is_behind_it(get: Get) -> None:
    cause = OSError(errno.ENETUNREACH, "no route")

    def fail(request: httpx.Request) -> None:
        cause.__cause__ = FieldsError(request)
        raise httpx.ConnectError("refused") from cause

    error = raised(get, fail)
    assert error.__cause__ is cause
    assert cause.__cause__ is None


def test_a_refused_connection_says_why(get: Get) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # where nobody listens any more
    with pytest.raises(httpx.ConnectError) as caught:
        get(Client(f"http://127.0.0.1:{port}/rest/1/made-up-secret/"))
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ECONNREFUSED
