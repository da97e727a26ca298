"""The outbox in the same SQLite file as the alert log that it is derived from.

`ready_at` is what makes a claim one look-up: when a message may be taken, be it due, waiting, or
leased by somebody who has died.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apsw
import msgspec

from atalaia.domain.delivery import LAST, UNSENT, Delivery, Message, Status
from atalaia.errors import StateConflict
from atalaia.homes.embedded.database import Database
from atalaia.homes.ports import FanOut, Told

_POSITION = "fan-out"
_RANKS = (4, 3, 2, 1, 0)
_SOON_S = 60
"""A lane waits for an older message that is due within so long; for one put off longer it does
not: what is newer matters more."""

_COLUMNS = (
    "id, person, channel, lane, kind, seqs, rank, status, due_at, expires_at, attempts, unknowns,"
    " lease_until, settled_at, reason, provider_id, escalate_at, acknowledged_at"
)
_UNSENT = f"status IN ({', '.join(repr(str(status)) for status in UNSENT)})"

_encode_seqs = msgspec.json.Encoder().encode
_decode_seqs = msgspec.json.Decoder(tuple[int, ...]).decode


class SqliteOutbox:
    """Fills `ports.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def position(self) -> str:
        """See `ports.Outbox.position`."""
        rows = self._database.rows("SELECT value FROM notes WHERE key = ?", (_POSITION,))
        return str(rows[0][0]) if rows else ""

    def fan_out(self, step: FanOut) -> int:
        """See `ports.Outbox.fan_out`."""
        with self._database.transaction() as cursor:
            if self.position() != step.before:
                raise StateConflict("another process fans out in this home; stop one of them")
            cursor.execute(
                "INSERT OR REPLACE INTO notes (key, value) VALUES (?, ?)",
                (_POSITION, step.position),
            )
            number = self._next_number()
            for message, reason in step.dropped.items():
                cursor.execute(
                    "UPDATE messages SET status = 'dropped', reason = ?, settled_at = ?,"
                    " settled = ? WHERE id = ? AND status IN ('waiting', 'due')",
                    (reason, step.now, number, message),
                )
                if not self._database.rows("SELECT changes()")[0][0]:
                    raise StateConflict(f"{message} went out meanwhile; the step is made anew")
                number += 1
            new = _insert(cursor, step.messages, number)
            _insert_deliveries(cursor, step.deliveries)
        return new

    def told(self, incidents: Sequence[str], people: Sequence[str] | None = None) -> list[Told]:
        """See `ports.Outbox.told`."""
        among = "" if people is None else " AND d.person IN (SELECT value FROM json_each(?2))"
        bindings = [_encode_seqs(list(incidents)).decode()]
        if people is not None:
            bindings.append(_encode_seqs(list(people)).decode())
        rows = self._database.rows(
            "SELECT d.person, d.incident, d.version, d.channel, m.id, m.status, m.attempts,"
            " json_array_length(m.seqs), m.provider_id"
            " FROM deliveries d JOIN messages m ON m.id = d.message"
            f" WHERE d.incident IN (SELECT value FROM json_each(?1)){among} ORDER BY d.version",
            tuple(bindings),
        )
        return [
            Told(
                person=person,
                incident=incident,
                version=version,
                channel=channel,
                message=message,
                status=Status(status),
                attempts=attempts,
                size=size,
                provider_id=provider_id,
            )
            for (
                person,
                incident,
                version,
                channel,
                message,
                status,
                attempts,
                size,
                provider_id,
            ) in rows
        ]

    def put(self, message: Message, deliveries: Sequence[Delivery] = ()) -> bool:
        """See `ports.Outbox.put`."""
        with self._database.transaction() as cursor:
            new = _insert(cursor, [message], self._next_number())
            _insert_deliveries(cursor, deliveries)
        return new > 0

    def claim(self, now: int, lease_until: int, room: Mapping[str, int]) -> list[Message]:
        """See `ports.Outbox.claim`."""
        if not self._has_ready(now, room):
            return []
        claimed: dict[str, Message] = {}
        with self._database.transaction() as cursor:
            for channel, limit in room.items():
                for message, is_first in self._ready(channel, now, limit):
                    for each in (message,) if is_first else self._in_order(message, now):
                        claimed.setdefault(each.id, each)
            late = [m for m in claimed.values() if m.expires_at < now]
            number = self._next_number()
            cursor.executemany(
                "UPDATE messages SET status = 'late', settled_at = ?, settled = ? WHERE id = ?",
                [(now, number + i, message.id) for i, message in enumerate(late)],
            )
            due = [m for m in claimed.values() if m.expires_at >= now]
            cursor.executemany(
                "UPDATE messages SET status = 'leased', lease_until = ?1, ready_at = ?1"
                " WHERE id = ?2",
                [(lease_until, message.id) for message in due],
            )
        return [
            msgspec.structs.replace(m, status=Status.LEASED, lease_until=lease_until) for m in due
        ]

    def settle(self, pairs: Sequence[tuple[Message, Message]]) -> int:
        """See `ports.Outbox.settle`."""
        with self._database.transaction() as cursor:
            number = self._next_number()
            rows = []
            for before, after in pairs:
                is_last = after.status in LAST
                rows.append(
                    (
                        str(after.status),
                        after.due_at,
                        after.due_at,
                        after.attempts,
                        after.unknowns,
                        after.lease_until,
                        after.settled_at,
                        after.reason,
                        after.provider_id,
                        number if is_last else None,
                        before.id,
                        before.lease_until,
                    )
                )
                number += is_last
            before_all = self._database.rows("SELECT total_changes()")[0][0]
            cursor.executemany(
                "UPDATE messages SET status = ?, due_at = ?, ready_at = ?, attempts = ?,"
                " unknowns = ?, lease_until = ?, settled_at = ?, reason = ?, provider_id = ?,"
                " settled = coalesce(?, settled)"
                " WHERE id = ? AND status = 'leased' AND lease_until = ?",
                rows,
            )
            return int(self._database.rows("SELECT total_changes()")[0][0] - before_all)

    def messages(
        self,
        *,
        status: Status | None = None,
        person: str | None = None,
        channel: str | None = None,
        limit: int = 100,
    ) -> list[Message]:
        """See `ports.Outbox.messages`."""
        asked = {"status": status and str(status), "person": person, "channel": channel}
        wanted = {key: value for key, value in asked.items() if value is not None}
        where = " AND ".join(f"{key} = ?" for key in wanted) or "1"
        return self._select(
            f"{where} ORDER BY first_seq DESC, id LIMIT ?", (*wanted.values(), limit)
        )

    def message(self, message: str) -> Message | None:
        """See `ports.Outbox.message`."""
        found = self._select("id = ?", (message,))
        return found[0] if found else None

    def retry(self, messages: Sequence[str], now: int, expires_at: int) -> int:
        """See `ports.Outbox.retry`."""
        with self._database.transaction() as cursor:
            n = 0
            for message in messages:
                cursor.execute(
                    "UPDATE messages SET status = 'due', due_at = ?1, ready_at = ?1, attempts = 0,"
                    " unknowns = 0, is_handed_on = 0,"
                    " expires_at = max(expires_at, ?2)"
                    " WHERE id = ?3 AND status IN ('dead', 'late', 'unknown')",
                    (now, expires_at, message),
                )
                n += int(self._database.rows("SELECT changes()")[0][0])
        return n

    def acknowledge(self, person: str, message: str, at: int) -> bool:
        """See `ports.Outbox.acknowledge`."""
        found = self.message(message)
        if found is None or found.person != person:
            return False
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE messages SET acknowledged_at = ?1 WHERE person = ?2 AND acknowledged_at = 0"
                " AND first_seq <= (SELECT first_seq FROM messages WHERE id = ?3)",
                (at, person, message),
            )
        return True

    def unanswered(self, now: int, limit: int) -> list[Message]:
        """See `ports.Outbox.unanswered`."""
        return self._select(
            "is_handed_on = 0 AND (status = 'dead' OR escalate_at > 0) AND kind = 'alert'"
            " AND (status = 'dead' OR (status != 'dropped'"
            " AND escalate_at BETWEEN 1 AND ? AND acknowledged_at = 0)) LIMIT ?",
            (now, limit),
        )

    def fail(self, message: str, reason: str, now: int) -> bool:
        """See `ports.Outbox.fail`."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE messages SET status = 'dead', reason = ?, settled_at = ?, settled = ?"
                " WHERE id = ? AND status IN ('sent', 'unknown')",
                (reason, now, self._next_number(), message),
            )
            return bool(self._database.rows("SELECT changes()")[0][0])

    def handed_on(self, messages: Sequence[str]) -> None:
        """See `ports.Outbox.handed_on`."""
        with self._database.transaction() as cursor:
            cursor.executemany(
                "UPDATE messages SET is_handed_on = 1 WHERE id = ?", [(m,) for m in messages]
            )

    def counts(self) -> dict[tuple[str, str], int]:
        """See `ports.Outbox.counts`."""
        rows = self._database.rows(
            "SELECT channel, status, count(*) FROM messages GROUP BY channel, status"
        )
        return {(channel, status): n for channel, status, n in rows}

    def settled(self, after: int, limit: int) -> list[tuple[int, Message, list[Delivery]]]:
        """See `ports.Outbox.settled`."""
        rows = self._database.rows(
            f"SELECT settled, {_COLUMNS} FROM messages WHERE settled > ? AND NOT {_UNSENT}"
            " ORDER BY settled LIMIT ?",
            (after, limit),
        )
        carried = defaultdict(list)
        for delivery in self._deliveries([row[1] for row in rows]):
            carried[delivery.message].append(delivery)
        return [(row[0], _message(row[1:]), carried[row[1]]) for row in rows]

    def forget(self, settled_before: int) -> int:
        """See `ports.Outbox.forget`."""
        # The newest stays: its number is what the next one grows from.
        old = (
            "SELECT id FROM messages WHERE settled IS NOT NULL AND settled_at < ?"
            f" AND NOT {_UNSENT} AND settled < (SELECT max(settled) FROM messages)"
        )
        with self._database.transaction() as cursor:
            cursor.execute(
                f"DELETE FROM deliveries WHERE message IN ({old}) AND person IN"
                f" (SELECT person FROM messages WHERE id IN ({old}))",
                (settled_before, settled_before),
            )
            cursor.execute(f"DELETE FROM messages WHERE id IN ({old})", (settled_before,))
            return int(self._database.rows("SELECT changes()")[0][0])

    # Parts

    def _select(self, where: str, bindings: tuple[Any, ...]) -> list[Message]:
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM messages WHERE {where}", bindings)
        return [_message(row) for row in rows]

    def _next_number(self) -> int:
        rows = self._database.rows("SELECT max(settled) FROM messages WHERE settled IS NOT NULL")
        return int(rows[0][0] or 0) + 1

    def _has_ready(self, now: int, room: Mapping[str, int]) -> bool:
        """Whether a claim would find anything: asked before a transaction is begun."""
        return any(
            self._database.rows(
                f"SELECT 1 FROM messages WHERE channel = ? AND rank = ? AND ready_at <= ?"
                f" AND {_UNSENT} LIMIT 1",
                (channel, rank, now),
            )
            for channel, limit in room.items()
            if limit > 0
            for rank in _RANKS
        )

    def _ready(self, channel: str, now: int, limit: int) -> Iterator[tuple[Message, bool]]:
        """What may be taken, the gravest first; and whether it is the first of its lane."""
        left = limit
        for rank in _RANKS:
            if left <= 0:
                return
            rows = self._database.rows(
                f"SELECT NOT EXISTS (SELECT 1 FROM messages o WHERE o.lane = messages.lane AND"
                f" o.channel = messages.channel AND o.first_seq < messages.first_seq AND"
                f" o.{_UNSENT}), {_COLUMNS} FROM messages"
                f" WHERE channel = ?1 AND rank = ?2 AND ready_at <= ?3 AND {_UNSENT}"
                # What has to wait for its lane must not take the room of others.
                " AND NOT EXISTS (SELECT 1 FROM messages o WHERE o.lane = messages.lane AND"
                " o.channel = messages.channel AND o.first_seq < messages.first_seq AND"
                f" o.{_UNSENT} AND o.ready_at > ?3 AND (o.ready_at <= ?3 + {_SOON_S}"
                " OR o.status = 'leased'))"
                " ORDER BY ready_at, first_seq LIMIT ?4",
                (channel, rank, now, left),
            )
            left -= len(rows)
            for row in rows:
                yield _message(row[1:]), bool(row[0])

    def _in_order(self, message: Message, now: int) -> list[Message]:
        """The message after the older ones of its lane; nothing while it has to wait for one."""
        rows = self._database.rows(
            f"SELECT ready_at, {_COLUMNS} FROM messages WHERE lane = ? AND channel = ?"
            f" AND first_seq < ? AND {_UNSENT} ORDER BY first_seq, id",
            (message.lane, message.channel, min(message.seqs, default=0)),
        )
        soon = [row for row in rows if row[0] <= now + _SOON_S or row[8] == Status.LEASED]
        if any(row[0] > now for row in soon):
            return []
        return [*(_message(row[1:]) for row in soon), message]

    def _deliveries(self, messages: Sequence[str]) -> list[Delivery]:
        rows = self._database.rows(
            "SELECT d.person, d.incident, d.version, d.channel, d.message FROM messages m"
            " JOIN deliveries d ON d.person = m.person AND d.message = m.id"
            " WHERE m.id IN (SELECT value FROM json_each(?))",
            (_encode_seqs(list(messages)).decode(),),
        )
        return [Delivery(*row) for row in rows]


def _insert(cursor: apsw.Cursor, messages: Sequence[Message], number: int) -> int:
    """Keep messages that are not known; those with a last status are settled by that."""
    rows = []
    for m in messages:
        is_last = m.status in LAST
        rows.append(
            (
                *(m.id, m.person, m.channel, m.lane, m.kind, _encode_seqs(m.seqs).decode()),
                *(min(m.seqs, default=0), m.rank, str(m.status), m.due_at, m.due_at),
                *(m.expires_at, m.attempts, m.unknowns, m.lease_until, m.settled_at, m.reason),
                *(m.provider_id, m.escalate_at, m.acknowledged_at, number if is_last else None),
            )
        )
        number += is_last
    before = cursor.connection.total_changes()
    cursor.executemany(
        "INSERT OR IGNORE INTO messages (id, person, channel, lane, kind, seqs, first_seq, rank,"
        " status, due_at, ready_at, expires_at, attempts, unknowns, lease_until, settled_at,"
        " reason, provider_id, escalate_at, acknowledged_at, settled)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    return cursor.connection.total_changes() - before


def _insert_deliveries(cursor: apsw.Cursor, deliveries: Sequence[Delivery]) -> None:
    cursor.executemany(
        "INSERT OR IGNORE INTO deliveries (person, incident, version, channel, message)"
        " VALUES (?, ?, ?, ?, ?)",
        [(d.person, d.incident, d.version, d.channel, d.message) for d in deliveries],
    )


def _message(row: Sequence[Any]) -> Message:
    # fmt: off
    (id_, person, channel, lane, kind, seqs, rank, status, due_at, expires_at, attempts, unknowns,
     lease_until, settled_at, reason, provider_id, escalate_at, acknowledged_at) = row
    # fmt: on
    return Message(
        id=id_,
        person=person,
        channel=channel,
        lane=lane,
        kind=kind,
        seqs=_decode_seqs(seqs),
        rank=rank,
        status=Status(status),
        due_at=due_at,
        expires_at=expires_at,
        attempts=attempts,
        unknowns=unknowns,
        lease_until=lease_until,
        settled_at=settled_at,
        reason=reason,
        provider_id=provider_id,
        escalate_at=escalate_at,
        acknowledged_at=acknowledged_at,
    )
