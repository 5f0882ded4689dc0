"""Unusual calls that a portal may show."""

from typing import Any

_BARE = {
    "CALL_ID": "externalCall.1",
    "CRM_ENTITY_TYPE": "",
    "CRM_ENTITY_ID": 0,
    "CRM_BINDINGS": [],
    "CALL_DIRECTION": "outgoing",
    "CALL_LIST_MODE": True,
}
CALLS: dict[str, dict[str, Any]] = {
    "with an unknown client": _BARE,
    "without an activity yet": {**_BARE, "CRM_ACTIVITY_ID": ""},
    "with a hidden number": {**_BARE, "PHONE_NUMBER": "hidden", "LINE_NAME": ""},
    "with a name in other scripts": {**_BARE, "LINE_NAME": "Приёмная ☎"},
    "with a number unknown to the CRM": {
        **_BARE,
        "CALL_ID": "",
        "CRM_ENTITY_TYPE": False,
        "CRM_ENTITY_ID": False,
    },
    "with ids as text": {
        **_BARE,
        "CRM_ENTITY_TYPE": "DEAL",
        "CRM_ENTITY_ID": "17",
        "CRM_ACTIVITY_ID": "2024",
        "CRM_BINDINGS": [{"ENTITY_TYPE": "DYNAMIC_1032", "ENTITY_ID": "230"}],
    },
    "without the CRM": {**_BARE, "CRM_BINDINGS": [{"OWNER_TYPE_ID": 3, "OWNER_ID": 17}]},
    "with fifty bindings": {
        **_BARE,
        "CRM_BINDINGS": [{"ENTITY_TYPE": "LEAD", "ENTITY_ID": number} for number in range(50)],
    },
    "with unlisted values": {
        **_BARE,
        "CRM_ENTITY_TYPE": "SMART_INVOICE",
        "CRM_ENTITY_ID": 2**63 - 1,
        "CRM_BINDINGS": [{"ENTITY_TYPE": "QUOTE", "ENTITY_ID": 1}],
        "CALL_DIRECTION": "conference",
        "CALL_STATE": "on_hold",
    },
    "with unlisted fields": {
        **_BARE,
        "CALL_TAGS": ["vip"],
        "CRM_BINDINGS": [{"ENTITY_TYPE": "DEAL", "ENTITY_ID": 1, "TITLE": "Roof"}],
    },
}
