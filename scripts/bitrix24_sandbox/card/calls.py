"""The call in the card: how it differs from the one before, and the CRM items it is bound to."""

from typing import Any

from ..portal.call import Call
from ..portal.crm import title

# What there is to bind a call to.
ITEMS = (("LEAD", 52), ("CONTACT", 23), ("COMPANY", 8), ("DEAL", 314))


def same_card(before: Call, now: Call) -> bool:
    """Another call has another card, but a call list keeps one card for all its clients.

    A call may have no id at first.
    """
    in_call_list = bool(before["CALL_LIST_MODE"] and now["CALL_LIST_MODE"])
    return in_call_list or before["CALL_ID"] == now["CALL_ID"] or _has_got_its_id(before, now)


def _has_got_its_id(before: Call, now: Call) -> bool:
    fixed = ("PHONE_NUMBER", "CALL_DIRECTION", "CALL_LIST_MODE")
    return before["CALL_ID"] == "" and all(before.get(name) == now.get(name) for name in fixed)


def loads_crm_data(before: Call, now: Call) -> bool:
    """Tell whether the card loads CRM data. Another number alone does not make it, nor an id."""
    entity = ("CRM_ENTITY_TYPE", "CRM_ENTITY_ID", "CRM_BINDINGS")
    another_call = before["CALL_ID"] != now["CALL_ID"] and not _has_got_its_id(before, now)
    return another_call or any(before[name] != now[name] for name in entity)


def bound_items(call: Call) -> list[tuple[str, Any]]:
    """What the call is bound to, by type and id; without the crm module there are only numbers."""
    return [
        (b["ENTITY_TYPE"], b["ENTITY_ID"])
        if "ENTITY_TYPE" in b
        else (f"Owner type {b['OWNER_TYPE_ID']}", b["OWNER_ID"])
        for b in call["CRM_BINDINGS"]
    ]


def next_item(call: Call) -> tuple[str, int] | None:
    """Return the item that the call is bound to next; None if it is bound to all of them."""
    bound = set(bound_items(call))
    return next((item for item in ITEMS if item not in bound), None)


def items(call: Call) -> list[dict[str, Any]]:
    """The CRM items of the call, its own entity first, with a title where there is one."""
    main: tuple[str, Any] = (call["CRM_ENTITY_TYPE"], call["CRM_ENTITY_ID"])
    bound = bound_items(call)
    every = dict.fromkeys([main, *bound] if main[0] else bound)
    return [
        {"type": kind, "id": number, "title": title(kind, number), "main": (kind, number) == main}
        for kind, number in every
    ]
