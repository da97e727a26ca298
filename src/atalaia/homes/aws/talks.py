"""Half-done talks of the bot, in the table of contacts: ``talk`` <name>, sealed, until when.

No call of Lambda can count on the memory of the one before.
"""

from __future__ import annotations

from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.dynamo import DynamoTable, write
from atalaia.homes.aws.ends import TALK, ended, ends
from atalaia.ports import Talks


class DynamoTalks(Talks):
    """Fills `ports.Talks`."""

    def __init__(self, clients: Clients, table: DynamoTable) -> None:
        self._clients = clients
        self._table = table

    def get(self, name: str) -> tuple[bytes, int] | None:
        found = self._table.get(TALK, name)
        return (found["sealed"], int(found["until"])) if found else None

    def put(self, name: str, sealed: bytes, until: int) -> None:
        item = {"pk": TALK, "sk": name, "sealed": sealed, "until": until}
        write(self._clients, self._table.put(item | ends(TALK, until)))

    def remove(self, name: str) -> None:
        write(self._clients, self._table.remove(TALK, name))

    def forget(self, now: int) -> int:
        """Remove those whose time is over; return how many."""
        n = 0
        for one in (row for some in ended(self._table, TALK, now + 1) for row in some):
            gone = self._table.remove(TALK, one["sk"], "#until <= :now", {":now": now})
            n += write(self._clients, gone)
        return n
