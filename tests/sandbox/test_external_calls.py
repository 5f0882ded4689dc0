"""Calls of another telephony, which an application registers and finishes."""

from typing import Any

import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.data import GET_STATUS

CALL = {"USER_ID": 1, "PHONE_NUMBER": "+12025550142", "TYPE": 2}


class TestExternalCalls:
    def test_a_registered_call_is_in_the_card_until_it_is_finished(
        self, result: Any, sandbox: Sandbox
    ) -> None:
        sandbox.call = None
        registered = result("telephony.externalCall.register", {**CALL, "LINE_NUMBER": "reg7"})
        assert registered["CALL_ID"].startswith("externalCall.")
        assert (registered["CRM_ENTITY_TYPE"], registered["CRM_ENTITY_ID"]) == ("CONTACT", 17)
        assert sandbox.call == {
            "CALL_ID": registered["CALL_ID"],
            "PHONE_NUMBER": "+12025550142",
            "LINE_NUMBER": "reg7",
            "LINE_NAME": "",
            "CRM_ENTITY_TYPE": "CONTACT",
            "CRM_ENTITY_ID": 17,
            "CRM_BINDINGS": [{"ENTITY_TYPE": "CONTACT", "ENTITY_ID": 17}],
            "CALL_DIRECTION": "incoming",
            "CALL_STATE": "connected",
            "CALL_LIST_MODE": False,
        }
        assert result("placement.call", GET_STATUS) == sandbox.call
        finished = result(
            "telephony.externalCall.finish",
            {"CALL_ID": registered["CALL_ID"], "USER_ID": 1, "DURATION": 95, "VOTE": 5},
        )
        assert sandbox.call is None
        assert finished["CALL_ID"] == registered["CALL_ID"]
        assert (finished["CALL_DURATION"], finished["CALL_FAILED_CODE"]) == (95, "200")
        assert (finished["CALL_STATUS"], finished["CALL_VOTE"]) == (1, 5)
        assert (finished["INCOMING"], finished["PORTAL_USER_ID"]) == ("2", 1)
        assert finished["PORTAL_NUMBER"] == "reg7"

    def test_an_open_card_keeps_its_call(self, result: Any, sandbox: Sandbox) -> None:
        before = sandbox.call
        call_id = result("telephony.externalCall.register", CALL)["CALL_ID"]
        assert sandbox.call == before
        finish = {"CALL_ID": call_id, "USER_ID": "1"}
        assert result("telephony.externalCall.finish", finish)["CALL_FAILED_CODE"] == "304"
        assert sandbox.call == before

    @pytest.mark.parametrize("show", [0, "0"])
    def test_it_may_be_registered_without_a_card(
        self, show: Any, result: Any, sandbox: Sandbox
    ) -> None:
        sandbox.call = None
        result("telephony.externalCall.register", {**CALL, "SHOW": show})
        assert sandbox.call is None

    def test_it_is_bound_to_the_item_with_its_number_or_to_a_given_one(
        self, result: Any, sandbox: Sandbox
    ) -> None:
        named = {"CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": "52"}
        register = "telephony.externalCall.register"
        assert result(register, {**CALL, **named})["CRM_ENTITY_ID"] == 52
        sandbox.call = None
        unknown = {**CALL, "PHONE_NUMBER": "+12025550100"}
        assert result(register, unknown)["CRM_ENTITY_ID"] is None
        assert sandbox.call
        assert (sandbox.call["CRM_ENTITY_TYPE"], sandbox.call["CRM_ENTITY_ID"]) == ("", 0)
        assert sandbox.call["CRM_BINDINGS"] == []

    @pytest.mark.parametrize(
        ("kind", "direction"),
        [(1, "outgoing"), ("2", "incoming"), (3, "incomingTransfer"), (4, "callback")],
    )
    def test_its_type_is_the_direction_in_the_card(
        self, kind: Any, direction: str, result: Any, sandbox: Sandbox
    ) -> None:
        sandbox.call = None
        result("telephony.externalCall.register", {**CALL, "TYPE": kind})
        assert sandbox.call
        assert sandbox.call["CALL_DIRECTION"] == direction

    @pytest.mark.parametrize(
        ("changed", "description"),
        [
            ({"USER_ID": None}, "USER_ID or USER_PHONE_INNER should be set"),
            ({"USER_ID": 2}, "User is not found or is not active"),
            ({"TYPE": 6}, "Unknown TYPE"),
            ({"TYPE": None}, "Unknown TYPE"),
            ({"PHONE_NUMBER": ""}, "Unsupported phone number format"),
            ({"PHONE_NUMBER": "x" * 300}, "Unsupported phone number format"),
            ({"CALL_START_DATE": "now"}, "CALL_START_DATE should be in the ISO-8601 format"),
            ({"CALL_START_DATE": ["x"]}, "CALL_START_DATE should be in the ISO-8601 format"),
        ],
    )
    def test_what_cannot_be_registered_is_refused(
        self, changed: dict[str, Any], description: str, refusal: Any, sandbox: Sandbox
    ) -> None:
        sandbox.call = None
        expected = (400, "ERROR_CORE", description)
        assert refusal("telephony.externalCall.register", {**CALL, **changed}) == expected
        assert sandbox.call is None

    def test_finishing_an_unknown_or_finished_call_is_refused(
        self, result: Any, refusal: Any
    ) -> None:
        finish = {"CALL_ID": "externalCall.x", "USER_ID": 1}
        expected = "Call is not found (call should be registered prior to finishing)"
        assert refusal("telephony.externalCall.finish", finish) == (400, "ERROR_CORE", expected)
        call_id = result("telephony.externalCall.register", CALL)["CALL_ID"]
        result("telephony.externalCall.finish", {**finish, "CALL_ID": call_id})
        again = refusal("telephony.externalCall.finish", {**finish, "CALL_ID": call_id})
        assert again == (400, "ERROR_CORE", expected)
        assert refusal("telephony.externalCall.finish", {"CALL_ID": 1})[1] == "INVALID_ARGUMENT"
