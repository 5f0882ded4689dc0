# Copied from scripts/generator/project/bitrix24_call_card/__init__.py by `make generate`: do not edit.
"""Which call is on a Bitrix24 operator's screen: a typed client for `placement.call` `getStatus`."""

from ._version import __version__
from .client import AuthenticatedClient, Client

__all__ = ("AuthenticatedClient", "Client", "__version__")
