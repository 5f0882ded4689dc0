"""What the package raises: for an error, for a status nobody documented, for a body of no use."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import socket
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from bitrix24_call_card import Client, errors
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import ErrorCode, ErrorResponse
from bitrix24_call_card.types import UNSET

if TYPE_CHECKING:
    from bitrix24_sandbox.testing import Sandbox

    from tests.client.conftest import Answering, Ask, Get

CONTRACT = Path(__file__).resolve().parents[2] / "openapi" / "call-card.yaml"

DOCUMENTED = {
    "INVALID_REQUEST": (400, 401),
    "ERROR_ARGUMENT": (400,),
    "ERROR_PLACEMENT_NOT_FOUND": (400,),
    "ERROR_CORE": (400,),
    "NO_AUTH_FOUND": (401,),
    "INVALID_CREDENTIALS": (401, 403),
    "invalid_token": (401,),
    "expired_token": (401,),
    "authorization_error": (401,),
    "WRONG_AUTH_TYPE": (403,),
    "insufficient_scope": (401, 403),
    "user_access_error": (401, 403),
    "ACCESS_DENIED": (401, 403),
    "ERROR_METHOD_NOT_FOUND": (404,),
    "OPERATION_TIME_LIMIT": (429,),
    "INTERNAL_SERVER_ERROR": (500,),
    "ERROR_UNEXPECTED_ANSWER": (500,),
    "PORTAL_DELETED": (403, 500),
    "QUERY_LIMIT_EXCEEDED": (503,),
    "OVERLOAD_LIMIT": (401, 503),
}
"""Every code, with each status that it is known with."""

MARKER = "made-up-marker"
"""Stands in bodies; a message that shows it shows the body."""


def raised(ask: Ask, client: Client) -> errors.Bitrix24Error:
    """What the package raises; anything else that is raised fails the test."""
    with pytest.raises(errors.Bitrix24Error) as caught:
        ask(client)
    return caught.value


class TestApiError:
    @pytest.mark.parametrize(
        ("code", "status"),
        [(code, status) for code, statuses in DOCUMENTED.items() for status in statuses],
    )
    def test_a_documented_error_is_raised_with_its_code(
        self, code: str, status: int, get: Get, answering: Answering
    ) -> None:
        envelope = {"error": code, "error_description": "Why"}
        error = raised(get, answering(envelope, status))
        assert isinstance(error, errors.ApiError)
        assert error.status_code == status
        assert error.error is ErrorCode(code)
        assert error.error_description == "Why"
        assert json.loads(error.content) == error.response.to_dict() == envelope

    def test_every_code_is_tried(self) -> None:
        assert DOCUMENTED.keys() == {str(code) for code in ErrorCode}

    def test_an_application_compares_the_code_with_the_enum(
        self, get: Get, sandbox: Sandbox
    ) -> None:
        sandbox.fail("expired_token")
        with Client(base_url=sandbox.webhook_url) as client:
            error = raised(get, client)
        assert isinstance(error, errors.ApiError)
        assert error.error == ErrorCode.EXPIRED_TOKEN
        assert error.error != ErrorCode.INVALID_TOKEN

    def test_the_argument_that_is_wrong_is_on_the_response(
        self, get: Get, sandbox: Sandbox
    ) -> None:
        sandbox.fail("ERROR_ARGUMENT")
        with Client(base_url=sandbox.webhook_url) as client:
            error = raised(get, client)
        assert isinstance(error, errors.ApiError)
        assert error.response.argument == "PLACEMENT"

    def test_an_error_in_a_200_is_an_error(self, get: Get, sandbox: Sandbox) -> None:
        sandbox.fail("error-in-200")
        with Client(base_url=sandbox.webhook_url) as client:
            error = raised(get, client)
        assert isinstance(error, errors.ApiError)
        assert error.status_code == 200
        assert error.error == ErrorCode.ERROR_UNEXPECTED_ANSWER

    @pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
    def test_a_code_nobody_has_heard_of_is_its_text(
        self, status: int, get: Get, answering: Answering
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

    @pytest.mark.parametrize("status", [402, 418, 502, 520])
    @pytest.mark.parametrize("code", ["QUERY_LIMIT_EXCEEDED", "OVERLOAD_LIMIT", "MOON_PHASE"])
    def test_a_status_that_is_not_in_the_contract_does_not_hide_an_error(
        self, code: str, status: int, get: Get, answering: Answering
    ) -> None:
        error = raised(get, answering({"error": code}, status))
        assert isinstance(error, errors.ApiError)
        assert (error.error, error.status_code) == (code, status)

    @pytest.mark.parametrize("code", ErrorCode)
    @pytest.mark.parametrize("status", [200, 403, 503, 520])
    def test_whether_to_retry_a_known_code_does_not_depend_on_the_status(
        self, code: ErrorCode, status: int
    ) -> None:
        error = errors.ApiError(status, ErrorResponse(error=code), b"")
        assert error.retryable is code.retryable

    def test_the_message_tells_a_person_what_happened(self, get: Get, answering: Answering) -> None:
        body = {"error": "ERROR_CORE", "error_description": "Call is not found", "more": MARKER}
        message = str(raised(get, answering(body, 400)))
        assert message == (
            "the portal answered 400 ERROR_CORE: Call is not found "
            f"({ErrorCode.ERROR_CORE.description})"
        )

    def test_a_method_that_is_not_found_has_three_causes(
        self, get: Get, answering: Answering
    ) -> None:
        message = str(raised(get, answering({"error": "ERROR_METHOD_NOT_FOUND"}, 404)))
        for cause in ("has no such method", "scope", "base URL is wrong"):
            assert cause in message


class TestUnexpectedStatus:
    @pytest.mark.parametrize(
        "status", [201, 204, 206, 301, 302, 304, 307, 402, 405, 418, 451, 501, 502, 504, 520, 599]
    )
    def test_a_status_that_the_contract_does_not_know(
        self, status: int, ask: Ask, answering: Answering, answer: dict[str, Any]
    ) -> None:
        content = b"" if status in (204, 304) else json.dumps(answer).encode()
        error = raised(ask, answering(content, status))
        assert type(error) is errors.UnexpectedStatus
        assert error.status_code == status
        assert error.content == content

    @pytest.mark.parametrize("status", [502, 504, 520])
    def test_a_front_servers_html(self, status: int, ask: Ask, sandbox: Sandbox) -> None:
        sandbox.fail(f"html-{status}")
        with Client(base_url=sandbox.webhook_url) as client:
            error = raised(ask, client)
        assert type(error) is errors.UnexpectedStatus
        assert error.status_code == status
        assert error.content.startswith(b"<html>")

    @pytest.mark.parametrize("status", [301, 302, 307])
    def test_a_redirect_of_a_renamed_portal(self, status: int, ask: Ask, sandbox: Sandbox) -> None:
        sandbox.fail("redirect", status=status)
        with Client(base_url=sandbox.webhook_url) as client:
            error = raised(ask, client)
        assert type(error) is errors.UnexpectedStatus
        assert error.status_code == status

    @pytest.mark.parametrize(
        "location",
        ["", "/", "//", "//[", "http://[::1", "http://h:port/", "mailto:x", ":", "%", "жизнь"],
    )
    def test_a_redirect_to_nowhere(self, location: str, ask: Ask) -> None:
        def answer(_: httpx.Request) -> httpx.Response:
            return httpx.Response(302, headers=[(b"location", location.encode())])

        client = Client(
            base_url="https://portal.example/rest/1/made-up-secret/",
            transport=lambda: httpx.MockTransport(answer),
            async_transport=lambda: httpx.MockTransport(answer),
        )
        assert type(raised(ask, client)) is errors.UnexpectedStatus

    def test_the_message_names_the_status_and_not_the_body(
        self, ask: Ask, answering: Answering
    ) -> None:
        error = raised(ask, answering(f"<html>{MARKER}</html>".encode(), 418))
        assert isinstance(error, errors.UnexpectedStatus)
        assert "418" in str(error)
        assert MARKER not in "".join(traceback.format_exception(error))
        assert MARKER.encode() in error.content


NO_JSON = {
    "nothing": b"",
    "blanks": b" \r\n",
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
    "a sequence that is no UTF-8": b'{"error": "\xff"}',
    "two marks": b'\xef\xbb\xbf\xef\xbb\xbf{"error": "A", "error_description": "B"}',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"error":' * 100_000,
    "deep and closed": b'{"error":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a huge integer": b'{"error": "A", "error_description": "B", "more": ' + b"9" * 5000 + b"}",
}
NO_OBJECT = {
    "an array": b"[]",
    "an array of objects": b'[{"error": "A", "error_description": "B"}]',
    "null": b"null",
    "true": b"true",
    "a number": b"17",
    "a string": b'"error"',
}


class TestInvalidResponse:
    @pytest.mark.parametrize("status", [200, 503])
    @pytest.mark.parametrize("content", NO_JSON.values(), ids=NO_JSON)
    def test_a_body_that_is_no_json(
        self, content: bytes, status: int, ask: Ask, answering: Answering
    ) -> None:
        error = raised(ask, answering(content, status))
        assert type(error) is errors.InvalidResponse
        assert error.reason == "expected JSON"
        assert error.status_code == status
        assert error.content == content

    @pytest.mark.parametrize("status", [200, 400])
    @pytest.mark.parametrize("content", NO_OBJECT.values(), ids=NO_OBJECT)
    def test_a_body_that_is_no_object(
        self, content: bytes, status: int, ask: Ask, answering: Answering
    ) -> None:
        error = raised(ask, answering(content, status))
        assert type(error) is errors.InvalidResponse
        assert error.reason.startswith("the body: expected an object")
        assert error.status_code == status
        assert error.content == content

    def test_a_byte_order_mark_is_no_fault(
        self, get: Get, answering: Answering, answer: dict[str, Any]
    ) -> None:
        response = get(answering(b"\xef\xbb\xbf" + json.dumps(answer).encode()))
        assert response.result.crm_entity_id == 17

    @pytest.mark.parametrize("content_type", ["text/html; charset=windows-1251", "nonsense", ""])
    def test_the_body_counts_and_not_its_label(
        self, content_type: str, get: Get, answering: Answering, answer: dict[str, Any]
    ) -> None:
        answer["result"]["LINE_NAME"] = "Приёмная"
        body = json.dumps(answer, ensure_ascii=False).encode()
        response = get(answering(body, headers={"Content-Type": content_type}))
        assert response.result.line_name == "Приёмная"

    def test_html_with_a_documented_status(self, ask: Ask, sandbox: Sandbox) -> None:
        sandbox.fail("html-503")
        with Client(base_url=sandbox.webhook_url) as client:
            error = raised(ask, client)
        assert type(error) is errors.InvalidResponse
        assert error.status_code == 503
        assert (error.content or b"").startswith(b"<html>")

    def test_an_answer_that_ends_in_the_middle(self, ask: Ask, sandbox: Sandbox) -> None:
        sandbox.fail("truncated-json")
        with Client(base_url=sandbox.webhook_url) as client:
            error = raised(ask, client)
        assert type(error) is errors.InvalidResponse
        assert error.status_code == 200
        assert (error.content or b"").startswith(b'{"result":')

    @pytest.mark.parametrize(
        "body",
        [
            {"result": {"CALL_ID": [MARKER]}, "time": {}},
            {"result": [MARKER]},
            {"error": [MARKER]},
            {"error": MARKER, "error_description": {MARKER: MARKER}},
        ],
    )
    def test_the_message_shows_no_more_of_the_body_than_one_value(
        self, body: object, ask: Ask, answering: Answering
    ) -> None:
        error = raised(ask, answering(body))
        assert isinstance(error, errors.InvalidResponse)
        assert MARKER not in "".join(traceback.format_exception(error))
        assert MARKER.encode() in (error.content or b"")

    def test_a_body_that_cannot_be_read_is_not_in_the_chained_causes(
        self, ask: Ask, answering: Answering
    ) -> None:
        error = raised(ask, answering(f'{{"{MARKER}'.encode()))
        assert error.__cause__ is error.__context__ is None
        assert MARKER not in "".join(traceback.format_exception(error))

    def test_the_message_says_where_and_what_was_expected(
        self, get: Get, answering: Answering, answer: dict[str, Any]
    ) -> None:
        answer["result"]["CRM_BINDINGS"][1]["ENTITY_ID"] = "seventeen"
        message = str(raised(get, answering(answer)))
        assert message == (
            "the body of a 200 response is not as documented: "
            "result.CRM_BINDINGS[1].ENTITY_ID: expected an integer, found 'seventeen'"
        )


# --- every member of every answer ---------------------------------------------------------------

TEXT: list[object] = [1.5, True, ["a"], {}, 1e400]
INTEGER: list[object] = [
    True,
    17.5,
    "seventeen",
    "1.0",
    "1_7",
    " 17",
    "17 ",
    "\uff11\uff17",  # digits, but not ASCII's
]
INTEGER += ["0x11", "+17", "--17", "17\n", "9" * 5000, 1e400, [17], {}]
NUMBER: list[object] = [True, "soon", "1_0.5", " 1.5", "NaN", "inf", "1e400", 10**400, [1.5], {}]
BOOLEAN: list[object] = [2, -1, 1.5, "yes", "on", " true", [True], {}]
OBJECT: list[object] = [17, True, "{}", [{}], 0]
ARRAY: list[object] = [17, True, "[]", {"a": {}}, 0]
DATE: list[object] = [1723556790, True, "soon", "2024-13-01T00:00:00+00:00", [17], {}]
DATE += ["2024-08-13", "2024-08-13T15:46:30"]  # no time; no offset

MEMBERS: dict[str, list[object]] = {  # of a call, with what each of them cannot be
    "result": [*OBJECT, None, False, "", []],
    "result.CALL_ID": TEXT,
    "result.PHONE_NUMBER": TEXT,
    "result.LINE_NUMBER": TEXT,
    "result.LINE_NAME": TEXT,
    "result.CRM_ENTITY_TYPE": TEXT,
    "result.CRM_ENTITY_ID": INTEGER,
    "result.CRM_ACTIVITY_ID": INTEGER,
    "result.CRM_BINDINGS": ARRAY,
    "result.CRM_BINDINGS.0": OBJECT,
    "result.CRM_BINDINGS.0.ENTITY_TYPE": TEXT,
    "result.CRM_BINDINGS.1.ENTITY_ID": INTEGER,
    "result.CALL_DIRECTION": TEXT,
    "result.CALL_STATE": TEXT,
    "result.CALL_LIST_MODE": BOOLEAN,
}
TIME_MEMBERS: dict[str, list[object]] = {
    "time": [*OBJECT, None, False, "", []],
    "time.start": NUMBER,
    "time.finish": NUMBER,
    "time.duration": NUMBER,
    "time.processing": NUMBER,
    "time.date_start": DATE,
    "time.date_finish": DATE,
    "time.operating": NUMBER,
    "time.operating_reset_at": INTEGER,
}
ERROR_MEMBERS: dict[str, list[object]] = {
    "error": TEXT,
    "error_description": TEXT,
    "argument": TEXT,
}


def parent(body: Any, member: str) -> tuple[Any, Any]:
    """The object or array that holds the member, and its key there."""
    *path, last = [int(part) if part.isdigit() else part for part in member.split(".")]
    for part in path:
        body = body[part]
    return body, last


def named(member: str) -> str:
    """The member as the messages spell it."""
    return member.replace(".0", "[0]").replace(".1", "[1]")


def wrong_values(members: dict[str, list[object]]) -> list[Any]:
    """Each member with each value that it cannot be."""
    return [
        pytest.param(member, value, id=f"{member}={json.dumps(value)[:20]}")
        for member, values in members.items()
        for value in values
    ]


def written(body: object) -> bytes:
    """The body as JSON, in which an infinite number is written as a large one."""
    return json.dumps(body).replace("Infinity", "1e400").encode()


class TestMembers:
    def test_every_documented_member_is_tried(self) -> None:
        schemas = yaml.safe_load(CONTRACT.read_text("utf-8"))["components"]["schemas"]
        tried = {name.rpartition(".")[2] for name in MEMBERS | TIME_MEMBERS | ERROR_MEMBERS}
        answers = ("GetStatusResponse", "CallStatus", "CrmBinding", "Time", "ErrorResponse")
        for name in answers:
            assert set(schemas[name]["properties"]) <= tried, name

    def test_a_response_without_a_call(
        self, ask: Ask, answering: Answering, answer: dict[str, Any]
    ) -> None:
        del answer["result"]
        error = raised(ask, answering(answer))
        assert type(error) is errors.InvalidResponse
        assert error.reason == "result: expected a value, found nothing"
        assert error.status_code == 200
        assert json.loads(error.content or b"") == answer

    @pytest.mark.parametrize(
        "member", [name for name in MEMBERS | TIME_MEMBERS if name not in ("result", "time")]
    )
    def test_another_member_that_is_missing_is_no_fault(
        self, member: str, get: Get, answering: Answering, answer: dict[str, Any]
    ) -> None:
        holder, key = parent(answer, member)
        del holder[key]
        assert get(answering(answer)).result.line_name in ("Main office", UNSET)

    @pytest.mark.parametrize(("member", "value"), wrong_values(MEMBERS))
    def test_a_member_of_the_wrong_type(
        self, member: str, value: object, answering: Answering, answer: dict[str, Any]
    ) -> None:
        holder, key = parent(answer, member)
        holder[key] = value
        body = written(answer)
        error = raised(lambda client: get_status.sync(client=client), answering(body))
        assert type(error) is errors.InvalidResponse
        assert error.reason.startswith(f"{named(member)}: expected ")
        assert error.status_code == 200
        assert error.content == body

    @pytest.mark.parametrize(("member", "value"), wrong_values(TIME_MEMBERS))
    def test_a_time_of_the_wrong_type_does_not_lose_the_call(
        self, member: str, value: object, answering: Answering, answer: dict[str, Any]
    ) -> None:
        holder, key = parent(answer, member)
        holder[key] = value
        response = get_status.sync(client=answering(written(answer)))
        assert response.result.crm_entity_id == 17
        assert response.time is UNSET

    @pytest.mark.parametrize("error", [{}, {"error_description": "Why"}, {"error": ""}])
    def test_an_error_without_a_code(
        self, error: dict[str, str], ask: Ask, answering: Answering
    ) -> None:
        invalid = raised(ask, answering(error, 401))
        assert type(invalid) is errors.InvalidResponse
        assert invalid.reason.startswith("error: expected a value, found ")

    @pytest.mark.parametrize(("member", "value"), wrong_values(ERROR_MEMBERS))
    def test_an_error_with_a_member_of_the_wrong_type(
        self, member: str, value: object, answering: Answering
    ) -> None:
        body = {"error": "expired_token", "error_description": "Expired.", member: value}
        error = raised(lambda client: get_status.sync(client=client), answering(written(body), 401))
        assert type(error) is errors.InvalidResponse
        assert error.reason.startswith(f"{member}: expected text")
        assert error.status_code == 401


# --- the family ---------------------------------------------------------------------------------

EXAMPLES = [
    pytest.param(
        errors.ApiError(
            400,
            ErrorResponse.from_dict(
                {"error": code, "error_description": "Why", "argument": "PLACEMENT", "more": [1]}
            ),
            b'{"error": "..."}',
        ),
        id=f"ApiError {code}",
    )
    for code in ("ERROR_ARGUMENT", "MOON_PHASE")
] + [
    pytest.param(
        errors.ApiError(
            401,
            ErrorResponse.from_dict({"error": "expired_token", "error_description": "Expired."}),
            b"{}",
        ),
        id="ApiError without an argument",
    ),
    pytest.param(errors.UnexpectedStatus(520, b"<html></html>"), id="UnexpectedStatus"),
    pytest.param(errors.InvalidResponse("expected JSON", 200, b"<html>"), id="InvalidResponse"),
    pytest.param(errors.InvalidResponse("CALL_ID: expected a string"), id="without an answer"),
]


class TestFamily:
    @pytest.mark.parametrize("error", EXAMPLES)
    def test_all_derive_from_one_base(self, error: errors.Bitrix24Error) -> None:
        assert isinstance(error, errors.Bitrix24Error)
        assert not isinstance(error, ValueError | KeyError | TypeError | httpx.HTTPError)

    @pytest.mark.parametrize("error", EXAMPLES)
    def test_a_pickle_keeps_everything(self, error: errors.Bitrix24Error) -> None:
        back = pickle.loads(pickle.dumps(error))
        assert type(back) is type(error)
        assert str(back) == str(error)
        assert vars(back) == vars(error)

    @pytest.mark.parametrize("error", EXAMPLES)
    def test_a_copy_keeps_everything(self, error: errors.Bitrix24Error) -> None:
        for back in (copy.copy(error), copy.deepcopy(error)):
            assert type(back) is type(error)
            assert str(back) == str(error)
            assert vars(back) == vars(error)

    def test_an_error_that_came_over_the_wire_survives_a_pickle(
        self, get: Get, sandbox: Sandbox
    ) -> None:
        sandbox.fail("expired_token")
        with Client(base_url=sandbox.webhook_url) as client:
            error = raised(get, client)
        back = pickle.loads(pickle.dumps(error))
        assert back.error is ErrorCode.EXPIRED_TOKEN
        assert (back.status_code, back.content) == (401, getattr(error, "content", None))


class TestNetworkFailures:
    def test_a_refused_connection_is_httpx_s_own(self, ask: Ask) -> None:
        with socket.socket() as unused:  # bound, but nobody listens
            unused.bind(("127.0.0.1", 0))
            host, port = unused.getsockname()
            client = Client(base_url=f"http://{host}:{port}/rest/1/made-up-secret/")
            with client, pytest.raises(httpx.ConnectError):
                ask(client)

    def test_a_closed_connection_is_httpx_s_own(self, ask: Ask, sandbox: Sandbox) -> None:
        sandbox.fail("disconnect")
        client = Client(base_url=sandbox.webhook_url)
        with client, pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            ask(client)

    def test_an_answer_that_takes_too_long_is_httpx_s_own(self, ask: Ask, sandbox: Sandbox) -> None:
        sandbox.fail("slow", seconds=60)
        timeout = httpx.Timeout(10, read=0.1)
        client = Client(base_url=sandbox.webhook_url, timeout=timeout)
        with client, pytest.raises(httpx.ReadTimeout):
            ask(client)

    def test_a_cancelled_call_is_cancelled(self, sandbox: Sandbox) -> None:
        sandbox.fail("slow", seconds=60)

        async def cancel() -> None:
            async with Client(base_url=sandbox.webhook_url) as client:
                async with asyncio.timeout(0.1):
                    await get_status.asyncio(client=client)

        with pytest.raises(TimeoutError):
            asyncio.run(cancel())

    def test_a_client_goes_on_after_a_failure(self, get: Get, sandbox: Sandbox) -> None:
        sandbox.fail("disconnect")
        with Client(base_url=sandbox.webhook_url) as client:
            with pytest.raises(httpx.HTTPError):
                get(client)
            assert get(client).result.crm_entity_id == 17
