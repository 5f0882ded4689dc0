"""The socket of a page's script: who it is, then questions and answers until it closes."""

import asyncio
import contextlib
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

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
from .data import Data
from .errors import BridgeError
from .identity import Identities, Identity
from .pages import card_id
from .requests import address_of
from .settings import Settings
from .store import Store

log = logging.getLogger("bitrix24_bridge")

MOST_HELLO = 4096
"""The characters of the first message."""

CODES = {
    "QUERY_LIMIT_EXCEEDED": TOO_MUCH,
    "expired_token": TOKEN,
    "invalid_token": TOKEN,
}
"""The code to close with, by the contract's code; everything else may pass with time."""


class Hello(NamedTuple):
    """The first message: whose card it is."""

    token: str
    member_id: str
    app_sid: str


class Sockets:
    """`/socket`."""

    def __init__(
        self,
        settings: Settings,
        data: Data,
        identities: Identities,
        store: Store,
        connections: Connections,
    ) -> None:
        self._settings = settings
        self._data = data
        self._identities = identities
        self._store = store
        self._connections = connections
        self._origins = {settings.url, *settings.origins}

    async def serve(self, socket: WebSocket) -> None:
        """Serve one socket until it closes."""
        if socket.headers.get("origin", "") not in self._origins:
            await socket.close()  # before it is accepted: 403
            return
        await socket.accept()
        try:
            await self._serve(socket)
        except WebSocketDisconnect:
            return
        except ClosingError as closing:
            await _close(socket, closing.code, closing.reason)
        except BridgeError as error:
            await _close(socket, CODES.get(error.code, UNAVAILABLE), str(error))
        except Exception as error:
            # Its text may hold anything, a phone number too.
            log.error("A socket failed: %s", type(error).__name__)
            await _close(socket, UNAVAILABLE, "a fault of the bridge")

    async def _serve(self, socket: WebSocket) -> None:
        hello = await self._hello(socket)
        identity = await self._identity(hello, address_of(socket))
        connection = Connection(
            identity.user,
            card_id(hello.app_sid),
            self._store,
            self._settings.times,
            socket.send_text,
        )
        # Claimed first, or the former connection would close the card as its own.
        await self._store.claim(identity.user, connection.card, connection.owner)
        with self._connections.opened(connection):
            await connection.run(_texts(socket), identity.expires - time.time())

    async def _hello(self, socket: WebSocket) -> Hello:
        try:
            async with asyncio.timeout(self._settings.times.hello):
                text = await _texts(socket)()
        except TimeoutError:
            raise ClosingError(SILENT, "nothing was said in time") from None
        try:
            if len(text) > MOST_HELLO:
                raise ValueError
            message = json.loads(text)
            members = [message[name] for name in Hello._fields]
            if not all(isinstance(member, str) and member.isascii() for member in members):
                raise TypeError
            hello = Hello(*members)
            if not re.fullmatch(r"[0-9a-f]{32}", hello.app_sid):
                raise ValueError
        except (ValueError, RecursionError, TypeError, KeyError):
            raise ClosingError(BAD_MESSAGE, "expected token, member_id and app_sid") from None
        return hello

    async def _identity(self, hello: Hello, address: str) -> Identity:
        portal = self._data.portal(hello.member_id)
        if portal is None:
            raise ClosingError(REFUSED, "the application is not installed on this portal")
        identity = await self._identities.check(
            hello.token, address, server=portal.oauth_server, card=True
        )
        if identity.member_id != portal.member_id:
            raise ClosingError(REFUSED, "the access token is not of this portal")
        return identity


def _texts(socket: WebSocket) -> Callable[[], Awaitable[str]]:
    """Give a function that waits for the next text of a socket."""

    async def receive() -> str:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text = message.get("text")
        if text is None:
            raise ClosingError(BAD_MESSAGE, "expected text")
        return str(text)

    return receive


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    if socket.client_state == WebSocketState.CONNECTED:
        with contextlib.suppress(WebSocketDisconnect):  # it has gone meanwhile
            await socket.close(code, reason)
