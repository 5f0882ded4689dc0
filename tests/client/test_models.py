"""The models: one call in each representation, open sets, and what is not documented yet."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, get_type_hints

import attrs
import pytest
from bitrix24_call_card import errors, models
from bitrix24_call_card.models import (
    CallDirection,
    CallState,
    CallStatus,
    CrmBinding,
    CrmEntityType,
    ErrorCode,
    ErrorResponse,
    GetStatusResponse,
    Time,
)
from bitrix24_call_card.types import UNSET, Unset

BOUND_OVER_REST: dict[str, Any] = {
    "CALL_ID": "externalCall.0123456789abcdef0123456789abcdef.1723556778",
    "PHONE_NUMBER": "+12025550142",
    "CRM_ENTITY_TYPE": "CONTACT",
    "CRM_ENTITY_ID": 17,
    "CRM_ACTIVITY_ID": 2024,
    "CRM_BINDINGS": [
        {"ENTITY_TYPE": "CONTACT", "ENTITY_ID": 17},
        {"ENTITY_TYPE": "DEAL", "ENTITY_ID": 83},
    ],
    "CALL_DIRECTION": "incoming",
    "CALL_STATE": "connected",
    "CALL_LIST_MODE": False,
}
BOUND_IN_OPTIONS = {
    **BOUND_OVER_REST,
    "CRM_ENTITY_ID": "17",
    "CRM_ACTIVITY_ID": "2024",
    "CRM_BINDINGS": [
        {"ENTITY_TYPE": "CONTACT", "ENTITY_ID": "17"},
        {"ENTITY_TYPE": "DEAL", "ENTITY_ID": "83"},
    ],
    "CALL_LIST_MODE": "false",
}

UNBOUND_OVER_REST: dict[str, Any] = {
    "CALL_ID": "externalCall.0123456789abcdef0123456789abcdef.1723556912",
    "CRM_ENTITY_TYPE": "",
    "CRM_ENTITY_ID": 0,
    "CRM_BINDINGS": [],
    "CALL_DIRECTION": "outgoing",
    "CALL_LIST_MODE": True,
}
UNBOUND_IN_OPTIONS = {
    "CALL_ID": "externalCall.0123456789abcdef0123456789abcdef.1723556912",
    "PHONE_NUMBER": "undefined",
    "CRM_ENTITY_TYPE": "",
    "CRM_ENTITY_ID": "0",
    "CRM_ACTIVITY_ID": "undefined",
    "CALL_DIRECTION": "outgoing",
    "CALL_LIST_MODE": "true",
}


class TestOneCallToldInThreeWays:
    """Over REST, by the portal page to a widget, and in the form that opened the widget."""

    @pytest.mark.parametrize(
        "told",
        [
            pytest.param(BOUND_OVER_REST, id="REST and browser"),
            pytest.param(BOUND_IN_OPTIONS, id="PLACEMENT_OPTIONS"),
        ],
    )
    def test_a_bound_call(self, told: dict[str, Any]) -> None:
        call = CallStatus.from_dict(told)
        assert call == CallStatus(
            call_id="externalCall.0123456789abcdef0123456789abcdef.1723556778",
            phone_number="+12025550142",
            crm_entity_type=CrmEntityType.CONTACT,
            crm_entity_id=17,
            crm_activity_id=2024,
            crm_bindings=[
                CrmBinding(entity_type=CrmEntityType.CONTACT, entity_id=17),
                CrmBinding(entity_type=CrmEntityType.DEAL, entity_id=83),
            ],
            call_direction=CallDirection.INCOMING,
            call_state=CallState.CONNECTED,
            call_list_mode=False,
        )
        # 17 == 17.0 and 0 == False, so the types are looked at as well.
        assert type(call.crm_entity_id) is int
        assert type(call.crm_activity_id) is int
        assert {type(binding.entity_id) for binding in call.crm_bindings} == {int}
        assert call.call_list_mode is False
        assert call.to_dict() == BOUND_OVER_REST

    @pytest.mark.parametrize(
        "told",
        [
            pytest.param(UNBOUND_OVER_REST, id="REST"),
            pytest.param({**UNBOUND_OVER_REST, "CRM_ACTIVITY_ID": ""}, id="empty activity"),
            pytest.param(UNBOUND_IN_OPTIONS, id="PLACEMENT_OPTIONS"),
            pytest.param({**UNBOUND_IN_OPTIONS, "CRM_ACTIVITY_ID": ""}, id="options, empty"),
            pytest.param({**UNBOUND_IN_OPTIONS, "CRM_BINDINGS": []}, id="options with bindings"),
        ],
    )
    def test_an_unbound_call(self, told: dict[str, Any]) -> None:
        call = CallStatus.from_dict(told)
        assert call == CallStatus(
            call_id="externalCall.0123456789abcdef0123456789abcdef.1723556912",
            crm_entity_type="",
            crm_entity_id=0,
            crm_bindings=[],
            call_direction=CallDirection.OUTGOING,
            call_list_mode=True,
        )
        assert type(call.crm_entity_id) is int
        assert call.call_list_mode is True
        assert call.phone_number is call.crm_activity_id is UNSET
        assert call.to_dict() == UNBOUND_OVER_REST

    def test_the_page_that_opened_the_widget_is_kept(self) -> None:
        call = CallStatus.from_dict({**BOUND_IN_OPTIONS, "URI": "/crm/deal/details/83/"})
        assert call["URI"] == "/crm/deal/details/83/"

    def test_a_hidden_number_is_a_number_and_an_empty_name_is_a_name(self) -> None:
        call = CallStatus.from_dict(
            {**BOUND_OVER_REST, "PHONE_NUMBER": "hidden", "LINE_NAME": "", "LINE_NUMBER": ""}
        )
        assert (call.phone_number, call.line_name, call.line_number) == ("hidden", "", "")

    @pytest.mark.parametrize("value", [None, [], "text", 17])
    def test_what_is_not_an_object_is_an_invalid_response(self, value: Any) -> None:
        with pytest.raises(errors.InvalidResponse, match=r"^CallStatus: expected an object, found"):
            CallStatus.from_dict(value)

    def test_reading_does_not_change_what_is_read(self) -> None:
        told = copy.deepcopy(BOUND_IN_OPTIONS)
        CallStatus.from_dict(told)
        assert told == BOUND_IN_OPTIONS


class TestOpenSets:
    @pytest.mark.parametrize("kind", [CallDirection, CallState, CrmEntityType, ErrorCode])
    def test_a_set_of_values_is_text(self, kind: type[StrEnum]) -> None:
        assert issubclass(kind, StrEnum)
        for member in kind:
            assert f"{member}" == str(member) == member.value
            assert json.dumps(member) == f'"{member.value}"'

    def test_the_documented_values_are_members(self) -> None:
        assert {*CrmEntityType} == {"CONTACT", "LEAD", "COMPANY", "DEAL"}
        assert {*CallDirection} == {"incoming", "outgoing", "incomingTransfer", "callback"}
        assert {*CallState} == {"idle", "connecting", "connected"}
        assert len(ErrorCode) == 20

    @pytest.mark.parametrize(
        ("member", "attribute", "value", "read"),
        [
            ("CRM_ENTITY_TYPE", "crm_entity_type", "LEAD", CrmEntityType.LEAD),
            ("CALL_DIRECTION", "call_direction", "callback", CallDirection.CALLBACK),
            ("CALL_STATE", "call_state", "idle", CallState.IDLE),
        ],
    )
    def test_a_listed_value_is_its_member(
        self, member: str, attribute: str, value: str, read: StrEnum
    ) -> None:
        call = CallStatus.from_dict({**BOUND_OVER_REST, member: value})
        assert getattr(call, attribute) is read
        assert getattr(call, attribute) == value

    @pytest.mark.parametrize(
        ("member", "attribute"),
        [
            ("CRM_ENTITY_TYPE", "crm_entity_type"),
            ("CALL_DIRECTION", "call_direction"),
            ("CALL_STATE", "call_state"),
        ],
    )
    @pytest.mark.parametrize("value", ["DYNAMIC_128", "contact", " ", "день"])
    def test_a_value_nobody_has_listed_is_its_text(
        self, member: str, attribute: str, value: str
    ) -> None:
        call = CallStatus.from_dict({**BOUND_OVER_REST, member: value})
        assert getattr(call, attribute) == value
        assert type(getattr(call, attribute)) is str
        assert call.to_dict()[member] == value


class TestUnknownMembers:
    def test_they_are_kept_at_every_level(self, answer: dict[str, Any]) -> None:
        answer["next"] = 50
        answer["result"]["MOOD"] = {"NAME": "good"}
        answer["result"]["CRM_BINDINGS"][0]["TITLE"] = "Ada"
        answer["time"]["zone"] = None
        response = GetStatusResponse.from_dict(answer)
        assert response.additional_properties == {"next": 50}
        assert response.result.additional_properties == {"MOOD": {"NAME": "good"}}
        assert response.result.additional_keys == ["MOOD"]
        assert "MOOD" in response.result
        assert response.result["MOOD"] == {"NAME": "good"}
        assert response.result.crm_bindings[0]["TITLE"] == "Ada"
        assert response.time
        assert "zone" in response.time
        assert response.time["zone"] is None
        assert response.to_dict() == answer

    def test_one_that_is_not_there_is_a_key_error_of_the_caller_s_own(
        self, answer: dict[str, Any]
    ) -> None:
        response = GetStatusResponse.from_dict(answer)
        with pytest.raises(KeyError):
            response["next"]


class TestRoundTrip:
    def test_of_a_whole_answer(self, answer: dict[str, Any]) -> None:
        response = GetStatusResponse.from_dict(answer)
        assert response.to_dict() == answer
        assert json.loads(json.dumps(response.to_dict())) == answer
        assert GetStatusResponse.from_dict(response.to_dict()) == response

    def test_of_the_least_there_is(self, answer: dict[str, Any]) -> None:
        answer["result"] = dict(UNBOUND_OVER_REST)
        del answer["time"]["operating"], answer["time"]["operating_reset_at"]
        response = GetStatusResponse.from_dict(answer)
        assert response.to_dict() == answer
        assert response.time
        assert response.time.operating is UNSET
        assert response.time.operating_reset_at is UNSET

    @pytest.mark.parametrize("more", [{}, {"argument": "PLACEMENT"}, {"argument": "A", "more": 1}])
    def test_of_an_error(self, more: dict[str, Any]) -> None:
        told = {"error": "ERROR_ARGUMENT", "error_description": "Why", **more}
        assert ErrorResponse.from_dict(told).to_dict() == told

    def test_of_a_pickle(self, answer: dict[str, Any]) -> None:
        answer["result"] = UNBOUND_OVER_REST
        response = GetStatusResponse.from_dict(answer)
        assert pickle.loads(pickle.dumps(response)) == response

    def test_of_a_deep_copy(self, answer: dict[str, Any]) -> None:
        answer["result"] = UNBOUND_OVER_REST
        response = GetStatusResponse.from_dict(answer)
        copied = copy.deepcopy(response)
        assert copied == response
        assert copied.result.phone_number is UNSET


class TestTime:
    def test_has_seconds_and_dates(self, answer: dict[str, Any]) -> None:
        time = Time.from_dict(answer["time"])
        assert (time.start, time.finish) == (1723556790.1123, 1723556790.1571)
        assert (time.duration, time.processing, time.operating) == (0.0448, 0.0121, 0.5)
        assert time.operating_reset_at == 1723557390
        zone = timezone(timedelta(hours=2))
        assert time.date_start == datetime(2024, 8, 13, 15, 46, 30, tzinfo=zone)
        assert time.date_start.utcoffset() == timedelta(hours=2)

    def test_whole_seconds_are_floats_as_well(self, answer: dict[str, Any]) -> None:
        time = Time.from_dict(
            {**answer["time"], "start": 1723556790, "duration": "0", "operating": 0}
        )
        assert (time.start, time.duration, time.operating) == (1723556790.0, 0.0, 0.0)
        assert {type(time.start), type(time.duration), type(time.operating)} == {float}

    @pytest.mark.parametrize("date", ["2024-08-13T13:46:30Z", "2024-08-13T15:46:30.5+02:00"])
    def test_other_spellings_of_a_date(self, date: str, answer: dict[str, Any]) -> None:
        time = Time.from_dict({**answer["time"], "date_start": date})
        assert (time.date_start.month, time.date_start.minute) == (8, 46)
        assert time.date_start.utcoffset() is not None


class TestUnset:
    def test_it_prints_as_its_name(self) -> None:
        assert f"{UNSET}" == str(UNSET) == repr(UNSET) == "UNSET"

    def test_it_is_falsy(self) -> None:
        assert not UNSET

    def test_it_stays_one_object_when_it_is_copied_or_pickled(self) -> None:
        assert copy.copy(UNSET) is copy.deepcopy(UNSET) is UNSET
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(UNSET, protocol)) is UNSET

    def test_a_model_with_absent_fields_prints_them_as_unset(self) -> None:
        call = CallStatus.from_dict(UNBOUND_OVER_REST)
        assert "phone_number=UNSET, " in repr(call)


class TestErrorCode:
    @pytest.mark.parametrize("code", ErrorCode)
    def test_each_code_says_what_to_do(self, code: ErrorCode) -> None:
        assert code.description.endswith(".")

    def test_those_that_pass_are_retryable(self) -> None:
        assert {code for code in ErrorCode if code.retryable} == {
            "ERROR_UNEXPECTED_ANSWER",
            "INTERNAL_SERVER_ERROR",
            "OPERATION_TIME_LIMIT",
            "QUERY_LIMIT_EXCEEDED",
            "authorization_error",
        }


class TestTypeHints:
    @pytest.mark.parametrize("name", models.__all__)
    def test_they_can_be_resolved_at_run_time(self, name: str) -> None:
        model = getattr(models, name)
        if attrs.has(model):
            assert get_type_hints(model).keys() == {field.name for field in attrs.fields(model)}
        else:
            assert issubclass(model, StrEnum)

    def test_they_name_the_models_themselves(self) -> None:
        hints = get_type_hints(CallStatus)
        assert hints["crm_bindings"] == list[CrmBinding]
        assert hints["call_state"] == CallState | str | Unset


class TestNames:
    @pytest.mark.parametrize("name", models.__all__)
    def test_each_model_is_found_by_its_name(self, name: str) -> None:
        assert getattr(models, name).__name__ == name
        assert name in dir(models)

    @pytest.mark.parametrize("name", ["NoSuchModel", "callStatus", ""])
    def test_another_name_is_an_attribute_error(self, name: str) -> None:
        with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
            getattr(models, name)
