"""The one SQLite file of a home: stream, state, alert log and inbox live and die together.

SQLite comes with apsw, because an interpreter's own may be one of those whose write-ahead log
could be damaged by a reset (fixed in 3.51.3). One connection serves all threads of a process, one
at a time; other processes have their own, and wait for each other's short transactions.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from atalaia.errors import StateConflict

FORMAT = 1
"""Of the tables below, kept in the file; a newer one is refused rather than guessed at."""

_WAIT_MS = 30_000

_TABLES = """
CREATE TABLE payloads (
    offset INTEGER PRIMARY KEY AUTOINCREMENT,  -- AUTOINCREMENT: never given twice, even after drop
    source TEXT NOT NULL,
    content TEXT NOT NULL,
    places TEXT NOT NULL,                      -- a JSON array of ids
    received_at INTEGER NOT NULL,              -- Unix seconds
    status INTEGER NOT NULL,
    failure TEXT,
    is_recorded INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE items (key TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE offsets (consumer TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE alerts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL,
    version INTEGER NOT NULL,
    sent_at TEXT NOT NULL,
    entry TEXT NOT NULL,                       -- a LogEntry as JSON
    UNIQUE (incident, version)
);
CREATE TABLE rejects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    offset INTEGER NOT NULL,                   -- of the payload
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Database:
    """A connection with its lock. Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        with self._translated():
            # Made before SQLite opens it, so that it and its log are never readable by others.
            path.touch(mode=0o600)
            self._connection = apsw.Connection(str(path))
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[apsw.Cursor]:
        """All that happens inside is kept, on disk, when the block ends; or none of it is."""
        with self._lock, self._translated():
            cursor = self._connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
            except BaseException:
                if self._connection.in_transaction:  # a full disk has rolled back by itself
                    cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def rows(self, sql: str, bindings: tuple[Any, ...] = ()) -> list[Any]:
        """All rows that a SELECT gives."""
        with self._lock, self._translated():
            return self._connection.cursor().execute(sql, bindings).fetchall()

    def _prepare(self) -> None:
        connection = self._connection
        connection.set_busy_timeout(_WAIT_MS)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        with self.transaction() as cursor:  # two processes may open a new home at once
            found = int(str(cursor.execute("PRAGMA user_version").fetchall()[0][0]))
            if found > FORMAT:
                raise StateConflict(
                    f"{self._path} was written by a newer Atalaia (its format is {found}, this "
                    f"one knows {FORMAT}); upgrade Atalaia or use another --home"
                )
            if found == 0:
                cursor.execute(_TABLES)
                cursor.execute(f"PRAGMA user_version={FORMAT}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (apsw.Error, OSError) as error:
            raise StateConflict(
                f"{self._path} cannot be used: {error}; mend it or use another --home"
            ) from error
