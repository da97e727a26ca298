"""Ensembles held against the rules that name a chance: one finding a rule, place and answer.

    `Ensemble` ──► what is new of it (`retold`) ──► some places at a time (`run_parts`)
               ──► each run's value by the rule's own window ──► how many pass
               ──► the worst hour (`worst`) ──► findings

A window is made run by run before any chance is taken: that 50 mm fall in 24 h is another question
than that they fall in any of its hours. A chance is runs that pass over runs that have a value,
corrected by what the home's record says of such chances (`domain.chance_record`). A level is
entered where the chance of passing its limit is as large as its rule asks for, and held where that
of passing its exit is. Where no run passes there is no chance, whatever a record says.

An answer speaks for itself, and reaches back as far as windows do: nothing of it needs to be known
for the next one but its words, by which the same answer told again is no revision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atalaia.detect.findings import Findings, one_after_the_other, only
from atalaia.detect.retold import Retold, news_of, starts_of
from atalaia.detect.run_parts import Buffers, RunPart, parts_of
from atalaia.detect.series import SeriesTable
from atalaia.detect.values import Usual, judged_places, limits_norm
from atalaia.detect.worst import Worst, worst_hours
from atalaia.domain.chance_record import ChanceRecord
from atalaia.domain.ensemble import FEWEST_RUNS, TENTHS, Ensemble
from atalaia.domain.reading import Bools, Floats, Ints, Kind
from atalaia.domain.rule import LEVELS, Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Passing:
    """What a rule makes of k hours to come.

    rows       their positions in the part, ascending
    at         their columns in `value`
    value      of each run, shape (m, k or more); NaN: it says nothing. Good until the next rule is
               counted
    known      how many runs have a value, shape (k,)
    passing    how many pass the entry limit of each level (watch … red), shape (4, k)
    staying    how many pass its exit limit, shape (4, k)
    said       what the home's record says in place of each level's chance, shape (4, k); NaN: it
               says nothing
    entered    the highest level that is likely enough to be entered, shape (k,)
    holding    … to be held
    """

    rows: Ints
    at: Ints
    value: Floats
    known: Ints
    passing: Ints
    staying: Ints
    said: Floats
    entered: Ints
    holding: Ints

    def take(self, chosen: Bools) -> Passing:
        """Of the chosen hours."""
        columns: Any = (
            self.value if name == "value" else getattr(self, name)[..., chosen]
            for name in Passing.__slots__
        )
        return Passing(*columns)


class Ensembles:
    """What the runs of an answer say, judged as it comes."""

    def __init__(self, rules: RuleSet, table: SeriesTable, norms: Usual) -> None:
        self.rules = [rule for rule in rules.rules if rule.chance]
        self._variables = rules.by_chance
        self.table = table
        self.norms = norms
        self._judged_places = judged_places(rules, table.places)
        self._scratch = Buffers()

    def judge(self, answers: Iterable[Ensemble]) -> Iterator[Findings]:
        """Findings of answers in the order in which they came."""
        for told in answers:
            if self.rules and len(told):
                yield from self._answer(news_of(told, self.table))

    def counts(self, told: Ensemble) -> Iterator[tuple[Rule, Ensemble, Passing]]:
        """Rule by rule how many runs of an answer pass, and the rows that these are of."""
        for part in self.parts(news_of(told, self.table)):
            for rule in self.rules:
                counted = self.counted(rule, part)
                if counted is not None and len(counted.rows):
                    yield rule, part.told, counted

    def parts(self, news: Retold) -> Iterator[RunPart]:
        """What is judged at once, of the variables that rules name."""
        return parts_of(news, self._scratch, self._variables)

    def _answer(self, news: Retold) -> Iterator[Findings]:
        found: dict[str, list[Findings]] = {rule.name: [] for rule in self.rules}
        for part in self.parts(news):
            for rule in self.rules:
                counted = self.counted(rule, part)
                if counted is not None and len(counted.rows):
                    found[rule.name].append(self._worst(rule, part, counted, news.revised))
        for some in found.values():
            if some:
                yield one_after_the_other(some)

    def counted(self, rule: Rule, part: RunPart) -> Passing | None:
        """How many runs pass the rule's limits in each hour to come of which enough say anything;
        None: none tells what it measures."""
        told, rows = part.told, part.ahead(rule.forecast_within_s)
        if rule.window_s and rule.window_s < part.longest_s:
            # Runs know nothing of a window that is shorter than their steps.
            rows = rows[told.period_s[rows] <= rule.window_s]
        if (mask := self._judged_places.get(rule.name)) is not None:
            rows = rows[mask[told.place[rows]]]
        norm = self._norm(rule, told, rows)
        if norm is not None:
            is_known = ~np.isnan(norm)
            rows, norm = rows[is_known], norm[is_known]
        value = part.value(rule, rows, self.table)
        if value is None:
            return None
        lead_s = told.valid_at[rows] - told.known_at
        extreme = part.extreme(rule, rows)
        return _counted(rule, rows, value, extreme, norm, lead_s, self.norms.chances)

    def _norm(self, rule: Rule, told: Ensemble, rows: Ints) -> Floats | None:
        """What the rule's limits are relative to at these rows; None: to nothing."""
        if rule.norm is None:
            return None
        return limits_norm(rule, self.norms, told.place[rows], told.valid_at[rows])

    def _worst(self, rule: Rule, part: RunPart, counted: Passing, revised: Ints) -> Findings:
        told, rows = part.told, counted.rows
        lowest = rule.lowest
        series, valid_at = part.series[rows], told.valid_at[rows]
        excess = counted.passing[lowest - 1] / counted.known
        worst = worst_hours(series, valid_at, counted.entered, counted.holding, excess)
        numbers, pick, keeper = worst.series, worst.pick, worst.keeper
        n = len(numbers)
        entered = counted.entered[pick]
        shown = np.maximum(entered, lowest)
        passing = counted.passing[shown - 1, pick]
        value, kept = _shown_and_kept(rule, counted, worst, shown, passing)
        norm = self._norm(rule, told, rows[pick])
        because = np.zeros((n, 2, 3))
        because[:, 0, 0] = passing
        because[:, 0, 1] = np.array(rule.enter, float)[shown - 1] + (0.0 if norm is None else norm)
        because[:, 0, 2] = counted.known[pick]
        said = counted.said[shown - 1, pick]
        because[:, 1, 0] = np.where(np.isnan(said), -1.0, said)
        known_at = np.full(n, told.known_at, np.int64)
        found = Findings(
            rule=rule,
            subject=self.table.place[numbers],
            source=self.table.source[numbers],
            kind=np.full(n, Kind.FORECAST, np.int8),
            known_at=known_at,
            at=known_at,
            valid_at=valid_at[pick],
            value=value,
            ceiling=value,
            entered=entered,
            holding=worst.holding,
            held=worst.holding,
            onset_at=worst.onset_at,
            until=worst.spans[:, :, 1].max(axis=1, initial=0),
            expected_s=np.full(n, 3600, np.int64),
            is_late=np.zeros(n, bool),
            is_after_gap=np.zeros(n, bool),
            norm=norm,
            spans=worst.spans,
            kept=np.stack((kept, valid_at[keeper]), axis=1),
            because=because,
            reached=_by_tenths(rule, series, valid_at, counted, numbers),
        )
        counts = (entered > 0) | _are_among(numbers, revised)
        return found if counts.all() else only(found, counts)


def _by_tenths(
    rule: Rule, series: Ints, valid_at: Ints, counted: Passing, numbers: Ints
) -> Floats | None:
    """What tenths of the runs reach in the worst of the hours that enter a level, and when: shape
    (s, 9, 2), NaN where none does; None: nowhere does one."""
    rows = np.flatnonzero(counted.entered)
    if not len(rows):
        return None
    out = np.full((len(numbers), len(TENTHS), 2), np.nan)
    ordered = _ordered(rule, counted, rows)
    known = counted.known[rows]
    if (known == known[0]).all():
        reached = ordered[:, known[0] - _needed(known[:1])[0]]
    else:
        reached = ordered[np.arange(len(rows))[:, None], known[:, None] - _needed(known)]
    first = starts_of(series[rows])
    most = np.maximum.reduceat(reached, first)
    is_most = reached == np.repeat(most, np.diff(first, append=len(rows)), axis=0)
    when = np.where(is_most, valid_at[rows][:, None], np.iinfo(np.int64).max)
    of = np.searchsorted(numbers, series[rows[first]])
    out[of, :, 0], out[of, :, 1] = rule.sign * most, np.minimum.reduceat(when, first)
    return out


def _needed(known: Ints) -> Ints:
    """How many of so many runs are each of the tenths, shape (r, 9)."""
    needed: Ints = np.ceil(np.array(TENTHS) * known[:, None] / 100 - _SLACK).astype(np.int64)
    return needed


def _are_among(numbers: Ints, some: Ints) -> Bools:
    """Which are among some, which ascend."""
    if not len(some):
        return np.zeros(len(numbers), bool)
    found: Bools = some[np.searchsorted(some[:-1], numbers)] == numbers
    return found


def _counted(
    rule: Rule,
    rows: Ints,
    value: Floats,
    extreme: Floats | None,
    norm: Floats | None,
    lead_s: Ints,
    record: ChanceRecord,
) -> Passing:
    """`norm` is what the limits are relative to, `extreme` what the run that goes farthest says,
    where that is known: all of them say something then."""
    m, k = value.shape
    known = np.full(k, m)
    if extreme is None:
        extreme = value.min(axis=0) if rule.is_below else value.max(axis=0)
        if np.isnan(extreme).any():  # of some hours some run says nothing
            known = np.count_nonzero(~np.isnan(value), axis=0)
            extreme = (np.fmin if rule.is_below else np.fmax).reduce(value, axis=0)
    if norm is not None:
        extreme = extreme - norm
    passing, staying = np.zeros((2, len(LEVELS), k), np.int64)
    said = np.full((len(LEVELS), k), np.nan)
    entered, holding = np.zeros((2, k), np.int8)
    # Where the run that goes farthest does not pass, none does: as nearly always.
    (near,) = np.nonzero(extreme <= rule.outermost if rule.is_below else extreme >= rule.outermost)
    if len(near):
        # To choose some takes as long as to count twice as many.
        chosen = near if 2 * len(near) < k else slice(None)
        against = value[:, chosen]
        if norm is not None:
            against = against - norm[chosen]
        corrected = _Corrected(rule, known[chosen], lead_s[chosen], record)
        runs = _pass(rule, against, rule.enter)
        passing[:, chosen] = runs
        entered[chosen], said[:, chosen] = corrected.levels(runs)
        runs = _pass(rule, against, rule.leave)
        staying[:, chosen] = runs
        holding[chosen], _ = corrected.levels(runs)
    counted = Passing(rows, np.arange(k), value, known, passing, staying, said, entered, holding)
    enough = known >= FEWEST_RUNS
    return counted if enough.all() else counted.take(enough)


_LEVELS = np.array(LEVELS, np.int8)[:, None]

_SLACK = 1e-9
"""So that 0.3 of ten runs are three, whatever binary fractions make of it."""


def _pass(rule: Rule, against: Floats, limits: Sequence[float | None]) -> Ints:
    """How many runs pass the limit of each level, by hour; 0 where it has none."""
    count = np.zeros((len(limits), against.shape[1]), np.int64)
    # Bytes are added up as they stand, which takes a fraction of what wider sums do.
    wide = np.uint8 if len(against) <= 255 else np.int64
    for i, limit in enumerate(limits):
        if limit is not None:
            passes = against <= limit if rule.is_below else against >= limit
            count[i] = np.add.reduce(passes.view(np.uint8), axis=0, dtype=wide)
    return count


@dataclass(frozen=True, slots=True)
class _Corrected:
    """Chances of some hours, of so many runs with a value, as the home's record corrects them."""

    rule: Rule
    known: Ints
    lead_s: Ints
    record: ChanceRecord

    def levels(self, runs: Ints) -> tuple[Ints, Floats]:
        """The highest level of which so many runs (shape (4, k)) are enough, and what the record
        says in place of each level's chance; NaN: it says nothing."""
        chance = runs / np.maximum(self.known, 1)
        said = np.full(chance.shape, np.nan)
        shares = [np.inf if share is None else share for share in self.rule.chance or ()]
        for i, level in enumerate(LEVELS if self.record.steps else ()):
            if shares[i] < np.inf:
                says = self.record.says(self.rule, level, self.lead_s, chance[i])
                if says is not None:
                    said[i] = says
                    chance[i] = np.where(np.isnan(says), chance[i], says)
        is_likely = (chance >= np.array(shares)[:, None] - _SLACK) & (runs > 0)
        levels: Ints = (is_likely * _LEVELS).max(axis=0)
        return levels, said


def _shown_and_kept(
    rule: Rule, counted: Passing, worst: Worst, shown: Ints, passing: Ints
) -> tuple[Floats, Floats]:
    """What is reached in the hour to show of each series, whose level is `shown`, and in the one
    that holds. In calm they are one hour, and its level the lowest."""
    runs, pick, keeper = len(counted.value), worst.pick, worst.keeper
    is_calm = (counted.entered[pick] == 0) & (worst.holding == 0) & (pick == keeper)
    (other,) = np.nonzero(~is_calm)
    held = np.maximum(worst.holding[other], rule.lowest)
    staying = counted.staying[held - 1, keeper[other]]
    reached = _reached(
        rule,
        counted,
        np.concatenate((pick, keeper[other])),
        np.concatenate((shown, held)),
        np.concatenate(
            (
                np.where(counted.entered[pick] > 0, passing, runs),
                np.where(worst.holding[other] > 0, staying, runs),
            )
        ),
    )
    value = reached[: len(pick)]
    kept = value.copy()
    kept[other] = reached[len(pick) :]
    return value, kept


def _reached(rule: Rule, counted: Passing, at: Ints, level: Ints, most: Ints) -> Floats:
    """What so many runs reach as the rule asks for at a level, at some of the hours, or as `most`
    of them reach where fewer were enough: shape (p,)."""
    ordered, known = _ordered(rule, counted, at), counted.known[at]
    shares = np.array([share or 1.0 for share in rule.chance or ()])[level - 1]
    needed = np.maximum(np.ceil(shares * known - _SLACK), 1).astype(np.int64)
    needed = np.minimum(needed, most)
    reached: Floats = rule.sign * ordered[np.arange(len(at)), known - needed]
    return reached


def _ordered(rule: Rule, counted: Passing, hours: Ints) -> Floats:
    """What each run says of some hours, the worst last of those that say anything, and those that
    do not behind them: shape (p, m)."""
    # One hour after the other in memory, as they are sorted.
    ordered = np.ascontiguousarray(counted.value.take(counted.at[hours], axis=1).T)
    if rule.is_below:
        np.negative(ordered, out=ordered)
    ordered.sort(axis=1)
    return ordered
