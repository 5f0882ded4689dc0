"""A client behind a company's proxy, whose certificates are signed by a private CA."""

import httpx
from bitrix24_call_card import Client


def company_client(webhook_url: str, proxy: str, ca_bundle: str) -> Client:
    """Return a client; `ca_bundle` is the path of a file with the private CA's certificate."""
    context = httpx.create_ssl_context()  # the public CAs …
    context.load_verify_locations(ca_bundle)  # … and the private one
    return Client(webhook_url, proxy=proxy, verify_ssl=context)
