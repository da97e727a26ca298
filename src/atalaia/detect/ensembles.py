"""Ensembles held against the rules that name a chance: one finding a rule, place and answer.

    `Ensemble` ──► each run's value by the rule's own window (`values`) ──► how many pass
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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from atalaia.detect.check import Checked, plausible
from atalaia.detect.findings import Findings, only
from atalaia.detect.measure import Block
from atalaia.detect.series import Runs, SeriesTable
from atalaia.detect.values import Usual, instant_value, judged_places, limits_norm, window_value
from atalaia.detect.worst import worst_hours
from atalaia.domain.chance_record import ChanceRecord
from atalaia.domain.ensemble import FEWEST_RUNS, Ensemble
from atalaia.domain.reading import Bools, Floats, Ints, Kind
from atalaia.domain.rule import LEVELS, Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Passing:
    """What a rule makes of k hours to come.

    rows       their positions in the answer, ascending
    value      of each run, shape (m, k); NaN: it says nothing
    known      how many runs have a value, shape (k,)
    passing    how many pass the entry limit of each level (watch … red), shape (4, k)
    staying    how many pass its exit limit, shape (4, k)
    said       what the home's record says in place of each level's chance, shape (4, k); NaN: it
               says nothing
    entered    the highest level that is likely enough to be entered, shape (k,)
    holding    … to be held
    """

    rows: Ints
    value: Floats
    known: Ints
    passing: Ints
    staying: Ints
    said: Floats
    entered: Ints
    holding: Ints

    def take(self, chosen: Bools) -> Passing:
        """Of the chosen hours."""
        return Passing(*(getattr(self, name)[..., chosen] for name in Passing.__slots__))


class Ensembles:
    """What the runs of an answer say, judged as it comes."""

    def __init__(self, rules: RuleSet, table: SeriesTable, norms: Usual) -> None:
        self.rules = [rule for rule in rules.rules if rule.chance]
        self._variables = rules.by_chance
        self.table = table
        self.norms = norms
        self._judged_places = judged_places(rules, table.places)

    def judge(self, answers: Iterable[Ensemble]) -> Iterator[Findings]:
        """Findings of answers in the order in which they came."""
        for told in answers:
            yield from self._answer(told)

    def counts(self, told: Ensemble) -> Iterator[tuple[Rule, Ensemble, Passing]]:
        """Rule by rule how many runs of an answer pass, and the answer in the order of these."""
        told, series, _ = self._news(told)
        for rule, counted in self._by_rule(told, series):
            yield rule, told, counted

    def _answer(self, told: Ensemble) -> Iterator[Findings]:
        if not (self.rules and len(told)):
            return
        told, series, revised = self._news(told)
        for rule, counted in self._by_rule(told, series):
            yield self._worst(rule, told, series, counted, revised)

    def _by_rule(self, told: Ensemble, series: Ints) -> Iterator[tuple[Rule, Passing]]:
        wanted = {name: c for name, c in told.values.items() if name in self._variables}
        checked = plausible(wanted, told.period_s)
        for rule in self.rules:
            counted = self.counted(rule, told, checked, series)
            if counted is not None and len(counted.rows):
                yield rule, counted

    def _news(self, told: Ensemble) -> tuple[Ensemble, Ints, Ints]:
        """The answer, sorted by series, without places of which a later one came before it; its
        series; and those of them that say another thing than before of an hour to come."""
        code = self.table.source_codes([told.source])
        series = self.table.numbers(told.place, np.broadcast_to(code[:1], len(told)))
        series = series.astype(np.int64)
        order = np.lexsort((told.valid_at, series))
        if (np.diff(order) != 1).any():
            told, series = told.take(order), series[order]
        marks = _marks(told)
        numbers, first = np.unique(series, return_index=True)
        stays = np.ones(len(told), bool)
        revised = []
        for number, start, stop in zip(
            numbers.tolist(), first.tolist(), [*first[1:].tolist(), len(told)], strict=True
        ):
            mine = slice(start, stop)
            before = self.table.runs.get(number)
            if before is not None and before.known_at > told.known_at:
                stays[mine] = False
                continue
            at, mark = told.valid_at[mine], marks[mine]
            if before is None or _is_revised(before, at, mark, told.known_at):
                revised.append(number)
            self.table.runs[number] = Runs(told.known_at, at, mark)
        if not stays.all():
            told, series = told.take(stays), series[stays]
        return told, series, np.array(revised, np.int64)

    def counted(self, rule: Rule, told: Ensemble, checked: Checked, series: Ints) -> Passing | None:
        """How many runs pass the rule's limits in each hour to come of which enough say anything;
        None: none tells what it measures."""
        within = told.known_at + rule.forecast_within_s
        ahead = (told.valid_at > told.known_at) & (told.valid_at <= within)
        if (mask := self._judged_places.get(rule.name)) is not None:
            ahead &= mask[told.place]
        norm = limits_norm(rule, self.norms, told.place, told.valid_at)
        if norm is not None:
            ahead &= ~np.isnan(norm)
        rows = np.flatnonzero(ahead)
        value = self._measured(rule, told, checked, series, rows)
        if value is None:
            return None
        against = value if norm is None else value - norm[rows]
        lead_s = told.valid_at[rows] - told.known_at
        return _counted(rule, rows, value, against, lead_s, self.norms.chances)

    def _measured(
        self, rule: Rule, told: Ensemble, checked: Checked, series: Ints, rows: Ints
    ) -> Floats | None:
        """What is certain of each run's value at the rows: shape (m, k)."""
        if rule.measure == "value":
            inputs = {name: checked.values[name] for name in rule.inputs if name in checked.values}
            if len(rows) < len(told):
                inputs = {name: column[:, rows] for name, column in inputs.items()}
            ahead = Checked(inputs, {}, {})
            measured = instant_value(rule, ahead)
            return None if measured is None else measured[0]
        column = checked.values.get(rule.variable)
        if column is None:
            return None
        out = None
        is_told = ~np.isnan(column)
        for runs, where in _alike(is_told):
            block = Block(
                series[where],
                told.valid_at[where],
                told.period_s[where],
                column[runs][:, where],
                told.period_s[where].astype(np.int64),
                np.full(len(where), Kind.FORECAST, np.int8),
                np.zeros(len(where), bool),
            )
            asked = np.isin(rows, where)
            at = np.searchsorted(where, rows[asked])
            value, ceiling = window_value(rule, block, self.table, at=at)
            sure = ceiling if rule.is_below else value
            if sure.shape == (len(column), len(rows)):
                return sure  # as mostly: all runs, and all hours
            if out is None:
                out = np.full((len(column), len(rows)), np.nan)
            out[np.ix_(runs, np.flatnonzero(asked))] = sure
        return out

    def _worst(
        self, rule: Rule, told: Ensemble, series: Ints, counted: Passing, revised: Ints
    ) -> Findings:
        rows = counted.rows
        lowest = rule.lowest
        excess = counted.passing[lowest - 1] / counted.known
        worst = worst_hours(
            series[rows], told.valid_at[rows], counted.entered, counted.holding, excess
        )
        numbers, pick, keeper = worst.series, worst.pick, worst.keeper
        n = len(numbers)
        shown = np.where(counted.entered[pick] > 0, counted.entered[pick], lowest)
        value = _reached(rule, counted, pick, shown, counted.passing, counted.entered[pick] > 0)
        held = np.maximum(worst.holding, lowest)
        kept = _reached(rule, counted, keeper, held, counted.staying, worst.holding > 0)
        at = told.valid_at[rows]
        norm = limits_norm(rule, self.norms, told.place[rows[pick]], at[pick])
        limits = np.array([np.nan if one is None else one for one in rule.enter])[shown - 1]
        passing, said = counted.passing[shown - 1, pick], counted.said[shown - 1, pick]
        runs = np.stack((passing, limits, counted.known[pick]), axis=1)
        record = np.stack((np.nan_to_num(said, nan=-1.0), np.zeros(n), np.zeros(n)), axis=1)
        found = Findings(
            rule=rule,
            subject=self.table.place[numbers],
            source=self.table.source[numbers],
            kind=np.full(n, Kind.FORECAST, np.int8),
            known_at=np.full(n, told.known_at, np.int64),
            at=np.full(n, told.known_at, np.int64),
            valid_at=at[pick],
            value=value,
            ceiling=value,
            entered=counted.entered[pick],
            holding=worst.holding,
            held=worst.holding,
            onset_at=worst.onset_at,
            until=worst.spans[:, :, 1].max(axis=1, initial=0),
            expected_s=np.full(n, 3600, np.int64),
            is_late=np.zeros(n, bool),
            is_after_gap=np.zeros(n, bool),
            norm=norm,
            spans=worst.spans,
            kept=np.stack((kept, at[keeper]), axis=1),
            because=np.stack((runs, record), axis=1),
        )
        counts = np.isin(numbers, revised) | (found.entered > 0)
        return found if counts.all() else only(found, counts)


def _counted(
    rule: Rule, rows: Ints, value: Floats, against: Floats, lead_s: Ints, record: ChanceRecord
) -> Passing:
    """`against` is what the limits are held against: the value, or how far it is from its norm."""
    known = np.count_nonzero(~np.isnan(value), axis=0)
    k = len(rows)
    passing, staying = np.zeros((2, len(LEVELS), k), np.int64)
    said = np.full((len(LEVELS), k), np.nan)
    entered, holding = np.zeros(k, np.int8), np.zeros(k, np.int8)
    signed = against if rule.sign > 0 else -against
    near = np.flatnonzero((signed >= rule.sign * rule.outermost).any(axis=0))
    if len(near):
        close = signed if len(near) == k else signed[:, near]
        of, ahead = known[near], lead_s[near]
        for i, level in enumerate(LEVELS):
            enter, leave, share = rule.enter[i], rule.leave[i], (rule.chance or ())[i]
            if enter is None or leave is None:
                continue
            passing[i, near] = np.count_nonzero(close >= rule.sign * enter, axis=0)
            if share is None:
                continue
            staying[i, near] = np.count_nonzero(close >= rule.sign * leave, axis=0)
            for runs, reached, says in ((passing, entered, said), (staying, holding, None)):
                chance = runs[i, near] / of
                corrected = record.says(rule, level, ahead, chance)
                if corrected is not None:
                    if says is not None:
                        says[i, near] = corrected
                    chance = np.where(np.isnan(corrected), chance, corrected)
                reached[near[(chance >= share - _SLACK) & (runs[i, near] > 0)]] = level
    counted = Passing(rows, value, known, passing, staying, said, entered, holding)
    enough = known >= FEWEST_RUNS
    return counted if enough.all() else counted.take(enough)


_SLACK = 1e-9
"""So that 0.3 of ten runs are three, whatever binary fractions make of it."""


def _reached(
    rule: Rule, counted: Passing, at: Ints, level: Ints, runs: Ints, has_level: Bools
) -> Floats:
    """What so many runs reach as the rule asks for at a level, at some of the hours, or as many as
    reach it where fewer were enough: shape (p,). `runs` has these by level and hour."""
    signed = rule.sign * counted.value[:, at]
    ordered = np.sort(np.where(np.isnan(signed), -np.inf, signed), axis=0)[::-1]
    shares = np.array([share or 1.0 for share in rule.chance or ()])[level - 1]
    needed = np.maximum(np.ceil(shares * counted.known[at] - _SLACK), 1).astype(np.int64)
    needed = np.where(has_level, np.minimum(needed, runs[level - 1, at]), needed)
    reached: Floats = rule.sign * ordered[needed - 1, np.arange(len(at))]
    return reached


def _alike(is_told: Bools) -> Iterator[tuple[Ints, Ints]]:
    """Runs that have their values in the same rows, and these rows: mostly all runs of a model."""
    if is_told.all():
        yield np.arange(len(is_told)), np.arange(is_told.shape[1])
        return
    patterns, group = np.unique(is_told, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if pattern.any():
            yield np.flatnonzero(group.ravel() == number), np.flatnonzero(pattern)


def _marks(told: Ensemble) -> Floats:
    """Of each row a number that is another one if a run says another thing: shape (n,)."""
    mark = np.zeros(len(told))
    for place, name in enumerate(sorted(told.values), 1):
        column = told.values[name]
        weights = np.sqrt(np.arange(len(column)) + float(place))
        told_of = weights @ column
        if np.isnan(told_of).any():
            told_of = weights @ np.nan_to_num(column, nan=-1.0)
        mark += told_of
    return mark


def _is_revised(before: Runs, at: Ints, mark: Floats, now: int) -> bool:
    """Whether an hour to come that was told before is told otherwise, or none of them is."""
    _, old, new = np.intersect1d(before.valid_at, at[at > now], return_indices=True)
    ahead = mark[at > now]
    return not len(old) or bool((before.mark[old] != ahead[new]).any())
