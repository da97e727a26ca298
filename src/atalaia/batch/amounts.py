"""What the places of an area tell at each instant, as amounts that a rule may add up.

Rows and the grid of what is summed (`batch.calibrate`) → here → `batch.adding_up`, which chooses
among them. Sums are tried at the place with the most, at the second, and on average; what else is
measured (dew point, pressure, wind) as means over a day and over three, and the pressure's tendency
(`batch.beside`); and the local clock (`batch.clocks`).

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

from atalaia.batch.beside import AreaAmount, of_means, of_tendency
from atalaia.batch.clocks import ClockSpan, of_clock
from atalaia.batch.sums import Sums, fallen
from atalaia.batch.verify import Calendar
from atalaia.domain.place import Places
from atalaia.domain.reading import Floats, Ints, Readings
from atalaia.domain.rule import Near
from atalaia.errors import SettingsInvalid


class AmountSpace(msgspec.Struct, frozen=True):
    """What is tried.

    windows, ranks, shapes   of the sums, in seconds; a rank is the k-th largest of the area's
                             places, 0: their mean
    beside, beside_windows   further variables, whose means are tried
    clock, tendency          whether hours and months are tried, and the pressure's tendency where
                             the record has one
    near                     of the area's places only those in this circle; None: all
    """

    windows: tuple[int, ...] = (900, 1800, 3600, 3 * 3600, 6 * 3600, 86_400, 3 * 86_400, 4 * 86_400)
    ranks: tuple[int, ...] = (1, 2, 0)
    shapes: tuple[Literal["identity", "log1p"], ...] = ("identity", "log1p")
    beside: tuple[str, ...] = ()
    beside_windows: tuple[int, ...] = (86_400, 3 * 86_400)
    clock: bool = False
    tendency: bool = False
    near: Near | None = None


@dataclass(frozen=True, slots=True)
class AmountTable:
    """Amounts at each instant of the scored days, shape (t, columns), those that are against with
    their sign turned, 1 and 0 of the clock; the `day` of each instant, and the `first` of each
    day."""

    columns: list[AreaAmount | ClockSpan]
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
        zone = places[sums.places[0]].timezone  # an area goes by the clock of its first place
        sums = _within(sums, places, tried.near)
        day = calendar.day(sums.at)
        inside = (day >= 0) & (day < len(calendar))
        days = day[inside]
        if len(np.unique(days)) < len(calendar):
            raise SettingsInvalid(["some scored days have no rows at all; mend --from and --to"])
        amounts: list[tuple[AreaAmount, Floats]] = [*_of_sums(sums, variable, tried)]
        for name in tried.beside:
            amounts += of_means(rows, sums, name, tried.beside_windows)
        if tried.tendency:
            amounts += of_tendency(rows, sums)
        found: list[tuple[AreaAmount | ClockSpan, Floats]] = [
            (column, amount[inside]) for column, amount in amounts
        ]
        if tried.clock:
            found += of_clock(sums.at[inside], zone)
        first = np.searchsorted(days, np.arange(len(calendar)))
        table = np.column_stack([amount for _, amount in found])
        columns = [column for column, _ in found]
        return AmountTable(columns, table, sums.at[inside], days, first, sums.step_s)

    @property
    def hours(self) -> list[int]:
        """Columns that are the same every day, but for the hour: what they are at a day's worst
        instant says something, and their maximum nothing."""
        return [
            i
            for i, column in enumerate(self.columns)
            if isinstance(column, ClockSpan) and column.clock == "hour"
        ]

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
