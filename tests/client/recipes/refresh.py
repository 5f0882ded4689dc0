"""A client whose token is refreshed once for all workers, which share a database."""

import sqlite3
from contextlib import closing

import httpx
from bitrix24_call_card import AuthenticatedClient

OAUTH_SERVER = "https://oauth.bitrix.info/oauth/token/"
APPLICATION = {"client_id": "…", "client_secret": "…"}

# CREATE TABLE tokens (base_url TEXT PRIMARY KEY, access_token TEXT, refresh_token TEXT)


def oauth_client(database: str, base_url: str) -> AuthenticatedClient:
    """Return a client for a portal whose tokens are in the database."""

    def refresh() -> str:
        with closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as store:
            store.execute("BEGIN IMMEDIATE")  # the other workers wait here
            row = store.execute("SELECT * FROM tokens WHERE base_url = ?", [base_url]).fetchone()
            access_token, refresh_token = row[1:]
            if access_token == client.token:  # else another worker has refreshed it
                # In the body, because URLs end up in logs.
                fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
                response = httpx.post(OAUTH_SERVER, data={**fields, **APPLICATION})
                if b'"error"' in response.content:  # also with status 200
                    code = response.json()["error"]  # invalid_grant: the refresh token is spent
                    raise RuntimeError(f"The OAuth server refuses to refresh the token: {code}")
                tokens = response.raise_for_status().json()
                access_token = tokens["access_token"]
                store.execute(
                    "UPDATE tokens SET access_token = ?, refresh_token = ? WHERE base_url = ?",
                    [access_token, tokens["refresh_token"], base_url],  # the old ones are spent
                )
            store.execute("COMMIT")
        return str(access_token)

    with closing(sqlite3.connect(database)) as store:
        row = store.execute("SELECT * FROM tokens WHERE base_url = ?", [base_url]).fetchone()
    client = AuthenticatedClient(base_url, token=row[1], refresh=refresh)
    return client
