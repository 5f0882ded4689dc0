# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from ... import models
from ..._operation import Operation
from ..._requests import Timeout
from ...client import Client
from ...types import UNSET, Response, Unset

# The models are slow to build, so each is imported when the first response is read.
_OPERATION = Operation(
    method="POST",
    path="/placement.call",
    fields={"PLACEMENT": "getStatus", "PARAMS": {}},
    successes=frozenset({200}),
    errors=frozenset({400, 401, 403, 404, 429, 500, 503}),
    read_success=lambda body: models.GetStatusResponse.from_dict(body),
    read_error=lambda body: models.ErrorResponse.from_dict(body),
)


def sync_detailed(
    *, client: Client, timeout: Timeout | Unset = UNSET
) -> Response[models.GetStatusResponse | models.ErrorResponse]:
    """Get the status of the current call

    Returns the call on the screen of the user on whose behalf the request is made: with OAuth
    the user who authorized the application, with a webhook its owner. Since 26.250.100 a
    webhook may belong to a system user, and then acts for another user than its URL names. It
    changes nothing, so it is safe to retry.

    Args:
        client: A `Client` or an `AuthenticatedClient`.
        timeout: Seconds or an httpx.Timeout for this call alone; None for no timeout.

    Raises:
        errors.UnexpectedStatus: The status is not in the contract.
        errors.InvalidResponse: The body is not as documented.
        httpx.HTTPError: There was no response, for example within the client's timeout.
        Exception: Whatever the client's ``refresh`` and ``on_refresh`` raised.

    Returns:
        The whole response; `parsed` is the error's model if the portal reported an error.
    """
    return _OPERATION.sync_detailed(client, timeout)


def sync(*, client: Client, timeout: Timeout | Unset = UNSET) -> models.GetStatusResponse:
    """Get the status of the current call

    Returns the call on the screen of the user on whose behalf the request is made: with OAuth
    the user who authorized the application, with a webhook its owner. Since 26.250.100 a
    webhook may belong to a system user, and then acts for another user than its URL names. It
    changes nothing, so it is safe to retry.

    Args:
        client: A `Client` or an `AuthenticatedClient`.
        timeout: Seconds or an httpx.Timeout for this call alone; None for no timeout.

    Raises:
        errors.ApiError: The portal reported an error.
        errors.UnexpectedStatus: The status is not in the contract.
        errors.InvalidResponse: The body is not as documented.
        httpx.HTTPError: There was no response, for example within the client's timeout.
        Exception: Whatever the client's ``refresh`` and ``on_refresh`` raised.

    Returns:
        The response's model.
    """
    return _OPERATION.sync(client, timeout)


async def asyncio_detailed(
    *, client: Client, timeout: Timeout | Unset = UNSET
) -> Response[models.GetStatusResponse | models.ErrorResponse]:
    """Get the status of the current call

    Returns the call on the screen of the user on whose behalf the request is made: with OAuth
    the user who authorized the application, with a webhook its owner. Since 26.250.100 a
    webhook may belong to a system user, and then acts for another user than its URL names. It
    changes nothing, so it is safe to retry.

    Args:
        client: A `Client` or an `AuthenticatedClient`.
        timeout: Seconds or an httpx.Timeout for this call alone; None for no timeout.

    Raises:
        errors.UnexpectedStatus: The status is not in the contract.
        errors.InvalidResponse: The body is not as documented.
        httpx.HTTPError: There was no response, for example within the client's timeout.
        Exception: Whatever the client's ``refresh`` and ``on_refresh`` raised.

    Returns:
        The whole response; `parsed` is the error's model if the portal reported an error.
    """
    return await _OPERATION.asyncio_detailed(client, timeout)


async def asyncio(*, client: Client, timeout: Timeout | Unset = UNSET) -> models.GetStatusResponse:
    """Get the status of the current call

    Returns the call on the screen of the user on whose behalf the request is made: with OAuth
    the user who authorized the application, with a webhook its owner. Since 26.250.100 a
    webhook may belong to a system user, and then acts for another user than its URL names. It
    changes nothing, so it is safe to retry.

    Args:
        client: A `Client` or an `AuthenticatedClient`.
        timeout: Seconds or an httpx.Timeout for this call alone; None for no timeout.

    Raises:
        errors.ApiError: The portal reported an error.
        errors.UnexpectedStatus: The status is not in the contract.
        errors.InvalidResponse: The body is not as documented.
        httpx.HTTPError: There was no response, for example within the client's timeout.
        Exception: Whatever the client's ``refresh`` and ``on_refresh`` raised.

    Returns:
        The response's model.
    """
    return await _OPERATION.asyncio(client, timeout)
