# Generated from the contract by `make generate`: do not edit.
from enum import StrEnum


class Command(StrEnum):
    """The commands known so far."""

    DISABLE_AUTO_CLOSE = "disableAutoClose"
    ENABLE_AUTO_CLOSE = "enableAutoClose"
    GET_STATUS = "getStatus"
