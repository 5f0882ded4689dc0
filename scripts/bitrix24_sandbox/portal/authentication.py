"""The credentials that a portal accepts: its webhook, and the tokens of its application."""

import secrets
import threading
import time
from typing import Any, NamedTuple

from .errors import PortalError

USER_ID = "1"
WEBHOOK = "sandboxwebhook"
ACCESS_TOKEN = "sandboxaccesstoken"  # noqa: S105 - a made-up secret, and a public one
REFRESH_TOKEN = "sandboxrefreshtoken"  # noqa: S105
CLIENT_ID = "sandboxclientid"
CLIENT_SECRET = "sandboxclientsecret"  # noqa: S105
MEMBER_ID = "5a1d5b0dc4f04a6fb8a0e3f3c24e93d1"
APPLICATION_TOKEN = "sandboxapplicationtoken"  # noqa: S105 - the same for each installation
STATUS = "L"  # a local application
SCOPES = ("crm", "placement", "telephony", "user")
TOKEN_LIFETIME = 3600  # seconds
CODE_LIFETIME = 30  # seconds


class Tokens(NamedTuple):
    """An access token and its refresh token."""

    access_token: str
    refresh_token: str

    def __repr__(self) -> str:
        return "Tokens(…)"  # secrets, after a refresh


class Authentication:
    """The credentials that the portal accepts. It is thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.tokens = Tokens(ACCESS_TOKEN, REFRESH_TOKEN)
        self._expiry: dict[str, float | None] = {ACCESS_TOKEN: time.time() + TOKEN_LIFETIME}
        """When each token expires; None once its application is uninstalled."""
        self._codes: dict[str, float] = {}

    def check_webhook(self, user: str, secret: str) -> None:
        """Raise `PortalError` unless this is the portal's webhook."""
        if (user, secret) != (USER_ID, WEBHOOK):
            raise PortalError("INVALID_CREDENTIALS")

    def check_token(self, token: Any) -> float:
        """Return the Unix time at which the token expires. Raise `PortalError` if it is invalid.

        `token`: any scalar that a client may send; None if it sent none.
        """
        if token is None:
            raise PortalError("NO_AUTH_FOUND")
        if token not in self._expiry:
            raise PortalError("invalid_token")
        expiry = self._expiry[token]
        if expiry is None:
            raise PortalError("APPLICATION_NOT_FOUND")
        if expiry <= time.time():
            raise PortalError("expired_token")
        return expiry

    def expire_tokens(self) -> None:
        """Let an hour pass for every access token."""
        with self._lock:
            self._expiry = {
                token: None if expiry is None else 0.0 for token, expiry in self._expiry.items()
            }

    def check_refresh_token(self, refresh_token: str) -> None:
        """Raise `PortalError` unless this is the current refresh token."""
        if refresh_token != self.tokens.refresh_token:
            raise PortalError("invalid_grant")

    def refresh(self, refresh_token: str) -> Tokens:
        """Exchange the refresh token for a new pair. Raise `PortalError` if it is invalid."""
        with self._lock:
            self.check_refresh_token(refresh_token)
            return self._issue()

    def issue_code(self) -> str:
        """Issue an authorization code, to be exchanged for tokens once."""
        code, now = secrets.token_hex(16), time.time()
        with self._lock:
            self._codes = {code: end for code, end in self._codes.items() if end > now}
            self._codes[code] = now + CODE_LIFETIME
        return code

    def exchange_code(self, code: str) -> Tokens:
        """Exchange an authorization code for tokens. Raise `PortalError` if it is invalid."""
        with self._lock:
            if self._codes.pop(code, 0) <= time.time():
                raise PortalError("invalid_grant")
            return self._issue()

    def issue(self) -> Tokens:
        """Issue a pair of tokens to an installed application."""
        with self._lock:
            return self._issue()

    def revoke(self) -> None:
        """Revoke all tokens of an application that is uninstalled."""
        with self._lock:
            self._issue()  # and return it to nobody, so that the refresh token is spent
            self._expiry = dict.fromkeys(self._expiry)
            self._codes = {}

    def _issue(self) -> Tokens:
        self.tokens = Tokens(secrets.token_hex(32), secrets.token_hex(32))
        self._expiry[self.tokens.access_token] = time.time() + TOKEN_LIFETIME
        return self.tokens
