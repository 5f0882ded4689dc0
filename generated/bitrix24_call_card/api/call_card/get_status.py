# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from ... import models
from ..._operation import Operation
from ...client import AuthenticatedClient, Client
from ...types import Response

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
    *, client: AuthenticatedClient | Client
) -> Response[models.GetStatusResponse | models.ErrorResponse]:
    """Get the status of the current call

    Returns the call on the screen of the user on whose behalf the request is made: with a
    webhook its owner, with OAuth the user who authorized the application. It changes nothing,
    so it is safe to retry.

    Raises:
        errors.UnexpectedStatus: The status is not in the contract.
        errors.InvalidResponse: The body is not as documented.
        httpx.HTTPError: There was no response, for example within the client's timeout.
        Exception: Whatever the client's ``refresh`` and ``on_refresh`` raised.

    Returns:
        The whole response; `parsed` is the error's model if the portal reported an error.
    """
    return _OPERATION.response(client, client.send(_OPERATION))


def sync(*, client: AuthenticatedClient | Client) -> models.GetStatusResponse:
    """Get the status of the current call

    Returns the call on the screen of the user on whose behalf the request is made: with a
    webhook its owner, with OAuth the user who authorized the application. It changes nothing,
    so it is safe to retry.

    Raises:
        errors.ApiError: The portal reported an error.
        errors.UnexpectedStatus: The status is not in the contract.
        errors.InvalidResponse: The body is not as documented.
        httpx.HTTPError: There was no response, for example within the client's timeout.
        Exception: Whatever the client's ``refresh`` and ``on_refresh`` raised.

    Returns:
        The response's model.
    """
    return _OPERATION.success(client, client.send(_OPERATION))


async def asyncio_detailed(
    *, client: AuthenticatedClient | Client
) -> Response[models.GetStatusResponse | models.ErrorResponse]:
    """Get the status of the current call

    Returns the call on the screen of the user on whose behalf the request is made: with a
    webhook its owner, with OAuth the user who authorized the application. It changes nothing,
    so it is safe to retry.

    Raises:
        errors.UnexpectedStatus: The status is not in the contract.
        errors.InvalidResponse: The body is not as documented.
        httpx.HTTPError: There was no response, for example within the client's timeout.
        Exception: Whatever the client's ``refresh`` and ``on_refresh`` raised.

    Returns:
        The whole response; `parsed` is the error's model if the portal reported an error.
    """
    return _OPERATION.response(client, await client.asend(_OPERATION))


async def asyncio(*, client: AuthenticatedClient | Client) -> models.GetStatusResponse:
    """Get the status of the current call

    Returns the call on the screen of the user on whose behalf the request is made: with a
    webhook its owner, with OAuth the user who authorized the application. It changes nothing,
    so it is safe to retry.

    Raises:
        errors.ApiError: The portal reported an error.
        errors.UnexpectedStatus: The status is not in the contract.
        errors.InvalidResponse: The body is not as documented.
        httpx.HTTPError: There was no response, for example within the client's timeout.
        Exception: Whatever the client's ``refresh`` and ``on_refresh`` raised.

    Returns:
        The response's model.
    """
    return _OPERATION.success(client, await client.asend(_OPERATION))
