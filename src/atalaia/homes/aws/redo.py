"""Writes that are too many for one transaction, and still take effect by one.

They are laid beside first; then one transaction does what decides, and marks them as valid; then
they are written out: those without a condition many at a time, the others each for itself. Who
reads finishes what a killed process left of that. Each of the writes must be such that doing it
again, or late, changes nothing.

```
#redo        <id>      these writes are valid
#redo/<id>   <part>    some of them
```
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import msgspec
import zstandard

from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.dynamo import (
    Action,
    DynamoTable,
    number_text,
    put_all,
    remove_all,
    size_of,
    transact,
    write,
)

_MOST_PART = 300_000
"""Bytes before they are packed, so that what does not pack fits into an item, too."""

_AT_ONCE = 8
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[dict[str, Any]]).decode


class Redo:
    """Lies in the table of what decides."""

    def __init__(self, clients: Clients, table: DynamoTable) -> None:
        self._clients = clients
        self._table = table

    def write(self, head: Sequence[Action], rest: Sequence[Action]) -> None:
        """Do `head`, and with it all of `rest`. Raises Refused where `head` does not hold."""
        id_ = uuid.uuid4().hex
        for part, some in enumerate(_portions(rest)):
            item = {"pk": f"#redo/{id_}", "sk": number_text(part), "actions": some}
            write(self._clients, self._table.put(item))
        mark = self._table.put({"pk": "#redo", "sk": id_})
        try:
            transact(self._clients, [*head, mark])
        except BaseException:
            if self._table.get("#redo", id_) is None:  # an error may come after the deed
                self._forget(id_)
            raise
        self._do(id_)

    def finish(self) -> None:
        """Write out what is valid and not written: its process was killed, or is at it."""
        for row in list(self._table.query("#redo")):
            self._do(row["sk"])

    def _do(self, id_: str) -> None:
        for row in self._table.query(f"#redo/{id_}"):
            self._write_out(_decode(zstandard.decompress(row["actions"])))
        write(self._clients, self._table.remove("#redo", id_))
        self._forget(id_)

    def _write_out(self, actions: Sequence[Action]) -> None:
        put_all(self._clients, [a for a in actions if _is_free(a)])
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            others = [a for a in actions if not _is_free(a)]
            list(threads.map(partial(write, self._clients), others))

    def _forget(self, id_: str) -> None:
        rows = self._table.query(f"#redo/{id_}")
        remove_all(self._clients, [self._table.remove(row["pk"], row["sk"]) for row in rows])


def _is_free(action: Action) -> bool:
    return "Put" in action and "ConditionExpression" not in action["Put"]


def _portions(actions: Sequence[Action]) -> Iterator[bytes]:
    """Actions packed, so many together as fit into an item."""
    pack = zstandard.ZstdCompressor().compress
    some: list[Action] = []
    size = 0
    for action in actions:
        more = size_of([action])
        if some and size + more > _MOST_PART:
            yield pack(_encode(some))
            some, size = [], 0
        some.append(action)
        size += more
    if some:
        yield pack(_encode(some))
