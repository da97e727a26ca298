"""Writes that are too many for one transaction, and still take effect by one.

One transaction does what decides, and with it as much of the rest as it has room for. The others
are valid from then on: they lie in it, packed, or where they are many beside it, written before.
Then they are written out, those without a condition many at a time, the others so many as a
transaction takes, which costs twice the units and a quarter of the calls; the last of these takes
the packed ones away, too. Who reads finishes what a killed process left of that. Each of the writes
must be such that doing it again, or late, changes nothing: one that has a condition which does not
hold any more was done, or overtaken.

```
#redo        <id>      these writes are valid; `actions`: they themselves
#redo/<id>   <part>    some of them
```
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import zstandard

from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.dynamo import (
    Action,
    DynamoTable,
    Item,
    Refused,
    fits,
    number_text,
    portions,
    put_all,
    remove_all,
    transact,
    write,
)

_MOST_WITHIN = 30_000
"""Bytes that a transaction takes along, where they count twice; what is longer lies beside it."""

_MOST_PART = 380_000
"""Bytes of an item; DynamoDB has 400 KB with the names of its attributes."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[dict[str, Any]]).decode


class Redo:
    """Lies in the table of what decides."""

    def __init__(self, clients: Clients, table: DynamoTable) -> None:
        self._clients = clients
        self._table = table

    def write(self, head: Sequence[Action], rest: Sequence[Action]) -> None:
        """Do `head`, and with it all of `rest`. Raises Refused where `head` does not hold."""
        if fits(head, rest):
            if head or rest:
                transact(self._clients, [*head, *rest])
            return
        id_ = uuid.uuid4().hex
        mark: Item = {"pk": "#redo", "sk": id_, "actions": b" " * _MOST_WITHIN}
        bound = [action for action in rest if not _is_free(action)]
        with_it = next(portions(bound, [*head, self._table.put(mark)]), [])
        left = [*filter(_is_free, rest), *bound[len(with_it) :]]
        parts = list(_packed(left))
        is_within = len(parts) == 1 and len(parts[0]) <= _MOST_WITHIN
        mark["actions"] = parts.pop() if is_within else b""
        rows = [self._part(id_, number, body) for number, body in enumerate(parts)]
        put_all(self._clients, rows)
        try:
            transact(self._clients, [*head, *with_it, self._table.put(mark)])
        except BaseException:
            if self._table.get("#redo", id_) is None:  # an error may come after the deed
                self._forget(id_)
            raise
        self._write_out(left, self._ends(id_, len(rows)))

    def finish(self) -> None:
        """Write out what is valid and not written: its process was killed, or is at it."""
        for row in list(self._table.query("#redo")):
            if row["actions"]:
                self._write_out(_unpacked(row["actions"]))
            for part in self._table.query(f"#redo/{row['sk']}"):
                self._write_out(_unpacked(part["actions"]))
            write(self._clients, self._table.remove("#redo", row["sk"]))
            self._forget(row["sk"])

    def _write_out(self, actions: Sequence[Action], ends: Sequence[Action] = ()) -> None:
        """Write these, and then `ends`."""
        put_all(self._clients, [action for action in actions if _is_free(action)])
        bound = [action for action in actions if not _is_free(action)]
        for some in portions([*bound, *ends]):
            self._write_bound(some)

    def _write_bound(self, actions: Sequence[Action]) -> None:
        while actions:
            try:
                transact(self._clients, actions)
            except Refused as refused:
                actions = [one for i, one in enumerate(actions) if i not in refused.at]
            else:
                return

    def _part(self, id_: str, number: int, body: bytes) -> Action:
        return self._table.put({"pk": f"#redo/{id_}", "sk": number_text(number), "actions": body})

    def _ends(self, id_: str, parts: int) -> list[Action]:
        """What takes it away once all is written out, with so many parts beside it: as long as it
        is there itself, somebody finds what is left of them."""
        keys = [(f"#redo/{id_}", number_text(number)) for number in range(parts)]
        return [self._table.remove(*key) for key in (*keys, ("#redo", id_))]

    def _forget(self, id_: str) -> None:
        rows = self._table.query(f"#redo/{id_}")
        remove_all(self._clients, [self._table.remove(row["pk"], row["sk"]) for row in rows])


def _is_free(action: Action) -> bool:
    return "Put" in action and "ConditionExpression" not in action["Put"]


def _packed(actions: Sequence[Action]) -> Iterator[bytes]:
    """Actions, so many together as fit into an item when they are packed."""
    body = zstandard.compress(_encode(actions))
    if len(body) <= _MOST_PART or len(actions) < 2:
        if actions:
            yield body
        return
    middle = len(actions) // 2
    yield from _packed(actions[:middle])
    yield from _packed(actions[middle:])


def _unpacked(body: bytes) -> list[Action]:
    return _decode(zstandard.decompress(body))
