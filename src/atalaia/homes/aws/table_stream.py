"""The stream in a table of DynamoDB, whose changes Lambda reads as it reads Kinesis: an item a
record. It costs what is written, and nothing in calm; for small deployments, of one lane.

```
readings    lane-<number>   <number of the record>   data, and until when it is kept
```

The change stream goes back a day, the table a week: what a function did not get done in a day is
still there to be read. A record has 400 KB at most, where one of Kinesis has a MB.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from atalaia.domain.lanes import lanes_of
from atalaia.domain.place import Places
from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.config import Config
from atalaia.homes.aws.dynamo import DynamoTable, number_text, write
from atalaia.homes.aws.stream import KinesisStream, LaneStream, Packed

KEEP_S = 7 * 86_400


class TableStream(LaneStream):
    """In a table. `now` in Unix seconds says how long a record is kept."""

    most = 390_000

    def __init__(
        self,
        clients: Clients,
        name: str,
        state: DynamoTable,
        *,
        lanes: int = 1,
        lane_of_place: Mapping[str, int] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(clients, name, state, lanes=lanes, lane_of_place=lane_of_place)
        self._table = DynamoTable(clients, name)
        self._now = now

    def _put(self, entries: Sequence[Packed]) -> None:
        until = int(self._now()) + KEEP_S
        for one in entries:  # one after the other: a change stream has the order of the writes
            row = {"pk": f"lane-{one.lane}", "sk": number_text(one.number), "data": one.data}
            write(self._clients, self._table.put(row | {"until": until}))

    def _data(self, after: int) -> Iterator[bytes]:
        for lane in range(self._lanes):
            values = {":after": number_text(after)}
            for row in self._table.query(f"lane-{lane}", "sk > :after", values):
                yield row["data"]


def open_stream(
    clients: Clients, config: Config, state: DynamoTable, places: Places | None
) -> LaneStream:
    """The one that a deployment has; with `places` it knows their lanes."""
    kind = TableStream if config.streams_by == "table" else KinesisStream
    lanes = None if places is None else lanes_of(places, config.lanes)
    return kind(clients, config.stream, state, lanes=config.lanes, lane_of_place=lanes)
