"""Portals and secrets of backends, in one SQLite file that commands and servers share.

Only hashes of secrets are in it.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TypeVar, TypeVarTuple

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
CREATE TABLE IF NOT EXISTS verdicts (
    token TEXT PRIMARY KEY,
    verdict TEXT NOT NULL,
    until REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS secrets (
    secret TEXT PRIMARY KEY,
    member_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    added REAL NOT NULL,
    UNIQUE (member_id, user_id, name)
);
"""

REMOVED = "removed"
"""Stands for the failed step of a portal that has removed the application."""

_Args = TypeVarTuple("_Args")
_T = TypeVar("_T")


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
    """The step of the installation that failed, or `REMOVED`; empty when all is done."""

    @property
    def origin(self) -> str:
        """The origin of its pages."""
        return "/".join(self.endpoint.split("/", 3)[:3])


@dataclass(frozen=True)
class Secret:
    """A backend's way to ask for one user; the secret itself was shown once."""

    domain: str
    """Of its portal; the member id if the portal is unknown."""
    user_id: str
    name: str
    added: float
    """Unix time."""
    counts: bool
    """Whether its portal still has the application."""


def hashed(secret: str) -> str:
    """Return what is kept of a secret. It is long and random, so it needs no salt."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


class Data:
    """The SQLite file. Raise `DataError` if it cannot be used.

    Reads are short and wait for nobody. A write waits for the locks of other programs, so a server
    has them done `in_thread`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(1, "data")
        try:
            # From the first moment on, nobody else may read it, nor what SQLite puts beside it.
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            file.chmod(0o600)
            self._writing = sqlite3.connect(
                file, isolation_level=None, timeout=10, check_same_thread=False
            )
            # So that a read need not wait for a write.
            self._writing.execute("PRAGMA journal_mode = WAL")
            self._writing.executescript(SCHEMA)
            self._reading = sqlite3.connect(file, isolation_level=None, timeout=0.1)
            self._reading.row_factory = sqlite3.Row
            self._opened = _identity(file)
        except (OSError, sqlite3.Error) as error:
            raise DataError(f"BRIDGE_DATA: {file} cannot be used: {error}.") from None

    def close(self) -> None:
        """Close the file."""
        self._thread.shutdown()
        self._reading.close()
        self._writing.close()

    async def in_thread(self, write: Callable[[*_Args], _T], *args: *_Args) -> _T:
        """Call a method that writes, in the one thread that does so."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, write, *args)

    # --- portals ----------------------------------------------------------------------------------

    def put_portal(self, portal: Portal) -> None:
        """Insert or replace a portal. After a removal, its earlier secrets are deleted."""
        with self._writing as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute(
                "DELETE FROM secrets WHERE member_id = ?1 AND NOT EXISTS "
                "(SELECT 1 FROM portals WHERE member_id = ?1 AND failed != ?2)",
                (portal.member_id, REMOVED),
            )
            database.execute(
                "REPLACE INTO portals VALUES (?, ?, ?, ?, ?, ?, ?, ?)", astuple(portal)
            )

    def note_step(self, events: str, step: str) -> None:
        """Note the step that failed of the installation with these events; empty for success."""
        self._write("UPDATE portals SET failed = ? WHERE events = ?", step, events)

    def portal(self, member_id: str) -> Portal | None:
        """Return the portal with this member id, if the application is installed there."""
        where = "WHERE member_id = ? AND failed != ?"
        return next(iter(self._portals(where, member_id, REMOVED)), None)

    def portal_of_events(self, secret: str) -> Portal | None:
        """Return the portal whose events come with this secret in their URL."""
        where = "WHERE events = ? AND failed != ?"
        return next(iter(self._portals(where, hashed(secret), REMOVED)), None)

    def portal_named(self, name: str) -> Portal:
        """Return a portal by its domain or member id, also a removed one. Raise `DataError`."""
        found = self._portals("WHERE member_id = ? OR domain = ?", name, name.lower())
        if not found:
            raise DataError(f"No portal {name} has installed the application: see `portals`.")
        return found[0]

    def portals(self) -> list[Portal]:
        """Return all portals, also removed ones."""
        return self._portals("ORDER BY domain")

    def remove_portal(self, member_id: str) -> None:
        """Note that a portal has removed the application; its secrets do not count any more."""
        self._write("UPDATE portals SET failed = ? WHERE member_id = ?", REMOVED, member_id)

    def forget_portal(self, member_id: str) -> None:
        """Delete a portal and its secrets."""
        with self._writing as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("DELETE FROM secrets WHERE member_id = ?", (member_id,))
            database.execute("DELETE FROM portals WHERE member_id = ?", (member_id,))

    def _portals(self, where: str, *values: str) -> list[Portal]:
        return [Portal(**row) for row in self._read(f"SELECT * FROM portals {where}", *values)]  # noqa: S608

    # --- secrets of backends ----------------------------------------------------------------------

    def add_secret(self, member_id: str, user_id: str, name: str) -> str:
        """Make a secret for a user, and return it; only its hash is kept. Raise `DataError`."""
        if self.portal(member_id) is None:
            raise DataError("This portal has removed the application: install it there again.")
        secret = secrets.token_hex(24)
        row = (hashed(secret), member_id, user_id, name, time.time())
        try:
            self._write("INSERT INTO secrets VALUES (?, ?, ?, ?, ?)", *row)
        except sqlite3.IntegrityError:
            raise DataError(
                f"User {user_id} has a secret {name} already. Choose another name, or revoke it."
            ) from None
        return secret

    def revoke_secret(self, portal: str, user_id: str, name: str) -> None:
        """Delete a secret, the portal by its domain or member id. Raise `DataError`."""
        where = (
            "member_id IN (SELECT ?1 UNION SELECT member_id FROM portals WHERE domain = lower(?1)) "
            "AND user_id = ?2 AND name = ?3"
        )
        if not self._write(f"DELETE FROM secrets WHERE {where}", portal, user_id, name):  # noqa: S608
            raise DataError(f"User {user_id} has no secret {name}: see `secret list`.")

    def secrets(self) -> list[Secret]:
        """Return all that is known of secrets."""
        rows = self._read(
            "SELECT coalesce(domain, member_id) AS domain, user_id, name, added, "
            "coalesce(failed, ?1) != ?1 AS counts FROM secrets LEFT JOIN portals USING (member_id) "
            "ORDER BY domain, user_id, name",
            REMOVED,
        )
        return [Secret(**row) for row in rows]

    def user_of(self, user_id: str, secret: str) -> User | None:
        """Return whose secret this is, if its portal still has the application."""
        # Found by its hash, so that the time it takes says nothing about a secret that is similar.
        rows = self._read(
            "SELECT member_id, user_id FROM secrets JOIN portals USING (member_id) "
            "WHERE secret = ? AND user_id = ? AND failed != ?",
            hashed(secret),
            user_id,
            REMOVED,
        )
        return User(*rows[0]) if rows else None

    # --- what OAuth servers said ------------------------------------------------------------------

    def verdict(self, token: str) -> str | None:
        """Return the verdict on the token with this hash, if one was kept and still counts."""
        query = "SELECT verdict FROM verdicts WHERE token = ? AND until > ?"
        return next((row["verdict"] for row in self._read(query, token, time.time())), None)

    def keep_verdict(self, token: str, verdict: str, seconds: float) -> None:
        """Keep a verdict for some seconds."""
        self._write("DELETE FROM verdicts WHERE until <= ?", time.time())
        until = time.time() + seconds
        self._write("REPLACE INTO verdicts VALUES (?, ?, ?)", token, verdict, until)

    def _read(self, query: str, *values: str | float) -> list[sqlite3.Row]:
        if _identity(self._file) != self._opened:
            raise DataError(f"BRIDGE_DATA: {self._file} was replaced. Restart the bridge.")
        return self._reading.execute(query, values).fetchall()

    def _write(self, statement: str, *values: str | float) -> int:
        return self._writing.execute(statement, values).rowcount


def _identity(file: Path) -> tuple[int, int] | None:
    """Return what distinguishes a file from another one of the same name."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


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
