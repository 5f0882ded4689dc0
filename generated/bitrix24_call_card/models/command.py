# Generated from the contract by `make generate`: do not edit.
from enum import StrEnum


class Command(StrEnum):
    DISABLE_AUTO_CLOSE = "disableAutoClose"
    ENABLE_AUTO_CLOSE = "enableAutoClose"
    GET_STATUS = "getStatus"

    def __str__(self) -> str:
        return str(self.value)
