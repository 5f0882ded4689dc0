"""The portal's errors: every code, the status it comes with and what it says."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Documented(NamedTuple):
    """What the portal's documentation says of one error code."""

    status: int
    description: str
    members: Mapping[str, str] = {}


DOCUMENTED = {
    "INVALID_REQUEST": Documented(400, "Https required"),
    "ERROR_ARGUMENT": Documented(
        400, "Argument 'PLACEMENT' is null or empty", {"argument": "PLACEMENT"}
    ),
    "ERROR_PLACEMENT_NOT_FOUND": Documented(400, "Placement not found"),
    "ERROR_CORE": Documented(400, "Call is not found"),
    "NO_AUTH_FOUND": Documented(401, "Wrong authorization data"),
    "invalid_token": Documented(401, "Unable to get application by token"),
    "expired_token": Documented(401, "The access token provided has expired."),
    "WRONG_AUTH_TYPE": Documented(
        403,
        "Current authorization type is denied for this method Application context required",
    ),
    "insufficient_scope": Documented(
        403, "The request requires higher privileges than provided by the webhook token"
    ),
    "INVALID_CREDENTIALS": Documented(403, "Invalid request credentials"),
    "ACCESS_DENIED": Documented(403, "REST API is available only on commercial plans"),
    "user_access_error": Documented(403, "The user does not have access to the application."),
    "ERROR_METHOD_NOT_FOUND": Documented(404, "Method not found!"),
    "OPERATION_TIME_LIMIT": Documented(429, "Method is blocked due to operation time limit."),
    "INTERNAL_SERVER_ERROR": Documented(500, "Internal server error"),
    "ERROR_UNEXPECTED_ANSWER": Documented(500, "Unexpected answer of the server"),
    "PORTAL_DELETED": Documented(500, "The portal has been deleted"),
    "QUERY_LIMIT_EXCEEDED": Documented(503, "Too many requests"),
    "OVERLOAD_LIMIT": Documented(503, "REST API is blocked due to overload"),
}
"""The errors that `placement.call` can meet."""

BATCH = {
    "ERROR_BATCH_LENGTH_EXCEEDED": Documented(400, "Max batch length exceeded"),
    "ERROR_BATCH_METHOD_NOT_ALLOWED": Documented(405, "Method is not allowed for batch usage"),
}

# The documentation gives no statuses for these: they are those that the official Python SDK knows.
OAUTH = {
    "invalid_request": Documented(400, "The request is incomplete or malformed"),
    "invalid_client": Documented(400, "The client_id or the client_secret is wrong"),
    "invalid_grant": Documented(400, "The refresh token is unknown or spent"),
    "invalid_scope": Documented(403, "The requested scope exceeds that of the application"),
    "PAYMENT_REQUIRED": Documented(401, "The subscription has ended"),
}
"""The errors of the OAuth server."""

# The sandbox's own: a real portal hardly looks at the HTTP method, and has other pages.
_OTHERS = {
    "METHOD_NOT_ALLOWED": Documented(405, "This HTTP method is not allowed here"),
    "NOT_FOUND": Documented(404, "There is nothing at this address; the start page is /"),
}

_ALL = DOCUMENTED | BATCH | OAUTH | _OTHERS


class PortalError(Exception):
    """The portal refuses a request; `code` is one of the codes above."""

    def __init__(self, code: str, description: str | None = None, **members: str) -> None:
        super().__init__(code)
        documented = _ALL[code]
        self.status = documented.status
        self.envelope: dict[str, Any] = {
            "error": code,
            "error_description": description or documented.description,
            **(members or documented.members),
        }


def bad_argument(name: str, description: str) -> PortalError:
    """Make the error that names an argument which is missing or of the wrong type."""
    return PortalError("ERROR_ARGUMENT", description, argument=name)
