"""The outbox' rows in DynamoDB: read, and the actions that write them. See `outbox`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import NamedTuple
from zlib import crc32

import msgspec

from atalaia.domain.delivery import (
    LAST,
    RANKS,
    TOGETHER_MOST,
    UNSENT,
    Delivery,
    Message,
    Status,
    ahead,
    first_seq,
    ready_at,
    whole_letters,
)
from atalaia.homes.aws.dynamo import ABSENT, Action, DynamoTable, Item, number_text

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode
_decode_carried = msgspec.msgpack.Decoder(list[tuple[str, int]]).decode

SHARDS = 3
"""Partitions of what would grow at one place, as one takes 1,000 write units a second; each look
at what is due costs one query a partition."""

TOLD_SHARDS = 8
"""The same of one incident's deliveries."""

_STANDINGS = ("unsent", *map(str, LAST))

_LOOKED_AT = 100
"""Messages of each shard that one look at what is due brings."""


class OutboxRow(NamedTuple):
    """A message as it lies in the table. `rev` grows with every change; `settled` 0: never was;
    `carried` has incident and version of each alert in it."""

    message: Message
    rev: int
    settled: int = 0
    is_handed_on: bool = False
    carried: tuple[tuple[str, int], ...] = ()

    @property
    def deliveries(self) -> list[Delivery]:
        """What it carries."""
        message = self.message
        return [
            Delivery(message.person, incident, version, message.channel, message.id)
            for incident, version in self.carried
        ]


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

    def at(self, messages: Iterable[Message]) -> dict[str, OutboxRow]:
        """Those of these that are there, by id: their places are known from the messages."""
        found = self._table.many([(order_of(m), place_of(m)) for m in messages])
        return {row.message.id: row for row in map(row_of, found.values())}

    def due(self, now: int) -> tuple[list[OutboxRow], bool]:
        """What may be taken, some of each shard, and whether that is all there is."""
        found = [list(self._due(shard, now, _LOOKED_AT)) for shard in range(SHARDS)]
        rows = [row for each in found for row in each]
        return rows, all(len(each) < _LOOKED_AT for each in found)

    def oldest_due(self, now: int) -> int | None:
        """Since when the oldest may be taken."""
        found = [row for shard in range(SHARDS) for row in self._due(shard, now, 1)]
        return min((ready_at(row.message) for row in found), default=None)

    def _due(self, shard: int, now: int, limit: int) -> Iterator[OutboxRow]:
        until = {":until": number_text(now + 1)}
        rows = self._table.query(
            f"due/{shard}",
            "due_at < :until",
            until,
            index="due",
            hash="due",
            is_consistent=False,
            limit=limit,
        )
        return map(row_of, rows)

    def told(self, incident: str, people: Collection[str] | None) -> Iterator[Item]:
        """Deliveries of an incident, to these people."""
        if people is not None and len(people) <= TOLD_SHARDS:
            for person in people:
                values = {":person": f"{person}#"}
                where = "begins_with(sk, :person)"
                yield from self._deliveries.query(_told_by(incident, person), where, values)
            return
        for shard in range(TOLD_SHARDS):
            for row in self._deliveries.query(f"incident/{incident}/{shard}"):
                if people is None or row["person"] in people:
                    yield row

    def newest(
        self, status: Status | None, after: OutboxRow | None, page: int
    ) -> Iterator[list[OutboxRow]]:
        """Those of a status, or all, the newest first, so many at a time; from after one on."""
        kinds = _STANDINGS if status is None else (_standing(status),)
        before = {":before": place_of(after.message)} if after else None
        shards = [
            self._table.query(
                f"{kind}/{shard}",
                "person_at < :before" if before else "",
                before,
                index="standing",
                hash="standing",
                is_consistent=False,
                is_newest_first=True,
                page=page,
            )
            for kind in kinds
            for shard in range(SHARDS)
        ]
        keys = merge(*shards, key=lambda one: str(one["person_at"]), reverse=True)
        while some := [(one["pk"], one["sk"]) for one in islice(keys, page)]:
            found = self._table.many(some)
            rows = [row_of(found[at]) for at in some if at in found]
            yield [row for row in rows if status in (None, row.message.status)]

    def of(self, person: str) -> Iterator[OutboxRow]:
        """All of a person, as their index shows it: a moment late, perhaps."""
        rows = self._table.query(person, index="person", hash="person", is_consistent=False)
        return map(row_of, rows)

    def ready(self, channel: str, now: int, limit: int, least_rank: int) -> Iterator[OutboxRow]:
        """What is at least so grave and may be taken, the gravest first. `limit` 0: nothing."""
        for rank in (r for r in RANKS if limit > 0 and r >= least_rank):
            shards = [
                self._table.query(
                    f"{channel}/{rank}/{shard}",
                    "ready_at < :until",
                    {":until": number_text(now + 1)},
                    index="ready",
                    hash="ready",
                    is_consistent=False,
                    page=max(10, limit),
                )
                for shard in range(SHARDS)
            ]
            yield from map(row_of, merge(*shards, key=lambda row: str(row["ready_at"])))

    def in_order(self, row: OutboxRow, now: int, *, with_next: bool = False) -> list[OutboxRow]:
        """The message after the older ones of its key; nothing while it has to wait for one.
        `with_next`: before those newer ones that may be taken and go in one letter with it."""
        message, first = row.message, first_seq(row.message)
        at = ("", None) if with_next else ("open_at < :before", {":before": number_text(first)})
        found = [row_of(one) for one in self._table.query(order_of(message), *at, index="open")]
        older = [one for one in found if first_seq(one.message) < first]
        before = ahead([one.message for one in older], now)
        if before is None:
            return []
        ids = {one.id for one in before}
        newer = [
            one
            for one in found
            if place_of(one.message) > place_of(message) and ready_at(one.message) <= now
        ]
        n = whole_letters([one.message for one in newer], TOGETHER_MOST - 1)
        return [*(one for one in older if one.message.id in ids), row, *newer[:n]]

    def settled(
        self, after: int, page: int, before: int | None = None
    ) -> Iterator[list[tuple[int, OutboxRow | None]]]:
        """Those settled after a number, so many at a time, with the number that led to each; None:
        it is gone, or was settled anew. With `before`, only as long as a page has one that was
        settled before that (Unix seconds)."""
        # What is settled from here on may be in a shard that was read before, and not yet in one
        # that is read later: all of it waits for the next time.
        until = self._deliveries.get("#counter", "settled")
        newest = int(until["n"]) if until else 0
        if newest <= after:
            return
        between = {":after": number_text(after + 1), ":until": number_text(newest)}
        shards = [
            self._deliveries.query(
                f"settled/{shard}", "sk BETWEEN :after AND :until", between, page=page
            )
            for shard in range(SHARDS)
        ]
        feed = merge(*shards, key=lambda row: str(row["sk"]))
        while some := list(islice(feed, page)):
            if before is not None and all(one["at"] >= before for one in some):
                return
            lies = [(one["at_pk"], one["at_sk"]) for one in some]
            found = self._table.many(lies)
            rows = [row_of(found[at]) if at in found else None for at in lies]
            yield [
                (int(one["sk"]), row if row and row.settled == int(one["sk"]) else None)
                for one, row in zip(some, rows, strict=True)
            ]

    # What writes them

    def unknown(self, messages: Sequence[Message]) -> list[Message]:
        """Those that are not there yet."""
        known = self._table.many([(f"id/{m.id}", "-") for m in messages])
        return [m for m in messages if (f"id/{m.id}", "-") not in known]

    def inserted(
        self,
        messages: Sequence[Message],
        deliveries: Sequence[Delivery],
        numbers: Iterator[int],
        *,
        takes_over: bool = False,
    ) -> list[Action]:
        """New messages with what they carry, also where another carried it if they take that over;
        those that are over take a number each."""
        carried: dict[str, list[tuple[str, int]]] = {}
        for one in deliveries:
            carried.setdefault(one.message, []).append((one.incident, one.version))
        actions = []
        for message in messages:
            settled = next(numbers) if message.status in LAST else 0
            alerts = tuple(carried.get(message.id, ()))
            item = _item(OutboxRow(message, 1, settled, carried=alerts))
            at = {"pk": f"id/{message.id}", "sk": "-", "at_pk": item["pk"], "at_sk": item["sk"]}
            actions += [self._table.put(item, ABSENT), self._table.put(at)]
            if settled:
                actions.append(self._feed(item, settled, message.settled_at))
        items = {_delivery_key(one): one for one in deliveries}
        known = {} if takes_over else self._deliveries.many(list(items))
        return actions + [
            self._deliveries.put(msgspec.structs.asdict(one) | {"pk": pk, "sk": sk})
            for (pk, sk), one in items.items()
            if (pk, sk) not in known
        ]

    def changed(self, row: OutboxRow, settled: int = 0) -> list[Action]:
        """The row as it is to be, if it is still at `rev`; `settled`: its new number."""
        after = row._replace(rev=row.rev + 1, settled=settled or row.settled)
        item = _item(after)
        actions = [self._table.put(item, "rev = :rev", {":rev": row.rev})]
        if settled:
            actions.append(self._feed(item, settled, row.message.settled_at))
            if row.settled:
                actions.append(self._deliveries.remove(*feed_key(row.settled)))
        return actions

    def removed(self, row: OutboxRow) -> Iterator[list[Action]]:
        """What removes a message with all that belongs to it, to be done one after the other: what
        is left of it by a killed process is found again by what goes last."""
        message = row.message
        yield [
            *(self._deliveries.remove(*_delivery_key(one)) for one in row.deliveries),
            self._table.remove(f"id/{message.id}", "-"),
        ]
        yield [self._table.remove(order_of(message), place_of(message))]
        yield [self._deliveries.remove(*feed_key(row.settled))] if row.settled else []

    def _feed(self, item: Item, number: int, settled_at: int) -> Action:
        pk, sk = feed_key(number)
        at = {"at_pk": item["pk"], "at_sk": item["sk"], "at": settled_at}
        return self._deliveries.put({"pk": pk, "sk": sk} | at)

    def count(self, head: list[Action], n: int) -> Iterator[int]:
        """Give out numbers as a part of the transaction."""
        if not n:
            return iter(())
        first, counted = self._deliveries.number("settled", n)
        head.append(counted)
        return iter(range(first, first + n))

    def without(self, deliveries: Sequence[Delivery]) -> list[OutboxRow]:
        """The messages that carry these so far, as they are without them."""
        known = self._deliveries.many([_delivery_key(one) for one in deliveries]).values()
        lost = {(row["message"], row["incident"], row["version"]) for row in known}
        rows = self.many({row["message"] for row in known})
        return [
            row._replace(carried=tuple(c for c in row.carried if (id_, *c) not in lost))
            for id_, row in rows.items()
        ]


def counted(outbox: DynamoTable, statuses: Collection[Status]) -> Counter[tuple[str, str]]:
    """How many there are by channel and status. Of those that wait, what they wait for is read
    with all that they have, else their keys."""
    found: Counter[tuple[str, str]] = Counter()
    for shard in range(SHARDS):
        for status in set(statuses) - set(UNSENT):
            rows = outbox.query(
                f"{status}/{shard}", index="standing", hash="standing", is_consistent=False
            )
            found.update((_channel_of(row["pk"]), str(status)) for row in rows)
        if not set(statuses).isdisjoint(UNSENT):
            rows = outbox.query(f"due/{shard}", index="due", hash="due", is_consistent=False)
            waiting = (row_of(row).message for row in rows)
            found.update((m.channel, str(m.status)) for m in waiting if m.status in statuses)
    return found


def order_of(message: Message) -> str:
    """The partition of a message's order key."""
    return f"lane/{message.channel}/{message.order_key}"


def _channel_of(order: str) -> str:
    return order.split("/", 2)[1]


def _standing(status: Status) -> str:
    """What a message is listed under. One that is unsent stays where it is while it is taken."""
    return "unsent" if status in UNSENT else str(status)


def place_of(message: Message) -> str:
    """Where in that a message lies."""
    return f"{number_text(first_seq(message))}#{message.id}"


def _shard(text: str, shards: int = SHARDS) -> int:
    return crc32(text.encode()) % shards


def feed_key(number: int) -> tuple[str, str]:
    """Where a number of the feed of what was settled lies."""
    return f"settled/{number % SHARDS}", number_text(number)


def _told_by(incident: str, person: str) -> str:
    return f"incident/{incident}/{_shard(person, TOLD_SHARDS)}"


def _delivery_key(one: Delivery) -> tuple[str, str]:
    name = f"{one.person}#{number_text(one.version)}#{one.channel}"
    return _told_by(one.incident, one.person), name


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
        "carried": _encode(row.carried),
        "person": message.person,
        "person_at": place_of(message),
        "standing": f"{_standing(message.status)}/{_shard(message.order_key)}",
    }
    if message.status in UNSENT:
        item["open_at"] = place_of(message)
        shard = _shard(message.order_key)
        at = f"{number_text(ready_at(message))}#{place_of(message)}"
        item |= {"due": f"due/{shard}", "due_at": at}
        item |= {"ready": f"{message.channel}/{message.rank}/{shard}", "ready_at": at}
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
    carried = tuple(_decode_carried(item["carried"]))
    message = _decode(item["body"])
    return OutboxRow(message, item["rev"], item["settled"], item["is_handed_on"], carried)
