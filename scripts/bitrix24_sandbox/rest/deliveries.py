"""The queue that posts events to an application's handlers.

Each event is posted once, as a form: redirects are not followed, and a failed post is not retried.
Events are posted only to handlers on this machine; the sandbox sends nothing to other machines.
"""

import asyncio
import ipaddress
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from ..portal.addresses import oauth_server_url, oauth_url
from ..portal.application import Letter
from ..portal.authentication import APPLICATION_TOKEN, MEMBER_ID, STATUS, TOKEN_LIFETIME

MOST_WAITING = 100
"""The longest queue; an event beyond it is dropped, and recorded as such."""

KEPT = 100
"""How many of the newest deliveries are kept."""

TIMEOUT = 5
"""The timeout of a handler, in seconds."""


class Delivery(NamedTuple):
    """The outcome of posting an event."""

    event: str
    handler: str
    status: int | None
    """The status of the handler's response; None if there was none."""
    problem: str | None
    """Why there was no response."""


class Deliveries:
    """Posts the events of one portal, one after the other, in a separate thread."""

    def __init__(self, origin: str, oauth_port: int | None = None) -> None:
        """`origin`, `oauth_port`: the portal's, for the URLs in an event."""
        self._origin = origin
        self._oauth_port = oauth_port
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Letter, Future[None]]] = deque()
        self._at_work = False
        self._last: Future[None] = Future()
        self._last.set_result(None)
        self._done: deque[Delivery] = deque(maxlen=KEPT)

    def add(self, letter: Letter) -> None:
        """Add an event to the queue."""
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                self._done.append(_failed(letter, "too many events were waiting"))
                return
            self._last = Future()
            self._waiting.append((letter, self._last))
            if not self._at_work:
                self._at_work = True
                threading.Thread(target=self._work, name="deliveries", daemon=True).start()

    async def posted(self) -> None:
        """Wait until each event so far has been posted or has failed."""
        # Shielded, so that one cancelled waiter does not cancel it for the others.
        await asyncio.shield(asyncio.wrap_future(self._last))

    def newest(self) -> list[Delivery]:
        """Return the newest deliveries, oldest first."""
        return list(self._done)

    def clear(self) -> None:
        """Empty the queue, and remove all deliveries."""
        with self._lock:
            for _, posted in self._waiting:
                posted.set_result(None)
            self._waiting.clear()
            self._done = deque(maxlen=KEPT)  # a post in progress is recorded in the old one

    def _work(self) -> None:
        # Any certificate: handlers are on this machine, with certificates made by a developer.
        with httpx.Client(timeout=TIMEOUT, trust_env=False, verify=False) as client:  # noqa: S501
            while True:
                with self._lock:
                    if not self._waiting:
                        self._at_work = False
                        return
                    letter, posted = self._waiting.popleft()
                    done = self._done
                done.append(self._post(client, letter))
                posted.set_result(None)

    def _post(self, client: httpx.Client, letter: Letter) -> Delivery:
        if not is_here(letter.to.handler):
            return _failed(letter, "it is not on this machine, and nothing is sent to others")
        try:
            with client.stream("POST", letter.to.handler, data=self._form(letter)) as response:
                return Delivery(letter.to.event, letter.to.handler, response.status_code, None)
        except Exception as error:  # any error: the next event has to be posted
            return _failed(letter, f"{type(error).__name__}: {error}")

    def _form(self, letter: Letter) -> dict[str, str]:
        auth = {
            "domain": urlsplit(self._origin).netloc,
            "server_endpoint": oauth_server_url(self._origin, self._oauth_port),
            "client_endpoint": f"{oauth_url(self._origin)}/",
            "member_id": MEMBER_ID,
            "application_token": APPLICATION_TOKEN,
        }
        if letter.tokens is not None:
            auth |= {
                "access_token": letter.tokens.access_token,
                "expires_in": str(TOKEN_LIFETIME),
                "scope": ",".join(letter.scopes),
                "status": STATUS,
            }
            if letter.to.event == "ONAPPINSTALL":
                auth["refresh_token"] = letter.tokens.refresh_token
        return {
            "event": letter.to.event,
            "event_handler_id": str(letter.to.id),
            **{f"data[{name}]": value for name, value in letter.data.items()},
            "ts": str(int(time.time())),
            **{f"auth[{name}]": value for name, value in auth.items()},
        }


def _failed(letter: Letter, problem: str) -> Delivery:
    return Delivery(letter.to.event, letter.to.handler, None, problem)


def is_here(url: str) -> bool:
    """Whether a URL is on this machine: a loopback address or `localhost`."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
