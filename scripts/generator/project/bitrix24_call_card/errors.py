"""Exceptions raised by this package; network errors stay httpx's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ._secrets import masked

if TYPE_CHECKING:
    from .models import ErrorCode, ErrorResponse

_TRANSIENT: Final = (429, 500, 502, 503, 504)


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
    ) -> None:
        super().__init__(status_code, response, content, operating_reset_at)
        self.status_code = status_code
        self.response = response
        self.content = content
        self.operating_reset_at = operating_reset_at

    @property
    def error(self) -> ErrorCode | str:
        """The code: an ``ErrorCode``, or a string if the contract does not list it."""
        return self.response.error

    @property
    def error_description(self) -> str:
        """The portal's description. It is human-readable; do not match on it."""
        return self.response.error_description or ""

    @property
    def retryable(self) -> bool:
        """Whether a later retry may succeed: by the code; for an unknown code, by the status."""
        from .models import ErrorCode

        code = self.error
        return code.retryable if isinstance(code, ErrorCode) else self.status_code in _TRANSIENT

    def __str__(self) -> str:
        """Return what the portal reported, and for a documented code what to do about it."""
        from .models import ErrorCode

        text = f"the portal answered {self.status_code} {masked(self.error)}"
        if self.error_description:
            text += f": {masked(self.error_description)}"
        return f"{text} ({self.error.description})" if isinstance(self.error, ErrorCode) else text


class UnexpectedStatus(Bitrix24Error):
    """The status is not in the contract: often a proxy's or a front server's, not the portal's.

    Redirects are among them, and are never followed: a renamed portal has another host.

    Attributes:
        status_code: The HTTP status.
        content: The raw body.
        redirect_host: The host that a redirect leads to, or None.
    """

    def __init__(self, status_code: int, content: bytes, redirect_host: str | None = None) -> None:
        redirect_host = redirect_host and masked(redirect_host)  # a server may echo anything
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
        return (
            f"status {self.status_code} is not in the contract ({len(self.content)} bytes of body, "
            "see .content); it may come from a server in front of the portal"
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
        reason = masked(reason)  # it may quote what the portal echoed
        super().__init__(reason, status_code, content)
        self.reason = reason
        self.status_code = status_code
        self.content = content

    def __str__(self) -> str:
        if self.status_code is None:
            return self.reason
        return f"the body of a {self.status_code} response is not as documented: {self.reason}"


__all__ = ["ApiError", "Bitrix24Error", "InvalidResponse", "UnexpectedStatus"]
