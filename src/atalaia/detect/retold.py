"""What an ensemble's answer says that its last one did not: places that were told of later words
already, and those of which another thing is said of an hour to come.

    `Ensemble` → its rows by series, in the order of time → the news → `ensembles`

All that is remembered of an answer is when it came and a number an hour (`series.Runs`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atalaia.detect.measure import key_of
from atalaia.detect.series import Runs, SeriesTable
from atalaia.domain.ensemble import Ensemble
from atalaia.domain.reading import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Retold:
    """Of an answer what is judged, sorted by series, then valid_at.

    series    of each row, shape (n,)
    revised   numbers of the series that say another thing than before, ascending
    range     by variable the least and the most that a run says in each row, shape (2, n); NaN: one
              says nothing
    """

    told: Ensemble
    series: Ints
    revised: Ints
    range: dict[str, Floats]


def news_of(told: Ensemble, table: SeriesTable) -> Retold:
    """The answer without the places of which a later one came before it; it is remembered."""
    code = table.source_codes([told.source])
    series = table.numbers(told.place, np.broadcast_to(code[:1], len(told))).astype(np.int64)
    key = key_of(series, told.valid_at)
    if (key[1:] < key[:-1]).any():
        order = np.argsort(key, kind="stable")
        told, series, key = told.take(order), series[order], key[order]
    starts = starts_of(series)
    numbers = series[starts]
    before = [table.runs.get(number) for number in numbers.tolist()]
    came = np.array([told.known_at if one is None else one.known_at for one in before], np.int64)
    stays = came <= told.known_at
    if not stays.all():
        rows = np.repeat(stays, np.diff(starts, append=len(series)))
        told, series, key = told.take(rows), series[rows], key[rows]
        starts, numbers = starts_of(series), numbers[stays]
        before = [one for one, is_kept in zip(before, stays.tolist(), strict=True) if is_kept]
    if not len(told):
        return Retold(told, series, numbers, marks_of(told)[1])
    marks, ranges = marks_of(told)
    is_revised = _are_revised(before, numbers, starts, key, marks, told)
    stops = [*starts[1:].tolist(), len(series)]
    for number, start, stop in zip(numbers.tolist(), starts.tolist(), stops, strict=True):
        mine = slice(start, stop)
        table.runs[number] = Runs(told.known_at, told.valid_at[mine], marks[mine])
    return Retold(told, series, numbers[is_revised], ranges)


def starts_of(series: Ints) -> Ints:
    """The first row of each series, of rows that are sorted by it."""
    is_first = np.ones(len(series), bool)
    np.not_equal(series[1:], series[:-1], out=is_first[1:])
    return np.flatnonzero(is_first)


ROWS_AT_ONCE = 1 << 16
"""Values of one variable that are read together: they stay in a core's cache until all is made of
them that is."""


def marks_of(told: Ensemble) -> tuple[Floats, dict[str, Floats]]:
    """Of each row a number that is another one if a run says another thing, shape (n,), and the
    range of each variable (`Retold`). They are the same whatever rows stand beside it."""
    mark = np.zeros(len(told))
    ranges = {name: np.empty((2, len(told))) for name in told.values}
    runs = max((len(column) for column in told.values.values()), default=0)
    size = max(min(ROWS_AT_ONCE // max(runs, 1), len(told)), 1)
    # Run by run: a product of matrices adds up in an order that goes by where a row stands, and so
    # does a sum over a single row.
    weighed = np.empty((runs, size + 1))
    for start in range(0, len(told), size):
        rows = slice(start, min(start + size, len(told)))
        for place, name in enumerate(sorted(told.values), 1):
            column, span = told.values[name][:, rows], ranges[name][:, rows]
            mine = weighed[: len(column), : column.shape[1] + 1]
            mine[:, -1] = 0.0
            weights = np.sqrt(np.arange(len(column)) + float(place))[:, None]
            np.multiply(column, weights, out=mine[:, :-1])
            told_of = mine.sum(axis=0)[:-1]
            if np.isnan(told_of).any():
                np.multiply(np.nan_to_num(column, nan=-1.0), weights, out=mine[:, :-1])
                told_of = mine.sum(axis=0)[:-1]
            mark[rows] += told_of
            column.min(axis=0, out=span[0], initial=np.inf)
            column.max(axis=0, out=span[1], initial=-np.inf)
    return mark, ranges


def _are_revised(
    before: list[Runs | None], numbers: Ints, starts: Ints, key: Ints, marks: Floats, told: Ensemble
) -> Bools:
    """By series: whether an hour to come that was told before is told otherwise, or none of them
    was."""
    known = [(number, one) for number, one in zip(numbers, before, strict=True) if one]
    if not known:
        return np.ones(len(numbers), bool)
    number = np.repeat([one for one, _ in known], [len(one.valid_at) for _, one in known])
    old = key_of(number, np.concatenate([one.valid_at for _, one in known]))
    mark = np.concatenate([one.mark for _, one in known])
    at = np.searchsorted(old, key)
    at[at == len(old)] = 0
    is_again = (told.valid_at > told.known_at) & (old[at] == key)
    is_other = is_again & (mark[at] != marks)
    revised: Bools = np.logical_or.reduceat(is_other, starts)
    revised |= ~np.logical_or.reduceat(is_again, starts)
    return revised
