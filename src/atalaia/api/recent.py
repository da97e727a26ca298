"""The newest readings in memory, by place: what a page draws without asking a store.

Decoded batches → here → /v1/places/{id}/readings. Batches are held as they came, and now and then
sorted into one run by place; of rows with one key the one that became known last counts. Memory is
bounded: where there are too many rows the oldest go, and `since` says from when on all is here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any

import numpy as np

from atalaia.domain.reading import NO_TIME, Bools, Floats, Ints, Kind, Readings
from atalaia.domain.variable import CATALOGUE

KEEP_S = 72 * 3600
MOST_ROWS = 750_000
"""About 60 bytes each with ten variables: hourly rows of all municipalities of Brazil for as long
as they are kept, with a forecast."""

_FORETOLD_S = 24 * 3600

_DECIMALS = 3
"""Of values held as float32, so that 16.65 is 16.65 again."""

_SMALL = 5_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings without what is not drawn. Columns as in `Readings`; values are float32."""

    place: Ints
    source: Ints
    kind: Ints
    valid_at: Ints
    known_at: Ints
    period_s: Ints
    values: dict[str, Any]

    def __len__(self) -> int:
        return len(self.place)

    def take(self, rows: Ints | Bools | slice) -> Rows:
        """The given rows."""
        return Rows(
            self.place[rows],
            self.source[rows],
            self.kind[rows],
            self.valid_at[rows],
            self.known_at[rows],
            self.period_s[rows],
            {name: column[rows] for name, column in self.values.items()},
        )


@dataclass(frozen=True, slots=True)
class Series:
    """One variable of one source and kind at one place, oldest first. NaN is missing.

    period_s    of amounts: how long each of them covers; 0 for instants
    """

    source: str
    kind: Kind
    variable: str
    period_s: int
    valid_at: Ints
    values: Floats


class Recent:
    """Holds what was read lately. `take` and `compact` may be called from different threads.

    since   from this valid time on all that became known is here (Unix seconds)
    """

    def __init__(self, began_at: int, *, most_rows: int = MOST_ROWS) -> None:
        self.since = began_at
        self.sources: list[str] = []
        self._most_rows = most_rows
        self._lock = RLock()
        self._sorted: Rows | None = None
        self._new: list[Rows] = []
        self._waiting = 0

    def take(self, readings: Readings) -> bool:
        """Hold a batch; whether there is enough to `compact`."""
        if not len(readings):
            return False
        with self._lock:
            self._new.append(self.rows_of(readings))
            self._waiting += len(readings)
            held = 0 if self._sorted is None else len(self._sorted)
            return self._waiting > max(_SMALL, held // 8)

    def rows_of(self, readings: Readings) -> Rows:
        """A batch with the numbers that its sources have here."""
        with self._lock:
            self.sources += [name for name in readings.sources if name not in self.sources]
        codes = np.array([self.sources.index(name) for name in readings.sources], np.int16)
        return Rows(
            readings.place,
            codes[readings.source],
            readings.kind,
            readings.valid_at,
            readings.known_at,
            readings.period_s,
            # What a batch says nothing of takes no room.
            {
                name: column.astype(np.float32)
                for name, column in readings.values.items()
                if not np.isnan(column).all()
            },
        )

    def compact(self, now: int) -> None:
        """Sort what came into the rest, and let go what is old, or too much."""
        with self._lock:
            new, waiting = list(self._new), self._waiting
            parts = [*([] if self._sorted is None else [self._sorted]), *new]
        if not parts:
            return
        rows = _newest(_concat(parts))
        # Sums keep hours that have passed as they were foretold, where nothing was seen of them.
        is_old_forecast = (rows.kind == Kind.FORECAST) & (rows.valid_at <= now - _FORETOLD_S)
        rows = rows.take((rows.valid_at > now - KEEP_S) & ~is_old_forecast)
        since = self.since
        if len(rows) > self._most_rows:
            cut = np.partition(rows.valid_at, len(rows) - self._most_rows)
            since = max(since, int(cut[len(rows) - self._most_rows]))
            rows = rows.take(rows.valid_at >= since)
        with self._lock:
            self._sorted, self.since = rows, since
            self._new = self._new[len(new) :]
            self._waiting -= waiting

    def of(self, place: int) -> list[Rows]:
        """What is held of a place (its position), unsorted."""
        with self._lock:
            whole, new = self._sorted, list(self._new)
        found = []
        if whole is not None:
            start, stop = np.searchsorted(whole.place, [place, place + 1])
            found.append(whole.take(slice(int(start), int(stop))))
        for rows in new:
            found.append(rows.take(np.flatnonzero(rows.place == place)))
        return [rows for rows in found if len(rows)]

    def since_of(self, since: int, variable: str) -> list[Rows]:
        """What is held of a variable at all places after an instant, no forecasts, unsorted."""
        with self._lock:
            parts = [*([] if self._sorted is None else [self._sorted]), *self._new]
        found = []
        for rows in parts:
            column = rows.values.get(variable)
            if column is None:
                continue
            is_wanted = (rows.valid_at > since) & (rows.kind != Kind.FORECAST) & ~np.isnan(column)
            found.append(replace(rows, values={variable: column}).take(is_wanted))
        return [rows for rows in found if len(rows)]


def readings_in(parts: Sequence[Rows], sources: Sequence[str]) -> Readings:
    """The rows as the watch takes them, their values as they were told."""
    if not parts:
        return Readings.empty()
    rows = _newest(_concat(parts))
    n = len(rows)
    return Readings(
        place=rows.place,
        source=rows.source,
        kind=rows.kind,
        valid_at=rows.valid_at,
        issued_at=np.full(n, NO_TIME, np.int64),
        known_at=rows.known_at,
        period_s=rows.period_s,
        values={
            name: np.round(column.astype(np.float64), _DECIMALS)
            for name, column in rows.values.items()
        },
        sources=tuple(sources),
    )


def series_of(
    parts: Sequence[Rows], sources: Sequence[str], variables: Sequence[str], since: int, now: int
) -> Iterator[Series]:
    """The series of one place after `since`; forecasts of hours that are over are left out."""
    if not parts:
        return
    rows = _newest(_concat(parts))
    is_wanted = (rows.valid_at > since) & ((rows.kind != Kind.FORECAST) | (rows.valid_at > now))
    rows = rows.take(is_wanted)
    for variable in variables:
        column = rows.values.get(variable)
        if column is None:
            continue
        known = rows.take(~np.isnan(column))
        # Amounts of an hour and of a quarter of it are two series: together they count twice.
        period = known.period_s if CATALOGUE[variable].is_sum else np.zeros(len(known), np.int32)
        keys = np.stack((known.source, known.kind, period), 1).astype(np.int64)
        for source, kind, period_s in np.unique(keys, axis=0).tolist():
            is_same = (keys == (source, kind, period_s)).all(axis=1)
            one = known.take(is_same)
            order = np.lexsort((one.known_at, one.valid_at))
            at = one.valid_at[order]
            is_last = np.ones(len(at), bool)
            is_last[:-1] = at[1:] != at[:-1]
            yield Series(
                source=sources[source],
                kind=Kind(kind),
                variable=variable,
                period_s=period_s,
                valid_at=at[is_last],
                values=one.values[variable][order][is_last],
            )


def _concat(parts: Sequence[Rows]) -> Rows:
    names = dict.fromkeys(name for part in parts for name in part.values)

    def column(part: Rows, name: str) -> Any:
        found = part.values.get(name)
        return np.full(len(part), np.nan, np.float32) if found is None else found

    def joined(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    return Rows(
        place=joined("place"),
        source=joined("source"),
        kind=joined("kind"),
        valid_at=joined("valid_at"),
        known_at=joined("known_at"),
        period_s=joined("period_s"),
        values={name: np.concatenate([column(part, name) for part in parts]) for name in names},
    )


def _newest(rows: Rows) -> Rows:
    """By place, source, kind, period and valid time; of equal ones what became known last. A row
    that does not tell a variable erases nothing of it."""
    keys = (rows.valid_at, rows.period_s, rows.kind, rows.source, rows.place)
    rows = rows.take(np.lexsort((rows.known_at, *keys)))
    n = len(rows)
    is_first = np.ones(n, bool)
    keys = (rows.valid_at, rows.period_s, rows.kind, rows.source, rows.place)
    is_first[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    if is_first.all():
        return rows
    at = np.arange(n)
    first = np.maximum.accumulate(np.where(is_first, at, 0))
    values = {}
    for name, column in rows.values.items():
        told = np.maximum.accumulate(np.where(np.isnan(column), 0, at))
        values[name] = np.where(told >= first, column[told], np.float32(np.nan))
    return replace(rows, values=values).take(np.append(is_first[1:], True))
