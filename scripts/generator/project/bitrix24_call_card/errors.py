"""Exceptions raised by this package; network errors stay httpx's.

Bitrix24Error
├── ApiError            the portal reported an error
├── UnexpectedStatus    a status outside the contract, often a proxy's
├── InvalidResponse     not JSON, of the wrong shape, or too large
├── RefreshError        another caller's refresh was interrupted, or took too long
├── widget.InvalidOpening
└── events.InvalidEvent

httpx.HTTPError
└── httpx.TransportError    there was no response; see `retryable`
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from .models import ErrorCode, ErrorResponse

_TRANSIENT: Final = (429, 500, 502, 503, 504)
_PERMANENT: Final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


class Bitrix24Error(Exception):
    """The base of the exceptions defined here."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class ApiError(Bitrix24Error):
    """The portal reported an error, even with status 200.

    Attributes:
        status_code: The HTTP status.
        response: The error's model, with members that only some errors have.
        content: The raw body.
        operating_reset_at: Unix time in seconds when operating time is next restored, as last
            reported to the client: how long to wait after OPERATION_TIME_LIMIT. None if it was
            never reported.
    """

    def __init__(
        self,
        status_code: int,
        response: ErrorResponse,
        content: bytes,
        operating_reset_at: int | None = None,
        *,
        mask: Callable[[str], str] = str,
    ) -> None:
        super().__init__(status_code, response, content, operating_reset_at)
        self.status_code = status_code
        self.response = response
        self.content = content
        self.operating_reset_at = operating_reset_at
        # Made now: what the portal echoed can be masked only as long as the client's secrets are there.
        self._message = mask(f"the portal answered {status_code} {self.error}".rstrip())
        if self.error_description:
            self._message += f": {mask(self.error_description)}"
        if advice := getattr(self.error, "description", None):
            self._message += f" ({advice})"

    @property
    def error(self) -> ErrorCode | str:
        """The code: an ``ErrorCode``, or a string if the contract does not list it; may be empty."""
        return self.response.error

    @property
    def error_description(self) -> str:
        """The portal's description. It is human-readable; do not match on it."""
        return self.response.error_description or ""

    @property
    def retryable(self) -> bool:
        """Whether a later retry may succeed: by the code; for an unknown code, by the status."""
        return bool(getattr(self.error, "retryable", self.status_code in _TRANSIENT))

    def __str__(self) -> str:
        return self._message


class UnexpectedStatus(Bitrix24Error):
    """The status is not in the contract: often a reverse proxy's, not the portal's.

    Redirects are among them, and are never followed: a renamed portal has another host.

    Attributes:
        status_code: The HTTP status.
        content: The raw body, or None if it was not read to its end.
        redirect_host: The host that a redirect leads to, or None.
    """

    def __init__(
        self, status_code: int, content: bytes | None, redirect_host: str | None = None
    ) -> None:
        super().__init__(status_code, content, redirect_host)
        self.status_code = status_code
        self.content = content
        self.redirect_host = redirect_host

    def __str__(self) -> str:
        if self.redirect_host is not None:
            return (
                f"status {self.status_code} redirects to {self.redirect_host}, and redirects are "
                "not followed; if the portal was renamed, use its new base URL"
            )
        size = None if self.content is None else len(self.content)
        body = "its body was not read" if size is None else f"{size} bytes of body, see .content"
        return (
            f"status {self.status_code} is not in the contract ({body}); "
            "it may come from a server in front of the portal"
        )


class InvalidResponse(Bitrix24Error):
    """The status is documented, but the body is not JSON, or of the wrong shape, or too large.

    Attributes:
        reason: What was expected and where, never a secret.
        status_code: The HTTP status, or None if the value did not come with a response.
        content: The raw body, or None if there is none or it was not read to its end.
    """

    def __init__(
        self, reason: str, status_code: int | None = None, content: bytes | None = None
    ) -> None:
        super().__init__(reason, status_code, content)
        self.reason = reason
        self.status_code = status_code
        self.content = content

    def __str__(self) -> str:
        if self.status_code is None:
            return self.reason
        return f"the body of a {self.status_code} response is not as documented: {self.reason}"


class RefreshError(Bitrix24Error):
    """The refresh of the token was interrupted where it ran, or took longer than ``refresh_timeout``."""


def retryable(error: BaseException) -> bool:
    """Return whether a later retry of the call that raised this exception may succeed.

    An ``ApiError`` knows by its code. Of other responses the status decides. A network error may pass,
    except for a certificate that is not trusted and a request that cannot be sent at all.
    """
    if isinstance(error, ApiError):
        return error.retryable
    if isinstance(error, RefreshError):
        return True
    if isinstance(error, (UnexpectedStatus, InvalidResponse)):
        return error.status_code in _TRANSIENT
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return False
    return isinstance(error, httpx.TransportError) and not isinstance(error, _PERMANENT)
