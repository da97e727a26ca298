"""When each of the limits that are tried would first have raised, by day.

Sums of an area (`batch.sums`) → here → `batch.calibrate`, which holds them against events. Round
limits are tried that a share of all days pass. Of a window only instants that pass its lowest
limit are looked at again: higher limits, and what must have fallen before, choose among them.
"""

from __future__ import annotations

from itertools import combinations

import msgspec
import numpy as np

from atalaia.batch.sums import Sums, totals, within
from atalaia.batch.verify import Calendar
from atalaia.domain.place import Places
from atalaia.domain.reading import Floats, Ints
from atalaia.domain.rule import Near
from atalaia.errors import SettingsInvalid

SHARES = tuple(np.geomspace(0.005, 0.3, 14).tolist())
"""Limits are tried that such shares of all days pass. They know nothing of the events: if they did,
a year's own events would have a say in what it is scored with."""

NEVER = np.iinfo(np.int64).max


class Space(msgspec.Struct, frozen=True):
    """What is searched: windows in seconds.

    circles    triggers are tried at all places, and, if there are any, at those in these circles
    triggers   windows of the trigger
    givens     windows of what must have fallen before; a trigger that asks nothing is tried, too
    wide       (window, places at once) of the wide rules
    """

    circles: tuple[Near, ...] = ()
    triggers: tuple[int, ...] = (900, 1800, 2700, 3600, 3 * 3600, 24 * 3600, 72 * 3600)
    givens: tuple[int, ...] = (6 * 3600, 24 * 3600, 72 * 3600)
    wide: tuple[tuple[int, int], ...] = (
        (1800, 2),
        (3600, 2),
        (3600, 3),
        (6 * 3600, 2),
        (12 * 3600, 2),
    )


class Wide(msgspec.Struct, frozen=True):
    """Several places at once: `places` of the area reach `limit` over `window_s`."""

    window_s: int
    places: int
    limit: float


class Candidate(msgspec.Struct, frozen=True):
    """One set of limits. `circles` empty: every place of the area triggers; given_window_s 0:
    nothing else is asked."""

    circles: tuple[Near, ...]
    window_s: int
    limit: float
    given_window_s: int
    given_limit: float
    wide: tuple[Wide, ...]


class FirstRaised:
    """When each trigger and each choice of wide rules first raised, by day.

    triggers, wides    what they are
    trigger_first, wide_first    of each and each day in Unix seconds; NEVER: it did not
    """

    def __init__(self, sums: Sums, places: Places, calendar: Calendar, space: Space) -> None:
        self._space, self._step_s, self._days = space, sums.step_s, len(calendar)
        day = calendar.day(sums.at)
        self._inside = (day >= 0) & (day < len(calendar))
        self._at, self._day = sums.at[self._inside], day[self._inside]
        self._totals = totals(sums)
        self.triggers: list[Candidate] = []
        firsts: list[Ints] = []
        for chosen in ((), space.circles) if space.circles else ((),):
            for one, first in self._triggers(chosen, _positions(sums, places, chosen)):
                self.triggers.append(one)
                firsts.append(first)
        if not firsts:
            raise SettingsInvalid(["no limit can be tried: no sum ever passed one on a scored day"])
        self.trigger_first = np.array(firsts)
        self.wides, self.wide_first = self._wides()

    def first(self, pick: tuple[int, int]) -> Ints:
        """By day, when a candidate first raised; NEVER: it did not."""
        first: Ints = np.minimum(self.trigger_first[pick[0]], self.wide_first[pick[1]])
        return first

    def candidate(self, pick: tuple[int, int]) -> Candidate:
        """A trigger with its wide rules."""
        return msgspec.structs.replace(self.triggers[pick[0]], wide=self.wides[pick[1]])

    def _triggers(self, circles: tuple[Near, ...], places: Ints) -> list[tuple[Candidate, Ints]]:
        everywhere = np.arange(len(self._totals))
        givens = [
            (window_s, wet, self._limits(wet))
            for window_s in self._space.givens
            if (wet := self._reached(window_s, 1, everywhere)) is not None
        ]
        out = []
        for window_s in self._space.triggers:
            reached = self._reached(window_s, 1, places)
            if reached is None or not (limits := self._limits(reached)):
                continue
            rows = np.flatnonzero(reached >= limits[0])
            reached, before = reached[rows], [wet[rows] for _, wet, _ in givens]
            for limit in limits:
                passes = reached >= limit
                some = rows[passes]
                alone = Candidate(circles, window_s, limit, 0, 0.0, ())
                out.append((alone, self._first(some)))
                for (given_s, _, given_limits), wet in zip(givens, before, strict=True):
                    there = wet[passes]
                    for given in given_limits:
                        also = Candidate(circles, window_s, limit, given_s, given, ())
                        out.append((also, self._first(some[there >= given])))
        return out

    def _wides(self) -> tuple[list[tuple[Wide, ...]], Ints]:
        everywhere = np.arange(len(self._totals))
        kinds: list[list[tuple[Wide, Ints]]] = []
        for window_s, k in self._space.wide:
            reached = self._reached(window_s, k, everywhere)
            if reached is None:
                continue
            kinds.append(
                [
                    (Wide(window_s, k, limit), self._first(np.flatnonzero(reached >= limit)))
                    for limit in self._limits(reached)
                ]
            )
        never = np.full(self._days, NEVER, np.int64)
        wides: list[tuple[Wide, ...]] = [()]
        firsts = [never]
        for kind in kinds:
            wides += [(wide,) for wide, _ in kind]
            firsts += [first for _, first in kind]
        for some, others in combinations(kinds, 2):
            for wide, first in some:
                wides += [(wide, other) for other, _ in others]
                firsts += [np.minimum(first, second) for _, second in others]
        return wides, np.array(firsts)

    def _reached(self, window_s: int, k: int, places: Ints) -> Floats | None:
        """The sum that k of the places reach at each instant of the scored days; None where the
        grid has no such window, or there are not so many places."""
        n = len(places)
        if window_s % self._step_s or k > n:
            return None
        amount = within(self._totals[places], window_s // self._step_s)
        highest = amount.max(axis=0) if k == 1 else np.partition(amount, n - k, axis=0)[n - k]
        reached: Floats = highest[self._inside] / 1000
        return reached

    def _limits(self, reached: Floats) -> list[float]:
        """Round limits that a share of the days pass, from few to many."""
        highest = np.full(self._days, 0.0)
        np.maximum.at(highest, self._day, reached)
        limits = {_round(float(q)) for q in np.quantile(highest, 1 - np.array(SHARES))}
        return sorted(limit for limit in limits if limit > 0)

    def _first(self, rows: Ints) -> Ints:
        first = np.full(self._days, NEVER, np.int64)
        # Of several assignments to one day numpy keeps the last, which is its first instant.
        first[self._day[rows[::-1]]] = self._at[rows[::-1]]
        return first


def _positions(sums: Sums, places: Places, circles: tuple[Near, ...]) -> Ints:
    """Which of the area's places lie in any of the circles; without circles all."""
    if not circles:
        return np.arange(len(sums.places))
    points = [(places[i].latitude, places[i].longitude) for i in sums.places]
    inside = [any(circle.has(*point) for circle in circles) for point in points]
    if not any(inside):
        raise SettingsInvalid(["no place of the area lies in a circle of --near; mend it"])
    return np.flatnonzero(inside)


def _round(value: float) -> float:
    """To what a person would write: halves below 10, whole numbers below 30, then even ones."""
    step = 0.5 if value < 10 else 1 if value < 30 else 2
    return round(value / step) * step
