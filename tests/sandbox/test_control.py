"""The sandbox's own endpoints: what they take, and what they refuse without a change."""

import json
import re
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.testing import Sandbox
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


class TestState:
    def test_it_shows_the_call_and_everything_that_can_be_set(self, sandbox: Sandbox) -> None:
        state = sandbox.state()
        assert state.keys() == {"call", "widget", "form", "profile", "limits", "faults"}
        assert state["call"]["CRM_ENTITY_ID"] == 17
        assert state["faults"] == []

    def test_it_shows_that_there_is_no_call(self, sandbox: Sandbox) -> None:
        sandbox.call = None
        assert sandbox.call is None
        assert sandbox.state()["call"] is None

    def test_other_methods_are_not_allowed(self, http: httpx.Client, sandbox: Sandbox) -> None:
        for path, allowed in (("state", "GET"), ("reset", "POST"), ("call", "PUT")):
            answer = http.patch(f"{sandbox.origin}/sandbox/{path}")
            assert answer.status_code == 405
            assert allowed in answer.headers["allow"]
            assert answer.json()["error"] == "METHOD_NOT_ALLOWED"


class TestCall:
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
        ],
        ids=[
            *("least", "no activity", "activity", "open sets", "odd binding"),
            *("false for an unbound call", "ids as text", "a binding of any type"),
            *("a binding without the crm module", "unknown fields"),
        ],
    )
    def test_what_is_put_is_what_is_answered(
        self, call: dict[str, Any], ask: Any, sandbox: Sandbox
    ) -> None:
        sandbox.call = call
        assert sandbox.call == call
        assert ask().json()["result"] == call

    @pytest.mark.parametrize("field", sorted(LEAST))
    def test_a_field_that_is_always_there_must_be_given(
        self, field: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        call = {name: value for name, value in LEAST.items() if name != field}
        description = refused(http.put(f"{sandbox.origin}/sandbox/call", json=call))
        assert description.startswith(f"{field} is missing: it must be ")
        assert sandbox.state()["call"]["CRM_ENTITY_ID"] == 17

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
    def test_a_field_of_another_type_is_named_with_what_was_expected(
        self, field: str, value: object, expected: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.put(f"{sandbox.origin}/sandbox/call", json={**LEAST, field: value})
        assert refused(answer).startswith(f"{field} must be {expected}")
        assert sandbox.state()["call"]["CRM_ENTITY_ID"] == 17

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"null", b"5", b"\xff", b"[" * 100_000, b'{"a":NaN}', b" " * 9_000_000],
        ids=lambda body: repr(body[:9]),
    )
    def test_a_body_that_is_not_a_call_is_refused(
        self, body: bytes, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        assert refused(http.put(f"{sandbox.origin}/sandbox/call", content=body))
        assert sandbox.state()["call"]["CRM_ENTITY_ID"] == 17

    def test_a_number_beyond_json_is_refused(self, http: httpx.Client, sandbox: Sandbox) -> None:
        body = json.dumps(LEAST)[:-1] + ', "NEW": 1e999}'
        answer = http.put(f"{sandbox.origin}/sandbox/call", content=body)
        assert refused(answer) == "The call holds a value that JSON cannot carry"

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        text=st.text(st.characters(), max_size=20),
        number=st.integers(0, 10**20),
        extra=st.dictionaries(st.text(max_size=5), st.none() | st.text(max_size=5), max_size=3),
    )
    def test_any_text_and_any_number_come_back_as_they_were(
        self, text: str, number: int, extra: dict[str, Any], ask: Any, sandbox: Sandbox
    ) -> None:
        call = {**extra, **LEAST, "CALL_ID": text, "LINE_NAME": text, "CRM_ENTITY_ID": number}
        sandbox.call = call
        assert ask().json()["result"] == call

    def test_its_fields_stand_in_the_order_in_which_portals_write_them(
        self, ask: Any, sandbox: Sandbox
    ) -> None:
        call = sandbox.state()["call"]
        sandbox.call = {"NEW": 1, **dict(reversed(call.items()))}
        assert list(ask().json()["result"]) == [*call, "NEW"]


class TestProfile:
    def test_it_changes_who_is_answered_until_the_next_reset(
        self, ask: Any, sandbox: Sandbox
    ) -> None:
        codes = []
        for profile in ("app-only", "js-only", "rest"):
            sandbox.profile = profile
            assert sandbox.profile == profile
            codes.append(ask().json().get("error"))
        assert codes == ["WRONG_AUTH_TYPE", "ERROR_METHOD_NOT_FOUND", None]
        sandbox.profile = "js-only"
        assert sandbox.reset()["profile"] == "rest"
        assert ask().status_code == 200

    @pytest.mark.parametrize("body", [{"profile": "x"}, {"profile": ["rest"]}])
    def test_a_profile_that_does_not_exist_is_refused_with_those_that_do(
        self, body: object, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.put(f"{sandbox.origin}/sandbox/profile", json=body)
        assert refused(answer) == "profile must be one of: rest, app-only, js-only"
        assert sandbox.state()["profile"] == "rest"

    @pytest.mark.parametrize("body", [{}, [], "rest", {"profile": "rest", "times": 1}])
    def test_a_body_that_is_not_a_profile_is_refused_with_an_example(
        self, body: object, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.put(f"{sandbox.origin}/sandbox/profile", json=body)
        assert refused(answer) == 'Expected an object such as {"profile": …}'


class TestForm:
    def test_it_changes_how_widgets_are_opened_until_the_next_reset(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        for form in ("old", "static", "new", "old"):
            answer = http.put(f"{sandbox.origin}/sandbox/form", json={"form": form})
            assert answer.json()["form"] == form
        assert sandbox.reset()["form"] == "new"

    def test_a_form_that_does_not_exist_is_refused_with_those_that_do(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.put(f"{sandbox.origin}/sandbox/form", json={"form": "newest"})
        assert refused(answer) == "form must be one of: new, old, static"


class TestScenario:
    def test_an_external_call_is_connected_from_the_first(self, sandbox: Sandbox) -> None:
        call = sandbox.play("external")["call"]
        assert call["CALL_ID"].startswith("externalCall.")
        assert call["CALL_STATE"] == "connected"

    def test_an_incoming_call_of_the_portals_own_telephony_is_bound(self, sandbox: Sandbox) -> None:
        call = sandbox.play("incoming-bound")["call"]
        assert re.fullmatch(r"[0-9A-F]+\.\d+\.\d+", call["CALL_ID"])
        assert (call["CALL_DIRECTION"], call["CRM_ENTITY_TYPE"]) == ("incoming", "CONTACT")
        assert len(call["CRM_BINDINGS"]) == 3

    def test_an_outgoing_call_to_an_unknown_number_has_false_and_no_id_yet(
        self, ask: Any, sandbox: Sandbox
    ) -> None:
        sandbox.play("outgoing-unbound")
        call = ask().json()["result"]
        assert call["CALL_ID"] == ""
        assert call["CRM_ENTITY_TYPE"] is False
        assert call["CRM_ENTITY_ID"] is False
        assert call["CRM_BINDINGS"] == []
        assert "CRM_ACTIVITY_ID" not in call
        assert (call["CALL_DIRECTION"], call["CALL_STATE"]) == ("outgoing", "connecting")

    def test_a_call_list_has_a_client_who_is_not_dialled_yet(self, sandbox: Sandbox) -> None:
        call = sandbox.play("call-list")["call"]
        assert call["CALL_LIST_MODE"] is True
        assert (call["CALL_ID"], call["CALL_STATE"]) == ("", "idle")

    def test_a_hidden_number_is_bound_to_nothing(self, sandbox: Sandbox) -> None:
        call = sandbox.play("hidden-number")["call"]
        assert call["PHONE_NUMBER"] == "hidden"
        assert (call["CRM_ENTITY_TYPE"], call["CRM_ENTITY_ID"]) == ("", 0)

    def test_a_transfer_has_a_direction_of_its_own(self, sandbox: Sandbox) -> None:
        call = sandbox.play("transfer")["call"]
        assert call["CALL_DIRECTION"] == "incomingTransfer"
        assert call["CALL_STATE"] == "connecting"

    def test_without_a_widget_there_still_is_a_call(self, ask: Any, sandbox: Sandbox) -> None:
        state = sandbox.play("no-widget")
        assert state["widget"] is False
        assert ask().status_code == 200
        assert sandbox.play("external")["widget"] is True

    def test_a_reset_returns_to_that_of_the_start(self) -> None:
        portal = Portal(scenario="outgoing-unbound")
        portal.play("no-widget")
        portal.reset()
        assert portal.widget is True
        assert portal.call is not None
        assert portal.call["CRM_ENTITY_ID"] is False

    def test_a_scenario_that_does_not_exist_is_refused_with_those_that_do(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.put(f"{sandbox.origin}/sandbox/scenario", json={"scenario": ["external"]})
        assert refused(answer) == (
            "scenario must be one of: external, incoming-bound, outgoing-unbound, call-list, "
            "hidden-number, transfer, no-widget"
        )


class TestFaults:
    @pytest.mark.parametrize(
        ("request_", "expected"),
        [
            ({"fault": "no-such"}, "fault must be one of: INVALID_REQUEST, ERROR_ARGUMENT"),
            ({"fault": None}, "fault must be one of: "),
            ({"fault": ["slow"]}, "fault must be one of: "),
            ({}, "fault must be one of: "),
            ([], "Expected an object"),
            ({"fault": "slow", "times": 0}, "times must be a positive integer"),
            ({"fault": "slow", "times": "2"}, "times must be a positive integer"),
            ({"fault": "slow", "times": True}, "times must be a positive integer"),
            ({"fault": "slow", "seconds": "2"}, "seconds must be a number"),
            ({"fault": "slow", "seconds": -1}, "seconds must be between 0 and 3600"),
            ({"fault": "redirect", "status": 200}, "status must be 301, 302, 303, 307 or 308"),
            ({"fault": "redirect", "status": [307]}, "status must be 301, 302, 303, 307 or 308"),
            ({"fault": "redirect", "location": "a\r\nb: c"}, "location must be a URL"),
            ({"fault": "redirect", "location": 5}, "location must be a URL"),
            ({"fault": "OVERLOAD_LIMIT", "status": "401"}, "status must be a number"),
            ({"fault": "OVERLOAD_LIMIT", "status": True}, "status must be a number"),
            ({"fault": "OVERLOAD_LIMIT", "status": 302}, "status must be 200, or between 400"),
            ({"fault": "invalid_grant", "status": 600}, "status must be 200, or between 400"),
            ({"fault": "html-502", "status": 500}, "html-502 takes no member 'status'"),
            ({"fault": "html-502", "seconds": 2}, "html-502 takes no member 'seconds'"),
        ],
    )
    def test_an_invalid_fault_is_refused(
        self, request_: object, expected: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.post(f"{sandbox.origin}/sandbox/faults", json=request_)
        assert refused(answer).startswith(expected)
        assert sandbox.state()["faults"] == []

    def test_an_unknown_name_is_answered_with_all_names(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.post(f"{sandbox.origin}/sandbox/faults", json={"fault": "?"})
        names = refused(answer).removeprefix("fault must be one of: ").split(", ")
        assert {
            *("slow", "disconnect", "truncated-json", "html-502", "html-503", "html-504"),
            *("html-520", "redirect", "error-in-200", "OVERLOAD_LIMIT", "invalid_grant"),
        } <= set(names)


class TestSubscribers:
    def test_subscribers_are_called_after_each_change_until_they_leave(self) -> None:
        portal, heard = Portal(), []
        leave = portal.subscribe(lambda: heard.append(portal.call and portal.call["CALL_ID"][:2]))
        portal.set_call(LEAST)
        assert heard == ["c1"]
        portal.end_call()
        assert heard == ["c1", None]
        portal.reset()
        assert heard[-1] == "ex"
        leave()
        before = list(heard)
        portal.end_call()
        assert heard == before

    def test_subscribers_are_not_called_for_a_refused_call(self) -> None:
        portal, heard = Portal(), []
        portal.subscribe(lambda: heard.append(portal.call))
        with pytest.raises(ValueError, match="CALL_ID is missing"):
            portal.set_call({})
        assert heard == []

    def test_a_call_is_not_changed_from_outside(self) -> None:
        portal, call = Portal(), json.loads(json.dumps(LEAST))
        portal.set_call(call)
        call["CRM_BINDINGS"].append("x")
        assert portal.call == LEAST
