"""The socket of a page's script: who it is, then questions and answers until it closes."""

import asyncio
import contextlib
import json
import logging
import re
import resource
import time
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, NamedTuple

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from .connections import (
    BAD_MESSAGE,
    REFUSED,
    SILENT,
    TOKEN,
    TOO_MUCH,
    UNAVAILABLE,
    ClosingError,
    Connection,
    Connections,
)
from .data import Data, hashed
from .errors import BridgeError
from .identity import Identities, Identity
from .incoming import address_of
from .metrics import CARDS, refuse
from .settings import Settings

log = logging.getLogger("bitrix24_bridge")

MOST_HELLO = 4096
"""The characters of the first message."""

SPARE_FILES = 200
"""Of the limit of open files: for REST, Redis, the OAuth servers and the data."""

CODES = {401: TOKEN, 503: TOO_MUCH}
"""The code to close with, by the status over HTTP; everything else may pass with time."""


class Hello(NamedTuple):
    """The first message: whose card it is."""

    token: str
    member_id: str
    app_sid: str
    age: float
    """For how many seconds the page has been open; 0 if an older script does not say it."""


@dataclass
class Sockets:
    """`/socket`."""

    settings: Settings
    data: Data
    identities: Identities
    connections: Connections
    open: int = 0
    """The sockets that are served now."""

    async def serve(self, socket: WebSocket) -> None:
        """Serve one socket until it closes."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES
        origins = {self.settings.url, *self.settings.origins}
        origin = socket.headers.get("origin", "")
        if self.open >= most or origin not in origins:
            if origin in origins:
                refuse("files", "No file is left for another connection. Raise LimitNOFILE.")
            else:
                refuse("origin", "BRIDGE_ORIGINS does not name this origin.", origin)
            await socket.close()  # before it is accepted: 403
            return
        self.open += 1
        try:
            await socket.accept()
            await self._serve(socket)
        except WebSocketDisconnect:
            return
        except ClosingError as closing:
            await _close(socket, closing.code, closing.reason)
        except BridgeError as error:
            await _close(socket, CODES.get(error.status, UNAVAILABLE), str(error))
        except Exception as error:
            # Its text may hold anything, a phone number too.
            log.error("A socket failed: %s", type(error).__name__)
            await _close(socket, UNAVAILABLE, "a fault of the bridge")
        finally:
            self.open -= 1

    async def _serve(self, socket: WebSocket) -> None:
        hello = await self._hello(socket)
        socket.state.portal = hello.member_id
        identity = await self._identity(hello, address_of(socket))
        connection = Connection(self.settings.times, socket.send_text, hello.age)
        card = hashed(hello.app_sid)
        socket.state.portal = identity.domain
        with CARDS.track_inprogress(), self.connections.opened(identity.user, card, connection):
            await connection.run(partial(_receive, socket), identity.expires - time.time())

    async def _hello(self, socket: WebSocket) -> Hello:
        try:
            async with asyncio.timeout(self.settings.times.hello):
                text = await _receive(socket)
        except TimeoutError:
            raise ClosingError(SILENT, "nothing was said in time") from None
        try:
            if len(text) > MOST_HELLO:
                raise ValueError
            message = json.loads(text)
            token, member_id, app_sid = (_ascii(message[name]) for name in Hello._fields[:3])
            hello = Hello(token, member_id, app_sid, float(message.get("age", 0)))
            if not re.fullmatch(r"[0-9a-f]{32}", app_sid) or not 0 <= hello.age < inf:
                raise ValueError
        except (ValueError, RecursionError, TypeError, KeyError, OverflowError):
            raise ClosingError(BAD_MESSAGE, "expected token, member_id and app_sid") from None
        return hello

    async def _identity(self, hello: Hello, address: str) -> Identity:
        portal = self.data.portal(hello.member_id)
        if portal is None:
            raise ClosingError(REFUSED, "the application is not installed on this portal")
        identity = await self.identities.check(
            hello.token, address, server=portal.oauth_server, card=True
        )
        if identity.member_id != portal.member_id:
            raise ClosingError(REFUSED, "the access token is not of this portal")
        return identity


def _ascii(value: Any) -> str:
    if not (isinstance(value, str) and value.isascii()):
        raise TypeError
    return value


async def _receive(socket: WebSocket) -> str:
    try:
        return await socket.receive_text()
    except KeyError:  # it was bytes
        raise ClosingError(BAD_MESSAGE, "expected text") from None


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    if code in (TOKEN, REFUSED, TOO_MUCH, UNAVAILABLE):
        refuse(str(code), reason, getattr(socket.state, "portal", ""))
    if socket.client_state == WebSocketState.CONNECTED:
        with contextlib.suppress(WebSocketDisconnect):  # it has gone meanwhile
            await socket.close(code, reason)
