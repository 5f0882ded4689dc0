# Generated from the contract by `make generate`: an edit here is lost.
from enum import StrEnum


class CallDirection(StrEnum):
    CALLBACK = "callback"
    INCOMING = "incoming"
    INCOMING_TRANSFER = "incomingTransfer"
    OUTGOING = "outgoing"

    def __str__(self) -> str:
        return str(self.value)
