"""Readings of stations in columns: what instruments said, before any place has seen it.

A `Readings` row speaks of a watched place; a row here speaks of a station, which may stand for many
places or for none. Both have a variable a column; what differs, and why:

- `station` instead of `place`. A reading is kept once, however many places it is linked to, and
  also before anybody watches a place near it.
- no `kind` and no `issued_at`: an instrument observes.
- one row a station, source, valid_at **and period_s**: one report tells sums of 1, 3, 6, 12 and
  24 hours that all end now, a mean wind of ten minutes and a temperature of this instant. They
  overlap, and are never added: a row each. Values of the same period share a row.
- `report` and `revision`: whose word a row is. Notices are corrected and withdrawn days later by
  the name of the report, not by station and time; of two rows with one key the higher revision
  counts, in whichever order they came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from atalaia.domain.official import Official
from atalaia.domain.payload import Reject
from atalaia.domain.reading import NO_TIME, Bools, Delay, Floats, Ints, rows_by_source
from atalaia.domain.station import Station

NO_REPORT = 0
"""A row of no named report: it cannot be withdrawn by name."""


def report_number(name: str) -> int:
    """A report's name as the number that columns carry: 63 bits of its hash, never NO_REPORT."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1 or 1


class Value(NamedTuple):
    """One value, as decoders find them one after the other.

    valid_at  Unix seconds: the instant, or the end of the period
    period_s  0: an instant, or a period that was not given
    """

    valid_at: int
    period_s: int
    variable: str
    value: float


class StationReport(NamedTuple):
    """What one report says of one station, before it is columns.

    told      in any order; those of one instant and period share a row
    known_at  Unix seconds at which it was received; None: of a record, each row at its own time
    report, revision   as in the columns
    """

    station: str
    source: str
    told: Sequence[Value]
    known_at: int | None
    report: int = NO_REPORT
    revision: int = 0


class Withdrawal(NamedTuple):
    """That a report was taken back by its source: its rows up to this revision no longer hold."""

    source: str
    report: int
    revision: int
    known_at: int = 0


@dataclass(frozen=True, slots=True)
class StationReadings:
    """A batch of n rows. Every column is an array of shape (n,).

    station   int32, position in `stations`
    source    int16, position in `sources`
    valid_at  int64, Unix seconds: the instant, or the end of the period, that is spoken of
    known_at  int64, Unix seconds at which the row was received
    period_s  int32, length of the period that ends at valid_at, of sums, means and extremes alike;
              0: an instant, or not stated
    report    int64, `report_number` of the report that said so; NO_REPORT: of none with a name
    revision  int64, grows with each correction of a report; 0 where there are none
    values    float64 by variable name, in the catalogue's unit; NaN is missing, never 0
    stations  the ids that `station` points into
    sources   the names that `source` points into
    """

    station: Ints
    source: Ints
    valid_at: Ints
    known_at: Ints
    period_s: Ints
    report: Ints
    revision: Ints
    values: dict[str, Floats]
    stations: tuple[str, ...]
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.station)

    def delays(self) -> list[Delay]:
        """How late the stations' newest words came, by source: the middle one of its stations, as
        each has a clock of its own."""
        found = []
        for code, source in enumerate(self.sources):
            mine = np.flatnonzero(self.source == code)
            if len(mine) == 0:
                continue
            # Its newest word: the one that is least late, or most ahead.
            ahead = np.full(len(self.stations), NO_TIME, np.int64)
            np.maximum.at(ahead, self.station[mine], (self.valid_at - self.known_at)[mine])
            middle = -int(np.median(ahead[ahead != NO_TIME]))
            found.append(Delay(source, int(self.known_at[mine].max()), middle))
        return found

    @staticmethod
    def empty() -> StationReadings:
        """No rows."""
        return replace(_NO_ROWS, values={})

    @staticmethod
    def of(reports: Iterable[StationReport]) -> StationReadings:
        """The rows of all reports, in order: columns are made once, and not a report."""
        stations: dict[str, int] = {}
        sources: dict[str, int] = {}
        rows: list[tuple[int, int, int, int, int, int, int]] = []
        told: dict[str, tuple[list[int], list[float]]] = {}
        for station, source, values, known_at, report, revision in reports:
            if not values:
                continue
            named = (
                stations.setdefault(station, len(stations)),
                sources.setdefault(source, len(sources)),
            )
            own: dict[tuple[int, int], int] = {}
            for at, period_s, variable, value in values:
                row = own.get((at, period_s))
                if row is None:
                    row = own[at, period_s] = len(rows)
                    known = at if known_at is None else known_at
                    rows.append((*named, at, known, period_s, report, revision))
                at_rows, numbers = told.setdefault(variable, ([], []))
                at_rows.append(row)
                numbers.append(value)
        columns = np.array(rows, np.int64).reshape(-1, 7).T
        return StationReadings(
            station=columns[0].astype(np.int32),
            source=columns[1].astype(np.int16),
            valid_at=columns[2].copy(),
            known_at=columns[3].copy(),
            period_s=columns[4].astype(np.int32),
            report=columns[5].copy(),
            revision=columns[6].copy(),
            values={name: _column(len(rows), *each) for name, each in told.items()},
            stations=tuple(stations),
            sources=tuple(sources),
        )

    def take(self, rows: Ints | Bools | slice) -> StationReadings:
        """The given rows (positions, a mask or a slice), in the given order."""
        return StationReadings(
            station=self.station[rows],
            source=self.source[rows],
            valid_at=self.valid_at[rows],
            known_at=self.known_at[rows],
            period_s=self.period_s[rows],
            report=self.report[rows],
            revision=self.revision[rows],
            values={name: column[rows] for name, column in self.values.items()},
            stations=self.stations,
            sources=self.sources,
        )

    def value(self, name: str) -> Floats:
        """A variable's column; all NaN where the batch has none of it."""
        column = self.values.get(name)
        return np.full(len(self), np.nan) if column is None else column

    def counts(self) -> dict[str, int]:
        """Rows by source, of the sources that have any."""
        return rows_by_source(self.source, self.sources)

    @staticmethod
    def concat(parts: Iterable[StationReadings]) -> StationReadings:
        """All rows of all parts, in order; stations and sources are named once."""
        parts = [part for part in parts if len(part)]
        if len(parts) <= 1:
            return parts[0] if parts else StationReadings.empty()
        stations = tuple(dict.fromkeys(name for part in parts for name in part.stations))
        sources = tuple(dict.fromkeys(name for part in parts for name in part.sources))
        names = dict.fromkeys(name for part in parts for name in part.values)
        return StationReadings(
            station=_recoded([(part.station, part.stations) for part in parts], stations, np.int32),
            source=_recoded([(part.source, part.sources) for part in parts], sources, np.int16),
            valid_at=np.concatenate([part.valid_at for part in parts]),
            known_at=np.concatenate([part.known_at for part in parts]),
            period_s=np.concatenate([part.period_s for part in parts]),
            report=np.concatenate([part.report for part in parts]),
            revision=np.concatenate([part.revision for part in parts]),
            values={name: np.concatenate([part.value(name) for part in parts]) for name in names},
            stations=stations,
            sources=sources,
        )

    def is_newest_word(self) -> Bools:
        """Which rows say when a station was heard: of each report, as it was received, its newest.

        Tables of many hours, and reports that tell of an earlier one too, would else teach that a
        station is hours late, or speaks twice as often. Rows of no report speak each for itself.
        """
        if len(self) == 0:
            return np.zeros(0, bool)
        words = np.stack((self.station, self.report, self.known_at), 1)
        _, word = np.unique(words, axis=0, return_inverse=True)
        word = word.reshape(-1)
        newest = np.full(word.max() + 1, NO_TIME, np.int64)
        np.maximum.at(newest, word, self.valid_at)
        is_newest: Bools = (self.report == NO_REPORT) | (self.valid_at == newest[word])
        return is_newest

    def without(self, withdrawn: Iterable[Withdrawal]) -> StationReadings:
        """The rows that still hold when these were withdrawn.

        What is published anew after it was taken back has a higher revision, and holds.
        """
        last: dict[int, int] = {}
        for _, report, revision, _ in withdrawn:
            last[report] = max(revision, last.get(report, revision))
        if not last:
            return self
        reports = np.array(sorted(last), np.int64)
        revisions = np.array([last[report] for report in reports.tolist()], np.int64)
        at = np.minimum(np.searchsorted(reports, self.report), len(reports) - 1)
        return self.take((self.report != reports[at]) | (self.revision > revisions[at]))

    def settled(self) -> StationReadings:
        """Rows by known_at, station, source, valid_at and period; one row a key.

        The key is (station, source, valid_at, period_s). Of what one report says of a station and
        an instant the highest revision counts, whole: a correction that leaves a value or a period
        out withdraws it. Where several reports speak of one key (temperature in one message, wind
        in the next), the one with the highest revision, then the one that was known first, says
        each value, and the others add what it lacks. Rows given twice, in any order and in any
        number of parts, make the same batch.

        What is withdrawn goes first (`without`): a settled row names but one of its reports.
        """
        return self._merged(by_report=False)

    def told(self) -> StationReadings:
        """As `settled`, but each report's rows apart: what may still be corrected or withdrawn."""
        return self._merged(by_report=True)

    def _merged(self, *, by_report: bool) -> StationReadings:
        if len(self) == 0:
            return self
        by_name = np.argsort(np.argsort(np.array(self.stations)))[self.station]
        by_source = np.argsort(np.argsort(np.array(self.sources)))[self.source]
        moment = (by_name, by_source, self.valid_at)
        newest = _is_newest((*moment, self.report), self.revision)
        rows = self if newest.all() else self.take(newest)
        key = [column[newest] for column in (*moment, self.period_s)]
        if by_report:
            key.append(rows.report)
        # The last key counts first. What is equal in all of them is put in order by its values, the
        # larger first: one report that says two things says the graver.
        values_last = [
            -np.nan_to_num(rows.values[name], nan=-np.inf) for name in sorted(rows.values)
        ]
        order = np.lexsort(
            (*values_last, rows.report, rows.known_at, -rows.revision, *reversed(key))
        )
        rows = rows.take(order)
        is_first = _changes([column[order] for column in key])
        first = np.flatnonzero(is_first)
        group = np.cumsum(is_first) - 1
        values = {
            name: _first_said(column, group, len(first)) for name, column in rows.values.items()
        }
        settled = replace(rows.take(first), values=values)
        return settled.take(np.argsort(settled.known_at, kind="stable"))


def _column(n: int, rows: Sequence[int], values: Sequence[float]) -> Floats:
    """Values at their rows, and NaN at all others; of one row the last counts."""
    column = np.full(n, np.nan)
    column[rows] = values
    return column


def _recoded(
    columns: Sequence[tuple[Ints, tuple[str, ...]]], names: tuple[str, ...], dtype: type
) -> Ints:
    position = {name: i for i, name in enumerate(names)}
    return np.concatenate(
        [np.array([position[each] for each in own], dtype)[column] for column, own in columns]
    )


def _changes(columns: Sequence[Ints]) -> Bools:
    """Where any of the columns, each of shape (n,), has another value than in the row before."""
    changes = np.ones(len(columns[0]), bool)
    changes[1:] = False
    for column in columns:
        changes[1:] |= column[1:] != column[:-1]
    return changes


def _is_newest(key: tuple[Ints, ...], revision: Ints) -> Bools:
    """Which rows have the highest revision of those with the same key."""
    order = np.lexsort((revision, *reversed(key)))
    is_first = _changes([column[order] for column in key])
    # The last row of each key has the highest.
    last = np.append(np.flatnonzero(is_first)[1:], len(order)) - 1
    newest = np.zeros(len(order), bool)
    newest[order] = revision[order] == revision[order][last][np.cumsum(is_first) - 1]
    return newest


def _first_said(column: Floats, group: Ints, n: int) -> Floats:
    """Of each group's values the first that is not missing; column and result (n groups,)."""
    said = np.full(n, np.nan)
    is_said = ~np.isnan(column)
    # Written from the last to the first: the first stays.
    said[group[is_said][::-1]] = column[is_said][::-1]
    return said


_NO_ROWS = StationReadings.of([])


@dataclass(frozen=True, slots=True)
class StationsDecoded:
    """What a decoder made of some payloads of instruments.

    readings   rows of stations
    stations   what the payloads say of the stations themselves
    rejects    reasons for what could not be read
    withdrawn  reports that were taken back
    officials  warnings that came by the same way, each with when it was received
    """

    readings: StationReadings
    stations: list[Station] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    withdrawn: list[Withdrawal] = field(default_factory=list)
    officials: list[tuple[int, Official]] = field(default_factory=list)

    @staticmethod
    def concat(parts: Sequence[StationsDecoded]) -> StationsDecoded:
        """All of all parts, in order; of a station named several times all that is known."""
        return StationsDecoded(
            StationReadings.concat(part.readings for part in parts),
            each_once(station for part in parts for station in part.stations),
            [reject for part in parts for reject in part.rejects],
            [each for part in parts for each in part.withdrawn],
            [each for part in parts for each in part.officials],
        )


def each_once(stations: Iterable[Station]) -> list[Station]:
    """Each station once, in order of appearance, with all that is known of it."""
    found: dict[str, Station] = {}
    for each in stations:
        known = found.get(each.id)
        found[each.id] = each if known is None else known.told(each)
    return list(found.values())
