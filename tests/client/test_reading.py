"""Values are read for their meaning, however PHP, browsers and forms write them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from bitrix24_call_card import errors, models
from bitrix24_call_card.models import (
    CallStatus,
    CrmBinding,
    CrmEntityType,
    ErrorResponse,
    GetStatusResponse,
    InitData,
    OpenWidgetQuery,
    OpenWidgetRequest,
)
from bitrix24_call_card.types import UNSET

from tests.client.mocked import ANSWER, answering
from tests.client.opening import FORM, INIT_DATA, QUERY
from tests.data import CALL

if TYPE_CHECKING:
    from tests.client.conftest import Get

CONTRACT = Path(__file__).resolve().parents[2] / "openapi" / "call-card.yaml"


def without(source: dict[str, Any], member: str) -> dict[str, Any]:
    return {name: value for name, value in source.items() if name != member}


EMPTY: list[object] = [None, False, [], "false", "null", "undefined"]
"""How portals write "no value"; an empty text means the same, except in an optional text field."""

REQUIRED = {
    "CALL_ID": ("call_id", ""),
    "CRM_ENTITY_TYPE": ("crm_entity_type", ""),
    "CRM_ENTITY_ID": ("crm_entity_id", 0),
    "CRM_BINDINGS": ("crm_bindings", []),
    "CALL_DIRECTION": ("call_direction", ""),
    "CALL_LIST_MODE": ("call_list_mode", False),
}
OPTIONAL = {
    "PHONE_NUMBER": "phone_number",
    "LINE_NUMBER": "line_number",
    "LINE_NAME": "line_name",
    "CRM_ACTIVITY_ID": "crm_activity_id",
    "CALL_STATE": "call_state",
}


class TestNoValue:
    @pytest.mark.parametrize("member", REQUIRED)
    @pytest.mark.parametrize("value", [*EMPTY, ""], ids=repr)
    def test_a_required_field_is_empty(self, member: str, value: object) -> None:
        attribute, empty = REQUIRED[member]
        found = getattr(CallStatus.from_dict({**CALL, member: value}), attribute)
        assert found == empty
        assert type(found) is type(empty)

    @pytest.mark.parametrize("member", OPTIONAL)
    @pytest.mark.parametrize("value", EMPTY, ids=repr)
    def test_an_optional_field_is_unset(self, member: str, value: object) -> None:
        read = CallStatus.from_dict({**CALL, member: value})
        assert getattr(read, OPTIONAL[member]) is UNSET

    @pytest.mark.parametrize("member", without(REQUIRED | OPTIONAL, "CALL_ID"))
    def test_a_missing_member_has_no_value(self, member: str) -> None:
        read = CallStatus.from_dict(without(CALL, member))
        assert read == CallStatus.from_dict({**CALL, member: None})

    @pytest.mark.parametrize("value", [0, 0.0], ids=repr)
    def test_zero_is_no_text(self, value: object) -> None:
        texts = dict.fromkeys(("CALL_ID", "CRM_ENTITY_TYPE", "PHONE_NUMBER", "CALL_STATE"), value)
        read = CallStatus.from_dict({**CALL, **texts})
        assert (read.call_id, read.crm_entity_type) == ("", "")
        assert read.phone_number is read.call_state is UNSET

    def test_an_empty_text_is_a_text_and_zero_is_a_number(self) -> None:
        read = CallStatus.from_dict({**CALL, "LINE_NAME": "", "CRM_ACTIVITY_ID": ""})
        assert (read.line_name, read.crm_activity_id) == ("", UNSET)
        read = CallStatus.from_dict({**CALL, "LINE_NAME": 0, "CRM_ACTIVITY_ID": 0})
        assert (read.line_name, read.crm_activity_id) == (UNSET, 0)

    @pytest.mark.parametrize("value", [*EMPTY, ""], ids=repr)
    def test_there_is_always_a_call_and_a_form_always_has_a_token(self, value: object) -> None:
        with pytest.raises(errors.InvalidResponse, match=r"^result: expected a value, found "):
            GetStatusResponse.from_dict({**ANSWER, "result": value})
        with pytest.raises(errors.InvalidResponse, match=r"^AUTH_ID: expected a value, found "):
            OpenWidgetRequest.from_dict({**FORM, "AUTH_ID": value})

    @pytest.mark.parametrize("value", [*EMPTY, ""], ids=repr)
    def test_a_map_is_an_empty_object(self, value: object) -> None:
        read = InitData.from_dict({**INIT_DATA, "USER_OPTIONS": value})
        assert read.user_options == models.Options()

    @pytest.mark.parametrize("value", [None, False, "", [], "undefined"], ids=repr)
    def test_an_array_has_no_such_item(self, value: object) -> None:
        bindings = [value, {"ENTITY_TYPE": "DEAL", "ENTITY_ID": 83}, value]
        read = CallStatus.from_dict({**CALL, "CRM_BINDINGS": bindings})
        assert read.crm_bindings == [CrmBinding(entity_type=CrmEntityType.DEAL, entity_id=83)]


class TestOneMeaning:
    @pytest.mark.parametrize(
        ("member", "attribute", "value", "meaning"),
        [
            ("CRM_ENTITY_ID", "crm_entity_id", "17", 17),
            ("CRM_ENTITY_ID", "crm_entity_id", "017", 17),
            ("CRM_ENTITY_ID", "crm_entity_id", 17.0, 17),
            ("CRM_ACTIVITY_ID", "crm_activity_id", "2024", 2024),
            ("PHONE_NUMBER", "phone_number", 12025550142, "12025550142"),
            ("PHONE_NUMBER", "phone_number", 12025550142.0, "12025550142"),
            ("CALL_ID", "call_id", 17, "17"),
            ("CALL_DIRECTION", "call_direction", 3, "3"),
            *[
                ("CALL_LIST_MODE", "call_list_mode", value, True)
                for value in ("true", "True", "TRUE", "Y", "y", 1, 1.0, "1")
            ],
            *[
                ("CALL_LIST_MODE", "call_list_mode", value, False)
                for value in ("false", "False", "FALSE", "N", "n", 0, 0.0, "0", False)
            ],
        ],
    )
    def test_a_value_of_another_type_is_converted(
        self, member: str, attribute: str, value: object, meaning: object
    ) -> None:
        found = getattr(CallStatus.from_dict({**CALL, member: value}), attribute)
        assert found == meaning
        assert type(found) is type(meaning)

    def test_an_array_with_gaps_is_an_array(self) -> None:
        bindings = {"1": {"ENTITY_TYPE": "LEAD", "ENTITY_ID": "5"}, "3": None}
        read = CallStatus.from_dict({**CALL, "CRM_BINDINGS": bindings})
        assert read.crm_bindings == [CrmBinding(entity_type=CrmEntityType.LEAD, entity_id=5)]

    def test_a_lifetime_may_be_a_number(self) -> None:
        assert InitData.from_dict({**INIT_DATA, "AUTH_EXPIRES": 3600}).auth_expires == "3600"


class TestTheCallIsNotLost:
    """Nor is an error, because of a field that the application may not need."""

    @pytest.mark.parametrize("time", [None, [], {}, "soon", 17, {"start": 1.5}], ids=repr)
    def test_an_unreadable_time_is_unset(self, time: object, get: Get) -> None:
        response = get(answering({**ANSWER, "time": time}))
        assert response.result.crm_entity_id == 17
        assert response.time is UNSET

    def test_a_missing_time_is_unset(self, get: Get) -> None:
        assert get(answering(without(ANSWER, "time"))).time is UNSET

    def test_an_operating_time_without_a_reset(self, get: Get, answer: dict[str, Any]) -> None:
        answer["time"]["operating_reset_at"] = None
        response = get(answering(answer))
        assert response.time
        assert response.time.operating_reset_at is UNSET

    def test_a_binding_of_another_shape_keeps_its_members(
        self, get: Get, answer: dict[str, Any]
    ) -> None:
        answer["result"]["CRM_BINDINGS"] = [{"TITLE": "Ada"}]
        (binding,) = get(answering(answer)).result.crm_bindings
        assert binding.additional_properties == {"TITLE": "Ada"}

    @pytest.mark.parametrize("error", [None, False, "", [], "null", 0], ids=repr)
    def test_an_empty_error_is_not_an_error(self, error: object, get: Get) -> None:
        assert get(answering({**ANSWER, "error": error})).result.crm_entity_id == 17

    @pytest.mark.parametrize("description", [None, False, []], ids=repr)
    def test_an_error_needs_no_description(self, description: object, get: Get) -> None:
        envelope = {"error": "expired_token", "error_description": description}
        for body in (envelope, without(envelope, "error_description")):
            with pytest.raises(errors.ApiError) as caught:
                get(answering(body, 401))
            assert caught.value.error == "expired_token"
            assert caught.value.response.error_description is UNSET


# --- every member, with invalid values ----------------------------------------------------------

TEXT: list[object] = [1.5, True, ["a"], {}, 1e400]
INTEGER: list[object] = [True, 17.5, "seventeen", "1.0", "1_7", " 17", "17 ", "\uff11\uff17"]
INTEGER += ["0x11", "+17", "--17", "17\n", "9" * 5000, 1e400, [17], {}]
NUMBER: list[object] = [
    True,
    "soon",
    "1_0.5",
    " 1.5",
    "NaN",
    "inf",
    "1e400",
    1e400,
    10**400,
    [1.5],
    {},
]
BOOLEAN: list[object] = [2, -1, 1.5, "yes", "on", " true", [True], {}]
OBJECT: list[object] = [17, True, "{}", [{}], 0]
ARRAY: list[object] = [17, True, "[]", {"a": {}}, 0]
DATE: list[object] = [1723556790, True, "soon", "2024-13-01T00:00:00+00:00", [17], {}]
# No time, no offset, no such offset.
DATE += ["2024-08-13", "2024-08-13T15:46:30", "2024-08-13T15:46:30+99:99"]

MEMBERS: dict[str, list[object]] = {
    "result": OBJECT,
    "result.CALL_ID": TEXT,
    "result.PHONE_NUMBER": TEXT,
    "result.LINE_NUMBER": TEXT,
    "result.LINE_NAME": TEXT,
    "result.CRM_ENTITY_TYPE": TEXT,
    "result.CRM_ENTITY_ID": INTEGER,
    "result.CRM_ACTIVITY_ID": INTEGER,
    "result.CALL_DIRECTION": TEXT,
    "result.CALL_STATE": TEXT,
    "result.CALL_LIST_MODE": BOOLEAN,
}
BINDING_MEMBERS: dict[str, list[object]] = {
    "result.CRM_BINDINGS.0": OBJECT,
    "result.CRM_BINDINGS.0.ENTITY_TYPE": TEXT,
    "result.CRM_BINDINGS.0.ENTITY_ID": INTEGER,
    "result.CRM_BINDINGS.0.OWNER_TYPE_ID": INTEGER,
    "result.CRM_BINDINGS.0.OWNER_ID": INTEGER,
}
TIME_MEMBERS: dict[str, list[object]] = {
    "time.start": NUMBER,
    "time.finish": NUMBER,
    "time.duration": NUMBER,
    "time.processing": NUMBER,
    "time.date_start": DATE,
    "time.date_finish": DATE,
    "time.operating": NUMBER,
    "time.operating_reset_at": INTEGER,
}
ERROR_MEMBERS = ("error", "error_description", "argument")


def wrong_values(members: dict[str, list[object]]) -> list[Any]:
    return [
        pytest.param(member, value, id=f"{member}={json.dumps(value)[:20]}")
        for member, values in members.items()
        for value in values
    ]


def with_wrong_value(member: str, value: object) -> dict[str, Any]:
    """Return a response in which this member is this value."""
    answer = copy.deepcopy(ANSWER)
    *path, last = [int(part) if part.isdigit() else part for part in member.split(".")]
    holder: Any = answer
    for part in path:
        holder = holder[part]
    holder[last] = value
    return answer


class TestWrongTypes:
    def test_every_documented_member_is_tried(self) -> None:
        schemas = yaml.safe_load(CONTRACT.read_text("utf-8"))["components"]["schemas"]
        members = (*MEMBERS, *BINDING_MEMBERS, *TIME_MEMBERS, *ERROR_MEMBERS, "CRM_BINDINGS")
        tried = {name.rpartition(".")[2] for name in members}
        for name in ("CallStatus", "CrmBinding", "Timing", "ErrorResponse"):
            assert set(schemas[name]["properties"]) <= tried, name

    @pytest.mark.parametrize(("member", "value"), wrong_values(MEMBERS))
    def test_a_member_of_a_call_makes_it_invalid(self, member: str, value: object) -> None:
        with pytest.raises(errors.InvalidResponse) as caught:
            GetStatusResponse.from_dict(with_wrong_value(member, value))
        assert caught.value.reason.startswith(f"{member}: expected ")

    @pytest.mark.parametrize(("member", "value"), wrong_values(BINDING_MEMBERS))
    def test_a_binding_that_cannot_be_read_is_left_out(self, member: str, value: object) -> None:
        call = GetStatusResponse.from_dict(with_wrong_value(member, value)).result
        assert call.crm_entity_id == 17
        assert [binding.entity_id for binding in call.crm_bindings] == [5, 83]

    @pytest.mark.parametrize("value", ARRAY, ids=repr)
    def test_bindings_that_are_no_array_are_none(self, value: object) -> None:
        response = GetStatusResponse.from_dict(with_wrong_value("result.CRM_BINDINGS", value))
        assert response.result.crm_bindings == []

    @pytest.mark.parametrize(("member", "value"), wrong_values(TIME_MEMBERS))
    def test_a_member_of_the_time_makes_it_unset(self, member: str, value: object) -> None:
        response = GetStatusResponse.from_dict(with_wrong_value(member, value))
        assert response.result.crm_entity_id == 17
        assert response.time is UNSET

    @pytest.mark.parametrize("member", ERROR_MEMBERS)
    def test_a_member_of_an_error_makes_it_invalid(self, member: str) -> None:
        for value in TEXT:
            body = {"error": "expired_token", "error_description": "Expired.", member: value}
            with pytest.raises(errors.InvalidResponse, match=f"^{member}: expected text"):
                ErrorResponse.from_dict(body)

    @pytest.mark.parametrize(
        ("member", "value", "message"),
        [
            ("CRM_ENTITY_ID", 17.5, "an integer, found 17.5"),
            ("CRM_ENTITY_ID", True, "an integer, found true"),
            ("CRM_ACTIVITY_ID", {}, "an integer, found an object"),
            ("CALL_LIST_MODE", "maybe", "a boolean, found 'maybe'"),
            ("PHONE_NUMBER", ["+12025550142"], "text, found an array"),
            ("PHONE_NUMBER", 1e400, "text, found Infinity"),
            ("CRM_ENTITY_ID", "x" * 41, f"an integer, found '{'x' * 40}'…"),
        ],
    )
    def test_the_message_says_what_was_expected_and_found(
        self, member: str, value: object, message: str
    ) -> None:
        with pytest.raises(errors.InvalidResponse) as caught:
            CallStatus.from_dict({**CALL, member: value})
        assert caught.value.reason == f"{member}: expected {message}"

    @pytest.mark.parametrize("value", [None, [], "text", 17], ids=repr)
    def test_a_call_that_is_not_an_object_is_invalid(self, value: Any) -> None:
        with pytest.raises(errors.InvalidResponse, match=r"^CallStatus: expected an object, found"):
            CallStatus.from_dict(value)


Read = Callable[[dict[str, Any]], object]
SECRETS: list[tuple[Read, str, dict[str, Any]]] = [
    (InitData.from_dict, "AUTH_ID", INIT_DATA),
    (InitData.from_dict, "REFRESH_ID", INIT_DATA),
    (OpenWidgetRequest.from_dict, "AUTH_ID", FORM),
    (OpenWidgetRequest.from_dict, "REFRESH_ID", FORM),
    (OpenWidgetRequest.from_dict, "APPLICATION_TOKEN", FORM),
    (OpenWidgetQuery.from_dict, "APP_SID", QUERY),
]


class TestSecrets:
    @pytest.mark.parametrize(("read", "member", "source"), SECRETS)
    def test_a_message_does_not_show_one(
        self, read: Read, member: str, source: dict[str, Any]
    ) -> None:
        for value in (3.14159, ["made-up-secret"], {"made-up-secret": 1}):
            with pytest.raises(errors.InvalidResponse) as caught:
                read({**source, member: value})
            assert caught.value.reason == f"{member}: expected text"

    @pytest.mark.parametrize(("read", "member", "source"), SECRETS)
    def test_a_repr_does_not_show_one(
        self, read: Read, member: str, source: dict[str, Any]
    ) -> None:
        model = read({**source, member: "made-up-secret"})
        assert getattr(model, member.lower()) == "made-up-secret"
        for text in (repr(model), str(model), f"{model}", repr([model])):
            assert "made-up-secret" not in text

    def test_a_repr_of_a_request_does_not_show_its_token(self) -> None:
        request = models.GetStatusRequest(auth="made-up-secret")
        assert "made-up-secret" not in repr(request)
        assert request.to_dict()["auth"] == "made-up-secret"
