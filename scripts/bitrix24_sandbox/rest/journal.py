"""The journal: the requests to the portal and its OAuth server, with their responses.

A request is kept as received, which costs next to nothing, and described only on demand.
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..portal import json_text
from ..portal.authentication import WEBHOOK
from ..portal.state import Stopwatch
from .decoding import Fields, access_token, header, read_fields

SIZE = 1000
"""How many of the newest requests are kept."""

KEPT = 8192
"""The largest body, query or response that is kept, in bytes; larger ones are not shown."""

MASK = "***"
SECRET_FIELDS = {"auth", "access_token", "refresh_token", "client_secret", "auth_id", "refresh_id"}
_IN_COMMAND = re.compile(rf"\b({'|'.join(SECRET_FIELDS)})=[^&]*", re.IGNORECASE)

Entry = dict[str, Any]


@dataclass(slots=True)
class Recorded:
    """A request as received, and its response."""

    id: int
    watch: Stopwatch
    method: str
    path: str
    content_type: str
    authorization: str
    query: bytes | None
    """None if it is too large, as for the body."""
    body: bytes | None = b""
    status: int | None = None
    """None while there is no response, and forever if the connection broke."""
    answer: bytes = b""
    seconds: float = 0.0

    def describe(self) -> Entry:
        """Describe it as JSON, with its secrets masked."""
        path = [part for part in self.path.split("/") if part]
        fields = self._fields()
        return {
            "id": self.id,
            "time": self.watch.started,
            "seconds": round(self.seconds, 6),
            "method": self.method,
            "path": "/" + "/".join(_masked_path(path)),
            "fields": None if fields is None else _masked(fields),
            "status": self.status,
            "code": self._code(),
            "who": self._who(path, fields or {}),
        }

    def read_answer(self) -> Any:
        """Return the response as JSON, with its secrets masked; None if too large or not JSON."""
        try:
            return _masked(json.loads(self.answer))
        except ValueError:
            return None

    def _fields(self) -> Fields | None:
        if self.query is None or self.body is None:
            return None
        return read_fields(self.method, self.query, self.content_type, self.body)

    def _who(self, path: list[str], fields: Fields) -> str | None:
        if access_token(self.authorization, fields) or fields.get("client_id"):
            return "application"
        return "webhook" if len(path) == 4 else None

    def _code(self) -> str | None:
        """Return the error code, which some responses have with status 200, too."""
        if not self.answer.startswith(b'{"error"'):
            return None
        try:
            return str(json.loads(self.answer)["error"])
        except ValueError:
            return None  # truncated, by the fault `truncated-json`


def _masked_path(parts: list[str]) -> list[str]:
    """Mask the secret of a webhook, in its place and elsewhere in the path."""
    shown = [MASK if part == WEBHOOK else part for part in parts]
    secret = 3 if shown[1:2] == ["api"] else 2  # `/rest/api/USER/WEBHOOK/METHOD`, of REST 3
    if len(shown) > secret and shown[0] == "rest":
        shown[secret] = MASK
    return shown


def _masked(value: Any) -> Any:
    if json_text.is_object(value):
        return {
            name: MASK if str(name).lower() in SECRET_FIELDS else _masked(item)
            for name, item in value.items()
        }
    if json_text.is_array(value):
        return [_masked(item) for item in value]
    return _IN_COMMAND.sub(rf"\1={MASK}", value) if isinstance(value, str) else value


class Journal:
    """The newest requests of one sandbox. It is used only in the event loop that serves them."""

    def __init__(self, size: int = SIZE) -> None:
        self._requests: deque[Recorded] = deque(maxlen=size)
        self._ids = count(1)
        self._listeners: list[Callable[[Recorded], None]] = []

    def recording(self, app: ASGIApp) -> ASGIApp:
        """Wrap this application, to record its requests."""
        return _Recording(app, self)

    def new(self, scope: Scope) -> Recorded:
        """Begin to record a request."""
        query = scope["query_string"]
        return Recorded(
            id=next(self._ids),
            watch=Stopwatch(),
            method=scope["method"][:20],
            path=scope["path"][:2000],
            content_type=header(scope, b"content-type")[:200],
            authorization=header(scope, b"authorization")[:200],
            query=query if len(query) <= KEPT else None,
        )

    def add(self, request: Recorded) -> None:
        """Keep a completed request, and pass it to the listeners."""
        self._requests.append(request)
        for listener in tuple(self._listeners):
            listener(request)

    def subscribe(self, listener: Callable[[Recorded], None]) -> Callable[[], None]:
        """Call `listener` with each request from now on; return a function that unsubscribes."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def clear(self) -> None:
        """Remove all requests. Their ids are not used again."""
        self._requests.clear()

    def find(self, wanted: "Filter") -> list[Entry]:
        """Describe the matching requests, oldest first."""
        newer = (request for request in self._requests if request.id > wanted.after)
        return [entry for entry in (request.describe() for request in newer) if wanted.fits(entry)]

    async def wait_for(self, wanted: "Filter", number: int, seconds: float) -> list[Entry]:
        """Describe the matching requests, once there are `number` of them or the time is up."""
        found = self.find(wanted)
        if len(found) >= number:
            return found
        enough = asyncio.Event()

        def listen(request: Recorded) -> None:
            entry = request.describe()
            if request.id > wanted.after and wanted.fits(entry):
                found.append(entry)
                if len(found) >= number:
                    enough.set()

        leave = self.subscribe(listen)
        try:
            async with asyncio.timeout(seconds):
                await enough.wait()
        except TimeoutError:
            pass
        finally:
            leave()
        return found


class InvalidFilterError(ValueError):
    """An invalid filter. The message says what was expected."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Selects requests: each member that is set must match."""

    after: int = 0
    """The id of a request; only newer requests match."""
    method: str | None = None
    path: str | None = None
    """A part of the path."""
    status: int | None = None
    code: str | None = None
    who: str | None = None

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> "Filter":
        """Read a filter from a query's parameters. Raise `InvalidFilterError` if one is invalid."""
        return cls(
            after=read_number(texts, "after", 0),
            method=texts.get("method"),
            path=texts.get("path"),
            status=read_number(texts, "status", 0) or None,
            code=texts.get("code"),
            who=texts.get("who"),
        )

    def fits(self, entry: Entry) -> bool:
        """Whether a request matches."""
        if self.path is not None and self.path not in entry["path"]:
            return False
        exact = {"method": self.method, "status": self.status, "code": self.code, "who": self.who}
        return all(wanted in (None, entry[name]) for name, wanted in exact.items())


def read_number(texts: Mapping[str, str], name: str, default: int) -> int:
    """Read an integer from a query. Raise `InvalidFilterError` if it is invalid."""
    text = texts.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidFilterError(f"{name} must be a whole number, 0 or more")
    return int(text)


class _Recording:
    """An ASGI middleware that records requests."""

    def __init__(self, app: ASGIApp, journal: Journal) -> None:
        self._app = app
        self._journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and keep it with its response."""
        request = self._journal.new(scope)

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "http.request" and request.body is not None:
                whole = request.body + message.get("body", b"")
                request.body = whole if len(whole) <= KEPT else None
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
            else:
                answer = message["body"]
                keep(answer if len(answer) <= KEPT else b"")  # before the client can look it up
            await send(message)

        def keep(answer: bytes) -> None:
            request.answer = answer
            request.seconds = request.watch.seconds()
            self._journal.add(request)

        try:
            await self._app(scope, receiving, sending)
        finally:
            if request.status is None:
                keep(b"")
