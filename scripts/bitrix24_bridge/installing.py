"""What a portal's server posts: the application was installed or removed, a call starts or ends."""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from hmac import compare_digest
from typing import Any

import httpx
from bitrix24_call_card.errors import InvalidResponse
from bitrix24_call_card.models import CallEndedEvent, CallStartedEvent, EventAuth
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .data import Data, Portal, hashed
from .errors import BridgeError
from .identity import Identities, Identity
from .posting import NoAnswerError, post
from .requests import address_of, read_body, read_form
from .settings import Settings
from .store import Store, User

log = logging.getLogger("bitrix24_bridge")

PLACEMENT = "CALL_CARD"
EVENTS = ("ONVOXIMPLANTCALLSTART", "ONVOXIMPLANTCALLEND", "ONAPPUNINSTALL")
TITLE = "Call"


class StepError(Exception):
    """A step of an installation that a portal refused; the text names it, and the portal's code."""


class FromPortal:
    """`/install` and `/events/SECRET`."""

    def __init__(
        self,
        settings: Settings,
        data: Data,
        identities: Identities,
        store: Store,
        http: httpx.AsyncClient,
    ) -> None:
        self._settings = settings
        self._data = data
        self._identities = identities
        self._store = store
        self._http = http

    async def install(self, request: Request) -> Response:
        """Receive `ONAPPINSTALL`: believe the OAuth server alone, then register with the portal."""
        return await _respond(self._install, request)

    async def event(self, request: Request) -> Response:
        """Receive an event; its URL holds a secret, and the form another."""
        return await _respond(self._event, request)

    async def _install(self, request: Request) -> None:
        form = read_form(await read_body(request))
        auth = _auth(form)
        if form.get("event") != "ONAPPINSTALL" or not (auth and auth.access_token):
            raise BridgeError("ERROR_ARGUMENT", "Expected the event ONAPPINSTALL")
        server = auth.additional_properties.get("server_endpoint")
        if not self._settings.may_install(auth.domain or "", auth.member_id or ""):
            raise BridgeError("invalid_token", "BRIDGE_PORTALS does not name this portal.")
        token = auth.access_token
        identity = await self._identities.check(token, address_of(request), server=server)
        if identity.member_id != auth.member_id:
            raise BridgeError("invalid_token", "The access token is not of this portal.")
        if not self._settings.may_install(identity.domain, identity.member_id):
            raise BridgeError("invalid_token", "BRIDGE_PORTALS does not name this portal.")
        events = secrets.token_hex(24)
        portal = Portal(
            member_id=identity.member_id,
            domain=identity.domain,
            endpoint=identity.endpoint,
            oauth_server=self._identities.server(server),
            application_token=hashed(auth.application_token),
            events=hashed(events),
            installed=time.time(),
            failed="event.bind",
        )
        # Any user has a token: only what an administrator does may replace what is known. A new
        # portal is known before, as it opens the widget at once in a card that is on the screen.
        is_new = self._data.portal(portal.member_id) is None
        if is_new:
            self._data.put_portal(replace(portal, failed="placement.bind"))
        try:
            await self._bind_widget(identity, token)
        except StepError as step:
            if is_new:
                self._data.note_step(portal.member_id, str(step))
            raise _incomplete(portal, step) from None
        self._data.put_portal(portal)
        try:
            await self._bind_events(identity, token, events)
        except StepError as step:
            self._data.note_step(portal.member_id, str(step))
            raise _incomplete(portal, step) from None
        self._data.note_step(portal.member_id, "")
        log.info("Installed on %s.", portal.domain)

    async def _bind_widget(self, identity: Identity, token: str) -> None:
        handler = f"{self._settings.url}/widget"
        at = {"PLACEMENT": PLACEMENT, "HANDLER": handler}
        await self._ask(identity, token, "placement.unbind", **at)
        await self._ask(identity, token, "placement.bind", **at, TITLE=TITLE)

    async def _bind_events(self, identity: Identity, token: str, secret: str) -> None:
        events = f"{self._settings.url}/events/"
        bound = await self._ask(identity, token, "event.get")
        try:
            handlers = [(row["event"], row["handler"]) for row in bound]
        except (TypeError, KeyError):
            raise StepError("event.get: no usable response") from None
        for event, handler in handlers:
            # Those of an earlier installation, whose secret nobody knows any more.
            if str(handler).startswith(events):
                await self._ask(identity, token, "event.unbind", event=event, handler=handler)
        for event in EVENTS:
            await self._ask(identity, token, "event.bind", event=event, handler=events + secret)

    async def _ask(self, identity: Identity, token: str, method: str, **fields: str) -> Any:
        try:
            _, answer = await post(
                self._http,
                f"{identity.endpoint}{method}",
                {**fields, "auth": token},
                whose=identity.domain,
                seconds=self._settings.times.oauth,
            )
        except NoAnswerError:
            raise StepError(f"{method}: no usable response") from None
        if "error" in answer:
            # The description may hold what was sent, and with it a secret URL.
            raise StepError(f"{method}: {str(answer['error'])[:80]}")
        return answer.get("result")

    async def _event(self, request: Request) -> None:
        form = read_form(await read_body(request))
        portal = self._data.portal_of_events(request.path_params["secret"])
        auth = _auth(form)
        token = auth.application_token if auth else ""
        # Every user who opens a card has the application's token, so it is not enough.
        if portal is None or not compare_digest(hashed(token), portal.application_token):
            raise BridgeError("INVALID_CREDENTIALS", "This is not an event of a known portal.")
        try:
            await self._note(portal, form)
        except InvalidResponse as error:
            raise BridgeError("ERROR_ARGUMENT", str(error)) from None

    async def _note(self, portal: Portal, form: dict[str, Any]) -> None:
        match form.get("event"):
            case "ONVOXIMPLANTCALLSTART":
                started = CallStartedEvent.from_dict(form).data
                user = User(portal.member_id, started.user_id)
                await self._store.start_call(user, started.call_id)
            case "ONVOXIMPLANTCALLEND":
                ended = CallEndedEvent.from_dict(form).data
                user = User(portal.member_id, ended.portal_user_id)
                await self._store.end_call(user, ended.call_id)
            case "ONAPPUNINSTALL":
                self._data.remove_portal(portal.member_id)
                log.info("Removed from %s.", portal.domain)
            case _:
                raise BridgeError("ERROR_ARGUMENT", "An event that was not asked for")


def _auth(form: dict[str, Any]) -> EventAuth | None:
    """Read who sends an event. None if it does not say so."""
    try:
        return EventAuth.from_dict(form.get("auth", {}))
    except InvalidResponse:
        return None


def _incomplete(portal: Portal, step: StepError) -> BridgeError:
    log.warning("Not installed on %s: %s.", portal.domain, step)
    return BridgeError("ERROR_CORE", f"{step}. Install it again, as an administrator.")


async def _respond(receive: Callable[[Request], Awaitable[None]], request: Request) -> Response:
    try:
        await receive(request)
    except BridgeError as error:
        return JSONResponse(error.envelope, error.status)
    return JSONResponse({"result": True})
