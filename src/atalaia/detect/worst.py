"""Of each series that speaks of hours to come the one to tell: the first of the highest level.

Levels and excess by hour → here → positions of hours, by series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from atalaia.domain.reading import Bools, Floats, Ints
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
    if not len(series):
        nothing = np.zeros(0, np.int64)
        spans = np.zeros((0, len(LEVELS), 2), np.int64)
        return Worst(nothing, nothing, nothing, nothing, np.zeros(0, np.int8), spans)
    hours = _Hours.of(series)
    first = hours.first
    spans = np.zeros((len(first), len(LEVELS), 2), np.int64)
    pick = first + hours.grid(excess).argmax(axis=1)
    onset_at = valid_at[pick]
    levels = hours.grid(entered)
    top = levels.max(axis=1)
    (rises,) = np.nonzero(top)
    if len(rises):
        levels = levels[rises]
        pick[rises] = first[rises] + levels.argmax(axis=1)
        onset_at[rises] = valid_at[first[rises] + (levels > 0).argmax(axis=1)]
    levels = hours.grid(holding)
    held = levels.max(axis=1)
    keeper = first.copy()
    (holds,) = np.nonzero(held)
    if len(holds):
        levels = levels[holds]
        keeper[holds] += levels.argmax(axis=1)
        for i, least in enumerate(LEVELS):
            keeps = levels >= least
            has = keeps.any(axis=1)
            if not has.any():
                break
            some, keeps = holds[has], keeps[has]
            spans[some, i, 0] = valid_at[first[some] + keeps.argmax(axis=1)]
            spans[some, i, 1] = valid_at[hours.last_of(some, keeps)]
    return Worst(series[first], pick, keeper, onset_at, held, spans)


@dataclass(frozen=True, slots=True)
class _Hours:
    """Rows of s series that follow one another, as a grid of h columns: of a shorter one its last
    row stands there again, where it is the first of nothing.

    first, size  of each series its first row, and how many it has
    index        the rows, shape (s, h); None: all have as many, and the grid is the rows themselves
    """

    first: Ints
    size: Ints
    index: Ints | None

    @staticmethod
    def of(series: Ints) -> _Hours:
        is_first = np.ones(len(series), bool)
        np.not_equal(series[1:], series[:-1], out=is_first[1:])
        (first,) = np.nonzero(is_first)
        size = np.empty(len(first), np.int64)
        np.subtract(first[1:], first[:-1], out=size[:-1])
        size[-1] = len(series) - first[-1]
        longest = size.max()
        if size.min() == longest:
            return _Hours(first, size, None)
        column = np.arange(longest)
        return _Hours(first, size, first[:, None] + np.minimum(column, size[:, None] - 1))

    def grid(self, column: Any) -> Any:
        """A column of the rows, shape (s, h)."""
        return column.reshape(len(self.first), -1) if self.index is None else column[self.index]

    def last_of(self, some: Ints, keeps: Bools) -> Ints:
        """The last row of some series that is kept: of each one is, by column of its grid."""
        columns = keeps.shape[1]
        last = columns - 1 - keeps[:, ::-1].argmax(axis=1)
        rows: Ints = self.first[some] + np.minimum(last, self.size[some] - 1)
        return rows
