"""The methods of the portal: what each makes of a request's fields."""

from ..portal.call import CurrentCall
from ..portal.errors import PortalError, bad_argument
from ..portal.state import Portal
from .decoding import Fields


def check_profile(portal: Portal, *, by_webhook: bool) -> None:
    """Raise `PortalError` if a portal of this profile does not answer `placement.call` so."""
    if portal.profile == "js-only":
        raise PortalError("ERROR_METHOD_NOT_FOUND")
    if portal.profile == "app-only" and by_webhook:
        raise PortalError("WRONG_AUTH_TYPE")


def placement_call(portal: Portal, fields: Fields) -> CurrentCall:
    """Answer `placement.call`: the current call. Raise `PortalError` in every other case."""
    _check_arguments(fields)
    if portal.current is None:
        raise PortalError("ERROR_CORE")
    return portal.current


def _check_arguments(fields: Fields) -> None:
    placement = fields.get("PLACEMENT")
    if placement is None or placement == "":
        raise PortalError("ERROR_ARGUMENT")
    if not isinstance(placement, str):
        raise bad_argument("PLACEMENT", "Argument 'PLACEMENT' must be a string")
    if placement != "getStatus":
        raise PortalError("ERROR_PLACEMENT_NOT_FOUND")
    if fields.get("PARAMS", {}) not in ({}, []):
        raise bad_argument("PARAMS", "Argument 'PARAMS' must be empty: {} or []")
