"""The sandbox's own endpoints, outside the portal's paths, which show and change its state."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .card.card import Card
from .portal import addresses, json_text
from .portal.call import InvalidCallError
from .portal.errors import PortalError
from .portal.faults import InvalidFaultError
from .portal.situation import InvalidValueError
from .portal.state import Portal
from .rest.answers import ClientGoneError
from .rest.decoding import read_body
from .rest.deliveries import Deliveries, is_here
from .rest.journal import Entry, Filter, InvalidFilterError, Journal, read_number

Endpoint = Callable[[Request], Awaitable[Response]]

LONGEST_WAIT = 60
"""The longest wait for requests, in seconds."""


def _json(value: Any, status: int = 200) -> Response:
    return Response(
        json_text.encode(value).encode(), status, media_type="application/json; charset=utf-8"
    )


def _invalid(description: str) -> Response:
    return _json({"error": "INVALID_VALUE", "error_description": description}, 422)


def routes(portal: Portal, card: Card, journal: Journal, deliveries: Deliveries) -> list[Route]:
    """Return the endpoints for one portal."""

    def expire_tokens() -> None:
        portal.authentication.expire_tokens()

    async def show(_: Request) -> Response:
        return _json(portal.situation())

    async def show_addresses(request: Request) -> Response:
        origin = f"{request.url.scheme}://{request.url.netloc}"
        return _json(
            {
                "webhook_url": addresses.webhook_url(origin),
                "oauth_url": addresses.oauth_url(origin),
                "oauth_server_url": addresses.oauth_server_url(origin, portal.oauth_port),
            }
        )

    async def show_application(_: Request) -> Response:
        await deliveries.posted()
        application = portal.application
        return _json(
            {
                "installed": application.installed,
                "handler": application.handler,
                "widgets": [widget.handler for widget in application.widgets],
                "events": [
                    {"event": row.event, "handler": row.handler}
                    for row in application.event_handlers
                ],
                "deliveries": [delivery._asdict() for delivery in deliveries.newest()],
            }
        )

    def changing(change: Callable[[], None], then: Endpoint = show) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            change()
            return await then(request)

        return endpoint

    def changing_to(change: Callable[[Any], None], then: Endpoint = show) -> Endpoint:
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
                return Response(status_code=400)  # which nobody receives
            return await then(request)

        return endpoint

    def member(name: str, change: Callable[[Any], None]) -> Callable[[Any], None]:
        """Read `{name: value}`, and call `change` with the value."""

        def change_to_member(request: Any) -> None:
            if not isinstance(request, dict) or request.keys() != {name}:
                raise InvalidValueError(f'Expected an object such as {{"{name}": …}}')
            change(request[name])

        return change_to_member

    def reset() -> None:
        card.reset()
        portal.reset()
        journal.clear()
        deliveries.clear()

    async def requests(request: Request) -> Response:
        texts = request.query_params
        try:
            wanted = Filter.read(texts)
            number, seconds = read_number(texts, "count", 1), read_number(texts, "wait", 0)
            if seconds > LONGEST_WAIT:
                raise InvalidFilterError(f"wait must be {LONGEST_WAIT} seconds at most")
        except InvalidFilterError as error:
            return _invalid(str(error))
        found = await _until_gone(request, journal.wait_for(wanted, number, seconds))
        return _json({"requests": found})

    async def forget_requests(_: Request) -> Response:
        journal.clear()
        return _json({"requests": []})

    def install(application: Any) -> None:
        match application:
            case {"handler": str(handler), **others} if is_here(handler) and not others:
                portal.install(handler)
            case {"page": str(page), **others} if not others:
                portal.install_page(page)
            case _:
                raise InvalidValueError(
                    'Expected {"page": URL}, or {"handler": URL} with a URL on this machine'
                )

    return [
        Route("/sandbox/addresses", show_addresses, methods=["GET"]),
        Route("/sandbox/state", show, methods=["GET"]),
        Route("/sandbox/state", changing_to(portal.load), methods=["PUT"]),
        Route("/sandbox/call", changing_to(portal.set_call), methods=["PUT"]),
        Route("/sandbox/call", changing(portal.end_call), methods=["DELETE"]),
        Route(
            "/sandbox/profile",
            changing_to(member("profile", portal.set_profile)),
            methods=["PUT"],
        ),
        Route("/sandbox/user", changing_to(member("user", portal.set_user)), methods=["PUT"]),
        Route("/sandbox/form", changing_to(member("form", portal.set_form)), methods=["PUT"]),
        Route("/sandbox/limits", changing_to(member("limits", portal.set_limits)), methods=["PUT"]),
        Route("/sandbox/scenario", changing_to(member("scenario", portal.play)), methods=["PUT"]),
        Route("/sandbox/faults", changing_to(portal.faults.add), methods=["POST"]),
        Route("/sandbox/faults", changing(portal.faults.clear), methods=["DELETE"]),
        Route("/sandbox/tokens/expire", changing(expire_tokens), methods=["POST"]),
        Route("/sandbox/application", show_application, methods=["GET"]),
        Route(
            "/sandbox/application",
            changing_to(install, show_application),
            methods=["PUT"],
        ),
        Route(
            "/sandbox/application",
            changing(portal.uninstall, show_application),
            methods=["DELETE"],
        ),
        Route("/sandbox/reset", changing(reset), methods=["POST"]),
        Route("/sandbox/requests", requests, methods=["GET"]),
        Route("/sandbox/requests", forget_requests, methods=["DELETE"]),
    ]


async def _until_gone(request: Request, coming: Coroutine[Any, Any, list[Entry]]) -> list[Entry]:
    """Wait for the entries, unless the client goes away or the server stops."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    waiting, leaving = asyncio.ensure_future(coming), asyncio.ensure_future(gone())
    try:
        await asyncio.wait([waiting, leaving], return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else []
    finally:
        waiting.cancel()
        leaving.cancel()
