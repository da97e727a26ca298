"""Limits searched by their score on days that they were not chosen on.

What is searched are area rules over sums of one variable, as a person could read them:

- *triggers*: one place (of all, or of those in the given circles) reaches a limit within a short
  window, given, if at all, that some place of the area has had so much over a longer one;
- *wide rules*, none, one or two: several places at once reach a limit.

Each candidate is a trigger with its wide rules, any of which raises. A day was warned of when one
did in it. The best candidate has the highest strict CSI among those with POD, median lead and
messages as wanted. Its score is cross-validated by year: each year is scored with the candidate
that the other years chose, so nothing is ever tuned and scored on the same days. How much of such
a score is luck is seen where the search is repeated over other splits of the days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray

from atalaia.batch import score as scores
from atalaia.batch.score import Cases, Score
from atalaia.batch.verify import Calendar, Happened, Occurrences, day_cases
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Bools, Floats, Ints, Readings
from atalaia.domain.rule import Near
from atalaia.errors import SettingsInvalid

SHARES = tuple(np.geomspace(0.005, 0.3, 14).tolist())
"""Limits are tried that such shares of all days pass. They know nothing of the events: if they did,
a year's own events would have a say in what it is scored with."""

CURVE = (0.6, 0.7, 0.75, 0.8, 0.82, 0.84, 0.86, 0.9)
"""PODs that the trade-off curve asks for."""

MONTH_DAYS = 365.25 / 12

SPLIT_MONTHS, SPLIT_PARTS = 2, 4
"""Another split deals blocks of so many months to so many parts. Shorter blocks would put one wet
spell into two parts."""

_NEVER = np.iinfo(np.int64).max
_LOOK_AT = 50_000
"""Candidates, best first, whose lead is looked at before it is given up."""

Flags = NDArray[np.float32]


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


class Wanted(msgspec.Struct, frozen=True):
    """What a candidate must keep: POD, median lead in seconds, warned days a month at most."""

    pod: float
    lead_s: int
    days_a_month: float = float("inf")


class Fold(msgspec.Struct, frozen=True):
    """One year, scored with what the others chose."""

    year: int
    chosen: Candidate
    hits: int
    misses: int
    false_alarms: int


class Point(msgspec.Struct, frozen=True):
    """A point of the trade-off: what is chosen when this POD is asked for, and its scores."""

    wanted_pod: float
    chosen: Candidate
    fitted: Score
    cross_validated: Score


class Calibration(msgspec.Struct, frozen=True):
    """What was found.

    chosen    by all years; its score on them, `fitted`, is too good to be expected
    cross_validated    what is to be expected
    tried     candidates that were held against each other
    splits    the same as `cross_validated`, by other splits of the days
    left_out  rows of the variable that were not used, as their period is another than most rows'
    """

    chosen: Candidate
    fitted: Score
    cross_validated: Score
    folds: list[Fold]
    curve: list[Point]
    tried: int
    splits: list[Score]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Sums:
    """Amounts of the places of one area on a regular grid.

    at       Unix seconds, shape (t,): ends of periods of `step_s`, on the clock
    amount   shape (t, n), in the variable's unit; NaN is missing
    places   the n places' positions
    left_out   rows that are not on it, as their period is another
    """

    at: Ints
    amount: Floats
    step_s: int
    places: tuple[int, ...]
    left_out: int = 0


def on_grid(rows: Readings, variable: str, places: Places, area: str) -> Sums:
    """The grid of one area's observed amounts; of several sources at one place the larger counts.

    Its step is the period that most rows have. A gauge that is off the clock is placed at the next
    stroke, when what it told was known: one by seconds (a twentieth of the period) at its own.
    Raises SettingsInvalid where there are none.
    """
    members = places.areas.get(area, ())
    amount = rows.value(variable)
    mine = np.isin(rows.place, members) & ~np.isnan(amount) & (rows.period_s > 0)
    if not mine.any():
        raise SettingsInvalid([f"area {area}: no {variable} with a period; name another --area"])
    steps, counts = np.unique(rows.period_s[mine], return_counts=True)
    step_s = int(steps[counts.argmax()])
    left_out = int((mine & (rows.period_s != step_s)).sum())
    mine &= rows.period_s == step_s
    stroke = -((step_s // 20 - rows.valid_at[mine]) // step_s)
    first, last = int(stroke.min()), int(stroke.max())
    at = np.arange(first, last + 1, dtype=np.int64) * step_s
    grid = np.full((len(at), len(members)), np.nan)
    slot = stroke - first
    column = np.searchsorted(np.array(members), rows.place[mine])
    np.fmax.at(grid, (slot, column), amount[mine])
    return Sums(at, grid, step_s, members, left_out)


def fallen(sums: Sums, window_s: int, places: Ints | None = None) -> Floats:
    """What is known to have fallen at each place (None: all) in the window that ends at each
    instant."""
    steps = window_s // sums.step_s
    amount = sums.amount if places is None else sums.amount[:, places]
    known = np.round(np.nan_to_num(amount) * 1000).astype(np.int64)
    total = np.vstack((np.zeros((1, known.shape[1]), np.int64), known.cumsum(axis=0)))
    through = np.arange(1, len(total))
    amounts: Floats = (total[through] - total[np.maximum(through - steps, 0)]) / 1000
    return amounts


def years_of(happened: Happened, calendar: Calendar, least: int) -> tuple[Ints, list[int]]:
    """The year of each day, and the years that have events.

    Raises SettingsInvalid where these are fewer than `least`.
    """
    years = np.array([day.year for day in calendar.dates()])
    blocks = [int(year) for year in np.unique(years[happened.begins != NO_TIME])]
    if len(blocks) < least:
        raise SettingsInvalid(
            [f"events of {least} years or more are needed: what is chosen is scored on "
             f"years that did not choose it; from {calendar.first} to {calendar.dates()[-1]} "
             f"{f'only {_listed(blocks)}' if blocks else 'no year'} has any; give a longer record, "
             "or a smaller --min-events"]
        )  # fmt: skip
    return years, blocks


def _listed(years: list[int]) -> str:
    return " and ".join(map(str, years))


def calibrate(
    sums: Sums,
    places: Places,
    occurrences: Occurrences,
    calendar: Calendar,
    min_events: int,
    wanted: Wanted,
    space: Space,
    splits: int = 0,
) -> Calibration:
    """Search, choose and cross-validate; `splits` other splits of the days are tried, too.

    Raises SettingsInvalid where fewer than two years have events, or nothing keeps what is wanted.
    """
    happened = Happened.by_day(occurrences.started_at, occurrences.ended_at, calendar, min_events)
    years, blocks = years_of(happened, calendar, least=2)
    table = _FirstRaised(sums, places, calendar, space)
    search = _Search(table, happened, years, blocks)
    others = [Wanted(pod, wanted.lead_s, wanted.days_a_month) for pod in CURVE]
    whole, *without = search.choose([wanted, *others])
    if whole[0] is None:
        raise SettingsInvalid(
            [f"no limits have POD {wanted.pod:g}, a median lead of {wanted.lead_s / 3600:g} h and "
             f"{wanted.days_a_month:g} warned days a month at most; ask for less"]
        )  # fmt: skip
    points = [
        Point(other.pod, *search.validated(pick, [picks[i] for picks in without])[:3])
        for i, (other, pick) in enumerate(zip(others, whole[1:], strict=True), 1)
        if pick is not None
    ]
    chosen, fitted, cross_validated, folds = search.validated(
        whole[0], [picks[0] for picks in without]
    )
    return Calibration(
        chosen=chosen,
        fitted=fitted,
        cross_validated=cross_validated,
        folds=folds,
        curve=points,
        tried=len(table.triggers) * len(table.wides),
        splits=[
            _Search(table, happened, _dealt(calendar, seed), range(SPLIT_PARTS)).expected(wanted)
            for seed in range(splits)
        ],
        left_out=sums.left_out,
    )


def _dealt(calendar: Calendar, seed: int) -> Ints:
    """By day, the part that it is in: blocks of months, dealt at random."""
    months = np.array([day.year * 12 + day.month for day in calendar.dates()])
    block = (months - months[0]) // SPLIT_MONTHS
    parts = np.random.default_rng(seed).permutation(np.arange(block[-1] + 1) % SPLIT_PARTS)
    dealt: Ints = parts[block]
    return dealt


class _FirstRaised:
    """When each trigger and each choice of wide rules first raised, by day."""

    def __init__(
        self,
        sums: Sums,
        places: Places,
        calendar: Calendar,
        space: Space,
    ) -> None:
        self._space = space
        day = calendar.day(sums.at)
        inside = (day >= 0) & (day < len(calendar))
        self._sums, self._inside, self._calendar = sums, inside, calendar
        self._at, self._day = sums.at[inside], day[inside]
        self.triggers: list[Candidate] = []
        firsts: list[Ints] = []
        for chosen in ((), space.circles) if space.circles else ((),):
            columns = _columns(sums, places, chosen)
            for one, first in self._triggers(chosen, columns):
                self.triggers.append(one)
                firsts.append(first)
        if not firsts:
            raise SettingsInvalid(["no limit can be tried: no sum ever passed one on a scored day"])
        self.trigger_first = np.array(firsts)
        self.wides, self.wide_first = self._wides()

    def first(self, pick: tuple[int, int]) -> Ints:
        """By day, when a candidate first raised; _NEVER: it did not."""
        first: Ints = np.minimum(self.trigger_first[pick[0]], self.wide_first[pick[1]])
        return first

    def candidate(self, pick: tuple[int, int]) -> Candidate:
        """A trigger with its wide rules."""
        return msgspec.structs.replace(self.triggers[pick[0]], wide=self.wides[pick[1]])

    def _triggers(self, circles: tuple[Near, ...], columns: Ints) -> list[tuple[Candidate, Ints]]:
        step = self._sums.step_s
        givens = []
        for window_s in self._space.givens:
            if window_s % step:
                continue
            wet = self._reached(window_s, 1, np.arange(self._sums.amount.shape[1]))
            givens += [(window_s, limit, wet) for limit in self._limits(wet)]
        out = []
        for window_s in self._space.triggers:
            if window_s % step:
                continue
            reached = self._reached(window_s, 1, columns)
            for limit in self._limits(reached):
                rows = np.flatnonzero(reached >= limit)
                alone = Candidate(circles, window_s, limit, 0, 0.0, ())
                out.append((alone, self._first(rows)))
                for given_s, given, wet in givens:
                    also = Candidate(circles, window_s, limit, given_s, given, ())
                    out.append((also, self._first(rows[wet[rows] >= given])))
        return out

    def _wides(self) -> tuple[list[tuple[Wide, ...]], Ints]:
        columns = np.arange(self._sums.amount.shape[1])
        kinds: list[list[tuple[Wide, Ints]]] = []
        for window_s, k in self._space.wide:
            if window_s % self._sums.step_s or k > len(columns):
                continue
            reached = self._reached(window_s, k, columns)
            kinds.append(
                [
                    (Wide(window_s, k, limit), self._first(np.flatnonzero(reached >= limit)))
                    for limit in self._limits(reached)
                ]
            )
        never = np.full(len(self._calendar), _NEVER, np.int64)
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

    def _reached(self, window_s: int, k: int, columns: Ints) -> Floats:
        """The sum that k of the places reach at each instant of the scored days."""
        whole = fallen(self._sums, window_s, columns)[self._inside]
        reached: Floats = -np.partition(-whole, k - 1, axis=1)[:, k - 1]
        return reached

    def _limits(self, reached: Floats) -> list[float]:
        """Round limits that a share of the days pass, from few to many."""
        highest = np.full(len(self._calendar), 0.0)
        np.maximum.at(highest, self._day, reached)
        limits = {_round(float(q)) for q in np.quantile(highest, 1 - np.array(SHARES))}
        return sorted(limit for limit in limits if limit > 0)

    def _first(self, rows: Ints) -> Ints:
        first = np.full(len(self._calendar), _NEVER, np.int64)
        days, index = np.unique(self._day[rows], return_index=True)
        first[days] = self._at[rows[index]]
        return first


class _Search:
    """Candidates held against each other on any choice of years, or of other parts of the days."""

    def __init__(
        self, table: _FirstRaised, happened: Happened, years: Ints, blocks: Sequence[int]
    ) -> None:
        self._table, self._happened, self._years, self._blocks = table, happened, years, blocks
        self._is_event = happened.begins != NO_TIME
        self._trigger = table.trigger_first < _NEVER
        self._wide = table.wide_first < _NEVER

    def choose(self, wanted: Sequence[Wanted]) -> list[list[tuple[int, int] | None]]:
        """What is best for each wish: by all years, and then by all but each year in turn."""
        left_out: list[int | None] = [None, *(int(year) for year in np.unique(self._years))]
        return [self._best(out, wanted) for out in left_out]

    def validated(
        self, pick: tuple[int, int], picks: Sequence[tuple[int, int] | None]
    ) -> tuple[Candidate, Score, Score, list[Fold]]:
        """A candidate and its score, and the score of each year's `picks` on that year."""
        folds = []
        for year, other in zip(np.unique(self._years), picks, strict=True):
            here = self._years == year
            first = self._first(other)
            counts = np.bincount(self._cases(first).take(here).outcome, minlength=6)
            folds.append(
                Fold(
                    int(year),
                    self._table.candidate(other or pick),
                    int(counts[scores.HIT]),
                    int(counts[scores.MISS]),
                    int(counts[scores.FALSE_ALARM] + counts[scores.PARTIAL_WARNED]),
                )
            )
        fitted = self._score(self._table.first(pick))
        return self._table.candidate(pick), fitted, self._score(self._together(picks)), folds

    def expected(self, wanted: Wanted) -> Score:
        """Of each part with what the others chose."""
        _, *picks = (some[0] for some in self.choose([wanted]))
        return self._score(self._together(picks))

    def _together(self, picks: Sequence[tuple[int, int] | None]) -> Ints:
        """By day, when the pick of the day's year first raised."""
        together = np.full(len(self._years), _NEVER, np.int64)
        for year, pick in zip(np.unique(self._years), picks, strict=True):
            here = self._years == year
            together[here] = self._first(pick)[here]
        return together

    def _first(self, pick: tuple[int, int] | None) -> Ints:
        """Where the other years have nothing that keeps it, a year goes without a warning."""
        if pick is None:
            return np.full(len(self._years), _NEVER, np.int64)
        return self._table.first(pick)

    def _score(self, first: Ints) -> Score:
        return scores.score(self._cases(first))

    def _cases(self, first: Ints) -> Cases:
        return day_cases(np.where(first == _NEVER, NO_TIME, first), self._happened)

    def _best(self, left_out: int | None, wanted: Sequence[Wanted]) -> list[tuple[int, int] | None]:
        """For each wish the candidate with the highest strict CSI on all years but one.

        Scores are of years with events; what is warned of in a month, of all days.
        """
        asked = np.ones(len(self._years), bool)
        hits, warned, on_all = self._of_all
        if left_out is not None:
            # Counts add up: what all years have, less what this one has.
            asked = self._years != left_out
            its = self._counted(~asked)
            hits, warned, on_all = (
                np.subtract(whole, part, out=part)
                for whole, part in zip((hits, warned, on_all), its, strict=True)
            )
        days = np.flatnonzero(asked & np.isin(self._years, self._blocks) & self._is_event)
        csi = hits / (len(days) + warned - hits)
        return [self._first_of(one, csi, hits, on_all, days, asked) for one in wanted]

    @cached_property
    def _of_all(self) -> tuple[Flags, Flags, Flags]:
        return self._counted(np.ones(len(self._years), bool))

    def _counted(self, asked: Bools) -> tuple[Flags, Flags, Flags]:
        """Of these days, for each candidate: hits, and warned days, of years with events; and
        warned days of all."""
        here = asked & np.isin(self._years, self._blocks)
        hits, warned, on_all = (
            _either(self._trigger[:, days], self._wide[:, days]).ravel()
            for days in (here & self._is_event, here, asked & ~here)
        )
        return hits, warned, warned + on_all

    def _first_of(
        self,
        wanted: Wanted,
        csi: Floats | Flags,
        hits: Flags,
        warned: Flags,
        days: Ints,
        here: Bools,
    ) -> tuple[int, int] | None:
        most = wanted.days_a_month * here.sum() / MONTH_DAYS
        able = np.flatnonzero((hits >= wanted.pod * len(days)) & (warned <= most))
        at_most = min(_LOOK_AT, len(able))
        if not at_most:
            return None
        able = able[np.argpartition(-csi[able], at_most - 1)[:at_most]]
        # Of equals the first: the same record always chooses the same limits.
        for pick in able[np.lexsort((able, -csi[able]))]:
            where = divmod(int(pick), len(self._wide))
            first = self._table.first(where)[days]
            lead_s = (self._happened.begins[days] - first)[first < _NEVER]
            if len(lead_s) and np.median(lead_s) >= wanted.lead_s:
                return where
        return None


def _either(trigger: Bools, wide: Bools) -> Flags:
    """For each pair of trigger and wide rules, the number of days that either warned of."""
    one, other = trigger.astype(np.float32), wide.astype(np.float32)
    either: Flags = one @ other.T  # there are millions of pairs: what is made of it goes into it
    np.subtract(one.sum(axis=1)[:, None], either, out=either)
    either += other.sum(axis=1)
    return either


def _columns(sums: Sums, places: Places, circles: tuple[Near, ...]) -> Ints:
    """The columns of the places that lie in any of the circles; without circles all."""
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
