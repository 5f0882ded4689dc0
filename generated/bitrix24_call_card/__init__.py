# Generated from the contract by `make generate`: do not edit.
"""A client library for accessing Bitrix24 call card"""

from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
)
