# Generated from the contract by `make generate`: do not edit.
from enum import StrEnum


class Event(StrEnum):
    """The events known so far."""

    BEFORE_CLOSE = "CallCard::BeforeClose"
    CALL_STATE_CHANGED = "CallCard::CallStateChanged"
    ENTITY_CHANGED = "CallCard::EntityChanged"
