"""The REST entry: `/rest/METHOD` with OAuth, `/rest/USER/WEBHOOK/METHOD` with a webhook."""

import asyncio
from functools import partial
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from ..portal import json_text
from ..portal.call import CurrentCall
from ..portal.errors import PortalError
from ..portal.state import Portal, Stopwatch
from .answers import Answer, allow_any_origin, error_answer, method_not_allowed, reply
from .batch import batch
from .decoding import access_token, from_body, from_query, header, read_body
from .fault_answers import FaultyRequest, play
from .methods import call_method, check_exists

METHODS = ("GET", "POST")
LARGE = 64 * 1024  # bytes; decoding a larger body would block other requests, so a thread does it


class Target(NamedTuple):
    """The method that a path names, and the webhook in it."""

    method: str
    webhook: tuple[str, str] | None


class Rest:
    """A plain ASGI application, without a framework.

    A request is checked in this order: the method's name, the HTTP method, the request limit,
    credentials, permissions, arguments, the call. Query and body are merged; for equal names the
    body wins over the query, and the last over earlier ones. An access token decides, even beside a
    webhook, which then does not count.
    """

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond in the portal's envelope, whatever the request is."""
        await reply(self._answer(scope, receive), send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        watch = Stopwatch()
        if scope["method"] == "OPTIONS":
            return PREFLIGHT
        target = locate(scope["path"])
        if target.method != "batch":
            check_exists(self._portal, target.method)
        if scope["method"] not in METHODS:
            return method_not_allowed(*METHODS)
        body = await read_body(receive)
        fault = self._portal.faults.take_rest()
        if fault is None and len(body) > LARGE:
            return await asyncio.to_thread(self._serve, scope, target, body, watch)
        if fault is None:
            return self._serve(scope, target, body, watch)
        return await play(
            fault, FaultyRequest(scope, receive, partial(self._respond, scope, target, body, watch))
        )

    def _respond(self, scope: Scope, target: Target, body: bytes, watch: Stopwatch) -> Answer:
        try:
            return self._serve(scope, target, body, watch)
        except PortalError as error:
            return error_answer(error)

    def _serve(self, scope: Scope, target: Target, body: bytes, watch: Stopwatch) -> Answer:
        portal = self._portal
        client = scope.get("client")
        if portal.bucket and not portal.bucket.take(client[0] if client else ""):
            raise PortalError("QUERY_LIMIT_EXCEEDED")
        fields = from_query(scope["query_string"]) if scope["query_string"] else {}
        fields |= from_body(header(scope, b"content-type"), body)
        token = access_token(header(scope, b"authorization"), fields)
        by_webhook = token is None and target.webhook is not None
        if token is None and target.webhook:
            portal.authentication.check_webhook(*target.webhook)
        else:
            portal.authentication.check_token(token)
        if target.method == "batch":
            result = batch(portal, fields, by_webhook=by_webhook)
        else:
            result = call_method(portal, target.method, fields, by_webhook=by_webhook)
        text = result.text if isinstance(result, CurrentCall) else json_text.encode(result)
        time = json_text.encode(portal.time_block(target.method, watch))
        return Answer(200, f'{{"result":{text},"time":{time}}}'.encode())


def locate(path: str) -> Target:
    """Parse a path. Raise `PortalError` if it names no method."""
    # Repeated slashes count as one, and a trailing slash is ignored.
    match [part for part in path.split("/") if part]:
        case ["rest", name]:
            webhook = None
        case ["rest", user, secret, name]:
            webhook = (user, secret)
        case _:
            raise PortalError("ERROR_METHOD_NOT_FOUND")
    name = name.lower()
    if name.endswith(".xml"):
        raise PortalError("FORMAT_NOT_PLAYED")
    return Target(name.removesuffix(".json"), webhook)


# For every OPTIONS on every path: without it, a page could not read the error of a wrong request.
PREFLIGHT = Answer(
    204,
    b"",
    [
        allow_any_origin,
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", b"content-type"),
        (b"access-control-max-age", b"600"),
    ],
)
