"""Rows of a table that lie side by side in runs, and what columns have of them."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from atalaia.domain.reading import Ints

_LONG = 100
"""Runs of so many rows, in the mean, are copied one by one; of shorter ones each row is."""

T = TypeVar("T", bound=np.generic)


class RowRuns:
    """Rows from `start` to `stop` - 1, of one run after the other; they may overlap."""

    __slots__ = ("_at", "_n", "_start", "_stop")

    def __init__(self, start: Ints, stop: Ints) -> None:
        self._start, self._stop = start, stop
        self._n = int((stop - start).sum())
        self._at: Ints | None = None

    @classmethod
    def of_rows(cls, at: Ints) -> RowRuns:
        """These rows, in this order."""
        new = cls(at, at + 1)
        new._at = at
        return new

    def __len__(self) -> int:
        """How many rows they have."""
        return self._n

    @property
    def at(self) -> Ints:
        """The rows."""
        if self._at is None:
            self._at = spans(self._start, self._stop)
        return self._at

    def of(self, column: NDArray[T]) -> NDArray[T]:
        """The column of all these rows."""
        if self._is_long:
            # Joined as bytes: NumPy's `concatenate` takes five times as long a piece.
            whole = column.data
            pairs = zip(self._start.tolist(), self._stop.tolist(), strict=True)
            joined = b"".join([whole[a:b] for a, b in pairs])
            return np.frombuffer(joined, column.dtype)
        return column.take(self.at)

    def put_some(self, column: NDArray[T], which: Ints, out: NDArray[T]) -> None:
        """Write what the column has of some of them, by position among these rows."""
        of, at = (self.of(column), which) if self._is_long else (column, self.at.take(which))
        # With `raise`, which is NumPy's own way, it would be written elsewhere first.
        of.take(at, out=out, mode="clip")

    @property
    def _is_long(self) -> bool:
        return self._n >= _LONG * max(len(self._start), 1)


def spans(start: Ints, stop: Ints) -> Ints:
    """All of start … stop - 1 of each pair, one pair after the other."""
    n = stop - start
    spanned: Ints = np.repeat(start - (np.cumsum(n) - n), n)
    spanned += np.arange(len(spanned))
    return spanned


def once(rows: Ints) -> Ints:
    """Each row once, sorted: NumPy's `unique` takes thirty times as long as the sort."""
    rows = np.sort(rows)
    return rows[np.diff(rows, prepend=-1) > 0]
