"""The call card: the window an operator works in, and what can happen to its call.

The call itself is the portal's. The card follows it: whatever changes the call, a button, a
REST request or a test, the card compares what it saw last with what is there now, and tells its
listeners. So `getStatus` over REST, `getStatus` in the browser and the card cannot disagree.
Where the rules come from: the portal's documentation of `CALL_CARD`, its events and its
auto-close commands.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from ..portal.call import Call, default_call
from ..portal.state import Portal
from .events import BEFORE_CLOSE, Event, Turn, entity_changed, opening, state_changed

CLOSE_AFTER = 65.0  # seconds; older pages of the portal's documentation say 60

# The people a made-up call list rings, and what else there is to bind a call to.
CLIENTS = (
    ("+12025550118", "COMPANY", 8),
    ("+12025550163", "CONTACT", 23),
    ("+12025550187", "LEAD", 52),
)
ITEMS = (("LEAD", 52), ("CONTACT", 23), ("COMPANY", 8), ("DEAL", 314))
TITLES = {
    ("CONTACT", 17): "Nora Whitfield",
    ("CONTACT", 23): "Tomasz Zieliński",
    ("COMPANY", 5): "Whitfield & Daughters",
    ("COMPANY", 8): "Harbour Lane Joinery",
    ("LEAD", 52): "Enquiry: two roof windows",
    ("DEAL", 83): "Oak staircase, second visit",
    ("DEAL", 314): "Workshop doors, offer",
}


class UnknownActionError(LookupError):
    """There is no action of that name."""


class NotNowError(RuntimeError):
    """The action makes no sense in the card's present state."""


class Card:
    """The card of the portal's current call; it is open for as long as there is one."""

    def __init__(self, portal: Portal, *, close_after: float = CLOSE_AFTER) -> None:
        """`close_after`: seconds from the far end's hang-up to the close that was put off."""
        self.close_after = close_after
        self._portal = portal
        self._listeners: list[Callable[[Turn], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closes_at = 0.0
        self._seen: Call | None = None
        self.auto_close = True
        self._position = 0  # how many clients of the call list have been loaded
        self._number: str | None = None  # what is hidden
        self._state_since = time.monotonic()
        self._follow()
        portal.subscribe(self._follow)

    def subscribe(self, listener: Callable[[Turn], None]) -> Callable[[], None]:
        """Call `listener` with each turn from now on; what is returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def call(self) -> Call | None:
        """The current call, or `None` when the card is closed."""
        return self._portal.call

    def state(self) -> dict[str, Any]:
        """Everything a page shows of the card, as JSON: times are in seconds."""
        call = self.call
        return {
            "call": call,
            "state_seconds": round(time.monotonic() - self._state_since, 1),
            "auto_close": self.auto_close,
            "close_after": self.close_after,
            "closes_in": self._closes_in(),
            "items": [] if call is None else items(call),
            "call_list": {"position": self._position, "of": len(CLIENTS)},
            "actions": self.actions(),
        }

    # --- what can happen ------------------------------------------------------------------------

    def actions(self) -> list[str]:
        """The names of the actions that make sense now."""
        call = self.call
        if call is None:
            return ["ring", "next-client"]
        state = call.get("CALL_STATE")
        possible = ["close", "no-activity", "hidden-number"]
        if state == "connecting":
            possible.append("answer")
        if state != "idle":
            possible += ["far-end-hangs-up", "operator-hangs-up"]
        if self._next_item(call):
            possible.append("bind")
        if call["CALL_LIST_MODE"]:
            if state == "idle":
                possible.append("ring")
            if self._position < len(CLIENTS):
                possible.append("next-client")
        return possible

    def act(self, action: str) -> None:
        """Let `action` happen.

        Raises `UnknownActionError`, or `NotNowError` when it makes no sense in the present state.
        """
        if action not in ACTIONS:
            raise UnknownActionError(f"There is no action {action!r}: use {', '.join(ACTIONS)}.")
        if action not in self.actions():
            possible = ", ".join(sorted(self.actions()))
            raise NotNowError(f"{action!r} makes no sense now; what can happen is {possible}.")
        ACTIONS[action](self)

    def ring(self) -> None:
        """A call comes in; on the card of a call list, the client on it is dialled."""
        if self.call is None:
            self._portal.set_call(
                {**default_call(), "CALL_ID": new_call_id(), "CALL_STATE": "connecting"}
            )
        else:
            self._change(CALL_STATE="connecting")

    def answer(self) -> None:
        """Whoever was rung picks up."""
        self._change(CALL_STATE="connected")

    def far_end_hangs_up(self) -> None:
        """The card closes, unless the widget has disabled that: then a timer starts."""
        if self.auto_close:
            self.close()
        else:
            self._change(CALL_STATE="idle")
            self._start_timer()
            self._tell(Turn((Event(BEFORE_CLOSE),)))

    def close(self) -> None:
        """The operator hangs up or closes the card: at once, whatever the widget has asked for."""
        self._portal.end_call()

    def next_client(self) -> None:
        """Load the next client of the call list into the card, ready to be dialled."""
        number, entity_type, entity_id = CLIENTS[self._position]
        call = {
            **default_call(),
            "CALL_ID": new_call_id(),
            "PHONE_NUMBER": number,
            "CRM_ENTITY_TYPE": entity_type,
            "CRM_ENTITY_ID": entity_id,
            "CRM_BINDINGS": [{"ENTITY_TYPE": entity_type, "ENTITY_ID": entity_id}],
            "CALL_DIRECTION": "outgoing",
            "CALL_STATE": "idle",
            "CALL_LIST_MODE": True,
        }
        del call["CRM_ACTIVITY_ID"]  # there is no activity before there is a conversation
        self._position += 1
        self._portal.set_call(call)

    def bind(self) -> None:
        """Bind the call to one more CRM item, which becomes its entity."""
        call = self._present()
        item = self._next_item(call)
        if item is None:
            raise NotNowError("The call is bound to every CRM item there is.")
        entity_type, entity_id = item
        self._change(
            CRM_ENTITY_TYPE=entity_type,
            CRM_ENTITY_ID=entity_id,
            CRM_BINDINGS=[
                *call["CRM_BINDINGS"],
                {"ENTITY_TYPE": entity_type, "ENTITY_ID": entity_id},
            ],
        )

    def no_activity(self) -> None:
        """Take the CRM activity away; once more brings one back."""
        call = self._present()
        if call.pop("CRM_ACTIVITY_ID", "") == "":
            call["CRM_ACTIVITY_ID"] = default_call()["CRM_ACTIVITY_ID"]
        self._portal.set_call(call)

    def hidden_number(self) -> None:
        """The client hides the number; once more shows it."""
        call = self._present()
        number = call.get("PHONE_NUMBER")
        if number == "hidden":
            call["PHONE_NUMBER"] = self._number or default_call()["PHONE_NUMBER"]
        else:
            self._number = number
            call["PHONE_NUMBER"] = "hidden"
        self._portal.set_call(call)

    def disable_auto_close(self) -> None:
        """Keep the card open when the far end hangs up; a timer that runs starts again."""
        self.auto_close = False
        if self._timer is not None:
            self._start_timer()
        self._tell(Turn())

    def enable_auto_close(self) -> None:
        """Let the card close; if it only waits for its timer, it closes at once."""
        self.auto_close = True
        if self._timer is not None:
            self.close()
        else:
            self._tell(Turn())

    # --- how the card follows the call ----------------------------------------------------------

    def _follow(self) -> None:
        """Compare the call with what was seen last, and tell what has become of it."""
        before, now = self._seen, deepcopy(self._portal.call)
        self._seen = now
        if before is not None and (now is None or not same_card(before, now)):
            self._stop_timer()
            idle = () if before.get("CALL_STATE") == "idle" else (state_changed("idle"),)
            self.auto_close = True
            self._position = 0
            self._number = None
            self._tell(Turn((*idle, Event(BEFORE_CLOSE)), closed=True))
            before = None
        if now is None:
            return
        if before is None:
            self._state_since = time.monotonic()
            self._tell(opening(now))
            return
        events = []
        if now.get("CALL_STATE") != before.get("CALL_STATE"):
            self._state_since = time.monotonic()
            self._stop_timer()
            events.append(state_changed(now.get("CALL_STATE")))
        if crm_data(now) != crm_data(before):
            events.append(entity_changed(now))
        self._tell(Turn(tuple(events)))

    def _tell(self, turn: Turn) -> None:
        for listener in list(self._listeners):
            listener(turn)

    def _present(self) -> Call:
        if self.call is None:
            raise NotNowError("There is no call.")
        return deepcopy(self.call)

    def _change(self, **fields: Any) -> None:
        self._portal.set_call({**self._present(), **fields})

    def _next_item(self, call: Call) -> tuple[str, int] | None:
        bound = {(b["ENTITY_TYPE"], b["ENTITY_ID"]) for b in call["CRM_BINDINGS"]}
        return next((item for item in ITEMS if item not in bound), None)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._closes_at = time.monotonic() + self.close_after
        self._timer = asyncio.get_running_loop().call_later(self.close_after, self.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _closes_in(self) -> float | None:
        if self._timer is None:
            return None
        return round(max(0.0, self._closes_at - time.monotonic()), 1)


ACTIONS: dict[str, Callable[[Card], None]] = {
    "ring": Card.ring,
    "answer": Card.answer,
    "far-end-hangs-up": Card.far_end_hangs_up,
    "operator-hangs-up": Card.close,
    "next-client": Card.next_client,
    "bind": Card.bind,
    "no-activity": Card.no_activity,
    "hidden-number": Card.hidden_number,
    "close": Card.close,
}


def new_call_id() -> str:
    """A call's identifier, in the form that the portal gives it."""
    return f"externalCall.{secrets.token_hex(16)}.{int(time.time())}"


def same_card(before: Call, now: Call) -> bool:
    """Another call has a card of its own, but a call list keeps one card for all its clients."""
    in_call_list = bool(before["CALL_LIST_MODE"] and now["CALL_LIST_MODE"])
    return in_call_list or before["CALL_ID"] == now["CALL_ID"]


def crm_data(call: Call) -> tuple[Any, ...]:
    """What makes the card load CRM data when it changes. Another number alone does not."""
    return (
        call["CALL_ID"],
        call["CRM_ENTITY_TYPE"],
        call["CRM_ENTITY_ID"],
        call["CRM_BINDINGS"],
    )


def items(call: Call) -> list[dict[str, Any]]:
    """The CRM items of the call, its own entity first, with a title where there is one."""
    main = (call["CRM_ENTITY_TYPE"], call["CRM_ENTITY_ID"])
    bound = [(b["ENTITY_TYPE"], b["ENTITY_ID"]) for b in call["CRM_BINDINGS"]]
    every = list(dict.fromkeys([*([main] if main[0] else []), *bound]))
    return [
        {"type": kind, "id": number, "title": TITLES.get((kind, number)), "main": item == main}
        for item in every
        for kind, number in [item]
    ]
