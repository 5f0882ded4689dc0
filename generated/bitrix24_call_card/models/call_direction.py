# Generated from the contract by `make generate`: do not edit.
from enum import StrEnum


class CallDirection(StrEnum):
    """The directions known so far. Descriptions since 2026-04 leave out `incomingTransfer`."""

    CALLBACK = "callback"
    INCOMING = "incoming"
    INCOMING_TRANSFER = "incomingTransfer"
    OUTGOING = "outgoing"
