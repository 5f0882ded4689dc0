"""Calls as the portal's server sees them: its events, and calls that other telephonies register.

The server posts its events whether or not a card shows the call.
"""

import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from .authentication import USER_ID
from .call import Call, is_external

DIRECTIONS = {1: "outgoing", 2: "incoming", 3: "incomingTransfer", 4: "callback", 5: "outgoing"}
"""The direction that a card shows, by the call's type; 5 is an automatic call."""

APPLICATION_ID = 1
MOST_CALLS = 100
"""How many registered calls may be unfinished; beyond that, the oldest are dropped."""


class Happening(NamedTuple):
    """An event of the telephony, with its fields as strings of a form."""

    event: str
    data: dict[str, str]


@dataclass(frozen=True, slots=True)
class ServerCall:
    """A call, which the server keeps until it ends."""

    call_id: str
    type: int
    phone_number: str
    line_number: str
    started: float
    """When it began, in Unix seconds."""
    answered: float | None
    """When it was answered; None while it rings."""
    entity: tuple[str, int] | None = None
    activity_id: str = ""


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

    def __init__(self, call: Call | None) -> None:
        """`call`: the current call; its beginning is no longer an event."""
        self._registered: dict[str, ServerCall] = {}
        self._shown = self._server_call(call)
        self.records = 0
        """The number of finished calls, which is also the id of the newest record."""

    def follow(self, call: Call | None) -> list[Happening]:
        """Compare the call in the card with the previous one; return the events of the change.

        A registered call begins and ends with its registration, not with its card.
        """
        before, now = self._shown, self._server_call(call)
        if before is not None and now is not None and before.call_id == now.call_id:
            if before.answered is not None or now.answered is None:
                return []
            self._shown = replace(now, started=before.started)
            return [_answered(now)]
        self._shown = now
        happened: list[Happening] = []
        if before is not None:
            happened.append(_ended(before, _outcome(before)))
        if now is not None:
            happened.append(_begun(now))
            if now.answered is not None:
                happened.append(_answered(now))
        return happened

    def register(self, call: ServerCall) -> list[Happening]:
        """Keep a call of another telephony until it is finished."""
        if len(self._registered) >= MOST_CALLS:
            del self._registered[next(iter(self._registered))]
        self._registered[call.call_id] = call
        return [_begun(call), _answered(call)]

    def finish(self, call_id: str, outcome: Outcome) -> tuple[ServerCall, list[Happening]] | None:
        """End a call of another telephony; return None if there is no such call."""
        call = self._registered.pop(call_id, None)
        shown = self._shown
        if call is None and shown is not None and shown.call_id == call_id:
            call, self._shown = shown, None
        if call is None:
            return None
        self.records += 1
        return call, [_ended(call, outcome)]

    def _server_call(self, call: Call | None) -> ServerCall | None:
        """Return the card's call, unless it is idle or registered by another telephony."""
        if call is None or not call["CALL_ID"] or call["CALL_ID"] in self._registered:
            return None
        state = "connected" if is_external(call) else call.get("CALL_STATE")
        if state == "idle":
            return None
        kinds = {direction: kind for kind, direction in DIRECTIONS.items() if kind != 5}
        now = time.time()
        return ServerCall(
            call_id=call["CALL_ID"],
            type=kinds.get(call["CALL_DIRECTION"], 2),
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


def _begun(call: ServerCall) -> Happening:
    data = {"CALL_ID": call.call_id, "CALL_TYPE": str(call.type)}
    outgoing = DIRECTIONS[call.type] in ("outgoing", "callback")
    if call.call_id.startswith("externalCall."):
        data |= {"CALLER_ID": call.phone_number, "REST_APP_ID": str(APPLICATION_ID)}
    else:
        data |= {
            "ACCOUNT_SEARCH_ID": call.line_number,
            "PHONE_NUMBER": call.phone_number if outgoing else call.line_number,
            "CALLER_ID": call.line_number if outgoing else call.phone_number,
        }
    return Happening("ONVOXIMPLANTCALLINIT", data)


def _answered(call: ServerCall) -> Happening:
    return Happening("ONVOXIMPLANTCALLSTART", {"CALL_ID": call.call_id, "USER_ID": USER_ID})


def _ended(call: ServerCall, outcome: Outcome) -> Happening:
    data = {
        "CALL_ID": call.call_id,
        "CALL_TYPE": str(call.type),
        "PHONE_NUMBER": call.phone_number,
        "PORTAL_NUMBER": call.line_number or "REST_APP:",
        "PORTAL_USER_ID": USER_ID,
        "CALL_DURATION": str(outcome.seconds),
        "CALL_START_DATE": iso(int(call.started)),
        "COST": f"{outcome.cost:g}",
        "COST_CURRENCY": outcome.currency,
        "CALL_FAILED_CODE": outcome.code,
        "CALL_FAILED_REASON": outcome.reason,
        "CRM_ACTIVITY_ID": call.activity_id,
    }
    return Happening("ONVOXIMPLANTCALLEND", data)
