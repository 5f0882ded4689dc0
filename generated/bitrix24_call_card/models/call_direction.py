# Generated from the contract by `make generate`: do not edit.
from enum import StrEnum


class CallDirection(StrEnum):
    """The directions known so far; `incomingTransfer` is documented 2024-09 only."""

    CALLBACK = "callback"
    INCOMING = "incoming"
    INCOMING_TRANSFER = "incomingTransfer"
    OUTGOING = "outgoing"
