"""Which values may be believed. A suspect value is marked and kept, and never raises orange or
red alone; a value outside the catalogue's limits cannot be weather and is not used at all.

The tests, by variable (`domain.variable` holds their limits):

- plausible limits;
- a gust below the mean wind of the same reading;
- a sensor that repeats itself: the same value, other than 0, for `stuck_after_h` and more;
- a jump: more than `max_step_per_h` away from the last value, within three hours, unless a witness
  (`rule.WITNESSES`) moved with it; and what stays there, far from the last good value, for twelve
  hours. Rain and gusts have no jump test: a squall line is one sample long.

The order of the tests, and state by series rather than by row, make the outcome the same
however rows are cut into batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np

from atalaia.detect.by_series import BySeries
from atalaia.detect.series import SeriesTable
from atalaia.domain.reading import NO_TIME, Bools, Floats, Ints, Readings
from atalaia.domain.rule import WITNESSES
from atalaia.domain.variable import CATALOGUE

Beside = Mapping[str, Floats]
"""Values by variable, shape (n,); NaN where there is none."""

NOTHING: Beside = MappingProxyType({})

JUMP_WITHIN_S = 3 * 3600
DOUBTED_FOR_S = 12 * 3600
_MOVED = {
    "temperature_c": 1.5,
    "relative_humidity_pct": 8.0,
    "pressure_hpa": 1.0,
    "wind_speed_m_s": 3.0,
}
"""How far a witness must have moved to bear a jump out (our choice)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Values fit for use, and which of them are doubted.

    values    float64 (n,) by variable; NaN where missing or implausible
    told      bool (n,) by variable: where there is a value
    suspect   bool (n,) by variable; absent where none is
    """

    values: dict[str, Floats]
    told: dict[str, Bools]
    suspect: dict[str, Bools]

    def take(self, rows: Ints | Bools) -> Checked:
        """Of the given rows."""
        return Checked(
            {name: column[rows] for name, column in self.values.items()},
            {name: column[rows] for name, column in self.told.items()},
            {name: column[rows] for name, column in self.suspect.items()},
        )


def plausible(values: dict[str, Floats], period_s: Ints) -> Checked:
    """The values with NaN in place of what lies outside the catalogue's limits; none is doubted.

    Those of amounts follow from the period: what can fall in a day cannot fall in a minute.
    """
    found = Checked({}, {}, {})
    for name, column in values.items():
        variable = CATALOGUE[name]
        highest = variable.highest_in(period_s) if variable.is_sum else variable.highest
        told = (column >= variable.lowest) & (column <= highest)
        found.told[name] = told
        found.values[name] = column if told.all() else np.where(told, column, np.nan)
    return found


def check(
    rows: Readings, series: BySeries, table: SeriesTable, beside: Beside = NOTHING
) -> Checked:
    """Check rows that are sorted by series, then valid_at.

    Remembers in `table` what the next batch needs. Values that are older than what was already
    seen of their series and variable must not be among them. `beside` has, by variable, what had
    been told of the same instants before.
    """
    checked = plausible(rows.values, rows.period_s)
    values, suspect = checked.values, checked.suspect
    suspect.update(_below_the_wind(values, beside))
    walks = {}
    for name, told in checked.told.items():
        if not told.any():
            continue
        table.memory(name)
        walks[name] = _Walk(name, told, series, rows.valid_at, values[name], table)
    for name, walk in walks.items():
        variable = CATALOGUE[name]
        doubts = []
        if variable.stuck_after_h:
            doubts.append(_stuck(walk, variable.stuck_after_h, table))
        if variable.max_step_per_h:
            doubts.append(_jumps(walk, variable.max_step_per_h, values, table))
        if any(doubt.any() for doubt in doubts):
            doubted = suspect.get(name, np.zeros(len(rows), bool))
            doubted[walk.where] |= np.logical_or.reduce(doubts)
            suspect[name] = doubted
    # Only now, as a jump is held against what its witnesses were before this batch.
    for name, walk in walks.items():
        walk.remember(suspect.get(name), table)
    return checked


def _below_the_wind(values: dict[str, Floats], beside: Beside) -> dict[str, Bools]:
    """Gusts below the mean wind of the same instant."""
    gust, told = values.get("wind_gust_m_s"), values.get("wind_speed_m_s")
    before = beside.get("wind_speed_m_s")
    wind = before if told is None else told
    if gust is None or wind is None:
        return {}
    if told is not None and before is not None:
        wind = np.where(np.isnan(told), before, told)
    # 0.05 is half of the last digit that stations report.
    below = gust < wind - 0.05
    return {"wind_gust_m_s": below} if below.any() else {}


class _Walk:
    """One variable's rows in order (`where` in the batch), each with the value before it."""

    def __init__(
        self,
        name: str,
        told: Bools,
        series: BySeries,
        valid_at: Ints,
        column: Floats,
        table: SeriesTable,
    ) -> None:
        self.name = name
        self.where: Ints | slice = slice(None)
        if not told.all():
            self.where = np.flatnonzero(told)
            series, valid_at, column = series.take(told), valid_at[told], column[told]
        self.series, self.valid_at, self.value = series, valid_at, column
        self._last, self._last_at = table.last[name], table.last_at[name]

    @cached_property
    def before(self) -> Floats:
        """The value before; NaN if there is none."""
        return self.series.before(self.value, self._last)

    @cached_property
    def before_at(self) -> Ints:
        """Time of the value before; NO_TIME if there is none."""
        return self.series.before(self.valid_at, self._last_at)

    def remember(self, suspect: Bools | None, table: SeriesTable) -> None:
        """Keep each series' last value, and its last good one."""
        # Of several assignments to one series numpy keeps the last, which is the newest row.
        self._last[self.series.at] = self.value
        self._last_at[self.series.at] = self.valid_at
        if CATALOGUE[self.name].max_step_per_h:  # only jumps are held against what was good
            good = slice(None) if suspect is None else ~suspect[self.where]
            at = self.series.at if suspect is None else self.series.number[good]
            table.good[self.name][at] = self.value[good]
            table.good_at[self.name][at] = self.valid_at[good]


def _stuck(walk: _Walk, after_h: int, table: SeriesTable) -> Bools:
    """Values, other than 0, that have been the same for too long."""
    since, series = table.unchanged_since[walk.name], walk.series
    is_new = walk.value != walk.before
    begun = since[series.at]
    if series.are_single:
        begun = np.where(is_new, walk.valid_at, begun)
    else:
        # The run that a row belongs to began at the last row that was new, or first in its series.
        begun = np.where(is_new | ~series.is_first, walk.valid_at, begun)
        head = np.where(is_new | series.is_first, np.arange(len(begun)), 0)
        begun = begun[np.maximum.accumulate(head)]
    since[series.at] = begun
    stuck: Bools = walk.valid_at - begun >= after_h * 3600
    return stuck & (walk.value != 0) if stuck.any() else stuck


def _jumps(
    walk: _Walk, max_step_per_h: float, values: dict[str, Floats], table: SeriesTable
) -> Bools:
    """Values too far from the last one, or if that was doubted from the last good one, that no
    witness bears out. What stays where it jumped to is doubted for 12 hours."""
    series, before_at = walk.series, walk.before_at
    elapsed = walk.valid_at - np.where(before_at == NO_TIME, walk.valid_at, before_at)
    allowed = max_step_per_h * np.maximum(elapsed / 3600, 1)
    large = (np.abs(walk.value - walk.before) > allowed) & (elapsed <= JUMP_WITHIN_S)
    good, good_at = table.good[walk.name], table.good_at[walk.name]
    was_doubted = series.is_first & (good_at[series.at] != before_at)
    jumps = np.zeros(len(walk.value), bool)
    may_jump = large | was_doubted
    if not may_jump.any():
        return jumps
    # What was good last is known only by walking; a series without a large step needs no walk.
    # The first row of each is held against what is remembered, all at once.
    starts = series.starts()
    stops = np.append(starts[1:], len(series))
    walked = np.logical_or.reduceat(may_jump, starts)
    first, stop = starts[walked], stops[walked]
    good, good_at = good[series.number[first]], good_at[series.number[first]]
    is_borne_out = _borne_out(walk, values, table)
    is_far = np.abs(walk.value[first] - good) > allowed[first]
    is_far &= np.where(
        good_at == before_at[first], large[first], walk.valid_at[first] - good_at <= DOUBTED_FOR_S
    )
    jumps[first] = is_far & ~is_borne_out[first]
    for k in np.flatnonzero(stop - first > 1):
        value, at = (
            (good[k], good_at[k])
            if jumps[first[k]]
            else (walk.value[first[k]], walk.valid_at[first[k]])
        )
        for i in range(first[k] + 1, stop[k]):
            is_far = abs(walk.value[i] - value) > allowed[i]
            if at != before_at[i]:
                is_far &= walk.valid_at[i] - at <= DOUBTED_FOR_S
            else:
                is_far &= large[i]
            jumps[i] = is_far and not is_borne_out[i]
            if not jumps[i]:
                value, at = walk.value[i], walk.valid_at[i]
    return jumps


def _borne_out(walk: _Walk, values: dict[str, Floats], table: SeriesTable) -> Bools:
    """Where a witness moved along, from the row before to each."""
    series, moved = walk.series, np.zeros(len(walk.value), bool)
    for witness in WITNESSES.get(walk.name, ()):
        column = values.get(witness)
        if column is None:
            continue
        now = column[walk.where]
        if witness in table.last:
            before = series.before(now, table.last[witness])
            # What it said last counts if it said so when the value before was said.
            was_silent = table.last_at[witness][series.at] != walk.before_at
        else:
            before, was_silent = np.append(np.nan, now[:-1]), True
        before[series.is_first & was_silent] = np.nan
        moved |= np.abs(now - before) >= _MOVED[witness]
    return moved
