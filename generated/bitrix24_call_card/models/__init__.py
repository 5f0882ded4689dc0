# Generated from the contract by `make generate`: an edit here is lost.
"""The models of the contract, each imported when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .call_direction import CallDirection
    from .call_state import CallState
    from .call_status import CallStatus
    from .crm_binding import CrmBinding
    from .crm_entity_type import CrmEntityType
    from .error_code import ErrorCode
    from .error_response import ErrorResponse
    from .get_status_request import GetStatusRequest
    from .get_status_response import GetStatusResponse
    from .no_parameters import NoParameters
    from .time import Time

_MODULES = {
    "CallDirection": ".call_direction",
    "CallState": ".call_state",
    "CallStatus": ".call_status",
    "CrmBinding": ".crm_binding",
    "CrmEntityType": ".crm_entity_type",
    "ErrorCode": ".error_code",
    "ErrorResponse": ".error_response",
    "GetStatusRequest": ".get_status_request",
    "GetStatusResponse": ".get_status_response",
    "NoParameters": ".no_parameters",
    "Time": ".time",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    model: object = getattr(import_module(_MODULES[name], __name__), name)
    globals()[name] = model
    return model


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])


__all__ = (
    "CallDirection",
    "CallState",
    "CallStatus",
    "CrmBinding",
    "CrmEntityType",
    "ErrorCode",
    "ErrorResponse",
    "GetStatusRequest",
    "GetStatusResponse",
    "NoParameters",
    "Time",
)
