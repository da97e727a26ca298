"""Half-done talks of the bot, in the table of contacts: ``talk`` <name>, sealed, until when.

No call of Lambda can count on the memory of the one before.
"""

from __future__ import annotations

from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.dynamo import DynamoTable, write
from atalaia.ports import Talks

_TALK = "talk"


class DynamoTalks(Talks):
    """Fills `ports.Talks`."""

    def __init__(self, clients: Clients, table: DynamoTable) -> None:
        self._clients = clients
        self._table = table

    def get(self, name: str) -> tuple[bytes, int] | None:
        found = self._table.get(_TALK, name)
        return (found["sealed"], int(found["until"])) if found else None

    def put(self, name: str, sealed: bytes, until: int) -> None:
        item = {"pk": _TALK, "sk": name, "sealed": sealed, "until": until}
        write(self._clients, self._table.put(item))

    def remove(self, name: str) -> None:
        write(self._clients, self._table.remove(_TALK, name))

    def forget(self, now: int) -> int:
        """Remove those whose time is over; return how many."""
        over = [one for one in self._table.query(_TALK) if int(one["until"]) <= now]
        for one in over:
            gone = self._table.remove(_TALK, one["sk"], "#until <= :now", {":now": now})
            write(self._clients, gone)
        return len(over)
