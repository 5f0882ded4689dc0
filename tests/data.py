"""What is known of portals' responses; contract, client and sandbox are checked against it."""

from typing import Any, NamedTuple


class Error(NamedTuple):
    """A known error."""

    code: str
    statuses: tuple[int, ...]
    """The status on current portals, then that of older documentation if it differs."""
    description: str | None
    """None if no source has it."""


ERRORS = [
    Error("INVALID_REQUEST", (401, 400), "Https required."),
    Error("ERROR_ARGUMENT", (400,), "Argument 'PLACEMENT' is null or empty"),
    Error("ERROR_PLACEMENT_NOT_FOUND", (400,), "Placement not found"),
    Error("ERROR_CORE", (400,), "Call is not found"),
    Error("NO_AUTH_FOUND", (401,), "Wrong authorization data"),
    Error("INVALID_CREDENTIALS", (401, 403), "Invalid request credentials"),
    Error("invalid_token", (401,), "Unable to get application by token"),
    Error("expired_token", (401,), "The access token provided has expired."),
    Error("CONNECTION_ERROR", (401,), "Error connecting to authorization server"),
    Error("APPLICATION_NOT_FOUND", (401,), "Application not found"),
    Error("authorization_error", (401,), "Unable to authorize user"),
    Error(
        "WRONG_AUTH_TYPE",
        (403,),
        "Current authorization type is denied for this method Application context required",
    ),
    Error(
        "insufficient_scope",
        (401, 403),
        "The request requires higher privileges than provided by the webhook token",
    ),
    Error("ACCESS_DENIED", (401, 403), "REST is available only by subscription."),
    Error("user_access_error", (401, 403), "The user does not have access to the application."),
    Error("ERROR_METHOD_NOT_FOUND", (404,), "Method not found!"),
    Error("OPERATION_TIME_LIMIT", (429,), "Method is blocked due to operation time limit."),
    Error("INTERNAL_SERVER_ERROR", (500,), None),
    Error("ERROR_UNEXPECTED_ANSWER", (500,), None),
    Error("PORTAL_DELETED", (403, 500), None),
    Error("QUERY_LIMIT_EXCEEDED", (503,), "Too many requests"),
    Error("OVERLOAD_LIMIT", (401, 503), "REST API is blocked due to overload."),
]

CARD_NOT_CONNECTED = Error(
    "CARD_NOT_CONNECTED", (400,), "No card of this user is connected, so nothing is known."
)
"""The error that only a bridge reports, never a portal."""

TODAY = {error.code: error.statuses[0] for error in ERRORS}
"""The status of each error on current portals, by code."""

CALL: dict[str, Any] = {
    "CALL_ID": "externalCall.c3ee67f1a63f6e6117c230ab59cc49ea.1723556778",
    "PHONE_NUMBER": "+12025550142",
    "LINE_NUMBER": "+12025550100",
    "LINE_NAME": "Main office",
    "CRM_ENTITY_TYPE": "CONTACT",
    "CRM_ENTITY_ID": 17,
    "CRM_ACTIVITY_ID": 2024,
    "CRM_BINDINGS": [
        {"ENTITY_TYPE": "CONTACT", "ENTITY_ID": 17},
        {"ENTITY_TYPE": "COMPANY", "ENTITY_ID": 5},
        {"ENTITY_TYPE": "DEAL", "ENTITY_ID": 83},
    ],
    "CALL_DIRECTION": "incoming",
    "CALL_STATE": "connected",
    "CALL_LIST_MODE": False,
}
"""A call with every known field, the one that a sandbox starts with. Do not change it in place."""

GET_STATUS: dict[str, Any] = {"PLACEMENT": "getStatus", "PARAMS": {}}
"""The fields of a request for the call."""

REFRESH = {
    "grant_type": "refresh_token",
    "client_id": "sandboxclientid",
    "client_secret": "sandboxclientsecret",
    "refresh_token": "sandboxrefreshtoken",
}
"""The fields of a request that refreshes the token of a sandbox's start."""
