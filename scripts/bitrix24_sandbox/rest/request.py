"""A request for a method, once its credentials have been checked."""

from typing import NamedTuple

from ..portal.errors import PortalError
from ..portal.state import Portal
from ..portal.telephony import APPLICATION_ID
from .decoding import Fields


class Request(NamedTuple):
    """Who asks, and with which fields."""

    portal: Portal
    fields: Fields
    by_webhook: bool

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of the webhook or of the application."""
        scopes = self.portal.scopes
        return scopes.webhook if self.by_webhook else scopes.application

    @property
    def application_id(self) -> int | None:
        """The application that asks; None for a webhook."""
        return None if self.by_webhook else APPLICATION_ID

    def check_scope(self, scope: str, *, in_batch: bool) -> None:
        """Raise `PortalError` unless the webhook or the application has this scope."""
        if not scope or scope in self.scopes:
            return
        kind = "webhook" if self.by_webhook else "access"
        description = f"The request requires higher privileges than provided by the {kind} token"
        raise PortalError("insufficient_scope", "" if in_batch else description)
