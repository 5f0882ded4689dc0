"""The table of `/sandbox/*`, for tests and tools in any language, without the page's own."""

from typing import NamedTuple


class Endpoint(NamedTuple):
    """A row of the table; `what` is Markdown with nothing but code in it."""

    method: str
    path: str
    what: str


ENDPOINTS = (
    Endpoint(
        "GET", "/sandbox/state", "the whole situation: call, widget, form, profile, limits, faults"
    ),
    Endpoint(
        "PUT",
        "/sandbox/state",
        "load a situation, in the form that `GET` answers; what is left out is as at the start",
    ),
    Endpoint("POST", "/sandbox/reset", "everything as at the start, and the journal empty"),
    Endpoint("PUT", "/sandbox/call", "another call, with all its fields"),
    Endpoint("DELETE", "/sandbox/call", "no call"),
    Endpoint("PUT", "/sandbox/scenario", '`{"scenario": NAME}`: a situation by its name'),
    Endpoint("PUT", "/sandbox/profile", '`{"profile": NAME}`: another description of a portal'),
    Endpoint(
        "PUT",
        "/sandbox/limits",
        '`{"limits": {"burst": 50, "rate": 2}}`: answer 503 beyond 50 requests at once and 2 a '
        "second after that; `null` for no limits",
    ),
    Endpoint(
        "PUT",
        "/sandbox/form",
        '`{"form": NAME}`: how a widget is opened: `new`, `old`, or `static` for a GET without one',
    ),
    Endpoint(
        "POST",
        "/sandbox/faults",
        '`{"fault": NAME, "times": N}`: let the next N requests fail; an unknown name is answered '
        "with the names of all",
    ),
    Endpoint("DELETE", "/sandbox/faults", "forget the faults to come"),
    Endpoint("POST", "/sandbox/tokens/expire", "let an hour pass for every access token"),
    Endpoint(
        "GET",
        "/sandbox/application",
        "the application: whether it is installed, its widgets and event handlers, and what became "
        "of the newest 100 events, once all so far have been posted",
    ),
    Endpoint(
        "PUT",
        "/sandbox/application",
        '`{"handler": URL}`: install an application; `ONAPPINSTALL` is posted to its handler',
    ),
    Endpoint(
        "DELETE",
        "/sandbox/application",
        "remove it, with its widgets, event handlers and tokens; `ONAPPUNINSTALL` is posted",
    ),
    Endpoint(
        "GET",
        "/sandbox/requests",
        "the journal: what the portal was asked, oldest first. Filters: `method`, `path` (a part "
        "of it), `status`, `code`, `who` (`webhook`, `application`), `after` (an `id`). With "
        "`wait=SECONDS` it answers once there are `count` such requests, or the time is over",
    ),
    Endpoint("DELETE", "/sandbox/requests", "empty the journal"),
    Endpoint("GET", "/sandbox/widget", "the query and the form by which the card opens a widget"),
    Endpoint("GET", "/sandbox/card", "what the page shows of the call card"),
    Endpoint(
        "PUT",
        "/sandbox/card",
        '`{"close_after": SECONDS}`: how long a card stays that may not close',
    ),
    Endpoint("POST", "/sandbox/card/{action}", "press a button of the card, such as `answer`"),
)
