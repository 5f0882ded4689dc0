"""The whole state of one portal."""

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from .application import Application, Letter, check_handler
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
    read_user,
)
from .telephony import Happening, Telephony, iso
from .users import USERS, Role, User

INSTALL_DATA = {"VERSION": "1", "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": "en"}


class Stopwatch:
    """Measures one request, with a clock that never goes backwards."""

    __slots__ = ("_begun", "started")

    def __init__(self) -> None:
        self.started = time.time()
        self._begun = time.perf_counter()

    def seconds(self) -> float:
        """Return the seconds since the request arrived."""
        return time.perf_counter() - self._begun


class Portal:
    """A portal: its call, tokens, faults, limits and counters.

    It is thread-safe; subscribers are called in the thread that made the change.
    """

    profile: Profile
    _role: Role

    def __init__(
        self,
        profile: Profile = "rest",
        limits: Limits | None = None,
        scenario: str = DEFAULT,
    ) -> None:
        """`scenario`: the name of the scenario to start with, one of `SCENARIOS`."""
        self._starting: Callable[[], Situation] = partial(of_scenario, scenario, profile, limits)
        self.faults = FaultQueue()
        self.oauth_port: int | None = None
        """The port of its OAuth server, if that has one of its own."""
        self._lock = threading.Lock()
        self._subscribers: list[Callable[[], None]] = []
        self.post: Callable[[Letter], object] = lambda _: None
        """Posts an event to its handler, without waiting for the response."""
        self.hang_up: Callable[[], object] = self.end_call
        """Ends the current call from the far end; the card sets it, and may stay open."""
        self._start_in(self._starting())

    def _start_in(self, situation: Situation) -> None:
        self.current, self.widget, self.form = situation.call, situation.widget, situation.form
        self.profile, self.limits = situation.profile, situation.limits
        self._role, self.scopes = situation.user, situation.scopes
        self.user_options: dict[str, Any] = {}
        self.app_options: dict[str, Any] = {}
        self.authentication = Authentication()
        self.application = Application()
        self.telephony = Telephony(self.call, self.user.id)
        self.bucket = LeakyBucket(self.limits) if self.limits else None
        self._operating = OperatingTime()
        self.faults.clear()
        for fault in situation.faults:
            self.faults.add(fault)

    def reset(self) -> None:
        """Return to the state of a new portal, with the situation it started in."""
        self._restart(self._starting())

    def _restart(self, situation: Situation) -> None:
        self.application = Application()  # so that handlers receive no event of the restart
        self.end_call()  # so that the card closes, even if the next call has the same id
        with self._lock:
            self._start_in(situation)
        self._changed()

    # --- the situation ----------------------------------------------------------------------------

    def situation(self) -> dict[str, Any]:
        """Return the current situation as JSON, for `load`."""
        return {
            "call": self.call,
            "widget": self.widget,
            "form": self.form,
            "profile": self.profile,
            "user": self._role,
            "scopes": self.scopes._asdict(),
            "limits": {"burst": self.limits.burst, "rate": self.limits.rate}
            if self.limits
            else None,
            "faults": self.faults.waiting(),
        }

    def load(self, document: Any, *, start: bool = False) -> None:
        """Become a new portal in this situation; members that it lacks get their initial values.

        With `start`, later resets return to it. Raise `InvalidValueError`, `InvalidCallError` or
        `InvalidFaultError`, and change nothing, if the document is invalid.
        """
        situation = read_situation(document, self._starting())
        if start:
            self._starting = lambda: situation
        self._restart(situation)

    @property
    def user(self) -> User:
        """The user whose card this is, and for whom the webhook and the tokens act."""
        return USERS[self._role]

    def set_user(self, user: Any) -> None:
        """Let another user use the portal from now on. Raise `InvalidValueError` if unknown."""
        self._role = read_user(user)
        self.telephony.user_id = self.user.id

    def set_profile(self, profile: Any) -> None:
        """Switch to another profile. Raise `InvalidValueError` if it is unknown."""
        self.profile = read_profile(profile)
        self._changed()

    def set_form(self, form: Any) -> None:
        """Open widgets with another form. Raise `InvalidValueError` if it is unknown."""
        self.form = read_form(form)

    def set_limits(self, limits: Any) -> None:
        """Limit requests from now on. Raise `InvalidValueError` if the limits are invalid."""
        with self._lock:
            self.limits = read_limits(limits)
            self.bucket = LeakyBucket(self.limits) if self.limits else None

    # --- the call ---------------------------------------------------------------------------------

    def play(self, scenario: Any) -> None:
        """Start the scenario of this name. Raise `InvalidValueError` if it is unknown."""
        if not isinstance(scenario, str) or scenario not in SCENARIOS:
            raise InvalidValueError(f"scenario must be one of: {', '.join(SCENARIOS)}")
        self.end_call()
        call, self.widget = SCENARIOS[scenario]()
        self.set_call(call)

    @property
    def call(self) -> Call | None:
        """The status of the current call, or None. Do not change it in place."""
        return self.current.fields if self.current else None

    def set_call(self, call: Any) -> None:
        """Set the current call. Raise `InvalidCallError`, and change nothing, if it is invalid."""
        self.current = CurrentCall(call)
        self._changed()

    def end_call(self) -> None:
        """End the current call, if there is one."""
        self.current = None
        self._changed()

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change of the call."""
        self._subscribers.append(callback)

    def _changed(self) -> None:
        self.announce(self.telephony.follow(self.call))
        for callback in self._subscribers:
            callback()

    # --- the application --------------------------------------------------------------------------

    def install(self, handler: str) -> None:
        """Install an application without pages, instead of the current one.

        It is installed at once; its `handler` receives its tokens. Raise `PortalError` if that URL
        is invalid.
        """
        check_handler(handler)
        self.application = Application()
        self.application.handler = handler
        self.application.add_event_handler("ONAPPINSTALL", handler)
        self.authentication.issue()
        self.announce([Happening("ONAPPINSTALL", dict(INSTALL_DATA))])
        self._changed()

    def install_page(self, page: str) -> None:
        """Install an application with a page, instead of the current one.

        The card shows the page until it finishes the installation; before that, the application has
        no widget, and gets no event. Raise `PortalError` if its URL is invalid.
        """
        check_handler(page)
        self.application = Application()
        self.application.handler = page
        self.application.installed = False
        self.authentication.issue()
        self._changed()  # the card closes the widget of the application before
        self.application.shows_page = True
        self._changed()

    def finish_installation(self) -> None:
        """Complete the installation of an application with a page, which the page asked for."""
        self.application.shows_page = False
        self._changed()  # the card closes the page
        self.application.installed = True
        self.announce([Happening("ONAPPINSTALL", dict(INSTALL_DATA))])
        self._changed()

    def uninstall(self) -> None:
        """Uninstall the application; all it has registered goes, and its tokens become invalid.

        The event is posted to the handlers bound to it, and not to that of the installation.
        """
        application, self.application = self.application, Application()
        self.application.installed = False
        self.authentication.revoke()
        for row in application.handlers_of("ONAPPUNINSTALL"):
            self.post(Letter(row, {"LANGUAGE_ID": "en", "CLEAN": "1"}))
        self._changed()

    def add_widget(
        self, handler: str, title: str, description: str, languages: dict[str, Any]
    ) -> None:
        """Register a widget of the application. Raise `PortalError` if it is already registered."""
        self.application.add_widget(handler, title, description, languages)
        self._changed()

    def remove_widgets(self, handler: str | None) -> int:
        """Remove the widget with this handler, or all widgets; return how many were removed."""
        before = self.application.widgets
        self.application.widgets = [
            widget for widget in before if handler not in (None, widget.handler)
        ]
        self._changed()
        return len(before) - len(self.application.widgets)

    def announce(self, happenings: Iterable[Happening]) -> None:
        """Post events to the handlers bound to them, with the token of a user if there is one."""
        if not self.application.installed:
            return
        for event, data, by_rest in happenings:
            for row in self.application.handlers_of(event):
                has_user = by_rest or row.user_id != "0"
                tokens = self.authentication.tokens if has_user else None
                self.post(Letter(row, data, tokens, self.scopes.application))

    # --- the time block of an envelope ------------------------------------------------------------

    def time_block(self, method: str, watch: Stopwatch) -> dict[str, float | int | str]:
        """Count the request's operating time, and return the `time` of its envelope.

        Portals cut the start, and what they compute from it, to whole seconds.
        """
        seconds = watch.seconds()
        start, finish = int(watch.started), watch.started + seconds
        with self._lock:
            operating, reset_at = self._operating.add(method, finish, seconds)
        return {
            "start": start,
            "finish": finish,
            "duration": finish - start,
            "processing": int(finish) - start,
            "date_start": iso(start),
            "date_finish": iso(int(finish)),
            "operating_reset_at": reset_at,
            "operating": operating,
        }
