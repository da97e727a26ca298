"""The outbox in the same SQLite file as the alert log that it is derived from.

`ready_at` is what makes a claim one look-up: when a message may be taken, be it due, waiting, or
leased by somebody who has died.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import apsw
import msgspec

from atalaia.domain.delivery import (
    LAST,
    RANKS,
    SOON_S,
    TOGETHER_MOST,
    UNSENT,
    Delivery,
    Message,
    Status,
    ahead,
    carried,
    first_seq,
    joined,
    leased,
    ready_at,
    whole_letters,
)
from atalaia.errors import HeldByAnother, Overtaken
from atalaia.homes.embedded.database import Database
from atalaia.ports import FanOut, Notice, Outbox

_FARTHEST_S = 2 * 86_400
"""For so long no try is put off: the schedules of channels end within a day."""

_POSITION = "fan-out"

_UNSENT = f"status IN ({', '.join(repr(str(status)) for status in UNSENT)})"
_PLACE_IN_LIST = "SELECT first_seq, id FROM messages WHERE id = ?"
_LAST = ", ".join(repr(str(status)) for status in LAST)

# Rows go to and from SQLite as JSON, many in one step. One at a time each would wait for its turn
# among this process's threads, while messages are being sent. Of JSONB a row is not parsed anew for
# each of its columns.
_NAMES = Message.__struct_encode_fields__
_LISTS = ("seqs", "left_out")
_MESSAGE = ", ".join(f"'{n}', {f'json({n})' if n in _LISTS else n}" for n in _NAMES)
_MESSAGE = f"json_object({_MESSAGE})"
# What is written is an array: of an object each name is looked for anew.
_what_is_kept = attrgetter(*Message.__struct_fields__)
_AT = {name: f"value {'->' if name in _LISTS else '->>'} {i}" for i, name in enumerate(_NAMES)}
_delivered = attrgetter(*Delivery.__struct_fields__)
_DELIVERED = {name: f"value ->> {i}" for i, name in enumerate(Delivery.__struct_encode_fields__)}
# Whoever fans out may still know who has just been erased: nothing more is kept of them.
_IS_NOT_ERASED = "NOT EXISTS (SELECT 1 FROM people WHERE pseudonym = {} AND sealed IS NULL)"

_INSERT = (
    f"INSERT OR IGNORE INTO messages ({', '.join(_AT)}, first_seq, ready_at, settled)"
    f" SELECT {', '.join(_AT.values())}, coalesce({_AT['seqs']} ->> 0, 0), {_AT['due_at']},"
    f" CASE WHEN {_AT['status']} IN ({_LAST}) THEN ?2 + key END FROM jsonb_each(?1)"
    f" WHERE {_IS_NOT_ERASED.format(_AT['person'])}"
)
_INSERT_DELIVERIES = (
    f"INSERT OR {{}} INTO deliveries ({', '.join(_DELIVERED)})"
    f" SELECT {', '.join(_DELIVERED.values())} FROM jsonb_each(?)"
    f" WHERE {_IS_NOT_ERASED.format(_DELIVERED['person'])}"
)
_LAST_NUMBER = "SELECT coalesce(max(settled), 0) FROM messages WHERE settled IS NOT NULL"
_SETTLED = (
    *("status", "due_at", "attempts", "unknowns", "settled_at", "reason"),
    *("provider_id", "lease_until", "escalate_at", "left_out", "letter"),
)
_what_is_settled = attrgetter(*_SETTLED)
_CHANGES = ", ".join(
    f"{name} = value {'->' if name in _LISTS else '->>'} {i}" for i, name in enumerate(_SETTLED, 2)
)
_SETTLE = (
    f"UPDATE messages SET {_CHANGES}, ready_at = value ->> {len(_SETTLED) + 2},"
    f" settled = CASE WHEN value ->> 2 IN ({_LAST}) THEN ({_LAST_NUMBER}) + 1 + key"
    " ELSE settled END FROM jsonb_each(?1) WHERE messages.id = value ->> 0"
    " AND +messages.status = 'leased' AND +messages.lease_until = value ->> 1"
)

_MATES = (
    f"SELECT new ->> 'id', {_MESSAGE} FROM (SELECT value AS new FROM jsonb_each(?1))"
    " JOIN messages ON lane = new ->> 'lane' AND channel = new ->> 'channel'"
    f" AND first_seq >= ?2 AND first_seq < new ->> '$.seqs[0]' AND {_UNSENT} AND is_handed_on = 0"
    " WHERE NOT EXISTS (SELECT 1 FROM messages known WHERE known.id = new ->> 'id')"
    " ORDER BY first_seq, id"
)
_JOIN = (
    "UPDATE messages SET seqs = ?1 -> 'seqs', rank = ?1 ->> 'rank', status = ?1 ->> 'status',"
    " due_at = ?1 ->> 'due_at', ready_at = ?1 ->> 'due_at', expires_at = ?1 ->> 'expires_at',"
    " escalate_at = ?1 ->> 'escalate_at' WHERE id = ?2"
)

_HAVE_READY = (
    "SELECT key FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM messages WHERE"
    " channel = value ->> 0 AND rank = value ->> 1 AND ready_at <= ?2"
    f" AND {_UNSENT}) ORDER BY key"
)

_encode = msgspec.json.Encoder().encode
_MESSAGE_OF = msgspec.json.Decoder(Message)
_MESSAGES = msgspec.json.Decoder(list[Message])
_NUMBERED = msgspec.json.Decoder(list[tuple[int, Message]])

T = TypeVar("T")


class SqliteOutbox(Outbox):
    """Fills `ports.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def position(self) -> str:
        rows = self._database.rows("SELECT value FROM notes WHERE key = ?", (_POSITION,))
        return str(rows[0][0]) if rows else ""

    def fan_out(self, step: FanOut) -> int:
        with self._database.transaction() as cursor:
            if self.position() != step.before:
                raise HeldByAnother("another process fans out in this home; stop one of them")
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
                    raise Overtaken(f"{message} went out meanwhile; the step is made anew")
                number += 1
            into = self._join(cursor, step) if step.joins_from else {}
            messages = [message for message in step.messages if message.id not in into]
            new = _insert(cursor, messages, number)
            _insert_deliveries(cursor, [carried(one, into) for one in step.deliveries])
        return new

    def told(self, incidents: Sequence[str], people: Sequence[str] | None = None) -> list[Notice]:
        among = "" if people is None else " AND d.person IN (SELECT value FROM json_each(?2))"
        bindings = [_encode(list(incidents)).decode()]
        if people is not None:
            bindings.append(_encode(list(people)).decode())
        rows = self._database.rows(
            "SELECT d.person, d.incident, d.version, d.channel, m.id, m.status,"
            " m.attempts, json_array_length(m.seqs), m.provider_id, m.unknowns,"
            " iif(m.letter = '', m.id, m.letter),"
            " m.left_out != '[]' AND EXISTS (SELECT 1 FROM json_each(m.left_out)"
            " WHERE value = d.incident || '/' || d.version)"
            " FROM deliveries d JOIN messages m ON m.id = d.message"
            f" WHERE d.incident IN (SELECT value FROM json_each(?1)){among} ORDER BY d.version",
            tuple(bindings),
        )
        return [
            Notice(
                person=person,
                incident=incident,
                version=version,
                channel=channel,
                message=message,
                status=Status.DROPPED if is_left_out else Status(status),
                attempts=attempts,
                size=size,
                provider_id=provider_id,
                unknowns=0 if is_left_out else unknowns,
                letter=letter,
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
                unknowns,
                letter,
                is_left_out,
            ) in rows
        ]

    def put(self, message: Message, deliveries: Sequence[Delivery] = ()) -> bool:
        with self._database.transaction() as cursor:
            new = _insert(cursor, [message], self._next_number())
            if new:
                _insert_deliveries(cursor, deliveries, "REPLACE")
        return new > 0

    def claim(
        self,
        now: int,
        lease_until: int,
        room: Mapping[str, int],
        least_rank: int = 0,
        *,
        together: Collection[str] = (),
    ) -> list[Message]:
        while ready := self._ready_ranks(now, room, least_rank):
            claimed, late = self._claim(now, lease_until, room, ready, together)
            if claimed or not late:
                return claimed
        return []

    def _claim(
        self,
        now: int,
        lease_until: int,
        room: Mapping[str, int],
        ready: Mapping[str, Sequence[int]],
        together: Collection[str],
    ) -> tuple[list[Message], int]:
        """Some of what may be taken, and how many of these had expired. `ready`: where to look."""
        claimed: dict[str, Message] = {}
        with self._database.transaction() as cursor:
            for channel, ranks in ready.items():
                has_more, limit = channel in together, room[channel]
                for message, is_alone in self._ready(channel, now, limit, ranks, has_more=has_more):
                    if message.id in claimed:
                        continue
                    group = [message] if is_alone else self._in_order(message, now)
                    if has_more and group and not is_alone:
                        group += self._next(message, now)
                    for each in group:
                        claimed.setdefault(each.id, each)
            late = [m for m in claimed.values() if m.expires_at < now]
            due = [m for m in claimed.values() if m.expires_at >= now]
            if late:
                cursor.execute(
                    "UPDATE messages SET status = 'late', settled_at = ?1, settled = ?2 + key"
                    " FROM json_each(?3) WHERE messages.id = value",
                    (now, self._next_number(), _ids(late)),
                )
            cursor.execute(
                "UPDATE messages SET unknowns = unknowns + (status = 'leased'), status = 'leased',"
                " lease_until = ?1, ready_at = ?1 WHERE id IN (SELECT value FROM json_each(?2))",
                (lease_until, _ids(due)),
            )
        return [leased(m, lease_until) for m in due], len(late)

    def begin(self, now: int) -> None:
        """The one process that sends begins: whoever had leased messages is dead. What was due
        later than now, and was never tried, was put off for reasons of that process, or by a clock
        that was wrong, as is what waits for longer than any try does: it is due."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE messages SET lease_until = 0, ready_at = 0 WHERE status = 'leased'"
            )
            cursor.execute(
                "UPDATE messages SET due_at = ?1, ready_at = ?1"
                " WHERE status = 'due' AND ready_at > ?1 AND (attempts = 0 OR ready_at > ?2)",
                (now, now + _FARTHEST_S),
            )

    def take_back(self, held: Collection[str], now: int) -> None:
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE messages SET status = 'due', lease_until = 0, ready_at = ?1"
                " WHERE status = 'leased' AND id NOT IN (SELECT value FROM json_each(?2))",
                (now, _encode(sorted(held)).decode()),
            )

    def oldest_due(self, now: int) -> int | None:
        rows = self._database.rows(
            f"SELECT min(ready_at) FROM messages WHERE ready_at <= ? AND {_UNSENT}", (now,)
        )
        oldest: int | None = rows[0][0]
        return oldest

    def settle(self, pairs: Sequence[tuple[Message, Message]]) -> int:
        with self._database.transaction() as cursor:
            rows = [
                (
                    *(before.id, before.lease_until),
                    *_what_is_settled(after),
                    ready_at(after),
                )
                for before, after in pairs
            ]
            cursor.execute(_SETTLE, (_encode(rows).decode(),))
            return cursor.connection.changes()

    def messages(
        self,
        *,
        status: Status | None = None,
        person: str | None = None,
        channel: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Message]:
        asked = {"status": status and str(status), "person": person, "channel": channel}
        wanted = {key: value for key, value in asked.items() if value is not None}
        where = " AND ".join(f"{key} = ?" for key in wanted) or "1"
        values = [*wanted.values()]
        if after is not None:
            where += f" AND (first_seq, id) < ({_PLACE_IN_LIST})"
            values.append(after)
        return self._select(f"{where} ORDER BY first_seq DESC, id DESC LIMIT ?", (*values, limit))

    def message(self, message: str) -> Message | None:
        found = self._select("id = ?", (message,))
        return found[0] if found else None

    def retry(self, messages: Sequence[str], now: int, expires_at: int) -> int:
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
        return self._select(
            "is_handed_on = 0 AND (status IN ('dead', 'late') OR escalate_at > 0)"
            " AND kind = 'alert' AND (status IN ('dead', 'late') OR (status != 'dropped'"
            " AND escalate_at BETWEEN 1 AND ? AND acknowledged_at = 0)) LIMIT ?",
            (now, limit),
        )

    def fail(self, message: str, reason: str, now: int) -> bool:
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE messages SET status = 'dead', reason = ?, settled_at = ?, settled = ?"
                " WHERE id = ? AND status IN ('sent', 'unknown')",
                (reason, now, self._next_number(), message),
            )
            return bool(self._database.rows("SELECT changes()")[0][0])

    def hand_on(
        self, message: str, to: Message | None = None, deliveries: Sequence[Delivery] = ()
    ) -> bool:
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE messages SET is_handed_on = 1 WHERE id = ? AND is_handed_on = 0", (message,)
            )
            if not cursor.connection.changes():
                return False
            if to is not None:
                _insert(cursor, [to], self._next_number())
                _insert_deliveries(cursor, deliveries)
        return True

    def rouse(self, person: str, now: int) -> int:
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE messages SET status = 'due', due_at = ?1, ready_at = ?1"
                " WHERE person = ?2 AND status = 'waiting'",
                (now, person),
            )
            return cursor.connection.changes()

    def counts(self, statuses: Collection[Status] = tuple(Status)) -> dict[tuple[str, str], int]:
        rows = self._database.rows(
            "SELECT channel, status, count(*) FROM messages"
            " WHERE status IN (SELECT value FROM json_each(?)) GROUP BY channel, status",
            (_encode(list(statuses)).decode(),),
        )
        return {(channel, status): n for channel, status, n in rows}

    def settled(self, after: int, limit: int) -> list[tuple[int, Message, list[Delivery]]]:
        found = self._read(
            f"SELECT json_array(settled, {_MESSAGE}) AS said FROM messages"
            f" WHERE settled > ? AND NOT {_UNSENT} ORDER BY settled LIMIT ?",
            (after, limit),
            _NUMBERED,
        )
        carried = defaultdict(list)
        for delivery in self._deliveries([message.id for _, message in found]):
            carried[delivery.message].append(delivery)
        return [(number, message, carried[message.id]) for number, message in found]

    def forget(self, settled_before: int) -> Iterator[int]:
        """All at once."""
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
            n = int(self._database.rows("SELECT changes()")[0][0])
        yield n

    # Parts

    def _join(self, cursor: apsw.Cursor, step: FanOut) -> dict[str, str]:
        """Let new messages be a part of those of the same instant that nobody has taken; which of
        them are, by which."""
        new = {message.id: message for message in step.messages}
        found = self._database.rows(_MATES, (_encode(step.messages).decode(), step.joins_from))
        into: dict[str, str] = {}
        for name, said in found:
            both = joined(_MESSAGE_OF.decode(said), new[name])
            if both and name not in into:
                cursor.execute(_JOIN, (_encode(both).decode(), both.id))
                into[name] = both.id
        return into

    def _select(self, where: str, bindings: tuple[Any, ...]) -> list[Message]:
        select = f"SELECT {_MESSAGE} AS said FROM messages WHERE {where}"
        return self._read(select, bindings, _MESSAGES)

    def _read(self, select: str, bindings: tuple[Any, ...], decoder: msgspec.json.Decoder[T]) -> T:
        """What a SELECT of a column `said` gives, in its order: fetched as one row."""
        rows = self._database.rows(f"SELECT group_concat(said, ',') FROM ({select})", bindings)
        return decoder.decode(f"[{rows[0][0] or ''}]")

    def _next_number(self) -> int:
        return int(self._database.rows(_LAST_NUMBER)[0][0]) + 1

    def _ready_ranks(
        self, now: int, room: Mapping[str, int], least_rank: int
    ) -> dict[str, list[int]]:
        """By channel the ranks of which a claim would find anything, the gravest first: asked in
        one step, before a transaction is begun."""
        asked = [
            (channel, rank)
            for channel, limit in room.items()
            if limit > 0
            for rank in RANKS
            if rank >= least_rank
        ]
        found = self._database.rows(_HAVE_READY, (_encode(asked).decode(), now))
        ready = defaultdict(list)
        for (at,) in found:
            channel, rank = asked[at]
            ready[channel].append(rank)
        return ready

    def _ready(
        self, channel: str, now: int, limit: int, ranks: Sequence[int], *, has_more: bool
    ) -> Iterator[tuple[Message, bool]]:
        """What may be taken, the gravest first; and whether it is the first of its order key, or
        the only one of that where others go with it."""
        others = "o.id != messages.id" if has_more else "o.first_seq < messages.first_seq"
        left = limit
        for rank in ranks:
            if left <= 0:
                return
            found = self._read(
                "SELECT json_array(NOT EXISTS (SELECT 1 FROM messages o WHERE"
                " o.lane = messages.lane AND o.channel = messages.channel AND"
                f" {others} AND o.{_UNSENT}), {_MESSAGE}) AS said"
                f" FROM messages WHERE channel = ?1 AND rank = ?2 AND ready_at <= ?3 AND {_UNSENT}"
                # What has to wait for its order key must not take the room of others.
                " AND NOT EXISTS (SELECT 1 FROM messages o WHERE o.lane = messages.lane AND"
                " o.channel = messages.channel AND o.first_seq < messages.first_seq AND"
                f" o.{_UNSENT} AND o.ready_at > ?3 AND (o.ready_at <= ?3 + {SOON_S}"
                " OR o.status = 'leased'))"
                " ORDER BY ready_at, first_seq LIMIT ?4",
                (channel, rank, now, left),
                _NUMBERED,
            )
            left -= len(found)
            for is_alone, message in found:
                yield message, bool(is_alone)

    def _in_order(self, message: Message, now: int) -> list[Message]:
        """The message after the older ones of its key; nothing while it has to wait for one."""
        older = self._select(
            f"lane = ? AND channel = ? AND first_seq < ? AND {_UNSENT} ORDER BY first_seq, id",
            (message.order_key, message.channel, first_seq(message)),
        )
        before = ahead(older, now)
        return [] if before is None else [*before, message]

    def _next(self, message: Message, now: int) -> list[Message]:
        """The newer ones of its key that may be taken, too: as many as may go in one letter."""
        found = self._select(
            "lane = ?1 AND channel = ?2 AND (first_seq, id) > (?3, ?4) AND ready_at <= ?5"
            f" AND {_UNSENT} ORDER BY first_seq, id LIMIT {2 * TOGETHER_MOST}",
            (message.order_key, message.channel, first_seq(message), message.id, now),
        )
        return found[: whole_letters(found, TOGETHER_MOST - 1)]

    def _deliveries(self, messages: Sequence[str]) -> list[Delivery]:
        rows = self._database.rows(
            "SELECT d.person, d.incident, d.version, d.channel, d.message FROM messages m"
            " JOIN deliveries d ON d.person = m.person AND d.message = m.id"
            " WHERE m.id IN (SELECT value FROM json_each(?))",
            (_encode(list(messages)).decode(),),
        )
        return [Delivery(*row) for row in rows]


def _insert(cursor: apsw.Cursor, messages: Sequence[Message], number: int) -> int:
    """Keep messages that are not known; those with a last status are settled by that."""
    rows = [_what_is_kept(message) for message in messages]
    cursor.execute(_INSERT, (_encode(rows).decode(), number))
    return cursor.connection.changes()


def _insert_deliveries(
    cursor: apsw.Cursor, deliveries: Sequence[Delivery], or_: str = "IGNORE"
) -> None:
    rows = [_delivered(delivery) for delivery in deliveries]
    cursor.execute(_INSERT_DELIVERIES.format(or_), (_encode(rows).decode(),))


def _ids(messages: Iterable[Message]) -> str:
    return _encode([m.id for m in messages]).decode()
