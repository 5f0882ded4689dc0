"""The portal's errors: every code with its status and description."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Known(NamedTuple):
    """An error as current portals report it."""

    status: int
    description: str
    members: Mapping[str, str] = {}


CALL_ERRORS = {
    "INVALID_REQUEST": Known(401, "Https required."),
    "ERROR_ARGUMENT": Known(
        400, "Argument 'PLACEMENT' is null or empty", {"argument": "PLACEMENT"}
    ),
    "ERROR_PLACEMENT_NOT_FOUND": Known(400, "Placement not found"),
    "ERROR_CORE": Known(400, "Call is not found"),
    "NO_AUTH_FOUND": Known(401, "Wrong authorization data"),
    "INVALID_CREDENTIALS": Known(401, "Invalid request credentials"),
    "invalid_token": Known(401, "Unable to get application by token"),
    "expired_token": Known(401, "The access token provided has expired."),
    "CONNECTION_ERROR": Known(401, "Error connecting to authorization server"),
    "APPLICATION_NOT_FOUND": Known(401, "Application not found"),
    "authorization_error": Known(401, "Unable to authorize user"),
    "WRONG_AUTH_TYPE": Known(
        403,
        "Current authorization type is denied for this method Application context required",
    ),
    "insufficient_scope": Known(
        401, "The request requires higher privileges than provided by the webhook token"
    ),
    "ACCESS_DENIED": Known(401, "REST is available only by subscription."),
    "user_access_error": Known(401, "The user does not have access to the application."),
    "ERROR_METHOD_NOT_FOUND": Known(404, "Method not found!"),
    "OPERATION_TIME_LIMIT": Known(429, "Method is blocked due to operation time limit."),
    "INTERNAL_SERVER_ERROR": Known(500, "Internal server error"),
    "ERROR_UNEXPECTED_ANSWER": Known(500, "Server returned an unexpected response"),
    "PORTAL_DELETED": Known(403, "Portal was deleted"),
    "QUERY_LIMIT_EXCEEDED": Known(503, "Too many requests"),
    "OVERLOAD_LIMIT": Known(401, "REST API is blocked due to overload."),
}
"""The errors of `placement.call`. Older documentation has another status for some; a fault sets it
with `"status"`."""

BY_TOKEN = {
    "insufficient_scope": "The request requires higher privileges than provided by the access "
    "token",
    "ACCESS_DENIED": "REST is available only on commercial plans.",
}
"""The descriptions that differ for a request with an access token."""

METHOD_ERRORS = {
    "": Known(400, "Not found"),
    "ERROR_EVENT_NOT_FOUND": Known(400, "Event not found"),
    "ERROR_PLACEMENT_USER_MODE": Known(400, "User mode is not available."),
    "ERROR_UNSUPPORTED_PROTOCOL": Known(400, "Unsupported handler protocol"),
    "ERROR_WRONG_HANDLER_URL": Known(400, "Wrong handler URL"),
    "INVALID_ARGUMENT": Known(400, "CALL_ID must be a string"),
}
"""The further errors of the other methods; a missing item has an empty code."""

# These are in a batch's `result_error`; the batch itself has status 200.
BATCH_ERRORS = {
    "ERROR_BATCH_LENGTH_EXCEEDED": Known(200, "Max batch length exceeded"),
    "ERROR_BATCH_METHOD_NOT_ALLOWED": Known(200, "Method is not allowed for batch usage"),
}

# Documentation has no statuses for these: they are those of the official Python SDK.
OAUTH_ERRORS = {
    "invalid_request": Known(400, "The request is incomplete or malformed"),
    "invalid_client": Known(400, "The client_id or the client_secret is wrong"),
    "wrong_client": Known(200, "Wrong client"),
    "invalid_grant": Known(400, "The code or the refresh token is unknown, expired or spent"),
    "invalid_scope": Known(403, "The requested scope exceeds that of the application"),
    "PAYMENT_REQUIRED": Known(401, "The subscription has ended"),
}
"""The errors of the OAuth server."""

# Not errors of a portal: what its reverse proxy would refuse, other pages, other HTTP methods.
_OTHERS = {
    "MALFORMED_HTTP": Known(400, "This is not HTTP"),
    "BODY_TOO_LARGE": Known(413, "The body is larger than 8388608 bytes"),
    "METHOD_NOT_ALLOWED": Known(405, "This HTTP method is not allowed here"),
    "NOT_FOUND": Known(404, "There is nothing at this address; the start page is /"),
}

_ALL = CALL_ERRORS | METHOD_ERRORS | BATCH_ERRORS | OAUTH_ERRORS | _OTHERS


class PortalError(Exception):
    """The portal refuses a request; `code` is one of the codes above.

    `status`: for a method that reports the error with an unusual status.
    """

    def __init__(
        self,
        code: str,
        description: str | None = None,
        *,
        status: int | None = None,
        **members: str,
    ) -> None:
        super().__init__(code)
        known = _ALL[code]
        self.status = status or known.status
        self.envelope: dict[str, Any] = {
            "error": code,
            "error_description": known.description if description is None else description,
            **(known.members if description is None else members),
        }


def bad_argument(name: str, description: str) -> PortalError:
    """Make the error for an argument that is missing or of the wrong type."""
    return PortalError("ERROR_ARGUMENT", description, argument=name)
