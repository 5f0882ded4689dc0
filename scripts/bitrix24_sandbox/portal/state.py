"""The state of one portal, all of it in one place."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from .authentication import Authentication
from .call import Call, CurrentCall
from .faults import FaultQueue
from .limits import LeakyBucket, Limits, OperatingTime
from .scenarios import DEFAULT, SCENARIOS

Form = Literal["new", "old", "static"]
FORMS: dict[Form, str] = {
    "new": "with SERVER_ENDPOINT, APPLICATION_TOKEN and APPLICATION_SCOPE",
    "old": "without those three, as older portals open a widget",
    "static": "none: a static application is opened by GET, with the query alone",
}
"""The forms that open a widget."""

Profile = Literal["rest", "app-only", "js-only"]
PROFILES: dict[Profile, str] = {
    "rest": "placement.call answers over REST, as documentation promised in 2024-09",
    "app-only": "it answers to applications alone, as documentation promised in 2026-04",
    "js-only": "it is no method of REST, and getStatus answers in the browser: as on real portals",
}


class InvalidValueError(ValueError):
    """A value that the sandbox does not take. The message says what was expected."""


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

    def __init__(
        self,
        profile: Profile = "rest",
        limits: Limits | None = None,
        scenario: str = DEFAULT,
    ) -> None:
        """`scenario`: the name of the situation to start in, one of `SCENARIOS`."""
        self.limits = limits
        self._starting = profile, scenario
        self.faults = FaultQueue()
        self._lock = threading.Lock()
        self._subscribers: list[Callable[[], None]] = []
        self._start_afresh()

    def _start_afresh(self) -> None:
        self.profile, scenario = self._starting
        call, self.widget = SCENARIOS[scenario]()
        self.current: CurrentCall | None = CurrentCall(call)
        self.form: Form = "new"
        self.user_options: dict[str, Any] = {}
        self.app_options: dict[str, Any] = {}
        self.authentication = Authentication()
        self.bucket = LeakyBucket(self.limits) if self.limits else None
        self._operating = OperatingTime()
        self.faults.clear()

    def reset(self) -> None:
        """Return to the state of a new portal, with the profile and the scenario of its start."""
        self.end_call()  # its card closes, even if the next call has the same identifier
        with self._lock:
            self._start_afresh()
        self._changed()

    def set_profile(self, profile: Any) -> None:
        """Follow another profile from now on. Raise `InvalidValueError` if there is none such."""
        if profile not in tuple(PROFILES):
            raise InvalidValueError(f"profile must be one of: {', '.join(PROFILES)}")
        self.profile = profile
        self._changed()

    def set_form(self, form: Any) -> None:
        """Open widgets in this way from now on. Raise `InvalidValueError` if there is none such."""
        if form not in tuple(FORMS):
            raise InvalidValueError(f"form must be one of: {', '.join(FORMS)}")
        self.form = form

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
        for callback in tuple(self._subscribers):
            callback()

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
            "date_start": _iso(int(watch.started)),
            "date_finish": _iso(int(finish)),
            "operating_reset_at": reset_at,
            "operating": operating,
        }


@lru_cache(maxsize=8)
def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()
