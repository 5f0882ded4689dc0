"""The table of the portal's REST methods; any other method is `ERROR_METHOD_NOT_FOUND`.

Each is described in the repository `bitrix-tools/b24-rest-docs`, below `api-reference/`.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from ..portal import crm
from ..portal.authentication import SCOPES, STATUS, USER_ID
from ..portal.errors import PortalError
from ..portal.state import Portal
from ..portal.telephony import APPLICATION_ID, iso
from .arguments import is_set, text, whole_number
from .calling import INNER_NUMBER, finish_call, placement_call, register_call
from .decoding import Fields
from .registering import (
    bind_event,
    bind_placement,
    placements,
    registered_events,
    registered_placements,
    unbind_event,
    unbind_placement,
)


class Method(NamedTuple):
    """A row of the table."""

    name: str
    scope: str
    """The required permission, if any."""
    answer: Callable[[Portal, Fields], Any]
    """Returns the `result`, or raises `PortalError`."""
    refuses_webhooks: bool = False


def call_method(portal: Portal, name: str, fields: Fields, *, by_webhook: bool) -> Any:
    """Return the `result` of the method of this name, in lower case, or raise `PortalError`."""
    method = check_exists(portal, name)
    if method.answer is placement_call:
        if by_webhook and portal.profile == "app-only":
            raise PortalError("WRONG_AUTH_TYPE")
        return placement_call(portal, fields)
    if by_webhook and method.refuses_webhooks:
        if name == "app.info":
            refusal = "Access denied! Application context required"
            raise PortalError("ACCESS_DENIED", refusal, status=400)
        raise PortalError("WRONG_AUTH_TYPE")
    # Portals accept these fields' names in any case; their documentation uses both.
    return method.answer(portal, {field.upper(): value for field, value in fields.items()})


def check_exists(portal: Portal, name: str) -> Method:
    """Return the method of this name, in lower case. Raise `PortalError` if there is none."""
    method = _BY_NAME.get(name)
    if method is None or not _exists(portal, method):
        raise PortalError("ERROR_METHOD_NOT_FOUND")
    return method


def _exists(portal: Portal, method: Method) -> bool:
    return method.answer is not placement_call or portal.profile != "js-only"


def _profile(_: Portal, __: Fields) -> dict[str, Any]:
    return {
        "ID": USER_ID,
        "ADMIN": True,
        "NAME": "Anna",
        "LAST_NAME": "Okafor",
        "PERSONAL_GENDER": "F",
        "TIME_ZONE": "Europe/Lisbon",
    }


def _user_current(_: Portal, __: Fields) -> dict[str, Any]:
    now = iso(int(time.time()))
    return {
        "ID": USER_ID,
        "ACTIVE": True,
        "NAME": "Anna",
        "LAST_NAME": "Okafor",
        "EMAIL": "anna.okafor@example.com",
        "LAST_LOGIN": now,
        "DATE_REGISTER": "2026-01-12T00:00:00+00:00",
        "IS_ONLINE": "Y",
        "PERSONAL_GENDER": "F",
        "PERSONAL_BIRTHDAY": "",
        "WORK_POSITION": "",
        "UF_DEPARTMENT": [1],
        "UF_PHONE_INNER": INNER_NUMBER,
    }


def _app_info(portal: Portal, _: Fields) -> dict[str, Any]:
    return {
        "ID": APPLICATION_ID,
        "CODE": "local.sandbox",
        "VERSION": 1,
        "STATUS": STATUS,
        "INSTALLED": portal.application.installed,
        "PAYMENT_EXPIRED": "N",
        "DAYS": None,
        "LANGUAGE_ID": "en",
        "LICENSE": "en_ent250",
        "LICENSE_TYPE": "ent250",
        "LICENSE_FAMILY": "ent",
    }


def _scope(_: Portal, __: Fields) -> list[str]:
    return list(SCOPES)


def _methods(portal: Portal, fields: Fields) -> list[str]:
    every = "SCOPE" not in fields or is_set(fields.get("FULL"))
    return [
        method.name
        for method in METHODS
        if _exists(portal, method) and (every or method.scope == text(fields, "SCOPE"))
    ]


def _server_time(_: Portal, __: Fields) -> str:
    return iso(int(time.time()))


def _crm_item(entity_type: str, _: Portal, fields: Fields) -> crm.Item:
    item_id = whole_number(fields.get("ID"))
    if not item_id:
        raise PortalError("", "ID is not defined or invalid.")
    item = crm.ITEMS.get((entity_type, item_id))
    if item is None:
        raise PortalError("")
    return item


METHODS = (
    Method("placement.call", "telephony", placement_call),
    Method("profile", "", _profile),
    Method("user.current", "user", _user_current),
    Method("app.info", "", _app_info, refuses_webhooks=True),
    Method("scope", "", _scope),
    Method("methods", "", _methods),
    Method("server.time", "", _server_time),
    Method("placement.bind", "placement", bind_placement, refuses_webhooks=True),
    Method("placement.unbind", "placement", unbind_placement, refuses_webhooks=True),
    Method("placement.get", "placement", registered_placements, refuses_webhooks=True),
    Method("placement.list", "placement", placements, refuses_webhooks=True),
    Method("event.bind", "", bind_event, refuses_webhooks=True),
    Method("event.unbind", "", unbind_event, refuses_webhooks=True),
    Method("event.get", "", registered_events, refuses_webhooks=True),
    Method("telephony.externalCall.register", "telephony", register_call, refuses_webhooks=True),
    Method("telephony.externalCall.finish", "telephony", finish_call, refuses_webhooks=True),
    Method("crm.contact.get", "crm", partial(_crm_item, "CONTACT")),
    Method("crm.company.get", "crm", partial(_crm_item, "COMPANY")),
    Method("crm.lead.get", "crm", partial(_crm_item, "LEAD")),
    Method("crm.deal.get", "crm", partial(_crm_item, "DEAL")),
)

_BY_NAME = {method.name.lower(): method for method in METHODS}
