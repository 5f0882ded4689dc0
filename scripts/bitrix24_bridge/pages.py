"""The page in the call card, and the script that does its work, here and in other widgets."""

from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from bitrix24_call_card import widget
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from .data import Data, Portal
from .errors import BridgeError
from .identity import Identities
from .incoming import address_of, read_body
from .metrics import refuse
from .settings import Settings, domain_of

SCRIPT = (Path(__file__).parent / "static" / "bridge.js").read_bytes()

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Call card bridge</title>
<p id="bitrix24-bridge">Connecting …</p>
<script src="/bridge.js" data-portal="{portal}"></script>
</html>
"""

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Pages:
    """`/widget` and `/bridge.js`."""

    settings: Settings
    data: Data
    identities: Identities

    async def script(self, _: Request) -> Response:
        """Return the script, also to the pages of other origins."""
        headers = {
            **HEADERS,
            "Cache-Control": "no-cache",
            "Access-Control-Allow-Origin": "*",  # loaded as a module, or with `integrity`
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        return Response(SCRIPT, media_type="text/javascript", headers=headers)

    async def open_widget(self, request: Request) -> Response:
        """Check the form that opens the widget, and return the page, which asks for the call."""
        try:
            body = await read_body(request)
            opening = widget.read(query=request.scope["query_string"], body=body)
            portal = await self._opened(opening, address_of(request))
        except widget.InvalidOpening:
            return _refusal(400, "This page is opened by a Bitrix24 portal, in its call card.")
        except BridgeError as error:
            refuse("widget", str(error))
            return _refusal(error.status, str(error))
        return HTMLResponse(
            PAGE.format(portal=escape(portal.origin)),
            headers={**HEADERS, "Content-Security-Policy": self._policy(portal)},
        )

    async def _opened(self, opening: widget.Opening, address: str) -> Portal:
        form = opening.form
        portal = self.data.portal(form.member_id)
        if portal is None:
            raise BridgeError("invalid_token", "The application is not installed on this portal.")
        domain = domain_of(opening.query.domain)
        if domain == portal.domain:
            return portal  # whose card it is, the socket says
        # Renamed, or forged: the OAuth server knows.
        server = form.server_endpoint or portal.oauth_server
        identity = await self.identities.check(form.auth_id, address, server=server, card=True)
        if (identity.member_id, identity.domain) != (portal.member_id, domain):
            raise BridgeError("invalid_token", "The access token is not of this portal.")
        renamed = replace(portal, domain=domain, endpoint=identity.endpoint)
        await self.data.in_thread(self.data.put_portal, renamed)
        return renamed

    def _policy(self, portal: Portal) -> str:
        socket = self.settings.url.replace("http", "ws", 1)
        return (
            "default-src 'none'; script-src 'self'; base-uri 'none'; "
            "form-action 'self'; "  # a frame that is reloaded sends its form again
            f"connect-src {socket}; frame-ancestors {portal.origin}"
        )


def _refusal(status: int, reason: str) -> Response:
    return HTMLResponse(
        f"<!doctype html><title>Call card bridge</title><p>{escape(reason)}</p>",
        status,
        {**HEADERS, "Content-Security-Policy": "default-src 'none'"},
    )
