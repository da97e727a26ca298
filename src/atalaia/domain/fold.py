"""From all that was ever said to one row a reading: what GOLD keeps.

Sources repeat themselves: each poll of a forecast brings the same hours again, mostly unchanged.
Folding keeps what was new. It is the same whether rows come at once or in many steps, each folded
into what was kept before; and what is folded in twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atalaia.domain.reading import NO_TIME, Bools, Floats, Ints, Kind, Readings
from atalaia.domain.variable import CATALOGUE

DAY_S = 86_400

_BY_WORD = np.array([sorted(k.word for k in Kind).index(k.word) for k in Kind], np.int8)
"""A Kind's rank when kinds are sorted by their words, as a query would sort them."""


def fold(readings: Readings) -> Readings:
    """One row a key (place, source, valid_at, kind, issued_at), in order.

    Order: source, UTC day of valid_at, place, valid_at, kind (by its word), issued_at; sources
    and places by their number, so number them as they shall be sorted.

    Of rows with the same key the one known later counts, variable by variable: a missing value
    never erases one, and a period is of the amounts beside it. Of rows known at the same second the
    larger value counts. `known_at` of the result is when its values were first complete: a later
    row that says nothing new leaves it.

    A forecast without a run time (issued_at NO_TIME) is a series of revisions: a row that says
    nothing new is left out, and one that does is kept beside the earlier ones, carrying on what
    it does not mention. It keeps issued_at NO_TIME; its known_at is when it was issued, so far
    as anyone can tell.
    """
    if len(readings) == 0:
        return readings
    rows, is_start = _sorted(readings)
    if is_start.all():
        return _settle(rows)
    rows = _periods_of_amounts(rows, is_start)
    rows, is_start = _merge_ties(rows, is_start)
    rows = _carry_on(rows, is_start)
    return _settle(rows.take(_news(rows, is_start)))


def _sorted(readings: Readings) -> tuple[Readings, Bools]:
    """Rows by key and known_at, and which of them begin a new key."""
    order = _order(
        (
            readings.source,
            readings.valid_at // DAY_S,
            readings.place,
            readings.valid_at,
            _BY_WORD[readings.kind],
            _run_rank(readings.issued_at),
            readings.known_at,
        )
    )
    rows = readings if order is None else readings.take(order)
    is_start = np.ones(len(rows), bool)
    is_start[1:] = False
    for column in (rows.source, rows.place, rows.valid_at, rows.kind, rows.issued_at):
        is_start[1:] |= column[1:] != column[:-1]
    return rows, is_start


def _run_rank(issued_at: Ints) -> Ints:
    """Run times in a narrow range, in which absent ones come first."""
    is_absent = issued_at == NO_TIME
    if is_absent.all():
        return np.zeros(len(issued_at), np.int64)
    return np.where(is_absent, issued_at[~is_absent].min() - 1, issued_at)


def _order(keys: Sequence[Ints]) -> Ints | None:
    """Positions in the order of the keys, most significant first; None: they are in order.

    The keys are packed into one number where they fit, which sorts about five times as fast.
    """
    packed = np.zeros(len(keys[0]), np.int64)
    room = 2**63 - 1
    for key in keys:
        lowest = int(key.min())
        span = int(key.max()) - lowest + 1
        room //= span
        if room == 0:
            return np.lexsort(tuple(reversed(keys)))
        packed = packed * span + (key.astype(np.int64) - lowest)
    if (packed[1:] >= packed[:-1]).all():
        return None
    return np.argsort(packed, kind="stable")


def _periods_of_amounts(rows: Readings, is_start: Bools) -> Readings:
    """A period is of the amounts beside it: in a key that has any, rows without say none.

    Else a temperature of the same instant would make of an hour's rain a day's.
    """
    has_amount = np.zeros(len(rows), bool)
    for name, column in rows.values.items():
        if CATALOGUE[name].is_sum:
            has_amount |= ~np.isnan(column)
    first = np.flatnonzero(is_start)
    in_key = np.logical_or.reduceat(has_amount, first)[np.cumsum(is_start) - 1]
    says_none = in_key & ~has_amount & (rows.period_s != 0)
    if not says_none.any():
        return rows
    return _with(rows, np.where(says_none, 0, rows.period_s).astype(np.int32), rows.values)


def _merge_ties(rows: Readings, is_start: Bools) -> tuple[Readings, Bools]:
    """One row of those with the same key and known_at, with the larger values."""
    is_first = is_start.copy()
    is_first[1:] |= rows.known_at[1:] != rows.known_at[:-1]
    if is_first.all():
        return rows, is_start
    first = np.flatnonzero(is_first)
    merged = rows.take(first)
    period_s = np.maximum.reduceat(rows.period_s, first)
    values = {name: np.fmax.reduceat(column, first) for name, column in rows.values.items()}
    return _with(merged, period_s, values), is_start[first]


def _carry_on(rows: Readings, is_start: Bools) -> Readings:
    """Fill what a row does not say from the row before it, within its key."""
    numbers = np.arange(len(rows))

    def speaker(is_missing: Bools) -> Ints:
        """For each row the last one up to it, within its key, that says something."""
        return np.maximum.accumulate(np.where(is_missing & ~is_start, 0, numbers))

    values = {name: column[speaker(np.isnan(column))] for name, column in rows.values.items()}
    return _with(rows, rows.period_s[speaker(rows.period_s == 0)], values)


def _news(rows: Readings, is_start: Bools) -> Bools:
    """Which rows stay: of a forecast without run time each that is new, of a key the last such."""
    is_new = is_start.copy()
    is_new[1:] |= rows.period_s[1:] != rows.period_s[:-1]
    for column in rows.values.values():
        # Carried on, a value never goes missing again: NaN here was NaN before.
        is_new[1:] |= (column[1:] != column[:-1]) & ~np.isnan(column[1:])
    is_revised = (rows.kind == Kind.FORECAST) & (rows.issued_at == NO_TIME)
    new = np.flatnonzero(is_new)
    is_last = np.ones(len(new), bool)
    is_last[:-1] = is_start[new[1:]]
    kept = np.zeros(len(rows), bool)
    kept[new[is_last | is_revised[new]]] = True
    return kept


def _settle(rows: Readings) -> Readings:
    """Order by issued_at where a source gives run times to some of its forecasts only.

    A revision received in the very second of a stated run stands for both. (The other way round
    later rows would be compared with a revision that is no longer there.)
    """
    is_revised = (rows.kind == Kind.FORECAST) & (rows.issued_at == NO_TIME)
    if not is_revised.any() or is_revised[rows.kind == Kind.FORECAST].all():
        return rows
    issued_at = np.where(is_revised, rows.known_at, rows.issued_at)
    keys = (rows.source, rows.valid_at // DAY_S, rows.place, rows.valid_at, _BY_WORD[rows.kind])
    order = np.lexsort((~is_revised, issued_at, *reversed(keys)))
    rows, issued_at = rows.take(order), issued_at[order]
    is_own = np.ones(len(rows), bool)
    is_own[1:] = issued_at[1:] != issued_at[:-1]
    for column in (rows.source, rows.place, rows.valid_at, rows.kind):
        is_own[1:] |= column[1:] != column[:-1]
    return rows.take(is_own)


def _with(rows: Readings, period_s: Ints, values: dict[str, Floats]) -> Readings:
    return Readings(
        place=rows.place,
        source=rows.source,
        kind=rows.kind,
        valid_at=rows.valid_at,
        issued_at=rows.issued_at,
        known_at=rows.known_at,
        period_s=period_s,
        values=values,
        sources=rows.sources,
    )
