"""A client whose token is refreshed once for all workers, which share a database."""

import sqlite3
from contextlib import closing

import httpx
from bitrix24_call_card import AuthenticatedClient

OAUTH_SERVER = "https://oauth.bitrix.info/oauth/token/"
APPLICATION = {"client_id": "…", "client_secret": "…"}

# CREATE TABLE tokens (base_url TEXT, user_id TEXT, access_token TEXT, refresh_token TEXT,
#                      PRIMARY KEY (base_url, user_id))
READ = "SELECT access_token, refresh_token FROM tokens WHERE base_url = ? AND user_id = ?"
WRITE = "REPLACE INTO tokens VALUES (?, ?, ?, ?)"


class RefreshRefusedError(Exception):
    """The OAuth server refuses the refresh; with `invalid_grant`, the refresh token is spent."""

    def __init__(self, code: str) -> None:
        super().__init__(f"The OAuth server refuses to refresh the token: {code}")
        self.code = code


def oauth_client(database: str, base_url: str, user_id: str) -> AuthenticatedClient:
    """Return a client for a user of a portal whose tokens are in the database."""
    user = [base_url, user_id]

    def refresh() -> str:
        with closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as store:
            store.execute("BEGIN IMMEDIATE")  # the other workers wait here
            access_token, refresh_token = store.execute(READ, user).fetchone()
            if access_token == client.token:  # else another worker has refreshed it
                # In the body, because URLs end up in logs.
                fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
                response = httpx.post(OAUTH_SERVER, data={**fields, **APPLICATION})
                if b'"error"' in response.content:  # also with status 200
                    raise RefreshRefusedError(response.json()["error"])
                tokens = response.raise_for_status().json()
                access_token = tokens["access_token"]
                # The old ones are spent.
                store.execute(WRITE, [*user, access_token, tokens["refresh_token"]])
            store.execute("COMMIT")
        return str(access_token)

    with closing(sqlite3.connect(database)) as store:
        access_token, _ = store.execute(READ, user).fetchone()
    client = AuthenticatedClient(base_url, token=access_token, refresh=refresh)
    return client
