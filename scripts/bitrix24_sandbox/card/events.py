"""The card's events, and the turns in which they occur."""

from dataclasses import dataclass
from typing import Any

from ..portal.call import Call

ENTITY_CHANGED = "CallCard::EntityChanged"
BEFORE_CLOSE = "CallCard::BeforeClose"
CALL_STATE_CHANGED = "CallCard::CallStateChanged"
EVENTS = [ENTITY_CHANGED, BEFORE_CLOSE, CALL_STATE_CHANGED]


@dataclass(frozen=True)
class Event:
    """An event of the card. A widget receives its payload, if it has one."""

    name: str
    payload: Any = None


@dataclass(frozen=True)
class Turn:
    """Changes of the card that a browser makes in one turn of its event loop."""

    events: tuple[Event, ...] = ()
    opened: bool = False
    closed: bool = False


def entity_changed(call: Call) -> Event:
    """Return the event that follows the loading of CRM data."""
    payload = {
        "PHONE_NUMBER": call.get("PHONE_NUMBER", "unknown"),
        "CRM_ENTITY_TYPE": call["CRM_ENTITY_TYPE"],
        "CRM_ENTITY_ID": call["CRM_ENTITY_ID"],
    }
    return Event(ENTITY_CHANGED, payload)


def state_changed(state: str | None) -> Event:
    """Return the event for a call's new state."""
    return Event(CALL_STATE_CHANGED, state)


def opening(call: Call) -> Turn:
    """Return the turn in which a card opens, and loads the CRM data of its call."""
    return Turn((entity_changed(call),), opened=True)
