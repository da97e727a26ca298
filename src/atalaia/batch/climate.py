"""A place's climate: what is usual in each month and hour, and what is rare.

In: hourly histories of a place (`lake.history`), from GOLD or from imported records. Out: rows of
GOLD's `climate` (means, and percentiles 1 … 99) and `return_levels`. All of it in local time: a
month and an hour are those of the clock in that place.

Choices that are ours: a month or a year counts with three quarters of its hours, an hour of the
day with three quarters of the month's days; norms need ten years, as the WMO's provisional normals
do (WMO-No. 1203, 2017, 4.4); a return period of more than twice the record's years is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from atalaia.batch.gev import return_levels
from atalaia.domain.local import local_month_and_hour, local_seconds
from atalaia.domain.norm import EXTREMES, RETURN_YEARS, Extreme
from atalaia.domain.place import Place
from atalaia.domain.reading import Bools, Floats, Ints
from atalaia.domain.variable import CATALOGUE
from atalaia.lake.climate import Months, ReturnLevel
from atalaia.lake.history import HOUR_S, History

COVERAGE = 0.75
LEAST_YEARS = 10

_PERCENTILES = np.arange(1, 100) / 100

_ALL_HOURS = 24


@dataclass(frozen=True, slots=True)
class Climate:
    """The rows of one place's climate."""

    months: list[Months]
    levels: list[ReturnLevel]

    @property
    def years(self) -> int:
        """How many years the longest month has."""
        return max((row.years for row in self.months), default=0)


@dataclass(frozen=True, slots=True)
class _LocalHours:
    """A history with its local calendar, hour by hour; only hours whose value is plausible.

    years, months (0 … 11), hours (0 … 23), days (since 1970)   shape (n,)
    values   shape (n,), NaN is missing: what is known of the hour, as long as it is of a whole one
    known    shape (n,), NaN is missing: of amounts, what is known to have fallen at least
    """

    history: History
    years: Ints
    months: Ints
    hours: Ints
    days: Ints
    values: Floats
    known: Floats

    @staticmethod
    def of(history: History, zone: str) -> _LocalHours:
        at = history.first_at + np.arange(len(history.values), dtype=np.int64) * HOUR_S
        days = local_seconds(at - 1, zone) // 86400
        months, hours = local_month_and_hour(at, zone)
        years = days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        whole = np.where(history.is_whole, history.values, np.nan)
        return _LocalHours(history, years, months, hours, days, whole, history.values)


def climate_of(
    place: Place, histories: Iterable[History], least_years: int = LEAST_YEARS
) -> Climate:
    """The climate of a place from its histories, one a variable.

    Months with fewer years than `least_years` are told, and are no norms. Return levels always
    need LEAST_YEARS.
    """
    months: list[Months] = []
    levels: list[ReturnLevel] = []
    for history in histories:
        record = _LocalHours.of(history, place.timezone)
        months += _months(record, least_years)
        levels += _levels(record)
    return Climate(months, levels)


def _months(record: _LocalHours, least_years: int) -> Iterator[Months]:
    """Rows of every month with data, of all its hours and of each."""
    enough = _enough(record, "M")
    for month in range(12):
        rows = np.flatnonzero(enough & (record.months == month))
        if not len(rows):
            continue
        low, high = _daily_extremes(record, rows)
        rows = rows[~np.isnan(record.values[rows])]
        years, year, hours = *np.unique(record.years[rows], return_inverse=True), record.hours[rows]
        has_hour = _years_of_hours(years, year, month, hours)
        of_hours = rows[has_hour[year, hours]]
        order = np.argsort(record.hours[of_hours], kind="stable")
        bounds = np.searchsorted(record.hours[of_hours][order], np.arange(25))
        told = {hour: of_hours[order[bounds[hour] : bounds[hour + 1]]] for hour in range(24)}
        parts = {
            hour: record.values[mine]
            for hour, mine in ({_ALL_HOURS: rows} | told).items()
            if len(mine)
        }
        ranked = dict(zip(parts, percentiles_of(list(parts.values())), strict=True))
        for hour, values in parts.items():
            is_whole = hour == _ALL_HOURS
            counted = years if is_whole else years[has_hour[:, hour]]
            yield Months(
                place_id=record.history.place_id,
                variable=record.history.variable,
                unit=CATALOGUE[record.history.variable].unit,
                month=month + 1,
                hour=None if is_whole else hour,
                source=record.history.source,
                kind=record.history.kind,
                first_year=int(counted[0]),
                last_year=int(counted[-1]),
                years=len(counted),
                hours=len(values),
                is_norm=len(counted) >= least_years,
                mean=float(values.mean()),
                mean_minimum=low if is_whole else None,
                mean_maximum=high if is_whole else None,
                percentiles=ranked[hour].tolist(),
            )


def _years_of_hours(years: Ints, year: Ints, month: int, hours: Ints) -> Bools:
    """Which years have which hour of the day on enough days of the month: shape (years, 24).

    `year` has each value's position in `years`, and `hours` its hour.
    """
    count = np.bincount(year * 24 + hours, minlength=len(years) * 24).reshape(-1, 24)
    months = ((years - 1970) * 12 + month).astype("datetime64[M]")
    days = (months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")
    enough: Bools = count >= COVERAGE * days.astype(np.int64)[:, None]
    return enough


def percentiles(values: Floats) -> Floats:
    """Percentiles 1 … 99 of at least one value, along the last axis: shape (…, 99).

    Hyndman and Fan's definition 8 (1996, The American Statistician 50, 361-365), which they
    recommend: its error does not depend on how the values are distributed.
    """
    out: Floats = np.quantile(values, _PERCENTILES, axis=-1, method="median_unbiased")
    return np.moveaxis(out, 0, -1)


def percentiles_of(parts: Sequence[Floats]) -> list[Floats]:
    """`percentiles` of each part. Those that are as long as others are reckoned with them, at once:
    of a few values most of the time goes to the call."""
    out: list[Floats] = [np.empty(0)] * len(parts)
    lengths = np.array([len(part) for part in parts])
    for length in np.unique(lengths):
        alike = np.flatnonzero(lengths == length).tolist()
        for i, found in zip(alike, percentiles(np.stack([parts[i] for i in alike])), strict=True):
            out[i] = found
    return out


def _enough(record: _LocalHours, unit: Literal["M", "Y"]) -> Bools:
    """For each hour, whether the calendar month (M) or year (Y) that it is in has enough data.

    One that the record only touches lacks the hours outside of it.
    """
    of_hour = record.days.astype("datetime64[D]").astype(f"datetime64[{unit}]")
    periods, back = np.unique(of_hour, return_inverse=True)
    days = (periods + 1).astype("datetime64[D]") - periods.astype("datetime64[D]")
    seen = np.bincount(back, weights=~np.isnan(record.values))
    enough: Bools = (seen >= COVERAGE * 24 * days.astype(np.int64))[back]
    return enough


def _daily_extremes(record: _LocalHours, rows: Ints) -> tuple[float | None, float | None]:
    """Mean of the days' minima and of their maxima, of days with enough hours."""
    values = record.values[rows]
    rows = rows[~np.isnan(values)]
    values, days = record.values[rows], record.days[rows]
    if not len(days):
        return None, None
    first = np.flatnonzero(np.append(True, days[1:] != days[:-1]))
    enough = np.diff(np.append(first, len(days))) >= COVERAGE * 24
    if not enough.any():
        return None, None
    low = np.minimum.reduceat(values, first)[enough]
    high = np.maximum.reduceat(values, first)[enough]
    return float(low.mean()), float(high.mean())


def _levels(record: _LocalHours) -> Iterator[ReturnLevel]:
    """Return levels of each extreme of the record's variable; refused ones say why."""
    is_counted = _enough(record, "Y")
    for extreme in EXTREMES:
        if extreme.variable == record.history.variable:
            years, values = annual_extremes(record, is_counted, extreme)
            yield from _of_extreme(record.history, extreme, years, values)


def annual_extremes(
    record: _LocalHours, is_counted: Bools, extreme: Extreme
) -> tuple[Ints, Floats]:
    """The years that count, and the extreme of each, of the sums where it is of sums.

    Of a sum over hours of which some are missing, the rest counts: so much is known to have fallen.
    """
    values = record.known
    hours = extreme.window_s // HOUR_S
    if hours > 1:
        so_far = np.concatenate((np.zeros(hours), np.cumsum(np.nan_to_num(values))))
        values = so_far[hours:] - so_far[:-hours]
    rows = np.flatnonzero(is_counted & ~np.isnan(values))
    if not len(rows):
        return np.empty(0, np.int64), np.empty(0)
    years = record.years[rows]
    first = np.flatnonzero(np.append(True, years[1:] != years[:-1]))
    reduce = np.minimum if extreme.is_minimum else np.maximum
    return years[first], reduce.reduceat(values[rows], first)


def _of_extreme(
    history: History, extreme: Extreme, years: Ints, values: Floats
) -> Iterator[ReturnLevel]:
    refusals = [_refusal(values, period) for period in RETURN_YEARS]
    level = low = high = np.full(len(RETURN_YEARS), np.nan)
    if None in refusals:
        # The GEV is of maxima; minima are the maxima of what is turned around.
        sign = -1.0 if extreme.is_minimum else 1.0
        level, low, high = return_levels(sign * values, np.array(RETURN_YEARS, float))
        level, low, high = sign * level, sign * low, sign * high
        if extreme.is_minimum:
            low, high = high, low
        least, most = _bounds(extreme)
        refusals = [
            refusal or _passed(value, least, most)
            for refusal, value in zip(refusals, level.tolist(), strict=True)
        ]
        low, high = np.clip(low, least, most), np.clip(high, least, most)
    for i, (period, refusal) in enumerate(zip(RETURN_YEARS, refusals, strict=True)):
        is_known = refusal is None
        yield ReturnLevel(
            place_id=history.place_id,
            variable=history.variable,
            unit=CATALOGUE[history.variable].unit,
            window_s=extreme.window_s,
            extreme="minimum" if extreme.is_minimum else "maximum",
            return_years=period,
            source=history.source,
            kind=history.kind,
            first_year=int(years[0]) if len(years) else None,
            last_year=int(years[-1]) if len(years) else None,
            years=len(years),
            level=round(float(level[i]), 3) if is_known else None,
            low=round(float(low[i]), 3) if is_known else None,
            high=round(float(high[i]), 3) if is_known else None,
            refusal=refusal,
        )


def _refusal(values: Floats, period: int) -> str | None:
    """Why there is no level of this return period; None: there is one."""
    n = len(values)
    if n < LEAST_YEARS:
        return f"{n} years with enough data; {LEAST_YEARS} are needed"
    if period > 2 * n:
        return f"{n} years with enough data; {period} years need {(period + 1) // 2}"
    if np.ptp(values) == 0:
        return f"every year has the same extreme, {values[0]:g}"
    found, counts = np.unique(values, return_counts=True)
    same, count = found[counts.argmax()], counts.max()
    if count > n / 2:
        return f"{count} of {n} years have the same extreme, {same:g}: no distribution fits that"
    return None


def _bounds(extreme: Extreme) -> tuple[float, float]:
    """What a level can be: a plausible value; of a sum as many as fit into its window."""
    variable = CATALOGUE[extreme.variable]
    hours = max(extreme.window_s // HOUR_S, 1)
    return variable.lowest, variable.highest * (hours if variable.is_sum else 1)


def _passed(level: float, least: float, most: float) -> str | None:
    """Why a level is none: the distribution that was fitted goes on where nothing can be."""
    if least <= level <= most:
        return None
    return f"the fitted distribution passes a bound: {level:.4g} is not within {least:g} … {most:g}"
