"""The stream in SQLite: payloads as they came, in the order in which they came."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import msgspec

from atalaia.domain.payload import Payload
from atalaia.homes.embedded.database import Database
from atalaia.ports import Record, Stream

_DROPPED_ROWS, _DROPPED_BYTES = 500, 2_000_000
"""A step of dropping ends with the payload that reaches one of these."""

_BREATH_S = 0.002

_decode_places = msgspec.json.Decoder(tuple[str, ...]).decode
_encode_places = msgspec.json.Encoder().encode


class SqliteStream(Stream):
    """Fills `ports.Stream`. One append is one transaction, synced to disk before it returns."""

    is_indexed = True

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
        """In steps, with room for others between them: one of a day's payloads would hold up
        everybody for seconds, and its log of zeros would be as large as they were."""
        dropped = 0
        while step := self._drop_some(up_to):
            dropped += step
            time.sleep(_BREATH_S)
        return dropped

    def _drop_some(self, up_to: int) -> int:
        with self._database.transaction() as cursor:
            rows = self._database.rows(
                "SELECT offset, length(body) FROM payloads WHERE offset <= ?"
                " ORDER BY offset LIMIT ?",
                (up_to, _DROPPED_ROWS),
            )
            sizes = list(accumulate(size for _, size in rows))
            n = min(len(rows), 1 + bisect_left(sizes, _DROPPED_BYTES))
            if n:
                cursor.execute("DELETE FROM payloads WHERE offset <= ?", (rows[n - 1][0],))
            return n


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
