"""The call card: the window in which an operator works, and what can happen to its call.

The call belongs to the portal, and the card follows it: whether a button, a REST request or a test
changes the call, the card compares it with the previous one and notifies its listeners. So
`getStatus` over REST, `getStatus` in the browser and the card cannot disagree.
The rules are those of the portal's page code, and of the documentation of `CALL_CARD`.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Literal

from ..portal.call import Call, default_call, is_external
from ..portal.scenarios import call_list_client, new_call_id
from ..portal.state import Portal
from .calls import (
    CLIENTS,
    NEW_CALLS,
    bound_to,
    items,
    loads_crm_data,
    next_item,
    same_card,
)
from .events import BEFORE_CLOSE, Event, Turn, entity_changed, opening, state_changed

CLOSE_AFTER = 65.0  # seconds; older documentation says 60


class UnknownActionError(LookupError):
    """There is no action of that name."""


class NotNowError(RuntimeError):
    """The action is not possible in the current state of the card."""


Widget = Literal["open", "no-call", "no-layout", "not-registered", "folded", "other-tab"]
"""Whether the card shows the widget, and if not, why."""


class Card:
    """The card of the portal's current call, which is open while there is a call."""

    def __init__(self, portal: Portal, *, close_after: float = CLOSE_AFTER) -> None:
        """`close_after`: seconds until a card closes that stays open when the far end hangs up."""
        self.close_after = self._initial_close_after = close_after
        self._portal = portal
        self._listeners: list[Callable[[Turn], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closes_at = 0.0
        self._seen: Call | None = None
        self._state_since = time.monotonic()
        self._set_initial_state()
        self._follow()
        portal.subscribe(self._follow)

    def _set_initial_state(self) -> None:
        self.id = secrets.token_hex(8)
        self.auto_close = True
        self.commenting = False
        self.folded = False
        self.widget_tab = True
        self._ended = False  # true for an external call that has ended; its state stays as it was
        self._position = 0  # the number of clients of the call list that have been loaded
        self._number: str | None = None  # the hidden phone number

    def reset(self) -> None:
        """Return to the state at the start; the portal's reset closes and opens the card."""
        self.close_after = self._initial_close_after
        self._set_initial_state()

    def subscribe(self, listener: Callable[[Turn], None]) -> Callable[[], None]:
        """Call `listener` with each turn from now on; return a function that unsubscribes."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def call(self) -> Call | None:
        """The current call, or `None` when the card is closed."""
        return self._portal.call

    @property
    def widget(self) -> Widget:
        """Whether the card shows the widget, and if not, why."""
        if self.call is None:
            return "no-call"
        if not self._portal.widget:
            return "no-layout"
        if not self._portal.application.has_widget:
            return "not-registered"
        if self.folded:
            return "folded"
        return "open" if self.widget_tab else "other-tab"

    def state(self) -> dict[str, Any]:
        """Return what a page shows of the card, as JSON; times are in seconds."""
        call = self.call
        return {
            "id": self.id,
            "call": call,
            "widget": self.widget,
            "commenting": self.commenting,
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
        """Return the names of the actions that are possible now."""
        call = self.call
        if call is None:
            return [*NEW_CALLS, "next-client"]
        state, in_list = call.get("CALL_STATE"), call["CALL_LIST_MODE"]
        in_progress = state != "idle" and not self._ended
        possible = {
            "answer": state == "connecting",
            "far-end-hangs-up": in_progress,
            "call-fails": in_progress and is_external(call),
            "operator-hangs-up": in_progress,
            "bind": next_item(call) is not None,
            "no-activity": True,
            "hidden-number": True,
            "comment": True,
            "fold": self.auto_close and not self.folded,
            "unfold": self.folded,
            "widget-tab": self.widget == "other-tab",
            "other-tab": self.widget == "open",
            "ring": in_list and state == "idle",
            "next-client": in_list and self._position < len(CLIENTS),
            "close": not (in_list and in_progress),
        }
        return [action for action, is_possible in possible.items() if is_possible]

    def act(self, action: str) -> None:
        """Carry out an action.

        Raise `UnknownActionError`, or `NotNowError` if it is not possible in the current state.
        """
        if action not in NEW_CALLS and action not in ACTIONS:
            names = ", ".join(dict.fromkeys([*NEW_CALLS, *ACTIONS]))
            raise UnknownActionError(f"There is no action {action!r}: use {names}.")
        if action not in self.actions():
            possible = ", ".join(sorted(self.actions()))
            raise NotNowError(f"{action!r} is not possible now, only {possible}.")
        if self.call is None and action in NEW_CALLS:
            self._portal.set_call(NEW_CALLS[action]())
        else:
            ACTIONS[action](self)

    def dial_client(self) -> None:
        """Dial the client of the call list who is in the card."""
        self._change(CALL_ID=new_call_id(), CALL_STATE="connecting")

    def answer(self) -> None:
        """Connect the call; a call without an id gets one."""
        self._change(CALL_ID=self._get_call()["CALL_ID"] or new_call_id(), CALL_STATE="connected")

    def far_end_hangs_up(self) -> None:
        """Close the card, or start the timer if the widget or a comment keeps it open.

        In a call list it stays open, for the next client.
        """
        call = self._get_call()
        if call["CALL_LIST_MODE"]:
            self._change(CALL_STATE="idle")
        elif self.auto_close and not self.commenting:
            self.close()
        else:
            if is_external(call):
                self._ended = True
            else:
                self._change(CALL_STATE="idle")
            self._start_timer()
            self._notify(Turn((Event(BEFORE_CLOSE),)))

    def call_fails(self) -> None:
        """End an external call whose number is busy or unreachable (486, 480); the card stays."""
        self._ended = True
        self._notify(Turn())

    def operator_hangs_up(self) -> None:
        """Close the card at once, even if auto-close is off; in a call list it stays open."""
        if self._get_call()["CALL_LIST_MODE"]:
            self._change(CALL_STATE="idle")
        else:
            self.close()

    def close(self) -> None:
        """Close the card at once, and end the call."""
        self._portal.end_call()

    def next_client(self) -> None:
        """Load the next client of the call list into the card, ready to be dialled."""
        client = CLIENTS[self._position]
        self._position += 1
        self._portal.set_call(call_list_client(*client))

    def bind(self) -> None:
        """Bind the call to one more CRM item, which becomes its entity."""
        call = self._get_call()
        if item := next_item(call):
            self._portal.set_call(bound_to(call, *item))

    def no_activity(self) -> None:
        """Remove the CRM activity, or add one if there is none."""
        call = self._get_call()
        if call.pop("CRM_ACTIVITY_ID", "") == "":
            call["CRM_ACTIVITY_ID"] = default_call()["CRM_ACTIVITY_ID"]
        self._portal.set_call(call)

    def hidden_number(self) -> None:
        """Hide the client's number, or show it again."""
        call = self._get_call()
        number = call.get("PHONE_NUMBER")
        if number == "hidden":
            call["PHONE_NUMBER"] = self._number or default_call()["PHONE_NUMBER"]
        else:
            self._number = number
            call["PHONE_NUMBER"] = "hidden"
        self._portal.set_call(call)

    def comment(self) -> None:
        """Let the operator begin to write a comment, or finish it."""
        self.commenting = not self.commenting
        self._notify(Turn())

    def fold(self) -> None:
        """Fold the card, which removes the frame."""
        self.folded = True
        self._notify(Turn())

    def unfold(self) -> None:
        """Unfold the card, which opens the selected tab again."""
        self.folded = False
        self._notify(Turn())

    def fold_after_reload(self) -> None:
        """Fold the card, as after a reload of its page; auto-close is on again."""
        self.auto_close = True
        self.fold()

    def switch_to_widget(self) -> None:
        """Let the operator select the widget's tab."""
        self.widget_tab = True
        self._notify(Turn())

    def switch_away(self) -> None:
        """Let the operator select another tab; all applications share one frame."""
        self.widget_tab = False
        self._notify(Turn())

    def disable_auto_close(self) -> None:
        """Keep the card open when the far end hangs up; a running timer starts again."""
        self.auto_close = False
        if self._timer is not None:
            self._start_timer()
        self._notify(Turn())

    def enable_auto_close(self) -> None:
        """Let the card close when the far end hangs up; if the timer runs, close it at once."""
        self.auto_close = True
        if self._timer is not None:
            self.close()
        else:
            self._notify(Turn())

    # --- how the card follows the call ----------------------------------------------------------

    def _follow(self) -> None:
        """Compare the call with the previous one, and notify listeners of the changes."""
        before, now = self._seen, deepcopy(self._portal.call)
        self._seen = now
        if before is not None and (now is None or not same_card(before, now)):
            self._stop_timer()
            silent = is_external(before) or before.get("CALL_STATE") == "idle"
            idle = () if silent else (state_changed("idle"),)
            self._set_initial_state()
            self._notify(Turn((*idle, Event(BEFORE_CLOSE)), closed=True))
            before = None
        if now is None:
            return
        if before is None:
            self._state_since = time.monotonic()
            self.widget_tab = not now["CALL_LIST_MODE"]  # a call list opens with its own tab
            self._notify(opening(now))
            return
        events: list[Event] = []
        if now.get("CALL_STATE") != before.get("CALL_STATE"):
            self._state_since = time.monotonic()
            self._stop_timer()
            events.append(state_changed(now.get("CALL_STATE")))
        if loads_crm_data(before, now):
            events.append(entity_changed(now))
        self._notify(Turn(tuple(events)))

    def _notify(self, turn: Turn) -> None:
        for listener in list(self._listeners):
            listener(turn)

    def _get_call(self) -> Call:
        if self.call is None:
            raise NotNowError("There is no call.")
        return deepcopy(self.call)

    def _change(self, **fields: Any) -> None:
        self._portal.set_call({**self._get_call(), **fields})

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
    "ring": Card.dial_client,
    "answer": Card.answer,
    "far-end-hangs-up": Card.far_end_hangs_up,
    "call-fails": Card.call_fails,
    "operator-hangs-up": Card.operator_hangs_up,
    "next-client": Card.next_client,
    "bind": Card.bind,
    "no-activity": Card.no_activity,
    "hidden-number": Card.hidden_number,
    "comment": Card.comment,
    "fold": Card.fold,
    "unfold": Card.unfold,
    "widget-tab": Card.switch_to_widget,
    "other-tab": Card.switch_away,
    "close": Card.close,
}
