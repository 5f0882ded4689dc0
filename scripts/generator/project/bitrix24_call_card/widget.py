"""The form by which a portal opens a widget in the call card.

Pass it to ``read`` as the web framework has it::

    widget.read(query=request.url.query, body=await request.body())  # Starlette, FastAPI
    widget.read(query=request.query_string, body=request.get_data())  # Flask
    widget.read(query=request.GET, body=request.POST)  # Django

Anybody can send such a form. ``Opening.is_from`` compares it with the token that came with the
installation; or ask the OAuth server, at its own known address, for ``app.info`` with ``form.auth_id``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from . import models
from ._forms import Source, is_same, members
from ._reading import as_model, required
from .errors import Bitrix24Error, InvalidResponse


class InvalidOpening(Bitrix24Error):
    """Not a valid request to open a widget in the call card; the message says why, without secrets."""


@dataclass(frozen=True)
class Opening:
    """A widget that a portal has opened; ``repr`` shows no secret.

    Attributes:
        call: The call on the operator's screen.
        query: Where the form comes from: the portal's ``domain``, ``protocol``, ``lang``, ``app_sid``.
        form: The user's ``auth_id`` and ``refresh_id``, the portal's ``member_id``, ``application_token``, and more.
    """

    call: models.CallStatus
    query: models.OpenWidgetQuery
    form: models.OpenWidgetRequest

    @property
    def rest_url(self) -> str:
        """The portal's REST address, as ``AuthenticatedClient`` takes it.

        Trust the form first: anybody can name a domain, and the token would go there.
        """
        scheme = "http" if self.query.protocol == "0" else "https"
        return f"{scheme}://{self.query.domain}/rest"

    def is_from(self, application_token: str) -> bool:
        """Return in constant time whether the form has this token, which came with the installation."""
        return is_same(application_token, self.form.application_token)


def read(query: Source, body: Source) -> Opening:
    """Read the request by which a portal opens a widget.

    Args:
        query: The query of the handler's URL.
        body: The body of the request, a form.

    Raises:
        InvalidOpening: The request does not open a widget in the call card.
        TypeError: ``query`` or ``body`` is neither bytes nor text nor a mapping.
    """
    try:
        return _read(query, body)
    except (InvalidResponse, TypeError) as error:
        is_type_error, reason = isinstance(error, TypeError), str(error)
    # Raised from here, a traceback with local variables shows nothing of the request.
    del query, body
    raise TypeError(reason) if is_type_error else InvalidOpening(reason)


def _read(query: Source, body: Source) -> Opening:
    form_members, query_members = members("body", body), members("query", query)
    if not form_members:
        raise InvalidResponse(
            "the body is empty: if the framework has read it before, pass its form; a static "
            "application is opened with a query alone, and asks the page for the call with getStatus"
        )
    form = required(form_members, "body", as_model(models.OpenWidgetRequest))
    opening = required(query_members, "query", as_model(models.OpenWidgetQuery))
    # Some frameworks merge the two, and the repr of one would show the secrets of the other.
    for one, other in ((form, opening), (opening, form)):
        for name in one.to_dict().keys() - one.additional_properties.keys():
            other.additional_properties.pop(name, None)
    try:
        options: Any = json.loads(form.placement_options)
    except (ValueError, RecursionError):
        raise InvalidResponse("body.PLACEMENT_OPTIONS: expected JSON") from None
    call = required(options, "body.PLACEMENT_OPTIONS", as_model(models.CallStatus))
    return Opening(call, opening, form)


__all__ = ["InvalidOpening", "Opening", "Source", "read"]
