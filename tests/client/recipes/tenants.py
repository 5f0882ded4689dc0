"""Many portals in one process: a client for each, which all threads and tasks share."""

from functools import cache

import httpx
from bitrix24_call_card import Client

# Created once: loading the CA bundle takes longer than a call.
SSL_CONTEXT = httpx.create_ssl_context()


@cache
def client_for(webhook_url: str) -> Client:
    """Return the client of a portal."""
    limits = httpx.Limits(max_connections=20, max_keepalive_connections=1, keepalive_expiry=30)
    return Client(webhook_url, verify_ssl=SSL_CONTEXT, httpx_args={"limits": limits})
