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
    suspect   bool (n,) by variable; absent where none is
    """

    values: dict[str, Floats]
    suspect: dict[str, Bools]


def plausible(values: dict[str, Floats], period_s: Ints) -> dict[str, Floats]:
    """The values with NaN in place of what lies outside the catalogue's limits.

    Those of amounts follow from the period: what can fall in a day cannot fall in a minute.
    """
    out = {}
    for name, column in values.items():
        variable = CATALOGUE[name]
        highest = variable.highest_in(period_s) if variable.is_sum else variable.highest
        # `not inside` would also be true for NaN; `outside` is false for it, and cheap.
        outside = (column < variable.lowest) | (column > highest)
        out[name] = np.where(outside, np.nan, column) if outside.any() else column
    return out


def check(rows: Readings, series: Ints, table: SeriesTable, beside: Beside = NOTHING) -> Checked:
    """Check rows sorted by series, then valid_at; `series` (n,) holds their numbers.

    Remembers in `table` what the next batch needs. Values that are older than what was already
    seen of their series and variable must not be among them. `beside` has, by variable, what had
    been told of the same instants before.
    """
    values = plausible(rows.values, rows.period_s)
    suspect = _below_the_wind(values, beside)
    walks = {}
    for name, column in values.items():
        variable = CATALOGUE[name]
        where = np.flatnonzero(~np.isnan(column))
        if not len(where):
            continue
        table.memory(name)
        if variable.stuck_after_h or variable.max_step_per_h:
            walks[name] = _Walk(name, where, series, rows.valid_at, column, table)
    for name, walk in walks.items():
        variable = CATALOGUE[name]
        doubted = suspect.get(name, np.zeros(len(rows), bool))
        if variable.stuck_after_h:
            doubted[walk.where] |= _stuck(walk, variable.stuck_after_h, table)
        if variable.max_step_per_h:
            doubted[walk.where] |= _jumps(walk, variable.max_step_per_h, values, table)
        if doubted.any():
            suspect[name] = doubted
    # Only now, as a jump is held against what its witnesses were before this batch.
    for name, column in values.items():
        if name in walks:
            walks[name].remember(suspect.get(name), table)
        elif name in table.last:
            told = ~np.isnan(column)
            table.last[name][series[told]] = column[told]
            table.last_at[name][series[told]] = rows.valid_at[told]
    return Checked(values, suspect)


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
        where: Ints,
        series: Ints,
        valid_at: Ints,
        column: Floats,
        table: SeriesTable,
    ) -> None:
        self.name, self.where = name, where
        if len(where) < len(column):
            series, valid_at, column = series[where], valid_at[where], column[where]
        self.series, self.valid_at, self.value = series, valid_at, column
        self.is_first = np.empty(len(where), bool)
        self.is_first[0] = True
        self.is_first[1:] = self.series[1:] != self.series[:-1]
        first = self.is_first
        self.before = np.empty(len(where))
        self.before[1:] = self.value[:-1]
        self.before[first] = table.last[name][self.series[first]]
        self._last_at = table.last_at[name]

    @cached_property
    def before_at(self) -> Ints:
        """Time of the value before; NO_TIME if there is none."""
        at = np.empty(len(self.where), np.int64)
        at[1:] = self.valid_at[:-1]
        at[self.is_first] = self._last_at[self.series[self.is_first]]
        return at

    def remember(self, suspect: Bools | None, table: SeriesTable) -> None:
        """Keep each series' last value, and its last good one."""
        # Of several assignments to one series numpy keeps the last, which is the newest row.
        table.last[self.name][self.series] = self.value
        table.last_at[self.name][self.series] = self.valid_at
        if CATALOGUE[self.name].max_step_per_h:  # only jumps are held against what was good
            good = slice(None) if suspect is None else ~suspect[self.where]
            table.good[self.name][self.series[good]] = self.value[good]
            table.good_at[self.name][self.series[good]] = self.valid_at[good]


def _stuck(walk: _Walk, after_h: int, table: SeriesTable) -> Bools:
    """Values, other than 0, that have been the same for too long."""
    since = table.unchanged_since[walk.name]
    is_new = walk.value != walk.before
    begun = np.where(is_new | ~walk.is_first, walk.valid_at, since[walk.series])
    if not walk.is_first.all():
        # The run that a row belongs to began at the last row that was new, or first in its series.
        head = np.where(is_new | walk.is_first, np.arange(len(begun)), 0)
        begun = begun[np.maximum.accumulate(head)]
    since[walk.series] = begun
    stuck: Bools = (walk.value != 0) & (walk.valid_at - begun >= after_h * 3600)
    return stuck


def _jumps(
    walk: _Walk, max_step_per_h: float, values: dict[str, Floats], table: SeriesTable
) -> Bools:
    """Values too far from the last one, or if that was doubted from the last good one, that no
    witness bears out. What stays where it jumped to is doubted for 12 hours."""
    jumps = np.zeros(len(walk.value), bool)
    before_at = walk.before_at
    elapsed = walk.valid_at - np.where(before_at == NO_TIME, walk.valid_at, before_at)
    allowed = max_step_per_h * np.maximum(elapsed / 3600, 1)
    large = (np.abs(walk.value - walk.before) > allowed) & (elapsed <= JUMP_WITHIN_S)
    good, good_at = table.good[walk.name], table.good_at[walk.name]
    was_doubted = walk.is_first & (good_at[walk.series] != before_at)
    # What was good last is known only by walking; a series without a large step needs no walk.
    for number in np.unique(walk.series[large | was_doubted]):
        value, at = good[number], good_at[number]
        for i in np.flatnonzero(walk.series == number):
            is_far = abs(walk.value[i] - value) > allowed[i]
            if at != before_at[i]:
                is_far &= walk.valid_at[i] - at <= DOUBTED_FOR_S
            else:
                is_far &= large[i]
            jumps[i] = is_far and not _is_borne_out(walk, int(i), values, table)
            if not jumps[i]:
                value, at = walk.value[i], walk.valid_at[i]
    return jumps


def _is_borne_out(walk: _Walk, i: int, values: dict[str, Floats], table: SeriesTable) -> bool:
    """Whether a witness moved along, from the row before to row `i` of the walk."""
    for witness in WITNESSES.get(walk.name, ()):
        column = values.get(witness)
        if column is None:
            continue
        before = np.nan
        if not walk.is_first[i]:
            before = column[walk.where[i - 1]]
        elif witness in table.last:
            number = walk.series[i]
            if table.last_at[witness][number] == walk.before_at[i]:
                before = table.last[witness][number]
        if abs(column[walk.where[i]] - before) >= _MOVED[witness]:
            return True
    return False
