"""The OAuth server: `/oauth/token/`, where a refresh token becomes a new pair of tokens."""

import time

from starlette.types import Receive, Scope, Send

from ..portal.authentication import (
    CLIENT_ID,
    CLIENT_SECRET,
    MEMBER_ID,
    SCOPES,
    TOKEN_LIFETIME,
    USER_ID,
)
from ..portal.errors import PortalError
from ..portal.state import Portal
from .answers import Answer, json_answer, method_not_allowed, reply
from .decoding import Fields, from_body, from_query, read_body
from .fault_answers import Struck, play


class OAuth:
    """Renews tokens, by GET or POST; the arguments come in the query or in the body."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await reply(self._answer(scope, receive), send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] not in ("GET", "POST"):
            return method_not_allowed("GET", "POST")
        headers = dict(scope["headers"])
        body = await read_body(receive)
        fault = self._portal.faults.take_oauth()
        origin = f"{scope['scheme']}://{headers.get(b'host', b'localhost').decode('latin-1')}"

        def proceed() -> Answer:
            content_type = headers.get(b"content-type", b"").decode("latin-1")
            return self._renew(
                from_query(scope["query_string"]) | from_body(content_type, body), origin
            )

        return await play(fault, Struck(scope, receive, proceed)) if fault else proceed()

    def _renew(self, fields: Fields, origin: str) -> Answer:
        portal = self._portal
        refresh_token = fields.get("refresh_token")
        if fields.get("grant_type") != "refresh_token" or not isinstance(refresh_token, str):
            raise PortalError("invalid_request")
        if (fields.get("client_id"), fields.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            raise PortalError("invalid_client")
        if not set(str(fields.get("scope", "")).replace(",", " ").split()) <= set(SCOPES):
            raise PortalError("invalid_scope")
        tokens = portal.authentication.refresh(refresh_token)
        return json_answer(
            200,
            {
                "access_token": tokens.access_token,
                "refresh_token": tokens.refresh_token,
                "expires": int(time.time()) + TOKEN_LIFETIME,
                "expires_in": TOKEN_LIFETIME,
                "client_endpoint": f"{origin}/rest/",
                "server_endpoint": f"{origin}/rest/",
                "domain": origin.partition("://")[2],
                "member_id": MEMBER_ID,
                "scope": ",".join(SCOPES),
                "status": "L",  # a local application
                "user_id": int(USER_ID),
            },
        )
