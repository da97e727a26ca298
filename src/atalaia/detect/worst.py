"""Of each series that speaks of hours to come the one to tell: the first of the highest level.

Levels and excess by hour → here → positions of hours, by series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atalaia.domain.reading import Floats, Ints
from atalaia.domain.rule import LEVELS


@dataclass(frozen=True, slots=True)
class Worst:
    """Of s series; positions are of rows.

    series    their numbers, ascending
    pick      the hour to show: the first of the highest level that is entered; in calm the worst
    keeper    the first hour that holds the highest level that is held; in calm the first hour
    onset_at  Unix seconds of the first hour that enters a level; in calm of `pick`
    holding   the highest level that is held
    spans     the first and the last hour that holds each level, shape (s, 4, 2); 0: none does
    """

    series: Ints
    pick: Ints
    keeper: Ints
    onset_at: Ints
    holding: Ints
    spans: Ints


def worst_hours(
    series: Ints, valid_at: Ints, entered: Ints, holding: Ints, excess: Floats
) -> Worst:
    """Of n rows sorted by series, then valid_at. `excess` grows with the danger, and is a number
    in every row."""
    first = np.flatnonzero(np.diff(series, prepend=-1))
    spans = np.zeros((len(first), len(LEVELS), 2), np.int64)
    if not len(first):
        nothing = np.zeros(0, np.int64)
        return Worst(first, nothing, nothing, nothing, np.zeros(0, np.int8), spans)
    pick, keeper = first.copy(), first.copy()
    if excess.any():
        most = np.maximum.reduceat(excess, first)
        rows = np.flatnonzero(excess == np.repeat(most, np.diff(first, append=len(series))))
        _put_first(pick, _of(rows, first), rows)
    onset_at = valid_at[pick]
    # What follows is of the rows with a level alone: there are few.
    rows = np.flatnonzero(entered)
    if len(rows):
        of, level = _of(rows, first), entered[rows]
        top = np.maximum.reduceat(entered, first)
        _put_first(onset_at, of, valid_at[rows])
        is_top = level == top[of]
        _put_first(pick, of[is_top], rows[is_top])
    rows = np.flatnonzero(holding)
    held = np.maximum.reduceat(holding, first)
    if len(rows):
        of, level = _of(rows, first), holding[rows]
        is_top = level == held[of]
        _put_first(keeper, of[is_top], rows[is_top])
        for i, least in enumerate(LEVELS):
            keeps = level >= least
            if not keeps.any():
                break
            begin, end = spans[:, i, 0], spans[:, i, 1]
            at = valid_at[rows[keeps]]
            _put_first(begin, of[keeps], at)
            end[of[keeps]] = at  # rows are in the order of time: the last that is written stays
    return Worst(series[first], pick, keeper, onset_at, held, spans)


def _of(rows: Ints, first: Ints) -> Ints:
    """Which series rows are of, by where each series begins."""
    of: Ints = np.searchsorted(first, rows, "right") - 1
    return of


def _put_first(into: Ints, of: Ints, values: Ints) -> None:
    """The first of the values of each series, where it has any."""
    into[of[::-1]] = values[::-1]
