"""RAW as a function: records of a shard, as files of the lake.

A file is named by the number of its first record. What a shard's archive has had it knows by the
sequence number of its last commit, so that a batch that comes again, or in other pieces, is
neither lost nor kept twice.
"""

from __future__ import annotations

from typing import Any

from atalaia.homes.aws import records
from atalaia.lake import gold, raw
from atalaia.ports import Commit, Record
from atalaia.run.aws import deployment

NEWEST = "shard:"
"""Items with the number of the newest record of each shard that is in RAW."""


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """Records of one shard of Kinesis. What cannot be read is detection's to put aside."""
    home = deployment.home()
    batch = records.read(event)
    state, consumer = home.state, f"{raw.ARCHIVED}/{batch.shard}"
    had = state.offset(consumer)
    new = [one for one in batch.came if one.sequence > had]
    groups: dict[str, list[Record]] = {}
    for one in new:
        if not one.carried.is_copy:
            groups.setdefault(raw.payload_part(one.carried.payload), []).append(one.record)
    parts = {folder + raw.part_name(some[0].offset): some for folder, some in groups.items()}
    for key, some in parts.items():
        home.lake.write(key, raw.write_payloads(some))
    if new:
        todo = {f"{gold.UNREFINED}{raw.first_of(key):020d}": key.encode() for key in parts}
        newest = {f"{NEWEST}{batch.shard}": b"%d" % new[-1].carried.number}
        state.commit(Commit(consumer, new[-1].sequence, items={**todo, **newest}))
    return records.failed([])
