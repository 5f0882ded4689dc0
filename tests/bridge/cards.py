"""Cards without a browser: the script's part of the socket, and the form that opens a widget."""

import asyncio
import copy
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.bridge.bridges import GET_STATUS
from tests.bridge.portals import FakePortal, post_form
from tests.data import CALL

PHONE = "+12025550199"
NOT_CONNECTED = (400, "CARD_NOT_CONNECTED")


class HasUrl(Protocol):
    """A bridge, in this process or in another."""

    @property
    def url(self) -> str: ...


def status(state: str = "connected", **more: Any) -> dict[str, Any]:
    """Return the status of a call, as the portal's page says it."""
    return {**copy.deepcopy(CALL), "CALL_STATE": state, "PHONE_NUMBER": PHONE, **more}


class Card:
    """A card that is connected, and answers each question with its status unless it is frozen."""

    def __init__(self, socket: ClientConnection, says: dict[str, Any], *, frozen: bool) -> None:
        self.socket = socket
        self.says = says
        self.frozen = frozen
        self.questions = 0
        """How many have come."""
        self.number = 0
        """Of the last question."""
        self._came = asyncio.Condition()
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self.socket:
                async with self._came:
                    self.number = json.loads(text)["ask"]
                    self.questions += 1
                    self._came.notify_all()
                if not self.frozen:
                    await self.answer()

    async def asked(self, times: int) -> None:
        """Wait until `times` questions have come in all."""
        async with asyncio.timeout(20), self._came:
            await self._came.wait_for(lambda: self.questions >= times)

    async def answer(self, number: Any = None) -> None:
        """Answer the last question, or the one of another number."""
        await self.send({"answer": number or self.number, "status": self.says})

    async def change(self, says: dict[str, Any]) -> None:
        """Say a status that nobody asked for."""
        self.says = says
        await self.send({"status": says})

    async def send(self, message: Any) -> None:
        await self.socket.send(_message(message))

    async def closed(self) -> tuple[int | None, str | None]:
        """Wait until the bridge closes the socket; return its code and reason."""
        async with asyncio.timeout(20):
            await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason

    async def close(self) -> None:
        await self.socket.close()
        await self._listening


def new_sid() -> str:
    return secrets.token_hex(16)


def _hello(portal: FakePortal, token: str) -> dict[str, str]:
    return {"token": token, "member_id": portal.member_id, "app_sid": new_sid()}


def _message(message: Any) -> str | bytes:
    return message if isinstance(message, str | bytes) else json.dumps(message)


@asynccontextmanager
async def socket(bridge: HasUrl, origin: str | None = "") -> AsyncIterator[ClientConnection]:
    """Open a socket from the bridge's own page, or another; None is no origin at all."""
    url = bridge.url.replace("http", "ws", 1) + "/socket"
    shown: Any = (origin or bridge.url) if origin is not None else None
    async with connect(
        url, origin=shown, proxy=None, compression=None, max_queue=None, open_timeout=60
    ) as opened:
        yield opened


async def closing_after(bridge: HasUrl, first: Any) -> tuple[int | None, str | None]:
    """Send a first message, and return code and reason with which the bridge closes the socket."""
    async with socket(bridge) as opened, asyncio.timeout(20):
        await opened.send(_message(first))
        await opened.wait_closed()
        return opened.close_code, opened.close_reason


async def refused(bridge: HasUrl, portal: FakePortal, token: str) -> tuple[int | None, str | None]:
    """Say hello, and return code and reason with which the bridge closes the socket."""
    return await closing_after(bridge, _hello(portal, token))


@asynccontextmanager
async def card(
    bridge: HasUrl,
    portal: FakePortal,
    says: dict[str, Any] | None = None,
    *,
    user_id: int = 1,
    token: str = "",
    frozen: bool = False,
    **hello: Any,
) -> AsyncIterator[Card]:
    """Connect a card, which is connected once its first question has come.

    `hello`: other members of the first message than usual.
    """
    async with socket(bridge) as opened:
        connected = Card(opened, says or status(), frozen=frozen)
        await connected.send({**_hello(portal, token or portal.token(user_id)), **hello})
        try:
            await connected.asked(1)
            yield connected
        finally:
            await connected.close()


def opening_form(
    portal: FakePortal,
    token: str,
    says: dict[str, Any] | None = None,
    *,
    query: dict[str, str] | None = None,
    **form: str,
) -> tuple[str, str]:
    """Return query and body of the form that opens a widget, with other members than usual."""
    asked = {"DOMAIN": portal.domain, "PROTOCOL": "1", "LANG": "en", "APP_SID": new_sid()}
    fields = {
        "AUTH_ID": token,
        "AUTH_EXPIRES": "3600",
        "REFRESH_ID": secrets.token_hex(24),
        "SERVER_ENDPOINT": portal.cloud.oauth_server,
        "APPLICATION_TOKEN": portal.application_token,
        "APPLICATION_SCOPE": "placement,telephony",
        "member_id": portal.member_id,
        "status": "L",
        "PLACEMENT": "CALL_CARD",
        "PLACEMENT_OPTIONS": json.dumps(says or status()),
    }
    return urlencode({**asked, **(query or {})}), urlencode({**fields, **form})


async def open_widget(
    http: httpx.AsyncClient, bridge: HasUrl, form: tuple[str, str]
) -> httpx.Response:
    query, body = form
    return await post_form(http, f"{bridge.url}/widget?{query}", body)


async def ask(http: httpx.AsyncClient, webhook: str) -> httpx.Response:
    """Send `getStatus` with a webhook."""
    return await http.post(f"{webhook}placement.call", json=GET_STATUS)


async def until(
    http: httpx.AsyncClient,
    webhook: str,
    wanted: tuple[int, str],
    *meanwhile: tuple[int, str],
    source: str | None = None,
) -> httpx.Response:
    """Ask until the answer is this one; if `meanwhile` is given, nothing else may come first."""
    async with asyncio.timeout(60):
        while True:
            answer = await ask(http, webhook)
            if said(answer) == wanted and source in (None, answer.headers.get("bridge-source")):
                return answer
            assert not meanwhile or said(answer) in (wanted, *meanwhile)
            await asyncio.sleep(0.005)


async def ask_with(http: httpx.AsyncClient, bridge: HasUrl, token: str) -> httpx.Response:
    """Send `getStatus` with an access token."""
    return await http.post(f"{bridge.url}/rest/placement.call", json={**GET_STATUS, "auth": token})


def said(response: httpx.Response) -> tuple[int, Any]:
    """Return what an answer says in short: the status, then the state of the call, or the code."""
    body = response.json()
    return response.status_code, body.get("error") or body["result"]["CALL_STATE"]


def about(response: httpx.Response) -> dict[str, str]:
    """Return the bridge's own headers of an answer, without the age."""
    return {
        name.removeprefix("bridge-"): value
        for name, value in response.headers.items()
        if name.startswith("bridge-") and name != "bridge-age"
    }
