"""An operation of the contract: what an API function sends, and how it reads the response."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import models
from .errors import ApiError, InvalidResponse
from .types import Response

if TYPE_CHECKING:
    from ._received import Received
    from ._secrets import Secret
    from .client import Client

Success = TypeVar("Success")


class Operation(Generic[Success]):
    """One request, which has one spelling, and the models of its responses.

    Args:
        method: The HTTP method.
        path: What follows the base URL.
        fields: The members of the JSON body.
        successes: The documented statuses of success.
        errors: The documented statuses of errors.
        read_success: Makes the model of a success from a decoded body.
        read_error: Makes the model of an error from a decoded body.
    """

    def __init__(
        self,
        *,
        method: str,
        path: str,
        fields: Mapping[str, Any],
        successes: frozenset[int],
        errors: frozenset[int],
        read_success: Callable[[Mapping[str, Any]], Success],
        read_error: Callable[[Mapping[str, Any]], models.ErrorResponse],
    ) -> None:
        self.method = method
        self.path = path
        self._fields = fields
        self._content = _encoded(fields)
        self._successes = successes
        self._documented = successes | errors
        self._read_success = read_success
        self._read_error = read_error

    def content(self, token: Secret[str] | None) -> bytes:
        """Return the body of the request, with the token in it if there is one."""
        if token is None:
            return self._content
        return _encoded({**self._fields, "auth": token.reveal()})

    def success(self, client: Client, received: Received) -> Success:
        """Return the model of a success, or raise what the response is instead."""
        parsed = self._read(client, received)
        if isinstance(parsed, models.ErrorResponse):
            error = ApiError(
                received.status_code, parsed, received.content, client.operating_reset_at
            )
            del parsed  # it may echo a secret, and a traceback may show it
            raise error
        return parsed

    def response(
        self, client: Client, received: Received
    ) -> Response[Success | models.ErrorResponse]:
        """Return the whole response, with the model of a success or of an error."""
        return Response(
            parsed=self._read(client, received),
            status_code=_known_status(received.status_code),
            content=received.content,
            headers=received.headers,
        )

    def _read(self, client: Client, received: Received) -> Success | models.ErrorResponse:
        try:
            parsed = self._parse(received)
        except InvalidResponse as error:
            reason = error.reason
        else:
            time = getattr(parsed, "time", None)
            client.operating_reset_at = (
                getattr(time, "operating_reset_at", None) or client.operating_reset_at
            )
            return parsed
        # Not in the handler: the exception would keep frames that hold the body.
        if received.status_code in self._documented:
            raise received.invalid(reason)
        raise received.unexpected()

    def _parse(self, received: Received) -> Success | models.ErrorResponse:
        from ._reading import has_error  # imported with the models, when they are first needed

        body = received.json_object()
        # A portal also reports errors with a status of success, or with one that is not documented;
        # what PHP writes for "no error" is false in each spelling.
        if has_error(body) or received.status_code not in self._successes:
            return self._read_error(body)
        return self._read_success(body)


_encode = json.JSONEncoder(separators=(",", ":")).encode


def _encoded(fields: Mapping[str, Any]) -> bytes:
    return _encode(fields).encode()


def _known_status(code: int) -> HTTPStatus | int:
    try:
        return HTTPStatus(code)
    except ValueError:  # such as 520, which some front servers use
        return code
