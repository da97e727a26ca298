"""How often something comes, learned from the gaps between what came: of each series by itself.

A source is asked every quarter of an hour and gives a variable by the hour; a station states
periods of a second and tells them twice a minute; another one reports every three hours. What
counts as a gap, and as silence, is measured by that habit and not by what was configured.

The interval is the upper quartile of the last eight gaps: one outage, or a burst of special
reports, is no habit.
"""

from __future__ import annotations

import numpy as np

from atalaia.detect.by_series import BySeries
from atalaia.domain.reading import NO_TIME, Ints

KEPT = 8
"""Gaps that are remembered of each series."""

_AT_ONCE = 2_048
"""Series that learn together: their gaps are no memory that is asked of the system anew."""


class Cadence:
    """By number of the series, like all columns of `SeriesTable`.

    last_at   when it came last; NO_TIME: never
    gaps      the last gaps in seconds, shape (series, KEPT), oldest first; 0: none
    interval  learned, in seconds; 0: not yet
    _even     how many of the last gaps there are, where all are the interval; else -1. While it
              is not, `gaps` is not kept up: what never changes costs nothing
    """

    def __init__(self, size: int) -> None:
        self.last_at = np.full(size, NO_TIME, np.int64)
        self.gaps = np.zeros((size, KEPT), np.int64)
        self.interval = np.zeros(size, np.int64)
        self._even = np.zeros(size, np.int8)

    def grow(self, size: int) -> None:
        """Make room for more series."""
        more = size - len(self.last_at)
        self.last_at = np.concatenate([self.last_at, np.full(more, NO_TIME, np.int64)])
        self.gaps = np.concatenate([self.gaps, np.zeros((more, KEPT), np.int64)])
        self.interval = np.concatenate([self.interval, np.zeros(more, np.int64)])
        self._even = np.concatenate([self._even, np.zeros(more, np.int8)])

    def put(self, number: int, last_at: int, gaps: list[int]) -> None:
        """Take up what was kept of one series."""
        self.last_at[number] = last_at
        self.gaps[number, KEPT - len(gaps) :] = gaps
        self.interval[number] = _usual(self.gaps[number : number + 1])[0]
        self._note_even(np.array([number]))

    def kept(self, numbers: Ints) -> list[tuple[int, list[int]]]:
        """What is to be kept of some series, of each for `put`; lists may be one and the same."""
        even = self._even[numbers]
        told = list(zip(self.interval[numbers].tolist(), even.tolist(), strict=True))
        alike = {pair: [pair[0]] * pair[1] for pair in set(told)}
        gaps = [alike[pair] for pair in told]
        uneven = np.flatnonzero(even < 0)
        mine = self.gaps[numbers[uneven]]
        first = (mine > 0).argmax(axis=1)
        for i, one, start in zip(*(each.tolist() for each in (uneven, mine, first)), strict=True):
            gaps[i] = one[start:]
        return list(zip(self.last_at[numbers].tolist(), gaps, strict=True))

    def columns(self, numbers: Ints) -> tuple[Ints, Ints, Ints]:
        """The same in columns: when each came last; its gaps, shape (KEPT, n), not to be changed;
        and how many of these there are, the last ones."""
        count, interval = self._even[numbers].astype(np.int64), self.interval[numbers]
        gaps: Ints = np.broadcast_to(interval, (KEPT, len(numbers)))
        uneven = np.flatnonzero(count < 0)
        if len(uneven):
            mine = self.gaps[numbers[uneven]]
            gaps = gaps.copy()
            gaps[:, uneven] = mine.T
            count[uneven] = KEPT - (mine > 0).argmax(axis=1)
        return self.last_at[numbers], gaps, count

    def hear(self, series: BySeries, at: Ints) -> tuple[Ints, Ints, Ints]:
        """What came of each of the series, and when, shape (n,).

        Returns, for each row, the gap before it (0: nothing came before), the interval as it was
        known before it, and after it (0: not yet). The three are one array where all came after
        just that interval, as they mostly do: then there is nothing to learn.
        """
        before_at = series.before(at, self.last_at)
        known = self.interval[series.at].copy()
        # Of several assignments to one series numpy keeps the last, which is the newest.
        self.last_at[series.at] = at
        even = self._even[series.at]
        if (before_at + known == at).all() and even.min(initial=0) >= 0:
            self._count(series, known, even)
            return known, known, known
        gap = _gaps(at, before_at)
        after = self._learn(series, gap)
        if series.are_single:
            return gap, known, after
        before = np.empty(len(at), np.int64)
        before[1:] = after[:-1]
        before[series.is_first] = known[series.is_first]
        return gap, before, after

    def _learn(self, series: BySeries, gap: Ints) -> Ints:
        """The interval after each row."""
        if series.are_single:
            parts = range(0, len(gap), _AT_ONCE)
            some = [slice(start, start + _AT_ONCE) for start in parts]
            return np.concatenate([self._learn_one_each(series.number[i], gap[i]) for i in some])
        starts = series.starts()
        numbers = series.number[starts]
        self._write_out(numbers)
        # Each series' rows behind what is remembered of it, and windows of KEPT over both.
        row = np.arange(len(gap)) + KEPT * np.cumsum(series.is_first)
        told = np.empty(len(gap) + KEPT * len(starts), np.int64)
        told[row] = gap
        told[(row[starts] - KEPT)[:, None] + np.arange(KEPT)] = self.gaps[numbers]
        windows = np.lib.stride_tricks.sliding_window_view(told, KEPT)[row - KEPT + 1]
        after = _usual(windows)
        stops = np.append(starts[1:], len(gap)) - 1
        self._keep(numbers, windows[stops], after[stops])
        return after

    def _learn_one_each(self, numbers: Ints, gap: Ints) -> Ints:
        """The same of rows of a series each."""
        self._write_out(numbers)
        # One place further on, each row is without its oldest gap and ends with the next one's.
        told = np.empty(len(gap) * KEPT + 1, np.int64)
        np.take(self.gaps, numbers, axis=0, out=told[:-1].reshape(-1, KEPT), mode="clip")
        gaps = told[1:].reshape(-1, KEPT)
        gaps[:, -1] = gap
        after = _usual(gaps)
        self._keep(numbers, gaps, after)
        return after

    def _keep(self, numbers: Ints, gaps: Ints, interval: Ints) -> None:
        self.gaps[numbers], self.interval[numbers] = gaps, interval
        self._even[numbers] = -1
        oldest, newest = gaps[:, 0], gaps[:, -1]
        may_be_even = (newest == interval) & ((oldest == interval) | (oldest == 0))
        if may_be_even.any():
            self._note_even(numbers[may_be_even])

    def _count(self, series: BySeries, gap: Ints, even: Ints) -> None:
        """Once more the same."""
        if even.min(initial=KEPT) == KEPT:
            return
        if series.are_single:
            self._even[series.at] = np.minimum(even + (gap > 0), KEPT)
            return
        starts = series.starts()
        more = np.add.reduceat((gap > 0).astype(np.int64), starts)
        self._even[series.number[starts]] = np.minimum(even[starts] + more, KEPT)

    def _note_even(self, numbers: Ints) -> None:
        gaps = self.gaps[numbers]
        # Gaps of 0 stand among others where an instant came twice: then they take up room.
        is_even = ((gaps == self.interval[numbers, None]) | (np.cumsum(gaps, axis=1) == 0)).all(1)
        self._even[numbers] = np.where(is_even, (gaps > 0).sum(axis=1), -1)

    def _write_out(self, numbers: Ints) -> None:
        """Bring `gaps` up to what was only counted."""
        numbers = numbers[self._even[numbers] >= 0]
        if len(numbers):
            places = np.arange(KEPT) >= KEPT - self._even[numbers, None]
            self.gaps[numbers] = np.where(places, self.interval[numbers, None], 0)


def _usual(gaps: Ints) -> Ints:
    """The upper quartile (the lower of two) of the gaps that there are, row by row; 0: none."""
    ordered = np.sort(gaps, axis=1)
    if ordered[:, 0].min(initial=1) > 0:  # as mostly, after a while: there are KEPT
        return ordered[:, 3 * (KEPT - 1) // 4]
    known = (ordered > 0).sum(axis=1)
    place = np.where(known, KEPT - known + 3 * (known - 1) // 4, 0)
    usual: Ints = np.where(known, ordered[np.arange(len(ordered)), place], 0)
    return usual


def _gaps(at: Ints, before_at: Ints) -> Ints:
    """Seconds since the instants before; 0: there was none, or it is not before."""
    gap = np.maximum(at - before_at, 0)
    is_new = before_at == NO_TIME
    return np.where(is_new, 0, gap) if is_new.any() else gap
