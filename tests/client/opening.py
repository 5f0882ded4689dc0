"""What a portal sends to a widget: the form that opens it, and the page's first message."""

import json
from typing import Any

from tests.data import CALL

OPTIONS: dict[str, Any] = {
    **CALL,
    "CRM_ENTITY_ID": "17",
    "CRM_ACTIVITY_ID": "2024",
    "CRM_BINDINGS": [
        {**binding, "ENTITY_ID": str(binding["ENTITY_ID"])} for binding in CALL["CRM_BINDINGS"]
    ],
    "CALL_LIST_MODE": "false",
}
"""The call as PLACEMENT_OPTIONS in the form represents it."""

QUERY = {
    "DOMAIN": "portal.example:8443",
    "PROTOCOL": "1",
    "LANG": "en",
    "APP_SID": "0123456789abcdef0123456789abcdef",
}
OLDER_FORM = {
    "AUTH_ID": "madeupaccesstoken",
    "AUTH_EXPIRES": "3600",
    "REFRESH_ID": "madeuprefreshtoken",
    "member_id": "fedcba9876543210fedcba9876543210",
    "status": "L",
    "PLACEMENT": "CALL_CARD",
    "PLACEMENT_OPTIONS": json.dumps(OPTIONS),
}
FORM = {
    **OLDER_FORM,
    "SERVER_ENDPOINT": "https://oauth.bitrix.info/rest/",
    "APPLICATION_TOKEN": "madeupapplicationtoken",
    "APPLICATION_SCOPE": "telephony,placement",
}

INIT_DATA: dict[str, Any] = {
    "LANG": "en",
    "DOMAIN": "portal.example",
    "PATH": "/rest",
    "PLACEMENT": "CALL_CARD",
    "PROTOCOL": 1,
    "AUTH_ID": "madeupaccesstoken",
    "REFRESH_ID": "madeuprefreshtoken",
    "MEMBER_ID": "fedcba9876543210fedcba9876543210",
    "AUTH_EXPIRES": "3600",
    "FIRST_RUN": False,
    "IS_ADMIN": False,
    "INSTALL": False,
    "USER_OPTIONS": {"theme": "dark"},
    "APP_OPTIONS": [],
    "PLACEMENT_OPTIONS": OPTIONS,
}
