"""Where an application asks a portal: the base URLs below the portal's origin."""

from .authentication import USER_ID, WEBHOOK

# SDKs have these names of the real OAuth servers built in. The sandbox answers to them as well,
# for an SDK that resolves one of them to this machine.
OAUTH_HOSTS = ("oauth.bitrix.info", "oauth.bitrix24.tech")

# Widgets load their library from here, if this name is made to lead to this machine.
LIBRARY_HOST = "api.bitrix24.com"


def webhook_url(origin: str) -> str:
    """The base URL of the webhook, with its trailing slash, as portals show it."""
    return f"{origin}/rest/{USER_ID}/{WEBHOOK}/"


def oauth_url(origin: str) -> str:
    """The base URL of calls with an access token."""
    return f"{origin}/rest"


def oauth_server_url(origin: str) -> str:
    """The REST address of the OAuth server, which widgets receive as `SERVER_ENDPOINT`."""
    return f"{origin}/oauth/rest/"
