"""The methods that register widgets for the call card, and event handlers."""

from typing import Any

from ..portal import json_text
from ..portal.application import EVENTS, PLACEMENT, check_handler
from ..portal.errors import PortalError, bad_argument
from .arguments import empty_argument, is_set, required_text, text, whole_number, wrong_type
from .decoding import Fields
from .request import Request

PLACEMENTS = {
    "": ("REST_APP_URI", "PAGE_BACKGROUND_WORKER", "LEFT_MENU"),
    "telephony": (PLACEMENT, "TELEPHONY_ANALYTICS_MENU"),
}
"""A portal's placements by scope, as far as the sandbox has the scope; one can be bound."""

MOST_LANGUAGES = 50


def bind_placement(request: Request) -> bool:
    """Register a widget for the call card."""
    fields = request.fields
    placement = _placement(fields)
    if not placement:
        raise empty_argument("The placement code is not specified")
    if not fields.get("HANDLER"):
        raise empty_argument("The URL of the placement handler is not specified")
    handler = required_text(fields, "HANDLER")
    check_handler(handler)
    if placement != PLACEMENT or "telephony" not in request.scopes:
        raise PortalError("ERROR_PLACEMENT_NOT_FOUND")
    if whole_number(fields.get("USER_ID")):
        raise PortalError("ERROR_PLACEMENT_USER_MODE")
    title, description = text(fields, "TITLE"), text(fields, "DESCRIPTION")
    own = {"TITLE": title, "DESCRIPTION": description, "GROUP_NAME": text(fields, "GROUP_NAME")}
    languages = _languages(fields.get("LANG_ALL")) or {"en": own}
    request.portal.add_widget(handler, title, description, languages)
    return True


def unbind_placement(request: Request) -> dict[str, int]:
    """Remove one widget, or all. Portals count each twice: when finding and when removing it."""
    placement = _placement(request.fields)
    if not placement:
        raise empty_argument("PLACEMENT")
    handler = text(request.fields, "HANDLER") or None
    removed = request.portal.remove_widgets(handler) if placement == PLACEMENT else 0
    return {"count": 2 * removed}


def registered_placements(request: Request) -> list[dict[str, Any]]:
    """List the registered widgets."""
    return [
        {
            "id": widget.id,
            "placement": PLACEMENT,
            "userId": 0,
            "handler": widget.handler,
            "options": [],
            "title": widget.title,
            "description": widget.description,
            "langAll": widget.languages,
        }
        for widget in request.portal.application.widgets
    ]


def placements(request: Request) -> list[str]:
    """List the placements of one scope, of all, or of the application's own."""
    fields = request.fields
    if "SCOPE" in fields:
        wanted = [text(fields, "SCOPE")]
    else:
        wanted = ["", *(PLACEMENTS if is_set(fields.get("FULL")) else request.scopes)]
    return [name for scope in wanted for name in PLACEMENTS.get(scope, ())]


def bind_event(request: Request) -> bool:
    """Register a handler of an event; without an administrator's rights, for oneself only."""
    fields, user = request.fields, request.portal.user
    user_id = str(whole_number(fields.get("AUTH_TYPE")) or ("0" if user.is_admin else user.id))
    if not user.is_admin and user_id != user.id:
        raise _denied("Event binding with AUTH_TYPE requires administrator access rights")
    event = required_text(fields, "EVENT").upper()
    if _is_offline(request, "binding"):
        raise PortalError("ERROR_ARGUMENT", "Offline event cannot be registered for this event.")
    handler = required_text(fields, "HANDLER")
    check_handler(handler)
    if EVENTS.get(event) not in ("", *request.scopes):
        raise PortalError("ERROR_EVENT_NOT_FOUND")
    request.portal.application.add_event_handler(event, handler, user_id)
    return True


def unbind_event(request: Request) -> dict[str, int]:
    """Remove an event's handlers at one URL; without an administrator's rights, one's own only."""
    fields, user, application = request.fields, request.portal.user, request.portal.application
    event = required_text(fields, "EVENT").upper()
    if _is_offline(request, "unbinding"):
        return {"count": 0}  # none can be bound
    handler = required_text(fields, "HANDLER")
    user_id = None if user.is_admin else user.id
    if fields.get("AUTH_TYPE") is not None:
        if not user.is_admin and fields["AUTH_TYPE"] != int(user.id):  # as text it is refused, too
            raise _denied("Event unbinding with AUTH_TYPE requires administrator access rights")
        user_id = str(whole_number(fields["AUTH_TYPE"]) or 0)
    going = [
        row
        for row in application.handlers_of(event)
        if row.handler == handler and user_id in (None, row.user_id)
    ]
    application.event_handlers = [row for row in application.event_handlers if row not in going]
    return {"count": len(going)}


def registered_events(request: Request) -> list[dict[str, Any]]:
    """List the registered event handlers; without an administrator's rights, one's own."""
    user = request.portal.user
    return [
        {"event": row.event, "handler": row.handler, "auth_type": row.user_id, "offline": 0}
        for row in request.portal.application.event_handlers
        if user.is_admin or row.user_id == user.id
    ]


def _placement(fields: Fields) -> str:
    placement = fields.get("PLACEMENT")
    if not isinstance(placement, str):
        raise wrong_type("PLACEMENT")
    return placement.upper()


def _is_offline(request: Request, doing: str) -> bool:
    kind = text(request.fields, "EVENT_TYPE").lower() or "online"
    if kind not in ("online", "offline"):
        raise bad_argument("EVENT_TYPE", "Value must be one of {online|offline}")
    if kind == "offline" and not request.portal.user.is_admin:
        raise _denied(f"Offline events {doing} requires administrator access rights")
    return kind == "offline"


def _denied(reason: str) -> PortalError:
    return PortalError("ACCESS_DENIED", f"Access denied! {reason}", status=403)


def _languages(given: Any) -> dict[str, dict[str, str]]:
    if not json_text.is_object(given):
        return {}
    return {
        str(language)[:10]: {
            name: text(texts, name) for name in ("TITLE", "DESCRIPTION", "GROUP_NAME")
        }
        for language, texts in list(given.items())[:MOST_LANGUAGES]
        if json_text.is_object(texts)
    }
