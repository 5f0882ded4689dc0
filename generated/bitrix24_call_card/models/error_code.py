# Generated from the contract by `make generate`: do not edit.
from enum import StrEnum


class ErrorCode(StrEnum):
    """The error codes known so far that this call can meet, and what to do about each."""

    ACCESS_DENIED = "ACCESS_DENIED"
    """With `401`, the portal's plan has no REST API, or the user has never logged in; with `403`,
    the user lacks the rights. Ask the portal's administrator.
    """

    APPLICATION_NOT_FOUND = "APPLICATION_NOT_FOUND"
    """The token is valid, but the application was removed from the portal or is inactive. Install
    it again.
    """

    AUTHORIZATION_ERROR = "authorization_error"
    """The user is dismissed or blocked, or the browser is logged in as another one. Do not retry."""

    CARD_NOT_CONNECTED = "CARD_NOT_CONNECTED"
    """Only from a bridge, never from a portal: the user may or may not be on a call. Ask again
    when a call card with the widget is open.
    """

    CONNECTION_ERROR = "CONNECTION_ERROR"
    """The portal cannot reach its OAuth server. Retry later."""

    ERROR_ARGUMENT = "ERROR_ARGUMENT"
    """A required argument is missing or of the wrong type; `argument` names it. Fix the request."""

    ERROR_CORE = "ERROR_CORE"
    """No call is in progress. Ask again when there is one."""

    ERROR_METHOD_NOT_FOUND = "ERROR_METHOD_NOT_FOUND"
    """The portal has no such method, like every current portal: use the widget. Or the base URL is
    wrong: no user id, or a method after the webhook.
    """

    ERROR_PLACEMENT_NOT_FOUND = "ERROR_PLACEMENT_NOT_FOUND"
    """The command is unknown. Send `getStatus`."""

    ERROR_UNEXPECTED_ANSWER = "ERROR_UNEXPECTED_ANSWER"
    """A server behind the portal gave no usable response. Retry later."""

    EXPIRED_TOKEN = "expired_token"
    """The access token has expired. Refresh it, then retry the call once."""

    INSUFFICIENT_SCOPE = "insufficient_scope"
    """The webhook or the application lacks the scope `telephony`. Add it."""

    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
    """A fault inside the portal. Retry later."""

    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    """A wrong, deleted or blocked webhook. Check its URL, or create another one."""

    INVALID_REQUEST = "INVALID_REQUEST"
    """A webhook over plain http. Use https."""

    INVALID_TOKEN = "invalid_token"
    """The access token was not issued for this portal. Authorize the application again."""

    NO_AUTH_FOUND = "NO_AUTH_FOUND"
    """There are no credentials. Add the webhook to the base URL, or send an access token."""

    OPERATION_TIME_LIMIT = "OPERATION_TIME_LIMIT"
    """The method has used up its time. Retry after the last seen `operating_reset_at`."""

    OVERLOAD_LIMIT = "OVERLOAD_LIMIT"
    """REST is blocked by hand because of overload. Do not retry; ask the support of Bitrix24."""

    PORTAL_DELETED = "PORTAL_DELETED"
    """The portal does not exist any more; a boxed portal may be closed for a while. Do not retry."""

    QUERY_LIMIT_EXCEEDED = "QUERY_LIMIT_EXCEEDED"
    """The leaky bucket is full. Wait half a second or more, then retry."""

    USER_ACCESS_ERROR = "user_access_error"
    """The application is not open to this user. Ask the portal's administrator."""

    WRONG_AUTH_TYPE = "WRONG_AUTH_TYPE"
    """A webhook, where only an application may ask. Use OAuth, or the widget."""

    @property
    def description(self) -> str:
        """What the value means, and what to do about it."""
        return _DESCRIPTIONS[self]

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later, with nothing changed but the time."""
        return self in _RETRYABLE


_DESCRIPTIONS = {
    ErrorCode.ACCESS_DENIED: "With `401`, the portal's plan has no REST API, or the user has never logged in; with `403`, the user lacks the rights. Ask the portal's administrator.",
    ErrorCode.APPLICATION_NOT_FOUND: "The token is valid, but the application was removed from the portal or is inactive. Install it again.",
    ErrorCode.AUTHORIZATION_ERROR: "The user is dismissed or blocked, or the browser is logged in as another one. Do not retry.",
    ErrorCode.CARD_NOT_CONNECTED: "Only from a bridge, never from a portal: the user may or may not be on a call. Ask again when a call card with the widget is open.",
    ErrorCode.CONNECTION_ERROR: "The portal cannot reach its OAuth server. Retry later.",
    ErrorCode.ERROR_ARGUMENT: "A required argument is missing or of the wrong type; `argument` names it. Fix the request.",
    ErrorCode.ERROR_CORE: "No call is in progress. Ask again when there is one.",
    ErrorCode.ERROR_METHOD_NOT_FOUND: "The portal has no such method, like every current portal: use the widget. Or the base URL is wrong: no user id, or a method after the webhook.",
    ErrorCode.ERROR_PLACEMENT_NOT_FOUND: "The command is unknown. Send `getStatus`.",
    ErrorCode.ERROR_UNEXPECTED_ANSWER: "A server behind the portal gave no usable response. Retry later.",
    ErrorCode.EXPIRED_TOKEN: "The access token has expired. Refresh it, then retry the call once.",
    ErrorCode.INSUFFICIENT_SCOPE: "The webhook or the application lacks the scope `telephony`. Add it.",
    ErrorCode.INTERNAL_SERVER_ERROR: "A fault inside the portal. Retry later.",
    ErrorCode.INVALID_CREDENTIALS: "A wrong, deleted or blocked webhook. Check its URL, or create another one.",
    ErrorCode.INVALID_REQUEST: "A webhook over plain http. Use https.",
    ErrorCode.INVALID_TOKEN: "The access token was not issued for this portal. Authorize the application again.",
    ErrorCode.NO_AUTH_FOUND: "There are no credentials. Add the webhook to the base URL, or send an access token.",
    ErrorCode.OPERATION_TIME_LIMIT: "The method has used up its time. Retry after the last seen `operating_reset_at`.",
    ErrorCode.OVERLOAD_LIMIT: "REST is blocked by hand because of overload. Do not retry; ask the support of Bitrix24.",
    ErrorCode.PORTAL_DELETED: "The portal does not exist any more; a boxed portal may be closed for a while. Do not retry.",
    ErrorCode.QUERY_LIMIT_EXCEEDED: "The leaky bucket is full. Wait half a second or more, then retry.",
    ErrorCode.USER_ACCESS_ERROR: "The application is not open to this user. Ask the portal's administrator.",
    ErrorCode.WRONG_AUTH_TYPE: "A webhook, where only an application may ask. Use OAuth, or the widget.",
}

_RETRYABLE = frozenset(
    {
        ErrorCode.CONNECTION_ERROR,
        ErrorCode.ERROR_UNEXPECTED_ANSWER,
        ErrorCode.INTERNAL_SERVER_ERROR,
        ErrorCode.OPERATION_TIME_LIMIT,
        ErrorCode.QUERY_LIMIT_EXCEEDED,
    }
)
