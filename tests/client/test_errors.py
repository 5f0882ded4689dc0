"""The package's exceptions: for a portal's error, an undocumented status, an unusable body."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import Client, errors
from bitrix24_call_card.models import ErrorCode, ErrorResponse

from tests.client.mocked import ANSWER, answering
from tests.data import ERRORS

if TYPE_CHECKING:
    from bitrix24_sandbox.testing import Sandbox

    from tests.client.conftest import Ask, Get

MARKER = "made-up-marker"
"""Part of a body; no message may quote it."""


def raised(ask: Ask, client: Client) -> errors.Bitrix24Error:
    """Return what the package raises; anything else that is raised fails the test."""
    with pytest.raises(errors.Bitrix24Error) as caught:
        ask(client)
    return caught.value


class TestApiError:
    @pytest.mark.parametrize(
        ("code", "status"), [(error.code, status) for error in ERRORS for status in error.statuses]
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
        assert {error.code for error in ERRORS} == {*ErrorCode}

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
    "NaN": b'{"result": NaN, "time": {}}',
    "Infinity": b'{"result": {}, "time": -Infinity}',
    "NaN in an unknown member": b'{"error": "A", "error_description": "B", "more": NaN}',
    "a raw control character": b'{"error": "A\x00"}',
    "UTF-16": '{"error": "A", "error_description": "B"}'.encode("utf-16"),
    "UTF-16 without its mark": '{"error": "A", "error_description": "B"}'.encode("utf-16-le"),
    "UTF-32": '{"error": "A", "error_description": "B"}'.encode("utf-32"),
    "latin-1": '{"error": "A", "error_description": "café"}'.encode("latin-1"),
    "two marks": b'\xef\xbb\xbf\xef\xbb\xbf{"error": "A", "error_description": "B"}',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"error":' * 100_000,
    "deep and closed": b'{"error":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a huge integer": b'{"error": "A", "error_description": "B", "more": ' + b"9" * 5000 + b"}",
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

    def test_a_byte_order_mark_is_ignored(self, get: Get) -> None:
        response = get(answering(b"\xef\xbb\xbf" + json.dumps(ANSWER).encode()))
        assert response.result.crm_entity_id == 17

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


class TestNetworkErrors:
    def test_a_response_that_takes_too_long_is_a_timeout_of_httpx(
        self, get: Get, sandbox: Sandbox
    ) -> None:
        sandbox.fail("slow", seconds=60)
        timeout = httpx.Timeout(10, read=0.1)
        client = Client(base_url=sandbox.webhook_url, timeout=timeout)
        with client, pytest.raises(httpx.ReadTimeout):
            get(client)

    def test_a_client_works_after_a_closed_connection(self, get: Get, sandbox: Sandbox) -> None:
        sandbox.fail("disconnect")
        with Client(base_url=sandbox.webhook_url) as client:
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                get(client)
            assert get(client).result.crm_entity_id == 17
