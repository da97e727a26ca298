"""Damaged files of the lake: found, set aside, and made again from what still has their rows.

A part of RAW is made again from the stream, as long as that has its payloads: before GOLD is
made of it, and again before these are dropped. A file of GOLD is made again from RAW.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from atalaia.domain.payload import Reject
from atalaia.lake import gold, raw
from atalaia.logs import Logger
from atalaia.ports import Commit, Lake, Record, State, Stream
from atalaia.sources.readings_csv import NAME as CSV
from atalaia.sources.readings_csv import STATION

MENDED = "mended"
"""The consumer whose offset counts damaged files."""

ASIDE = "damaged/"
"""Where in the lake they are kept."""

STEP_PAYLOADS = 50_000
"""Of so many payloads at most a part is made."""

_READ_AT_ONCE = 2_000

log = Logger()


def mend_raw(state: State, lake: Lake, stream: Stream, keys: Sequence[str]) -> list[str]:
    """Make those of these parts again that are damaged, where the stream has all of them; return
    the keys of these."""
    mended = []
    oldest = stream.read(0, 1)
    there = [key for key in keys if oldest and raw.first_of(key) >= oldest[0].offset]
    for key in there:
        try:
            body = lake.read(key)
        except KeyError:
            continue
        if raw.is_whole(body) or not (records := _records_of(lake, stream, key)):
            continue
        lake.write(ASIDE + key, body)
        lake.write(key, raw.write_payloads(records))
        mended.append(key)
    _tell(state, mended, "made again from the stream")
    return mended


def set_aside_gold(state: State, lake: Lake) -> list[str]:
    """Move files of GOLD that cannot be read out of it; return their keys."""
    from atalaia.lake.damage import unreadable  # noqa: PLC0415  it loads DuckDB, the watch does not

    folders = [prefix for prefix in gold.REBUILT if prefix != gold.SYSTEM_LOG]  # no Parquet
    keys = [key for prefix in folders for key in lake.keys(prefix)]
    damaged = unreadable(lake, keys)
    for key in damaged:
        lake.write(ASIDE + key, lake.read(key))
        lake.delete(key)
    _tell(state, damaged, "set aside, and made again from RAW")
    return damaged


def may_hold(lake: Lake, damaged: Sequence[str]) -> set[str]:
    """The folders of RAW's payloads in which rows of these files of readings may be."""
    folders = {_source_of(key) for key in damaged if key.startswith(gold.READINGS)}
    if folders:  # what is pushed and recorded has rows of whichever source
        folders |= {f"source={raw.folder_name(name)}" for name in (STATION, CSV)}
        folders |= {_source_of(key) for key in lake.keys(raw.PAYLOADS)} - {
            _source_of(key) for key in lake.keys(gold.READINGS)
        }
    return folders


def _source_of(key: str) -> str:
    return key.split("/")[2]


def _records_of(lake: Lake, stream: Stream, key: str) -> list[Record]:
    """The records of a part, from the stream; none where that lacks some."""
    folder, first = key.rpartition("/")[0] + "/", raw.first_of(key)
    later = [n for n in map(raw.first_of, lake.keys(folder)) if n > first]
    end = min([*later, first + STEP_PAYLOADS])
    records = []
    after = first - 1
    while after < end - 1 and (page := stream.read(after, _READ_AT_ONCE)):
        if after == first - 1 and page[0].offset != first:
            return []
        after = page[-1].offset
        records += [r for r in page if r.offset < end and raw.payload_part(r.payload) == folder]
    return records


def _tell(state: State, keys: Iterable[str], what: str) -> None:
    faults = [(0, Reject(source=_layer(key), reason="damaged file", detail=f"{key}: {what}"))
              for key in keys]  # fmt: skip
    if faults:
        number = state.offset(MENDED) + len(faults)
        state.commit(Commit(MENDED, number, rejects=faults))
    for _, fault in faults:
        log.warning("a damaged file", what=fault.detail)


def _layer(key: str) -> str:
    return key.partition("/")[0]
