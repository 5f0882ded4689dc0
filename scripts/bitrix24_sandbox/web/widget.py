"""The demonstration widget: an application's page, as a portal opens it in the call card.

It is served on a port of its own, so that the browser takes it for what it is to a portal: a page
of another origin. It knows of the sandbox only what the portal's form says.
"""

import html
import json
import re
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

TEMPLATE = Path(__file__).parent / "static" / "widget.html"
SECRETS = {"AUTH_ID", "REFRESH_ID", "APPLICATION_TOKEN", "APP_SID"}
HOST = re.compile(r"([\w.-]+|\[[0-9a-f:]+\])(:\d+)?", re.ASCII | re.IGNORECASE)


def routes() -> list[BaseRoute]:
    """Where the portal opens the widget, by POST; by GET it explains itself."""
    return [Route("/widget/", _widget, methods=["GET", "POST"])]


async def _widget(request: Request) -> Response:
    query = dict(request.query_params)
    async with request.form() as form:
        told = query | {name: value for name, value in form.items() if isinstance(value, str)}
    shown = {name: "•••" if name in SECRETS else _read(name, told[name]) for name in told}
    # The library comes from the portal that opens the widget, wherever that is.
    domain = query.get("DOMAIN", "")
    scheme = "https" if query.get("PROTOCOL") == "1" else "http"
    library = f"{scheme}://{domain}/api/v1/" if HOST.fullmatch(domain) else "/api/v1/"
    page = Template(TEMPLATE.read_text("utf-8")).substitute(
        library=html.escape(library),
        opened_with=html.escape(json.dumps(shown, indent=2, ensure_ascii=False)),
    )
    return HTMLResponse(page, headers={"cache-control": "no-cache"})


def _read(name: str, value: str) -> object:
    """Take the JSON in PLACEMENT_OPTIONS apart, so that a person can read it."""
    try:
        return json.loads(value) if name == "PLACEMENT_OPTIONS" else value
    except (ValueError, RecursionError):
        return value
