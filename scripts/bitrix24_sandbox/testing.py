"""A sandbox as a test drives it: its addresses, its state, and the requests it received.

The pytest plugin provides a `Sandbox` as the fixture `bitrix24_sandbox`.
"""

import json
import ssl
from contextlib import closing
from dataclasses import dataclass
from functools import cache

# Not httpx: respx and pytest-httpx would mock the requests that control the sandbox, too. Imported
# by name, because vcrpy replaces these names in their module.
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from .portal import addresses
from .portal.authentication import ACCESS_TOKEN


@cache  # loading the CA bundle takes longer than a request
def _trusting(ca: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the portal or its OAuth server, from the journal; its secrets are masked."""

    id: int
    time: float
    """When it arrived, in Unix seconds."""
    seconds: float
    """How long it took."""
    method: str
    """The HTTP method."""
    path: str
    """The path, with `***` for the webhook's secret."""
    fields: dict[str, Any] | None
    """Query and body as the portal read them; None if they were too large to keep."""
    status: int | None
    """The status of the response; None if the connection broke before there was one."""
    code: str | None
    """The error code of the response."""
    who: str | None
    """`webhook`, or `application` for a request with a token; None without credentials."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that the portal posted to a handler, or could not post."""

    event: str
    """Its name, such as `ONVOXIMPLANTCALLSTART`."""
    handler: str
    """The URL of the handler."""
    status: int | None
    """The status of the handler's response; None if there was none."""
    problem: str | None
    """Why there was no response."""


@dataclass(frozen=True, slots=True)
class WidgetOpening:
    """The request with which the portal opens a widget in the call card."""

    method: str
    """`POST`; for a static application, `GET`."""
    query: dict[str, str]
    """The parameters that are appended to the query of the handler's URL."""
    form: dict[str, str]
    """The form in the body; empty for a static application."""


class Sandbox:
    """The sandbox at an origin such as `http://127.0.0.1:8024`, in this process or another.

    It is thread-safe. A method or an assignment that the sandbox refuses raises
    `httpx.HTTPStatusError`, and changes nothing.
    """

    def __init__(self, origin: str, *, tls: Path | None = None) -> None:
        """`tls`: the PEM file of the sandbox's test CA, if it speaks HTTPS."""
        self.origin = origin
        self.tls = tls

    @property
    def webhook_url(self) -> str:
        """The base URL of the webhook, with its trailing slash, as portals show it."""
        return addresses.webhook_url(self.origin)

    @property
    def oauth_url(self) -> str:
        """The base URL of calls with an access token."""
        return addresses.oauth_url(self.origin)

    @property
    def oauth_server_url(self) -> str:
        """The REST URL of its OAuth server, which widgets receive as `SERVER_ENDPOINT`."""
        url: str = self._ask("GET", "addresses")["oauth_server_url"]
        return url

    @property
    def access_token(self) -> str:
        """The access token that a sandbox starts with, and returns to at a reset."""
        return ACCESS_TOKEN

    @property
    def call(self) -> dict[str, Any] | None:
        """The call in the card, with the fields of `getStatus`. Assign None to end it."""
        call: dict[str, Any] | None = self.state()["call"]
        return call

    @call.setter
    def call(self, call: dict[str, Any] | None) -> None:
        if call is None:
            self._ask("DELETE", "call")
        else:
            self._ask("PUT", "call", call)

    @property
    def profile(self) -> str:
        """Who gets the call: `rest`, `app-only` or `js-only`."""
        profile: str = self.state()["profile"]
        return profile

    @profile.setter
    def profile(self, profile: str) -> None:
        self._ask("PUT", "profile", {"profile": profile})

    @property
    def user(self) -> str:
        """Who uses the portal: `administrator` or `operator`; webhook and tokens act for them."""
        user: str = self.state()["user"]
        return user

    @user.setter
    def user(self, user: str) -> None:
        self._ask("PUT", "user", {"user": user})

    def play(self, scenario: str) -> dict[str, Any]:
        """Start the scenario of this name, such as `outgoing-unbound`; return the state."""
        return self._ask("PUT", "scenario", {"scenario": scenario})

    def state(self) -> dict[str, Any]:
        """Return the whole situation, for `load`: call, widget, user, scopes, faults and others."""
        return self._ask("GET", "state")

    def load(self, state: dict[str, Any]) -> dict[str, Any]:
        """Restore what `state` returned; what it lacks, and the installation, start anew."""
        return self._ask("PUT", "state", state)

    def fail(self, code: str, times: int = 1, **options: Any) -> dict[str, Any]:
        """Let the next requests fail with this error code, or another fault such as `slow`.

        `options`: the fault's own, such as `seconds` of `slow`, or `status` for a status other than
        the usual one.
        """
        return self._ask("POST", "faults", {"fault": code, "times": times, **options})

    def forget_faults(self) -> dict[str, Any]:
        """Let the next requests succeed again."""
        return self._ask("DELETE", "faults")

    def expire_tokens(self) -> dict[str, Any]:
        """Let an hour pass for every access token."""
        return self._ask("POST", "tokens/expire")

    @property
    def requests(self) -> list[Request]:
        """The requests to the portal and its OAuth server in this test, oldest first."""
        return self.wait_for_requests(0)

    def wait_for_requests(
        self, count: int = 1, *, timeout: float = 10, **wanted: str | int
    ) -> list[Request]:
        """Return the matching requests, once there are `count` of them.

        `wanted`: `path` (a part of it), `method`, `status`, `code`, `who`, `after` (the `id` of a
        request). `timeout`: seconds, 60 at most; then raise `TimeoutError`.
        """
        wait = min(60, int(timeout + 0.999)) if count else 0
        answer = self._ask("GET", "requests", params={**wanted, "count": count, "wait": wait})
        found = [Request(**request) for request in answer["requests"]]
        if len(found) < count:
            raise TimeoutError(f"{len(found)} of {count} requests came within {wait} s")
        return found

    def forget_requests(self) -> None:
        """Empty the journal."""
        self._ask("DELETE", "requests")

    def widget_opening(self) -> WidgetOpening:
        """Return the request with which the portal opens the widget, to post it to a backend."""
        return WidgetOpening(**self._ask("GET", "widget"))

    def install(self, handler: str) -> Delivery:
        """Install an application without pages of its own, as a portal's administrator does.

        `handler`: the URL, on this machine, that receives `ONAPPINSTALL` with the application's
        tokens. Whatever it responds, the application is installed; return that delivery.
        """
        self._ask("PUT", "application", {"handler": handler})
        return next(made for made in reversed(self.deliveries) if made.event == "ONAPPINSTALL")

    def install_page(self, page: str) -> WidgetOpening:
        """Install an application with a page, as a portal's administrator does.

        The card shows the page at the URL `page`, and the application is installed when the page
        calls `BX24.installFinish`; return the request that opens the page.
        """
        self._ask("PUT", "application", {"page": page})
        return self.widget_opening()

    def uninstall(self) -> None:
        """Remove the application, with its widgets, event handlers and tokens."""
        self._ask("DELETE", "application")

    @property
    def deliveries(self) -> list[Delivery]:
        """The newest events, oldest first; waits until all events so far have been posted."""
        answer = self._ask("GET", "application")
        return [Delivery(**delivery) for delivery in answer["deliveries"]]

    def reset(self) -> dict[str, Any]:
        """Return to the state at the start: everything that can be set, and the journal."""
        return self._ask("POST", "reset")

    def _ask(
        self, method: str, path: str, body: Any = None, params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        scheme, address, *_ = urlsplit(self.origin)
        target = f"/sandbox/{path}" + (f"?{urlencode(params)}" if params else "")
        connection: HTTPConnection
        if scheme == "https":
            connection = HTTPSConnection(address, timeout=90, context=_trusting(self.tls))
        else:
            connection = HTTPConnection(address, timeout=90)
        with closing(connection):
            connection.request(method, target, None if body is None else json.dumps(body))
            received = connection.getresponse()
            response = httpx.Response(
                received.status,
                headers=received.getheaders(),
                content=received.read(),
                request=httpx.Request(method, self.origin + target),
            )
        if response.status_code in (409, 422):  # the response says why
            raise httpx.HTTPStatusError(
                response.json()["error_description"], request=response.request, response=response
            )
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer
