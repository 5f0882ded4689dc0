# Generated from the contract by `make generate`: do not edit.
from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client, Operation

# Models take longer to build than all else here, so they are imported by the first call.
if TYPE_CHECKING:
    from ...models.error_response import ErrorResponse
    from ...models.get_status_response import GetStatusResponse
    from ...types import Response

_OPERATION = Operation(
    method="POST",
    path="/placement.call",
    body=b'{"PLACEMENT":"getStatus","PARAMS":{}}',
)


def _parse_response(client: Client, response: httpx.Response) -> GetStatusResponse | ErrorResponse:
    from ...models.error_response import ErrorResponse
    from ...models.get_status_response import GetStatusResponse

    status_code, content = response.status_code, response.content
    try:
        if status_code in {200}:
            body = errors.as_object(content)
            if "error" in body:  # a portal also reports errors with a status of success
                return ErrorResponse.from_dict(body)
            parsed = GetStatusResponse.from_dict(body)
            client.operating_reset_at = parsed.time.operating_reset_at or client.operating_reset_at
            return parsed
        if status_code in {400, 401, 403, 404, 429, 500, 503}:
            return ErrorResponse.from_dict(errors.as_object(content))
    except errors.InvalidResponse as error:
        raise errors.InvalidResponse(error.reason, status_code, content) from None
    raise errors.UnexpectedStatus(status_code, content)


def _build_response(
    client: Client, response: httpx.Response
) -> Response[GetStatusResponse | ErrorResponse]:
    from ...types import Response

    return Response(
        parsed=_parse_response(client, response),
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
    )


def _success(client: Client, response: httpx.Response) -> GetStatusResponse:
    from ...models.error_response import ErrorResponse

    parsed = _parse_response(client, response)
    if isinstance(parsed, ErrorResponse):
        raise errors.ApiError(
            response.status_code, parsed, response.content, client.operating_reset_at
        )
    return parsed


def sync_detailed(
    *, client: AuthenticatedClient | Client
) -> Response[GetStatusResponse | ErrorResponse]:
    """Get the status of the current call

    Gives the call that the user on whose behalf the request is made has on the screen: over a webhook
    the webhook's owner, over OAuth the user who authorized the application. It changes nothing, so
    repeating it is safe.

    Raises:
        errors.UnexpectedStatus: The answer's status is not in the contract.
        errors.InvalidResponse: The answer's body is not as documented.
        httpx.HTTPError: There was no answer, for example within the client's timeout.
        Exception: Whatever the client's ``refresh`` raised when the token had expired.

    Returns:
        The whole response; `parsed` is the error's model if the portal answered with an error.
    """
    return _build_response(client, client.send(_OPERATION))


def sync(*, client: AuthenticatedClient | Client) -> GetStatusResponse:
    """Get the status of the current call

    Gives the call that the user on whose behalf the request is made has on the screen: over a webhook
    the webhook's owner, over OAuth the user who authorized the application. It changes nothing, so
    repeating it is safe.

    Raises:
        errors.ApiError: The portal answered with an error.
        errors.UnexpectedStatus: The answer's status is not in the contract.
        errors.InvalidResponse: The answer's body is not as documented.
        httpx.HTTPError: There was no answer, for example within the client's timeout.
        Exception: Whatever the client's ``refresh`` raised when the token had expired.

    Returns:
        The answer's model.
    """
    return _success(client, client.send(_OPERATION))


async def asyncio_detailed(
    *, client: AuthenticatedClient | Client
) -> Response[GetStatusResponse | ErrorResponse]:
    """Get the status of the current call

    Gives the call that the user on whose behalf the request is made has on the screen: over a webhook
    the webhook's owner, over OAuth the user who authorized the application. It changes nothing, so
    repeating it is safe.

    Raises:
        errors.UnexpectedStatus: The answer's status is not in the contract.
        errors.InvalidResponse: The answer's body is not as documented.
        httpx.HTTPError: There was no answer, for example within the client's timeout.
        Exception: Whatever the client's ``refresh`` raised when the token had expired.

    Returns:
        The whole response; `parsed` is the error's model if the portal answered with an error.
    """
    return _build_response(client, await client.asend(_OPERATION))


async def asyncio(*, client: AuthenticatedClient | Client) -> GetStatusResponse:
    """Get the status of the current call

    Gives the call that the user on whose behalf the request is made has on the screen: over a webhook
    the webhook's owner, over OAuth the user who authorized the application. It changes nothing, so
    repeating it is safe.

    Raises:
        errors.ApiError: The portal answered with an error.
        errors.UnexpectedStatus: The answer's status is not in the contract.
        errors.InvalidResponse: The answer's body is not as documented.
        httpx.HTTPError: There was no answer, for example within the client's timeout.
        Exception: Whatever the client's ``refresh`` raised when the token had expired.

    Returns:
        The answer's model.
    """
    return _success(client, await client.asend(_OPERATION))
