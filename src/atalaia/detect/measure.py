"""Sums, means and changes over time windows, on columns.

Rows come as a `Block`: one variable, sorted by series, then valid_at. Each function gives for
every row the measure over the window that ends there, as two bounds:

- `value`, what is known for certain to have been reached (NaN: nothing can be said). It raises;
- `ceiling`, what it may have been at most, given what is missing. Only a ceiling past the exit
  limit lowers, so that a partial sum (ceiling inf) may raise and never lowers.

Rain is added up in whole micrometres: sums of integers are exact, so they do not depend on how
rows are cut into batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atalaia.domain.local import local_day
from atalaia.domain.reading import Bools, Floats, Ints

COVERAGE = 0.75
"""The share of a window that must be covered for a mean or a change."""

_SPAN = 1 << 40  # wider than any Unix time: (series, time) as one sortable integer


@dataclass(frozen=True, slots=True)
class Block:
    """n rows of one variable, without missing values, sorted by series, then valid_at."""

    series: Ints
    valid_at: Ints
    period_s: Ints
    value: Floats

    @property
    def key(self) -> Ints:
        """(series, valid_at) as one increasing integer."""
        key: Ints = self.series.astype(np.int64) * _SPAN + self.valid_at
        return key


def rolling_sum(block: Block, window_s: int) -> tuple[Floats, Floats]:
    """Sum over (t - window, t] of periods that do not overlap and lie within the window.

    The ceiling is the sum itself where the periods cover the whole window, inf otherwise. A
    period of 0 (not stated) adds its amount and covers nothing.
    """
    amount = np.round(block.value * 1000).astype(np.int64)
    begins = block.key - block.period_s
    overlaps = np.zeros(len(amount), bool)
    overlaps[1:] = (begins[1:] < block.key[:-1]) & (block.series[1:] == block.series[:-1])
    # A sum that is longer than the window does not lie in it, and its neighbours do.
    fits = block.period_s <= window_s
    total, covered = _sums(block.key, begins, amount, block.period_s, window_s, fits)
    for number in np.unique(block.series[overlaps]):
        rows = np.flatnonzero(block.series == number)
        for end in rows:
            total[end], covered[end] = _greedy(block, rows[rows <= end], amount, window_s)
    value = total / 1000
    # Where the row itself is longer than the window and nothing else lies in it, nothing is known.
    value[(covered == 0) & ~fits] = np.nan
    return value, np.where(covered >= window_s, value, np.inf)


def _sums(
    key: Ints, begins: Ints, amount: Ints, period: Ints, window_s: int, fits: Bools
) -> tuple[Ints, Ints]:
    """Sum and covered seconds by differences of running totals; exact, as all are integers."""
    from_row = np.searchsorted(begins, key - window_s, side="left")
    if (period == 0).any():
        # Without a period, what was told at the window's opening fell before it.
        from_row = np.maximum(from_row, np.searchsorted(key, key - window_s, side="right"))
    through = np.arange(1, len(key) + 1)
    from_row = np.minimum(from_row, through)
    amounts = np.concatenate(([0], np.cumsum(np.where(fits, amount, 0))))
    seconds = np.concatenate(([0], np.cumsum(np.where(fits, period, 0).astype(np.int64))))
    return amounts[through] - amounts[from_row], seconds[through] - seconds[from_row]


def _greedy(block: Block, rows: Ints, amount: Ints, window_s: int) -> tuple[int, int]:
    """Sum and covered seconds of one series' periods that do not overlap, newest first."""
    opens = int(block.valid_at[rows[-1]]) - window_s
    free_until = int(block.valid_at[rows[-1]])
    total = covered = 0
    for row in rows[::-1]:
        ends, period = int(block.valid_at[row]), int(block.period_s[row])
        if ends <= opens:
            break
        if ends <= free_until and ends - period >= opens:
            total += int(amount[row])
            covered += period
            free_until = ends - period
    return total, covered


def rolling_mean(block: Block, window_s: int) -> tuple[Floats, Floats]:
    """Mean over (t - window, t]; NaN under 75 % coverage, a row covering the time since the row
    before it, at most an hour or its own period. Value and ceiling are the same."""
    milli = np.round(block.value * 1000).astype(np.int64)
    gap = np.zeros(len(milli), np.int64)
    gap[1:] = np.where(block.series[1:] == block.series[:-1], np.diff(block.valid_at), 0)
    at_most = np.maximum(block.period_s, 3600)
    covers = np.where(gap == 0, block.period_s, np.minimum(gap, at_most)).astype(np.int64)
    from_row = np.searchsorted(block.key, block.key - window_s, side="right")
    through = np.arange(1, len(milli) + 1)
    sums = np.concatenate(([0], np.cumsum(milli)))
    seconds = np.concatenate(([0], np.cumsum(covers)))
    mean = (sums[through] - sums[from_row]) / 1000 / (through - from_row)
    mean[seconds[through] - seconds[from_row] < COVERAGE * window_s] = np.nan
    return mean, mean


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
