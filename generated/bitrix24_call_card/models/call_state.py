# Generated from the contract by `make generate`: do not edit.
from enum import StrEnum


class CallState(StrEnum):
    """The states known so far. Since 2026-04."""

    CONNECTED = "connected"
    CONNECTING = "connecting"
    IDLE = "idle"
