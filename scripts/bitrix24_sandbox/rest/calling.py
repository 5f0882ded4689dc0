"""The methods for calls: `placement.call`, and those for calls of another telephony."""

import re
import time
from datetime import UTC, datetime
from typing import Any

from ..portal import crm, json_text
from ..portal.call import CurrentCall
from ..portal.errors import PortalError, bad_argument
from ..portal.state import Portal
from ..portal.telephony import Outcome, ServerCall, new_external_id
from ..portal.users import USERS, by_id, by_inner_number
from .arguments import is_set, text, whole_number
from .decoding import Fields
from .request import Request


def placement_call(request: Request) -> CurrentCall:
    """Return the current call. Raise `PortalError` for wrong arguments, or without a call."""
    _check_arguments(request.fields)
    if request.portal.current is None:
        raise PortalError("ERROR_CORE")
    return request.portal.current


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


def register_call(request: Request) -> dict[str, Any]:
    """Register a call of another telephony, or return it if it is registered already.

    Its user's card shows it, unless it already shows one.
    """
    portal, fields = request.portal, request.fields
    user_id = _user_id(fields)
    kind = whole_number(fields.get("TYPE"))
    if kind not in (1, 2, 3, 4, 5):
        raise PortalError("", "Unknown TYPE")
    began = _start(fields.get("CALL_START_DATE"))
    phone_number = re.sub("[^0-9#*+,;]", "", text(fields, "PHONE_NUMBER"))
    if phone_number in ("", "0"):
        raise PortalError("", "Unsupported phone number format")
    _check_user(user_id)
    call, happenings = portal.telephony.register(
        ServerCall(
            call_id=new_external_id(),
            user_id=user_id,
            type=kind,
            phone_number=phone_number,
            line_number=text(fields, "LINE_NUMBER").strip()[:50],
            started=began,
            answered=began,
            entity=_entity(fields) or next(iter(crm.with_number(phone_number)), None),
            application_id=request.application_id,
            external_id=text(fields, "EXTERNAL_CALL_ID") or None,
        )
    )
    portal.announce(happenings)
    if fields.get("SHOW") is None or is_set(fields["SHOW"]):
        _show(portal, call, [call.user_id])
    entity_type, entity_id = call.entity or ("", None)
    return {
        "CALL_ID": call.call_id,
        "CRM_CREATED_LEAD": None,
        "CRM_CREATED_ENTITIES": [],
        "CRM_ENTITY_TYPE": entity_type,
        "CRM_ENTITY_ID": entity_id,
    }


def finish_call(request: Request) -> dict[str, Any]:
    """End a call; the card of the named user closes, who need not be the one that it began with."""
    portal, fields = request.portal, request.fields
    user_id = _user_id(fields)
    call_id = fields.get("CALL_ID")
    if not isinstance(call_id, str):
        raise PortalError("INVALID_ARGUMENT")
    call = portal.telephony.find(call_id)
    if call is None:
        # The missing bracket is the portal's.
        raise PortalError("", "Call is not found (call should be registered prior to finishing")
    _check_user(user_id)
    seconds = whole_number(fields.get("DURATION")) or 0
    outcome = Outcome(
        seconds,
        text(fields, "STATUS_CODE") or ("200" if seconds else "304"),
        text(fields, "FAILED_REASON"),
        _sum(fields.get("COST")),
        text(fields, "COST_CURRENCY"),
    )
    happenings = portal.telephony.finish(call, user_id, outcome)
    _hide(portal, call, [user_id])
    portal.announce(happenings)
    application_id = call.application_id
    record: dict[str, Any] = {
        "CALL_ID": call_id,
        "EXTERNAL_CALL_ID": call.external_id,
        "PORTAL_USER_ID": int(user_id),
        "PHONE_NUMBER": call.phone_number,
        "PORTAL_NUMBER": call.portal_number,
        "INCOMING": str(call.type),
        "CALL_DURATION": seconds,
        "CALL_START_DATE": {},  # what PHP writes for its date object
        "CALL_STATUS": int(seconds > 0),
        "CALL_VOTE": whole_number(fields.get("VOTE")) or 0,
        "COST": outcome.cost,
        "COST_CURRENCY": outcome.currency,
        "CALL_FAILED_CODE": outcome.code,
        "CALL_FAILED_REASON": outcome.reason,
        "REST_APP_ID": None if application_id is None else str(application_id),
        "REST_APP_NAME": application_id is not None and "Sandbox application",
        "CRM_ACTIVITY_ID": whole_number(call.activity_id),
        "COMMENT": None,
    }
    if call.entity:
        record["CRM_ENTITY_TYPE"], record["CRM_ENTITY_ID"] = call.entity
    return {**record, "ID": portal.telephony.records}


def show_call(request: Request) -> bool:
    """Show a call in the cards of one user or several; return whether there is such a call."""
    call = request.portal.telephony.find(text(request.fields, "CALL_ID"))
    if call is not None:
        _show(request.portal, call, _user_ids(request.fields, call))
    return call is not None


def hide_call(request: Request) -> bool:
    """Close the cards of one user or several; return whether there is such a call."""
    call = request.portal.telephony.find(text(request.fields, "CALL_ID"))
    if call is not None:
        _hide(request.portal, call, _user_ids(request.fields, call))
    return call is not None


def search_crm_items(request: Request) -> list[dict[str, Any]]:
    """Find the CRM items that have a phone number, and who is responsible for each."""
    phone_number = text(request.fields, "PHONE_NUMBER")
    if not phone_number:
        raise PortalError("", "PHONE_NUMBER is empty")
    return [
        {
            "CRM_ENTITY_TYPE": entity_type,
            "CRM_ENTITY_ID": entity_id,
            "ASSIGNED_BY_ID": crm.ITEMS[entity_type, entity_id]["ASSIGNED_BY_ID"],
            "NAME": crm.title(entity_type, entity_id),
            "ASSIGNED_BY": {
                "ID": USERS["administrator"].id,
                "TIMEMAN_STATUS": "NOT_INSTALLED",
                "USER_PHONE_INNER": USERS["administrator"].inner_number,
                "WORK_PHONE": "",
                "PERSONAL_PHONE": "",
                "PERSONAL_MOBILE": "",
            },
        }
        for entity_type, entity_id in crm.with_number(phone_number)
    ]


def _show(portal: Portal, call: ServerCall, user_ids: list[str]) -> None:
    if portal.user.id not in user_ids or portal.call is not None:
        return
    entity_type, entity_id = call.entity or ("", 0)
    bindings = [{"ENTITY_TYPE": entity_type, "ENTITY_ID": entity_id}] if call.entity else []
    portal.set_call(
        {
            "CALL_ID": call.call_id,
            "PHONE_NUMBER": call.phone_number,
            "LINE_NUMBER": call.line_number,
            "LINE_NAME": call.line_number,  # the line has no other name
            "CRM_ENTITY_TYPE": entity_type,
            "CRM_ENTITY_ID": entity_id,
            "CRM_BINDINGS": bindings,
            # Calls of the other types have no direction of their own in the card.
            "CALL_DIRECTION": {1: "outgoing", 4: "callback"}.get(call.type, "incoming"),
            "CALL_STATE": "connected",
            "CALL_LIST_MODE": False,
        }
    )


def _hide(portal: Portal, call: ServerCall, user_ids: list[str]) -> None:
    if portal.user.id in user_ids and portal.call and portal.call["CALL_ID"] == call.call_id:
        portal.hang_up()


def _user_id(fields: Fields) -> str:
    """Return the id of the user that a request names, by id or extension."""
    user_id = whole_number(fields.get("USER_ID"))
    if user_id:
        return str(user_id)
    user = by_inner_number(text(fields, "USER_PHONE_INNER"))
    if user is None:
        raise PortalError("", "USER_ID or USER_PHONE_INNER should be set")
    return user.id


def _check_user(user_id: str) -> None:
    if by_id(user_id) is None:
        raise PortalError("", "User is not found or is not active")


def _user_ids(fields: Fields, call: ServerCall) -> list[str]:
    """Return the ids of the users that a request names, or else of the call's own."""
    given = fields.get("USER_ID")
    if given is None:
        return [call.user_id]
    if json_text.is_object(given):  # a list in a form
        given = list(given.values())
    return [str(whole_number(user)) for user in (given if json_text.is_array(given) else [given])]


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
        return (began if began.tzinfo else began.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        raise PortalError("", "CALL_START_DATE should be in the ISO-8601 format") from None


def _sum(given: Any) -> float:
    try:
        cost = float(given or 0)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return cost if 0 <= cost < 10**12 else 0.0
