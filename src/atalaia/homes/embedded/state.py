"""The state in the same SQLite file as the stream: one transaction changes all of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

import apsw

from atalaia.domain.alert import LogEntry, decode_entry, encode_entry, instant
from atalaia.domain.payload import Reject
from atalaia.homes.embedded.database import Database
from atalaia.ports import Commit, State

_PAGE = 1000
"""Rows that an iteration holds at a time, so that nobody waits for a slow reader of the log."""

_decoded = lru_cache(maxsize=2_048)(decode_entry)
"""An entry never changes, and is read by who fans out, who writes letters, and the API."""

_OFFSET = "SELECT offset FROM offsets WHERE consumer = ?"
_NOTE = "INSERT OR REPLACE INTO notes (key, value) VALUES (?, ?)"


class SqliteState(State):
    """Fills `ports.State`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, prefix: str = "") -> dict[str, bytes]:
        rows = self._database.rows(
            # A range, not LIKE: that takes `_` for any letter, and scans the whole table.
            "SELECT key, body FROM items WHERE key >= ? AND key < ? ORDER BY key",
            (prefix, prefix + "\U0010ffff"),
        )
        return dict(rows)

    def offset(self, consumer: str) -> int:
        rows = self._database.rows(_OFFSET, (consumer,))
        return int(rows[0][0]) if rows else 0

    def commit(self, commit: Commit) -> bool:
        with self._database.transaction() as cursor:
            if commit.offset <= self.offset(commit.consumer):
                return False
            cursor.execute(
                "INSERT OR REPLACE INTO offsets (consumer, offset) VALUES (?, ?)",
                (commit.consumer, commit.offset),
            )
            _write_items(cursor, commit)
            _write_entries(cursor, commit)
            _write_rejects(cursor, commit)
        return True

    def alerts(self, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, LogEntry]]:
        sql = "SELECT seq, entry FROM alerts WHERE seq > ? ORDER BY seq LIMIT ?"
        for seq, entry in self._pages(sql, after, limit):
            yield seq, _decoded(entry)

    def latest(self, limit: int) -> list[tuple[int, LogEntry]]:
        rows = self._database.rows(
            "SELECT seq, entry FROM alerts ORDER BY seq DESC LIMIT ?", (limit,)
        )
        return [(seq, _decoded(entry)) for seq, entry in reversed(rows)]

    def entries(self, numbers: Collection[int]) -> dict[int, LogEntry]:
        rows = self._database.rows(
            "SELECT seq, entry FROM alerts WHERE seq IN (SELECT value FROM json_each(?))",
            (json.dumps(list(numbers)),),
        )
        return {seq: _decoded(entry) for seq, entry in rows}

    def life(self, incident: str) -> list[tuple[int, LogEntry]]:
        rows = self._database.rows(
            "SELECT seq, entry FROM alerts WHERE incident = ? ORDER BY version", (incident,)
        )
        return [(seq, _decoded(entry)) for seq, entry in rows]

    def rejects(
        self, after: int = 0, limit: int | None = None
    ) -> Iterator[tuple[int, int, Reject]]:
        sql = (
            "SELECT seq, offset, source, reason, detail FROM rejects"
            " WHERE seq > ? ORDER BY seq LIMIT ?"
        )
        for seq, offset, source, reason, detail in self._pages(sql, after, limit):
            yield seq, offset, Reject(source=source, reason=reason, detail=detail)

    def note(self, key: str) -> str | None:
        rows = self._database.rows("SELECT value FROM notes WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def set_note(self, key: str, value: str) -> None:
        with self._database.transaction() as cursor:
            cursor.execute(_NOTE, (key, value))

    def swap_note(self, key: str, before: str | None, value: str) -> bool:
        with self._database.transaction() as cursor:
            if self.note(key) != before:
                return False
            cursor.execute(_NOTE, (key, value))
        return True

    def _pages(self, sql: str, after: int, limit: int | None) -> Iterator[Any]:
        left = limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            rows = self._database.rows(sql, (after, size))
            yield from rows
            if len(rows) < size:
                return
            after = rows[-1][0]
            left = None if left is None else left - len(rows)


def _write_items(cursor: apsw.Cursor, commit: Commit) -> None:
    # As they lie in the file: a poll's items fill more pages than SQLite holds at a time.
    kept = sorted((key, body) for key, body in commit.items.items() if body is not None)
    gone = [(key,) for key, body in commit.items.items() if body is None]
    cursor.executemany("INSERT OR REPLACE INTO items (key, body) VALUES (?, ?)", kept)
    cursor.executemany("DELETE FROM items WHERE key = ?", gone)


def _write_entries(cursor: apsw.Cursor, commit: Commit) -> None:
    cursor.executemany(
        "INSERT INTO alerts (incident, version, sent_at, entry) VALUES (?, ?, ?, ?)",
        [
            (e.alert.incident, e.alert.version, instant(e.alert.sent_at), encode_entry(e).decode())
            for e in commit.entries
        ],
    )


def _write_rejects(cursor: apsw.Cursor, commit: Commit) -> None:
    cursor.executemany(
        "INSERT INTO rejects (offset, source, reason, detail) VALUES (?, ?, ?, ?)",
        [(offset, r.source, r.reason, r.detail) for offset, r in commit.rejects],
    )
