"""Where an application asks a portal: the base URLs below the portal's origin."""

from .authentication import USER_ID, WEBHOOK


def webhook_url(origin: str) -> str:
    """The base URL of the webhook, with its trailing slash, as portals show it."""
    return f"{origin}/rest/{USER_ID}/{WEBHOOK}/"


def oauth_url(origin: str) -> str:
    """The base URL of calls with an access token."""
    return f"{origin}/rest"
