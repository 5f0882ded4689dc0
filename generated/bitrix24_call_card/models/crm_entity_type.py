# Generated from the contract by `make generate`: do not edit.
from enum import StrEnum


class CrmEntityType(StrEnum):
    """The types of CRM items known so far. `DEAL` since 2026-04."""

    COMPANY = "COMPANY"
    CONTACT = "CONTACT"
    DEAL = "DEAL"
    LEAD = "LEAD"
