"""The situation of a portal: all that a test sets up, as one value or one JSON document."""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from . import json_text
from .authentication import SCOPES
from .call import CurrentCall
from .faults import FaultQueue
from .limits import Limits
from .scenarios import SCENARIOS
from .users import USERS, Role

Profile = Literal["rest", "app-only", "js-only"]
PROFILES: dict[Profile, str] = {
    "rest": "placement.call answers over REST, as documented in 2024-09",
    "app-only": "placement.call answers only to applications, as documented in 2026-04",
    "js-only": "getStatus answers only in the browser, as on real portals",
}

Form = Literal["new", "old", "static"]
FORMS: dict[Form, str] = {
    "new": "with SERVER_ENDPOINT, APPLICATION_TOKEN and APPLICATION_SCOPE",
    "old": "without those three, as older portals open a widget",
    "static": "none: a static application is opened with GET, and only the query",
}
"""The forms with which a portal opens a widget."""


class InvalidValueError(ValueError):
    """A value that the sandbox does not accept. The message says what was expected."""


class Scopes(NamedTuple):
    """The scopes of the webhook and of the application."""

    webhook: tuple[str, ...] = SCOPES
    application: tuple[str, ...] = SCOPES


class Situation(NamedTuple):
    """What a portal starts with, besides the tokens, counters and options of a new portal."""

    call: CurrentCall | None
    widget: bool
    form: Form
    profile: Profile
    user: Role
    """Whose card this is, and for whom the webhook and the tokens act."""
    scopes: Scopes
    limits: Limits | None
    faults: list[dict[str, Any]]


def of_scenario(name: str, profile: Profile, limits: Limits | None) -> Situation:
    """Return the situation at the start of a scenario."""
    call, widget = SCENARIOS[name]()
    return Situation(
        CurrentCall(call), widget, "new", profile, "administrator", Scopes(), limits, []
    )


def read_situation(document: Any, default: Situation) -> Situation:
    """Read a JSON document; the default supplies what it leaves out.

    Raise `InvalidValueError`, `InvalidCallError` or `InvalidFaultError`.
    """
    if not json_text.is_object(document):
        raise InvalidValueError("Expected an object like the response of GET /sandbox/state")
    if unknown := document.keys() - set(Situation._fields):
        raise InvalidValueError(
            f"A state has no member {min(unknown)!r}, only {', '.join(Situation._fields)}"
        )
    readers: dict[str, Callable[[Any], Any]] = {
        "call": lambda call: None if call is None else CurrentCall(call),
        "widget": _widget,
        "form": read_form,
        "profile": read_profile,
        "user": read_user,
        "scopes": _scopes,
        "limits": read_limits,
        "faults": _faults,
    }
    return default._replace(**{name: readers[name](value) for name, value in document.items()})


def read_profile(value: Any) -> Profile:
    """Read the name of a profile. Raise `InvalidValueError` if it is unknown."""
    for profile in PROFILES:
        if value == profile:
            return profile
    raise InvalidValueError(f"profile must be one of: {', '.join(PROFILES)}")


def read_form(value: Any) -> Form:
    """Read the name of a form. Raise `InvalidValueError` if it is unknown."""
    for form in FORMS:
        if value == form:
            return form
    raise InvalidValueError(f"form must be one of: {', '.join(FORMS)}")


def _widget(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidValueError("widget must be true or false")
    return value


def read_user(value: Any) -> Role:
    """Read the role of a user. Raise `InvalidValueError` if it is unknown."""
    for role in USERS:
        if value == role:
            return role
    raise InvalidValueError(f"user must be one of: {', '.join(USERS)}")


def _scopes(value: Any) -> Scopes:
    if json_text.is_object(value) and value.keys() <= set(Scopes._fields):
        lists = list(value.values())
        if all(
            json_text.is_array(names) and all(name in SCOPES for name in names) for names in lists
        ):
            return Scopes(**{kind: tuple(names) for kind, names in value.items()})
    raise InvalidValueError(
        f"scopes must be an object with webhook and application, lists of: {', '.join(SCOPES)}"
    )


def read_limits(value: Any) -> Limits | None:
    """Read limits from JSON. Raise `InvalidValueError` unless they are an object or null."""
    if value is None:
        return None
    if json_text.is_object(value) and value.keys() == {"burst", "rate"}:
        burst, rate = value["burst"], value["rate"]
        if _is_number(burst) and _is_number(rate) and burst >= 1 and burst == int(burst):
            return Limits(int(burst), float(rate))
    raise InvalidValueError('limits must be null, or an object such as {"burst": 50, "rate": 2}')


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and 0 < value < 1e9


def _faults(value: Any) -> list[dict[str, Any]]:
    if not json_text.is_array(value):
        raise InvalidValueError("faults must be a list")
    queue = FaultQueue()
    for fault in value:
        queue.add(fault)
    return queue.waiting()
