"""Sums, means and changes over time windows, on columns.

Rows come as a `Block`: one variable, sorted by series, then valid_at. Each function gives for
every row the measure over the window that ends there, as two bounds:

- `value`, what is known for certain to have been reached (NaN: nothing can be said). It raises;
- `ceiling`, what it may have been at most, given what is missing. Only a ceiling past the exit
  limit lowers, so that a partial sum (ceiling inf) may raise and never lowers.

Where small values are dangerous the two change places (`findings.levels`).

Rain is added up in whole micrometres: sums of integers are exact, so they do not depend on how
rows are cut into batches.

The runs of an ensemble share their places, times and periods: of them a block's values have a
leading axis (m, n), and so has what `rolling_sum` and `rolling_mean` make of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from atalaia.detect import sums
from atalaia.domain.local import local_day
from atalaia.domain.reading import Bools, Floats, Ints

COVERAGE = 0.75
"""The share of a window that must be covered for a mean or a change."""

_SPAN = 1 << 40  # wider than any Unix time: (series, time) as one sortable integer


@dataclass(frozen=True, slots=True)
class Block:
    """n rows of one variable, without missing values, sorted by series, valid_at and period_s.

    value      shape (n,), or of m runs (m, n)
    period_s   as stated; 0: not
    stands_s   how long a row stands for what came before it at most, where nothing is stated
    kind       a `Kind`
    is_suspect doubted by `check`
    """

    series: Ints
    valid_at: Ints
    period_s: Ints
    value: Floats
    stands_s: Ints
    kind: Ints
    is_suspect: Bools

    @property
    def key(self) -> Ints:
        """(series, valid_at) as one increasing integer."""
        return key_of(self.series, self.valid_at)

    def take(self, rows: Ints | Bools) -> Block:
        """The chosen rows."""
        return Block(*(getattr(self, name)[..., rows] for name in Block.__slots__))


def key_of(series: Ints, valid_at: Ints) -> Ints:
    """(series, valid_at) as one increasing integer."""
    key: Ints = series.astype(np.int64) * _SPAN + valid_at
    return key


def rolling_sum(block: Block, window_s: int, at: Ints | None = None) -> tuple[Floats, Floats]:
    """What fell in (t - window, t] at least, and at most, at the rows `at` (None: at all).

    See `sums` for what that means where periods overlap or leave gaps. A period that is not stated
    is the time since the row before, at most `stands_s`.
    """
    at = np.arange(len(block.series)) if at is None else at
    amount = np.round(block.value * 1000).astype(np.int64)
    period, gaps, tangled = laid_out(block)
    if amount.ndim > 1 and len(tangled):
        runs = [rolling_sum(replace(block, value=run), window_s, at) for run in block.value]
        return np.stack([value for value, _ in runs]), np.stack([top for _, top in runs])
    shape = (*amount.shape[:-1], len(at))
    least, most = np.zeros(shape, np.int64), np.full(shape, np.inf)
    is_plain = ~np.isin(block.series[at], tangled)
    if is_plain.any():
        # Running totals must not run through series that are out of order.
        chosen = np.flatnonzero(~np.isin(block.series, tangled))
        rows = np.searchsorted(chosen, at[is_plain])
        plain = block.take(chosen)
        least[..., is_plain], most[..., is_plain] = _plain_sums(
            plain, period[chosen], amount[..., chosen], gaps[chosen], window_s, rows
        )
    for number in tangled:
        asked = np.flatnonzero(block.series[at] == number)
        if len(asked):
            mine = _near(block, period, number, at[asked], window_s)
            periods = sums.Periods(block.valid_at[mine], period[mine], amount[mine])
            for i in asked:
                least[i], most[i] = periods.within(int(block.valid_at[at[i]]), window_s)
    # Where periods contradict one another (two gauges under one name), the larger word counts.
    return least / 1000, np.maximum(least, most) / 1000


class LaidOut(NamedTuple):
    """How the periods of a block lie.

    period    how long each is, in seconds; 0: not known
    gaps      which leave a gap to the row before
    tangled   the series of which some overlap
    """

    period: Ints
    gaps: Bools
    tangled: Ints


def laid_out(block: Block) -> LaidOut:
    """How its periods lie, whatever fell in them."""
    period = _periods(block)
    slack = sums.tolerance(period)
    begin = block.key - period
    overlaps, gaps = sums.are_side_by_side(block.series, begin, block.key, slack)
    late = begin - slack
    overlaps[1:] |= (late[1:] < late[:-1]) & (block.series[1:] == block.series[:-1])
    return LaidOut(period, gaps, np.unique(block.series[overlaps]))


def _near(block: Block, period: Ints, number: int, at: Ints, window_s: int) -> Ints:
    """The rows of a series that windows ending at `at` go by, and those that tell parts of them."""
    mine = np.flatnonzero(block.series == number)
    end = block.valid_at[mine]
    asked = block.valid_at[at]
    opens = int(asked.min()) - window_s
    reaches = period[mine][end > opens].max(initial=0)
    near: Ints = mine[(end > opens - reaches) & (end <= asked.max())]
    return near


def _periods(block: Block) -> Ints:
    """How long each row's period is, in seconds; 0: not known."""
    period = block.period_s.astype(np.int64)
    if not (period == 0).any():
        return period
    since = np.zeros(len(period), np.int64)
    since[1:] = np.where(block.series[1:] == block.series[:-1], np.diff(block.valid_at), 0)
    known: Ints = np.where(period > 0, period, np.minimum(since, block.stands_s))
    return known


def _plain_sums(
    block: Block, period: Ints, amount: Ints, gaps: Bools, window_s: int, at: Ints
) -> tuple[Ints, Floats]:
    """Both bounds by differences of running totals, where periods follow one another."""
    key, through = block.key, at + 1
    begin, slack = key - period, sums.tolerance(period)
    opens = key[at] - window_s
    total = _running(amount)
    least = total[..., through] - total[..., first_inside(key, period, window_s, at)]
    # A cover begins with the last period that begins by the time at which the window opens.
    start = np.searchsorted(begin - slack, opens, "right") - 1
    breaks = np.cumsum(gaps)
    is_covered = (start >= 0) & (start < through) & (breaks[np.maximum(start, 0)] == breaks[at])
    is_covered &= (period[at] > 0) & (period[np.maximum(start, 0)] > 0)
    since = total[..., through] - total[..., np.maximum(start, 0)]
    most = np.where(is_covered, since, np.inf)
    return least, most


def first_inside(key: Ints, period: Ints, window_s: int, at: Ints) -> Ints:
    """Of windows that end at the rows `at` the first row that lies in each, or the one after it
    where none does; of rows that follow one another."""
    inside = np.where(period > 0, key - period + sums.tolerance(period), key - 1)
    first: Ints = np.minimum(np.searchsorted(inside, key[at] - window_s, "left"), at + 1)
    return first


def _running(amount: Ints) -> Any:
    """Running totals along the last axis, from 0 on: one more than there are amounts."""
    total = np.zeros((*amount.shape[:-1], amount.shape[-1] + 1), np.int64)
    np.cumsum(amount, axis=-1, out=total[..., 1:])
    return total


def rolling_mean(block: Block, window_s: int) -> tuple[Floats, Floats]:
    """Mean over (t - window, t]; NaN under 75 % coverage, a row covering the time since the row
    before it, at most `stands_s`. Value and ceiling are the same."""
    milli = np.round(block.value * 1000).astype(np.int64)
    from_row, is_covered = mean_of(block, window_s)
    through = np.arange(1, len(from_row) + 1)
    sums = _running(milli)
    mean = (sums[..., through] - sums[..., from_row]) / 1000 / (through - from_row)
    mean[..., ~is_covered] = np.nan
    return mean, mean


def mean_of(block: Block, window_s: int) -> tuple[Ints, Bools]:
    """Of the window that ends at each row the first row that its mean is of, and whether that is
    enough of it."""
    gap = np.zeros(len(block.series), np.int64)
    gap[1:] = np.where(block.series[1:] == block.series[:-1], np.diff(block.valid_at), 0)
    covers = np.where(gap == 0, block.period_s, np.minimum(gap, block.stands_s)).astype(np.int64)
    from_row = np.searchsorted(block.key, block.key - window_s, side="right")
    seconds = _running(covers)
    return from_row, seconds[1:] - seconds[from_row] >= COVERAGE * window_s


def change(block: Block, window_s: int) -> tuple[Floats, Floats]:
    """Value less the value a window ago (the newest from between 1 and 1⅓ windows before)."""
    milli = np.round(block.value * 1000).astype(np.int64)
    ago = np.searchsorted(block.key, block.key - window_s, side="right") - 1
    known = ago >= 0
    ago = np.maximum(ago, 0)
    known &= block.key - block.key[ago] <= window_s / COVERAGE
    difference = np.where(known, (milli - milli[ago]) / 1000, np.nan)
    return difference, difference


def day_change(block: Block, zones: list[str]) -> tuple[Floats, Floats]:
    """The local day's minimum so far less the minimum of the day before.

    `zones` has the time zone of each series number. The day before needs 75 % of its hours.
    The minimum so far can only fall, so the value is at once a bound of the whole day's change;
    it eases from the next day on.
    """
    value = np.full(len(block.value), np.nan)
    for number in np.unique(block.series):
        rows = np.flatnonzero(block.series == number)
        days = local_day(block.valid_at[rows], zones[number])
        milli = np.round(block.value[rows] * 1000)
        for day in np.unique(days):
            before = days == day - 1
            hours = np.unique(block.valid_at[rows][before] // 3600)
            if len(hours) < COVERAGE * 24:
                continue
            today = days == day
            so_far = np.minimum.accumulate(milli[today])
            value[rows[today]] = (so_far - milli[before].min()) / 1000
    return value, value


def days_in_a_row(
    block: Block, zones: list[str], limit: Floats, sign: int
) -> tuple[Floats, Floats]:
    """Local days in a row, ending with today, of which some value passes its own `limit`.

    Where a row's limit is NaN (of a place without a climate) nothing is known. Today counts as
    soon as it passes. A day without 75 % of its hours that did not pass breaks nothing off for
    certain: the ceiling is then inf.
    """
    value = np.zeros(len(block.value))
    ceiling = np.zeros(len(block.value))
    for number in np.unique(block.series):
        rows = np.flatnonzero(block.series == number)
        days = local_day(block.valid_at[rows], zones[number])
        passes = sign * block.value[rows] >= sign * limit[rows]
        passed = {int(day) for day in np.unique(days[passes])}
        hours = {int(d): len(np.unique(block.valid_at[rows][days == d] // 3600)) for d in set(days)}
        for row, day, so_far in zip(rows, days, _any_so_far(days, passes), strict=True):
            run = int(so_far)
            previous = int(day) - 1
            while previous in passed:
                run += 1
                previous -= 1
            value[row] = run
            ended_unseen = hours.get(previous, 0) < COVERAGE * 24 and previous >= days[0]
            # Today may still carry on a run; it cannot carry on what yesterday broke off.
            ceiling[row] = np.inf if ended_unseen else run + (run > 0 and not so_far)
    value[np.isnan(limit)] = ceiling[np.isnan(limit)] = np.nan
    return value, ceiling


def _any_so_far(days: Ints, passes: Bools) -> Bools:
    """Whether a row of the same day, up to and including this one, passes."""
    out = np.zeros(len(days), bool)
    for day in np.unique(days):
        today = days == day
        out[today] = np.logical_or.accumulate(passes[today])
    return out


def kth_largest(value: Floats, ceiling: Floats, k: int) -> tuple[Floats, Floats]:
    """Of the places in each row of (t, n) arrays, the value that at least k of them reach.

    A missing value counts as -inf for the value and as inf for the ceiling: k places must pass
    for certain to raise, and so many must be known to be calm before it lowers.
    """
    if value.shape[1] < k:
        nothing = np.full(len(value), np.nan)
        return nothing, nothing
    low = np.where(np.isnan(value), -np.inf, value)
    high = np.where(np.isnan(value), np.inf, ceiling)
    reached = -np.partition(-low, k - 1, axis=1)[:, k - 1]
    at_most = -np.partition(-high, k - 1, axis=1)[:, k - 1]
    reached[np.isneginf(reached)] = np.nan
    return reached, at_most
