"""Faults on request: each affects the next requests, as many as the request for it says."""

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import json_text
from .errors import CALL_ERRORS, OAUTH_ERRORS

MOST_FAULTS = 1000
MOST_TIMES = 1_000_000

Options = dict[str, Any]


class InvalidFaultError(ValueError):
    """No such fault. The message says what was expected."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault's name and its valid options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


ReadOptions = Callable[[Options], Options]
"""Takes a fault's own members out of a request for it, or raises `InvalidFaultError`."""


def _none(_: Options) -> Options:
    return {}


def _redirect(options: Options) -> Options:
    location = options.pop("location", "http://renamed-portal.invalid/rest/elsewhere")
    status = options.pop("status", 307)
    if not isinstance(location, str) or not location.isascii() or not location.isprintable():
        raise InvalidFaultError("location must be a URL, in ASCII")
    if not isinstance(status, int) or status not in (301, 302, 303, 307, 308):
        raise InvalidFaultError("status must be 301, 302, 303, 307 or 308")
    return {"location": location, "status": status}


def _slow(options: Options) -> Options:
    seconds = options.pop("seconds", 2)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidFaultError("seconds must be a number")
    if not (math.isfinite(seconds) and 0 <= seconds <= 3600):
        raise InvalidFaultError("seconds must be between 0 and 3600")
    return {"seconds": seconds}


def _error(options: Options) -> Options:
    """Take the status, which differs between older and newer portals; 200 occurs with any code."""
    if "status" not in options:
        return {}
    status = options.pop("status")
    if isinstance(status, bool) or not isinstance(status, int):
        raise InvalidFaultError("status must be a number")
    if status != 200 and not 400 <= status <= 599:
        raise InvalidFaultError("status must be 200, or between 400 and 599")
    return {"status": status}


FAULTS: Mapping[str, ReadOptions] = {
    **dict.fromkeys(CALL_ERRORS, _error),
    "slow": _slow,
    "disconnect": _none,
    "truncated-json": _none,
    "html-502": _none,
    "html-503": _none,
    "html-504": _none,
    "html-520": _none,
    "redirect": _redirect,
    "error-in-200": _none,
}
"""The faults of REST requests."""

OAUTH_FAULTS: Mapping[str, ReadOptions] = dict.fromkeys(OAUTH_ERRORS, _error)
"""The faults of a refresh."""


class FaultQueue:
    """The pending faults in order: one queue for REST requests, one for refreshes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rest: list[_Waiting] = []
        self._oauth: list[_Waiting] = []

    def add(self, request: Any) -> None:
        """Queue `{"fault": NAME, "times": N, …}`. Raise `InvalidFaultError` for anything else."""
        if not json_text.is_object(request):
            raise InvalidFaultError('Expected an object such as {"fault": "slow", "times": 1}')
        options = dict(request)
        name, times = options.pop("fault", None), options.pop("times", 1)
        line, read = self._rest, FAULTS.get(name) if isinstance(name, str) else None
        if read is None and isinstance(name, str):
            line, read = self._oauth, OAUTH_FAULTS.get(name)
        if read is None:
            raise InvalidFaultError(f"fault must be one of: {', '.join([*FAULTS, *OAUTH_FAULTS])}")
        if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= MOST_TIMES:
            raise InvalidFaultError(f"times must be a positive integer, at most {MOST_TIMES}")
        fault = Fault(name, read(options))
        if options:
            raise InvalidFaultError(f"{name} takes no member {next(iter(options))!r}")
        with self._lock:
            if len(self._rest) + len(self._oauth) >= MOST_FAULTS:
                raise InvalidFaultError(f"{MOST_FAULTS} faults are pending already; no more fit")
            line.append(_Waiting(fault, times))

    def clear(self) -> None:
        """Remove all pending faults."""
        with self._lock:
            self._rest.clear()
            self._oauth.clear()

    def take_rest(self) -> Fault | None:
        """Take the fault for this REST request, if there is one."""
        return self._take(self._rest) if self._rest else None

    def take_oauth(self) -> Fault | None:
        """Take the fault for this refresh, if there is one."""
        return self._take(self._oauth) if self._oauth else None

    def _take(self, line: list["_Waiting"]) -> Fault | None:
        with self._lock:
            if not line:
                return None
            first = line[0]
            first.times -= 1
            if not first.times:
                line.pop(0)
            return first.fault

    def waiting(self) -> list[dict[str, Any]]:
        """List the pending faults, each as `add` takes it."""
        with self._lock:
            return [
                {"fault": w.fault.name, "times": w.times, **w.fault.options}
                for w in (*self._rest, *self._oauth)
            ]


@dataclass(slots=True)
class _Waiting:
    fault: Fault
    times: int
