"""The one SQLite file of a home: stream, state, alert log and inbox live and die together.

SQLite comes with apsw, because an interpreter's own may be one of those whose write-ahead log
could be damaged by a reset (fixed in 3.51.3). One connection serves all threads of a process, one
at a time; other processes have their own, and wait for each other's short transactions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from atalaia.errors import StateConflict

_WAIT_MS = 30_000

_LOG_TRIES, _LOG_WAIT_MS = 5, 1_000

_PRAGMAS = (
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",  # what is deleted is overwritten: it may be somebody's
    "journal_size_limit=67108864",  # what once made the log long does not keep it so
    "temp_store=MEMORY",  # and no copy of it goes to a file elsewhere
)

_WATCH = """
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

_PEOPLE = """
CREATE TABLE people (
    pseudonym TEXT PRIMARY KEY,
    changed INTEGER NOT NULL UNIQUE,           -- grows with every change of anybody
    sealed BLOB,                               -- NULL: erased
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX people_unconfirmed ON people (created_at)
    WHERE confirmed_at = 0 AND sealed IS NOT NULL;
CREATE TABLE contacts (
    channel TEXT NOT NULL,
    lookup BLOB NOT NULL,                      -- an HMAC
    pseudonym TEXT NOT NULL,
    sealed BLOB NOT NULL,
    status TEXT NOT NULL,
    since INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    PRIMARY KEY (channel, lookup)
) WITHOUT ROWID;
CREATE INDEX contacts_person ON contacts (pseudonym, channel);
CREATE INDEX contacts_pending ON contacts (since) WHERE status = 'pending';
CREATE TABLE consents (
    pseudonym TEXT NOT NULL,
    purpose TEXT NOT NULL,
    channel TEXT NOT NULL,
    given_at INTEGER NOT NULL,
    withdrawn_at INTEGER NOT NULL,             -- 0: it stands
    text_hash TEXT NOT NULL,
    version TEXT NOT NULL,
    how TEXT NOT NULL,
    PRIMARY KEY (pseudonym, purpose, channel, given_at)
) WITHOUT ROWID;
CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,                      -- a pseudonym
    channel TEXT NOT NULL,
    lane TEXT NOT NULL,
    kind TEXT NOT NULL,
    seqs TEXT NOT NULL,                        -- a JSON array of numbers of the alert log
    first_seq INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    status TEXT NOT NULL,
    due_at INTEGER NOT NULL,                   -- this and all below: Unix seconds
    ready_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    unknowns INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    settled_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    escalate_at INTEGER NOT NULL,
    acknowledged_at INTEGER NOT NULL,
    is_handed_on INTEGER NOT NULL DEFAULT 0,
    settled INTEGER                            -- grows as messages reach a last status
) WITHOUT ROWID;
CREATE INDEX messages_ready ON messages (channel, rank, ready_at, first_seq)
    WHERE status IN ('waiting', 'due', 'leased');
CREATE INDEX messages_lane ON messages (lane, channel, first_seq)
    WHERE status IN ('waiting', 'due', 'leased');
CREATE INDEX messages_person ON messages (person, first_seq);
CREATE INDEX messages_settled ON messages (settled) WHERE settled IS NOT NULL;
CREATE INDEX messages_unanswered ON messages (escalate_at)
    WHERE is_handed_on = 0 AND (status = 'dead' OR escalate_at > 0);
CREATE TABLE deliveries (
    person TEXT NOT NULL,
    incident TEXT NOT NULL,
    version INTEGER NOT NULL,
    channel TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (person, incident, version, channel)
) WITHOUT ROWID;
CREATE INDEX deliveries_incident ON deliveries (incident, version);
"""

_LEFT_OUT = """
ALTER TABLE messages ADD COLUMN left_out TEXT NOT NULL DEFAULT '[]';  -- a JSON array of alerts
DROP INDEX messages_unanswered;
CREATE INDEX messages_unanswered ON messages (escalate_at)
    WHERE is_handed_on = 0 AND (status IN ('dead', 'late') OR escalate_at > 0);
"""
_TALLIES = """
CREATE TABLE tallies (
    name BLOB PRIMARY KEY,                     -- an HMAC
    value BLOB NOT NULL,
    until INTEGER NOT NULL                     -- Unix seconds
) WITHOUT ROWID;
"""

_CONSENTED = """
ALTER TABLE consents ADD COLUMN language TEXT NOT NULL DEFAULT '';
CREATE TABLE words (
    text_hash TEXT PRIMARY KEY,                -- SHA-256 of what was agreed to
    text TEXT NOT NULL
) WITHOUT ROWID;
"""

_LOOKUP_KEYS = """
ALTER TABLE contacts ADD COLUMN key INTEGER NOT NULL DEFAULT 1;  -- number; 0: made without one
CREATE TABLE lookup_keys (
    number INTEGER PRIMARY KEY,                -- the largest one is the current one
    until INTEGER NOT NULL                     -- Unix seconds
);
"""

# Messages lie in the order in which they are made, and so do their indexes: those that are claimed
# and settled together are neighbours in each. By their ids, which are hashes, each lay alone.
_IN_THEIR_ORDER = """
CREATE TABLE messages_in_order (
    id TEXT NOT NULL PRIMARY KEY,
    person TEXT NOT NULL,                      -- a pseudonym
    channel TEXT NOT NULL,
    lane TEXT NOT NULL,
    kind TEXT NOT NULL,
    seqs TEXT NOT NULL,                        -- a JSON array of numbers of the alert log
    first_seq INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    status TEXT NOT NULL,
    due_at INTEGER NOT NULL,                   -- this and all below: Unix seconds
    ready_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    unknowns INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    settled_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    escalate_at INTEGER NOT NULL,
    acknowledged_at INTEGER NOT NULL,
    is_handed_on INTEGER NOT NULL DEFAULT 0,
    settled INTEGER,                           -- grows as messages reach a last status
    left_out TEXT NOT NULL DEFAULT '[]'        -- a JSON array of alerts
);
INSERT INTO messages_in_order SELECT
    id, person, channel, lane, kind, seqs, first_seq, rank, status, due_at, ready_at, expires_at,
    attempts, unknowns, lease_until, settled_at, reason, provider_id, escalate_at, acknowledged_at,
    is_handed_on, settled, left_out FROM messages ORDER BY first_seq, person;
DROP TABLE messages;
ALTER TABLE messages_in_order RENAME TO messages;
CREATE INDEX messages_ready ON messages (channel, rank, ready_at, first_seq)
    WHERE status IN ('waiting', 'due', 'leased');
CREATE INDEX messages_lane ON messages (lane, channel, first_seq)
    WHERE status IN ('waiting', 'due', 'leased');
CREATE INDEX messages_person ON messages (person, first_seq);
CREATE INDEX messages_settled ON messages (settled) WHERE settled IS NOT NULL;
CREATE INDEX messages_unanswered ON messages (escalate_at)
    WHERE is_handed_on = 0 AND (status IN ('dead', 'late') OR escalate_at > 0);
"""

_LETTERS = """
ALTER TABLE messages ADD COLUMN letter TEXT NOT NULL DEFAULT '';  -- the id that it goes by, if set
"""

_STEPS = (
    _WATCH,
    _PEOPLE,
    _LEFT_OUT,
    _TALLIES,
    _CONSENTED,
    _LOOKUP_KEYS,
    _IN_THEIR_ORDER,
    _LETTERS,
)
"""What each format added. A file says how many steps it has taken, and takes those it lacks."""

FORMAT = len(_STEPS)
"""Kept in the file; a newer one is refused rather than guessed at."""


def format_of(path: Path) -> int | None:
    """How many steps the store in this file has taken; None: there is none, or it cannot be read.
    Nothing is changed by it."""
    if not path.exists():
        return None
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return int(str(connection.execute("PRAGMA user_version").fetchall()[0][0]))
        finally:
            connection.close()
    except apsw.Error:
        return None


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

    def empty_log(self) -> bool:
        """Bring the write-ahead log into the file and cut it to nothing: it may hold pages as they
        were before something was deleted. False while another process reads what they held.

        Waits for readers for about a second at a time, and lets this process's threads in between.
        """
        for _ in range(_LOG_TRIES):
            with self._lock, self._translated():
                self._connection.set_busy_timeout(_LOG_WAIT_MS)
                try:
                    busy, _, _ = self.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0]
                finally:
                    self._connection.set_busy_timeout(_WAIT_MS)
            if not busy:
                return True
        return False

    def rows(self, sql: str, bindings: tuple[Any, ...] = ()) -> list[Any]:
        """All rows that a SELECT gives."""
        with self._lock, self._translated():
            return self._connection.cursor().execute(sql, bindings).fetchall()

    def _prepare(self) -> None:
        connection = self._connection
        connection.set_busy_timeout(_WAIT_MS)
        _waiting_for_others(lambda: connection.execute("PRAGMA journal_mode=WAL").fetchall())
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").fetchall()
        with self.transaction() as cursor:  # two processes may open a new home at once
            found = int(str(cursor.execute("PRAGMA user_version").fetchall()[0][0]))
            if found > FORMAT:
                raise StateConflict(
                    f"{self._path} was written by a newer Atalaia (its format is {found}, this "
                    f"one knows {FORMAT}); upgrade Atalaia or use another --home"
                )
            if found < FORMAT:
                for step in _STEPS[found:]:
                    cursor.execute(step)
                cursor.execute(f"PRAGMA user_version={FORMAT}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (apsw.Error, OSError) as error:
            raise StateConflict(
                f"{self._path} cannot be used: {error}; mend it or use another --home"
            ) from error


def _waiting_for_others(step: Callable[[], object]) -> None:
    """Do it as soon as nobody is in its way: where two would each wait for the other, as when both
    give a new file its log, SQLite does not wait and refuses one of them at once."""
    until = time.monotonic() + _WAIT_MS / 1000
    while True:
        try:
            step()
        except apsw.BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
