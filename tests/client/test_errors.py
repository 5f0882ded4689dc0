"""The package's exceptions: when they are raised, whether a retry may help, and what they show."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import pickle
import ssl
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import ErrorCode, ErrorResponse

from tests.client.mocked import answering, mocked, mocking
from tests.data import CARD_NOT_CONNECTED, ERRORS

if TYPE_CHECKING:
    from tests.client.conftest import Ask, Get, Recorder

MARKER = "made-up-marker"
"""Part of a body; no message may quote it."""


def raised(ask: Ask, client: Client) -> errors.Bitrix24Error:
    """Return what the package raises; anything else that is raised fails the test."""
    with pytest.raises(errors.Bitrix24Error) as caught:
        ask(client)
    return caught.value


class TestApiError:
    @pytest.mark.parametrize(
        ("code", "status"),
        [
            (error.code, status)
            for error in [*ERRORS, CARD_NOT_CONNECTED]
            for status in error.statuses
        ],
    )
    def test_a_documented_error_is_raised_with_its_code(
        self, code: str, status: int, get: Get
    ) -> None:
        envelope = {"error": code, "error_description": "Why"}
        error = raised(get, answering(envelope, status))
        assert isinstance(error, errors.ApiError)
        assert error.status_code == status
        assert error.error is ErrorCode(code)
        assert error.error_description == "Why"
        assert json.loads(error.content) == error.response.to_dict() == envelope

    def test_every_code_is_tried(self) -> None:
        assert {error.code for error in [*ERRORS, CARD_NOT_CONNECTED]} == {*ErrorCode}

    @pytest.mark.parametrize("status", [200, 400, 401, 418, 502, 503, 520])
    def test_an_unlisted_code_arrives_as_a_string_whatever_the_status(
        self, status: int, get: Get
    ) -> None:
        body = {"error": "MOON_PHASE", "error_description": "Not tonight", "phase": ["full"]}
        error = raised(get, answering(body, status))
        assert isinstance(error, errors.ApiError)
        assert error.status_code == status
        assert error.error == "MOON_PHASE"
        assert type(error.error) is str
        assert error.error_description == "Not tonight"
        assert error.response["phase"] == ["full"]
        assert json.loads(error.content) == body

    def test_the_message_says_what_happened_and_what_to_do(self, get: Get) -> None:
        body = {"error": "ERROR_CORE", "error_description": "Call is not found", "more": MARKER}
        message = str(raised(get, answering(body, 400)))
        assert message == (
            "the portal answered 400 ERROR_CORE: Call is not found "
            f"({ErrorCode.ERROR_CORE.description})"
        )


class TestUnexpectedStatus:
    @pytest.mark.parametrize(
        "status", [201, 204, 206, 304, 402, 405, 418, 451, 501, 502, 504, 520, 599]
    )
    def test_an_undocumented_status_is_raised_with_its_body(self, status: int, ask: Ask) -> None:
        content = b"" if status in (204, 304) else f"<html>{MARKER}</html>".encode()
        error = raised(ask, answering(content, status))
        assert type(error) is errors.UnexpectedStatus
        assert error.status_code == status
        assert error.content == content
        assert str(status) in str(error)
        assert MARKER not in "".join(traceback.format_exception(error))


NOT_JSON = {
    "no bytes": b"",
    "whitespace": b" \r\n",
    "html": b"<html></html>",
    "half": b'{"result": {"CALL_ID": "ext',
    "two values": b"{}{}",
    "a trailing comma": b'{"result": {},}',
    "single quotes": b"{'result': {}}",
    "a raw control character": b'{"error": "A\x00"}',
    "latin-1": '{"error": "A", "error_description": "café"}'.encode("latin-1"),
    "two marks": b'\xef\xbb\xbf\xef\xbb\xbf{"error": "A", "error_description": "B"}',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"error":' * 100_000,
}
NOT_AN_OBJECT = {
    "an array": b"[]",
    "an array of objects": b'[{"error": "A", "error_description": "B"}]',
    "null": b"null",
    "true": b"true",
    "a number": b"17",
    "a string": b'"error"',
}


class TestInvalidResponse:
    @pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON)
    def test_a_body_that_is_not_json(self, content: bytes, ask: Ask) -> None:
        for status in (200, 503):
            error = raised(ask, answering(content, status))
            assert type(error) is errors.InvalidResponse
            assert error.reason == "expected JSON"
            assert error.status_code == status
            assert error.content == content

    @pytest.mark.parametrize("content", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
    def test_a_body_that_is_not_an_object(self, content: bytes, ask: Ask) -> None:
        for status in (200, 400):
            error = raised(ask, answering(content, status))
            assert type(error) is errors.InvalidResponse
            assert error.reason.startswith("the body: expected an object")
            assert error.status_code == status
            assert error.content == content

    @pytest.mark.parametrize("content_type", ["text/html; charset=windows-1251", "nonsense", ""])
    def test_the_content_type_is_ignored(
        self, content_type: str, get: Get, answer: dict[str, Any]
    ) -> None:
        answer["result"]["LINE_NAME"] = "Приёмная"
        body = json.dumps(answer, ensure_ascii=False).encode()
        response = get(answering(body, headers={"Content-Type": content_type}))
        assert response.result.line_name == "Приёмная"

    @pytest.mark.parametrize(
        "body",
        [
            {"result": {"CALL_ID": [MARKER]}, "time": {}},
            {"result": [MARKER]},
            {"error": [MARKER]},
            {"error": MARKER, "error_description": {MARKER: MARKER}},
            f'{{"{MARKER}'.encode(),
        ],
    )
    def test_neither_message_nor_cause_shows_the_body(self, body: object, ask: Ask) -> None:
        error = raised(ask, answering(body))
        assert isinstance(error, errors.InvalidResponse)
        assert error.__cause__ is error.__context__ is None
        assert MARKER not in "".join(traceback.format_exception(error))
        assert MARKER.encode() in (error.content or b"")

    def test_the_message_says_where_and_what_was_expected(
        self, get: Get, answer: dict[str, Any]
    ) -> None:
        answer["result"]["CRM_ENTITY_ID"] = "seventeen"
        error = raised(get, answering(answer))
        assert isinstance(error, errors.InvalidResponse)
        assert json.loads(error.content or b"") == answer
        assert str(error) == (
            "the body of a 200 response is not as documented: "
            "result.CRM_ENTITY_ID: expected an integer, found 'seventeen'"
        )

    def test_an_error_without_a_code(self, ask: Ask) -> None:
        for body in ({}, {"error_description": "Why"}):
            error = raised(ask, answering(body, 401))
            assert type(error) is errors.InvalidResponse
            assert error.reason.startswith("error: expected a value, found ")
            assert error.status_code == 401


EXAMPLES = [
    errors.ApiError(
        400,
        ErrorResponse.from_dict(
            {"error": "ERROR_ARGUMENT", "error_description": "Why", "argument": "A", "more": [1]}
        ),
        b'{"error": "..."}',
    ),
    errors.ApiError(401, ErrorResponse.from_dict({"error": "MOON_PHASE"}), b"{}"),
    errors.UnexpectedStatus(520, b"<html></html>"),
    errors.InvalidResponse("expected JSON", 200, b"<html>"),
    errors.InvalidResponse("CALL_ID: expected a string"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
class TestAll:
    def test_derive_from_one_base(self, error: errors.Bitrix24Error) -> None:
        assert isinstance(error, errors.Bitrix24Error)
        assert not isinstance(error, ValueError | KeyError | TypeError | httpx.HTTPError)

    def test_survive_a_pickle_and_a_copy(self, error: errors.Bitrix24Error) -> None:
        for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
            assert type(other) is type(error)
            assert str(other) == str(error)
            assert vars(other) == vars(error)


# --- whether a later retry may succeed ------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        # The code decides, ...
        (503, {"error": "QUERY_LIMIT_EXCEEDED"}, True),
        (200, {"error": "QUERY_LIMIT_EXCEEDED"}, True),
        (503, {"error": "OVERLOAD_LIMIT"}, False),
        (401, {"error": "invalid_token"}, False),
        # ... or else the status: of a response that is not the portal's, or not whole, too.
        (503, {"error": "MOON_PHASE"}, True),
        (429, {"error": "MOON_PHASE"}, True),
        (500, {"error": "MOON_PHASE"}, True),
        (400, {"error": "MOON_PHASE"}, False),
        (502, "<html>", True),
        (301, "", False),
        (503, "<html>", True),
        (200, "<html>", False),
    ],
)
def test_of_a_response_the_code_decides_or_else_the_status(
    status: int, body: object, expected: bool, get: Get
) -> None:
    assert errors.retryable(raised(get, answering(body, status))) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ConnectTimeout(""), True),
        (httpx.ReadTimeout(""), True),
        (httpx.ConnectError(""), True),
        (httpx.ProxyError(""), True),
        (httpx.RemoteProtocolError(""), True),
        (ConnectionResetError(""), True),  # which becomes httpx's
        (httpx.LocalProtocolError(""), False),
        (httpx.UnsupportedProtocol(""), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_network_error_may_pass_unless_the_request_cannot_be_sent(
    error: Exception, expected: bool, get: Get
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(httpx.HTTPError) as caught:
        get(mocked(fail))
    assert errors.retryable(caught.value) is expected


@pytest.mark.parametrize("is_custom", [False, True], ids=["own connections", "custom httpx client"])
def test_a_certificate_that_is_not_trusted_does_not_pass(
    is_custom: bool, recorders: Callable[..., Recorder], tls: ssl.SSLContext
) -> None:
    async def use() -> Exception:
        async with httpx.AsyncClient(verify=trusts_nobody) as custom, client:
            if is_custom:
                client.set_async_httpx_client(custom)
            with pytest.raises(httpx.ConnectError) as caught:
                await get_status.asyncio(client=client)
            return caught.value

    trusts_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client = Client(recorders(tls).webhook_url, verify_ssl=trusts_nobody)
    with httpx.Client(verify=trusts_nobody) as custom:
        if is_custom:
            client.set_httpx_client(custom)
        with pytest.raises(httpx.ConnectError) as caught:
            get_status.sync(client=client)
    assert not errors.retryable(caught.value)
    assert not errors.retryable(asyncio.run(use()))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.RefreshError("took too long"), True),
        (errors.Bitrix24Error("only asyncio's event loop can refresh"), False),
        (ValueError("HTTPS_PROXY"), False),
        (KeyboardInterrupt(), False),
        (asyncio.CancelledError(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_another_exception_does_not_pass_unless_it_is_of_a_refresh(
    error: BaseException, expected: bool
) -> None:
    assert errors.retryable(error) is expected


# --- secrets --------------------------------------------------------------------------------------

SECRET = "made-up-secret"


def echoing(kind: str, body: dict[str, Any]) -> Client:
    """Make a client of a portal that answers with its secret."""
    arguments = mocking(lambda _: httpx.Response(400, json=body))
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
    others = (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error)))
    for shown in (str(error), repr(error), *map(str, others)):
        assert MESSAGE in shown
    assert error.error_description == f"at /rest/1/{SECRET}/"  # the data itself, as documented


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
    "client",
    [
        answering({"error": "ERROR_CORE"}, 400),
        answering([]),
        answering("", 502),
        Client("http://127.0.0.1:1/rest/1/made-up-secret/"),
    ],
    ids=["ApiError", "InvalidResponse", "UnexpectedStatus", "ConnectError"],
)
def test_an_error_is_freed_as_soon_as_it_is_handled(client: Client) -> None:
    def fail() -> weakref.ref[Exception]:
        try:
            get_status.sync(client=client)
        except (errors.Bitrix24Error, httpx.ConnectError) as error:
            return weakref.ref(error)
        raise AssertionError

    async def afail() -> weakref.ref[Exception]:
        try:
            await get_status.asyncio(client=client)
        except (errors.Bitrix24Error, httpx.ConnectError) as error:
            return weakref.ref(error)
        raise AssertionError

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
