# Copied from scripts/generator/project/bitrix24_call_card/errors.py by `make generate`: do not edit.
"""What the package raises on its own. Network failures are not among it: they stay httpx's own exceptions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from .models.error_code import ErrorCode
    from .models.error_response import ErrorResponse


_PASSING = (
    "ERROR_UNEXPECTED_ANSWER",
    "INTERNAL_SERVER_ERROR",
    "OPERATION_TIME_LIMIT",
    "QUERY_LIMIT_EXCEEDED",
)


class Bitrix24Error(Exception):
    """The base of everything that this package raises on its own."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class ApiError(Bitrix24Error):
    """The portal answered with an error, be it with the status 200.

    Attributes:
        status_code: The HTTP status.
        response: The answer as a model, with members that only some errors carry.
        content: The answer's raw body.
        operating_reset_at: When the portal gives back a part of the method's time, in Unix seconds, as the
            client last saw it: how long to wait after OPERATION_TIME_LIMIT. None if it never did.
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
        """The code: an ``ErrorCode``, or the text itself if the contract does not list it."""
        return self.response.error

    @property
    def error_description(self) -> str:
        """The portal's words for people. They may change, so do not compare them."""
        return self.response.error_description

    @property
    def retryable(self) -> bool:
        """Whether the same call can succeed later, with nothing changed but the time.

        The code tells, also in an answer with status 200; for a code that is not known, the status.
        """
        if self.error in _PASSING:
            return True
        return self.status_code in (429, 500, 503) and self.error not in (
            "OVERLOAD_LIMIT",
            "PORTAL_DELETED",
        )

    def __str__(self) -> str:
        return f"the portal answered {self.status_code} {self.error}: {self.error_description}"


class UnexpectedStatus(Bitrix24Error):
    """The answer has a status that the contract does not know: often a front server's, not the portal's.

    Attributes:
        status_code: The HTTP status.
        content: The answer's raw body.
    """

    def __init__(self, status_code: int, content: bytes) -> None:
        super().__init__(status_code, content)
        self.status_code = status_code
        self.content = content

    def __str__(self) -> str:
        return (
            f"status {self.status_code} is not in the contract ({len(self.content)} bytes of body, see .content); "
            "it may come from a server in front of the portal"
        )


class InvalidResponse(Bitrix24Error):
    """The status is known, but what came with it is no JSON, or not of the documented shape.

    Attributes:
        reason: What was expected where, without the value that was found.
        status_code: The HTTP status, or None if the value did not come with an answer.
        content: The answer's raw body, or None likewise.
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
        return f"the body of a {self.status_code} answer is not as documented (see .content): {self.reason}"


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def as_object(content: bytes) -> dict[str, Any]:
    """The JSON object that is the body of an answer."""
    try:
        value: object = _decode(content.decode().removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        # Not chained: the decoder's own error carries the whole body.
        raise InvalidResponse("expected JSON") from None
    if not isinstance(value, dict):
        raise InvalidResponse(f"the body: expected an object, found {type(value).__name__}")
    return cast("dict[str, Any]", value)


__all__ = ["ApiError", "Bitrix24Error", "InvalidResponse", "UnexpectedStatus"]
