"""The contract: `/rest/USER/SECRET/placement.call`, and `/rest/placement.call` with OAuth."""

import json
import logging
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .answering import Answer, answer
from .cards import Cards, User
from .data import Data
from .errors import BridgeError
from .identity import Identities
from .incoming import address_of, read_body
from .metrics import ANSWERS, refuse

log = logging.getLogger("bitrix24_bridge")

MOST_FIELDS = 200
"""Of a query or a form."""
TOKEN = re.compile(r"[0-9A-Za-z]{16,512}")
Fields = dict[str, Any]


@dataclass(frozen=True)
class Rest:
    """A plain ASGI application, which answers as the contract says, whatever was sent.

    It refuses in the portal's order: for the method, for who asks, for what is asked.
    """

    data: Data
    identities: Identities
    cards: Cards

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        begun = time.time()
        try:
            found = await self._answer(Request(scope, receive))
            headers = {
                "Bridge-Source": found.source,
                "Bridge-Age": f"{found.age:.3f}",
                "Bridge-Cards": str(found.cards),
            }
            response = _response(200, _envelope(found, begun), headers)
            ANSWERS.labels("200").inc()
        except BridgeError as error:
            response = _error_response(error)
        except Exception as error:
            # Its text may hold anything, a phone number too.
            log.error("A request failed: %s", type(error).__name__)
            fault = BridgeError("INTERNAL_SERVER_ERROR", "A fault of the bridge")
            response = _error_response(fault)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Answer:
        path = [part for part in request.scope["path"].split("/") if part]
        if path[-1].lower().removesuffix(".json") != "placement.call" or len(path) not in (2, 4):
            raise BridgeError("ERROR_METHOD_NOT_FOUND", "Method not found!")
        if request.method not in ("GET", "POST"):
            raise BridgeError("METHOD_NOT_ALLOWED", "Use POST")
        body = _read(request.headers.get("content-type", ""), await read_body(request))
        fields = {**_read_form(request.scope["query_string"]), **body}
        if (token := _token(request, fields)) or len(path) == 2:
            user = await self._user_of_token(request, token)
        else:
            user = self._user_of_secret(path[1], path[2])
        _check(fields)
        return await answer(self.cards, user)

    def _user_of_secret(self, user_id: str, secret: str) -> User:
        user = self.data.user_of(user_id, secret)
        if user is None:
            raise BridgeError("INVALID_CREDENTIALS", "Invalid request credentials")
        return user

    async def _user_of_token(self, request: Request, token: str) -> User:
        if not token:
            raise BridgeError("NO_AUTH_FOUND", "Wrong authorization data")
        if not TOKEN.fullmatch(token):
            raise BridgeError("invalid_token", "The access token is not one of a portal.")
        identity = await self.identities.check(token, address_of(request))
        if self.data.portal(identity.member_id) is None:
            raise BridgeError("invalid_token", "The application is not installed on this portal.")
        return identity.user


def _read(content_type: str, body: bytes) -> Fields:
    """Read a body by its label; as on a portal, one that cannot be read has no fields."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        return _read_form(body)
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("Fields", fields) if isinstance(fields, dict) else {}


def _read_form(text: bytes) -> Fields:
    """Read a query or a form; `name[key]=value` makes a map, and an empty `PARAMS` is missing."""
    fields: Fields = {}
    try:
        pairs = parse_qsl(
            text.decode(errors="replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError:
        return fields
    for name, value in pairs:
        stem, bracket, key = name.partition("[")
        if bracket and isinstance(below := fields.setdefault(stem, {}), dict):
            below[key.removesuffix("]")] = value
        elif not bracket and (value or name != "PARAMS"):
            fields[name] = value
    return fields


def _token(request: Request, fields: Fields) -> str:
    """Return the access token, or an empty string; as on a portal, an empty one ends the search."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    found: Any = bearer.strip()
    if scheme.lower() != "bearer" or not found:
        values = (fields[name] for name in ("auth", "access_token") if name in fields)
        found = next((value for value in values if not isinstance(value, dict | list)), "")
    return "" if found in (None, False, 0, "0") else str(found)


def _check(fields: Fields) -> None:
    placement = fields.get("PLACEMENT")
    if placement is None or placement == "":
        raise _invalid("PLACEMENT", "is null or empty")
    if not isinstance(placement, str):
        raise _invalid("PLACEMENT", "must be a string")
    if placement != "getStatus":
        raise BridgeError("ERROR_PLACEMENT_NOT_FOUND", "Placement not found")
    if fields.get("PARAMS", {}) not in ({}, []):
        raise _invalid("PARAMS", "must be empty: {} or []")


def _invalid(name: str, why: str) -> BridgeError:
    return BridgeError("ERROR_ARGUMENT", f"Argument '{name}' {why}", argument=name)


def _envelope(found: Answer, begun: float) -> str:
    finished = time.time()
    times = {
        "start": int(begun),  # in whole seconds, as on a portal
        "finish": finished,
        "duration": finished - begun,
        "processing": int(finished - begun),
        "date_start": _iso(begun),
        "date_finish": _iso(finished),
    }
    return f'{{"result":{found.text},"time":{json.dumps(times)}}}'


def _iso(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds")


def _error_response(error: BridgeError) -> Response:
    ANSWERS.labels(error.code).inc()
    if error.status == 503:
        refuse("503", str(error))
    allow = {"Allow": "GET, POST"} if error.status == 405 else {}
    return _response(error.status, json.dumps(error.envelope), allow)


def _response(status: int, text: str, headers: dict[str, str]) -> Response:
    about = {
        "Content-Type": "application/json; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(text, status, {**about, **headers})
