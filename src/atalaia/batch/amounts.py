"""What the places of an area tell at each instant, as amounts that a rule may add up.

Rows and the grid of what is summed (`batch.calibrate`) → here → `batch.adding_up`, which chooses
among them. Sums are tried at the place with the most, at the second, and on average; what else is
measured (dew point, pressure, wind) as means over a day and over three, on average of the places:
the more the worse, and the less the worse.

An amount is what the rule itself will see (`detect.scores`): of a sum what is known to have fallen,
of a mean what three quarters of its window tell, and where that is not known what it is taken for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import msgspec
import numpy as np

from atalaia.batch.calibrate import Sums, fallen
from atalaia.batch.verify import Calendar
from atalaia.detect.measure import COVERAGE
from atalaia.domain.place import Places
from atalaia.domain.reading import Floats, Ints, Readings
from atalaia.domain.rule import Near
from atalaia.domain.score import Shape
from atalaia.errors import SettingsInvalid

_KNOT = 0.25
"""Of what is measured beside, what lies above this share of all instants counts: it is more than
usual, and where it is not it explains nothing."""

_WET_S, _WET = 6 * 3600, 0.99
"""What is measured beside is taken, where it is not known, for what it is while more has fallen
over so long, on average of the places, than at this share of all instants: only then it decides."""


class AmountSpace(msgspec.Struct, frozen=True):
    """What is tried.

    windows, ranks, shapes   of the sums, in seconds; a rank is the k-th largest of the area's
                             places, 0: their mean
    beside, beside_windows   further variables, whose means are tried
    near                     of the area's places only those in this circle; None: all
    """

    windows: tuple[int, ...] = (900, 1800, 3600, 3 * 3600, 6 * 3600, 86_400, 3 * 86_400, 4 * 86_400)
    ranks: tuple[int, ...] = (1, 2, 0)
    shapes: tuple[Literal["identity", "log1p"], ...] = ("identity", "log1p")
    beside: tuple[str, ...] = ()
    beside_windows: tuple[int, ...] = (86_400, 3 * 86_400)
    near: Near | None = None


class AreaAmount(msgspec.Struct, frozen=True):
    """An amount: as a term of a rule has it (`domain.score.Term`). is_against: less is worse."""

    variable: str
    measure: Literal["sum", "mean"]
    window_s: int
    of: int
    shape: Shape
    knot: float = 0.0
    unknown: float | None = None
    is_against: bool = False


@dataclass(frozen=True, slots=True)
class AmountTable:
    """Amounts at each instant of the scored days, shape (t, columns), those that are against with
    their sign turned; the `day` of each instant, and the `first` of each day."""

    columns: list[AreaAmount]
    amount: Floats
    at: Ints
    day: Ints
    first: Ints
    step_s: int

    @staticmethod
    def of(
        sums: Sums,
        rows: Readings,
        places: Places,
        variable: str,
        calendar: Calendar,
        tried: AmountSpace,
    ) -> AmountTable:
        """Of the grid of `variable`, and of the rows for what is measured beside.

        Raises SettingsInvalid where a scored day has no rows, no place is in the circle, or what is
        to be tried beside is never known.
        """
        sums = _within(sums, places, tried.near)
        day = calendar.day(sums.at)
        inside = (day >= 0) & (day < len(calendar))
        days = day[inside]
        if len(np.unique(days)) < len(calendar):
            raise SettingsInvalid(["some scored days have no rows at all; mend --from and --to"])
        found = [
            *((column, amount[inside]) for column, amount in _of_sums(sums, variable, tried)),
            *(
                (column, amount[inside])
                for name in tried.beside
                for column, amount in _of_means(
                    _instants(sums, rows, name), sums, name, tried.beside_windows
                )
            ),
        ]
        first = np.searchsorted(days, np.arange(len(calendar)))
        table = np.column_stack([amount for _, amount in found])
        columns = [column for column, _ in found]
        return AmountTable(columns, table, sums.at[inside], days, first, sums.step_s)

    def maxima(self) -> Floats:
        """Of each day, shape (days, columns)."""
        out: Floats = np.maximum.reduceat(self.amount, self.first, axis=0)
        return out

    def worst(self, score: Floats) -> Ints:
        """The instant of each day at which a score was highest."""
        ranked = np.lexsort((np.arange(len(score))[::-1], score, self.day))
        last = np.append(self.first[1:], len(score)) - 1
        out: Ints = ranked[last]
        return out


def _within(sums: Sums, places: Places, near: Near | None) -> Sums:
    if near is None:
        return sums
    inside = [near.has(places[i].latitude, places[i].longitude) for i in sums.places]
    if not any(inside):
        raise SettingsInvalid(["no place of the area lies in the circle; give another --near"])
    members = tuple(i for i, is_in in zip(sums.places, inside, strict=True) if is_in)
    return replace(sums, amount=sums.amount[:, inside], places=members)


def _of_sums(sums: Sums, variable: str, tried: AmountSpace) -> Iterator[tuple[AreaAmount, Floats]]:
    heard = np.maximum((~np.isnan(sums.amount)).sum(axis=1), 1)
    for window_s in (w for w in tried.windows if w % sums.step_s == 0):
        at_places = fallen(sums, window_s)
        at_places[np.isnan(sums.amount)] = 0.0
        ranked = -np.sort(-at_places, axis=1)
        for of, shape in product(tried.ranks, tried.shapes):
            if of > ranked.shape[1]:
                continue
            amount = ranked[:, of - 1] if of else at_places.sum(axis=1) / heard
            yield (
                AreaAmount(variable, "sum", window_s, of, shape),
                np.log1p(amount) if shape == "log1p" else amount,
            )


def _of_means(
    value: Floats, sums: Sums, name: str, windows: tuple[int, ...]
) -> Iterator[tuple[AreaAmount, Floats]]:
    fell = fallen(sums, max(_WET_S, sums.step_s)).mean(axis=1)
    is_wet = fell >= np.quantile(fell, _WET)
    for window_s in windows:
        at_places = means(value, window_s // sums.step_s)
        known = ~np.isnan(at_places)
        mean = np.where(known, at_places, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        is_known = known.any(axis=1)
        if not is_known.any():
            raise SettingsInvalid(
                [f"no mean of {name} is known: it is not measured, or less often than what is "
                 "summed; leave --beside out"]
            )  # fmt: skip
        is_told = is_known & is_wet if (is_known & is_wet).any() else is_known
        unknown = round(float(mean[is_told].mean()), 1)
        knot = round(float(np.quantile(mean[is_known], _KNOT)), 1)
        amount = np.where(is_known, mean, unknown)
        # The term's own scale: what is above the knot, so that only what is unusual explains.
        more = AreaAmount(name, "mean", window_s, 0, "hinge", knot, unknown)
        less = AreaAmount(name, "mean", window_s, 0, "identity", 0.0, unknown, is_against=True)
        yield more, np.maximum(amount - knot, 0.0)
        yield less, -amount


def _instants(sums: Sums, rows: Readings, name: str) -> Floats:
    """What is measured beside, on the grid of what is summed; NaN is missing."""
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
    """Of each place the mean over so many steps, shape (t, n), where enough of them are told.

    A place's newest word counts for a step more, as an area's rule has it.
    """
    known = ~np.isnan(value)
    milli = np.round(np.where(known, value, 0.0) * 1000).astype(np.int64)

    def over(column: Ints) -> Ints:
        total = np.vstack((np.zeros((1, column.shape[1]), np.int64), column.cumsum(axis=0)))
        through = np.arange(1, len(total))
        windows: Ints = total[through] - total[np.maximum(through - steps, 0)]
        return windows

    count = over(known.astype(np.int64))
    mean = np.where(
        known & (count >= COVERAGE * steps), over(milli) / 1000 / np.maximum(count, 1), np.nan
    )
    before = np.vstack((np.full((1, mean.shape[1]), np.nan), mean[:-1]))
    out: Floats = np.where(known, mean, before)
    return out
