"""The call in the card: how it begins, what makes it another call, and its CRM items."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ..portal.call import Call
from ..portal.crm import title
from ..portal.scenarios import external_call, outgoing_unbound_call, own_call, unbound_call

# The clients of the sandbox's call list.
CLIENTS = (
    ("+12025550118", "COMPANY", 8),
    ("+12025550163", "CONTACT", 23),
    ("+12025550187", "LEAD", 52),
)

# What a call can be bound to.
ITEMS = (("LEAD", 52), ("CONTACT", 23), ("COMPANY", 8), ("DEAL", 314))


def unidentified_call() -> Call:
    """Make an incoming call without a number, which the page leaves out and calls unknown."""
    call = unbound_call("")
    del call["PHONE_NUMBER"]
    return call


NEW_CALLS: dict[str, Callable[[], Call]] = {
    "ring": own_call,
    "dial": outgoing_unbound_call,
    "callback": partial(own_call, CALL_DIRECTION="callback"),
    "transferred-call": partial(own_call, CALL_DIRECTION="incomingTransfer"),
    "unbound-call": partial(unbound_call, "+12025550199"),
    "unidentified-call": unidentified_call,
    "external-call": external_call,
}
"""The calls that open a card, by the action that begins them."""


def same_card(before: Call, now: Call) -> bool:
    """Whether both are shown in the same card: the same call, or clients of one call list.

    A call may get its id later.
    """
    in_call_list = bool(before["CALL_LIST_MODE"] and now["CALL_LIST_MODE"])
    return in_call_list or before["CALL_ID"] == now["CALL_ID"] or _has_got_its_id(before, now)


def _has_got_its_id(before: Call, now: Call) -> bool:
    fixed = ("PHONE_NUMBER", "CALL_DIRECTION", "CALL_LIST_MODE")
    return before["CALL_ID"] == "" and all(before.get(name) == now.get(name) for name in fixed)


def loads_crm_data(before: Call, now: Call) -> bool:
    """Whether the card loads CRM data: for another call or other items, not for a new number."""
    entity = ("CRM_ENTITY_TYPE", "CRM_ENTITY_ID", "CRM_BINDINGS")
    another_call = before["CALL_ID"] != now["CALL_ID"] and not _has_got_its_id(before, now)
    return another_call or any(before[name] != now[name] for name in entity)


def bound_items(call: Call) -> list[tuple[str, Any]]:
    """Return the type and id of each bound item; without the crm module a type is a number."""
    return [
        (b["ENTITY_TYPE"], b["ENTITY_ID"])
        if "ENTITY_TYPE" in b
        else (f"Owner type {b['OWNER_TYPE_ID']}", b["OWNER_ID"])
        for b in call["CRM_BINDINGS"]
    ]


def next_item(call: Call) -> tuple[str, int] | None:
    """Return the next item to bind the call to; None if it is bound to all of them."""
    bound = set(bound_items(call))
    return next((item for item in ITEMS if item not in bound), None)


def bound_to(call: Call, entity_type: str, entity_id: int) -> Call:
    """Return the call, bound to one more item, which becomes its entity."""
    binding = {"ENTITY_TYPE": entity_type, "ENTITY_ID": entity_id}
    return {
        "CRM_ACTIVITY_ID": "",
        **call,
        "CRM_ENTITY_TYPE": entity_type,
        "CRM_ENTITY_ID": entity_id,
        "CRM_BINDINGS": [*call["CRM_BINDINGS"], binding],
    }


def items(call: Call) -> list[dict[str, Any]]:
    """Return the call's CRM items with their titles if known, its entity first."""
    main: tuple[str, Any] = (call["CRM_ENTITY_TYPE"], call["CRM_ENTITY_ID"])
    bound = bound_items(call)
    every = dict.fromkeys([main, *bound] if main[0] else bound)
    return [
        {"type": kind, "id": number, "title": title(kind, number), "main": (kind, number) == main}
        for kind, number in every
    ]
