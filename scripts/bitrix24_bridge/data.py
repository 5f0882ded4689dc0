"""Portals and secrets of backends, in one SQLite file: commands write it, the server reads it.

Only hashes of secrets are in it.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Generator
from dataclasses import astuple, dataclass
from hmac import compare_digest
from pathlib import Path

from .cards import User

SCHEMA = """
CREATE TABLE IF NOT EXISTS portals (
    member_id TEXT PRIMARY KEY,
    domain TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    oauth_server TEXT NOT NULL,
    application_token TEXT NOT NULL,
    events TEXT NOT NULL UNIQUE,
    installed REAL NOT NULL,
    failed TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS secrets (
    secret TEXT PRIMARY KEY,
    member_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    added REAL NOT NULL,
    UNIQUE (member_id, user_id, name)
);
CREATE TABLE IF NOT EXISTS servers (
    pid INTEGER PRIMARY KEY,
    address TEXT NOT NULL,
    key TEXT NOT NULL
);
"""


class DataError(Exception):
    """The data cannot be used as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Portal:
    """A portal on which the application is installed."""

    member_id: str
    domain: str
    endpoint: str
    """Its REST address, with a trailing slash."""
    oauth_server: str
    """The REST address of its OAuth server."""
    application_token: str
    """The hash of it."""
    events: str
    """The hash of the secret in the URL of its events."""
    installed: float
    """Unix time."""
    failed: str
    """The step of the installation that failed; empty when all is done."""

    @property
    def origin(self) -> str:
        """The origin of its pages."""
        return "/".join(self.endpoint.split("/", 3)[:3])


@dataclass(frozen=True)
class Secret:
    """A backend's way to ask for one user; the secret itself was shown once."""

    member_id: str
    user_id: str
    name: str
    added: float
    """Unix time."""


def hashed(secret: str) -> str:
    """Give what is kept of a secret. It is long and random, so it needs no salt."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


class Data:
    """The SQLite file. Raise `DataError` if it cannot be used."""

    def __init__(self, file: Path) -> None:
        try:
            # From the first moment on, nobody else may read it, nor what SQLite puts beside it.
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            file.chmod(0o600)
            self._database = sqlite3.connect(file, isolation_level=None, timeout=10)
            self._database.row_factory = sqlite3.Row
            # So that the server reads while a command writes.
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise DataError(f"BRIDGE_DATA: {file} cannot be used: {error}.") from None

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # --- portals ----------------------------------------------------------------------------------

    def put_portal(self, portal: Portal) -> None:
        """Note a portal, in the place of what was known of it."""
        self._write("REPLACE INTO portals VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *astuple(portal))

    def note_step(self, member_id: str, step: str) -> None:
        """Note the step of an installation that has failed; empty when all is done."""
        self._write("UPDATE portals SET failed = ? WHERE member_id = ?", step, member_id)

    def portal(self, member_id: str) -> Portal | None:
        """Give a portal by its member id."""
        return next(iter(self._portals("WHERE member_id = ?", member_id)), None)

    def portal_of_events(self, secret: str) -> Portal | None:
        """Give the portal whose events come with this secret in their URL."""
        return next(iter(self._portals("WHERE events = ?", hashed(secret))), None)

    def portal_named(self, name: str) -> Portal:
        """Give a portal by its domain or member id. Raise `DataError`."""
        found = self._portals("WHERE member_id = ? OR domain = ?", name, name.lower())
        if not found:
            raise DataError(f"No portal {name} has installed the application: see `portals`.")
        return found[0]

    def portals(self) -> list[Portal]:
        """Give all portals."""
        return self._portals("ORDER BY domain")

    def remove_portal(self, member_id: str) -> None:
        """Forget a portal that has removed the application. Its secrets wait for its return."""
        self._write("DELETE FROM portals WHERE member_id = ?", member_id)

    def _portals(self, where: str, *values: str) -> list[Portal]:
        rows = self._database.execute(f"SELECT * FROM portals {where}", values)  # noqa: S608
        return [Portal(**row) for row in rows]

    # --- secrets of backends ----------------------------------------------------------------------

    def add_secret(self, member_id: str, user_id: str, name: str) -> str:
        """Make a secret for a user, and give it; only its hash is kept. Raise `DataError`."""
        secret = secrets.token_hex(24)
        row = (hashed(secret), member_id, user_id, name, time.time())
        try:
            self._write("INSERT INTO secrets VALUES (?, ?, ?, ?, ?)", *row)
        except sqlite3.IntegrityError:
            raise DataError(
                f"User {user_id} has a secret {name} already. Choose another name, or revoke it."
            ) from None
        return secret

    def revoke_secret(self, member_id: str, user_id: str, name: str) -> None:
        """Forget a secret. Raise `DataError` if there is none of this name."""
        where = "member_id = ? AND user_id = ? AND name = ?"
        if not self._write(f"DELETE FROM secrets WHERE {where}", member_id, user_id, name):  # noqa: S608
            raise DataError(f"User {user_id} has no secret {name}: see `secret list`.")

    def secrets(self) -> list[Secret]:
        """Give all that is known of secrets."""
        rows = self._database.execute(
            "SELECT member_id, user_id, name, added FROM secrets ORDER BY member_id, user_id, name"
        )
        return [Secret(**row) for row in rows]

    def user_of(self, user_id: str, secret: str) -> User | None:
        """Tell whose secret this is, if its portal still has the application."""
        # Found by its hash, so that the time it takes says nothing about a secret that is similar.
        row = self._database.execute(
            "SELECT member_id, user_id FROM secrets JOIN portals USING (member_id) "
            "WHERE secret = ?",
            [hashed(secret)],
        ).fetchone()
        if row is None or not compare_digest(row["user_id"].encode(), user_id.encode()):
            return None
        return User(*row)

    # --- servers ----------------------------------------------------------------------------------

    def put_server(self, address: str, key: str) -> None:
        """Note where the server of this process can be asked for its status, and with which key."""
        self._write("REPLACE INTO servers VALUES (?, ?, ?)", os.getpid(), address, key)

    def remove_server(self) -> None:
        """Forget the server of this process."""
        self._write("DELETE FROM servers WHERE pid = ?", os.getpid())

    def servers(self) -> list[tuple[str, str]]:
        """Give address and key of each server."""
        return [tuple(row) for row in self._database.execute("SELECT address, key FROM servers")]

    def _write(self, statement: str, *values: str | float) -> int:
        return self._database.execute(statement, values).rowcount


@contextlib.contextmanager
def serving(file: Path, *, alone: bool) -> Generator[None, None, None]:
    """Keep other servers from the data while the context lasts, if one has to be alone.

    Raise `DataError`.
    """
    lock = file.with_name(f"{file.name}.lock")
    with contextlib.ExitStack() as stack:
        try:
            # Beside the data: closing any handle of the file itself would undo SQLite's own locks.
            number = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, number)
            fcntl.flock(number, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                f"Another bridge serves with {file} already. Several need one BRIDGE_STORE."
            ) from None
        except OSError as error:
            raise DataError(f"BRIDGE_DATA: {lock} cannot be used: {error}.") from None
        yield
