"""The call card: the window an operator works in, and what can happen to its call.

The call itself is the portal's. The card follows it: whatever changes the call, a button, a
REST request or a test, the card compares what it saw last with what is there now, and notifies its
listeners. So `getStatus` over REST, `getStatus` in the browser and the card cannot disagree.
Where the rules come from: the portal's page code, and the documentation of `CALL_CARD`.
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

CLOSE_AFTER = 65.0  # seconds; older pages of the portal's documentation say 60


class UnknownActionError(LookupError):
    """There is no action of that name."""


class NotNowError(RuntimeError):
    """The action makes no sense in the card's present state."""


Widget = Literal["open", "no-call", "no-layout", "not-registered", "folded", "other-tab"]
"""Whether the card shows the widget, and if not, why."""


class Card:
    """The card of the portal's current call; it is open for as long as there is one."""

    def __init__(self, portal: Portal, *, close_after: float = CLOSE_AFTER) -> None:
        """`close_after`: seconds from the far end's hang-up to the close that was put off."""
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
        self._ended = False  # an external call whose state does not say so
        self._position = 0  # how many clients of the call list have been loaded
        self._number: str | None = None  # what is hidden

    def reset(self) -> None:
        """Return to the state at the start; the portal's own reset closes the card."""
        self.close_after = self._initial_close_after
        self._set_initial_state()

    def subscribe(self, listener: Callable[[Turn], None]) -> Callable[[], None]:
        """Call `listener` with each turn from now on; what is returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def call(self) -> Call | None:
        """The current call, or `None` when the card is closed."""
        return self._portal.call

    @property
    def widget(self) -> Widget:
        """Tell whether there is a frame with the widget now."""
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
        """Everything a page shows of the card, as JSON: times are in seconds."""
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
        """The names of the actions that make sense now."""
        call = self.call
        if call is None:
            return [*NEW_CALLS, "next-client"]
        state, in_list = call.get("CALL_STATE"), call["CALL_LIST_MODE"]
        under_way = state != "idle" and not self._ended
        possible = {
            "answer": state == "connecting",
            "far-end-hangs-up": under_way,
            "call-fails": under_way and is_external(call),
            "operator-hangs-up": under_way,
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
            "close": not (in_list and under_way),
        }
        return [action for action, makes_sense in possible.items() if makes_sense]

    def act(self, action: str) -> None:
        """Carry out an action.

        Raise `UnknownActionError`, or `NotNowError` when it makes no sense in the current state.
        """
        if action not in NEW_CALLS and action not in ACTIONS:
            names = ", ".join(dict.fromkeys([*NEW_CALLS, *ACTIONS]))
            raise UnknownActionError(f"There is no action {action!r}: use {names}.")
        if action not in self.actions():
            possible = ", ".join(sorted(self.actions()))
            raise NotNowError(f"{action!r} makes no sense now; what can happen is {possible}.")
        if self.call is None and action in NEW_CALLS:
            self._portal.set_call(NEW_CALLS[action]())
        else:
            ACTIONS[action](self)

    def dial_client(self) -> None:
        """Dial the client of the call list who is on the card."""
        self._change(CALL_ID=new_call_id(), CALL_STATE="connecting")

    def answer(self) -> None:
        """Whoever was rung picks up; a call that had no id has one by now."""
        self._change(CALL_ID=self._present()["CALL_ID"] or new_call_id(), CALL_STATE="connected")

    def far_end_hangs_up(self) -> None:
        """The card closes, unless the widget or a comment keeps it open: then a timer starts.

        In a call list it stays, for the next client.
        """
        call = self._present()
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
        """The number of an external call is busy or not reachable (486, 480): the card stays."""
        self._ended = True
        self._notify(Turn())

    def operator_hangs_up(self) -> None:
        """The card closes at once, whatever the widget has asked for; in a call list it stays."""
        if self._present()["CALL_LIST_MODE"]:
            self._change(CALL_STATE="idle")
        else:
            self.close()

    def close(self) -> None:
        """The card closes at once, and with it the call ends."""
        self._portal.end_call()

    def next_client(self) -> None:
        """Load the next client of the call list into the card, ready to be dialled."""
        client = CLIENTS[self._position]
        self._position += 1
        self._portal.set_call(call_list_client(*client))

    def bind(self) -> None:
        """Bind the call to one more CRM item, which becomes its entity."""
        call = self._present()
        if item := next_item(call):
            self._portal.set_call(bound_to(call, *item))

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

    def comment(self) -> None:
        """The operator begins to write a comment, or is done with it."""
        self.commenting = not self.commenting
        self._notify(Turn())

    def fold(self) -> None:
        """Make the card small: it has no frame then."""
        self.folded = True
        self._notify(Turn())

    def unfold(self) -> None:
        """Make the card large again: the tab in front opens again."""
        self.folded = False
        self._notify(Turn())

    def come_back(self) -> None:
        """The page was loaded again: its card is folded, and what the widget asked for is lost."""
        self.auto_close = True
        self.fold()

    def switch_to_widget(self) -> None:
        """The operator looks at the widget's tab."""
        self.widget_tab = True
        self._notify(Turn())

    def switch_away(self) -> None:
        """The operator looks at another tab; all applications share one frame."""
        self.widget_tab = False
        self._notify(Turn())

    def disable_auto_close(self) -> None:
        """Keep the card open when the far end hangs up; a timer that runs starts again."""
        self.auto_close = False
        if self._timer is not None:
            self._start_timer()
        self._notify(Turn())

    def enable_auto_close(self) -> None:
        """Let the card close; if it only waits for its timer, it closes at once."""
        self.auto_close = True
        if self._timer is not None:
            self.close()
        else:
            self._notify(Turn())

    # --- how the card follows the call ----------------------------------------------------------

    def _follow(self) -> None:
        """Compare the call with what was seen last, and report what has become of it."""
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
            self.widget_tab = not now["CALL_LIST_MODE"]  # the tab of a call list comes before it
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

    def _present(self) -> Call:
        if self.call is None:
            raise NotNowError("There is no call.")
        return deepcopy(self.call)

    def _change(self, **fields: Any) -> None:
        self._portal.set_call({**self._present(), **fields})

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
