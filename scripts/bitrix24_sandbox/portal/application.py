"""The portal's application: whether it is installed, and what it has registered."""

from itertools import count
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .authentication import Tokens
from .errors import PortalError

PLACEMENT = "CALL_CARD"
EVENTS = {
    "ONAPPINSTALL": "",
    "ONAPPUNINSTALL": "",
    "ONVOXIMPLANTCALLINIT": "telephony",
    "ONVOXIMPLANTCALLSTART": "telephony",
    "ONVOXIMPLANTCALLEND": "telephony",
}
"""The events, each with the scope that it requires."""

MOST = 100
"""How many widgets, and how many event handlers, an application may register."""

LONGEST_URL = 2000


class Widget(NamedTuple):
    """A widget for the call card."""

    id: int
    handler: str
    """The URL of its page."""
    title: str
    description: str
    languages: dict[str, Any]
    """Title, description and group, by language."""


class EventHandler(NamedTuple):
    """The URL to which an event is posted."""

    id: int
    event: str
    handler: str
    user_id: str
    """The user whose token an event carries; `0` for the user who causes it, if there is one."""


class Letter(NamedTuple):
    """An event on its way to a handler."""

    to: EventHandler
    data: dict[str, str]
    tokens: Tokens | None = None
    """None without a user, and once the application is uninstalled."""
    scopes: tuple[str, ...] = ()
    """The scopes of the tokens."""


class Application:
    """The portal's one application. Widgets and handlers stay in the order of registration."""

    def __init__(self) -> None:
        self.installed = True
        self.handler: str | None = None
        """The URL with which it was installed; None for the application of the start."""
        self.shows_page = False
        """Whether that is a page, which has yet to finish the installation."""
        self.widgets: list[Widget] = []
        self.event_handlers: list[EventHandler] = []
        self._ids = count(1)

    @property
    def has_widget(self) -> bool:
        """Whether the card opens a page of this application.

        The application of the start has the sandbox's own widget until it registers another.
        """
        registered = self.handler is None or bool(self.widgets)
        return self.shows_page or (self.installed and registered)

    @property
    def first_widget(self) -> str | None:
        """The URL of the page that the card opens, if it is one of this application."""
        if self.shows_page:
            return self.handler
        return self.widgets[0].handler if self.widgets else None

    def add_widget(
        self, handler: str, title: str, description: str, languages: dict[str, Any]
    ) -> None:
        """Register a widget. Raise `PortalError` if it is registered already."""
        if any(handler == other.handler for other in self.widgets):
            raise PortalError(
                "ERROR_CORE", "Unable to set placement handler: Handler already binded"
            )
        _check_room(self.widgets)
        self.widgets.append(Widget(next(self._ids), handler, title, description, languages))

    def add_event_handler(self, event: str, handler: str, user_id: str = "0") -> EventHandler:
        """Register a handler of an event. Raise `PortalError` if it is registered already."""
        if any((handler, user_id) == (row.handler, row.user_id) for row in self.handlers_of(event)):
            raise PortalError("ERROR_CORE", "Unable to set event handler: Handler already binded")
        _check_room(self.event_handlers)
        row = EventHandler(next(self._ids), event, handler, user_id)
        self.event_handlers.append(row)
        return row

    def handlers_of(self, event: str) -> list[EventHandler]:
        """Return the handlers of an event."""
        return [row for row in self.event_handlers if row.event == event]


def _check_room(registered: list[Any]) -> None:
    if len(registered) >= MOST:
        raise PortalError("ERROR_CORE", f"The sandbox keeps at most {MOST} of them")


def check_handler(url: str) -> None:
    """Raise `PortalError` unless a handler may have this URL."""
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        raise PortalError("ERROR_WRONG_HANDLER_URL") from None
    if not whole or len(url) > LONGEST_URL:
        raise PortalError("ERROR_WRONG_HANDLER_URL")
    if parts.scheme not in ("http", "https"):
        raise PortalError("ERROR_UNSUPPORTED_PROTOCOL")
