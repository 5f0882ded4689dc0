"""The events that a portal posts to the handlers of an application.

Pass the body to ``read`` as the web framework has it::

    event = events.read(await request.body())  # Starlette, FastAPI
    event = events.read(request.get_data())  # Flask
    event = events.read(request.POST)  # Django

Anybody can send such a form. ``PortalEvent.is_from`` compares it with the token that came with the
installation: keep ``event.auth.application_token`` of ``ONAPPINSTALL``, once the OAuth server, at its own
known address, has confirmed ``event.auth.access_token`` with ``app.info``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ._forms import Source, is_same, members, nested
from ._reading import as_model, as_text, members_of, required
from .errors import Bitrix24Error, InvalidResponse
from .models import AppInstalled, AppUninstalled, CallEnded, CallStarted, EventAuth
from .types import UNSET

_MODELS: Final[Mapping[str, Any]] = {
    "ONAPPINSTALL": AppInstalled,
    "ONAPPUNINSTALL": AppUninstalled,
    "ONVOXIMPLANTCALLSTART": CallStarted,
    "ONVOXIMPLANTCALLEND": CallEnded,
}
"""The data of the events that the contract lists."""


class InvalidEvent(Bitrix24Error):
    """Not an event of a portal; the message says why, without secrets."""


@dataclass(frozen=True)
class PortalEvent:
    """An event; ``repr`` shows no token.

    Attributes:
        name: The event's name, such as ``ONAPPINSTALL``; an unknown one arrives likewise.
        data: What the event is about; a dictionary if the contract does not list the event.
        auth: Who sends it: ``application_token``, ``member_id``, ``domain``, and more.
    """

    name: str
    data: AppInstalled | AppUninstalled | CallStarted | CallEnded | dict[str, Any]
    auth: EventAuth

    def is_from(self, application_token: str) -> bool:
        """Return in constant time whether the event has this token, which came with the installation."""
        return is_same(application_token, self.auth.application_token)


def read(body: Source) -> PortalEvent:
    """Read an event.

    Args:
        body: The body of the request, a form with PHP's brackets (``data[CALL_ID]``).

    Raises:
        InvalidEvent: The body is not an event; the message names what is missing.
        TypeError: ``body`` is neither bytes nor text nor a mapping.
    """
    try:
        return _read(body)
    except (InvalidResponse, TypeError) as error:
        is_type_error, reason = isinstance(error, TypeError), str(error)
    # Raised from here, a traceback with local variables shows nothing of the request.
    del body
    raise TypeError(reason) if is_type_error else InvalidEvent(reason)


def _read(body: Source) -> PortalEvent:
    event = nested(members("body", body))
    name = required(event.get("event", UNSET), "event", as_text)
    auth = required(event.get("auth", UNSET), "auth", as_model(EventAuth))
    reader: Any = as_model(_MODELS[name]) if name in _MODELS else members_of
    return PortalEvent(name, required(event.get("data", {}), "data", reader), auth)


__all__ = ["InvalidEvent", "PortalEvent", "Source", "read"]
