# Generated from the contract by `make generate`: do not edit.
from enum import StrEnum


class CallState(StrEnum):
    CONNECTED = "connected"
    CONNECTING = "connecting"
    IDLE = "idle"

    def __str__(self) -> str:
        return str(self.value)
