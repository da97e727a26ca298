"""One question, answered from both layers: GOLD, and what is newer than GOLD.

What GOLD does not hold yet (parts of RAW that wait for refine, payloads that wait for archive,
alerts of the last minutes) is merged exactly as refine would, but into a scratch folder that lies
over GOLD for one query. So the answer is what it would be after the next refine, and the last
second counts as much as the last year.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from atalaia.domain.payload import Payload, Reject
from atalaia.domain.place import Places
from atalaia.domain.reading import Decode, Readings
from atalaia.domain.station_reading import StationsDecoded
from atalaia.errors import PayloadInvalid, QueryInvalid, StateConflict
from atalaia.lake import gold, raw
from atalaia.lake.answers import Answers, tally, together
from atalaia.lake.damage import unreadable
from atalaia.lake.merge import (
    merge_alerts,
    merge_all_but,
    merge_answers,
    merge_deliveries,
    write_places,
)
from atalaia.lake.settled import settled_after
from atalaia.lake.stations import merge_stations
from atalaia.lake.views import named
from atalaia.ports import Home, Lake, Result

_ROWS_AT_ONCE = 250_000
_PAYLOADS_AT_ONCE = 2_000


def query(home: Home, decode: Decode, places: Places, sql: str) -> Result:
    """Run one SELECT over the tables of `lake.tables`.

    Take all rows, or close them: they hold a scratch folder and a database. Raises QueryInvalid.
    """
    folder = tempfile.TemporaryDirectory(prefix="atalaia-sql-")
    try:
        over = Overlay(home.lake, Path(folder.name))
        _lay_over(over, home, decode, places, named(sql))
        files = _files(over, named(sql))
        try:
            result = home.sql.run(sql, files)
        except QueryInvalid:
            if all(Path(file).exists() for some in files.values() for file in some):
                raise
            # Meanwhile refine has made one file of a month's: it is there now.
            result = home.sql.run(sql, _files(over, named(sql)))
    except BaseException as error:
        folder.cleanup()
        if isinstance(error, duckdb.Error | QueryInvalid):
            _refuse_damaged(home.lake, named(sql), error)
        raise
    return Result(result.columns, _then_clean(result.rows, folder))


def _refuse_damaged(lake: Lake, wanted: set[str], error: Exception) -> None:
    """Raise StateConflict if it failed because a file of GOLD is damaged."""
    keys = [key for some in gold.partition_files(lake, wanted).values() for key in some]
    damaged = unreadable(lake, keys) if isinstance(lake.path("gold"), Path) else []
    if damaged:
        raise StateConflict(
            f"GOLD is damaged in {', '.join(damaged[:3])}; run `atalaia refine`: what cannot be "
            "read is set aside and made again from RAW"
        ) from error


class Overlay:
    """A lake over another: what is written here hides what lies below, which stays as it is."""

    def __init__(self, below: Lake, folder: Path) -> None:
        self._below = below
        self._folder = folder
        self._written: set[str] = set()

    def write(self, key: str, body: bytes) -> None:
        """See `ports.Lake.write`; gone with the folder."""
        file = self._folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
        self._written.add(key)

    def read(self, key: str) -> bytes:
        """See `ports.Lake.read`."""
        return (self._folder / key).read_bytes() if key in self._written else self._below.read(key)

    def keys(self, prefix: str) -> list[str]:
        """See `ports.Lake.keys`."""
        here = {key for key in self._written if key.startswith(prefix)}
        return sorted(here.union(self._below.keys(prefix)))

    def delete(self, key: str) -> None:
        """Forget what was written here; what lies below cannot be deleted from here."""
        self._written.discard(key)

    def path(self, key: str) -> Path | str:
        """See `ports.Lake.path`; not for globs."""
        return self._folder / key if key in self._written else self._below.path(key)


def _files(lake: Lake, wanted: set[str]) -> dict[str, list[Path | str]]:
    """The files of the datasets that are wanted."""
    return {
        dataset: [lake.path(key) for key in keys]
        for dataset, keys in gold.partition_files(lake, wanted).items()
    }


def _lay_over(over: Overlay, home: Home, decode: Decode, places: Places, wanted: set[str]) -> None:
    """Merge into the overlay what GOLD lacks of the tables that are wanted."""
    if wanted & {"readings", "answers", "stations", "station_readings"}:
        newest = _Newest(home, decode)
        for readings, stations in newest.told():
            merge_all_but(over, readings, places)
            merge_stations(over, stations)
        merge_answers(over, newest.answers)
    if "alerts" in wanted:
        after = home.state.offset(gold.ALERTS_REFINED)
        merge_alerts(over, (entry for _, entry in home.state.alerts(after)))
    if "deliveries" in wanted:
        after = home.state.offset(gold.DELIVERIES_REFINED)
        for _, settled in settled_after(home.outbox, home.state, after):
            merge_deliveries(over, settled)
    if "places" in wanted:
        write_places(over, places)


class _Newest:
    """What GOLD may lack: rows, and what the payloads that they are in came to (`answers`)."""

    def __init__(self, home: Home, decode: Decode) -> None:
        self._home = home
        self._decode = decode
        self.answers: list[Answers] = []

    def told(self) -> Iterator[tuple[Readings, list[StationsDecoded]]]:
        """The rows, a bounded number at a time, in the order of the stream."""
        pending: list[Readings] = []
        stations: list[StationsDecoded] = []
        rows = 0
        for first, payloads in self._payloads():
            decoded = self._decode(payloads, None)
            self._count(first, payloads, decoded.rejects)
            pending.append(decoded.readings)
            stations += decoded.stations
            rows += len(decoded.readings) + sum(len(told.readings) for told in decoded.stations)
            if rows >= _ROWS_AT_ONCE:
                yield Readings.concat(pending), stations
                pending, stations, rows = [], [], 0
        yield Readings.concat(pending), stations

    def _payloads(self) -> Iterator[tuple[int, list[Payload]]]:
        """Payloads with the offset of the first, part by part and then from the stream."""
        after, waiting = self._position()
        for _, key in sorted(waiting.items()):
            part = key.decode()
            try:
                for payloads in raw.payload_blocks(self._home.lake.read(part)):
                    yield raw.first_of(part), payloads
            except (PayloadInvalid, KeyError):
                continue  # refine counts it
        while records := self._home.stream.read(after, _PAYLOADS_AT_ONCE):
            after = records[-1].offset
            yield records[0].offset, [record.payload for record in records]

    def _position(self) -> tuple[int, dict[str, bytes]]:
        """How far the archive is, and the parts that wait for refine, as of one moment.

        The watch archives meanwhile, and a part between the two would be in neither. (Refine may
        take a part that waits here: it is then seen twice, which changes nothing.)
        """
        state = self._home.state
        while True:
            after = state.offset(raw.ARCHIVED)
            waiting = state.load(gold.UNREFINED)
            if state.offset(raw.ARCHIVED) == after:
                return after, waiting

    def _count(self, first: int, payloads: list[Payload], rejects: list[Reject]) -> None:
        by_source: dict[str, list[Payload]] = {}
        for payload in payloads:
            by_source.setdefault(payload.source, []).append(payload)
        for source, some in by_source.items():
            told = tally(some, first, sum(reject.source == source for reject in rejects))
            same = [i for i, each in enumerate(self.answers) if each.first_offset == first]
            same = [i for i in same if self.answers[i].source == source]
            if same:
                told = together([self.answers.pop(same[0]), told])
            self.answers.append(told)


def _then_clean(
    rows: Iterator[tuple[Any, ...]], folder: tempfile.TemporaryDirectory[str]
) -> Iterator[tuple[Any, ...]]:
    with folder:
        yield from rows
