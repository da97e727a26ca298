"""RAW as a function: records of a shard, as files of the lake."""

from __future__ import annotations

from typing import Any

from atalaia.batch.archive import Numbered, archive_shard
from atalaia.homes.aws import records
from atalaia.run.aws import deployment


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Records of one shard of Kinesis. What cannot be read is detection's to put aside."""
    home, batch = deployment.home(), records.read(event)
    came = [Numbered(one.sequence, one.record, one.carried.is_copy) for one in batch.came]
    archive_shard(home.state, home.lake, batch.shard, came)
    return records.failed([])
