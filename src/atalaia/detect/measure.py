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

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from atalaia.detect import sums
from atalaia.domain.local import local_day
from atalaia.domain.reading import Bools, Floats, Ints

COVERAGE = 0.75
"""The share of a window that must be covered for a mean or a change."""

_SPAN = 1 << 40  # wider than any Unix time: (series, time) as one sortable integer
_DAYS = 1 << 24  # and wider than any day: (series, day)


@dataclass(frozen=True, eq=False)
class Block:
    """n rows of one variable, without missing values, sorted by series, valid_at and period_s.
    What several rules ask of the same rows is worked out once.

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

    @cached_property
    def key(self) -> Ints:
        """(series, valid_at) as one increasing integer."""
        return key_of(self.series, self.valid_at)

    @cached_property
    def laid(self) -> LaidOut:
        """How its periods lie, whatever fell in them."""
        return _laid_out(self)

    def last_up_to(self, series: Ints, valid_at: Ints) -> Ints:
        """Of each series its last row up to an instant; one of another series, or -1: it has none.
        Several rules ask by the same arrays."""
        asked, found = self._asked
        if not asked or asked[0] is not series or asked[1] is not valid_at:
            found = np.searchsorted(self.key, key_of(series, valid_at), "right") - 1
            self.__dict__["_asked"] = ((series, valid_at), found)
        return found

    @cached_property
    def _asked(self) -> tuple[tuple[Ints, ...], Ints]:
        """What `last_up_to` was asked last, and what it found."""
        return (), np.zeros(0, np.int64)

    @cached_property
    def even(self) -> Even:
        """Which of its rows follow one another as those of a clock."""
        return _even(self)

    @cached_property
    def total(self) -> Ints:
        """Running totals of its values, in whole thousandths, from 0 on: one more than rows."""
        total: Ints = _running(np.round(self.value * 1000).astype(np.int64))
        return total

    def take(self, rows: Ints | Bools) -> Block:
        """The chosen rows."""
        return Block(*(getattr(self, name)[..., rows] for name in COLUMNS))


COLUMNS = tuple(field.name for field in fields(Block))


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
    tangled = block.laid.tangled
    if not len(tangled):
        least, most = _plain_sums(block, window_s, at)
        value = least / 1000
        return value, value if most is least else np.maximum(least, most) / 1000
    if block.value.ndim > 1:
        runs = [rolling_sum(replace(block, value=run), window_s, at) for run in block.value]
        return np.stack([value for value, _ in runs]), np.stack([top for _, top in runs])
    least, most = np.zeros(len(at), np.int64), np.full(len(at), np.inf)
    is_plain = ~np.isin(block.series[at], tangled)
    if is_plain.any():
        # Running totals must not run through series that are out of order.
        chosen = np.flatnonzero(~np.isin(block.series, tangled))
        rows = np.searchsorted(chosen, at[is_plain])
        least[is_plain], most[is_plain] = _plain_sums(block.take(chosen), window_s, rows)
    amount = np.round(block.value * 1000).astype(np.int64)
    period = block.laid.period
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
    opens     by when a window has to open at the latest that a row lies in, as a key
    covers    from when on a row covers what it is of, as a key
    breaks    how many rows up to each leave a gap to the row before
    tangled   the series of which some overlap
    """

    period: Ints
    opens: Ints
    covers: Ints
    breaks: Ints
    tangled: Ints


class Even(NamedTuple):
    """Rows of one period each of which ends that period after the one before it.

    step   that period, in seconds; 0: there are none
    run    how many of them there are in a row, up to each row of a block; 0: it is none
    """

    step: int
    run: Ints


def _even(block: Block) -> Even:
    period, covers = block.laid.period, block.laid.covers
    at = np.arange(len(period))
    step = int(period[len(period) // 2]) if len(period) else 0
    is_one = (period == step) & (step > 0)
    # Nor does the row after it cover what it is of.
    is_one[:-1] &= covers[1:] > block.key[:-1] - step
    goes_on = is_one.copy()
    goes_on[:1] = False
    goes_on[1:] &= is_one[:-1] & (np.diff(block.key) == step)
    head = np.maximum.accumulate(np.where(goes_on, 0, at))
    return Even(step, np.where(is_one, at - head + 1, 0))


def _laid_out(block: Block) -> LaidOut:
    period = _periods(block)
    slack = sums.tolerance(period)
    begin = block.key - period
    overlaps, gaps = sums.are_side_by_side(block.series, begin, block.key, slack)
    late = begin - slack
    overlaps[1:] |= (late[1:] < late[:-1]) & (block.series[1:] == block.series[:-1])
    opens = np.where(period > 0, begin + slack, block.key - 1)
    tangled = np.unique(block.series[overlaps]) if overlaps.any() else block.series[:0]
    return LaidOut(period, opens, late, np.cumsum(gaps), tangled)


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


def _plain_sums(block: Block, window_s: int, at: Ints) -> tuple[Ints, Floats | Ints]:
    """Both bounds by differences of running totals, where periods follow one another; one array
    where both are the same.

    Of rows at even distances, of as many as fill a window and one more, the last ones are the
    window, and nothing of it is missing."""
    step, run = block.even
    rows = 0 if not step or window_s % step else window_s // step
    is_even = run[at] > rows
    if not (rows and is_even.any()):
        return _sought_sums(block, window_s, at)
    through = at + 1
    least = block.total[..., through] - block.total[..., np.maximum(through - rows, 0)]
    if is_even.all():
        return least, least
    others = np.flatnonzero(~is_even)
    most = least.astype(np.float64)
    least[..., others], most[..., others] = _sought_sums(block, window_s, at[others])
    return least, most


def _sought_sums(block: Block, window_s: int, at: Ints) -> tuple[Ints, Floats]:
    """The same of windows whose edges are looked for."""
    laid, total = block.laid, block.total
    ends = total[..., at + 1]
    least = ends - total[..., first_inside(block, window_s, at)]
    # A cover begins with the last period that begins by the time at which the window opens.
    start = _searched(laid.covers, block.key[at] - window_s, "right", at) - 1
    first = np.maximum(start, 0)
    is_covered = (start >= 0) & (start <= at) & (laid.breaks[first] == laid.breaks[at])
    is_covered &= (laid.period[at] > 0) & (laid.period[first] > 0)
    most = np.where(is_covered, ends - total[..., first], np.inf)
    return least, most


def first_inside(block: Block, window_s: int, at: Ints) -> Ints:
    """Of windows that end at the rows `at` the first row that lies in each, or the one after it
    where none does; of rows that follow one another."""
    first = _searched(block.laid.opens, block.key[at] - window_s, "left", at)
    return np.minimum(first, at + 1)


def _searched(keys: Ints, sought: Ints, side: Literal["left", "right"], at: Ints) -> Ints:
    """As `np.searchsorted`, of what mostly stands as many rows before `at` as in the middle: where
    rows come at even distances, each place is tried before it is looked for."""
    n = len(keys)
    if not n or not len(at):
        return np.searchsorted(keys, sought, side)
    middle = len(at) // 2
    back = int(at[middle]) - int(np.searchsorted(keys, sought[middle], side))
    found: Ints = np.minimum(np.maximum(at - back, 0), n)
    here, before = keys[np.minimum(found, n - 1)], keys[np.maximum(found - 1, 0)]
    if side == "left":
        is_there = ((here >= sought) | (found == n)) & ((before < sought) | (found == 0))
    else:
        is_there = ((here > sought) | (found == n)) & ((before <= sought) | (found == 0))
    if not is_there.all():
        found[~is_there] = np.searchsorted(keys, sought[~is_there], side)
    return found


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
    if not len(block.value):
        return np.zeros(0), np.zeros(0)
    passes = sign * block.value >= sign * limit
    days = _Days.of_block(block, zones)
    before = days.passed_before(passes)[days.of]
    so_far = days.any_so_far(passes)
    value = (so_far + before).astype(np.float64)
    # Today may still carry on a run; it cannot carry on what yesterday broke off.
    ceiling = value + ((value > 0) & ~so_far)
    ended = days.key[days.of] - 1 - before
    ceiling[(ended >= days.first) & (days.hours_on(ended) < COVERAGE * 24)] = np.inf
    value[np.isnan(limit)] = ceiling[np.isnan(limit)] = np.nan
    return value, ceiling


class _Days(NamedTuple):
    """The local days of which a block has rows.

    key     of each day, ascending: (series, day) as one integer, that of the next day is one more
    of      of each row the position of its day
    hours   of how many of its hours each day has rows
    first   of each row the key of the day of its series' first row
    """

    key: Ints
    of: Ints
    hours: Ints
    first: Ints

    @staticmethod
    def of_block(block: Block, zones: list[str]) -> _Days:
        """Of at least one row; `zones` has the time zone of each series number."""
        start = np.flatnonzero(np.diff(block.series, prepend=-1))
        n = np.diff(start, append=len(block.series))
        each = block.series[start].tolist()
        names = {zone: i for i, zone in enumerate(dict.fromkeys(zones[i] for i in each))}
        zone = np.repeat([names[zones[i]] for i in each], n)
        key = block.series.astype(np.int64) * _DAYS + _DAYS // 2
        for name, number in names.items():
            mine = zone == number
            key[mine] += local_day(block.valid_at[mine], name)
        days, of = np.unique(key, return_inverse=True)
        hour = block.valid_at // 3600 - int(block.valid_at.min()) // 3600
        span = int(hour.max()) + 1
        hours = np.bincount(np.unique(of * span + hour) // span, minlength=len(days))
        return _Days(days, of, hours, np.repeat(key[start], n))

    def passed_before(self, passes: Bools) -> Ints:
        """How many days in a row, of which a row passes, come right before each day."""
        has_passed = np.zeros(len(self.key), bool)
        has_passed[self.of[passes]] = True
        follows = np.diff(self.key, prepend=-2) == 1
        begins = has_passed.copy()
        begins[1:] &= ~(follows[1:] & has_passed[:-1])
        at = np.arange(len(self.key))
        run = np.where(has_passed, at - np.maximum.accumulate(np.where(begins, at, 0)) + 1, 0)
        before = np.zeros(len(run), np.int64)
        before[1:] = np.where(follows[1:], run[:-1], 0)
        return before

    def any_so_far(self, passes: Bools) -> Bools:
        """Whether a row of the same day, up to and including this one, passes."""
        order = np.argsort(self.of, kind="stable")
        total = np.cumsum(passes[order])
        start = np.searchsorted(self.of[order], np.arange(len(self.key)))
        none: Ints = total[start] - passes[order][start]
        out = np.zeros(len(passes), bool)
        out[order] = total > none[self.of[order]]
        return out

    def hours_on(self, key: Ints) -> Ints:
        """Of how many of their hours these days have rows."""
        at = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        hours: Ints = np.where(self.key[at] == key, self.hours[at], 0)
        return hours


def kth_largest(value: Floats, ceiling: Floats, k: int) -> tuple[Floats, Floats]:
    """Of the places in each row of (t, n) arrays, the value that at least k of them reach.

    A missing value counts as -inf for the value and as inf for the ceiling: k places must pass
    for certain to raise, and so many must be known to be calm before it lowers.
    """
    if value.shape[1] < k:
        nothing = np.full(len(value), np.nan)
        return nothing, nothing
    is_missing = np.isnan(value)
    low, high = value, ceiling
    if is_missing.any():
        low, high = np.where(is_missing, -np.inf, low), np.where(is_missing, np.inf, high)
    reached = _kth(low, k)
    # Where all is known for certain, as mostly, both are one.
    at_most = reached if np.array_equal(low, high) else _kth(high, k)
    return np.where(np.isneginf(reached), np.nan, reached), at_most


def _kth(value: Floats, k: int) -> Floats:
    """The k-th largest of each row."""
    if k == 1:
        largest: Floats = np.fmax.reduce(value, axis=1)
        return largest
    kth: Floats = -np.partition(-value, k - 1, axis=1)[:, k - 1]
    return kth
