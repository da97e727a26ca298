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
from functools import cached_property
from itertools import islice
from math import ceil

import msgspec
import numpy as np

from atalaia.batch import score as scores
from atalaia.batch.pairs import Flags, Pairs, Ranked
from atalaia.batch.raised import NEVER, Candidate, FirstRaised, Space
from atalaia.batch.score import Cases, Score
from atalaia.batch.sums import Sums
from atalaia.batch.verify import Calendar, Happened, Occurrences, day_cases
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Bools, Ints
from atalaia.errors import SettingsInvalid

CURVE = (0.6, 0.7, 0.75, 0.8, 0.82, 0.84, 0.86, 0.9)
"""PODs that the trade-off curve asks for."""

MONTH_DAYS = 365.25 / 12

SPLIT_MONTHS, SPLIT_PARTS = 2, 4
"""Another split deals blocks of so many months to so many parts. Shorter blocks would put one wet
spell into two parts."""

_LOOK_AT = 50_000
"""Candidates, best first, whose lead is looked at before it is given up."""


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
    table = FirstRaised(sums, places, calendar, space)
    pairs = Pairs(table.trigger_first < NEVER, table.wide_first < NEVER)
    search = _Search(table, pairs, happened, years, blocks)
    whole, *without = search.choose(wanted, [wanted.pod, *CURVE])
    if whole[0] is None:
        raise SettingsInvalid(
            [f"no limits have POD {wanted.pod:g}, a median lead of {wanted.lead_s / 3600:g} h and "
             f"{wanted.days_a_month:g} warned days a month at most; ask for less"]
        )  # fmt: skip
    points = [
        Point(pod, *search.validated(pick, [picks[i] for picks in without])[:3])
        for i, (pod, pick) in enumerate(zip(CURVE, whole[1:], strict=True), 1)
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
            _Search(table, pairs, happened, _dealt(calendar, seed), range(SPLIT_PARTS)).expected(
                wanted
            )
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


class _Search:
    """Candidates held against each other on any choice of years, or of other parts of the days."""

    def __init__(
        self,
        table: FirstRaised,
        pairs: Pairs,
        happened: Happened,
        years: Ints,
        blocks: Sequence[int],
    ) -> None:
        self._table, self._pairs, self._happened, self._years = table, pairs, happened, years
        self._is_event = happened.begins != NO_TIME
        self._is_scored = np.isin(years, blocks)

    def choose(self, wanted: Wanted, pods: Sequence[float]) -> list[list[tuple[int, int] | None]]:
        """What is best as wanted, for each POD: by all years, and then by all but each year in
        turn."""
        everything = np.ones(len(self._years), bool)
        asked = [everything, *(self._years != year for year in np.unique(self._years))]
        return [self._best(days, wanted, pods) for days in asked]

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
        _, *picks = (some[0] for some in self.choose(wanted, [wanted.pod]))
        return self._score(self._together(picks))

    def _together(self, picks: Sequence[tuple[int, int] | None]) -> Ints:
        """By day, when the pick of the day's year first raised."""
        together = np.full(len(self._years), NEVER, np.int64)
        for year, pick in zip(np.unique(self._years), picks, strict=True):
            here = self._years == year
            together[here] = self._first(pick)[here]
        return together

    def _first(self, pick: tuple[int, int] | None) -> Ints:
        """Where the other years have nothing that keeps it, a year goes without a warning."""
        if pick is None:
            return np.full(len(self._years), NEVER, np.int64)
        return self._table.first(pick)

    def _score(self, first: Ints) -> Score:
        return scores.score(self._cases(first))

    def _cases(self, first: Ints) -> Cases:
        return day_cases(np.where(first == NEVER, NO_TIME, first), self._happened)

    def _best(
        self, asked: Bools, wanted: Wanted, pods: Sequence[float]
    ) -> list[tuple[int, int] | None]:
        """For each POD the candidate with the highest strict CSI on the days that are asked.

        Scores are of years with events; what is warned of in a month, of all days.
        """
        events = np.flatnonzero(asked & self._is_scored & self._is_event)
        if not len(events):
            return [None] * len(pods)
        hits, false_alarms, beyond = self._counted(asked)
        # In single precision: 7 of 10 keep a POD of 0.7, which times 10 is a little more.
        least = [ceil(np.float32(pod * len(events))) for pod in pods]
        most = wanted.days_a_month * asked.sum() / MONTH_DAYS
        able = np.flatnonzero((hits >= min(least)) & (hits + false_alarms + beyond <= most))
        ranked = Ranked(self._pairs, able, len(events), hits[able], false_alarms[able])
        return [self._in_time(ranked, some, events, wanted.lead_s) for some in least]

    def _counted(self, asked: Bools) -> tuple[Flags, Flags, Flags]:
        """Of these days, for each pair: hits and false alarms of years with events, and what is
        warned of in other years. Counts add up: what all days have, less what the others have."""
        if asked.all():
            return self._of_all
        hits, false_alarms, beyond = (
            whole - rest for whole, rest in zip(self._of_all, self._of(~asked), strict=True)
        )
        return hits, false_alarms, beyond

    @cached_property
    def _of_all(self) -> tuple[Flags, Flags, Flags]:
        return self._of(np.ones(len(self._years), bool))

    def _of(self, days: Bools) -> tuple[Flags, Flags, Flags]:
        here = days & self._is_scored
        hits, false_alarms, beyond = (
            self._pairs.warned(some)
            for some in (here & self._is_event, here & ~self._is_event, days & ~here)
        )
        return hits, false_alarms, beyond

    def _in_time(
        self, ranked: Ranked, least_hits: int, events: Ints, lead_s: int
    ) -> tuple[int, int] | None:
        """The best one that keeps the median lead. Of equals the first: the same record always
        chooses the same limits."""
        for pick in islice(ranked.best_first(least_hits), _LOOK_AT):
            first = self._table.first(pick)[events]
            ahead_s = (self._happened.begins[events] - first)[first < NEVER]
            if len(ahead_s) and np.median(ahead_s) >= lead_s:
                return pick
        return None
