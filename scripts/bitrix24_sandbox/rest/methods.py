"""The methods of the portal: which there are, and what each makes of a request's fields."""

from ..portal.call import CurrentCall
from ..portal.errors import PortalError, bad_argument
from ..portal.state import Portal
from .decoding import Fields


def check_exists(portal: Portal, method: str) -> None:
    """Raise `PortalError` unless the portal has a method of this name."""
    if method != "placement.call" or portal.profile == "js-only":
        raise PortalError("ERROR_METHOD_NOT_FOUND")


def placement_call(portal: Portal, fields: Fields, *, by_webhook: bool) -> CurrentCall:
    """Answer `placement.call`: the current call. Raise `PortalError` in every other case."""
    if by_webhook and portal.profile == "app-only":
        raise PortalError("WRONG_AUTH_TYPE")
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
