"""What fell in a window at least, and at most, where stated periods overlap: one series at a time.

Amounts are of periods: the last quarter of an hour beside the full hours, a rolling hour told every
minute, two gauges under one name. Of such periods

- the least that fell in a window is the largest sum of periods that lie in it and do not overlap;
- the most is the smallest sum of periods that cover it; without a cover, anything may have fallen.

Clocks drift: two periods that overlap by less than a tenth of the shorter one stand side by side,
and what is missing between two that are so close is no gap. Where shorter periods tell a part of a
longer one from its beginning or up to its end, the rest of it is the difference.

A window costs O(rows · log rows): both bounds are one pass over its periods in the order of their
ends (weighted interval scheduling, and the cheapest cover of a line).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from atalaia.domain.reading import Bools, Ints

MOST_PERIODS = 2_000
"""Periods of a window that are looked at. Where there are more (a day of rolling hours, told every
few seconds), as many are taken at even distances: both bounds stay true, and are less narrow."""

_FAR = 1 << 60


def tolerance(period_s: Ints) -> Ints:
    """Whole seconds under a tenth of each period."""
    seconds: Ints = np.maximum(period_s - 1, 0) // 10
    return seconds


class Periods:
    """The periods of one series, by their ends; `amount` in whole thousandths.

    `end` (ascending) and `period_s` have shape (n,), in seconds. What is asked for is at one of
    these ends, and goes by the periods that end up to there.
    """

    def __init__(self, end: Ints, period_s: Ints, amount: Ints) -> None:
        parts = _rests(end, end - period_s, amount, tolerance(period_s))
        known = np.concatenate([end, parts[:, 3]]).astype(np.int64)
        ends = np.concatenate([end, parts[:, 1]]).astype(np.int64)
        begins = np.concatenate([end - period_s, parts[:, 0]]).astype(np.int64)
        amounts = np.concatenate([amount, parts[:, 2]]).astype(np.int64)
        order = np.lexsort((begins, ends))
        self._end, self._begin = ends[order], begins[order]
        self._tolerance = tolerance(self._end - self._begin)
        self._amount, self._known = amounts[order], known[order]
        self._fallen = np.concatenate(([0], np.cumsum(self._amount)))
        # A rest is covered by the period that it is of, once that is known.
        is_rest = (order >= len(end)).astype(bool)
        since_begin = np.where(is_rest, self._end, self._begin)
        self._covered = (self._end, since_begin, self._tolerance)
        self._before = np.searchsorted(self._end, self._begin, "right")
        self._beside = np.searchsorted(self._end, self._begin + self._tolerance, "right")

    @cached_property
    def _since(self) -> Ints:
        return covered_since(*self._covered)

    def within(self, at: int, window_s: int) -> tuple[int, float]:
        """(least, most) that fell in (at - window, at]; the most is inf where something may be
        missing."""
        opens = at - window_s
        first = int(np.searchsorted(self._end, opens, "right"))
        stop = int(np.searchsorted(self._end, at, "right"))
        if self._fallen[stop] == self._fallen[first]:
            # Dry, as nearly always: all that is asked is whether all of it was seen.
            return 0, 0 if self._since[stop - 1] <= opens else np.inf
        chosen = np.arange(first, stop)
        chosen = chosen[self._known[chosen] <= at]
        if len(chosen) > MOST_PERIODS:
            step = -(-len(chosen) // MOST_PERIODS)
            chosen = chosen[(len(chosen) - 1) % step :: step]
        return self._least(chosen, opens), self._most(chosen, opens, at)

    def _least(self, chosen: Ints, opens: int) -> int:
        """The largest sum of the chosen periods that lie in the window side by side."""
        lies_in = (self._begin[chosen] + self._tolerance[chosen] >= opens) & (
            self._begin[chosen] < self._end[chosen]
        )
        # A point (an amount of which no period is known) fell at its time.
        lies_in |= (self._begin[chosen] == self._end[chosen]) & (self._end[chosen] > opens)
        inside = chosen[lies_in]
        before = np.searchsorted(inside, self._before[inside]).tolist()
        beside = np.searchsorted(inside, self._beside[inside]).tolist()
        amounts = self._amount[inside].tolist()
        is_even = len(inside) == 0 or bool(np.ptp(self._tolerance[inside]) == 0)
        best = [0]
        taken: list[int] = []
        for i, (amount, start, stop) in enumerate(zip(amounts, before, beside, strict=True)):
            if is_even:
                # Of periods of one length all that end by then stand beside it.
                so_far = best[stop if stop < i else i]
            else:
                so_far = best[start if start < i else i]
                if start < stop and start < i:
                    so_far = max(so_far, self._best_beside(inside, taken, i, start, min(stop, i)))
            both = amount + so_far
            taken.append(both)
            best.append(both if both > best[i] else best[i])
        return best[-1]

    def _best_beside(self, inside: Ints, taken: list[int], i: int, start: int, stop: int) -> int:
        """The best that ends after the i-th period begins, by less than a tenth of both."""
        begin = self._begin[inside[i]]
        near = inside[start:stop]
        fits = self._end[near] - begin <= self._tolerance[near]
        if fits.all():
            return max(taken[start:stop])
        return max((taken[start + int(k)] for k in np.flatnonzero(fits)), default=0)

    def _most(self, chosen: Ints, opens: int, at: int) -> float:
        """The smallest sum of the chosen periods that cover the window."""
        ends: list[int] = []
        costs: list[int] = []
        slacks: list[int] = []
        columns = (self._begin, self._end, self._tolerance, self._amount)
        for begin, end, slack, amount in zip(
            *(column[chosen].tolist() for column in columns), strict=True
        ):
            if begin == end:
                continue
            if begin - slack <= opens:
                cost = amount
            else:
                cost = amount + _cheapest(ends, costs, slacks, begin, slack)
                if cost >= _FAR:
                    continue
            # Of two covers the one that reaches further and costs no more is always better.
            while costs and costs[-1] >= cost:
                costs.pop()
                last, its = ends.pop(), slacks.pop()
                slack = max(slack, its) if last == end else slack  # noqa: PLW2901
            ends.append(end)
            costs.append(cost)
            slacks.append(slack)
        found = bisect_left(ends, at)
        return float(costs[found]) if found < len(ends) else np.inf


def _cheapest(
    ends: Sequence[int], costs: Sequence[int], slacks: Sequence[int], begin: int, slack: int
) -> int:
    """The least that a cover costs which reaches to `begin`, or nearly: costs grow with ends."""
    found = bisect_left(ends, begin)
    cost = costs[found] if found < len(ends) else _FAR
    while found and begin - ends[found - 1] <= slack:
        found -= 1
        if begin - ends[found] <= slacks[found]:
            cost = min(cost, costs[found])
    return cost


def covered_since(end: Ints, begin: Ints, slack: Ints) -> Ints:
    """For each period since when all up to its end is covered, less what may be missing."""
    since = np.empty(len(end), np.int64)
    runs: list[tuple[int, int, int]] = []  # (since, end, slack) of stretches without a gap
    for i, (first, last, most) in enumerate(
        zip(begin.tolist(), end.tolist(), slack.tolist(), strict=True)
    ):
        start = first - most
        while runs and (runs[-1][1] >= first or first - runs[-1][1] <= min(most, runs[-1][2])):
            start = min(start, runs.pop()[0])
        if first < last or start < first:
            runs.append((start, last, most))
        since[i] = start
    return since


def _rests(end: Ints, begin: Ints, amount: Ints, slack: Ints) -> Ints:
    """What is left of each period beside shorter ones that tell a part of it.

    Rows of (begin, end, amount, known), shape (m, 4): known is the end of the longer period.
    """
    rests: list[tuple[int, int, int, int]] = []
    lengths = end - begin
    if len(end) and lengths.min() < lengths.max():
        by_begin, by_end = np.argsort(begin, kind="stable"), np.argsort(end, kind="stable")
        columns = [column.tolist() for column in (begin, end, amount, slack)]
        forward = _Chain(columns, by_begin, begin[by_begin].tolist(), 0, 1)
        backward = _Chain(columns, by_end, end[by_end].tolist(), 1, 0)
        for i in np.flatnonzero((amount > 0) & (lengths > lengths.min())).tolist():
            opens, closes, whole = columns[0][i], columns[1][i], columns[2][i]
            upto, told = forward.walk(i)
            if opens < upto < closes - columns[3][i]:
                rests.append((upto, closes, max(0, whole - told), closes))
            downto, told = backward.walk(i)
            if opens + columns[3][i] < downto < closes:
                rests.append((opens, downto, max(0, whole - told), closes))
    return np.array(rests, np.int64).reshape(-1, 4)


class _Chain:
    """Walks from one edge of a period along shorter ones that lie in it, end to end."""

    def __init__(
        self, columns: list[list[int]], order: Ints, edges: list[int], near: int, far: int
    ) -> None:
        self.begin, self.end, self.amount, self.slack = columns
        self.near, self.far = columns[near], columns[far]
        self.order, self.edges = order.tolist(), edges
        self.sign = 1 if near == 0 else -1

    def walk(self, i: int) -> tuple[int, int]:
        """How far it comes in the i-th period, and what fell on the way."""
        at, told, slack = self.near[i], 0, self.slack[i]
        while True:
            k = self._next(i, at, slack)
            if k is None:
                return at, told
            at, told, slack = self.far[k], told + self.amount[k], self.slack[k]

    def _next(self, i: int, at: int, slack: int) -> int | None:
        """The longest that begins (going backward: ends) there."""
        found, length = None, 0
        low, high = bisect_left(self.edges, at - slack), bisect_right(self.edges, at + slack)
        for k in self.order[low:high]:
            its = self.end[k] - self.begin[k]
            lies_in = (
                self.begin[k] >= self.begin[i] - self.slack[k]
                and self.end[k] <= self.end[i] + self.slack[k]
            )
            is_next = abs(self.near[k] - at) <= min(slack, self.slack[k])
            is_on = self.sign * (self.far[k] - at) > 0
            if is_next and is_on and lies_in and length < its < self.end[i] - self.begin[i]:
                found, length = k, its
        return found


def are_side_by_side(series: Ints, begin: Ints, end: Ints, slack: Ints) -> tuple[Bools, Bools]:
    """(overlaps the row before it, leaves a gap to it), of rows sorted by series, then end."""
    overlaps, gaps = np.zeros(len(end), bool), np.ones(len(end), bool)
    same = series[1:] == series[:-1]
    most = np.minimum(slack[1:], slack[:-1])
    between = begin[1:] - end[:-1]
    overlaps[1:] = same & (between < -most)
    gaps[1:] = ~same | (between > most)
    return overlaps, gaps
