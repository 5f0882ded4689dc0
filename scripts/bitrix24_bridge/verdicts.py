"""What OAuth servers said of tokens, in the file of `BRIDGE_DATA`, so that it survives a restart.

A token's SHA-256 is kept, and never the token.
"""

import asyncio
import json
import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

log = logging.getLogger("bitrix24_bridge")

SCHEMA = """
CREATE TABLE IF NOT EXISTS verdicts (
    token TEXT PRIMARY KEY,
    verdict TEXT NOT NULL,
    until REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS verdicts_until ON verdicts (until);
"""
PATIENCE = 1.0
"""Seconds to wait while another program writes to the file."""


class Verdicts:
    """A cache: what cannot be written is asked for again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with closing(self._open()) as database:
            database.executescript(SCHEMA)
        # Its reads never wait for a writer (WAL).
        self._reading = self._open()

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, isolation_level=None, timeout=PATIENCE)

    def recall(self, token: str) -> dict[str, Any] | None:
        """Return the verdict on the token with this hash, if there is one that still counts."""
        row = self._reading.execute(
            "SELECT verdict FROM verdicts WHERE token = ? AND until > ?", (token, time.time())
        ).fetchone()
        return json.loads(row[0]) if row else None

    async def keep(self, token: str, verdict: dict[str, Any], seconds: float) -> None:
        """Remember a verdict for some seconds."""
        try:
            await asyncio.to_thread(self._write, token, json.dumps(verdict), time.time() + seconds)
        except sqlite3.Error as error:  # a full disk, or a lock of another program
            log.warning("An answer of the OAuth server was not kept: %s.", error)

    def _write(self, token: str, verdict: str, until: float) -> None:
        with closing(self._open()) as database:
            database.execute("DELETE FROM verdicts WHERE until <= ?", (time.time(),))
            database.execute("REPLACE INTO verdicts VALUES (?, ?, ?)", (token, verdict, until))

    def close(self) -> None:
        """Close the file."""
        self._reading.close()
