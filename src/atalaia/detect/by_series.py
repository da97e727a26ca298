"""Rows sorted by series, then time, and where they stand in what is remembered of series.

A poll brings one row each of neighbouring series. Their part of a column is then a slice: what is
remembered is read and written as it lies, and nothing is looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from atalaia.domain.reading import Bools, Ints

Column = TypeVar("Column", bound=NDArray[Any])


@dataclass(frozen=True, slots=True, eq=False)
class BySeries:
    """The series of n rows, sorted by it, and by time within each.

    number      of each row's series, shape (n,)
    at          the same as an index of a column of `SeriesTable`: a slice where each series is the
                neighbour of the one before it; else `number`
    is_first    which rows are the first of their series, shape (n,)
    are_single  each row is the only one of its series
    """

    number: Ints
    at: Ints | slice
    is_first: Bools
    are_single: bool

    @staticmethod
    def of(number: Ints) -> BySeries:
        """Of the numbers of series, sorted."""
        n = len(number)
        is_first = np.ones(n, bool)
        if n and number[-1] - number[0] == n - 1 and (number[1:] > number[:-1]).all():
            run = slice(int(number[0]), int(number[-1]) + 1)
            return BySeries(number, run, is_first, are_single=True)
        np.not_equal(number[1:], number[:-1], out=is_first[1:])
        return BySeries(number, number, is_first, bool(is_first.all()))

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows: Ints | Bools) -> BySeries:
        """Of the given rows (positions that ascend, or a mask)."""
        return BySeries.of(self.number[rows])

    def before(self, column: Column, remembered: Column) -> Column:
        """What `column` has before each row, shape (n,), of its own: the row before it in its
        series, or what is remembered of that."""
        if self.are_single:
            return remembered[self.at].copy()  # type: ignore[return-value]
        out = np.empty(len(column), remembered.dtype)
        out[1:] = column[:-1]
        out[self.is_first] = remembered[self.number[self.is_first]]
        return out  # type: ignore[return-value]

    def starts(self) -> Ints:
        """Positions of the first row of each series."""
        return np.flatnonzero(self.is_first)
