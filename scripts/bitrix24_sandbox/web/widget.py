"""The demonstration widget: an application's page, as a portal opens it in the call card.

It is served on its own port, so that it is a page of another origin, as on a portal. It knows
nothing of the sandbox but what the opening form contains.
"""

import html
import json
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ..portal.errors import PortalError
from ..rest.answers import ClientGoneError
from ..rest.decoding import from_query, read_body
from .card_page import at_port

TEMPLATE = Path(__file__).parent / "static" / "widget.html"
MAX_BODY = 1024 * 1024  # bytes; the call is in it
SECRETS = {"AUTH_ID", "REFRESH_ID", "APPLICATION_TOKEN", "APP_SID"}


def routes(portal_origin: str | None) -> list[BaseRoute]:
    """Return the route of the widget, which a portal opens with POST or, if static, with GET.

    Its library comes from its own portal, even if the request names another one.
    """
    port = urlsplit(portal_origin or "").port

    async def widget(request: Request) -> Response:
        try:
            form = from_query(await read_body(request.receive, MAX_BODY))
        except PortalError as error:
            return PlainTextResponse(error.envelope["error_description"], error.status)
        except ClientGoneError:
            return Response(status_code=400)  # the client has gone
        portal = at_port(request.url, port)
        received = {**request.query_params, **form}
        shown = {
            name: "•••" if name in SECRETS else _read(name, value)
            for name, value in received.items()
        }
        page = Template(TEMPLATE.read_text("utf-8")).substitute(
            library=html.escape(f"{portal}/api/v1/"),
            opened_with=html.escape(json.dumps(shown, indent=2, ensure_ascii=False)),
        )
        policy = (
            f"default-src 'self'; script-src 'self' {portal}; connect-src {portal}; img-src data:; "
            f"frame-ancestors {portal}; base-uri 'none'; form-action 'none'"
        )
        headers = {"cache-control": "no-cache", "content-security-policy": policy}
        return HTMLResponse(page, headers=headers)

    return [Route("/widget/", widget, methods=["GET", "POST"])]


def _read(name: str, value: object) -> object:
    """Parse the JSON in PLACEMENT_OPTIONS, to make it readable."""
    try:
        return json.loads(str(value)) if name == "PLACEMENT_OPTIONS" else value
    except (ValueError, RecursionError):
        return value
