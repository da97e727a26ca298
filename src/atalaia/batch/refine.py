"""From RAW to GOLD: decode every variable, fold, and rewrite the partitions that changed.

Work is done in steps of bounded memory. A step rewrites partitions and then commits; killed in
between, the next run does it again and makes the same files, as merging twice changes nothing.
One process at a time may refine: hold the home's ``refine`` lock around these calls.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple, Protocol

import duckdb

from atalaia.batch.mend import may_hold, mend_raw, set_aside_gold
from atalaia.batch.refine_steps import Folded, steps
from atalaia.domain.decoded import Decode
from atalaia.domain.payload import Reject
from atalaia.domain.place import Places
from atalaia.errors import PayloadInvalid, StateConflict
from atalaia.lake import gold, raw
from atalaia.lake.alert_log import merge_log, refine_log
from atalaia.lake.compact import closed_months, compact_alerts, compact_months
from atalaia.lake.ensembles import merge_ensembles
from atalaia.lake.merge import (
    RowRefused,
    merge_all_but,
    merge_answers,
    merge_deliveries,
    one_engine,
    write_places,
)
from atalaia.lake.settled import settled_after
from atalaia.lake.stations import merge_stations
from atalaia.ports import Commit, Lake, Outbox, State, Stream

_REBUILT = "gold-rebuilt"


class RefineReport(NamedTuple):
    """What was refined.

    rows        readings decoded, and what rules made of ensembles
    partitions  files of GOLD that were written (each time that one was)
    seconds     that it took
    rejects     parts of payloads that could not be decoded
    """

    rows: int
    partitions: int
    seconds: float
    rejects: int


class Workers(Protocol):
    """Other processes that decode and merge readings and ensembles, each its share
    (`batch.spark`).

    When a call returns, all of both of these parts are in GOLD. Killed before that, it is done
    again, and changes nothing twice.
    """

    def fold(self, keys: Sequence[str]) -> Folded:
        """Merge these parts of RAW into GOLD."""
        ...

    def make(self, keys: Sequence[str]) -> Folded:
        """Make GOLD's readings of these parts alone, in place of the files that were there."""
        ...


def refine(
    state: State,
    lake: Lake,
    decode: Decode,
    places: Places,
    outbox: Outbox | None = None,
    workers: Workers | None = None,
    now: int | None = None,
    stream: Stream | None = None,
) -> RefineReport:
    """Bring GOLD up to where RAW, the alert log and the outbox are.

    A part of RAW that is damaged is made again from the `stream` first; a file of GOLD that is
    damaged is set aside, and made again from RAW. `now`: see `merge_readings`.
    """
    try:
        with one_engine():
            return _refine(state, lake, decode, places, outbox, workers, now, stream)
    except duckdb.Error as error:
        damaged = set_aside_gold(state, lake)
        if not damaged:
            raise StateConflict(
                f"GOLD cannot be brought up to date: {error}; please report this"
            ) from error
    made = _make_again(state, lake, decode, places, damaged, stream)
    report = _refine(state, lake, decode, places, outbox, workers, now, stream)
    return report._replace(partitions=report.partitions + made)


def _refine(
    state: State,
    lake: Lake,
    decode: Decode,
    places: Places,
    outbox: Outbox | None,
    workers: Workers | None,
    now: int | None,
    stream: Stream | None,
) -> RefineReport:
    start = time.perf_counter()
    waiting = state.load(gold.UNREFINED)
    item_of = {key.decode(): item for item, key in waiting.items()}
    keys = sorted(item_of, key=raw.first_of)
    if stream is not None:
        mend_raw(state, lake, stream, keys)
    rows = partitions = rejects = 0
    refused: list[RowRefused] = []
    write_places(lake, places)
    for part in [workers.fold(keys)] if workers else _fold(lake, lake, keys, decode, places, now):
        merge_answers(lake, part.answers)
        stations, unwritten = merge_stations(lake, part.stations)
        rows, rejects = rows + part.rows, rejects + part.rejects + len(unwritten)
        partitions += part.partitions + stations.partitions
        refused += [*part.refused, *unwritten]
        if part.done:
            items = {item_of[key]: None for key in part.done}
            faults = [(raw.first_of(key), _damage(key)) for key in part.damaged]
            last = raw.first_of(part.done[-1])
            faults += [(last, _unwritten(row)) for row in refused]
            state.commit(Commit(gold.REFINED, last, items=items, rejects=faults))
            gold.count_refused(state, len(refused))
            refused = []
    partitions += refine_log(state, lake, places)
    if outbox is not None:
        partitions += _refine_deliveries(outbox, state, lake)
    return RefineReport(rows, partitions, time.perf_counter() - start, rejects)


def rebuild(
    state: State,
    lake: Lake,
    decode: Decode,
    places: Places,
    outbox: Outbox | None = None,
    workers: Workers | None = None,
) -> RefineReport:
    """Derive all of GOLD again from RAW, beside it, then put it in its place file by file.

    Use it after a decoder has learned more. Readers meanwhile see each partition old or new.
    """
    start = time.perf_counter()
    waiting = state.load(gold.UNREFINED)
    up_to = state.offset(raw.ARCHIVED)
    keys = sorted(
        (key for key in lake.keys(raw.PAYLOADS) if raw.first_of(key) <= up_to), key=raw.first_of
    )
    rows = partitions = rejects = 0
    placed: tuple[str, ...] = ()
    with _empty_gold(lake) as rebuilt:
        for part in [workers.make(keys)] if workers else _fold(lake, rebuilt, keys, decode, places):
            merge_answers(rebuilt, part.answers)
            stations, unwritten = merge_stations(rebuilt, part.stations)
            rows, rejects = rows + part.rows, rejects + part.rejects + len(unwritten)
            partitions += part.partitions + stations.partitions
            placed += part.placed
        alerts = merge_log(state, lake, rebuilt, places)
        for key in sorted(lake.keys(raw.DELIVERIES), key=raw.first_of):
            with suppress(PayloadInvalid):
                settled = raw.read_deliveries(lake.read(key))
                partitions += merge_deliveries(rebuilt, settled).partitions
        compact_months(rebuilt, lake.keys(gold.READINGS))  # as it was
        _put_in_place(rebuilt, lake, placed)
    write_places(lake, places)
    if keys:
        known = set(keys)
        done = dict.fromkeys(item for item, key in waiting.items() if key.decode() in known)
        state.commit(Commit(gold.REFINED, raw.first_of(keys[-1]), items=done))
    partitions += alerts.partitions
    state.commit(Commit(gold.ALERTS_REFINED, alerts.last))
    if outbox is not None:  # what was settled since the last archive
        partitions += _refine_deliveries(outbox, state, lake)
    return RefineReport(rows, partitions, time.perf_counter() - start, rejects)


def _make_again(
    state: State,
    lake: Lake,
    decode: Decode,
    places: Places,
    damaged: Sequence[str],
    stream: Stream | None,
) -> int:
    """Merge again what these files held, from all of RAW that may: of their sources, of the alert
    log, of deliveries. What is in GOLD already is changed by none of it. Return files written."""
    up_to = state.offset(raw.ARCHIVED)
    folders = may_hold(lake, damaged)
    others = (gold.READINGS, gold.ALERTS, gold.SYSTEMS, gold.DELIVERIES)
    is_any = not all(key.startswith(others) for key in damaged)  # of any source
    keys = [
        key
        for key in lake.keys(raw.PAYLOADS)
        if raw.first_of(key) <= up_to and (is_any or key.split("/")[2] in folders)
    ]
    if stream is not None:
        mend_raw(state, lake, stream, keys)
    partitions = 0
    for part in _fold(lake, lake, sorted(keys, key=raw.first_of), decode, places):
        merge_answers(lake, part.answers)
        stations, _ = merge_stations(lake, part.stations)
        partitions += part.partitions + stations.partitions
    if any(key.startswith((gold.ALERTS, gold.SYSTEMS)) for key in damaged):
        partitions += merge_log(state, lake, lake, places).partitions
    if any(key.startswith(gold.DELIVERIES) for key in damaged):
        for key in sorted(lake.keys(raw.DELIVERIES), key=raw.first_of):
            with suppress(PayloadInvalid):
                settled = raw.read_deliveries(lake.read(key))
                partitions += merge_deliveries(lake, settled).partitions
    return partitions


class CompactReport(NamedTuple):
    """Files that were made of many: months of GOLD's readings, days of RAW's alerts."""

    months: int
    days: int


def compact(lake: Lake, now: int) -> CompactReport:
    """Make few files of many, where a month or a day was over a week before `now`.

    Queries and rebuilds give the same rows after it. See `lake.compact`.
    """
    months = compact_months(lake, closed_months(lake, now))
    return CompactReport(months, compact_alerts(lake, now))


def _fold(
    lake: Lake,
    into: Lake,
    keys: Sequence[str],
    decode: Decode,
    places: Places,
    now: int | None = None,
) -> Iterator[Folded]:
    """Merge the parts of RAW into GOLD, a step at a time, in this process."""
    for step in steps(lake, keys, decode):
        merged, refused = merge_all_but(into, step.readings, places, now)
        counted, unwritten = merge_ensembles(into, step.counts, places)
        refused += unwritten
        yield Folded(
            rows=step.rows,
            partitions=merged.partitions + counted.partitions,
            done=step.done,
            damaged=step.damaged,
            answers=step.answers,
            stations=step.stations,
            rejects=step.rejects + len(refused),
            refused=tuple(refused),
        )


def _unwritten(row: RowRefused) -> Reject:
    return Reject(source=row.source[:40], reason="cannot be written", detail=row.detail)


def _damage(key: str) -> Reject:
    return Reject(source="raw", reason="damaged file", detail=f"{key}: restore it and rebuild")


def _refine_deliveries(outbox: Outbox, state: State, lake: Lake) -> int:
    """Bring GOLD's deliveries up to what is settled; return the partitions written."""
    partitions = 0
    for up_to, settled in settled_after(outbox, state, state.offset(gold.DELIVERIES_REFINED)):
        partitions += merge_deliveries(lake, settled).partitions
        state.commit(Commit(gold.DELIVERIES_REFINED, up_to))
    return partitions


class Scratch(Lake):
    """Fills `ports.Lake` while it lasts: plain files, none of them synced to disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: list[str] = []  # sorted: merge looks for each partition before it is there

    def write(self, key: str, body: bytes) -> None:
        """See `ports.Lake.write`; not synced to disk."""
        file = self.path(key)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        except OSError as error:
            raise StateConflict(
                f"{file} cannot be written: {error.strerror}; make room and rebuild again"
            ) from error
        if not self.keys(key):
            insort(self._keys, key)

    def read(self, key: str) -> bytes:
        """See `ports.Lake.read`."""
        return self.path(key).read_bytes()

    def keys(self, prefix: str) -> list[str]:
        """See `ports.Lake.keys`; those written here."""
        start = bisect_left(self._keys, prefix)
        return list(takewhile(lambda key: key.startswith(prefix), self._keys[start:]))

    def delete(self, key: str) -> None:
        """See `ports.Lake.delete`."""
        self.path(key).unlink(missing_ok=True)
        self._keys.remove(key)

    def path(self, key: str) -> Path:
        """See `ports.Lake.path`."""
        return self._folder / key


@contextmanager
def _empty_gold(lake: Lake) -> Iterator[Scratch]:
    """A lake without any GOLD, on the disk of the real one: another disk may be too small.

    A rebuild that was killed starts anew, so nothing in it has to outlive the process.
    """
    place = lake.path("gold")
    disk = place.parent if isinstance(place, Path) else None
    if disk:
        for left_by_a_killed_one in disk.glob(f"{_REBUILT}*"):
            shutil.rmtree(left_by_a_killed_one)
    with tempfile.TemporaryDirectory(prefix=f"{_REBUILT}-", dir=disk) as folder:
        yield Scratch(Path(folder))


def _put_in_place(rebuilt: Lake, lake: Lake, placed: Sequence[str]) -> None:
    """Replace the files that came out otherwise, and remove those that nothing made.

    `placed` are there already, by `Workers`.
    """
    before = {key for prefix in gold.REBUILT for key in lake.keys(prefix)}
    keys = [key for prefix in gold.REBUILT for key in rebuilt.keys(prefix)]
    for key in keys:
        replace(lake, key, rebuilt.read(key))
    lake.delete_all(before.difference(keys, placed))


def replace(lake: Lake, key: str, body: bytes) -> None:
    """Write a file of GOLD, unless it is there as it is.

    Mostly a rebuild makes what was there, and writing to last is the dearest part of it.
    """
    if not lake.keys(key) or lake.read(key) != body:
        lake.write(key, body)
