"""Where an application reaches a portal and its OAuth server."""

import re

from .authentication import USER_ID, WEBHOOK

# The host names of the real OAuth servers, which are built into SDKs. The sandbox answers to them
# as well, for an SDK that is made to resolve one of them to this machine.
OAUTH_HOSTS = ("oauth.bitrix.info", "oauth.bitrix24.tech")

# The host from which widgets load their library; it may be made to resolve to this machine.
LIBRARY_HOST = "api.bitrix24.com"


def webhook_url(origin: str) -> str:
    """Return the base URL of the webhook, with its trailing slash, as portals show it."""
    return f"{origin}/rest/{USER_ID}/{WEBHOOK}/"


def oauth_url(origin: str) -> str:
    """Return the base URL of calls with an access token."""
    return f"{origin}/rest"


def oauth_server_url(origin: str, port: int | None) -> str:
    """Return the REST URL of the OAuth server, which widgets receive as `SERVER_ENDPOINT`.

    SDKs replace its `/rest/` by `/oauth/token/`. `port`: its port on the portal's host; None if it
    has only the portal's origin.
    """
    return f"{at_port(origin, port) if port else origin}/rest/"


def at_port(origin: str, port: int | None) -> str:
    """Return the origin of the same host at another port; None: at the scheme's default port."""
    return re.sub(r"(:\d+)?$", f":{port}" if port else "", origin, count=1)
