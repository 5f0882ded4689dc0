"""Calls as the portal's server sees them: its events, and calls that other telephonies register.

The server posts its events whether or not a card shows the call.
"""

import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from .call import Call, is_external

TYPES = {"outgoing": 1, "incoming": 2, "incomingTransfer": 3, "callback": 4}
"""A call's type, by the direction in its card; a fifth type is an automatic call."""

APPLICATION_ID = 1
MOST_CALLS = 100
"""How many registered calls may be unfinished; beyond that, the oldest are dropped."""

SAME_CALL = 30 * 60
"""For how many seconds registering a call again returns the same call."""


class Happening(NamedTuple):
    """An event, with its fields as strings of a form."""

    event: str
    data: dict[str, str]
    by_rest: bool = True
    """Whether a user caused it with a REST call, so that it carries a token."""


@dataclass(frozen=True, slots=True)
class ServerCall:
    """A call, which the server keeps until it ends."""

    call_id: str
    user_id: str
    type: int
    phone_number: str
    line_number: str
    started: float
    """When it began, in Unix seconds."""
    answered: float | None
    """When it was answered; None while it rings."""
    entity: tuple[str, int] | None = None
    activity_id: str = ""
    application_id: int | None = APPLICATION_ID
    """The application that registered it; None for a webhook."""
    external_id: str | None = None
    """The other telephony's own id."""

    @property
    def portal_number(self) -> str:
        """The line's number, or a name made from the application's id."""
        return self.line_number or f"REST_APP:{self.application_id or ''}"


class Outcome(NamedTuple):
    """How a call ended."""

    seconds: int
    code: str
    """A SIP code: 200, 304 (not answered), 486, …"""
    reason: str = ""
    cost: float = 0
    currency: str = ""


class Telephony:
    """The calls of one portal that have not ended yet."""

    def __init__(self, call: Call | None, user_id: str) -> None:
        """`call`: the current call of this user; its beginning is no longer an event."""
        self.user_id = user_id
        self._registered: dict[str, ServerCall] = {}
        self._finished: str | None = (
            None  # the id of a call that has ended, though its card is open
        )
        self._shown = self._server_call(call)
        self.records = 0
        """The number of finished calls, which is also the id of the newest record."""

    def follow(self, call: Call | None) -> list[Happening]:
        """Compare the call in the card with the previous one; return the events of the change.

        A registered call begins and ends with its registration, not with its card.
        """
        if call is None or call["CALL_ID"] != self._finished:
            self._finished = None
        before, now = self._shown, self._server_call(call)
        if before is not None and now is not None and before.call_id == now.call_id:
            if before.answered is not None or now.answered is None:
                return []
            self._shown = replace(now, started=before.started)
            return [_answered(now)]
        self._shown = now
        happened: list[Happening] = []
        if before is not None:
            happened.append(_ended(before, before.user_id, _outcome(before)))
        if now is not None:
            happened.append(_begun(now))
            if now.answered is not None:
                happened.append(_answered(now))
        return happened

    def register(self, call: ServerCall) -> tuple[ServerCall, list[Happening]]:
        """Keep a call of another telephony until it is finished.

        If it has been registered already, return the earlier call. A portal reports the beginning
        of the new one all the same.
        """
        earlier = next((known for known in self._registered.values() if _same(known, call)), None)
        if earlier is not None:
            return earlier, [_begun(call)]
        if len(self._registered) >= MOST_CALLS:
            del self._registered[next(iter(self._registered))]
        self._registered[call.call_id] = call
        return call, [_begun(call), _answered(call)]

    def find(self, call_id: str) -> ServerCall | None:
        """Return the call with this id, if it has not ended."""
        if self._shown is not None and self._shown.call_id == call_id:
            return self._shown
        return self._registered.get(call_id)

    def finish(self, call: ServerCall, user_id: str, outcome: Outcome) -> list[Happening]:
        """End a call that `find` returned. `user_id`: the user for whom it ends."""
        self._registered.pop(call.call_id, None)
        self._finished = call.call_id
        if call is self._shown:
            self._shown = None
        self.records += 1
        return [_ended(call, user_id, outcome)]

    def _server_call(self, call: Call | None) -> ServerCall | None:
        """Return the card's call, unless it is idle, or registered by another telephony."""
        if call is None or not call["CALL_ID"]:
            return None
        if call["CALL_ID"] in self._registered or call["CALL_ID"] == self._finished:
            return None
        state = "connected" if is_external(call) else call.get("CALL_STATE")
        if state == "idle":
            return None
        now = time.time()
        return ServerCall(
            call_id=call["CALL_ID"],
            user_id=self.user_id,
            type=TYPES.get(call["CALL_DIRECTION"], 2),
            phone_number=call.get("PHONE_NUMBER", ""),
            line_number=call.get("LINE_NUMBER", ""),
            started=now,
            answered=now if state == "connected" else None,
            activity_id=str(call.get("CRM_ACTIVITY_ID", "")),
        )


def new_external_id() -> str:
    """Make an id for a call that another telephony registers."""
    return f"externalCall.{secrets.token_hex(16)}.{int(time.time())}"


@lru_cache(maxsize=8)
def iso(second: int) -> str:
    """Format a Unix time as the portal does."""
    return datetime.fromtimestamp(second, UTC).isoformat()


def _outcome(call: ServerCall) -> Outcome:
    if call.answered is None:
        return Outcome(0, "304", "Call canceled")
    return Outcome(int(time.time() - call.answered), "200")


def _same(known: ServerCall, call: ServerCall) -> bool:
    """Whether a portal takes a call for one that it knows; a missing line or id fits any."""
    if known.started <= time.time() - SAME_CALL:
        return False
    return (
        (known.user_id, known.phone_number) == (call.user_id, call.phone_number)
        and (known.type, known.application_id) == (call.type, call.application_id)
        and call.line_number in ("", known.line_number)
        and call.external_id in (None, known.external_id)
    )


def _begun(call: ServerCall) -> Happening:
    data = {"CALL_ID": call.call_id, "CALL_TYPE": str(call.type)}
    outgoing = call.type in (TYPES["outgoing"], TYPES["callback"])
    if _by_rest(call):
        data["CALLER_ID"] = call.phone_number
        if call.application_id is not None:
            data["REST_APP_ID"] = str(call.application_id)
    else:
        data |= {
            "ACCOUNT_SEARCH_ID": call.line_number,
            "PHONE_NUMBER": call.phone_number if outgoing else call.line_number,
            "CALLER_ID": call.line_number if outgoing else call.phone_number,
        }
    return Happening("ONVOXIMPLANTCALLINIT", data, _by_rest(call))


def _answered(call: ServerCall) -> Happening:
    data = {"CALL_ID": call.call_id, "USER_ID": call.user_id}
    return Happening("ONVOXIMPLANTCALLSTART", data, _by_rest(call))


def _ended(call: ServerCall, user_id: str, outcome: Outcome) -> Happening:
    data = {
        "CALL_ID": call.call_id,
        "CALL_TYPE": str(call.type),
        "PHONE_NUMBER": call.phone_number,
        "PORTAL_NUMBER": call.portal_number,
        "PORTAL_USER_ID": user_id,
        "CALL_DURATION": str(outcome.seconds),
        "CALL_START_DATE": iso(int(call.started)),
        "COST": f"{outcome.cost:g}",
        "COST_CURRENCY": outcome.currency,
        "CALL_FAILED_CODE": outcome.code,
        "CALL_FAILED_REASON": outcome.reason,
        "CRM_ACTIVITY_ID": call.activity_id,
    }
    return Happening("ONVOXIMPLANTCALLEND", data, _by_rest(call))


def _by_rest(call: ServerCall) -> bool:
    """Whether another telephony registered the call over REST."""
    return call.call_id.startswith("externalCall.")
