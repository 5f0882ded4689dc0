"""The control endpoints, and the calls that they accept."""

import json
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.portal.call import InvalidCallError
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.testing import Sandbox

from tests.data import CALL

LEAST = {
    "CALL_ID": "c1",
    "CRM_ENTITY_TYPE": "",
    "CRM_ENTITY_ID": 0,
    "CRM_BINDINGS": [],
    "CALL_DIRECTION": "incoming",
    "CALL_LIST_MODE": False,
}


def refused(answer: httpx.Response) -> str:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.json().keys() == {"error", "error_description"}
    description: str = answer.json()["error_description"]
    return description


class TestRequests:
    @pytest.mark.parametrize(
        ("path", "allowed"), [("state", "GET"), ("reset", "POST"), ("call", "PUT")]
    )
    def test_other_methods_are_not_allowed(
        self, path: str, allowed: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.patch(f"{sandbox.origin}/sandbox/{path}")
        assert (answer.status_code, answer.json()["error"]) == (405, "METHOD_NOT_ALLOWED")
        assert allowed in answer.headers["allow"]

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"null", b"5", b"\xff", b"[" * 100_000, b'{"a":NaN}', b" " * 9_000_000],
        ids=lambda body: repr(body[:9]),
    )
    @pytest.mark.parametrize("path", ["call", "profile"])
    def test_an_invalid_body_is_refused_and_changes_nothing(
        self, path: str, body: bytes, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        before = sandbox.state()
        assert refused(http.put(f"{sandbox.origin}/sandbox/{path}", content=body))
        assert sandbox.state() == before

    @pytest.mark.parametrize(
        ("name", "body", "expected"),
        [
            ("profile", {"profile": "x"}, "profile must be one of: rest, app-only, js-only"),
            ("profile", {"profile": ["rest"]}, "profile must be one of: rest, app-only, js-only"),
            ("form", {"form": "newest"}, "form must be one of: new, old, static"),
            ("scenario", {"scenario": "x"}, "scenario must be one of: external, incoming-bound, "),
            ("scenario", {"scenario": ["external"]}, "scenario must be one of: external, "),
            ("limits", {"limits": {"burst": 1}}, "limits must be null, or an object such as"),
            ("profile", {}, 'Expected an object such as {"profile": …}'),
            ("profile", "rest", 'Expected an object such as {"profile": …}'),
            ("profile", {"profile": "rest", "times": 1}, "Expected an object such as "),
        ],
    )
    def test_an_invalid_value_is_refused_with_what_was_expected(
        self, name: str, body: object, expected: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        before = sandbox.state()
        answer = http.put(f"{sandbox.origin}/sandbox/{name}", json=body)
        assert refused(answer).startswith(expected)
        assert sandbox.state() == before


class TestCalls:
    @pytest.mark.parametrize(
        "call",
        [
            LEAST,
            {**LEAST, "CRM_ACTIVITY_ID": ""},
            {**LEAST, "CRM_ACTIVITY_ID": 5},
            {**LEAST, "PHONE_NUMBER": "hidden", "LINE_NAME": "", "CALL_STATE": "on hold"},
            {**LEAST, "CRM_BINDINGS": [{"ENTITY_TYPE": "SPA_7", "ENTITY_ID": 9, "NEW": [1]}]},
            {**LEAST, "CALL_ID": "", "CRM_ENTITY_TYPE": False, "CRM_ENTITY_ID": False},
            {**LEAST, "CRM_ENTITY_ID": "17", "CRM_ACTIVITY_ID": "2024"},
            {**LEAST, "CRM_BINDINGS": [{"ENTITY_TYPE": "DYNAMIC_1032", "ENTITY_ID": "9"}]},
            {**LEAST, "CRM_BINDINGS": [{"OWNER_TYPE_ID": 3, "OWNER_ID": 17}]},
            {**LEAST, "CRM_ENTITY_ID": 10**30, "NEW_FIELD": {"a": [None, 1.5, "\ud800"]}},
            None,
        ],
        ids=[
            *("least", "no activity", "activity", "open sets", "odd binding"),
            *("false for an unbound call", "ids as text", "a binding of any type"),
            *("a binding without the crm module", "unknown fields", "no call"),
        ],
    )
    def test_the_call_that_is_set_is_the_response(
        self, call: dict[str, Any] | None, ask: Any, sandbox: Sandbox
    ) -> None:
        sandbox.call = call
        assert sandbox.call == call
        assert ask().json().get("result") == call

    def test_fields_are_in_the_order_of_portals(self, ask: Any, sandbox: Sandbox) -> None:
        sandbox.call = {"NEW": 1, **dict(reversed(CALL.items()))}
        assert list(ask().json()["result"]) == [*CALL, "NEW"]

    @pytest.mark.parametrize("field", sorted(LEAST))
    def test_a_required_field(self, field: str) -> None:
        call = {name: value for name, value in LEAST.items() if name != field}
        with pytest.raises(InvalidCallError, match=f"^{field} is missing: it must be "):
            Portal().set_call(call)

    @pytest.mark.parametrize(
        ("field", "value", "expected"),
        [
            ("CALL_ID", 5, "a string"),
            ("PHONE_NUMBER", None, "a string"),
            ("LINE_NUMBER", 74951234567, "a string"),
            ("LINE_NAME", ["x"], "a string"),
            ("CRM_ENTITY_TYPE", None, "a string, or false"),
            ("CRM_ENTITY_TYPE", True, "a string, or false"),
            ("CRM_ENTITY_TYPE", 0, "a string, or false"),
            ("CRM_ENTITY_ID", "", 'an id such as 17 or "17", or false'),
            ("CRM_ENTITY_ID", "seventeen", 'an id such as 17 or "17", or false'),
            ("CRM_ENTITY_ID", "-1", 'an id such as 17 or "17", or false'),
            ("CRM_ENTITY_ID", -1, 'an id such as 17 or "17", or false'),
            ("CRM_ENTITY_ID", 17.0, 'an id such as 17 or "17", or false'),
            ("CRM_ENTITY_ID", True, 'an id such as 17 or "17", or false'),
            ("CRM_ACTIVITY_ID", None, 'an id such as 2024, or "" if there is no activity'),
            ("CRM_ACTIVITY_ID", "x", 'an id such as 2024, or "" if there is no activity'),
            ("CRM_ACTIVITY_ID", False, 'an id such as 2024, or "" if there is no activity'),
            ("CRM_BINDINGS", {}, "a list of objects"),
            ("CRM_BINDINGS", [5], "a list of objects"),
            ("CRM_BINDINGS", [{"ENTITY_TYPE": "DEAL"}], "a list of objects"),
            ("CRM_BINDINGS", [{"ENTITY_TYPE": "DEAL", "ENTITY_ID": "x"}], "a list of objects"),
            ("CRM_BINDINGS", [{"ENTITY_TYPE": 2, "ENTITY_ID": 1}], "a list of objects"),
            ("CRM_BINDINGS", [{"OWNER_TYPE_ID": 3}], "a list of objects"),
            ("CRM_BINDINGS", [{"OWNER_TYPE_ID": "C", "OWNER_ID": 1}], "a list of objects"),
            ("CALL_DIRECTION", 1, "a string"),
            ("CALL_STATE", 1, "a string"),
            ("CALL_LIST_MODE", "false", "true or false"),
            ("CALL_LIST_MODE", 0, "true or false"),
        ],
    )
    def test_a_field_of_another_type(self, field: str, value: object, expected: str) -> None:
        portal = Portal()
        with pytest.raises(InvalidCallError) as raised:
            portal.set_call({**LEAST, field: value})
        assert str(raised.value).startswith(f"{field} must be {expected}")
        assert portal.call == CALL

    def test_a_number_that_json_cannot_represent(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        body = json.dumps(LEAST)[:-1] + ', "NEW": 1e999}'
        answer = http.put(f"{sandbox.origin}/sandbox/call", content=body)
        assert refused(answer) == "The call has a value that JSON cannot represent"
