"""The state in DynamoDB: items, offsets, notes, the alert log and the rejects.

```
state   pk              sk
        <kind>          <key>        an item: the kind is what stands before the key's first colon
        #offset         <consumer>   the last offset that was committed
        #note           <key>
        #counter        <name>       the newest number of the alert log, the rejects, the stream
        #redo …                      commits that are still being written out (`redo`)
log     alerts          <number>     an entry
        rejects         <number>     a reject
        life/<incident> <version>    the number of that entry
```

A commit is one transaction, held to the consumer's offset: every item that it writes carries that
offset, and a redelivery changes nothing. One that is too large for a transaction takes effect by
one all the same (`redo`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from atalaia.domain.alert import LogEntry, decode_entry, encode_entry
from atalaia.domain.payload import Reject
from atalaia.errors import StateConflict
from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.dynamo import (
    ABSENT,
    Action,
    DynamoTable,
    Item,
    Refused,
    fits,
    number_text,
    transact,
    unbound,
    write,
)
from atalaia.homes.aws.redo import Redo
from atalaia.ports import Commit, State

MOST_ITEM = 380_000
"""Bytes of one item; DynamoDB has 400 KB with the names of its attributes."""

_SHARED = ("source:", "rules:")
"""Items that several lanes write: each write is held to what this process read."""

_DIGITS = 60
"""Of an offset: Kinesis' sequence numbers have up to 56."""

_ENTRY_TRIES = 12


class DynamoState(State):
    """Fills `ports.State`. One process of a consumer has one of its own."""

    def __init__(self, clients: Clients, state: DynamoTable, log: DynamoTable) -> None:
        self._clients = clients
        self._table = state
        self._log = log
        self._redo = Redo(clients, state)
        self._shared: dict[str, bytes] = {}
        self._offsets: dict[str, int] = {}

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
        found = {row["sk"]: row["body"] for row in rows}
        for key in [key for key in self._shared if key.startswith(prefix)]:
            del self._shared[key]
        self._shared |= {key: body for key, body in found.items() if key.startswith(_SHARED)}
        return dict(sorted(found.items()))

    def item(self, key: str) -> bytes | None:
        """One item as it lies there, which a commit may just be changing; None: there is none."""
        found = self._table.get(key.partition(":")[0], key)
        return found["body"] if found else None

    def offset(self, consumer: str) -> int:
        found = self._table.get("#offset", consumer)
        self._offsets[consumer] = int(found["at"]) if found else 0
        return self._offsets[consumer]

    def commit(self, commit: Commit) -> bool:
        """Raises StateConflict also where an item that lanes share has changed since it was read:
        load again, and live through the batch again.
        """
        if commit.offset <= 0:
            return False
        for _ in range(_ENTRY_TRIES):
            head, rest = self._actions(commit)
            try:
                self._write(head, rest)
            except Refused:
                if self._is_done(commit):
                    return False
                if not commit.entries and not commit.rejects:
                    raise self._conflict(commit) from None
                self._check_entries(commit)
                self._check_shared(commit)
                continue  # the counter had gone on: another lane has told something
            self._offsets[commit.consumer] = commit.offset
            self._remember(commit)
            return True
        raise StateConflict("the alert log is written all the time by others; it is tried again")

    def alerts(self, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, LogEntry]]:
        if limit == 0:
            return
        self._redo.finish()
        for row in self._log.query("alerts", "sk > :after", _after(after), limit=limit):
            yield int(row["sk"]), decode_entry(row["entry"])

    def latest(self, limit: int) -> list[tuple[int, LogEntry]]:
        self._redo.finish()
        rows = list(self._log.query("alerts", is_newest_first=True, limit=limit))
        return [(int(row["sk"]), decode_entry(row["entry"])) for row in reversed(rows)]

    def life(self, incident: str) -> list[tuple[int, LogEntry]]:
        self._redo.finish()
        numbers = [row["number"] for row in self._log.query(f"life/{incident}")]
        rows = self._log.many([("alerts", number_text(number)) for number in numbers])
        return [
            (number, decode_entry(rows["alerts", number_text(number)]["entry"]))
            for number in numbers
        ]

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

    # A commit's writes

    def _actions(self, commit: Commit) -> tuple[list[Action], list[Action]]:
        """What decides, and what follows from it."""
        head = [self._step(commit)]
        rest = []
        for key, body in commit.items.items():
            if not key.startswith(_SHARED):
                rest.append(self._item(commit, key, body))
            elif body != self._shared.get(key):
                head.append(self._shared_item(key, body))
        if commit.entries:
            first, counted = self._table.number("alerts", len(commit.entries))
            head.append(counted)
            rest += self._entries(commit.entries, first)
        if commit.rejects:
            first, counted = self._table.number("rejects", len(commit.rejects))
            head.append(counted)
            for number, (offset, reject) in enumerate(commit.rejects, first):
                row = {"pk": "rejects", "sk": number_text(number), "offset": str(offset)}
                row |= {"source": reject.source, "reason": reject.reason, "detail": reject.detail}
                rest.append(self._log.put(row, ABSENT))
        return head, rest

    def _step(self, commit: Commit) -> Action:
        """The consumer goes on: from where this process knows it, else from anywhere before."""
        item = {"pk": "#offset", "sk": commit.consumer, "at": _offset_text(commit.offset)}
        known = self._offsets.get(commit.consumer)
        if known:
            where, at = "#at = :at AND #at < :new", _offset_text(known)
            return self._table.put(item, where, {":at": at, ":new": item["at"]})
        return self._table.put(item, f"{ABSENT} OR #at < :new", {":new": item["at"]})

    def _item(self, commit: Commit, key: str, body: bytes | None) -> Action:
        at = {":at": _offset_text(commit.offset), ":by": commit.consumer}
        where = f"{ABSENT} OR #by <> :by OR #at <= :at"  # not over what came later
        kind = key.partition(":")[0]
        if body is None:
            return self._table.remove(kind, key, where, at)
        if len(body) > MOST_ITEM:
            raise StateConflict(
                f"item {key} has {len(body)} bytes, and DynamoDB takes {MOST_ITEM}; shorten the "
                "longest window of the rules, or ask its sources less often"
            )
        item = {"pk": kind, "sk": key, "body": body, "at": at[":at"], "by": commit.consumer}
        return self._table.put(item, where, at)

    def _shared_item(self, key: str, body: bytes | None) -> Action:
        known = self._shared.get(key)
        where, values = (ABSENT, {}) if known is None else ("body = :known", {":known": known})
        kind = key.partition(":")[0]
        if body is None:
            return self._table.remove(kind, key, where, values)
        return self._table.put({"pk": kind, "sk": key, "body": body}, where, values)

    def _entries(self, entries: Sequence[LogEntry], first: int) -> Iterator[Action]:
        for number, entry in enumerate(entries, first):
            alert = entry.alert
            text = {"pk": "alerts", "sk": number_text(number), "entry": encode_entry(entry)}
            yield self._log.put(text, ABSENT)
            life = {"pk": f"life/{alert.incident}", "sk": number_text(alert.version)}
            yield self._log.put(life | {"number": number}, ABSENT)

    def _write(self, head: list[Action], rest: list[Action]) -> None:
        if fits(head, rest):
            transact(self._clients, [*head, *rest])
            return
        # The log's numbers are this commit's alone: written twice, they say the same. What is
        # taken already must not be found out when it is too late to refuse it.
        free = [unbound(a) for a in rest if a.get("Put", {}).get("TableName") == self._log.name]
        self._refuse_taken(free)
        bound = [a for a in rest if a.get("Put", {}).get("TableName") != self._log.name]
        self._redo.write(head, [*free, *bound])

    def _refuse_taken(self, puts: Sequence[Action]) -> None:
        keys = [(a["Put"]["Item"]["pk"]["S"], a["Put"]["Item"]["sk"]["S"]) for a in puts]
        if self._log.many([key for key in keys if key[0].startswith("life/")]):
            raise Refused((0,))

    # What was refused, and why

    def _is_done(self, commit: Commit) -> bool:
        known = self._offsets.get(commit.consumer)
        at = self.offset(commit.consumer)
        if at >= commit.offset:
            return True
        if known and known != at:
            raise self._conflict(commit)
        return False

    def _check_entries(self, commit: Commit) -> None:
        lives = [(f"life/{e.alert.incident}", number_text(e.alert.version)) for e in commit.entries]
        if self._log.many(lives):
            raise StateConflict(
                "the alert log has one of these entries already: another process told it; "
                "load the state again"
            )

    def _check_shared(self, commit: Commit) -> None:
        for key, body in commit.items.items():
            if key.startswith(_SHARED) and body != self._shared.get(key):
                found = self._table.get(key.partition(":")[0], key)
                if (found["body"] if found else None) != self._shared.get(key):
                    raise self._conflict(commit)

    def _conflict(self, commit: Commit) -> StateConflict:
        return StateConflict(
            f"{commit.consumer}: another process has changed this state; load it again"
        )

    def _remember(self, commit: Commit) -> None:
        for key, body in commit.items.items():
            if key.startswith(_SHARED):
                if body is None:
                    self._shared.pop(key, None)
                else:
                    self._shared[key] = body


def _after(number: int) -> Item:
    return {":after": number_text(number)}


def _offset_text(offset: int) -> str:
    return f"{offset:0{_DIGITS}d}"
