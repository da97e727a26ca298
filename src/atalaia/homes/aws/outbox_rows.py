"""The outbox' rows in DynamoDB: read, and the actions that write them. See `outbox`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from atalaia.domain.delivery import (
    RANKS,
    UNSENT,
    Delivery,
    Message,
    Status,
    ahead,
    first_seq,
    ready_at,
)
from atalaia.homes.aws.dynamo import ABSENT, Action, DynamoTable, Item, number_text

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


class OutboxRow(NamedTuple):
    """A message as it lies in the table. `rev` grows with every change; `settled` 0: never was."""

    message: Message
    rev: int
    settled: int = 0
    is_handed_on: bool = False


class OutboxRows:
    """Reads rows, and makes the actions of a transaction that writes some."""

    def __init__(self, outbox: DynamoTable, deliveries: DynamoTable) -> None:
        self._table = outbox
        self._deliveries = deliveries

    # Reading

    def row(self, message: str) -> OutboxRow | None:
        """One message; None: it is not there."""
        at = self._table.get(f"id/{message}", "-")
        found = self._table.get(at["at_pk"], at["at_sk"]) if at else None
        return row_of(found) if found else None

    def many(self, messages: Iterable[str]) -> dict[str, OutboxRow]:
        """By id, those that are there."""
        lies = self._table.many([(f"id/{message}", "-") for message in messages]).values()
        found = self._table.many([(at["at_pk"], at["at_sk"]) for at in lies])
        return {row.message.id: row for row in map(row_of, found.values())}

    def all(self) -> Iterator[OutboxRow]:
        """The whole table is read."""
        return map(row_of, self._table.scan("begins_with(pk, :lane)", {":lane": "lane/"}))

    def of(self, person: str) -> Iterator[OutboxRow]:
        """All of a person, as their index shows it: a moment late, perhaps."""
        rows = self._table.query(person, index="person", hash="person", is_consistent=False)
        return map(row_of, rows)

    def ready(self, channel: str, now: int, limit: int, least_rank: int) -> Iterator[OutboxRow]:
        """What is at least so grave and may be taken, the gravest first. `limit` 0: nothing."""
        for rank in (r for r in RANKS if limit > 0 and r >= least_rank):
            rows = self._table.query(
                f"{channel}/{rank}",
                "ready_at < :until",
                {":until": number_text(now + 1)},
                index="ready",
                hash="ready",
                is_consistent=False,
                page=max(10, 2 * limit),
            )
            yield from map(row_of, rows)

    def in_order(self, row: OutboxRow, now: int) -> list[OutboxRow]:
        """The message after the older ones of its key; nothing while it has to wait for one."""
        message = row.message
        at = {":before": number_text(first_seq(message))}
        older = [
            row_of(one)
            for one in self._table.query(order_of(message), "open_at < :before", at, index="open")
        ]
        before = ahead([one.message for one in older], now)
        if before is None:
            return []
        ids = {one.id for one in before}
        return [*(one for one in older if one.message.id in ids), row]

    def settled(self, after: int) -> Iterator[tuple[int, OutboxRow]]:
        """Those settled after a number, with the number that led to them."""
        feed = self._deliveries.query("settled", "sk > :after", {":after": number_text(after)})
        for one in feed:
            found = self._table.get(one["at_pk"], one["at_sk"])
            if found is not None:
                yield int(one["sk"]), row_of(found)

    # What writes them

    def unknown(self, messages: Sequence[Message]) -> list[Message]:
        """Those that are not there yet."""
        known = self._table.many([(f"id/{m.id}", "-") for m in messages])
        return [m for m in messages if (f"id/{m.id}", "-") not in known]

    def inserted(self, message: Message, settled: int) -> list[Action]:
        """A new message; `settled` 0: it is not over."""
        item = _item(OutboxRow(message, 1, settled))
        at = {"pk": f"id/{message.id}", "sk": "-", "at_pk": item["pk"], "at_sk": item["sk"]}
        actions = [self._table.put(item, ABSENT), self._table.put(at, ABSENT)]
        return [*actions, self._feed(item, settled)] if settled else actions

    def changed(self, row: OutboxRow, settled: int = 0) -> list[Action]:
        """The row as it is to be, if it is still at `rev`; `settled`: its new number."""
        after = row._replace(rev=row.rev + 1, settled=settled or row.settled)
        item = _item(after)
        actions = [self._table.put(item, "rev = :rev", {":rev": row.rev})]
        if settled:
            actions.append(self._feed(item, settled))
            if row.settled:
                actions.append(self._deliveries.remove("settled", number_text(row.settled)))
        return actions

    def _feed(self, item: Item, number: int) -> Action:
        at = {"at_pk": item["pk"], "at_sk": item["sk"]}
        return self._deliveries.put({"pk": "settled", "sk": number_text(number)} | at)

    def count(self, head: list[Action], n: int) -> Iterator[int]:
        """Give out numbers as a part of the transaction."""
        if not n:
            return iter(())
        first, counted = self._deliveries.number("settled", n)
        head.append(counted)
        return iter(range(first, first + n))

    def deliveries_of(
        self, deliveries: Sequence[Delivery], *, takes_over: bool = False
    ) -> list[Action]:
        """Those that are not known, or that another message carries, if it is to be taken from
        that: each by its incident and by its message."""
        items = {}
        for one in deliveries:
            name = f"{number_text(one.version)}#{one.person}#{one.channel}"
            items[f"incident/{one.incident}", name] = one
        known = self._deliveries.many(list(items))
        actions = []
        for (pk, sk), one in items.items():
            before = known.get((pk, sk))
            if before is not None and not takes_over:
                continue
            row = msgspec.structs.asdict(one)
            by_message = {"pk": f"message/{one.message}", "sk": f"{one.incident}#{sk}"}
            if before is not None:
                carried = f"message/{before['message']}"
                actions.append(self._deliveries.remove(carried, by_message["sk"]))
            where = ABSENT if before is None else ""
            actions.append(self._deliveries.put(row | {"pk": pk, "sk": sk}, where))
            actions.append(self._deliveries.put(row | by_message))
        return actions


def order_of(message: Message) -> str:
    """The partition of a message's order key."""
    return f"lane/{message.channel}/{message.order_key}"


def place_of(message: Message) -> str:
    """Where in that a message lies."""
    return f"{number_text(first_seq(message))}#{message.id}"


def _item(row: OutboxRow) -> Item:
    """The row with the keys of those indexes that it belongs to."""
    message = row.message
    item: Item = {
        "pk": order_of(message),
        "sk": place_of(message),
        "body": _encode(message),
        "rev": row.rev,
        "settled": row.settled,
        "is_handed_on": row.is_handed_on,
        "person": message.person,
        "person_at": place_of(message),
    }
    if message.status in UNSENT:
        item["open_at"] = place_of(message)
        item["ready"] = f"{message.channel}/{message.rank}"
        item["ready_at"] = f"{number_text(ready_at(message))}#{place_of(message)}"
    turn_at = _turn_at(row)
    if turn_at is not None:
        item["turn"] = "turn"
        item["turn_at"] = f"{number_text(turn_at)}#{message.id}"
    return item


def _turn_at(row: OutboxRow) -> int | None:
    """When a next channel has its turn; None: never."""
    message = row.message
    if row.is_handed_on or message.kind != "alert" or message.status == Status.DROPPED:
        return None
    if message.status in (Status.DEAD, Status.LATE):
        return 0
    return None if message.acknowledged_at else message.escalate_at or None


def row_of(item: Item) -> OutboxRow:
    """As it lies in the table."""
    return OutboxRow(_decode(item["body"]), item["rev"], item["settled"], item["is_handed_on"])
