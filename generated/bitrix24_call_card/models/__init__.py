# Generated from the contract by `make generate`: do not edit.
"""The models of the contract, each imported when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .app_installed import AppInstalled
    from .app_installed_event import AppInstalledEvent
    from .app_uninstalled import AppUninstalled
    from .app_uninstalled_event import AppUninstalledEvent
    from .call_direction import CallDirection
    from .call_ended import CallEnded
    from .call_ended_event import CallEndedEvent
    from .call_started import CallStarted
    from .call_started_event import CallStartedEvent
    from .call_state import CallState
    from .call_status import CallStatus
    from .command import Command
    from .crm_binding import CrmBinding
    from .crm_entity_type import CrmEntityType
    from .entity_changed import EntityChanged
    from .error_code import ErrorCode
    from .error_response import ErrorResponse
    from .event import Event
    from .event_auth import EventAuth
    from .get_status_request import GetStatusRequest
    from .get_status_response import GetStatusResponse
    from .init_data import InitData
    from .interface import Interface
    from .no_parameters import NoParameters
    from .open_widget_query import OpenWidgetQuery
    from .open_widget_request import OpenWidgetRequest
    from .options import Options
    from .placement_binding import PlacementBinding
    from .placement_options import PlacementOptions
    from .timing import Timing

_MODULES = {
    "AppInstalled": ".app_installed",
    "AppInstalledEvent": ".app_installed_event",
    "AppUninstalled": ".app_uninstalled",
    "AppUninstalledEvent": ".app_uninstalled_event",
    "CallDirection": ".call_direction",
    "CallEnded": ".call_ended",
    "CallEndedEvent": ".call_ended_event",
    "CallStarted": ".call_started",
    "CallStartedEvent": ".call_started_event",
    "CallState": ".call_state",
    "CallStatus": ".call_status",
    "Command": ".command",
    "CrmBinding": ".crm_binding",
    "CrmEntityType": ".crm_entity_type",
    "EntityChanged": ".entity_changed",
    "ErrorCode": ".error_code",
    "ErrorResponse": ".error_response",
    "Event": ".event",
    "EventAuth": ".event_auth",
    "GetStatusRequest": ".get_status_request",
    "GetStatusResponse": ".get_status_response",
    "InitData": ".init_data",
    "Interface": ".interface",
    "NoParameters": ".no_parameters",
    "OpenWidgetQuery": ".open_widget_query",
    "OpenWidgetRequest": ".open_widget_request",
    "Options": ".options",
    "PlacementBinding": ".placement_binding",
    "PlacementOptions": ".placement_options",
    "Timing": ".timing",
}

# Hidden from type checkers, which would otherwise accept any name as a model.
if not TYPE_CHECKING:

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        model = globals()[name] = getattr(import_module(_MODULES[name], __name__), name)
        return model


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])


__all__ = (
    "AppInstalled",
    "AppInstalledEvent",
    "AppUninstalled",
    "AppUninstalledEvent",
    "CallDirection",
    "CallEnded",
    "CallEndedEvent",
    "CallStarted",
    "CallStartedEvent",
    "CallState",
    "CallStatus",
    "Command",
    "CrmBinding",
    "CrmEntityType",
    "EntityChanged",
    "ErrorCode",
    "ErrorResponse",
    "Event",
    "EventAuth",
    "GetStatusRequest",
    "GetStatusResponse",
    "InitData",
    "Interface",
    "NoParameters",
    "OpenWidgetQuery",
    "OpenWidgetRequest",
    "Options",
    "PlacementBinding",
    "PlacementOptions",
    "Timing",
)
