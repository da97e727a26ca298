"""The state in DynamoDB: items, offsets, notes, the alert log and the rejects.

```
state   pk              sk
        <kind>          <key>        an item: the kind is what stands before the key's first colon
        #offset         <consumer>   the last offset that was committed
        #note           <key>
        #counter        <name>       the newest number of the alert log, the rejects, the stream
        #redo …                      commits that are still being written out (`redo`)
log     alerts/<block>  <number>     an entry: so many numbers to a block, as one partition takes
                                     1,000 write units a second (`alerts`: of an older version)
        rejects         <number>     a reject
        life/<incident> <version>    the number of that entry
```

A commit is one transaction, held to the consumer's offset: every item that it writes carries that
offset, and a redelivery changes nothing. One that is too large for a transaction takes effect by
one all the same (`redo`). Its entries are then written out in no order, while others may read: who
reads on looks first how far the numbers go, which have no gaps, then sees to it that all is written
out that was decided by then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from atalaia.domain.alert import LogEntry, decode_entry
from atalaia.domain.payload import Reject
from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.commits import Commits, block_end, block_of, body_of
from atalaia.homes.aws.dynamo import (
    ABSENT,
    DynamoTable,
    Item,
    Refused,
    number_text,
    transact,
    write,
)
from atalaia.homes.aws.redo import Redo
from atalaia.ports import Commit, State

_BEFORE_BLOCKS = "alerts"


class DynamoState(State):
    """Fills `ports.State`. One process of a consumer has one of its own."""

    def __init__(self, clients: Clients, state: DynamoTable, log: DynamoTable) -> None:
        self._clients = clients
        self._table = state
        self._log = log
        self._redo = Redo(clients, state)
        self._commits = Commits(clients, state, log, self._redo)

    def load(self, prefix: str = "") -> dict[str, bytes]:
        """Without a colon in the prefix, the whole table is read."""
        self._redo.finish()
        kind, colon, _ = prefix.partition(":")
        if colon:
            values = {":prefix": prefix}
            rows = self._table.query(kind, "begins_with(sk, :prefix)", values)
        else:
            where = "begins_with(sk, :prefix) AND NOT begins_with(pk, :own)"
            rows = self._table.scan(where, {":prefix": prefix, ":own": "#"})
        found = {row["sk"]: body_of(row) for row in rows}
        self._commits.know(prefix, found)
        return dict(sorted(found.items()))

    def item(self, key: str) -> bytes | None:
        """One item as it lies there, which a commit may just be changing; None: there is none."""
        found = self._table.get(key.partition(":")[0], key)
        return body_of(found) if found else None

    def offset(self, consumer: str) -> int:
        return self._commits.offset(consumer)

    def commit(self, commit: Commit) -> bool:
        """Raises StateConflict also where an item that lanes share has changed since it was read:
        load again, and live through the batch again.
        """
        return self._commits.make(commit)

    def alerts(self, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, LogEntry]]:
        if limit == 0:
            return
        newest = self._newest()
        yield from self._between(after + 1, newest if limit is None else min(newest, after + limit))

    def latest(self, limit: int) -> list[tuple[int, LogEntry]]:
        newest = self._newest()
        return list(self._between(max(1, newest - limit + 1), newest))

    def entries(self, numbers: Collection[int]) -> dict[int, LogEntry]:
        self._redo.finish()
        return self._entries(numbers)

    def life(self, incident: str) -> list[tuple[int, LogEntry]]:
        self._redo.finish()
        numbers = [row["number"] for row in self._log.query(f"life/{incident}")]
        found = self._entries(numbers)
        return [(number, found[number]) for number in numbers]

    def rejects(
        self, after: int = 0, limit: int | None = None
    ) -> Iterator[tuple[int, int, Reject]]:
        self._redo.finish()
        for row in self._log.query("rejects", "sk > :after", _after(after), limit=limit):
            reject = Reject(source=row["source"], reason=row["reason"], detail=row["detail"])
            yield int(row["sk"]), int(row["offset"]), reject

    def note(self, key: str) -> str | None:
        found = self._table.get("#note", key)
        return found["value"] if found else None

    def set_note(self, key: str, value: str) -> None:
        write(self._clients, self._table.put({"pk": "#note", "sk": key, "value": value}))

    def swap_note(self, key: str, before: str | None, value: str) -> bool:
        where = ABSENT if before is None else "#value = :before"
        values = None if before is None else {":before": before}
        put = self._table.put({"pk": "#note", "sk": key, "value": value}, where, values)
        try:
            # A transaction has a token: one whose answer got lost is not refused for itself.
            transact(self._clients, [put])
        except Refused:
            return False
        return True

    def _newest(self) -> int:
        """The newest number of the alert log. What was decided by now is written out, up to it."""
        found = self._table.get("#counter", "alerts")
        self._redo.finish()
        return int(found["n"]) if found else 0

    def _between(self, first: int, last: int) -> Iterator[tuple[int, LogEntry]]:
        """Entries of these numbers, both included, up to the first that is not there yet."""
        while first <= last:
            until = min(last, block_end(first))
            between = {":first": number_text(first), ":until": number_text(until)}
            found: dict[int, Item] = {}
            for block in (block_of(first), _BEFORE_BLOCKS):
                if len(found) <= until - first:
                    rows = self._log.query(block, "sk BETWEEN :first AND :until", between)
                    found |= {int(row["sk"]): row for row in rows}
            while first <= until:
                if first not in found:
                    return
                yield first, decode_entry(found[first]["entry"])
                first += 1

    def _entries(self, numbers: Collection[int]) -> dict[int, LogEntry]:
        rows = self._log.many([(block_of(number), number_text(number)) for number in numbers])
        known = {int(sk) for _, sk in rows}
        older = [(_BEFORE_BLOCKS, number_text(n)) for n in numbers if n not in known]
        rows |= self._log.many(older)
        return {int(sk): decode_entry(row["entry"]) for (_, sk), row in rows.items()}


def _after(number: int) -> Item:
    return {":after": number_text(number)}
