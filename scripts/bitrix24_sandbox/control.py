"""The sandbox's own endpoints, outside the portal's paths: they look at its state and change it."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .portal import json_text
from .portal.call import InvalidCallError
from .portal.errors import PortalError
from .portal.faults import InvalidFaultError
from .portal.state import InvalidValueError, Portal
from .rest.answers import ClientGoneError
from .rest.decoding import read_body

Endpoint = Callable[[Request], Awaitable[Response]]


def _json(value: Any, status: int = 200) -> Response:
    return Response(
        json_text.encode(value).encode(), status, media_type="application/json; charset=utf-8"
    )


def _invalid(description: str) -> Response:
    return _json({"error": "INVALID_VALUE", "error_description": description}, 422)


def routes(portal: Portal) -> list[Route]:
    """Give the endpoints for one portal."""

    def state() -> dict[str, Any]:
        limits = portal.limits
        return {
            "call": portal.call,
            "widget": portal.widget,
            "form": portal.form,
            "profile": portal.profile,
            "limits": {"burst": limits.burst, "rate": limits.rate} if limits else None,
            "faults": portal.faults.waiting(),
        }

    def expire_tokens() -> None:
        portal.authentication.expire_tokens()

    async def show(_: Request) -> Response:
        return _json(state())

    def changing(change: Callable[[], None]) -> Endpoint:
        async def endpoint(_: Request) -> Response:
            change()
            return _json(state())

        return endpoint

    def changing_to(change: Callable[[Any], None]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            try:
                change(json_text.decode(await read_body(request.receive)))
            except (
                json_text.NotJsonError,
                InvalidCallError,
                InvalidFaultError,
                InvalidValueError,
            ) as error:
                return _invalid(str(error))
            except PortalError as error:
                return _invalid(error.envelope["error_description"])
            except ClientGoneError:
                return Response(status_code=400)  # to nobody
            return _json(state())

        return endpoint

    def member(name: str, change: Callable[[Any], None]) -> Callable[[Any], None]:
        """Read `{name: value}` and change to the value."""

        def change_to_member(request: Any) -> None:
            if not isinstance(request, dict) or request.keys() != {name}:
                raise InvalidValueError(f'Expected an object such as {{"{name}": NAME}}')
            change(request[name])

        return change_to_member

    return [
        Route("/sandbox/state", show, methods=["GET"]),
        Route("/sandbox/call", changing_to(portal.set_call), methods=["PUT"]),
        Route("/sandbox/call", changing(portal.end_call), methods=["DELETE"]),
        Route(
            "/sandbox/profile",
            changing_to(member("profile", portal.set_profile)),
            methods=["PUT"],
        ),
        Route("/sandbox/form", changing_to(member("form", portal.set_form)), methods=["PUT"]),
        Route("/sandbox/scenario", changing_to(member("scenario", portal.play)), methods=["PUT"]),
        Route("/sandbox/faults", changing_to(portal.faults.add), methods=["POST"]),
        Route("/sandbox/tokens/expire", changing(expire_tokens), methods=["POST"]),
        Route("/sandbox/reset", changing(portal.reset), methods=["POST"]),
    ]
