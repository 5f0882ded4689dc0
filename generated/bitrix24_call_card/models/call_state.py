# Generated from the contract by `make generate`: an edit here is lost.
from enum import StrEnum


class CallState(StrEnum):
    CONNECTED = "connected"
    CONNECTING = "connecting"
    IDLE = "idle"

    def __str__(self) -> str:
        return str(self.value)
