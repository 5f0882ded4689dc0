"""What portals and forms write is read as what it means."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
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

if TYPE_CHECKING:
    from tests.client.conftest import Answering, Get


class Missing:
    """Stands for a member that is not there."""

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()
NOTHING: dict[str, object] = {
    "missing": MISSING,
    "null": None,
    "false": False,
    "an empty array": [],
    "the text false": "false",
    "the text null": "null",
    "the text undefined": "undefined",
}
EMPTY_TEXT: dict[str, object] = {"an empty text": ""}
ZERO = {"zero": 0, "zero as a float": 0.0}

nothing = pytest.mark.parametrize(
    "value", (NOTHING | EMPTY_TEXT).values(), ids=NOTHING | EMPTY_TEXT
)


def with_member(source: dict[str, Any], member: str, value: object) -> dict[str, Any]:
    """A copy of an object in which one member is another value, or missing."""
    others = {name: each for name, each in source.items() if name != member}
    return others if value is MISSING else {**others, member: value}


@pytest.fixture
def call(answer: dict[str, Any]) -> dict[str, Any]:
    """A call as REST represents it, with every documented member."""
    result: dict[str, Any] = answer["result"]
    return result


class TestNothing:
    @nothing
    @pytest.mark.parametrize(
        ("member", "attribute", "empty"),
        [
            ("CALL_ID", "call_id", ""),
            ("CRM_ENTITY_TYPE", "crm_entity_type", ""),
            ("CRM_ENTITY_ID", "crm_entity_id", 0),
            ("CRM_BINDINGS", "crm_bindings", []),
            ("CALL_DIRECTION", "call_direction", ""),
            ("CALL_LIST_MODE", "call_list_mode", False),
        ],
    )
    def test_it_is_the_empty_value_of_a_required_field(
        self, member: str, attribute: str, empty: object, value: object, call: dict[str, Any]
    ) -> None:
        found = getattr(CallStatus.from_dict(with_member(call, member, value)), attribute)
        assert found == empty
        assert type(found) is type(empty)

    @pytest.mark.parametrize("value", NOTHING.values(), ids=NOTHING)
    @pytest.mark.parametrize(
        ("member", "attribute"),
        [
            ("PHONE_NUMBER", "phone_number"),
            ("LINE_NUMBER", "line_number"),
            ("LINE_NAME", "line_name"),
            ("CRM_ACTIVITY_ID", "crm_activity_id"),
            ("CALL_STATE", "call_state"),
        ],
    )
    def test_it_is_unset_in_an_optional_field(
        self, member: str, attribute: str, value: object, call: dict[str, Any]
    ) -> None:
        read = CallStatus.from_dict(with_member(call, member, value))
        assert getattr(read, attribute) is UNSET

    @pytest.mark.parametrize("value", ZERO.values(), ids=ZERO)
    def test_in_a_text_zero_is_nothing_too(self, value: object, call: dict[str, Any]) -> None:
        texts = dict.fromkeys(("CALL_ID", "CRM_ENTITY_TYPE", "PHONE_NUMBER", "CALL_STATE"), value)
        read = CallStatus.from_dict({**call, **texts})
        assert (read.call_id, read.crm_entity_type) == ("", "")
        assert read.phone_number is read.call_state is UNSET

    def test_an_empty_text_is_a_value_of_a_text_and_nothing_in_a_number(
        self, call: dict[str, Any]
    ) -> None:
        read = CallStatus.from_dict({**call, "LINE_NAME": "", "CRM_ACTIVITY_ID": ""})
        assert read.line_name == ""
        assert read.crm_activity_id is UNSET

    def test_false_is_a_value_of_a_boolean(self, call: dict[str, Any]) -> None:
        assert CallStatus.from_dict({**call, "CALL_LIST_MODE": False}).call_list_mode is False

    def test_zero_is_a_value_of_a_number(self, call: dict[str, Any]) -> None:
        assert CallStatus.from_dict({**call, "CRM_ACTIVITY_ID": 0}).crm_activity_id == 0

    @nothing
    def test_there_is_always_a_call(self, value: object, answer: dict[str, Any]) -> None:
        with pytest.raises(errors.InvalidResponse, match=r"^result: expected a value, found "):
            GetStatusResponse.from_dict(with_member(answer, "result", value))

    @nothing
    def test_an_error_always_has_a_code(self, value: object) -> None:
        envelope = with_member({"error_description": "Why"}, "error", value)
        with pytest.raises(errors.InvalidResponse, match=r"^error: expected a value, found "):
            ErrorResponse.from_dict(envelope)

    @nothing
    @pytest.mark.parametrize("member", ["AUTH_ID", "member_id", "PLACEMENT"])
    def test_a_form_always_says_who_opens_which_widget(
        self, member: str, value: object, form: dict[str, str]
    ) -> None:
        with pytest.raises(errors.InvalidResponse, match=rf"^{member}: expected "):
            OpenWidgetRequest.from_dict(with_member(form, member, value))

    @nothing
    def test_an_empty_map_is_an_empty_object(
        self, value: object, init_data: dict[str, Any]
    ) -> None:
        read = InitData.from_dict(with_member(init_data, "USER_OPTIONS", value))
        assert read.user_options == models.Options()

    @pytest.mark.parametrize("value", [None, False, "", [], "undefined"])
    def test_in_an_array_it_is_no_item(self, value: object, call: dict[str, Any]) -> None:
        bindings = [value, {"ENTITY_TYPE": "DEAL", "ENTITY_ID": 83}, value]
        read = CallStatus.from_dict({**call, "CRM_BINDINGS": bindings})
        assert read.crm_bindings == [CrmBinding(entity_type=CrmEntityType.DEAL, entity_id=83)]

    def test_an_unbound_outgoing_call_of_an_operator(self, call: dict[str, Any]) -> None:
        read = CallStatus.from_dict(
            {**call, "CALL_ID": "", "CRM_ENTITY_TYPE": False, "CRM_ENTITY_ID": False}
        )
        assert (read.call_id, read.crm_entity_type, read.crm_entity_id) == ("", "", 0)
        assert type(read.crm_entity_id) is int


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
            ("LINE_NUMBER", "line_number", 7, "7"),
            ("CALL_ID", "call_id", 17, "17"),
            ("CALL_DIRECTION", "call_direction", 3, "3"),
            *[
                ("CALL_LIST_MODE", "call_list_mode", value, True)
                for value in ("true", "True", "TRUE", "Y", "y", 1, 1.0, "1")
            ],
            *[
                ("CALL_LIST_MODE", "call_list_mode", value, False)
                for value in ("false", "False", "FALSE", "N", "n", 0, 0.0, "0")
            ],
        ],
    )
    def test_another_type_with_one_meaning_is_that_value(
        self, member: str, attribute: str, value: object, meaning: object, call: dict[str, Any]
    ) -> None:
        found = getattr(CallStatus.from_dict({**call, member: value}), attribute)
        assert found == meaning
        assert type(found) is type(meaning)

    def test_an_array_with_gaps_is_an_array(self, call: dict[str, Any]) -> None:
        bindings = {"1": {"ENTITY_TYPE": "LEAD", "ENTITY_ID": "5"}, "3": None}
        read = CallStatus.from_dict({**call, "CRM_BINDINGS": bindings})
        assert read.crm_bindings == [CrmBinding(entity_type=CrmEntityType.LEAD, entity_id=5)]

    def test_the_time_a_token_lasts_may_be_a_number(self, init_data: dict[str, Any]) -> None:
        assert InitData.from_dict({**init_data, "AUTH_EXPIRES": 3600}).auth_expires == "3600"


class TestTheCallIsNotLost:
    """For the sake of a field that the application has not asked for."""

    @pytest.mark.parametrize(
        "time",
        [MISSING, None, [], {}, "soon", 17, {"start": 1.5}, {"start": "soon"}],
        ids=repr,
    )
    def test_the_time_is_unset_if_it_cannot_be_read(
        self, time: object, get: Get, answering: Answering, answer: dict[str, Any]
    ) -> None:
        response = get(answering(with_member(answer, "time", time)))
        assert response.result.crm_entity_id == 17
        assert response.time is UNSET

    def test_an_operating_time_without_a_reset(
        self, get: Get, answering: Answering, answer: dict[str, Any]
    ) -> None:
        answer["time"]["operating_reset_at"] = None
        response = get(answering(answer))
        assert response.time
        assert response.time.operating_reset_at is UNSET

    def test_a_binding_of_another_shape_keeps_its_members(
        self, get: Get, answering: Answering, answer: dict[str, Any]
    ) -> None:
        answer["result"]["CRM_BINDINGS"] = [{"OWNER_TYPE_ID": 3, "OWNER_ID": 17}]
        (binding,) = get(answering(answer)).result.crm_bindings
        assert (binding.entity_type, binding.entity_id) == ("", 0)
        assert binding.additional_properties == {"OWNER_TYPE_ID": 3, "OWNER_ID": 17}

    @pytest.mark.parametrize("error", [None, False, "", [], "null", 0], ids=repr)
    def test_an_error_that_is_nothing_is_none(
        self, error: object, get: Get, answering: Answering, answer: dict[str, Any]
    ) -> None:
        assert get(answering({**answer, "error": error})).result.crm_entity_id == 17

    @pytest.mark.parametrize("description", [MISSING, None, False, []], ids=repr)
    def test_an_error_needs_no_description(
        self, description: object, get: Get, answering: Answering
    ) -> None:
        envelope = with_member({"error": "expired_token"}, "error_description", description)
        with pytest.raises(errors.ApiError) as caught:
            get(answering(envelope, 401))
        assert caught.value.error == "expired_token"
        assert caught.value.response.error_description is UNSET


class TestNoMeaning:
    @pytest.mark.parametrize(
        ("member", "value", "message"),
        [
            ("CRM_ENTITY_ID", "seventeen", "an integer, found 'seventeen'"),
            ("CRM_ENTITY_ID", 17.5, "an integer, found 17.5"),
            ("CRM_ENTITY_ID", True, "an integer, found true"),
            ("CRM_ACTIVITY_ID", {}, "an integer, found an object"),
            ("CALL_LIST_MODE", "maybe", "a boolean, found 'maybe'"),
            ("CALL_LIST_MODE", 2, "a boolean, found 2"),
            ("PHONE_NUMBER", ["+12025550142"], "text, found an array"),
            ("CALL_DIRECTION", True, "text, found true"),
            ("CRM_BINDINGS", "none", "an array, found 'none'"),
            ("CRM_BINDINGS", {"CONTACT": 17}, "an array, found an object"),
            ("CRM_ENTITY_ID", "x" * 41, f"an integer, found '{'x' * 40}'…"),
            ("PHONE_NUMBER", 1e400, "text, found inf"),
        ],
    )
    def test_the_message_says_what_was_expected_and_found(
        self, member: str, value: object, message: str, call: dict[str, Any]
    ) -> None:
        with pytest.raises(errors.InvalidResponse) as caught:
            CallStatus.from_dict({**call, member: value})
        assert caught.value.reason == f"{member}: expected {message}"

    @pytest.mark.parametrize("call", [[{}], 17, "externalCall.1", True], ids=repr)
    def test_a_call_is_an_object(self, call: object, answer: dict[str, Any]) -> None:
        with pytest.raises(errors.InvalidResponse, match=r"^result: expected an object, found "):
            GetStatusResponse.from_dict({**answer, "result": call})

    def test_an_item_is_named_by_its_place(self, call: dict[str, Any]) -> None:
        call["CRM_BINDINGS"][1]["ENTITY_ID"] = "no id"
        message = r"^CRM_BINDINGS\[1\]\.ENTITY_ID: expected an integer, found 'no id'$"
        with pytest.raises(errors.InvalidResponse, match=message):
            CallStatus.from_dict(call)


SECRETS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (InitData.from_dict, "AUTH_ID"),
    (InitData.from_dict, "REFRESH_ID"),
    (OpenWidgetRequest.from_dict, "AUTH_ID"),
    (OpenWidgetRequest.from_dict, "REFRESH_ID"),
    (OpenWidgetRequest.from_dict, "APPLICATION_TOKEN"),
    (OpenWidgetQuery.from_dict, "APP_SID"),
]


class TestSecrets:
    @pytest.mark.parametrize(("read", "member"), SECRETS)
    def test_a_message_does_not_show_one(
        self,
        read: Callable[[dict[str, Any]], object],
        member: str,
        form: dict[str, Any],
        init_data: dict[str, Any],
    ) -> None:
        valid: dict[str, Any] = {**init_data, **form}
        valid["PLACEMENT_OPTIONS"] = {} if read == InitData.from_dict else "{}"
        for value in (3.14159, ["made-up-secret"], {"made-up-secret": 1}):
            with pytest.raises(errors.InvalidResponse) as caught:
                read({**valid, member: value})
            assert caught.value.reason == f"{member}: expected text"

    @pytest.mark.parametrize(("read", "member"), SECRETS)
    def test_repr_does_not_show_one(
        self,
        read: Callable[[dict[str, Any]], object],
        member: str,
        form: dict[str, Any],
        init_data: dict[str, Any],
    ) -> None:
        valid: dict[str, Any] = {**init_data, **form}
        valid["PLACEMENT_OPTIONS"] = {} if read == InitData.from_dict else "{}"
        assert "made-up-secret" not in repr(read({**valid, member: "made-up-secret"}))

    def test_repr_of_a_request_does_not_show_its_token(self) -> None:
        request = models.GetStatusRequest(auth="made-up-secret")
        assert "made-up-secret" not in repr(request)
        assert request.to_dict()["auth"] == "made-up-secret"


@pytest.fixture
def form(call: dict[str, Any]) -> dict[str, Any]:
    """The form by which a portal opens a widget, and its query."""
    return {
        "DOMAIN": "portal.example",
        "PROTOCOL": "1",
        "LANG": "en",
        "APP_SID": "0123456789abcdef0123456789abcdef",
        "AUTH_ID": "madeupaccesstoken",
        "AUTH_EXPIRES": "3600",
        "REFRESH_ID": "madeuprefreshtoken",
        "member_id": "fedcba9876543210fedcba9876543210",
        "status": "L",
        "PLACEMENT": "CALL_CARD",
        "PLACEMENT_OPTIONS": json.dumps(call),
    }


@pytest.fixture
def init_data() -> dict[str, Any]:
    """What the page sends to a widget first."""
    return {
        "LANG": "en",
        "DOMAIN": "portal.example",
        "PATH": "/rest",
        "PLACEMENT": "CALL_CARD",
        "PROTOCOL": 1,
        "AUTH_ID": "madeupaccesstoken",
        "REFRESH_ID": "madeuprefreshtoken",
        "MEMBER_ID": "fedcba9876543210fedcba9876543210",
        "AUTH_EXPIRES": "3600",
        "FIRST_RUN": False,
        "IS_ADMIN": False,
        "INSTALL": False,
        "USER_OPTIONS": {"theme": "dark"},
        "APP_OPTIONS": [],
        "PLACEMENT_OPTIONS": {},
    }
