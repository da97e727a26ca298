"""Commits to the state in DynamoDB, each held to what this process knows. See `state`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import zstandard

from atalaia.domain.alert import LogEntry, encode_entry
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
)
from atalaia.homes.aws.redo import Redo
from atalaia.ports import Commit

MOST_ITEM = 380_000
"""Bytes of one item; DynamoDB has 400 KB with the names of its attributes."""

_SHARED = ("source:", "rules:")
"""Items that several lanes write: each write is held to what this process read."""

_LONG = 1_000
"""Bytes: a longer item is packed, for each KB that is begun is paid for. A place's packs to a
quarter."""

_BLOCK = 250
"""Entries of the alert log in one partition: of one that grows for ever all writes would go to its
end. What readers ask for at once is in one block or two."""

_DIGITS = 60
"""Of an offset: Kinesis' sequence numbers have up to 56."""


class Commits:
    """Makes them. It knows the offsets and the shared items that this process has read."""

    def __init__(self, clients: Clients, state: DynamoTable, log: DynamoTable, redo: Redo) -> None:
        self._clients = clients
        self._table = state
        self._log = log
        self._redo = redo
        self._shared: dict[str, bytes] = {}
        self._offsets: dict[str, int] = {}

    def know(self, prefix: str, found: Mapping[str, bytes]) -> None:
        """What was read of the items under a prefix."""
        for key in [key for key in self._shared if key.startswith(prefix)]:
            del self._shared[key]
        self._shared |= {key: body for key, body in found.items() if key.startswith(_SHARED)}

    def offset(self, consumer: str) -> int:
        """The last one that was committed, read anew."""
        found = self._table.get("#offset", consumer)
        self._offsets[consumer] = int(found["at"]) if found else 0
        return self._offsets[consumer]

    def make(self, commit: Commit) -> bool:
        """See `DynamoState.commit`."""
        if commit.offset <= 0:
            return False
        for _ in self._clients.tries():
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
        packed = {"body": body} if len(body) < _LONG else {"packed": zstandard.compress(body)}
        [kept] = packed.values()
        if len(kept) > MOST_ITEM:
            raise StateConflict(
                f"item {key} has {len(kept)} bytes, and DynamoDB takes {MOST_ITEM}; shorten the "
                "longest window of the rules, or ask its sources less often"
            )
        item = {"pk": kind, "sk": key, "at": at[":at"], "by": commit.consumer} | packed
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
            text = {"pk": block_of(number), "sk": number_text(number), "entry": encode_entry(entry)}
            yield self._log.put(text, ABSENT)
            life = {"pk": f"life/{alert.incident}", "sk": number_text(alert.version)}
            yield self._log.put(life | {"number": number}, ABSENT)

    def _write(self, head: list[Action], rest: list[Action]) -> None:
        if not fits(head, rest):
            self._refuse_taken(rest)
        self._redo.write(head, rest)

    def _refuse_taken(self, rest: Sequence[Action]) -> None:
        """An entry that is there must not be found out when it is too late to refuse it."""
        puts = [action["Put"]["Item"] for action in rest if "Put" in action]
        lives = [(item["pk"]["S"], item["sk"]["S"]) for item in puts]
        if self._log.many([key for key in lives if key[0].startswith("life/")]):
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


def block_of(number: int) -> str:
    """The partition of the alert log that an entry lies in."""
    return f"alerts/{number_text(number // _BLOCK)}"


def block_end(number: int) -> int:
    """The last number in its block."""
    return (number // _BLOCK + 1) * _BLOCK - 1


def body_of(item: Item) -> bytes:
    """What an item of the state holds."""
    found = item["body"] if "body" in item else zstandard.decompress(item["packed"])
    return bytes(found)


def _offset_text(offset: int) -> str:
    return f"{offset:0{_DIGITS}d}"
