"""Readings in columns: what sources say of places, from decoder to incident.

A `Readings` is a batch of rows held as arrays; one row is what one source says of one place at
one valid time. There is no object a reading anywhere on the hot path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from atalaia.domain.variable import CATALOGUE

Ints: TypeAlias = NDArray[np.signedinteger[Any]]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

NO_TIME = np.iinfo(np.int64).min
"""An absent instant in an int64 column."""


class Kind(IntEnum):
    """What sort of statement a reading is.

    OBSERVED by an instrument; ANALYSIS a model's or provider's value for now (may raise alerts,
    is never truth when alerts are scored); FORECAST a value for a time to come.
    """

    OBSERVED = 0
    ANALYSIS = 1
    FORECAST = 2

    @property
    def word(self) -> str:
        """As it stands in files, tables and alerts."""
        return self.name.lower()


KIND_OF = {kind.word: kind for kind in Kind}


def rows_by_source(source: Ints, sources: Sequence[str]) -> dict[str, int]:
    """How many rows each source has, of those that have any."""
    if len(sources) == 1:
        return {sources[0]: len(source)} if len(source) else {}
    counts = np.bincount(source, minlength=len(sources)).tolist()
    return {name: n for name, n in zip(sources, counts, strict=True) if n}


@dataclass(frozen=True, slots=True)
class Readings:
    """A batch of n readings. Every column is an array of shape (n,).

    place       int32, position in `Places`
    source      int16, position in `sources`
    kind        int8, a `Kind`
    valid_at    int64, Unix seconds: the instant, or the end of the period, that is spoken of
    issued_at   int64, Unix seconds at which a forecast was made; NO_TIME for other kinds, and
                for forecasts whose source gives no run time
    known_at    int64, Unix seconds at which the row became known (live: received; recorded:
                its own valid_at, a forecast's issued_at). The order of everything that is told
    period_s    int32, length of the period of sums that ends at valid_at; 0: not stated
    values      float64 by variable name, in the catalogue's unit; NaN is missing, never 0.
                A variable that no row has is absent
    sources     the names that `source` points into
    """

    place: Ints
    source: Ints
    kind: Ints
    valid_at: Ints
    issued_at: Ints
    known_at: Ints
    period_s: Ints
    values: dict[str, Floats]
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.place)

    @staticmethod
    def empty() -> Readings:
        """No rows."""
        return Readings.build(place=[], source="none", kind=Kind.OBSERVED, valid_at=[], values={})

    @staticmethod
    def build(
        *,
        place: Sequence[int] | Ints,
        source: str,
        kind: Kind | Sequence[int] | Ints,
        valid_at: Sequence[int] | Ints,
        values: dict[str, Floats],
        issued_at: int | Sequence[int] | Ints = NO_TIME,
        known_at: int | Sequence[int] | Ints | None = None,
        period_s: int | Sequence[int] | Ints = 0,
    ) -> Readings:
        """Rows of one source, with a single value for a column spread over all rows.

        `known_at` left out means event time: valid_at, or issued_at for forecasts that have it.
        """
        n = len(place)

        def column(value: Any, dtype: type) -> Ints:
            array: Ints = np.asarray(value, dtype)
            return np.full(n, array, dtype) if array.ndim == 0 else array

        valid = column(valid_at, np.int64)
        issued = column(issued_at, np.int64)
        known = np.where(issued == NO_TIME, valid, issued) if known_at is None else known_at
        return Readings(
            place=column(place, np.int32),
            source=np.zeros(n, np.int16),
            kind=column(kind, np.int8),
            valid_at=valid,
            issued_at=issued,
            known_at=column(known, np.int64),
            period_s=column(period_s, np.int32),
            values=values,
            sources=(source,),
        )

    def take(self, rows: Ints | Bools | slice) -> Readings:
        """The given rows (positions, a mask or a slice), in the given order."""
        return Readings(
            place=self.place[rows],
            source=self.source[rows],
            kind=self.kind[rows],
            valid_at=self.valid_at[rows],
            issued_at=self.issued_at[rows],
            known_at=self.known_at[rows],
            period_s=self.period_s[rows],
            values={name: column[rows] for name, column in self.values.items()},
            sources=self.sources,
        )

    def only(self, names: Set[str]) -> Readings:
        """All rows, with no other variables than these."""
        return replace(self, values={n: one for n, one in self.values.items() if n in names})

    def value(self, name: str) -> Floats:
        """A variable's column; all NaN where the batch has none of it."""
        column = self.values.get(name)
        return np.full(len(self), np.nan) if column is None else column

    def known(self) -> set[str]:
        """The variables of which there is a value."""
        return {name for name, column in self.values.items() if not np.isnan(column).all()}

    def counts(self) -> dict[str, int]:
        """Rows by source, of the sources that have any."""
        return rows_by_source(self.source, self.sources)

    @staticmethod
    def concat(parts: Iterable[Readings]) -> Readings:
        """All rows of all parts, in order. One part is returned as it is."""
        parts = [part for part in parts if len(part)]
        if not parts:
            return Readings.empty()
        if len(parts) == 1:
            return parts[0]
        sources = tuple(dict.fromkeys(name for part in parts for name in part.sources))
        names = dict.fromkeys(name for part in parts for name in part.values)
        recoded = [
            np.array([sources.index(name) for name in part.sources], np.int16)[part.source]
            for part in parts
        ]
        return Readings(
            place=np.concatenate([part.place for part in parts]),
            source=np.concatenate(recoded),
            kind=np.concatenate([part.kind for part in parts]),
            valid_at=np.concatenate([part.valid_at for part in parts]),
            issued_at=np.concatenate([part.issued_at for part in parts]),
            known_at=np.concatenate([part.known_at for part in parts]),
            period_s=np.concatenate([part.period_s for part in parts]),
            values={name: np.concatenate([part.value(name) for part in parts]) for name in names},
            sources=sources,
        )

    def between_instants(self, size: int) -> Iterator[Readings]:
        """The rows, ordered by known_at, in parts of some `size` rows: none cuts an instant."""
        cuts = np.flatnonzero(np.diff(self.known_at)) + 1
        start = 0
        while start < len(self):
            later = np.searchsorted(cuts, start + size)
            stop = int(cuts[later]) if later < len(cuts) else len(self)
            yield self.take(slice(start, stop))
            start = stop

    def _is_in_order(self) -> bool:
        """Whether places follow each other, each once, at each time at which rows became known: as
        a poll brings them."""
        is_later = self.known_at[1:] > self.known_at[:-1]
        is_next = (self.place[1:] > self.place[:-1]) & (self.known_at[1:] == self.known_at[:-1])
        return bool((is_later | is_next).all())

    def in_order(self) -> Readings:
        """Rows by known_at, then place, source, valid_at, kind, period; one row a key.

        Of rows with the same key (place, source, valid_at, kind, issued_at, period_s) the larger
        value of each variable counts: rows given twice, in any order and in any number of parts,
        make the same batch. Amounts of different periods are different readings; all else is of the
        instant, and of rows that differ by their period alone it stands in the last.
        """
        if len(self) == 0 or self._is_in_order():
            return self
        by_name = np.argsort(np.argsort(np.array(self.sources)))
        order = np.lexsort(
            (
                self.period_s,
                self.issued_at,
                self.kind,
                self.valid_at,
                by_name[self.source],
                self.place,
                self.known_at,
            )
        )
        rows = self.take(order)
        is_same = np.zeros(len(rows), bool)
        is_same[1:] = (
            (rows.known_at[1:] == rows.known_at[:-1])
            & (rows.place[1:] == rows.place[:-1])
            & (rows.source[1:] == rows.source[:-1])
            & (rows.valid_at[1:] == rows.valid_at[:-1])
            & (rows.kind[1:] == rows.kind[:-1])
            & (rows.issued_at[1:] == rows.issued_at[:-1])
        )
        if not is_same.any():
            return rows
        is_again = is_same.copy()
        is_again[1:] &= rows.period_s[1:] == rows.period_s[:-1]
        first = np.flatnonzero(~is_again)
        instants = np.flatnonzero(~is_same[first])
        last = np.append(instants[1:], len(first)) - 1
        values = {}
        for name, column in rows.values.items():
            merged = np.fmax.reduceat(column, first)
            if not CATALOGUE[name].is_sum and len(instants) < len(first):
                largest = np.fmax.reduceat(merged, instants)
                merged = np.full(len(first), np.nan)
                merged[last] = largest
            values[name] = merged
        return replace(rows.take(first), values=values)


class Delay(NamedTuple):
    """How late a source's newest word of the present came: seconds from the time that it bears to
    its receipt (Unix seconds). Below 0 it bears a time that was still to come."""

    source: str
    received_at: int
    delay_s: int
