"""Parts of RAW, decoded in steps of bounded memory: what is merged into GOLD at once.

parts of RAW ──► payloads, some at a time ──► the decoder ──► `RefineStep`s ──► `refine`, `spark`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atalaia.domain.decoded import Decode
from atalaia.domain.reading import Readings
from atalaia.domain.rule_counts import RuleCounts
from atalaia.domain.station_reading import StationsDecoded
from atalaia.errors import PayloadInvalid
from atalaia.lake import raw
from atalaia.lake.answers import Answers, tally, together
from atalaia.lake.merge import RowRefused
from atalaia.memory import uncollected
from atalaia.ports import Lake

STEP_ROWS = 250_000
"""A step merges when it holds so many rows. Bodies are dropped as soon as they are decoded."""

_KEYS = ("place", "kind", "valid_at", "issued_at", "known_at", "period_s")


class RefineStep(NamedTuple):
    """Rows to merge, and the parts of RAW that are wholly in GOLD once these are.

    `damaged` are those of them that cannot be read to their end; `rejects` counts these too.
    `answers` has what the others came to, one row a part; `stations` what instruments said, and
    `counts` what rules made of ensembles, in the order of RAW. The next step's `readings` lie where
    these lay.
    """

    readings: Readings
    stations: list[StationsDecoded]
    counts: list[RuleCounts]
    done: list[str]
    damaged: list[str]
    answers: list[Answers]
    rejects: int

    @property
    def rows(self) -> int:
        """Readings of places and of stations, and rows of ensembles."""
        stations = sum(len(told.readings) for told in self.stations)
        return len(self.readings) + stations + sum(map(len, self.counts))


class Folded(NamedTuple):
    """What parts of RAW came to, once their readings and ensembles are in GOLD: as in `RefineStep`.

    What `stations` said is yet to be merged: its files are not those of the readings of places.

    rows, partitions   rows decoded, and files written
    placed             of a rebuild by `Workers`: the keys of all files of readings and ensembles
    refused            rows that cannot be written
    """

    rows: int
    partitions: int
    done: list[str]
    damaged: list[str]
    answers: list[Answers]
    rejects: int
    placed: tuple[str, ...] = ()
    stations: Sequence[StationsDecoded] = ()
    refused: tuple[RowRefused, ...] = ()


class _Gathered:
    """Rows that are put together as they come, each while it is at hand. All rows that are given
    lie where the last ones lay: new memory costs as much as what is written there."""

    def __init__(self) -> None:
        self._room = 0
        self._columns: dict[str, NDArray[Any]] = {}
        self._values: dict[str, NDArray[Any]] = {}
        self._begin()

    def _begin(self) -> None:
        self._rows = 0
        self._sources: dict[str, int] = {}
        self._there: dict[str, None] = {}

    def __len__(self) -> int:
        return self._rows

    def add(self, part: Readings) -> None:
        """Put these rows behind the others."""
        before, rows = self._rows, self._rows + len(part)
        if rows == before:
            return
        if rows > self._room:
            self._make_room(max(rows, STEP_ROWS) + len(part), part)
        for name in _KEYS:
            self._columns[name][before:rows] = getattr(part, name)
        numbers = [self._sources.setdefault(name, len(self._sources)) for name in part.sources]
        self._columns["source"][before:rows] = np.array(numbers, np.int16)[part.source]
        for name, column in part.values.items():
            if name not in self._values:
                self._values[name] = np.empty(self._room)
            if name not in self._there:
                self._there[name] = None
                self._values[name][:before] = np.nan
            self._values[name][before:rows] = column
        for name in self._there.keys() - part.values.keys():
            self._values[name][before:rows] = np.nan
        self._rows = rows

    def _make_room(self, room: int, part: Readings) -> None:
        for name in ("source", *_KEYS):
            new = np.empty(room, getattr(part, name).dtype)
            if self._rows:
                new[: self._rows] = self._columns[name][: self._rows]
            self._columns[name] = new
        for name, column in self._values.items():
            self._values[name] = np.empty(room)
            if name in self._there:
                self._values[name][: self._rows] = column[: self._rows]
        self._room = room

    def taken(self) -> Readings:
        """What came since the last time."""
        rows = slice(self._rows)
        if not self._rows:
            return Readings.empty()
        readings = Readings(
            **{name: self._columns[name][rows] for name in ("source", *_KEYS)},
            values={name: self._values[name][rows] for name in self._there},
            sources=tuple(self._sources),
        )
        self._begin()
        return readings


def steps(lake: Lake, keys: Sequence[str], decode: Decode) -> Iterator[RefineStep]:
    """The parts' rows, a step at a time. A damaged part is counted and passed over."""
    readings = _Gathered()
    stations: list[StationsDecoded] = []
    counts: list[RuleCounts] = []
    done: list[str] = []
    damaged: list[str] = []
    answers: list[Answers] = []
    rows = rejects = 0
    for key in keys:
        told: dict[int, list[Answers]] = {}
        try:
            for part, payloads in raw.payloads_by_part(key, lake.read(key)):
                with uncollected():
                    decoded = decode(payloads, None)
                if not len(payloads):  # the first of these lines is damaged
                    continue
                readings.add(decoded.readings)
                count = tally(payloads, part, len(decoded.rejects))
                told.setdefault(part, []).append(count)
                rejects += len(decoded.rejects)
                stations += decoded.stations
                counts += decoded.counts
                rows += len(decoded.readings) + sum(len(s.readings) for s in decoded.stations)
                rows += sum(map(len, decoded.counts))
                if rows >= STEP_ROWS:
                    merged = readings.taken()
                    yield RefineStep(merged, stations, counts, done, damaged, answers, rejects)
                    done, damaged, answers, rows, rejects = [], [], [], 0, 0
                    stations, counts = [], []
        except (PayloadInvalid, KeyError):
            rejects += 1
            damaged.append(key)
        done.append(key)
        answers += map(together, told.values())
    yield RefineStep(readings.taken(), stations, counts, done, damaged, answers, rejects)
