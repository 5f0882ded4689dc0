"""The methods for calls: `placement.call`, and registering and finishing external calls."""

import re
import time
from datetime import datetime
from typing import Any

from ..portal import crm
from ..portal.authentication import USER_ID
from ..portal.call import CurrentCall
from ..portal.errors import PortalError, bad_argument
from ..portal.state import Portal
from ..portal.telephony import APPLICATION_ID, DIRECTIONS, Outcome, ServerCall, new_external_id
from .arguments import is_set, text, whole_number
from .decoding import Fields

INNER_NUMBER = "101"
"""The user's extension."""


def placement_call(portal: Portal, fields: Fields) -> CurrentCall:
    """Return the current call. Raise `PortalError` for wrong arguments, or without a call."""
    _check_arguments(fields)
    if portal.current is None:
        raise PortalError("ERROR_CORE")
    return portal.current


def _check_arguments(fields: Fields) -> None:
    placement = fields.get("PLACEMENT")
    if placement is None or placement == "":
        raise PortalError("ERROR_ARGUMENT")
    if not isinstance(placement, str):
        raise bad_argument("PLACEMENT", "Argument 'PLACEMENT' must be a string")
    if placement != "getStatus":
        raise PortalError("ERROR_PLACEMENT_NOT_FOUND")
    if fields.get("PARAMS", {}) not in ({}, []):
        raise bad_argument("PARAMS", "Argument 'PARAMS' must be empty: {} or []")


def register_call(portal: Portal, fields: Fields) -> dict[str, Any]:
    """Register a call of another telephony. The card shows it, unless it already shows one."""
    _check_user(fields)
    kind = whole_number(fields.get("TYPE"))
    if kind not in DIRECTIONS:
        raise PortalError("ERROR_CORE", "Unknown TYPE")
    phone_number = text(fields, "PHONE_NUMBER")
    if not re.fullmatch(r"\+?[\d ().-]{1,40}", phone_number):
        raise PortalError("ERROR_CORE", "Unsupported phone number format")
    began = _start(fields.get("CALL_START_DATE"))
    entity = _entity(fields) or crm.bound_to(phone_number)
    line_number = text(fields, "LINE_NUMBER")
    call_id = new_external_id()
    portal.announce(
        portal.telephony.register(
            ServerCall(call_id, kind, phone_number, line_number, began, began, entity)
        )
    )
    entity_type, entity_id = entity or ("", 0)
    if is_set(fields.get("SHOW", 1)) and portal.call is None:
        bindings = [{"ENTITY_TYPE": entity_type, "ENTITY_ID": entity_id}] if entity else []
        portal.set_call(
            {
                "CALL_ID": call_id,
                "PHONE_NUMBER": phone_number,
                "LINE_NUMBER": line_number,
                "LINE_NAME": "",
                "CRM_ENTITY_TYPE": entity_type,
                "CRM_ENTITY_ID": entity_id,
                "CRM_BINDINGS": bindings,
                "CALL_DIRECTION": DIRECTIONS[kind],
                "CALL_STATE": "connected",
                "CALL_LIST_MODE": False,
            }
        )
    return {
        "CALL_ID": call_id,
        "CRM_CREATED_LEAD": None,
        "CRM_CREATED_ENTITIES": [],
        "CRM_ENTITY_TYPE": entity_type or None,
        "CRM_ENTITY_ID": entity_id or None,
    }


def finish_call(portal: Portal, fields: Fields) -> dict[str, Any]:
    """End a call of another telephony; its card closes."""
    call_id = fields.get("CALL_ID")
    if not isinstance(call_id, str):
        raise PortalError("INVALID_ARGUMENT")
    _check_user(fields)
    seconds = whole_number(fields.get("DURATION")) or 0
    outcome = Outcome(
        seconds,
        text(fields, "STATUS_CODE") or ("200" if seconds else "304"),
        text(fields, "FAILED_REASON"),
        _sum(fields.get("COST")),
        text(fields, "COST_CURRENCY"),
    )
    finished = portal.telephony.finish(call_id, outcome)
    if finished is None:
        raise PortalError(
            "ERROR_CORE", "Call is not found (call should be registered prior to finishing)"
        )
    call, happenings = finished
    if portal.call is not None and portal.call["CALL_ID"] == call_id:
        portal.end_call()
    portal.announce(happenings)
    entity_type, entity_id = call.entity or (None, None)
    return {
        "CALL_ID": call_id,
        "EXTERNAL_CALL_ID": None,
        "PORTAL_USER_ID": int(USER_ID),
        "PHONE_NUMBER": call.phone_number,
        "PORTAL_NUMBER": call.line_number or "REST_APP:",
        "INCOMING": str(call.type),
        "CALL_DURATION": seconds,
        "CALL_START_DATE": {},  # what PHP writes for its date object
        "CALL_STATUS": int(outcome.code == "200"),
        "CALL_VOTE": whole_number(fields.get("VOTE")),
        "COST": outcome.cost,
        "COST_CURRENCY": outcome.currency,
        "CALL_FAILED_CODE": outcome.code,
        "CALL_FAILED_REASON": outcome.reason,
        "REST_APP_ID": str(APPLICATION_ID),
        "REST_APP_NAME": "Sandbox application",
        "CRM_ACTIVITY_ID": whole_number(call.activity_id),
        "COMMENT": None,
        "CRM_ENTITY_TYPE": entity_type,
        "CRM_ENTITY_ID": entity_id,
        "ID": portal.telephony.records,
    }


def _check_user(fields: Fields) -> None:
    user, inner = text(fields, "USER_ID"), text(fields, "USER_PHONE_INNER")
    if not user and not inner:
        raise PortalError("ERROR_CORE", "USER_ID or USER_PHONE_INNER should be set")
    if user != USER_ID and inner != INNER_NUMBER:
        raise PortalError("ERROR_CORE", "User is not found or is not active")


def _entity(fields: Fields) -> tuple[str, int] | None:
    entity_type, entity_id = (
        fields.get("CRM_ENTITY_TYPE"),
        whole_number(fields.get("CRM_ENTITY_ID")),
    )
    if entity_type in ("CONTACT", "COMPANY", "LEAD") and entity_id:
        return entity_type, entity_id
    return None


def _start(given: Any) -> float:
    if not given:
        return time.time()
    try:
        began = datetime.fromisoformat(given)
        if began.tzinfo is None:
            raise ValueError
        return began.timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        raise PortalError(
            "ERROR_CORE", "CALL_START_DATE should be in the ISO-8601 format"
        ) from None


def _sum(given: Any) -> float:
    try:
        cost = float(given or 0)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return cost if 0 <= cost < 10**12 else 0.0
