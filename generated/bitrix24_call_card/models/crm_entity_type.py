# Generated from the contract by `make generate`: do not edit.
from enum import StrEnum


class CrmEntityType(StrEnum):
    COMPANY = "COMPANY"
    CONTACT = "CONTACT"
    DEAL = "DEAL"
    LEAD = "LEAD"

    def __str__(self) -> str:
        return str(self.value)
