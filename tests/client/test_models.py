"""The models: one call in each representation, open sets, and undocumented members."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, get_type_hints

import pytest
from bitrix24_call_card import models
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import (
    CallDirection,
    CallState,
    CallStatus,
    CrmBinding,
    CrmEntityType,
    ErrorCode,
    ErrorResponse,
    GetStatusResponse,
    Timing,
)
from bitrix24_call_card.types import UNSET

from tests.client.mocked import ANSWER
from tests.client.opening import OPTIONS
from tests.data import CALL

UNBOUND: dict[str, Any] = {
    "CALL_ID": "externalCall.0123456789abcdef0123456789abcdef.1723556912",
    "CRM_ENTITY_TYPE": "",
    "CRM_ENTITY_ID": 0,
    "CRM_BINDINGS": [],
    "CALL_DIRECTION": "outgoing",
    "CALL_LIST_MODE": True,
}
UNBOUND_OPTIONS = {
    "CALL_ID": "externalCall.0123456789abcdef0123456789abcdef.1723556912",
    "PHONE_NUMBER": "undefined",
    "CRM_ENTITY_TYPE": "",
    "CRM_ENTITY_ID": "0",
    "CRM_ACTIVITY_ID": "undefined",
    "CALL_DIRECTION": "outgoing",
    "CALL_LIST_MODE": "true",
}


class TestRepresentations:
    """Over REST and from the page to a widget, and in the form that opens a widget."""

    @pytest.mark.parametrize("source", [CALL, OPTIONS], ids=["REST", "form"])
    def test_of_a_bound_call(self, source: dict[str, Any]) -> None:
        before = copy.deepcopy(source)
        call = CallStatus.from_dict(source)
        assert source == before
        assert call == CallStatus(
            call_id="externalCall.c3ee67f1a63f6e6117c230ab59cc49ea.1723556778",
            phone_number="+12025550142",
            line_number="+12025550100",
            line_name="Main office",
            crm_entity_type=CrmEntityType.CONTACT,
            crm_entity_id=17,
            crm_activity_id=2024,
            crm_bindings=[
                CrmBinding(entity_type=CrmEntityType.CONTACT, entity_id=17),
                CrmBinding(entity_type=CrmEntityType.COMPANY, entity_id=5),
                CrmBinding(entity_type=CrmEntityType.DEAL, entity_id=83),
            ],
            call_direction=CallDirection.INCOMING,
            call_state=CallState.CONNECTED,
            call_list_mode=False,
        )
        # 17 == 17.0 and 0 == False, so the types are checked as well.
        assert type(call.crm_entity_id) is int
        assert type(call.crm_activity_id) is int
        assert {type(binding.entity_id) for binding in call.crm_bindings} == {int}
        assert call.call_list_mode is False
        assert call.to_dict() == CALL

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param(UNBOUND, id="REST"),
            pytest.param({**UNBOUND, "CRM_ACTIVITY_ID": ""}, id="REST, empty activity"),
            pytest.param(UNBOUND_OPTIONS, id="form"),
            pytest.param({**UNBOUND_OPTIONS, "CRM_ACTIVITY_ID": ""}, id="form, empty activity"),
            pytest.param({**UNBOUND_OPTIONS, "CRM_BINDINGS": []}, id="form with bindings"),
        ],
    )
    def test_of_an_unbound_call(self, source: dict[str, Any]) -> None:
        call = CallStatus.from_dict(source)
        assert type(call.crm_entity_id) is int
        assert call.call_list_mode is True
        assert call.phone_number is call.crm_activity_id is UNSET
        assert call.to_dict() == UNBOUND

    def test_of_a_hidden_number(self) -> None:
        call = CallStatus.from_dict({**CALL, "PHONE_NUMBER": "hidden"})
        assert call.phone_number == "hidden"


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

    @pytest.mark.parametrize(
        ("member", "attribute", "listed"),
        [
            ("CRM_ENTITY_TYPE", "crm_entity_type", CrmEntityType.LEAD),
            ("CALL_DIRECTION", "call_direction", CallDirection.CALLBACK),
            ("CALL_STATE", "call_state", CallState.IDLE),
        ],
    )
    def test_a_listed_value_is_its_member_and_another_is_a_string(
        self, member: str, attribute: str, listed: StrEnum
    ) -> None:
        call = CallStatus.from_dict({**CALL, member: listed.value})
        assert getattr(call, attribute) is listed
        for value in ("DYNAMIC_128", "contact", " ", "день"):
            call = CallStatus.from_dict({**CALL, member: value})
            assert getattr(call, attribute) == value
            assert type(getattr(call, attribute)) is str
            assert call.to_dict()[member] == value

    def test_each_error_code_says_what_to_do(self) -> None:
        assert [code for code in ErrorCode if not code.description.endswith(".")] == []

    def test_the_codes_of_temporary_errors_are_retryable(self) -> None:
        assert {code for code in ErrorCode if code.retryable} == {
            "CONNECTION_ERROR",
            "ERROR_UNEXPECTED_ANSWER",
            "INTERNAL_SERVER_ERROR",
            "OPERATION_TIME_LIMIT",
            "QUERY_LIMIT_EXCEEDED",
        }


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

    def test_a_missing_one_is_a_key_error(self) -> None:
        response = GetStatusResponse.from_dict(ANSWER)
        with pytest.raises(KeyError):
            response["next"]


class TestRoundTrip:
    @pytest.mark.parametrize("call", [CALL, UNBOUND], ids=["every member", "fewest members"])
    def test_of_a_response(self, call: dict[str, Any]) -> None:
        source = {**ANSWER, "result": call}
        response = GetStatusResponse.from_dict(source)
        assert json.loads(json.dumps(response.to_dict())) == source
        for other in (pickle.loads(pickle.dumps(response)), copy.deepcopy(response)):
            assert other == response

    @pytest.mark.parametrize("more", [{}, {"argument": "PLACEMENT"}, {"argument": "A", "more": 1}])
    def test_of_an_error(self, more: dict[str, Any]) -> None:
        source = {"error": "ERROR_ARGUMENT", "error_description": "Why", **more}
        assert ErrorResponse.from_dict(source).to_dict() == source


class TestTime:
    def test_has_seconds_and_dates(self) -> None:
        time = Timing.from_dict(ANSWER["time"])
        assert (time.start, time.finish) == (1723556790.1123, 1723556790.1571)
        assert (time.duration, time.processing, time.operating) == (0.0448, 0.0121, 0.5)
        assert time.operating_reset_at == 1723557390
        zone = timezone(timedelta(hours=2))
        assert time.date_start == datetime(2024, 8, 13, 15, 46, 30, tzinfo=zone)
        assert time.date_start.utcoffset() == timedelta(hours=2)

    def test_whole_seconds_are_floats_as_well(self) -> None:
        time = Timing.from_dict(
            {**ANSWER["time"], "start": 1723556790, "duration": "0", "operating": 0}
        )
        assert (time.start, time.duration, time.operating) == (1723556790.0, 0.0, 0.0)
        assert {type(time.start), type(time.duration), type(time.operating)} == {float}

    @pytest.mark.parametrize("date", ["2024-08-13T13:46:30Z", "2024-08-13T15:46:30.5+02:00"])
    def test_other_formats_of_a_date(self, date: str) -> None:
        time = Timing.from_dict({**ANSWER["time"], "date_start": date})
        assert (time.date_start.month, time.date_start.minute) == (8, 46)
        assert time.date_start.utcoffset() is not None


class TestUnset:
    def test_it_is_falsy_and_prints_as_its_name(self) -> None:
        assert not UNSET
        assert f"{UNSET}" == str(UNSET) == repr(UNSET) == "UNSET"
        assert "phone_number=UNSET, " in repr(CallStatus.from_dict(UNBOUND))

    def test_it_stays_one_object_when_it_is_copied_or_pickled(self) -> None:
        assert copy.copy(UNSET) is copy.deepcopy(UNSET) is UNSET
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(UNSET, protocol)) is UNSET


def test_type_hints_can_be_resolved_at_run_time() -> None:
    for name in models.__all__:
        get_type_hints(getattr(models, name))
    for name in ("sync", "asyncio", "sync_detailed", "asyncio_detailed"):
        hints = get_type_hints(getattr(get_status, name))
        assert hints.keys() == {"client", "timeout", "return"}
