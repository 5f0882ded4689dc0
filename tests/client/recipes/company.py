"""A client behind a company's proxy, which shows certificates of the company's own authority."""

import httpx
from bitrix24_call_card import Client


def company_client(webhook_url: str, proxy: str, authority: str) -> Client:
    """Make a client; `authority` is the path of a file with the authority's certificate."""
    context = httpx.create_ssl_context()  # the public authorities …
    context.load_verify_locations(authority)  # … and the company's
    return Client(webhook_url, proxy=proxy, verify_ssl=context)
