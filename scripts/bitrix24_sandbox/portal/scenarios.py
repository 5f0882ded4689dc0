"""The scenarios, by name: a call, and whether the card shows a widget."""

import secrets
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from .call import Call, default_call


class Scenario(NamedTuple):
    """A call to start with, and the card around it."""

    call: Call
    widget: bool = True
    """False for a portal without the crm module: its card has no sidebar, and so no widget."""


def new_call_id() -> str:
    """Make a call id in the format of the portal's own telephony."""
    return f"{secrets.token_hex(8).upper()}.{int(time.time())}.{secrets.randbelow(10**8)}"


def own_call(**fields: Any) -> Call:
    """Make a ringing call of the portal's own telephony, as a card first shows it."""
    return {**default_call(), "CALL_ID": new_call_id(), "CALL_STATE": "connecting", **fields}


def external_call() -> Call:
    """Make a call that another telephony has registered: it is connected from the start."""
    call_id = f"externalCall.{secrets.token_hex(16)}.{int(time.time())}"
    return {**default_call(), "CALL_ID": call_id}


def outgoing_unbound_call() -> Call:
    """Make a call to a number that the CRM does not know; the portal has no id for it yet."""
    call = own_call(
        CALL_ID="",
        PHONE_NUMBER="+12025550199",
        CRM_ENTITY_TYPE=False,
        CRM_ENTITY_ID=False,
        CRM_BINDINGS=[],
        CALL_DIRECTION="outgoing",
    )
    del call["CRM_ACTIVITY_ID"]
    return call


def call_list_client(number: str, entity_type: str, entity_id: int) -> Call:
    """Make the call of a client of a call list, who is in the card but not dialled yet."""
    call = own_call(
        CALL_ID="",
        PHONE_NUMBER=number,
        CRM_ENTITY_TYPE=entity_type,
        CRM_ENTITY_ID=entity_id,
        CRM_BINDINGS=[{"ENTITY_TYPE": entity_type, "ENTITY_ID": entity_id}],
        CALL_DIRECTION="outgoing",
        CALL_STATE="idle",
        CALL_LIST_MODE=True,
    )
    del call["CRM_ACTIVITY_ID"]  # the activity is created with the conversation
    return call


def unbound_call(number: str) -> Call:
    """Make an incoming call from a number that the CRM does not know."""
    call = own_call(PHONE_NUMBER=number, CRM_ENTITY_TYPE="", CRM_ENTITY_ID=0, CRM_BINDINGS=[])
    del call["CRM_ACTIVITY_ID"]
    return call


DEFAULT = "external"
SCENARIOS: dict[str, Callable[[], Scenario]] = {
    DEFAULT: lambda: Scenario(default_call()),
    "incoming-bound": lambda: Scenario(own_call(CALL_STATE="connected")),
    "outgoing-unbound": lambda: Scenario(outgoing_unbound_call()),
    "call-list": lambda: Scenario(call_list_client("+12025550142", "CONTACT", 17)),
    "hidden-number": lambda: Scenario(unbound_call("hidden")),
    "transfer": lambda: Scenario(own_call(CALL_DIRECTION="incomingTransfer")),
    "no-widget": lambda: Scenario(default_call(), widget=False),
}
