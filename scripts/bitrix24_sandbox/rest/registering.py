"""The methods that register widgets for the call card, and event handlers."""

from typing import Any

from ..portal import json_text
from ..portal.application import EVENTS, PLACEMENT, Widget, check_handler
from ..portal.errors import PortalError
from ..portal.state import Portal
from .arguments import required_text, text
from .decoding import Fields

MOST_LANGUAGES = 50


def bind_placement(portal: Portal, fields: Fields) -> bool:
    """Register a widget for the call card."""
    _check_placement(fields)
    handler = required_text(fields, "HANDLER")
    check_handler(handler)
    title, description = text(fields, "TITLE"), text(fields, "DESCRIPTION")
    own = {"TITLE": title, "DESCRIPTION": description, "GROUP_NAME": text(fields, "GROUP_NAME")}
    languages = _languages(fields.get("LANG_ALL")) or {"en": own}
    portal.add_widget(Widget(handler, title, description, languages))
    return True


def unbind_placement(portal: Portal, fields: Fields) -> dict[str, int]:
    """Remove one widget, or all. Portals count each twice: when finding and when removing it."""
    _check_placement(fields)
    return {"count": 2 * portal.remove_widgets(_handler(fields))}


def registered_placements(portal: Portal, _: Fields) -> list[dict[str, Any]]:
    """List the registered widgets."""
    return [
        {
            "placement": PLACEMENT,
            "userId": 0,
            "handler": widget.handler,
            "options": [],
            "title": widget.title,
            "description": widget.description,
            "langAll": widget.languages,
        }
        for widget in portal.application.widgets
    ]


def placements(_: Portal, fields: Fields) -> list[str]:
    """List the placements that the sandbox supports."""
    return [PLACEMENT] if text(fields, "SCOPE") in ("", "telephony", "placement") else []


def bind_event(portal: Portal, fields: Fields) -> bool:
    """Register a handler of an event."""
    event = _event(fields)
    handler = required_text(fields, "HANDLER")
    check_handler(handler)
    portal.application.add_event_handler(event, handler)
    return True


def unbind_event(portal: Portal, fields: Fields) -> dict[str, int]:
    """Remove an event's handler at one URL, or all its handlers."""
    application = portal.application
    going = application.handlers_of(_event(fields), _handler(fields))
    application.event_handlers = [row for row in application.event_handlers if row not in going]
    return {"count": len(going)}


def registered_events(portal: Portal, _: Fields) -> list[dict[str, Any]]:
    """List the registered event handlers."""
    return [
        {"event": row.event, "handler": row.handler, "auth_type": "0", "offline": 0}
        for row in portal.application.event_handlers
    ]


def _check_placement(fields: Fields) -> None:
    if required_text(fields, "PLACEMENT") != PLACEMENT:
        raise PortalError("ERROR_PLACEMENT_NOT_FOUND")


def _event(fields: Fields) -> str:
    event = required_text(fields, "EVENT").upper()
    if event not in EVENTS or text(fields, "EVENT_TYPE", "online") != "online":
        raise PortalError("ERROR_EVENT_NOT_FOUND")
    return event


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


def _handler(fields: Fields) -> str | None:
    return required_text(fields, "HANDLER") if fields.get("HANDLER") else None
