"""The stream in SQLite: payloads as they came, in the order in which they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from atalaia.domain.payload import Payload
from atalaia.homes.embedded.database import Database
from atalaia.ports import Record, Stream

_decode_places = msgspec.json.Decoder(tuple[str, ...]).decode
_encode_places = msgspec.json.Encoder().encode


class SqliteStream(Stream):
    """Fills `ports.Stream`. One append is one transaction, synced to disk before it returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, payloads: Sequence[Payload]) -> int:
        """Without payloads: the newest offset there is."""
        rows = [
            (
                payload.source,
                payload.content,
                _encode_places(payload.places).decode(),
                payload.received_at,
                payload.status,
                payload.failure,
                payload.is_recorded,
                payload.body,
            )
            for payload in payloads
        ]
        with self._database.transaction() as cursor:
            cursor.executemany(
                "INSERT INTO payloads (source, content, places, received_at, status, failure,"
                " is_recorded, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            return self.last_offset()

    def read(self, after: int, limit: int) -> list[Record]:
        rows = self._database.rows(
            "SELECT offset, source, content, places, received_at, status, failure, is_recorded,"
            " body FROM payloads WHERE offset > ? ORDER BY offset LIMIT ?",
            (after, limit),
        )
        return [_record(row) for row in rows]

    def last_offset(self) -> int:
        """It stands when old payloads were dropped."""
        # SQLite's own count of given offsets outlives the rows.
        rows = self._database.rows("SELECT seq FROM sqlite_sequence WHERE name = 'payloads'")
        return int(rows[0][0]) if rows else 0

    def drop(self, up_to: int) -> int:
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM payloads WHERE offset <= ?", (up_to,))
            return int(self._database.rows("SELECT changes()")[0][0])


def _record(row: tuple[Any, ...]) -> Record:
    offset, source, content, places, received_at, status, failure, is_recorded, body = row
    payload = Payload(
        source=source,
        content=content,
        places=_decode_places(places),
        received_at=received_at,
        status=status,
        failure=failure,
        is_recorded=bool(is_recorded),
        body=body,
    )
    return Record(offset, payload)
