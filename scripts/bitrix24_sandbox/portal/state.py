"""The state of one portal, all of it in one place."""

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from .application import Application, Letter, Widget, check_handler
from .authentication import Authentication
from .call import Call, CurrentCall
from .faults import FaultQueue
from .limits import LeakyBucket, Limits, OperatingTime
from .scenarios import DEFAULT, SCENARIOS
from .situation import (
    InvalidValueError,
    Profile,
    Situation,
    of_scenario,
    read_form,
    read_limits,
    read_profile,
    read_situation,
)
from .telephony import Happening, Telephony, iso


class Stopwatch:
    """Measures one request, by a clock that is never set back."""

    __slots__ = ("_begun", "started")

    def __init__(self) -> None:
        self.started = time.time()
        self._begun = time.perf_counter()

    def seconds(self) -> float:
        """Give the time since the request came."""
        return time.perf_counter() - self._begun


class Portal:
    """A portal: its call, tokens, faults, limits and counters.

    Any thread may use it; subscribers are called in the thread that made the change.
    """

    profile: Profile

    def __init__(
        self,
        profile: Profile = "rest",
        limits: Limits | None = None,
        scenario: str = DEFAULT,
    ) -> None:
        """`scenario`: the name of the situation to start in, one of `SCENARIOS`."""
        self._starting: Callable[[], Situation] = partial(of_scenario, scenario, profile, limits)
        self.faults = FaultQueue()
        self._lock = threading.Lock()
        self._subscribers: list[Callable[[], None]] = []
        self.post: Callable[[Letter], object] = lambda _: None
        """Posts an event to a handler, without waiting for it."""
        self._start_in(self._starting())

    def _start_in(self, situation: Situation) -> None:
        self.current, self.widget, self.form, self.profile, self.limits, faults = situation
        self.user_options: dict[str, Any] = {}
        self.app_options: dict[str, Any] = {}
        self.authentication = Authentication()
        self.application = Application()
        self.telephony = Telephony(self.call)
        self.bucket = LeakyBucket(self.limits) if self.limits else None
        self._operating = OperatingTime()
        self.faults.clear()
        for fault in faults:
            self.faults.add(fault)

    def reset(self) -> None:
        """Return to the state of a new portal, in the situation of its start."""
        self._restart(self._starting())

    def _restart(self, situation: Situation) -> None:
        self.application = Application()  # what happens now is nothing to the handlers of before
        self.end_call()  # its card closes, even if the next call has the same identifier
        with self._lock:
            self._start_in(situation)
        self._changed()

    # --- the situation ----------------------------------------------------------------------------

    def situation(self) -> dict[str, Any]:
        """Describe the present situation as JSON, for `load`."""
        return {
            "call": self.call,
            "widget": self.widget,
            "form": self.form,
            "profile": self.profile,
            "limits": {"burst": self.limits.burst, "rate": self.limits.rate}
            if self.limits
            else None,
            "faults": self.faults.waiting(),
        }

    def load(self, document: Any, *, start: bool = False) -> None:
        """Become a new portal in this situation; what it leaves out is as at the start.

        With `start`, a reset returns to it as well. Raise `InvalidValueError`, `InvalidCallError`
        or `InvalidFaultError` for an invalid document; nothing has changed then.
        """
        situation = read_situation(document, self._starting())
        if start:
            self._starting = lambda: situation
        self._restart(situation)

    def set_profile(self, profile: Any) -> None:
        """Follow another profile from now on. Raise `InvalidValueError` if there is none such."""
        self.profile = read_profile(profile)
        self._changed()

    def set_form(self, form: Any) -> None:
        """Open widgets in this way from now on. Raise `InvalidValueError` if there is none such."""
        self.form = read_form(form)

    def set_limits(self, limits: Any) -> None:
        """Count requests from now on against these limits. Raise `InvalidValueError` if invalid."""
        with self._lock:
            self.limits = read_limits(limits)
            self.bucket = LeakyBucket(self.limits) if self.limits else None

    # --- the call ---------------------------------------------------------------------------------

    def play(self, scenario: Any) -> None:
        """Go into the scenario of this name. Raise `InvalidValueError` if there is none such."""
        if not isinstance(scenario, str) or scenario not in SCENARIOS:
            raise InvalidValueError(f"scenario must be one of: {', '.join(SCENARIOS)}")
        self.end_call()
        call, self.widget = SCENARIOS[scenario]()
        self.set_call(call)

    @property
    def call(self) -> Call | None:
        """The status of the current call, not to be changed in place; None without a call."""
        return self.current.fields if self.current else None

    def set_call(self, call: Any) -> None:
        """Make this the current call. Raise `InvalidCallError`, and change nothing, if invalid."""
        self.current = CurrentCall(call)
        self._changed()

    def end_call(self) -> None:
        """Leave the portal without a call."""
        self.current = None
        self._changed()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called after each change of the call; return what ends that."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def _changed(self) -> None:
        self.announce(self.telephony.follow(self.call))
        for callback in tuple(self._subscribers):
            callback()

    # --- the application --------------------------------------------------------------------------

    def install(self, handler: str) -> None:
        """Install an application that has no pages, in the place of the one before.

        It is installed at once; `handler` receives its tokens. Raise `PortalError` if that is not
        the URL of a handler.
        """
        check_handler(handler)
        self.application = Application()
        self.application.handler = handler
        data = {"VERSION": "1", "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": "en"}
        self.post(Letter(handler, "ONAPPINSTALL", data, None, self.authentication.issue()))
        self._changed()

    def uninstall(self) -> None:
        """Remove the application, with all that it has registered; its tokens are not valid then.

        Its handler receives the event, and so do the handlers that it has bound to it.
        """
        application, self.application = self.application, Application()
        self.application.installed = False
        self.authentication.revoke()
        bound = application.handlers_of("ONAPPUNINSTALL")
        for url in dict.fromkeys([application.handler, *(row.handler for row in bound)]):
            if url is not None:
                data = {"LANGUAGE_ID": "en", "CLEAN": "1"}
                self.post(Letter(url, "ONAPPUNINSTALL", data))
        self._changed()

    def add_widget(self, widget: Widget) -> None:
        """Register a widget of the application. Raise `PortalError` if it is registered already."""
        self.application.add_widget(widget)
        self._changed()

    def remove_widgets(self, handler: str | None) -> int:
        """Remove the widgets of this handler, or all; return how many there were."""
        before = self.application.widgets
        self.application.widgets = [
            widget for widget in before if handler not in (None, widget.handler)
        ]
        self._changed()
        return len(before) - len(self.application.widgets)

    def announce(self, happenings: Iterable[Happening]) -> None:
        """Post events to the handlers that are bound to them."""
        for event, data in happenings:
            for row in self.application.handlers_of(event):
                tokens = self.authentication.tokens
                self.post(Letter(row.handler, event, data, row.id, tokens))

    # --- the time block of an envelope ------------------------------------------------------------

    def time_block(self, method: str, watch: Stopwatch) -> dict[str, float | int | str]:
        """Count the request that took so long, and describe it as the envelope's `time`."""
        duration = watch.seconds()
        finish = watch.started + duration
        with self._lock:
            operating, reset_at = self._operating.add(method, finish, duration)
        return {
            "start": watch.started,
            "finish": finish,
            "duration": duration,
            "processing": duration,
            "date_start": iso(int(watch.started)),
            "date_finish": iso(int(finish)),
            "operating_reset_at": reset_at,
            "operating": operating,
        }
