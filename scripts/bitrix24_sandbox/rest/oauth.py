"""The OAuth server, which is separate from the portal: it refreshes tokens and identifies them.

It is at `/oauth/` of the sandbox. It also answers to the host names of the real servers, which are
built into SDKs: then at `/oauth/token/` and `/rest/app.info`, as those do.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..portal.addresses import OAUTH_HOSTS, oauth_server_url
from ..portal.authentication import (
    CLIENT_ID,
    CLIENT_SECRET,
    MEMBER_ID,
    SCOPES,
    STATUS,
    TOKEN_LIFETIME,
    USER_ID,
)
from ..portal.errors import PortalError
from ..portal.state import Portal, Stopwatch
from .answers import Answer, allow_any_origin, json_answer, method_not_allowed, reply
from .decoding import Fields, access_token, from_body, from_query, header, read_body
from .fault_answers import FaultyRequest, play

MAX_BODY = 64 * 1024  # bytes; the fields of a refresh are a few hundred


class OAuthRequest(NamedTuple):
    """A request to the OAuth server: its fields, and the URLs for its response."""

    fields: Fields
    token: Any
    portal_origin: str
    domain: str
    server_endpoint: str


def routes(portal: Portal, portal_rest: ASGIApp, origin: str | None) -> list[Route]:
    """Return the OAuth server's routes; `portal_rest` gets the requests for the portal.

    `origin`: the portal's, for requests with the host name of a real OAuth server.
    """
    refresh = _Endpoint(lambda request: _refresh(portal, request), origin, portal)
    app_info = _Endpoint(lambda request: _app_info(portal, request), origin)

    by_name = _ByName(app_info, portal_rest)
    return [
        Route("/rest/app.info", by_name),
        Route("/rest/app.info/", by_name),
        Route("/oauth/token/", refresh),
        Route("/oauth/token", refresh),
        Route("/oauth/rest/app.info", app_info),
        Route("/oauth/rest/app.info/", app_info),
        Route("/oauth/rest/app.info.json", app_info),
    ]


class _ByName:
    """Passes a request to the OAuth server or to the portal, depending on its host name."""

    def __init__(self, oauth_server: ASGIApp, portal: ASGIApp) -> None:
        self._oauth_server = oauth_server
        self._portal = portal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        by_name = _host_name(header(scope, b"host")) in OAUTH_HOSTS
        await (self._oauth_server if by_name else self._portal)(scope, receive, send)


class _Endpoint:
    """Answers GET and POST, with the fields in the query or in the body."""

    def __init__(
        self,
        answer: Callable[[OAuthRequest], Answer],
        origin: str | None,
        faulty: Portal | None = None,
    ) -> None:
        """`faulty`: the portal whose faults affect this endpoint."""
        self._answer_request = answer
        self._origin = origin
        self._faulty = faulty

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        sending = _without_cors(send) if self._faulty else send
        await reply(self._answer(scope, receive), sending)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] not in ("GET", "POST"):
            return method_not_allowed("GET", "POST")
        body = await read_body(receive, MAX_BODY)
        fault = self._faulty.faults.take_oauth() if self._faulty else None

        def proceed() -> Answer:
            fields = from_query(scope["query_string"]) | from_body(
                header(scope, b"content-type"), body
            )
            return self._answer_request(_read(scope, fields, self._origin))

        return await play(fault, FaultyRequest(scope, receive, proceed)) if fault else proceed()


def _without_cors(send: Send) -> Send:
    """Hide the responses to a refresh, which are full of secrets, from pages of other origins."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [pair for pair in message["headers"] if pair != allow_any_origin]
            message = {**message, "headers": headers}
        await send(message)

    return sending


def _refresh(portal: Portal, request: OAuthRequest) -> Answer:
    """Refresh the tokens, after these checks: arguments, client, refresh token, scope."""
    fields, authentication = request.fields, portal.authentication
    refresh_token = fields.get("refresh_token") or None
    if fields.get("grant_type") != "refresh_token" or not isinstance(refresh_token, str):
        raise PortalError("invalid_request")
    if (fields.get("client_id"), fields.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        raise PortalError("invalid_client")
    authentication.check_refresh_token(refresh_token)
    if not set(str(fields.get("scope", "")).replace(",", " ").split()) <= set(SCOPES):
        raise PortalError("invalid_scope")
    tokens = authentication.refresh(refresh_token)
    return json_answer(
        200,
        {
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "expires": int(time.time()) + TOKEN_LIFETIME,
            "expires_in": TOKEN_LIFETIME,
            "client_endpoint": f"{request.portal_origin}/rest/",
            "server_endpoint": request.server_endpoint,
            "domain": request.domain,
            "member_id": MEMBER_ID,
            "scope": ",".join(SCOPES),
            "status": STATUS,
            "user_id": int(USER_ID),
        },
    )


def _app_info(portal: Portal, request: OAuthRequest) -> Answer:
    """Identify the access token, so that an application can verify the form of a widget."""
    watch = Stopwatch()
    expires = portal.authentication.check_token(request.token)
    result = {
        "client_id": CLIENT_ID,
        "scope": ",".join(SCOPES),
        "expires": datetime.fromtimestamp(int(expires), UTC).isoformat(),
        "user_id": int(USER_ID),
        "install": {
            "installed": True,
            "version": 1,
            "status": STATUS,
            "scope": ",".join(SCOPES),
            "domain": request.portal_origin.partition("://")[2],
            "uri": request.portal_origin,
            "client_endpoint": f"{request.portal_origin}/rest/",
            "member_id": MEMBER_ID,
            "member_type": "portal",
        },
    }
    return json_answer(200, {"result": result, "time": portal.time_block("app.info", watch)})


def _read(scope: Scope, fields: Fields, origin: str | None) -> OAuthRequest:
    host = header(scope, b"host") or "localhost"
    own = f"{scope['scheme']}://{host}"
    name = _host_name(host)
    token = access_token(header(scope, b"authorization"), fields)
    if name in OAUTH_HOSTS:
        return OAuthRequest(fields, token, origin or own, name, f"https://{name}/rest/")
    return OAuthRequest(fields, token, own, host, oauth_server_url(own))


def _host_name(host: str) -> str:
    return host.partition(":")[0].lower()
