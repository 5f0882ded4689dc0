"""The status of a call as the portal keeps it: its fields and their types."""

import copy
from collections.abc import Callable
from typing import Any

from . import json_text

Call = dict[str, Any]

FIELDS = (
    "CALL_ID",
    "PHONE_NUMBER",
    "LINE_NUMBER",
    "LINE_NAME",
    "CRM_ENTITY_TYPE",
    "CRM_ENTITY_ID",
    "CRM_ACTIVITY_ID",
    "CRM_BINDINGS",
    "CALL_DIRECTION",
    "CALL_STATE",
    "CALL_LIST_MODE",
)


class InvalidCallError(ValueError):
    """A call status that no portal would send. The message says which type a field must have."""


def default_call() -> Call:
    """Make a contact's incoming call, which is bound to a company and a deal as well."""
    return {
        "CALL_ID": "externalCall.c3ee67f1a63f6e6117c230ab59cc49ea.1723556778",
        "PHONE_NUMBER": "+12025550142",
        "LINE_NUMBER": "+12025550100",
        "LINE_NAME": "Main office",
        "CRM_ENTITY_TYPE": "CONTACT",
        "CRM_ENTITY_ID": 17,
        "CRM_ACTIVITY_ID": 2024,
        "CRM_BINDINGS": [
            {"ENTITY_TYPE": "CONTACT", "ENTITY_ID": 17},
            {"ENTITY_TYPE": "COMPANY", "ENTITY_ID": 5},
            {"ENTITY_TYPE": "DEAL", "ENTITY_ID": 83},
        ],
        "CALL_DIRECTION": "incoming",
        "CALL_STATE": "connected",
        "CALL_LIST_MODE": False,
    }


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_id(value: Any) -> bool:
    """Whether it is an id: a number or, after some updates of a portal, text."""
    if isinstance(value, str):
        return value.isascii() and value.isdecimal()
    return _is_integer(value) and value >= 0


def _is_entity_type(value: Any) -> bool:
    return isinstance(value, str) or value is False


def _is_entity_id(value: Any) -> bool:
    return _is_id(value) or value is False


def _is_activity(value: Any) -> bool:
    return _is_id(value) or value == ""


def _is_binding(value: Any) -> bool:
    if not json_text.is_object(value):
        return False
    if "OWNER_ID" in value:  # without the crm module
        return _is_id(value.get("OWNER_TYPE_ID")) and _is_id(value["OWNER_ID"])
    return isinstance(value.get("ENTITY_TYPE"), str) and _is_id(value.get("ENTITY_ID"))


def _are_bindings(value: Any) -> bool:
    return json_text.is_array(value) and all(map(_is_binding, value))


_STRING = (_is_string, "a string")
_ENTITY_TYPE = (_is_entity_type, "a string, or false for a call without an entity")
_ENTITY_ID = (_is_entity_id, 'an id such as 17 or "17", or false for a call without an entity')
_BOOLEAN = (_is_boolean, "true or false")
_ACTIVITY = (_is_activity, 'an id such as 2024, or "" if there is no activity')
_BINDINGS = (
    _are_bindings,
    'a list of objects such as {"ENTITY_TYPE": "CONTACT", "ENTITY_ID": 17}',
)

Kind = tuple[Callable[[Any], bool], str]
_REQUIRED: dict[str, Kind] = {
    "CALL_ID": _STRING,
    "CRM_ENTITY_TYPE": _ENTITY_TYPE,
    "CRM_ENTITY_ID": _ENTITY_ID,
    "CRM_BINDINGS": _BINDINGS,
    "CALL_DIRECTION": _STRING,
    "CALL_LIST_MODE": _BOOLEAN,
}
_OPTIONAL: dict[str, Kind] = {
    "PHONE_NUMBER": _STRING,
    "LINE_NUMBER": _STRING,
    "LINE_NAME": _STRING,
    "CRM_ACTIVITY_ID": _ACTIVITY,
    "CALL_STATE": _STRING,
}


def is_external(call: Call) -> bool:
    """Whether another telephony registered the call; then the portal does not know its state."""
    return bool(call["CALL_ID"].startswith("externalCall."))


class CurrentCall:
    """A valid call status and its JSON text, which is written once for all requests.

    The fields are in the order in which portals write them. Unknown fields are kept, because
    portals add new ones. Do not change `fields`.
    """

    __slots__ = ("fields", "text")

    def __init__(self, call: Any) -> None:
        _check(call)
        call = {name: call[name] for name in (*FIELDS, *call) if name in call}
        try:
            self.text = json_text.encode(call)
        except (TypeError, ValueError, RecursionError):
            raise InvalidCallError("The call has a value that JSON cannot represent") from None
        self.fields: Call = copy.deepcopy(call)


def _check(call: Any) -> None:
    if not isinstance(call, dict):
        raise InvalidCallError("The call must be an object with the fields of getStatus")
    for name, (_, expected) in _REQUIRED.items():
        if name not in call:
            raise InvalidCallError(f"{name} is missing: it must be {expected}")
    for name, (fits, expected) in {**_REQUIRED, **_OPTIONAL}.items():
        if name in call and not fits(call[name]):
            raise InvalidCallError(f"{name} must be {expected}")
