"""The alert log into GOLD: its entries, and the systems that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from atalaia.domain.alert import LogEntry
from atalaia.domain.place import Places
from atalaia.errors import PayloadInvalid
from atalaia.lake import gold, raw
from atalaia.lake.merge import merge_alerts
from atalaia.lake.systems import merge_systems
from atalaia.ports import Commit, Lake, State

_AT_ONCE = 20_000


class LogMerged(NamedTuple):
    """Partitions that were written, and the number of the last entry; 0: there was none."""

    partitions: int = 0
    last: int = 0


def refine_log(state: State, lake: Lake, places: Places) -> int:
    """Bring GOLD up to the end of the alert log; return the partitions written."""
    partitions = 0
    log = state.alerts(after=state.offset(gold.ALERTS_REFINED))
    while (merged := _merge_some(lake, log, places)).last:
        partitions += merged.partitions
        state.commit(Commit(gold.ALERTS_REFINED, merged.last))
    return partitions


def merge_log(state: State, lake: Lake, into: Lake, places: Places) -> LogMerged:
    """Merge the whole alert log, which RAW and the log itself have; what is there stays."""
    done = LogMerged()
    log = _whole(state, lake)
    while (merged := _merge_some(into, log, places)).last:
        done = LogMerged(done.partitions + merged.partitions, max(done.last, merged.last))
    return done


def _merge_some(lake: Lake, log: Iterable[tuple[int, LogEntry]], places: Places) -> LogMerged:
    """As many of the next entries as memory has room for."""
    numbered = list(islice(log, _AT_ONCE))
    entries = [entry for _, entry in numbered]
    partitions = merge_alerts(lake, entries).partitions + merge_systems(lake, entries, places)
    return LogMerged(partitions, max((number for number, _ in numbered), default=0))


def _whole(state: State, lake: Lake) -> Iterator[tuple[int, LogEntry]]:
    """The whole alert log, each entry once: from RAW, and from the log itself.

    The log has what was told since the last archive, and what a damaged part of RAW has not.
    """
    seen: set[int] = set()
    for key in lake.keys(raw.ALERTS):
        with suppress(PayloadInvalid):
            entries = raw.read_alerts(lake.read(key))
            seen.update(number for number, _ in entries)
            yield from entries
    yield from (entry for entry in state.alerts() if entry[0] not in seen)
