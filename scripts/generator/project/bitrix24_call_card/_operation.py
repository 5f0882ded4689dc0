"""An operation of the contract: what an API function sends, and how it reads the response."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .errors import ApiError, InvalidResponse
from .types import UNSET, Response, Unset

if TYPE_CHECKING:
    from ._received import Received
    from ._requests import Timeout
    from ._secrets import Secret
    from .client import Client

T = TypeVar("T")
Success = TypeVar("Success")
Error = TypeVar("Error")

Read = Callable[[Mapping[str, Any]], T]
"""Makes a model from a decoded body."""


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[Success, Error]):
    """One fixed request, and the models of its responses.

    Attributes:
        method: The HTTP method.
        path: What follows the base URL.
        fields: The members of the JSON body.
        successes: The documented statuses of success.
        errors: The documented statuses of errors.
        read_success: Makes the model of a success.
        read_error: Makes the model of an error.
    """

    method: str
    path: str
    fields: Mapping[str, Any]
    successes: frozenset[int]
    errors: frozenset[int]
    read_success: Read[Success]
    read_error: Read[Error]

    # --- the four functions of the API ---

    def sync(self, client: Client, timeout: Timeout | Unset) -> Success:
        """Send the request and return the model of a success, or raise the matching error."""
        client = _with_timeout(client, timeout)
        return self._success(client, client.send(self))

    async def asyncio(self, client: Client, timeout: Timeout | Unset) -> Success:
        """Async version of `sync`."""
        client = _with_timeout(client, timeout)
        return self._success(client, await client.asend(self))

    def sync_detailed(self, client: Client, timeout: Timeout | Unset) -> Response[Success | Error]:
        """Send the request and return the whole response, with the model of a success or of an error."""
        return self._response(_with_timeout(client, timeout).send(self))

    async def asyncio_detailed(
        self, client: Client, timeout: Timeout | Unset
    ) -> Response[Success | Error]:
        """Async version of `sync_detailed`."""
        return self._response(await _with_timeout(client, timeout).asend(self))

    # --- the request ---

    def content(self, token: Secret[str] | None) -> bytes:
        """Return the body of the request, with the token in it if there is one."""
        auth = {} if token is None else {"auth": token.reveal()}
        return _encode({**self.fields, **auth}).encode()

    # --- the response ---

    def _success(self, client: Client, received: Received) -> Success:
        if self._is_error(received):
            raise self._api_error(client, received)
        return self._read(received, self.read_success)

    # A function of its own, because the error may echo a secret: no frame of a traceback holds it.
    def _api_error(self, client: Client, received: Received) -> ApiError:
        error: Any = self._read(received, self.read_error)
        content, reset_at = received.content or b"", client.operating_reset_at
        return ApiError(received.status_code, error, content, reset_at, mask=received.mask)

    def _response(self, received: Received) -> Response[Success | Error]:
        read: Read[Any] = self.read_error if self._is_error(received) else self.read_success
        return Response(
            parsed=self._read(received, read),
            status_code=received.status_code,
            content=received.content or b"",
            headers=received.headers,
        )

    def _is_error(self, received: Received) -> bool:
        return received.status_code not in self.successes or received.reports_error()

    def _read(self, received: Received, read: Read[T]) -> T:
        try:
            if (reason := received.problem) is None:
                return read(received.members)
        except InvalidResponse as error:
            reason = received.mask(error.reason)
        # Raised outside `except`, or `__context__` would keep frames that hold the body.
        if received.status_code in self.successes | self.errors:
            raise InvalidResponse(reason, received.status_code, received.content)
        raise received.unexpected_status()


_encode = json.JSONEncoder(separators=(",", ":")).encode


def _with_timeout(client: Client, timeout: Timeout | Unset) -> Client:
    return client if timeout is UNSET else client.with_timeout(timeout)
