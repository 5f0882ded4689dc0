"""The table of the portal's REST methods; any other method is `ERROR_METHOD_NOT_FOUND`.

Each is described in the repository `bitrix-tools/b24-rest-docs`, below `api-reference/`.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

from ..portal import crm
from ..portal.authentication import SCOPES, STATUS
from ..portal.errors import PortalError
from ..portal.state import Portal
from ..portal.telephony import APPLICATION_ID, iso
from .arguments import is_set, text, whole_number
from .calling import (
    finish_call,
    hide_call,
    placement_call,
    register_call,
    search_crm_items,
    show_call,
)
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
from .request import Request

LICENSE = "en_ent250"
Callers = Literal["any", "application", "administrator"]
"""Anybody, any user with a token, or only an administrator with a token."""


class Method(NamedTuple):
    """A row of the table."""

    name: str
    scope: str
    """The required permission, if any."""
    answer: Callable[[Request], Any]
    """Returns the `result`, or raises `PortalError`."""
    callers: Callers = "any"
    """Who may call it, apart from the scope."""
    exact_names: bool = False
    """Whether the names of its fields are case-sensitive."""


def call_method(
    portal: Portal, name: str, fields: Fields, *, by_webhook: bool, in_batch: bool = False
) -> Any:
    """Return the `result` of the method of this name, in lower case, or raise `PortalError`."""
    method = check_exists(portal, name)
    if not method.exact_names:
        fields = {field.upper(): value for field, value in fields.items()}
    request = Request(portal, fields, by_webhook)
    request.check_scope(method.scope, in_batch=in_batch)
    callers = method.callers
    if method.answer is placement_call and portal.profile == "app-only":
        callers = "application"
    if by_webhook and callers != "any":
        refusal = "Current authorization type is denied for this method"
        wanted = " Application context required" if method.scope else ""
        raise PortalError("WRONG_AUTH_TYPE", refusal + wanted)
    if callers == "administrator" and not portal.user.is_admin:
        raise PortalError("ACCESS_DENIED", "Access denied!", status=403)
    return method.answer(request)


def check_exists(portal: Portal, name: str) -> Method:
    """Return the method of this name, in lower case. Raise `PortalError` if there is none."""
    method = _BY_NAME.get(name)
    if method is None or not _exists(portal, method):
        raise PortalError("ERROR_METHOD_NOT_FOUND")
    return method


def _exists(portal: Portal, method: Method) -> bool:
    return method.answer is not placement_call or portal.profile != "js-only"


def _profile(request: Request) -> dict[str, Any]:
    user = request.portal.user
    return {
        "ID": user.id,
        "ADMIN": user.is_admin,
        "NAME": user.name,
        "LAST_NAME": user.last_name,
        "PERSONAL_GENDER": user.gender,
        "TIME_ZONE": "Europe/Lisbon",
    }


def _user_current(request: Request) -> dict[str, Any]:
    user = request.portal.user
    return {
        "ID": user.id,
        "ACTIVE": True,
        "NAME": user.name,
        "LAST_NAME": user.last_name,
        "EMAIL": user.email,
        "LAST_LOGIN": iso(int(time.time())),
        "DATE_REGISTER": "2026-01-12T00:00:00+00:00",
        "IS_ONLINE": "Y",
        "PERSONAL_GENDER": user.gender,
        "PERSONAL_BIRTHDAY": "",
        "WORK_POSITION": "",
        "UF_DEPARTMENT": [1],
        "UF_PHONE_INNER": user.inner_number,
    }


def _app_info(request: Request) -> dict[str, Any]:
    if request.by_webhook:
        return {"SCOPE": list(request.scopes), "LICENSE": LICENSE}
    return {
        "ID": APPLICATION_ID,
        "CODE": "local.sandbox",
        "VERSION": 1,
        "STATUS": STATUS,
        "INSTALLED": request.portal.application.installed,
        "PAYMENT_EXPIRED": "N",
        "DAYS": None,
        "LANGUAGE_ID": "en",
        "LICENSE": LICENSE,
        "LICENSE_TYPE": "ent250",
        "LICENSE_FAMILY": "ent",
    }


def _scope(request: Request) -> list[str]:
    return list(SCOPES if is_set(request.fields.get("FULL")) else request.scopes)


def _methods(request: Request) -> list[str]:
    fields = request.fields
    if "SCOPE" in fields:
        wanted = [text(fields, "SCOPE")]
    else:
        wanted = ["", *(SCOPES if is_set(fields.get("FULL")) else request.scopes)]
    return [name for name, scope in _scopes(request.portal).items() if scope in wanted]


def _method_get(request: Request) -> dict[str, bool]:
    scope = _scopes(request.portal).get(text(request.fields, "name"))
    return {"isExisting": scope is not None, "isAvailable": scope in ("", *request.scopes)}


def _scopes(portal: Portal) -> dict[str, str]:
    """Return the names of all methods, in lower case, and the scope of each."""
    methods = {name: method.scope for name, method in _BY_NAME.items() if _exists(portal, method)}
    return {"batch": "", **methods}


def _server_time(_: Request) -> str:
    return iso(int(time.time()))


def _crm_item(entity_type: str, request: Request) -> crm.Item:
    item_id = whole_number(request.fields.get("ID"))
    if not item_id:
        raise PortalError("", "ID is not defined or invalid.")
    item = crm.ITEMS.get((entity_type, item_id))
    if item is None:
        raise PortalError("")
    return item


METHODS = (
    Method("placement.call", "telephony", placement_call, exact_names=True),
    Method("profile", "", _profile),
    Method("user.current", "user", _user_current),
    Method("app.info", "", _app_info),
    Method("scope", "", _scope),
    Method("methods", "", _methods),
    Method("method.get", "", _method_get, exact_names=True),
    Method("server.time", "", _server_time),
    Method("placement.bind", "placement", bind_placement, "administrator"),
    Method("placement.unbind", "placement", unbind_placement, "administrator"),
    Method("placement.get", "placement", registered_placements, "administrator"),
    Method("placement.list", "placement", placements, "application"),
    Method("event.bind", "", bind_event, "application"),
    Method("event.unbind", "", unbind_event, "application"),
    Method("event.get", "", registered_events, "application"),
    Method("telephony.externalCall.register", "telephony", register_call, exact_names=True),
    Method("telephony.externalCall.finish", "telephony", finish_call, exact_names=True),
    Method("telephony.externalCall.show", "telephony", show_call, exact_names=True),
    Method("telephony.externalCall.hide", "telephony", hide_call, exact_names=True),
    Method(
        "telephony.externalCall.searchCrmEntities",
        "telephony",
        search_crm_items,
        exact_names=True,
    ),
    Method("crm.contact.get", "crm", partial(_crm_item, "CONTACT")),
    Method("crm.company.get", "crm", partial(_crm_item, "COMPANY")),
    Method("crm.lead.get", "crm", partial(_crm_item, "LEAD")),
    Method("crm.deal.get", "crm", partial(_crm_item, "DEAL")),
)

_BY_NAME = {method.name.lower(): method for method in METHODS}
