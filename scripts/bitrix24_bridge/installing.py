"""What a portal's server posts: the application was installed, or removed."""

import logging
import secrets
import time
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any

import httpx
from bitrix24_call_card import events
from bitrix24_call_card.models import EventAuth
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .data import Data, Portal, hashed
from .errors import BridgeError
from .identity import Identities, Identity
from .incoming import address_of, read_body
from .metrics import printable
from .posting import NoAnswerError, post
from .settings import Settings

log = logging.getLogger("bitrix24_bridge")

PLACEMENT = "CALL_CARD"
REMOVED = "ONAPPUNINSTALL"
TITLE = "Call"


class StepError(Exception):
    """A step of an installation that a portal refused; the text names it, and the portal's code."""


@dataclass(frozen=True)
class FromPortal:
    """`/install` and `/events/SECRET`."""

    settings: Settings
    data: Data
    identities: Identities
    http: httpx.AsyncClient
    installing: set[str] = field(default_factory=set[str])
    """The member ids of portals whose installation is under way."""

    async def install(self, request: Request) -> Response:
        """Receive `ONAPPINSTALL`: believe the OAuth server alone, then register with the portal."""
        installed = _read(await read_body(request))
        auth = installed.auth
        request.state.portal = auth.domain or auth.member_id or ""
        if installed.name != "ONAPPINSTALL" or not auth.access_token:
            raise BridgeError("ERROR_ARGUMENT", "Expected the event ONAPPINSTALL")
        server = str(auth.additional_properties.get("server_endpoint", ""))
        if not self.settings.may_install(auth.domain or "", auth.member_id or ""):
            raise BridgeError("invalid_token", "BRIDGE_PORTALS does not name this portal.")
        token = auth.access_token
        identity = await self.identities.check(token, address_of(request), server=server)
        if identity.member_id != auth.member_id:
            raise BridgeError("invalid_token", "The access token is not of this portal.")
        if not self.settings.may_install(identity.domain, identity.member_id):
            raise BridgeError("invalid_token", "BRIDGE_PORTALS does not name this portal.")
        if identity.member_id in self.installing:
            raise BridgeError("QUERY_LIMIT_EXCEEDED", "It is being installed there. Retry later.")
        self.installing.add(identity.member_id)
        try:
            await self._register(identity, auth)
        finally:
            self.installing.discard(identity.member_id)
        return JSONResponse({"result": True})

    async def _register(self, identity: Identity, auth: EventAuth) -> None:
        token = str(auth.access_token)
        secret = secrets.token_hex(24)
        portal = Portal(
            member_id=identity.member_id,
            domain=identity.domain,
            endpoint=identity.endpoint,
            oauth_server=identity.server,
            application_token=hashed(auth.application_token),
            events=hashed(secret),
            installed=time.time(),
            failed="placement.bind",
        )
        # Any user has a token: only what an administrator does may replace what is known. A new
        # portal is known before, as it opens the widget at once in a card that is on the screen.
        if self.data.portal(portal.member_id) is None:
            await self.data.in_thread(self.data.put_portal, portal)
        try:
            await self._bind_widget(identity, token)
            await self.data.in_thread(self.data.put_portal, portal)
            await self._bind_events(identity, token, secret)
        except StepError as step:
            await self.data.in_thread(self.data.note_step, portal.events, str(step))
            log.warning("Not installed on %s: %s.", portal.domain, step)
            raise BridgeError(
                "ERROR_CORE", f"{step}. Install it again, as an administrator."
            ) from None
        await self.data.in_thread(self.data.note_step, portal.events, "")
        log.info("Installed on %s.", portal.domain)

    async def _bind_widget(self, identity: Identity, token: str) -> None:
        handler = f"{self.settings.url}/widget"
        at = {"PLACEMENT": PLACEMENT, "HANDLER": handler}
        await self._ask(identity, token, "placement.unbind", **at)
        await self._ask(identity, token, "placement.bind", **at, TITLE=TITLE)

    async def _bind_events(self, identity: Identity, token: str, secret: str) -> None:
        ours = f"{self.settings.url}/events/"
        bound = await self._ask(identity, token, "event.get")
        try:
            handlers = [(row["event"], row["handler"]) for row in bound]
        except (TypeError, KeyError):
            raise StepError("event.get: no usable response") from None
        for event, handler in handlers:
            # Those of an earlier installation, whose secret nobody knows any more.
            if str(handler).startswith(ours):
                await self._ask(identity, token, "event.unbind", event=event, handler=handler)
        await self._ask(identity, token, "event.bind", event=REMOVED, handler=ours + secret)

    async def _ask(self, identity: Identity, token: str, method: str, **fields: str) -> Any:
        try:
            _, answer = await post(
                self.http,
                f"{identity.endpoint}{method}",
                {**fields, "auth": token},
                whose=identity.domain,
                seconds=self.settings.times.oauth,
            )
        except NoAnswerError:
            raise StepError(f"{method}: no usable response") from None
        if "error" in answer:
            # The description may hold what was sent, and with it a secret URL.
            raise StepError(f"{method}: {printable(str(answer['error']))}")
        return answer.get("result")

    async def event(self, request: Request) -> Response:
        """Receive `ONAPPUNINSTALL`; its URL holds a secret, and the form another."""
        body = await read_body(request)
        portal = self.data.portal_of_events(request.path_params["secret"])
        if portal is None:
            raise BridgeError("INVALID_CREDENTIALS", "This is not an event of a known portal.")
        request.state.portal = portal.domain
        event = _read(body)
        # Every user who opens a card has the application's token, so it is not enough.
        if not compare_digest(hashed(event.auth.application_token), portal.application_token):
            raise BridgeError("INVALID_CREDENTIALS", "The application token is stale.")
        if event.name != REMOVED:
            raise BridgeError("ERROR_ARGUMENT", f"Expected the event {REMOVED}")
        await self.data.in_thread(self.data.remove_portal, portal.member_id)
        log.info("Removed from %s.", portal.domain)
        return JSONResponse({"result": True})


def _read(body: bytes) -> events.PortalEvent:
    try:
        return events.read(body)
    except events.InvalidEvent as error:
        raise BridgeError("ERROR_ARGUMENT", str(error)) from None
