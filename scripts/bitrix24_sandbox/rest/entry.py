"""The portal's REST entry: `/rest/METHOD` by OAuth, `/rest/USER/WEBHOOK/METHOD` by webhook."""

from functools import partial
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from ..portal import json_text
from ..portal.errors import PortalError
from ..portal.state import Portal, Stopwatch
from .answers import Answer, allow_any_origin, error_answer, method_not_allowed, reply
from .batch import batch
from .decoding import Fields, from_body, from_json, from_query, is_json, read_body
from .fault_answers import Struck, play
from .methods import check_profile, placement_call


class Target(NamedTuple):
    """What a path asks for."""

    method: str
    webhook: tuple[str, str] | None
    loose: bool
    """The name ends in `.json`: then GET and every encoding are taken, as on a real portal."""


class Rest:
    """An ASGI application of its own, without a layer between it and the server.

    A request is refused, in this order, for: its method's name, its HTTP method, the request
    limit, its authentication, the portal's profile, its body, its arguments, and the lack of a
    call. The access token is looked for in the query, then in the body; where a name is given
    twice, the last counts, as in PHP. Headers are never looked at.
    """

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, in the portal's envelope whatever was sent."""
        await reply(self._answer(scope, receive), send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        watch = Stopwatch()
        if _is_preflight(scope):
            return PREFLIGHT
        target = locate(scope["path"])
        allowed = ("GET", "POST") if target.loose else ("POST",)
        if scope["method"] not in allowed:
            return method_not_allowed(*allowed)
        body = await read_body(receive)
        fault = self._portal.faults.take_rest()
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
        fields, unreadable = _read(scope, target, body)
        if target.webhook:
            portal.authentication.check_webhook(*target.webhook)
        else:
            portal.authentication.check_token(query.get("auth") or fields.get("auth"))
        by_webhook = target.webhook is not None
        if target.method == "placement.call":
            check_profile(portal, by_webhook=by_webhook)
        if unreadable:
            raise unreadable
        if target.loose and query:
            fields = {**query, **fields}
        if target.method == "placement.call":
            result = placement_call(portal, fields).text
        else:
            result = json_text.encode(batch(portal, fields, by_webhook=by_webhook))
        time = json_text.encode(portal.time_block(target.method, watch))
        return Answer(200, f'{{"result":{result},"time":{time}}}'.encode())


def locate(path: str) -> Target:
    """Take a path apart. Raise `PortalError` if it names no method of this portal."""
    match path.split("/"):
        case ["", "rest", name]:
            webhook = None
        case ["", "rest", user, secret, name]:
            webhook = (user, secret)
        case _:
            raise PortalError("ERROR_METHOD_NOT_FOUND")
    name = name.lower()
    method = name.removesuffix(".json")
    if method not in ("placement.call", "batch"):
        raise PortalError("ERROR_METHOD_NOT_FOUND")
    return Target(method, webhook, loose=method != name)


def _read(scope: Scope, target: Target, body: bytes) -> tuple[Fields, PortalError | None]:
    """Read the body's fields; what is wrong with it is only told to those who may ask at all."""
    content_type = _header(scope, b"content-type")
    try:
        if target.loose:
            return from_body(content_type, body), None
        if not is_json(content_type):
            raise PortalError("INVALID_REQUEST", "The content type must be application/json")
        return from_json(body), None
    except PortalError as error:
        return {}, error


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""


def _is_preflight(scope: Scope) -> bool:
    """Tell whether a browser asks if a page of another origin may send its request."""
    return scope["method"] == "OPTIONS" and bool(_header(scope, b"access-control-request-method"))


# The same for every path: a page that may not ask could not read what is wrong with its request.
PREFLIGHT = Answer(
    204,
    b"",
    [
        allow_any_origin,
        (b"access-control-allow-methods", b"POST"),
        (b"access-control-allow-headers", b"content-type"),
        (b"access-control-max-age", b"600"),
    ],
)
