"""The methods of the portal, in one table: which there are, and what each makes of its fields.

What is not in the table, the sandbox does not have: `ERROR_METHOD_NOT_FOUND`.
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
    """A row of the table; `what` is Markdown with nothing but code in it."""

    name: str
    scope: str
    """The permission that it needs; empty for one that every application has."""
    answer: Callable[[Portal, Fields], Any]
    """Gives the `result`, or raises `PortalError`."""
    what: str
    source: str
    """The page of the public documentation that describes it."""
    refuses_webhooks: bool = False


def call_method(portal: Portal, name: str, fields: Fields, *, by_webhook: bool) -> Any:
    """Answer the method of this name, in lower case: give its `result`, or raise `PortalError`."""
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
    # Portals take the names of these fields in any case; their documentation has them in both.
    return method.answer(portal, {field.upper(): value for field, value in fields.items()})


def check_exists(portal: Portal, name: str) -> Method:
    """Give the method of this name, in lower case. Raise `PortalError` if there is none."""
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
    Method(
        "placement.call",
        "telephony",
        placement_call,
        "the call in the card, as the profile has it",
        "widgets/ui-interaction/call-card/get-status.md",
    ),
    Method("profile", "", _profile, "the user, an administrator", "common/users/profile.md"),
    Method("user.current", "user", _user_current, "the same user", "user/user-current.md"),
    Method(
        "app.info",
        "",
        _app_info,
        "the application, and whether it is installed",
        "common/system/app-info.md",
        refuses_webhooks=True,
    ),
    Method("scope", "", _scope, "the permissions", "common/system/scope.md"),
    Method(
        "methods",
        "",
        _methods,
        "the names of these methods; with `scope`, those of one permission",
        "common/system/methods.md",
    ),
    Method("server.time", "", _server_time, "the time", "common/system/server-time.md"),
    Method(
        "placement.bind",
        "placement",
        bind_placement,
        "register a widget for `CALL_CARD`; the card opens the first one",
        "widgets/placement-bind.md",
        refuses_webhooks=True,
    ),
    Method(
        "placement.unbind",
        "placement",
        unbind_placement,
        "remove the widget of a `HANDLER`, or all",
        "widgets/placement-unbind.md",
        refuses_webhooks=True,
    ),
    Method(
        "placement.get",
        "placement",
        registered_placements,
        "the widgets that are registered",
        "widgets/placement-get.md",
        refuses_webhooks=True,
    ),
    Method(
        "placement.list",
        "placement",
        placements,
        "`CALL_CARD` alone",
        "widgets/placement-list.md",
        refuses_webhooks=True,
    ),
    Method(
        "event.bind",
        "",
        bind_event,
        "register a handler of an event: those of the installation and of the telephony",
        "events/event-bind.md",
        refuses_webhooks=True,
    ),
    Method(
        "event.unbind",
        "",
        unbind_event,
        "remove the handler of an event at a URL, or all",
        "events/event-unbind.md",
        refuses_webhooks=True,
    ),
    Method(
        "event.get",
        "",
        registered_events,
        "the handlers that are registered",
        "events/event-get.md",
        refuses_webhooks=True,
    ),
    Method(
        "telephony.externalCall.register",
        "telephony",
        register_call,
        "register a call; the card shows it, unless it shows one already. "
        "Nothing is created in the CRM",
        "telephony/telephony-external-call-register.md",
        refuses_webhooks=True,
    ),
    Method(
        "telephony.externalCall.finish",
        "telephony",
        finish_call,
        "end such a call, and close its card",
        "telephony/telephony-external-call-finish.md",
        refuses_webhooks=True,
    ),
    Method(
        "crm.contact.get",
        "crm",
        partial(_crm_item, "CONTACT"),
        "contacts 17 and 23",
        "crm/contacts/crm-contact-get.md",
    ),
    Method(
        "crm.company.get",
        "crm",
        partial(_crm_item, "COMPANY"),
        "companies 5 and 8",
        "crm/companies/crm-company-get.md",
    ),
    Method(
        "crm.lead.get", "crm", partial(_crm_item, "LEAD"), "lead 52", "crm/leads/crm-lead-get.md"
    ),
    Method(
        "crm.deal.get",
        "crm",
        partial(_crm_item, "DEAL"),
        "deals 83 and 314",
        "crm/deals/crm-deal-get.md",
    ),
)
"""The sources are pages of the repository `bitrix-tools/b24-rest-docs`, below `api-reference/`."""

_BY_NAME = {method.name.lower(): method for method in METHODS}
