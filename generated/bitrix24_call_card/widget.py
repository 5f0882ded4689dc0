# Copied from scripts/generator/project/bitrix24_call_card/widget.py by `make generate`: do not edit.
"""The form by which a portal opens a widget in the call card.

Give it to ``read`` as the web framework gives it to you::

    widget.read(query=request.url.query, body=await request.body())  # Starlette, FastAPI
    widget.read(query=request.query_string, body=request.get_data())  # Flask
    widget.read(query=request.GET, body=request.POST)  # Django

Anybody can send such a form. Compare ``form.application_token`` with the one that came with the
installation; or ask the OAuth server, at its own known address, for ``app.info`` with ``form.auth_id``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from . import models
from ._reading import as_model, required
from .errors import Bitrix24Error, InvalidResponse

Source = bytes | str | Mapping[str, object]
"""A query or a form: encoded, or as a framework's mapping."""


class InvalidOpening(Bitrix24Error):
    """Not the form by which a portal opens a widget in the call card; the message says why, without secrets."""


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
    except InvalidResponse as error:
        reason = error.reason
    # Raised from here, a traceback with local variables shows nothing of the request.
    del query, body
    raise InvalidOpening(reason)


def _read(query: Source, body: Source) -> Opening:
    request = {"query": _members("query", query), "body": _members("body", body)}
    if not request["body"]:
        raise InvalidResponse(
            "the body is empty: the framework may have read it before, then give its form; a static "
            "application is opened with a query alone, and asks the page for the call with getStatus"
        )
    opening = required(request["query"], "query", as_model(models.OpenWidgetQuery))
    form = required(request["body"], "body", as_model(models.OpenWidgetRequest))
    return Opening(_call(form.placement_options), opening, form)


def _members(name: str, source: Source) -> dict[str, object]:
    if isinstance(source, Mapping):
        return {member: source[member] for member in source}
    try:
        text = source.decode() if isinstance(source, bytes) else source
        return dict(parse_qsl(text.removeprefix("?"), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        raise InvalidResponse(f"{name}: expected UTF-8") from None
    except (AttributeError, TypeError):
        found = type(source).__name__
        raise TypeError(f"{name}: expected bytes, text or a mapping, found {found}") from None


def _call(options: str) -> models.CallStatus:
    try:
        call: Any = json.loads(options)
    except (ValueError, RecursionError):
        raise InvalidResponse("body.PLACEMENT_OPTIONS: expected JSON") from None
    return required(call, "body.PLACEMENT_OPTIONS", as_model(models.CallStatus))


__all__ = ["InvalidOpening", "Opening", "read"]
