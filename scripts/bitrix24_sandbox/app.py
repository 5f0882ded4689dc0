"""The sandbox as one ASGI application."""

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from . import control
from .card.card import Card
from .portal.errors import PortalError
from .portal.state import Portal
from .rest.answers import error_answer
from .rest.deliveries import Deliveries
from .rest.entry import Rest
from .rest.journal import Journal
from .rest.oauth import OAuthServer
from .web import docs, widget
from .web.card_page import Pages
from .web.guard import Guard


def create_app(
    portal: Portal,
    *,
    origin: str | None = None,
    handler: str | None = None,
    widget_port: int | None = None,
    oauth_port: int | None = None,
    hosts: Iterable[str] = (),
) -> Starlette:
    """Make the application that serves this portal.

    `origin`: where the portal is reached. Its events name it, and so does the OAuth server when it
    is asked by another name. `handler`: the URL of the widget that the call card opens; by
    default it opens the demonstration widget, which the same application serves on `widget_port`,
    so that a browser treats it as another origin. `oauth_port`: the port of the OAuth server.
    `hosts`: the names that the application answers to, besides `localhost` and IP addresses.
    """
    portal.oauth_port = oauth_port
    journal = Journal()
    deliveries = Deliveries(origin or "http://localhost", oauth_port)
    portal.post = deliveries.add
    rest, oauth_server = Rest(portal), OAuthServer(portal, origin)

    async def rest_of_either(scope: Scope, receive: Receive, send: Send) -> None:
        await (oauth_server if oauth_server.serves(scope) else rest)(scope, receive, send)

    # With two slashes: an origin with a trailing slash, then a path with a leading one.
    portal_routes = [
        Route(f"{slashes}{room}/{{path:path}}", journal.recording(served))
        for room, served in (("rest", rest_of_either), ("oauth", oauth_server))
        for slashes in ("/", "//")
    ]
    card = Card(portal)
    portal.hang_up = card.far_end_hangs_up
    pages = Pages(portal, card, journal, handler=handler, widget_port=widget_port)
    app = Starlette(
        routes=[
            *portal_routes,
            *control.routes(portal, card, journal, deliveries),
            *docs.routes(),
            *pages.routes(),
            *widget.routes(origin),
        ],
        middleware=[Middleware(Guard, hosts=hosts, widget_port=widget_port, oauth_port=oauth_port)],
        exception_handlers={HTTPException: _http_error, Exception: _bug},
    )
    # A portal does not redirect to a corrected address; it would look like the fault `redirect`.
    app.router.redirect_slashes = False
    return app


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for no other
    answer = error_answer(
        PortalError("METHOD_NOT_ALLOWED" if error.status_code == 405 else "NOT_FOUND")
    )
    return Response(
        answer.body,
        error.status_code,
        {**dict(error.headers or {}), "content-type": "application/json; charset=utf-8"},
    )


async def _bug(_: Request, __: Exception) -> Response:
    answer = error_answer(PortalError("INTERNAL_SERVER_ERROR"))
    return Response(answer.body, 500, {"content-type": "application/json; charset=utf-8"})
