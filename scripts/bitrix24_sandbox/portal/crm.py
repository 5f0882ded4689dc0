"""The portal's CRM items: those that scenarios are bound to, and a few more to bind a call to.

Each has the fields by which a widget identifies a caller, of the types that `crm.*.get` returns:
ids, amounts and flags are strings.
"""

from typing import Any

from .authentication import USER_ID

Item = dict[str, Any]


def _common(item_id: int) -> Item:
    user = dict.fromkeys(("ASSIGNED_BY_ID", "CREATED_BY_ID", "MODIFY_BY_ID"), USER_ID)
    dates = dict.fromkeys(("DATE_CREATE", "DATE_MODIFY"), "2026-01-12T09:30:00+00:00")
    return {"ID": str(item_id), **user, **dates, "OPENED": "Y"}


def _reached_at(phone: str | None) -> Item:
    flags = {"HAS_PHONE": "Y" if phone else "N", "HAS_EMAIL": "N", "HAS_IMOL": "N"}
    if phone is None:
        return flags
    row = {"ID": phone[-3:], "VALUE_TYPE": "WORK", "VALUE": phone, "TYPE_ID": "PHONE"}
    return {**flags, "PHONE": [row]}


def _contact(item_id: int, name: str, last_name: str, phone: str, company_id: int) -> Item:
    return {
        **_common(item_id),
        "NAME": name,
        "SECOND_NAME": None,
        "LAST_NAME": last_name,
        "POST": None,
        "TYPE_ID": "CLIENT",
        "SOURCE_ID": "CALL",
        "COMPANY_ID": str(company_id),
        "COMMENTS": None,
        **_reached_at(phone),
    }


def _company(item_id: int, title: str, phone: str | None = None) -> Item:
    return {
        **_common(item_id),
        "TITLE": title,
        "COMPANY_TYPE": "CUSTOMER",
        "INDUSTRY": "OTHER",
        "COMMENTS": None,
        **_reached_at(phone),
    }


def _lead(item_id: int, title: str, phone: str) -> Item:
    return {
        **_common(item_id),
        "TITLE": title,
        "NAME": None,
        "LAST_NAME": None,
        "COMPANY_ID": None,
        "CONTACT_ID": None,
        "STATUS_ID": "NEW",
        "STATUS_SEMANTIC_ID": "P",
        "SOURCE_ID": "CALL",
        "CURRENCY_ID": "USD",
        "OPPORTUNITY": "0.00",
        **_reached_at(phone),
    }


def _deal(item_id: int, title: str, contact_id: int, company_id: int) -> Item:
    return {
        **_common(item_id),
        "TITLE": title,
        "TYPE_ID": "SALE",
        "CATEGORY_ID": "0",
        "STAGE_ID": "NEW",
        "STAGE_SEMANTIC_ID": "P",
        "CURRENCY_ID": "USD",
        "OPPORTUNITY": "2400.00",
        "CONTACT_ID": str(contact_id),
        "COMPANY_ID": str(company_id),
        "CLOSED": "N",
        "COMMENTS": None,
    }


ITEMS: dict[tuple[str, int], Item] = {
    ("CONTACT", 17): _contact(17, "Nora", "Whitfield", "+12025550142", 5),
    ("CONTACT", 23): _contact(23, "Tomasz", "Zieliński", "+12025550163", 8),
    ("COMPANY", 5): _company(5, "Whitfield & Daughters"),
    ("COMPANY", 8): _company(8, "Harbour Lane Joinery", "+12025550118"),
    ("LEAD", 52): _lead(52, "Enquiry: two roof windows", "+12025550187"),
    ("DEAL", 83): _deal(83, "Oak staircase, second visit", 17, 5),
    ("DEAL", 314): _deal(314, "Workshop doors, offer", 23, 8),
}


def title(entity_type: str, entity_id: Any) -> str | None:
    """Return an item's title, or a person's name; None if there is no such item."""
    item = ITEMS.get((entity_type, entity_id))
    if item is None:
        return None
    return item.get("TITLE") or f"{item['NAME']} {item['LAST_NAME']}"


def with_number(phone_number: str) -> list[tuple[str, int]]:
    """Find the items with this phone number, with or without a plus sign."""
    number = phone_number.lstrip("+")
    return [
        key
        for key, item in ITEMS.items()
        if any(row["VALUE"].lstrip("+") == number for row in item.get("PHONE", ()))
    ]
