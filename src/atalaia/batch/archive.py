"""From the stream to RAW: what was received, batched, compressed, by source and hour.

A step writes its parts and then commits its offset. Killed in between, it starts again at the
same offset, when the stream may hold more: as a part is named by its first record alone, the same
names are written again, each with what it had and perhaps more. So nothing is ever doubled, and
whoever reads RAW by listing it needs no manifest. `lake.raw` has the keys and the lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain, islice
from typing import NamedTuple, TypeVar

from atalaia.batch.mend import STEP_PAYLOADS
from atalaia.domain.alert import LogEntry
from atalaia.domain.fold import DAY_S
from atalaia.lake import raw
from atalaia.lake.gold import UNREFINED, is_day_closed
from atalaia.lake.raw import read_part
from atalaia.lake.settled import settled_after
from atalaia.ports import Commit, Lake, Outbox, Record, State, Stream

__all__ = ["ArchiveReport", "archive", "read_part"]

STEP_BYTES = 8_000_000
"""A step ends with the payload that reaches this, or `STEP_PAYLOADS`: its parts fit into memory."""

SHARD_NEWEST = "shard:"
"""Items with the number of the newest record of each shard that is in RAW."""

_READ_FIRST, _READ_AT_ONCE = 8, 2_000
"""Payloads that are asked for at a time: few until it is seen how large they are."""

_REJECTS_ARCHIVED = "archive-rejects"

T = TypeVar("T")


class ArchiveReport(NamedTuple):
    """What was archived: payloads, files of all datasets, and their compressed bytes."""

    payloads: int
    files: int
    bytes: int


def archive(
    stream: Stream,
    state: State,
    lake: Lake,
    outbox: Outbox | None = None,
    now: int | None = None,
) -> ArchiveReport:
    """Bring RAW up to the end of the stream, of the alert log, of the rejects and of deliveries.

    `now`, where a past is lived through again: alerts of days that were long over by then make a
    part a day, as `lake.compact` would make of their hours. Call it every few minutes, not after
    each payload: a call makes one file for each source and hour that it meets. Each step is
    durable by itself; a repeated call does only what is new.
    """
    payloads = files = size = 0
    while records := _step(stream, state.offset(raw.ARCHIVED)):
        parts = {
            folder + raw.part_name(some[0].offset): raw.write_payloads(some)
            for folder, some in _grouped((raw.payload_part(r.payload), r) for r in records).items()
        }
        lake.write_all(parts)
        # With the offset goes what refine has to do: it need never list all of RAW.
        todo = {f"{UNREFINED}{raw.first_of(key):020d}": key.encode() for key in parts}
        state.commit(Commit(raw.ARCHIVED, records[-1].offset, items=todo))
        payloads += len(records)
        files += len(parts)
        size += sum(map(len, parts.values()))
    logs = archive_logs(state, lake, outbox, now)
    return ArchiveReport(payloads, files + logs.files, size + logs.bytes)


class Numbered(NamedTuple):
    """A record of a shard, in the shard's own order. Of a copy another shard has charge."""

    sequence: int
    record: Record
    is_copy: bool


def archive_shard(state: State, lake: Lake, shard: str, came: Iterable[Numbered]) -> None:
    """Bring RAW up to these records of a shard.

    A part is named by the number of its first record. What the shard's archive has had it knows by
    the sequence number of its last commit, so that a batch that comes again, or in other pieces, is
    neither lost nor kept twice.
    """
    consumer = f"{raw.ARCHIVED}/{shard}"
    had = state.offset(consumer)
    new = [one for one in came if one.sequence > had]
    if not new:
        return
    mine = (one.record for one in new if not one.is_copy)
    parts = {
        folder + raw.part_name(some[0].offset): raw.write_payloads(some)
        for folder, some in _grouped((raw.payload_part(r.payload), r) for r in mine).items()
    }
    lake.write_all(parts)
    todo = {f"{UNREFINED}{raw.first_of(key):020d}": key.encode() for key in parts}
    newest = {f"{SHARD_NEWEST}{shard}": b"%d" % new[-1].record.offset}
    state.commit(Commit(consumer, new[-1].sequence, items={**todo, **newest}))


def archive_logs(
    state: State, lake: Lake, outbox: Outbox | None = None, now: int | None = None
) -> ArchiveReport:
    """Bring RAW up to the end of all but the stream. `now`: see `archive`."""
    logs = [_archive_alerts(state, lake, now), _archive_rejects(state, lake)]
    if outbox is not None:
        logs.append(_archive_deliveries(outbox, state, lake))
    sizes = [len(body) for parts in chain.from_iterable(logs) for body in parts.values()]
    return ArchiveReport(0, len(sizes), sum(sizes))


def unrefined_since(state: State) -> int | None:
    """Since when the oldest payload is in RAW and not in GOLD, Unix seconds; None: all are."""
    waiting = state.load(UNREFINED).values()
    return min((raw.hour_of(key.decode()) for key in waiting), default=None)


def _step(stream: Stream, after: int) -> list[Record]:
    """The records of one step; where it ends depends on the stream alone, so a repeat agrees."""
    records: list[Record] = []
    size = 0
    while len(records) < STEP_PAYLOADS and size < STEP_BYTES:
        as_large = (STEP_BYTES - size) * len(records) // max(size, 1) + 1
        ask = min(as_large, _READ_AT_ONCE) if records else _READ_FIRST
        page = stream.read(after, min(ask, STEP_PAYLOADS - len(records)))
        if not page:
            break
        for record in page:
            records.append(record)
            size += len(record.payload.body)
            if size >= STEP_BYTES:
                break
        after = records[-1].offset
    return records


def _alert_part(entry: LogEntry, now: int | None) -> str:
    day = datetime.fromtimestamp(entry.alert.sent_at // DAY_S * DAY_S, UTC)
    folder = raw.alert_part(entry)
    is_long_over = now is not None and is_day_closed(day, now)
    return folder.partition("hour=")[0] if is_long_over else folder


def _archive_alerts(state: State, lake: Lake, now: int | None) -> Iterator[dict[str, bytes]]:
    log = state.alerts(after=state.offset(raw.ALERTS_ARCHIVED))
    while entries := list(islice(log, STEP_PAYLOADS)):
        parts = {
            folder + raw.part_name(some[0][0]): raw.write_alerts(some)
            for folder, some in _grouped((_alert_part(e[1], now), e) for e in entries).items()
        }
        lake.write_all(parts)
        state.commit(Commit(raw.ALERTS_ARCHIVED, entries[-1][0]))
        yield parts


def _archive_deliveries(outbox: Outbox, state: State, lake: Lake) -> Iterator[dict[str, bytes]]:
    for up_to, settled in settled_after(outbox, state, state.offset(raw.DELIVERIES_ARCHIVED)):
        parts = {
            folder + raw.part_name(some[0].number): raw.write_deliveries(some)
            for folder, some in _grouped((raw.delivery_part(s), s) for s in settled).items()
        }
        lake.write_all(parts)
        state.commit(Commit(raw.DELIVERIES_ARCHIVED, up_to))
        yield parts


def _archive_rejects(state: State, lake: Lake) -> Iterator[dict[str, bytes]]:
    log = state.rejects(after=state.offset(_REJECTS_ARCHIVED))
    while rejects := list(islice(log, STEP_PAYLOADS)):
        parts = {
            folder + raw.part_name(some[0][0]): raw.write_rejects(some)
            for folder, some in _grouped((raw.reject_part(r[2]), r) for r in rejects).items()
        }
        lake.write_all(parts)
        state.commit(Commit(_REJECTS_ARCHIVED, rejects[-1][0]))
        yield parts


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for key, item in pairs:
        groups.setdefault(key, []).append(item)
    return groups
