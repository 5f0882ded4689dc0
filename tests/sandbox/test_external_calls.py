"""Calls of another telephony, which an application or a webhook registers and finishes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.data import GET_STATUS
from tests.sandbox.conftest import error_of

CALL = {"USER_ID": 1, "PHONE_NUMBER": "+12025550142", "TYPE": 2}
REGISTER, FINISH, SHOW, HIDE = (
    f"telephony.externalCall.{what}" for what in ("register", "finish", "show", "hide")
)


@pytest.fixture(autouse=True)
def _no_call(sandbox: Sandbox) -> None:
    sandbox.call = None


class TestRegistering:
    def test_a_registered_call_is_in_the_card_until_it_is_finished(
        self, result: Any, sandbox: Sandbox
    ) -> None:
        registered = result(REGISTER, {**CALL, "LINE_NUMBER": "reg7", "EXTERNAL_CALL_ID": "pbx-1"})
        assert registered["CALL_ID"].startswith("externalCall.")
        assert (registered["CRM_ENTITY_TYPE"], registered["CRM_ENTITY_ID"]) == ("CONTACT", 17)
        assert sandbox.call == {
            "CALL_ID": registered["CALL_ID"],
            "PHONE_NUMBER": "+12025550142",
            "LINE_NUMBER": "reg7",
            "LINE_NAME": "reg7",
            "CRM_ENTITY_TYPE": "CONTACT",
            "CRM_ENTITY_ID": 17,
            "CRM_BINDINGS": [{"ENTITY_TYPE": "CONTACT", "ENTITY_ID": 17}],
            "CALL_DIRECTION": "incoming",
            "CALL_STATE": "connected",
            "CALL_LIST_MODE": False,
        }
        assert result("placement.call", GET_STATUS) == sandbox.call
        finish = {"CALL_ID": registered["CALL_ID"], "USER_ID": 1, "DURATION": 95, "VOTE": 5}
        finished = result(FINISH, finish)
        assert sandbox.call is None
        assert finished["CALL_ID"] == registered["CALL_ID"]
        assert (finished["CALL_DURATION"], finished["CALL_FAILED_CODE"]) == (95, "200")
        assert (finished["CALL_STATUS"], finished["CALL_VOTE"]) == (1, 5)
        assert (finished["INCOMING"], finished["PORTAL_USER_ID"]) == ("2", 1)
        assert (finished["PORTAL_NUMBER"], finished["EXTERNAL_CALL_ID"]) == ("reg7", "pbx-1")

    def test_a_webhook_may_register_and_finish_it(self, webhook: Any, result: Any) -> None:
        call_id = webhook(REGISTER, CALL).json()["result"]["CALL_ID"]
        finish = {"CALL_ID": call_id, "USER_ID": 1, "DURATION": 5, "STATUS_CODE": "486"}
        finished = webhook(FINISH, finish).json()["result"]
        assert (finished["CALL_FAILED_CODE"], finished["CALL_STATUS"]) == ("486", 1)
        assert (finished["PORTAL_NUMBER"], finished["REST_APP_ID"]) == ("REST_APP:", None)
        assert finished["REST_APP_NAME"] is False
        call_id = result(REGISTER, CALL)["CALL_ID"]
        finished = result(FINISH, {"CALL_ID": call_id, "USER_ID": 1})
        assert (finished["PORTAL_NUMBER"], finished["REST_APP_ID"]) == ("REST_APP:1", "1")

    def test_an_open_card_keeps_its_call(self, result: Any, sandbox: Sandbox) -> None:
        sandbox.play("incoming-bound")
        before = sandbox.call
        call_id = result(REGISTER, CALL)["CALL_ID"]
        assert sandbox.call == before
        finished = result(FINISH, {"CALL_ID": call_id, "USER_ID": "1"})
        assert (finished["CALL_FAILED_CODE"], finished["CALL_STATUS"]) == ("304", 0)
        assert sandbox.call == before

    @pytest.mark.parametrize(
        ("show", "shown"),
        [(0, False), ("0", False), (False, False), ("N", True), ("false", True), (None, True)],
    )
    def test_it_may_be_registered_without_a_card(
        self, show: Any, shown: bool, result: Any, sandbox: Sandbox
    ) -> None:
        result(REGISTER, {**CALL, "SHOW": show})
        assert (sandbox.call is not None) is shown

    def test_it_is_bound_to_the_item_with_its_number_or_to_a_given_one(
        self, result: Any, sandbox: Sandbox
    ) -> None:
        named = {"CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": "52"}
        assert result(REGISTER, {**CALL, **named})["CRM_ENTITY_ID"] == 52
        sandbox.call = None
        unbound = result(REGISTER, {**CALL, "PHONE_NUMBER": "+12025550100"})
        assert (unbound["CRM_ENTITY_TYPE"], unbound["CRM_ENTITY_ID"]) == ("", None)
        assert sandbox.call
        assert (sandbox.call["CRM_ENTITY_TYPE"], sandbox.call["CRM_ENTITY_ID"]) == ("", 0)
        assert (sandbox.call["CRM_BINDINGS"], sandbox.call["LINE_NUMBER"]) == ([], "")

    @pytest.mark.parametrize(
        "number", ["tel:+1 (202) 555-0142", "12025550142", "+1.202.555.0142 (home)"]
    )
    def test_its_number_is_stripped_of_other_characters(
        self, number: str, result: Any, sandbox: Sandbox
    ) -> None:
        assert result(REGISTER, {**CALL, "PHONE_NUMBER": number})["CRM_ENTITY_ID"] == 17
        assert sandbox.call
        assert sandbox.call["PHONE_NUMBER"].lstrip("+") == "12025550142"

    @pytest.mark.parametrize(
        ("kind", "direction"),
        [(1, "outgoing"), ("2", "incoming"), (3, "incoming"), (4, "callback"), (5, "incoming")],
    )
    def test_its_direction_in_the_card(
        self, kind: Any, direction: str, result: Any, sandbox: Sandbox
    ) -> None:
        result(REGISTER, {**CALL, "TYPE": kind})
        assert sandbox.call
        assert sandbox.call["CALL_DIRECTION"] == direction

    @pytest.mark.parametrize(
        ("changed", "description"),
        [
            ({"USER_ID": None}, "USER_ID or USER_PHONE_INNER should be set"),
            ({"USER_ID": 0, "USER_PHONE_INNER": "9"}, "USER_ID or USER_PHONE_INNER should be set"),
            ({"USER_ID": None, "user_id": 1}, "USER_ID or USER_PHONE_INNER should be set"),
            ({"USER_ID": 3}, "User is not found or is not active"),
            ({"USER_ID": 3, "PHONE_NUMBER": "x"}, "Unsupported phone number format"),
            ({"TYPE": 6, "PHONE_NUMBER": ""}, "Unknown TYPE"),
            ({"TYPE": None}, "Unknown TYPE"),
            ({"PHONE_NUMBER": ""}, "Unsupported phone number format"),
            (
                {"PHONE_NUMBER": "", "CALL_START_DATE": "x"},
                "CALL_START_DATE should be in the ISO-8601 format",
            ),
            ({"CALL_START_DATE": ["x"]}, "CALL_START_DATE should be in the ISO-8601 format"),
        ],
    )
    def test_what_cannot_be_registered_is_refused_without_a_code(
        self, changed: dict[str, Any], description: str, refusal: Any, sandbox: Sandbox
    ) -> None:
        assert refusal(REGISTER, {**CALL, **changed}) == (400, "", description)
        assert sandbox.call is None


class TestTheSameCallAgain:
    def test_it_has_the_same_id_and_is_shown_again(self, result: Any, sandbox: Sandbox) -> None:
        fields = {**CALL, "LINE_NUMBER": "reg7", "EXTERNAL_CALL_ID": "pbx-1"}
        call_id = result(REGISTER, fields)["CALL_ID"]
        sandbox.call = None
        assert result(REGISTER, fields)["CALL_ID"] == call_id
        assert sandbox.call
        assert sandbox.call["CALL_ID"] == call_id
        without_line = {**CALL, "PHONE_NUMBER": "+1 202 555 0142", "SHOW": 0}
        assert result(REGISTER, without_line)["CALL_ID"] == call_id

    @pytest.mark.parametrize(
        "changed",
        [
            {"USER_ID": 2},
            {"TYPE": 1},
            {"PHONE_NUMBER": "+12025550163"},
            {"LINE_NUMBER": "reg7"},
            {"EXTERNAL_CALL_ID": "pbx-2"},
        ],
    )
    def test_with_another_value_it_is_another_call(
        self, changed: dict[str, Any], result: Any
    ) -> None:
        call_id = result(REGISTER, CALL)["CALL_ID"]
        assert result(REGISTER, {**CALL, **changed})["CALL_ID"] != call_id

    def test_once_it_is_finished_or_from_a_webhook_it_is_another_call(
        self, result: Any, webhook: Any
    ) -> None:
        call_id = result(REGISTER, CALL)["CALL_ID"]
        assert webhook(REGISTER, CALL).json()["result"]["CALL_ID"] != call_id
        result(FINISH, {"CALL_ID": call_id, "USER_ID": 1})
        assert result(REGISTER, CALL)["CALL_ID"] != call_id

    @pytest.mark.parametrize(("minutes", "same"), [(29, True), (31, False)])
    def test_for_half_an_hour_after_it_began(self, minutes: int, same: bool, result: Any) -> None:
        began = datetime.now(UTC) - timedelta(minutes=minutes)
        fields = {**CALL, "CALL_START_DATE": began.isoformat()}
        call_id = result(REGISTER, fields)["CALL_ID"]
        assert (result(REGISTER, CALL)["CALL_ID"] == call_id) is same


class TestFinishing:
    def test_an_unknown_or_finished_call_is_refused(self, result: Any, refusal: Any) -> None:
        text = "Call is not found (call should be registered prior to finishing"
        assert refusal(FINISH, {"CALL_ID": "externalCall.x", "USER_ID": 3}) == (400, "", text)
        finish = {"CALL_ID": result(REGISTER, CALL)["CALL_ID"], "USER_ID": 1}
        result(FINISH, finish)
        assert refusal(FINISH, finish) == (400, "", text)

    def test_the_order_of_its_checks(self, result: Any, refusal: Any) -> None:
        call_id = result(REGISTER, CALL)["CALL_ID"]
        nobody = "USER_ID or USER_PHONE_INNER should be set"
        assert refusal(FINISH, {"CALL_ID": 1}) == (400, "", nobody)
        not_text = (400, "INVALID_ARGUMENT", "CALL_ID must be a string")
        assert refusal(FINISH, {"CALL_ID": 1, "USER_ID": 3}) == not_text
        inactive = (400, "", "User is not found or is not active")
        assert refusal(FINISH, {"CALL_ID": call_id, "USER_ID": 3}) == inactive
        by_extension = {"CALL_ID": call_id, "USER_PHONE_INNER": "101"}
        assert result(FINISH, by_extension)["PORTAL_USER_ID"] == 1

    def test_for_another_user_the_first_one_s_card_stays(
        self, result: Any, sandbox: Sandbox
    ) -> None:
        call_id = result(REGISTER, CALL)["CALL_ID"]
        finished = result(FINISH, {"CALL_ID": call_id, "USER_ID": 2, "DURATION": 5})
        assert finished["PORTAL_USER_ID"] == 2
        assert sandbox.call
        assert sandbox.call["CALL_ID"] == call_id

    def test_its_card_closes_as_when_the_far_end_hangs_up(
        self, result: Any, sandbox: Sandbox, http: httpx.Client
    ) -> None:
        call_id = result(REGISTER, CALL)["CALL_ID"]
        http.post(f"{sandbox.origin}/sandbox/card/comment").raise_for_status()
        result(FINISH, {"CALL_ID": call_id, "USER_ID": 1})
        card = http.get(f"{sandbox.origin}/sandbox/card").json()
        assert card["call"]["CALL_ID"] == call_id
        assert card["closes_in"] is not None


class TestShowingAndHiding:
    def test_a_card_opens_and_closes(self, result: Any, webhook: Any, sandbox: Sandbox) -> None:
        call_id = result(REGISTER, {**CALL, "SHOW": 0})["CALL_ID"]
        assert webhook(SHOW, {"CALL_ID": call_id}).json()["result"] is True
        assert sandbox.call
        assert sandbox.call["CALL_ID"] == call_id
        assert webhook(HIDE, {"CALL_ID": call_id}).json()["result"] is True
        assert sandbox.call is None

    @pytest.mark.parametrize("method", [SHOW, HIDE])
    def test_an_unknown_call_is_no_error(self, method: str, result: Any) -> None:
        assert result(method, {"CALL_ID": "externalCall.x"}) is False

    @pytest.mark.parametrize(
        ("users", "shown"),
        [
            ({"USER_ID": 1}, True),
            ({"USER_ID": [2, "1"]}, True),
            ({"USER_ID": {"0": "2", "1": "1"}}, True),  # what a form's `USER_ID[]` is read as
            ({"USER_ID": [2]}, False),
        ],
    )
    def test_each_named_user_has_a_card(
        self, users: dict[str, Any], shown: bool, result: Any, sandbox: Sandbox
    ) -> None:
        call_id = result(REGISTER, {**CALL, "USER_ID": 2})["CALL_ID"]
        assert sandbox.call is None  # it is in the card of the other user
        result(SHOW, {"CALL_ID": call_id, **users})
        assert (sandbox.call is not None) is shown
        if shown:
            result(HIDE, {"CALL_ID": call_id})
            assert sandbox.call is not None
            result(HIDE, {"CALL_ID": call_id, **users})
            assert sandbox.call is None

    def test_an_operator_s_call_is_in_the_operator_s_card(
        self, result: Any, sandbox: Sandbox
    ) -> None:
        sandbox.load({"user": "operator", "call": None})
        result(REGISTER, CALL)
        assert sandbox.call is None
        call_id = result(REGISTER, {**CALL, "USER_ID": None, "USER_PHONE_INNER": "102"})["CALL_ID"]
        assert sandbox.call
        assert sandbox.call["CALL_ID"] == call_id


class TestSearching:
    METHOD = "telephony.externalCall.searchCrmEntities"

    def test_the_items_with_a_number_are_found(self, result: Any) -> None:
        (item,) = result(self.METHOD, {"PHONE_NUMBER": "12025550163"})
        assert (item["CRM_ENTITY_TYPE"], item["CRM_ENTITY_ID"]) == ("CONTACT", 23)
        assert item["NAME"] == "Tomasz Zieliński"
        assert (item["ASSIGNED_BY"]["ID"], item["ASSIGNED_BY"]["USER_PHONE_INNER"]) == ("1", "101")
        assert result(self.METHOD, {"PHONE_NUMBER": "+12025550100"}) == []

    def test_without_a_number_it_is_refused(self, webhook: Any) -> None:
        assert error_of(webhook(self.METHOD)) == (400, "", "PHONE_NUMBER is empty")
