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
from .decoding import from_body, from_query, header, read_body
from .fault_answers import Struck, play
from .methods import call_method, check_exists

METHODS = ("GET", "POST")
LARGE = 64 * 1024  # bytes of a body that takes so long to read that others would have to wait


class Target(NamedTuple):
    """What a path asks for."""

    method: str
    webhook: tuple[str, str] | None


class Rest:
    """A plain ASGI application, without a layer between it and the server.

    A request is refused, in this order, for: its method's name, its HTTP method, the request
    limit, who is asking, the rights, the arguments, and the lack of a call. Fields are those of
    the query and of the body together; where a name is given twice, the body's and the last
    counts, but the access token is looked for in the query first. Headers are never looked at.
    """

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, in the portal's envelope whatever was sent."""
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
            fault, Struck(scope, receive, partial(self._respond, scope, target, body, watch))
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
        query = from_query(scope["query_string"]) if scope["query_string"] else {}
        fields = from_body(header(scope, b"content-type"), body)
        if target.webhook:
            portal.authentication.check_webhook(*target.webhook)
        else:
            portal.authentication.check_token(query.get("auth") or fields.get("auth"))
        by_webhook = target.webhook is not None
        if query:
            fields = {**query, **fields}
        if target.method == "batch":
            result = batch(portal, fields, by_webhook=by_webhook)
        else:
            result = call_method(portal, target.method, fields, by_webhook=by_webhook)
        text = result.text if isinstance(result, CurrentCall) else json_text.encode(result)
        time = json_text.encode(portal.time_block(target.method, watch))
        return Answer(200, f'{{"result":{text},"time":{time}}}'.encode())


def locate(path: str) -> Target:
    """Take a path apart. Raise `PortalError` if there is no method in it."""
    # Repeated slashes count as one, and a trailing one as none.
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


# To every OPTIONS on every path: a page that may not ask could not read what is wrong with its
# request.
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
