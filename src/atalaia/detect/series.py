"""What the speed layer remembers of each series (one source at one place), in columns.

A series has a number; every column here is an array indexed by it, and grows by doubling. What
is kept is what the checks and the windows need and no more: the last value of a variable, since
when it has not changed, and for windowed rules the rows that a window may still reach.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np

from atalaia.detect.cadence import Cadence
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Bools, Floats, Ints, Readings

DOUBTED = 8
"""Added to a kind: the value is suspect."""

_MOST_SOURCES = 1 << 32


class Window(msgspec.Struct):
    """Rows of one series and variable that windows still reach, by valid_at, then period_s.

    The columns are those of `measure.Block`.
    """

    valid_at: Ints
    period_s: Ints
    value: Floats
    stands_s: Ints
    kind: Ints
    is_suspect: Bools


@dataclass(frozen=True, slots=True)
class Recalled:
    """The newest word of amounts that add up. Columns of one shape.

    value, top   what is known for certain, and what it may be at most; NaN: nothing was said
    told_at      its valid time; NO_TIME: nothing was said
    mark         its kind; DOUBTED is added to it if it is
    """

    value: Floats
    top: Floats
    told_at: Ints
    mark: Ints

    @staticmethod
    def nothing(shape: tuple[int, ...]) -> Recalled:
        """Before anything was said."""
        return Recalled(
            np.full(shape, np.nan),
            np.full(shape, np.nan),
            np.full(shape, NO_TIME, np.int64),
            np.zeros(shape, np.int64),
        )


class Runs(NamedTuple):
    """What an ensemble last said of a place: when it came, and of each hour a number that is
    another one if a run says another thing (`detect.ensembles`)."""

    known_at: int
    valid_at: Ints
    mark: Floats


class SeriesTable:
    """All series that were ever seen, and what is remembered of them.

    place, source   of the series: position in `places`, position in `sources`
    valid_at        newest valid time of an observed or analysed row; NO_TIME: none yet
    usable_at       newest valid time of a row with a usable value; before the first one, the
                    valid time of the first row (the watch began there)
    news_at         newest valid time of a usable value; NO_TIME: none yet
    expected_s      interval at which news are expected: as learned, or before that as polled, or
                    as long as periods are stated
    arrivals        how often news come
    paces           by what is judged (a variable or an index): how often its valid times come
    is_blind        told as unseen
    windows         by series and variable: rows that windowed rules (of `windowed`) still reach
    forecasts       by series: the hours to come, as newest told, and those that windows reach
    runs            by series: what an ensemble last said
    area_value      by area rule and series: newest value, ceiling and their time
    area_mark       by area rule and series: kind of that value; DOUBTED is added to it if it is
    area_given      by area rule and series: the rule's second window at that time
    amounts         by amount of a score (`Rule.parts`): the newest word of each series
    last, last_at, unchanged_since   by variable: last usable value, its time, and since when it
                    has been the same; good, good_at: the last that no check doubted
    """

    def __init__(self, places: Places) -> None:
        self.places = places
        self.sources: list[str] = []
        self.code_of: dict[str, int] = {}
        # Sorted: of a place and a source, and the series that this is. Stations are many, and each
        # speaks for few places: a table of all pairs would be empty, and large.
        self._pairs = np.empty(0, np.int64)
        self._series = np.empty(0, np.int32)
        self.count = 0
        self.place = np.empty(0, np.int32)
        self.source = np.empty(0, np.int32)
        self.valid_at = np.empty(0, np.int64)
        self.usable_at = np.empty(0, np.int64)
        self.news_at = np.empty(0, np.int64)
        self.expected_s = np.empty(0, np.int64)
        self.is_blind = np.empty(0, bool)
        self.arrivals = Cadence(0)
        self.paces: dict[str, Cadence] = {}
        self.last: dict[str, Floats] = {}
        self.last_at: dict[str, Ints] = {}
        self.unchanged_since: dict[str, Ints] = {}
        self.good: dict[str, Floats] = {}
        self.good_at: dict[str, Ints] = {}
        self.windows: dict[tuple[int, str], Window] = {}
        self.windowed: set[str] = set()
        self.forecasts: dict[int, Readings] = {}
        self.runs: dict[int, Runs] = {}
        self.area_value: dict[tuple[str, int], tuple[float, float, int]] = {}
        self.area_mark: dict[tuple[str, int], int] = {}
        self.area_given: dict[tuple[str, int], float] = {}
        self.area_rules: set[str] = set()
        self.amounts: dict[str, Recalled] = {}

    def source_codes(self, names: Iterable[str]) -> Ints:
        """The number of each named source here, new ones included."""
        codes = []
        for name in names:
            code = self.code_of.setdefault(name, len(self.sources))
            if code == len(self.sources):
                self.sources.append(name)
            codes.append(code)
        return np.array(codes, np.int32)

    def numbers(self, place: Ints, source: Ints) -> Ints:
        """The series of each row (place position, source code); new series are added."""
        pair = place.astype(np.int64) * _MOST_SOURCES + source
        numbers = self._found(pair)
        if (numbers < 0).any():
            new = np.unique(pair[numbers < 0])
            first = self.count
            self._grow(first + len(new))
            self.place[first : self.count] = new // _MOST_SOURCES
            self.source[first : self.count] = new % _MOST_SOURCES
            at = np.searchsorted(self._pairs, new)
            self._pairs = np.insert(self._pairs, at, new)
            self._series = np.insert(self._series, at, np.arange(first, self.count, dtype=np.int32))
            numbers = self._found(pair)
        return numbers

    def _found(self, pair: Ints) -> Ints:
        """The series of pairs; -1: there is none yet."""
        if not (len(self._pairs) and len(pair)):
            return np.full(len(pair), -1, np.int32)
        # A poll speaks of all places in their order: then its pairs lie beside each other.
        first = int(np.searchsorted(self._pairs, pair[0]))
        beside = slice(first, first + len(pair))
        if np.array_equal(self._pairs[beside], pair):
            return self._series[beside].copy()
        at = np.minimum(np.searchsorted(self._pairs, pair), len(self._pairs) - 1)
        found: Ints = np.where(self._pairs[at] == pair, self._series[at], -1)
        return found

    def numbers_of(self, places: Iterable[int], source: int) -> Ints:
        """The series of one source at some places; -1 where it was never heard."""
        return self._found(np.array(list(places), np.int64) * _MOST_SOURCES + source)

    def at_places(self, places: Sequence[int]) -> tuple[list[int], list[int]]:
        """The series of the places, one place after the other, those of one in the order in which
        their sources were first heard; and how many each place has."""
        first = np.array(places, np.int64) * _MOST_SOURCES
        start, stop = np.searchsorted(self._pairs, [first, first + _MOST_SOURCES])
        count = stop - start
        before = np.cumsum(count) - count
        lie = np.repeat(start - before, count) + np.arange(int(count.sum()))
        return self._series[lie].tolist(), count.tolist()

    def forget(self, number: int, valid_at: int) -> None:
        """Remember no more what a series (-1: none) said of an instant: it was corrected, or
        withdrawn."""
        if number < 0:
            return
        for name in self.windowed:
            window = self.windows.get((number, name))
            if window is not None and (stays := window.valid_at != valid_at).sum() < len(stays):
                columns = (getattr(window, column)[stays] for column in Window.__struct_fields__)
                self.windows[number, name] = Window(*columns)
        for name, at in self.last_at.items():
            if at[number] == valid_at:
                self.last[name][number], at[number] = np.nan, NO_TIME
            if self.good_at[name][number] == valid_at:
                self.good[name][number], self.good_at[name][number] = np.nan, NO_TIME

    def number(self, place_id: str, source: str) -> int:
        """One series by its names; it is added if it is new."""
        position = np.array([self.places.position[place_id]], np.int32)
        return int(self.numbers(position, self.source_codes([source]))[0])

    def memory(self, variable: str) -> None:
        """Make room for what is remembered of a variable."""
        if variable not in self.last:
            size = len(self.valid_at)
            self.last[variable] = np.full(size, np.nan)
            self.good[variable] = np.full(size, np.nan)
            self.good_at[variable] = np.full(size, NO_TIME, np.int64)
            self.last_at[variable] = np.full(size, NO_TIME, np.int64)
            self.unchanged_since[variable] = np.full(size, NO_TIME, np.int64)

    def amount(self, name: str) -> Recalled:
        """The newest word of each series on an amount of a score."""
        known = self.amounts.get(name)
        if known is None:
            known = self.amounts[name] = Recalled.nothing((len(self.valid_at),))
        return known

    def recalled(self, names: Sequence[str], series: Ints) -> Recalled:
        """The newest word of series (shape (g, n), -1: none) on amounts: shape (g, amounts, n)."""
        out = Recalled.nothing((len(series), len(names), series.shape[1]))
        for number, name in enumerate(names):
            known = self.amount(name)
            for column in Recalled.__slots__:
                kept = getattr(known, column)[series]
                mine = getattr(out, column)[:, number]
                mine[series >= 0] = kept[series >= 0]
        return out

    def remember(self, names: Sequence[str], series: Ints, newest: Recalled) -> None:
        """The opposite of `recalled`."""
        for number, name in enumerate(names):
            known = self.amount(name)
            for column in Recalled.__slots__:
                told = getattr(newest, column)[:, number]
                getattr(known, column)[series[series >= 0]] = told[series >= 0]

    def pace(self, of: str) -> Cadence:
        """How often what is judged comes."""
        pace = self.paces.get(of)
        if pace is None:
            pace = self.paces[of] = Cadence(len(self.valid_at))
        return pace

    def _grow(self, count: int) -> None:
        if count > len(self.valid_at):
            size = max(count, 2 * len(self.valid_at), 16)

            def grown(column: Any, fill: Any) -> Any:
                out = np.full(size, fill, column.dtype)
                out[: len(column)] = column
                return out

            self.place, self.source = grown(self.place, 0), grown(self.source, 0)
            self.valid_at = grown(self.valid_at, NO_TIME)
            self.usable_at = grown(self.usable_at, NO_TIME)
            self.news_at = grown(self.news_at, NO_TIME)
            self.expected_s = grown(self.expected_s, 0)
            self.is_blind = grown(self.is_blind, False)
            for cadence in (self.arrivals, *self.paces.values()):
                cadence.grow(size)
            for name, known in self.amounts.items():
                fills = (np.nan, np.nan, NO_TIME, 0)
                told = (getattr(known, column) for column in Recalled.__slots__)
                self.amounts[name] = Recalled(*map(grown, told, fills))
            for columns, fill in (
                (self.last, np.nan),
                (self.good, np.nan),
                (self.good_at, NO_TIME),
                (self.last_at, NO_TIME),
                (self.unchanged_since, NO_TIME),
            ):
                for name, column in columns.items():
                    columns[name] = grown(column, fill)
        self.count = count
