"""An error shows no secret that the portal echoed, however long it lives; and what it costs."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import time
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status

from tests.client.mocked import answering

if TYPE_CHECKING:
    from tests.client.conftest import Get, RunProgram

SECRET = "made-up-secret"


def echoing(kind: str, body: dict[str, Any]) -> Client:
    """Make a client of a portal that answers with its secret."""
    transport = httpx.MockTransport(lambda _: httpx.Response(400, json=body))
    arguments: Any = {"transport": lambda: transport, "async_transport": lambda: transport}
    if kind == "webhook":
        return Client(f"https://portal.example/rest/1/{SECRET}/", **arguments)
    return AuthenticatedClient("https://portal.example/rest", SECRET, **arguments)


def orphan(kind: str, get: Get) -> errors.ApiError:
    """Return an error whose client does not exist any more."""
    body = {"error": "ERROR_CORE", "error_description": f"at /rest/1/{SECRET}/"}
    with pytest.raises(errors.ApiError) as caught:
        get(echoing(kind, body))
    error = caught.value.with_traceback(None)
    del caught
    gc.collect()
    return error


MESSAGE = "the portal answered 400 ERROR_CORE: at /rest/1/***/"


@pytest.mark.parametrize("kind", ["webhook", "token"])
def test_an_error_that_outlives_its_client_shows_no_secret(kind: str, get: Get) -> None:
    error = orphan(kind, get)
    for shown in (str(error), repr(error), str(copy.copy(error)), str(copy.deepcopy(error))):
        assert MESSAGE in shown
    assert error.error_description == f"at /rest/1/{SECRET}/"  # the data itself, as documented


def test_an_error_that_is_unpickled_elsewhere_shows_no_secret(run_program: RunProgram) -> None:
    error = orphan("webhook", lambda client: get_status.sync(client=client))
    program = "import pickle, sys; print(pickle.loads(bytes.fromhex(sys.argv[1])))"
    assert run_program(program, pickle.dumps(error).hex()).startswith(MESSAGE)


def test_an_error_code_that_echoes_the_secret_is_masked_as_well(get: Get) -> None:
    with pytest.raises(errors.ApiError) as caught:
        get(echoing("webhook", {"error": SECRET}))
    gc.collect()
    assert str(caught.value) == "the portal answered 400 ***"


# --- what an error costs --------------------------------------------------------------------------


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Only reference counts free memory."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize(
    ("status", "body"),
    [(400, {"error": "ERROR_CORE"}), (200, []), (502, "")],
    ids=["ApiError", "InvalidResponse", "UnexpectedStatus"],
)
def test_an_error_is_freed_as_soon_as_it_is_handled(status: int, body: object) -> None:
    def fail() -> weakref.ref[errors.Bitrix24Error]:
        try:
            get_status.sync(client=client)
        except errors.Bitrix24Error as error:
            return weakref.ref(error)
        raise AssertionError

    async def afail() -> weakref.ref[errors.Bitrix24Error]:
        try:
            await get_status.asyncio(client=client)
        except errors.Bitrix24Error as error:
            return weakref.ref(error)
        raise AssertionError

    client = answering(body, status)
    assert fail()() is None
    assert asyncio.run(afail())() is None


def test_an_error_costs_the_same_with_many_clients() -> None:
    client = answering(b"<html>")

    def fail() -> None:
        with pytest.raises(errors.InvalidResponse):
            get_status.sync(client=client)

    def seconds(function: Callable[[], None]) -> float:
        """Return the best of several, because other programs may hold this one up."""
        best = float("inf")
        for _ in range(50):
            began = time.perf_counter()
            function()
            best = min(best, time.perf_counter() - began)
        return best

    fail()  # the first call imports more
    alone = seconds(fail)
    others = [echoing("token", {}) for _ in range(10_000)]
    assert seconds(fail) < 5 * alone
    assert len(others) == 10_000
