"""Protects the sandbox from pages of other sites that are open in the developer's browser.

REST and the library `/api/v1/` are open to pages of every origin, as on a portal.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..portal import json_text
from ..rest.decoding import header

# For every response without a policy of its own; scripts and style sheets need none.
NO_CONTENT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

Refusal = tuple[int, str, str]
"""A status, a code and a description."""


class Guard:
    """An ASGI middleware that refuses requests which only a page of another site would send."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Iterable[str],
        widget_port: int | None,
        oauth_port: int | None,
    ) -> None:
        """`hosts`: the names the sandbox answers to, besides `localhost` and IP addresses.

        The owner of another name can make it resolve to this machine (DNS rebinding).
        `widget_port`, `oauth_port`: the ports that serve only the demonstration widget and only the
        OAuth server.
        """
        self._app = app
        self._hosts = {"localhost", *(host.lower() for host in hosts)}
        self._widget_port = widget_port
        self._oauth_port = oauth_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless it is refused."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parts = [part for part in scope["path"].split("/") if part]
        room = parts[0] if parts else ""
        refusal = self._refusal(scope, room, token=parts[:2] == ["oauth", "token"])
        if refusal is None and room in ("rest", "oauth"):
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", NO_CONTENT)
                headers.setdefault("x-content-type-options", "nosniff")
            await send(message)

        if refusal is None:
            await self._app(scope, receive, sending)
        else:
            status, code, description = refusal
            error = {"error": code, "error_description": description}
            answer = Response(json_text.encode(error), status, media_type="application/json")
            await answer(scope, receive, sending)

    def _refusal(self, scope: Scope, room: str, *, token: bool) -> Refusal | None:
        port = (scope.get("server") or ("", None))[1]
        if port is not None and port == self._oauth_port and room not in ("rest", "oauth"):
            return 404, "NOT_FOUND", "Only the OAuth server is at this port."
        of_widget = port is not None and port == self._widget_port
        if room != "static" and of_widget != (room == "widget"):
            return 404, "NOT_FOUND", "The demonstration widget has its own port."
        if room in ("rest", "api") or (room == "oauth" and not token):
            return None
        # SDKs reach the OAuth server by the names of the real ones.
        if not token and not self._answers_to(host_name(scope)):
            text = "The sandbox does not answer to this host name; --allow-host NAME adds one."
            return 421, "UNKNOWN_HOST", text
        if (token or room == "sandbox") and _is_of_another_page(scope):
            return 403, "FOREIGN_PAGE", "Pages of other origins have no access."
        return None

    def _answers_to(self, name: str) -> bool:
        try:
            ip_address(name)
        except ValueError:
            return name in self._hosts
        return True


def host_name(scope: Scope) -> str:
    """Return the host name or address in a request, without the port."""
    host = header(scope, b"host").lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_of_another_page(scope: Scope) -> bool:
    """Whether a browser reports that a page of another origin sent this; programs do not."""
    origin, site = header(scope, b"origin"), header(scope, b"sec-fetch-site")
    own = f"{scope['scheme']}://{header(scope, b'host')}"
    return origin not in ("", own) or site not in ("", "same-origin", "none")
