"""A rule that adds up, learned from a record: which amounts say something, how much each weighs,
and from which chance on to warn.

Amounts at each instant (`batch.amounts`) and events → here → `batch.rule_file`. Days are counted by
what their amounts were at their worst (`batch.counts`): first each at its own maximum, then all at
the instant that the rule itself would have taken for the worst. Terms are chosen one by one, as
long as years that they were not fitted to are told better; what is to be expected is scored on
years that had no say in any of it. The limit is set where the model itself expects as many events
to be told as is asked for, at the level of the last year, and not where the years that chose would
have scored best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from atalaia.batch import score as scores
from atalaia.batch.amounts import AmountTable
from atalaia.batch.beside import AreaAmount
from atalaia.batch.calibrate import years_of
from atalaia.batch.chances import Reliability, reliability
from atalaia.batch.clocks import ClockSpan
from atalaia.batch.counts import CountModel, fit, surprise
from atalaia.batch.score import Score
from atalaia.batch.verify import BLOCK_DAYS, Calendar, Happened, day_cases
from atalaia.domain.reading import NO_TIME, Bools, Floats, Ints
from atalaia.domain.score import Chance

MOST_TERMS = 5
TRIED, TRIED_CLOCKS = 6, 3
"""Of the terms that a model lacks so many are fitted, those that it misses most: of amounts, and of
parts of the day and the year, which are many and alike."""

GAIN = 0.002
"""A further term must make other years so much less surprising: nats a day."""

KEEPS = (0, 3600, 3 * 3600)
"""How long it may stay below its limit before it ends: tried in turn."""


class Weighed(msgspec.Struct, frozen=True):
    """A term: an amount and its weight; below 0: less of it is worse."""

    amount: AreaAmount | ClockSpan
    weight: float


class YearTold(msgspec.Struct, frozen=True):
    """A year as others told it, and the terms that they chose."""

    year: int
    hits: int
    misses: int
    false_alarms: int
    terms: str


class AddingUp(msgspec.Struct, frozen=True):
    """What was learned.

    terms, intercept, dispersion    of the score; `intercept` is the last year's level
    levels          by year
    limit           the chance in % from which on it warns
    keep_s          how long it stays below before it ends
    fitted          on the days that chose it: too good to be expected
    cross_validated what is to be expected
    chances         how right the chances are that were told of years that did not choose them
    folds           year by year, each by all others; or, walking forward, by those before it
    left_out        rows that were not used, as their period is another than most rows'
    """

    terms: list[Weighed]
    intercept: float
    dispersion: float
    levels: dict[str, float]
    limit: float
    keep_s: int
    fitted: Score
    cross_validated: Score
    chances: Reliability
    folds: list[YearTold]
    left_out: int = 0


BEFORE = 2
"""Walking forward, a year is told by those before it once so many of them have events: of one year
no terms can be chosen."""


def learn(
    table: AmountTable,
    happened: Happened,
    calendar: Calendar,
    min_events: int,
    pod: float,
    name: Callable[[int], str],
    *,
    is_forward: bool = False,
) -> AddingUp:
    """The rule, and what is to be expected of it. `name` says a duration. is_forward: each year is
    told by those before it alone, as a watch that learns anew each year would have told it.

    Raises SettingsInvalid where fewer than three years have events, as terms are chosen by years of
    years, or SciPy is not installed.
    """
    years, with_events = years_of(happened, calendar, least=3)
    record = _Record(table, happened, years, min_events, pod)
    everything = record.learned(np.ones(len(years), bool))
    folds, cases, chance = [], [], np.zeros(len(years))
    told = np.ones(len(years), bool)
    if is_forward:
        told = years > with_events[BEFORE - 1]
    for year in np.unique(years[told]).tolist():
        mine = years == year
        model = record.learned(years < year if is_forward else ~mine)
        outcome = record.cases(model).take(mine)
        cases.append(outcome)
        chance[mine] = record.chance(model)[mine]
        found = scores.score(outcome)
        terms = ", ".join(in_words(column, name) for column in model.columns)
        counts = (found.hits, found.misses, found.strict.false_alarms)
        folds.append(YearTold(year, *counts, terms))
    weeks = np.arange(len(years)) // BLOCK_DAYS
    is_event = happened.begins != NO_TIME
    return AddingUp(
        terms=[
            Weighed(column, round(-weight if column.is_against else weight, 5))
            for column, weight in zip(
                everything.columns, everything.model.weights.tolist(), strict=True
            )
            if round(weight, 5) > 0
        ],
        intercept=round(float(everything.model.levels[-1]), 4),
        dispersion=round(everything.model.dispersion, 4),
        levels={
            str(year): round(float(level), 3)
            for year, level in zip(np.unique(years), everything.model.levels, strict=True)
        },
        limit=everything.limit,
        keep_s=everything.keep_s,
        fitted=scores.score(record.cases(everything)),
        cross_validated=scores.score(scores.Cases.concat(cases)),
        chances=reliability(chance[told], is_event[told], weeks[told]),
        folds=folds,
    )


def in_words(column: AreaAmount | ClockSpan, name: Callable[[int], str]) -> str:
    """``log of 15 min at 1 place``, ``mean dew_point_c of 72h on average, above 17.2``, ``hours 15
    to 21``"""
    if isinstance(column, ClockSpan):
        return f"{column.clock}s {column.first} to {column.last}"
    where = f"at {column.of} place{'s' if column.of > 1 else ''}" if column.of else "on average"
    log = "log of " if column.shape == "log1p" else ""
    mean = "" if column.measure == "sum" else f"{column.measure} {column.variable} of "
    above = f", above {column.knot:g}" if column.shape == "hinge" else ""
    less = "less of " if column.is_against else ""
    return f"{less}{log}{mean}{name(column.window_s)} {where}{above}"


@dataclass(frozen=True, slots=True)
class _Learned:
    columns: list[AreaAmount | ClockSpan]
    which: list[int]
    model: CountModel
    limit: float
    keep_s: int


class _Record:
    """Days, their amounts and what happened: what is learned of any choice of years."""

    def __init__(
        self, table: AmountTable, happened: Happened, years: Ints, min_events: int, pod: float
    ) -> None:
        self._table, self._happened, self._years, self._pod = table, happened, years, pod
        self._min_events = min_events
        self._maxima, self._hours = table.maxima(), table.hours

    def learned(self, days: Bools) -> _Learned:
        """From the chosen days alone."""
        which = self._chosen(days)
        model = self._fit(self._daily(which, days)[:, which], days)
        for _ in range(3):
            worst = self._worst(which, model)
            model = self._fit(self._table.amount[worst][:, which], days)
        columns = [self._table.columns[i] for i in which]
        learned = _Learned(columns, which, model, 0.0, 0)
        limit = self._limit(self.chance(learned)[days])
        best = None
        for keep_s in KEEPS:
            tried = _Learned(columns, which, model, limit, keep_s)
            csi = scores.score(self.cases(tried).take(days)).strict.csi or 0.0
            if best is None or csi >= best[0]:
                best = csi, tried
        assert best is not None  # noqa: S101 - KEEPS is not empty
        return best[1]

    def chance(self, learned: _Learned) -> Floats:
        """Of each day, at its worst and at the level of the last year, in shares."""
        score = self._table.amount[:, learned.which] @ learned.model.weights
        worst = np.maximum.reduceat(score, self._table.first)
        return self._of(learned.model).of(learned.model.levels[-1] + worst)

    def cases(self, learned: _Learned) -> scores.Cases:
        """Each day's outcome by the rule."""
        score = self._table.amount[:, learned.which] @ learned.model.weights
        chance = self._of(learned.model).of(learned.model.levels[-1] + score)
        raised = np.flatnonzero(100 * chance >= learned.limit)
        n = len(self._happened.begins)
        warned_at = np.full(n, NO_TIME, np.int64)
        # It ends with the first value that has been below for so long: an instant after the last.
        after = self._table.at[raised] + self._table.step_s + learned.keep_s - 1
        reaches = np.searchsorted(self._table.at[self._table.first], after, "right") - 1
        carried = reaches > self._table.day[raised]
        warned_at[reaches[carried]] = self._table.at[self._table.first][reaches[carried]]
        days, first = np.unique(self._table.day[raised], return_index=True)
        at = self._table.at[raised[first]]
        is_carried = warned_at[days] != NO_TIME
        warned_at[days] = np.where(is_carried, np.minimum(warned_at[days], at), at)
        return day_cases(warned_at, self._happened)

    def _daily(self, which: list[int], days: Bools) -> Floats:
        """Each day's amounts, at their own maxima; the hour's at the instant that is worst by what
        else is chosen, and 0 while nothing is: shape (days, columns)."""
        hours = self._hours
        if not hours:
            return self._maxima
        daily = self._maxima.copy()
        daily[:, hours] = 0.0
        others = [i for i in which if i not in hours]
        if others:
            model = self._fit(self._maxima[:, others], days)
            worst = self._worst(others, model)
            daily[:, hours] = self._table.amount[worst][:, hours]
        return daily

    def _worst(self, which: list[int], model: CountModel) -> Ints:
        return self._table.worst(self._table.amount[:, which] @ model.weights)

    def _chosen(self, days: Bools) -> list[int]:
        """Terms one by one, those first that make each year less surprising to the others."""
        which: list[int] = []
        so_far = np.inf
        while len(which) < MOST_TERMS:
            daily = self._daily(which, days)
            tried = self._missed(which, daily, days)
            told = {i: self._surprise(daily[:, [*which, i]], days) for i in tried}
            best = min(told, key=lambda i: (told[i], i))
            if so_far - told[best] < GAIN:
                break
            which.append(best)
            so_far = told[best]
        return which

    def _missed(self, which: list[int], daily: Floats, days: Bools) -> list[int]:
        """Amounts whose days of many occurrences the model of the terms so far tells too few of."""
        count = self._happened.count[days]
        expected = np.full(len(count), count.mean())
        if which:
            amounts = daily[days][:, which]
            model = fit(amounts, count, self._numbered(days))
            level = model.levels[self._numbered(days)]
            expected = np.exp(np.minimum(level + amounts @ model.weights, 12.0))
            residual = (count - expected) / (1 + expected * model.dispersion)
        else:
            residual = count - expected
        spread = daily[days].std(axis=0)
        # What is the same every day explains none of them.
        others = [i for i in np.flatnonzero(spread > 0).tolist() if i not in which]
        slope = residual @ daily[days][:, others] / spread[others]
        ranked = [others[i] for i in np.argsort(-slope, kind="stable").tolist()]
        clocks = [i for i in ranked if isinstance(self._table.columns[i], ClockSpan)]
        return [i for i in ranked if i not in clocks][:TRIED] + clocks[:TRIED_CLOCKS]

    def _surprise(self, amounts: Floats, days: Bools) -> float:
        total = 0.0
        count = self._happened.count
        for year in np.unique(self._years[days]):
            rest, mine = days & (self._years != year), days & (self._years == year)
            model = fit(amounts[rest], count[rest], self._numbered(rest))
            total += surprise(model, amounts[mine], count[mine]) * int(mine.sum())
        return total / int(days.sum())

    def _fit(self, amounts: Floats, days: Bools) -> CountModel:
        return fit(amounts[days], self._happened.count[days], self._numbered(days))

    def _numbered(self, days: Bools) -> Ints:
        numbers: Ints = np.unique(self._years[days], return_inverse=True)[1]
        return numbers

    def _of(self, model: CountModel) -> Chance:
        return Chance(self._min_events, model.dispersion)

    def _limit(self, chance: Floats) -> float:
        """The chance, in whole %, from which on so many events are told as is asked for."""
        ranked = -np.sort(-chance)
        told = np.cumsum(ranked) / ranked.sum()
        at = ranked[min(int(np.searchsorted(told, self._pod)), len(ranked) - 1)]
        return max(float(np.floor(100 * at)), 1.0)
