"""The OAuth server, which is separate from the portal: it issues tokens and identifies them.

It has a port of its own, and also answers to the host names of the real servers, which are built
into SDKs. Only `app.info` is not at the portal's origin, too.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from starlette.types import Message, Receive, Scope, Send

from ..portal.addresses import OAUTH_HOSTS, at_port, oauth_server_url
from ..portal.authentication import (
    CLIENT_ID,
    CLIENT_SECRET,
    MEMBER_ID,
    STATUS,
    TOKEN_LIFETIME,
    Tokens,
)
from ..portal.errors import PortalError
from ..portal.state import Portal, Stopwatch
from .answers import Answer, json_answer, method_not_allowed, reply
from .decoding import Fields, access_token, header, read_body, read_fields
from .deliveries import is_here
from .fault_answers import FaultyRequest, play

MAX_BODY = 64 * 1024  # bytes; the fields of a refresh are a few hundred


class OAuthRequest(NamedTuple):
    """A request to the OAuth server: its fields, and the URLs for its response."""

    fields: Fields
    token: Any
    portal_origin: str
    server_endpoint: str


class OAuthServer:
    """A plain ASGI application, whose methods take their fields from the query or the body."""

    def __init__(self, portal: Portal, origin: str | None) -> None:
        """`origin`: the portal's."""
        self._portal = portal
        self._origin = origin or "http://localhost"

    def serves(self, scope: Scope) -> bool:
        """Whether a request is for this server's own origin, and not for the portal's."""
        server = scope.get("server")
        by_port = server is not None and server[1] == self._portal.oauth_port
        return by_port or _host_name(scope) in OAUTH_HOSTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        # Repeated slashes count as one: an SDK asks `//oauth/token/`.
        answer: Callable[[Portal, OAuthRequest], Answer]
        match [part for part in scope["path"].split("/") if part]:
            case ["oauth", "token"]:
                answer, send = _issue_tokens, _without_cors(send)
            case ["oauth", "authorize"]:
                answer = _authorize
            case ["rest", name] if name.lower().removesuffix(".json") == "app.info":
                answer = _app_info
            case _:
                answer = _refuse
        await reply(self._answer(answer, scope, receive), send)

    async def _answer(
        self, answer: Callable[[Portal, OAuthRequest], Answer], scope: Scope, receive: Receive
    ) -> Answer:
        if scope["method"] not in ("GET", "POST"):
            return method_not_allowed("GET", "POST")
        body = await read_body(receive, MAX_BODY)

        def proceed() -> Answer:
            return answer(self._portal, self._read(scope, body))

        fault = self._portal.faults.take_oauth() if answer is _issue_tokens else None
        return await play(fault, FaultyRequest(scope, receive, proceed)) if fault else proceed()

    def _read(self, scope: Scope, body: bytes) -> OAuthRequest:
        content_type = header(scope, b"content-type")
        fields = read_fields(scope["method"], scope["query_string"], content_type, body)
        token = access_token(header(scope, b"authorization"), fields)
        name = _host_name(scope)
        if name in OAUTH_HOSTS:
            return OAuthRequest(fields, token, self._origin, f"https://{name}/rest/")
        own = f"{scope['scheme']}://{header(scope, b'host') or 'localhost'}"
        portal_origin = at_port(own, urlsplit(self._origin).port) if self.serves(scope) else own
        server_endpoint = oauth_server_url(own, self._portal.oauth_port)
        return OAuthRequest(fields, token, portal_origin, server_endpoint)


def _without_cors(send: Send) -> Send:
    """Hide responses with tokens from pages of other origins."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                pair for pair in message["headers"] if not pair[0].startswith(b"access-control-")
            ]
            message = {**message, "headers": headers}
        await send(message)

    return sending


def _authorize(portal: Portal, request: OAuthRequest) -> Answer:
    """Send the browser back to the application, with an authorization code.

    Whoever asks counts as the logged-in user. A portal ignores `redirect_uri`, and uses the URL in
    its settings of the application.
    """
    fields = request.fields
    if fields.get("client_id") != CLIENT_ID or not portal.application.installed:
        raise PortalError("invalid_client")
    redirect_uri = fields.get("redirect_uri")
    if not isinstance(redirect_uri, str) or not is_here(redirect_uri):
        raise PortalError("invalid_request", "redirect_uri must be a URL on this machine")
    query = {
        "code": portal.authentication.issue_code(),
        "state": str(fields.get("state", "")),
        "domain": urlsplit(request.portal_origin).netloc,
        "member_id": MEMBER_ID,
        "scope": ",".join(portal.scopes.application),
        "server_domain": urlsplit(request.server_endpoint).netloc,
    }
    separator = "&" if urlsplit(redirect_uri).query else "?"
    location = f"{redirect_uri}{separator}{urlencode(query)}"
    return Answer(302, b"", [(b"location", location.encode())])


def _issue_tokens(portal: Portal, request: OAuthRequest) -> Answer:
    """Issue tokens for an authorization code or a refresh token."""
    tokens = _exchange(portal, request.fields)
    return json_answer(
        200,
        {
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "expires": int(time.time()) + TOKEN_LIFETIME,
            "expires_in": TOKEN_LIFETIME,
            "client_endpoint": f"{request.portal_origin}/rest/",
            "server_endpoint": request.server_endpoint,
            "domain": urlsplit(request.server_endpoint).netloc,
            "member_id": MEMBER_ID,
            "scope": ",".join(portal.scopes.application),
            "status": STATUS,
            "user_id": int(portal.user.id),
        },
    )


def _exchange(portal: Portal, fields: Fields) -> Tokens:
    """Check arguments, client, code or refresh token, and scope, in this order."""
    authentication = portal.authentication
    by_code = fields.get("grant_type") == "authorization_code"
    if not by_code and fields.get("grant_type") != "refresh_token":
        raise PortalError("invalid_request")
    secret = fields.get("code" if by_code else "refresh_token") or None
    if not isinstance(secret, str):
        raise PortalError("invalid_request")
    if (fields.get("client_id"), fields.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        raise PortalError("invalid_client")
    if by_code:
        return authentication.exchange_code(secret)
    authentication.check_refresh_token(secret)
    asked = str(fields.get("scope", "")).replace(",", " ").split()
    if not set(asked) <= set(portal.scopes.application):
        raise PortalError("invalid_scope")
    return authentication.refresh(secret)


def _app_info(portal: Portal, request: OAuthRequest) -> Answer:
    """Identify the access token, so that an application can verify the form of a widget."""
    watch = Stopwatch()
    expires = portal.authentication.check_token(request.token)
    result = {
        "client_id": CLIENT_ID,
        "scope": ",".join(portal.scopes.application),
        "expires": datetime.fromtimestamp(int(expires), UTC).isoformat(),
        "user_id": int(portal.user.id),
        "install": {
            "installed": True,
            "version": 1,
            "status": STATUS,
            "scope": ",".join(portal.scopes.application),
            "domain": urlsplit(request.portal_origin).netloc,
            "uri": request.portal_origin,
            "client_endpoint": f"{request.portal_origin}/rest/",
            "member_id": MEMBER_ID,
            "member_type": "portal",
        },
    }
    return json_answer(200, {"result": result, "time": portal.time_block("app.info", watch)})


def _refuse(_: Portal, __: OAuthRequest) -> Answer:
    raise PortalError("ERROR_METHOD_NOT_FOUND")


def _host_name(scope: Scope) -> str:
    return header(scope, b"host").partition(":")[0].lower()
