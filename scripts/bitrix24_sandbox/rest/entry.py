"""The REST entry: `/rest/METHOD` with OAuth, `/rest/USER/WEBHOOK/METHOD` with a webhook."""

import asyncio
from functools import partial
from typing import Any, NamedTuple

from starlette.types import Receive, Scope, Send

from ..portal import json_text
from ..portal.call import CurrentCall
from ..portal.errors import PortalError
from ..portal.state import Portal, Stopwatch
from .answers import PORTAL_HEADERS, Answer, error_answer, method_not_allowed, reply
from .batch import batch
from .decoding import Fields, access_token, header, read_body, read_fields
from .fault_answers import FaultyRequest, play
from .methods import call_method, check_exists

METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE")
LARGE = 64 * 1024  # bytes; decoding a larger body would block other requests, so a thread does it


class Target(NamedTuple):
    """The method that a path names, and the webhook in it."""

    method: str
    webhook: tuple[str, str] | None


class Rest:
    """A plain ASGI application, without a framework.

    A request is checked in this order: the request limit, the method's name, the HTTP method,
    credentials, permissions, arguments, the call. An access token decides, even beside a webhook,
    which then does not count.
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
        client = scope.get("client")
        bucket = self._portal.bucket
        if bucket and not bucket.take(client[0] if client else ""):
            raise PortalError("QUERY_LIMIT_EXCEEDED")
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
        proceed = partial(self._respond, scope, target, body, watch)
        by_token = _read(scope, body)[1] is not None
        return await play(fault, FaultyRequest(scope, receive, proceed, by_token=by_token))

    def _respond(self, scope: Scope, target: Target, body: bytes, watch: Stopwatch) -> Answer:
        try:
            return self._serve(scope, target, body, watch)
        except PortalError as error:
            return error_answer(error)

    def _serve(self, scope: Scope, target: Target, body: bytes, watch: Stopwatch) -> Answer:
        portal = self._portal
        fields, token = _read(scope, body)
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


def _read(scope: Scope, body: bytes) -> tuple[Fields, Any]:
    """Return a request's fields, and its access token or None."""
    content_type = header(scope, b"content-type")
    fields = read_fields(scope["method"], scope["query_string"], content_type, body)
    return fields, access_token(header(scope, b"authorization"), fields)


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
    return Target(name.lower().removesuffix(".json"), webhook)


PREFLIGHT = Answer(200, b"", PORTAL_HEADERS)
"""The response to every OPTIONS, whatever its path."""
