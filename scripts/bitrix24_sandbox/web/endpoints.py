"""The table of the control endpoints, `/sandbox/*`, without those of the portal page's script."""

from typing import NamedTuple


class Endpoint(NamedTuple):
    """A row of the table; `what` may contain code in backticks."""

    method: str
    path: str
    what: str


ENDPOINTS = (
    Endpoint("GET", "/sandbox/addresses", "the base URLs of REST, and of the OAuth server"),
    Endpoint(
        "GET",
        "/sandbox/state",
        "the whole situation: call, widget, form, profile, user, scopes, limits, faults",
    ),
    Endpoint(
        "PUT",
        "/sandbox/state",
        "restore a situation that `GET` returned; members that it lacks get their initial values, "
        "and so does the installation",
    ),
    Endpoint("POST", "/sandbox/reset", "reset everything that can be set, and empty the journal"),
    Endpoint("PUT", "/sandbox/call", "set the call, with all its fields"),
    Endpoint("DELETE", "/sandbox/call", "end the call"),
    Endpoint("PUT", "/sandbox/scenario", '`{"scenario": NAME}`: start a scenario'),
    Endpoint(
        "PUT", "/sandbox/user", '`{"user": ROLE}`: let an `administrator` or an `operator` use it'
    ),
    Endpoint("PUT", "/sandbox/profile", '`{"profile": NAME}`: set which credentials get the call'),
    Endpoint(
        "PUT",
        "/sandbox/limits",
        '`{"limits": {"burst": 50, "rate": 2}}`: respond with 503 beyond 50 requests at once, '
        "then 2 a second; `null` for no limits",
    ),
    Endpoint(
        "PUT",
        "/sandbox/form",
        '`{"form": NAME}`: set the form that opens a widget: `new`, `old` (without '
        "`APPLICATION_TOKEN`), or `static` for none",
    ),
    Endpoint(
        "POST",
        "/sandbox/faults",
        '`{"fault": NAME, "times": N}`: let the next N requests fail; `slow` also takes '
        "`seconds`; the response to an unknown name lists all names",
    ),
    Endpoint("DELETE", "/sandbox/faults", "remove the pending faults"),
    Endpoint("POST", "/sandbox/tokens/expire", "expire every access token"),
    Endpoint(
        "GET",
        "/sandbox/application",
        "the application: whether it is installed, its widgets and event handlers, and the newest "
        "100 deliveries of events, once all events so far have been posted",
    ),
    Endpoint(
        "PUT",
        "/sandbox/application",
        '`{"handler": URL}`: install an application, whose handler receives `ONAPPINSTALL`; '
        '`{"page": URL}`: install one whose page calls `BX24.installFinish`',
    ),
    Endpoint(
        "DELETE",
        "/sandbox/application",
        "uninstall it, with its widgets, event handlers and tokens; `ONAPPUNINSTALL` is posted to "
        "the handlers that it bound to that event",
    ),
    Endpoint(
        "GET",
        "/sandbox/requests",
        "the journal: the requests to the portal, oldest first. Filters: `method`, `path` (a part "
        "of it), `status`, `code`, `who` (`webhook`, `application`), `after` (an `id`). With "
        "`wait=SECONDS` the response comes once there are `count` requests, or the time is up",
    ),
    Endpoint("DELETE", "/sandbox/requests", "empty the journal"),
    Endpoint("GET", "/sandbox/widget", "query and form of the request that opens the widget"),
    Endpoint("GET", "/sandbox/card", "the state of the call card"),
    Endpoint(
        "PUT",
        "/sandbox/card",
        '`{"close_after": SECONDS}`: how long a card stays open after hang-up when auto-close is '
        "off",
    ),
    Endpoint("POST", "/sandbox/card/{action}", "press a button of the card, such as `answer`"),
)
