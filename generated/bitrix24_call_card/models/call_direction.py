# Generated from the contract by `make generate`: do not edit.
from enum import StrEnum


class CallDirection(StrEnum):
    CALLBACK = "callback"
    INCOMING = "incoming"
    INCOMING_TRANSFER = "incomingTransfer"
    OUTGOING = "outgoing"

    def __str__(self) -> str:
        return str(self.value)
