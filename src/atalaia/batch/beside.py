"""What is measured beside what is summed, on the same grid: means over days, and the pressure's
tendency.

Rows → each place's values at the grid's instants → on average of the places → `batch.amounts`, the
more the worse and the less the worse. A place's newest word counts for a step more, as an area's
rule has it, and where none is heard an amount is taken for what it is in heavy rain: only then it
decides.

The tendency is the change of the pressure over the three hours before, as the World Meteorological
Organization has it reported (Manual on Codes, WMO-No. 306, FM 12: "amount of pressure tendency at
station level during the three hours preceding the time of observation").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np

from atalaia.batch.sums import Sums, fallen
from atalaia.detect.measure import COVERAGE
from atalaia.domain.reading import Bools, Floats, Ints, Readings
from atalaia.domain.score import Shape
from atalaia.errors import SettingsInvalid

PRESSURES = ("pressure_hpa", "pressure_sea_level_hpa")
"""Of the first that the record has the tendency is tried."""

TENDENCY_S = 3 * 3600

_KNOT = 0.25
"""Of a mean what lies above this share of all instants counts: it is more than usual, and where it
is not it explains nothing."""

_WET_S, _WET = 6 * 3600, 0.99
"""Where an amount is not known it is taken for what it is while more has fallen over so long, on
average of the places, than at this share of all instants."""


class AreaAmount(msgspec.Struct, frozen=True):
    """An amount: as a term of a rule has it (`domain.score.Term`). is_against: less is worse."""

    variable: str
    measure: Literal["sum", "mean", "change"]
    window_s: int
    of: int
    shape: Shape
    knot: float = 0.0
    unknown: float | None = None
    is_against: bool = False


def of_means(
    rows: Readings, sums: Sums, name: str, windows: tuple[int, ...]
) -> Iterator[tuple[AreaAmount, Floats]]:
    """Means of a variable over these windows. Raises SettingsInvalid where one is never known."""
    value = _instants(sums, rows, name)
    is_wet = _are_wet(sums)
    for window_s in windows:
        mean, is_known = _on_average(means(value, window_s // sums.step_s))
        if not is_known.any():
            raise SettingsInvalid(
                [f"no mean of {name} is known: it is not measured, or less often than what is "
                 "summed; leave --beside out"]
            )  # fmt: skip
        knot = round(float(np.quantile(mean[is_known], _KNOT)), 1)
        yield from _both(
            AreaAmount(name, "mean", window_s, 0, "hinge", knot), mean, is_known, is_wet
        )


def of_tendency(rows: Readings, sums: Sums) -> Iterator[tuple[AreaAmount, Floats]]:
    """How far the pressure has risen, and how far it has fallen; nothing where it is not told often
    enough."""
    if TENDENCY_S % sums.step_s:
        return
    for name in PRESSURES:
        told = changes(_instants(sums, rows, name), TENDENCY_S // sums.step_s)
        change, is_known = _on_average(told)
        if is_known.any():
            risen = AreaAmount(name, "change", TENDENCY_S, 0, "hinge")
            yield from _both(risen, change, is_known, _are_wet(sums))
            return


def _both(
    more: AreaAmount, told: Floats, is_known: Bools, is_wet: Bools
) -> Iterator[tuple[AreaAmount, Floats]]:
    """The more the worse, of what is above the knot, so that only what is unusual explains; and the
    less the worse."""
    is_told = is_known & is_wet if (is_known & is_wet).any() else is_known
    unknown = round(float(told[is_told].mean()), 1)
    amount = np.where(is_known, told, unknown)
    more = msgspec.structs.replace(more, unknown=unknown)
    yield more, np.maximum(amount - more.knot, 0.0)
    less = msgspec.structs.replace(more, shape="identity", knot=0.0, is_against=True)
    yield less, -amount


def _are_wet(sums: Sums) -> Bools:
    fell = fallen(sums, max(_WET_S, sums.step_s)).mean(axis=1)
    wet: Bools = fell >= np.quantile(fell, _WET)
    return wet


def _on_average(at_places: Floats) -> tuple[Floats, Bools]:
    """The mean of the places that are known, and where there is one."""
    known = ~np.isnan(at_places)
    mean: Floats = np.where(known, at_places, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return mean, np.logical_or.reduce(known, axis=1)


def _instants(sums: Sums, rows: Readings, name: str) -> Floats:
    """What is measured, on the grid of what is summed; NaN is missing."""
    out = np.full(sums.amount.shape, np.nan)
    value = rows.value(name)
    mine = np.isin(rows.place, sums.places) & ~np.isnan(value)
    stroke = -((sums.step_s // 20 - rows.valid_at[mine]) // sums.step_s)
    slot = stroke - int(sums.at[0]) // sums.step_s
    is_on = (slot >= 0) & (slot < len(out))
    column = np.searchsorted(np.array(sums.places), rows.place[mine][is_on])
    np.fmax.at(out, (slot[is_on], column), value[mine][is_on])
    return out


def means(value: Floats, steps: int) -> Floats:
    """Of each place the mean over so many steps, shape (t, n), where enough of them are told."""
    known = ~np.isnan(value)
    milli = _milli(value)

    def over(column: Ints) -> Ints:
        total = np.vstack((np.zeros((1, column.shape[1]), np.int64), column.cumsum(axis=0)))
        through = np.arange(1, len(total))
        windows: Ints = total[through] - total[np.maximum(through - steps, 0)]
        return windows

    count = over(known.astype(np.int64))
    mean = np.where(
        known & (count >= COVERAGE * steps), over(milli) / 1000 / np.maximum(count, 1), np.nan
    )
    return _carried(mean, known)


def changes(value: Floats, steps: int) -> Floats:
    """Of each place the value less the newest that is so many steps old, or up to a third older:
    shape (t, n)."""
    known = ~np.isnan(value)
    milli = _milli(value)
    row = np.arange(len(value))[:, None]
    newest = np.maximum.accumulate(np.where(known, row, -1), axis=0)
    ago = np.full(value.shape, -1, np.int64)
    ago[steps:] = newest[: len(value) - steps]
    is_near = (ago >= 0) & (row - ago <= steps / COVERAGE)
    before = np.take_along_axis(milli, np.maximum(ago, 0), axis=0)
    change = np.where(known & is_near, (milli - before) / 1000, np.nan)
    return _carried(change, known)


def _milli(value: Floats) -> Ints:
    """In whole thousandths, so that no sum hangs on its order."""
    milli: Ints = np.round(np.nan_to_num(value) * 1000).astype(np.int64)
    return milli


def _carried(made: Floats, known: Bools) -> Floats:
    """What was made of a place's newest word counts for a step more."""
    before = np.vstack((np.full((1, made.shape[1]), np.nan), made[:-1]))
    out: Floats = np.where(known, made, before)
    return out
