"""Forecasts held against the rules: one finding a revision, for the worst of the hours to come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from atalaia.detect import sums
from atalaia.detect.check import Checked, plausible
from atalaia.detect.findings import Findings, levels, only
from atalaia.detect.measure import COLUMNS, Block, key_of
from atalaia.detect.series import SeriesTable
from atalaia.detect.values import (
    Usual,
    instant_value,
    judged_places,
    limits_norm,
    stood_in,
    window_value,
)
from atalaia.detect.worst import worst_hours
from atalaia.domain.reading import NO_TIME, Bools, Floats, Ints, Kind, Readings
from atalaia.domain.rule import Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Hours:
    """Forecast rows of several series, sorted by series, then valid_at."""

    readings: Readings
    series: Ints
    checked: Checked

    def take(self, rows: Bools) -> Hours:
        """The chosen rows."""
        return Hours(
            self.readings.take(rows),
            self.series[rows],
            self.checked.take(rows),
        )


class Forecasts:
    """What each series says of the hours to come (kept in the table), judged at each revision.

    has_windows   whether a rule adds up, or averages, hours to come with those that have passed
    """

    def __init__(self, rules: RuleSet, table: SeriesTable, norms: Usual) -> None:
        self.rules = rules
        self.table = table
        self.norms = norms
        self._judged_rules = [
            rule
            for rule in rules.rules
            if Kind.FORECAST in rule.kinds
            and not (rule.places or rule.given)
            and rule.measure in ("value", "sum", "mean", "change")
        ]
        self._judged_places = judged_places(rules, table.places)
        reaches = [rule.reach_s for rule in self._judged_rules]
        self._reach_s = max(reaches, default=0)
        self.has_windows = self._reach_s > 0

    def judge(self, rows: Readings, series: Ints) -> Iterator[Findings]:
        """One finding a rule, series and revision: rows that became known together."""
        for now in np.unique(rows.known_at):
            issue = rows.known_at == now
            yield from self._revision(rows.take(issue), series[issue], int(now))

    def _revision(self, rows: Readings, series: Ints, now: int) -> Iterator[Findings]:
        view, series, revised = self._view(rows, series, now)
        if not len(view):
            return
        hours = Hours(view, series, plausible(view.values, view.period_s))
        for rule in self._judged_rules:
            judged = self.judged(rule, hours, now)
            if judged is not None:
                yield self._worst(rule, *judged, revised, now)

    def ahead(self, now: int) -> Iterator[Findings]:
        """What the rules make of each hour to come, by what the series now say: not the worst of
        them alone, as far ahead as it reaches."""
        hours = self.hours_of(list(self.table.forecasts))
        if hours is None:
            return
        for rule in self._judged_rules:
            judged = self.judged(rule, hours, now)
            if judged is not None:
                yield self._each(rule, *judged, now)

    def hours_of(self, numbers: Sequence[int]) -> Hours | None:
        """What these series now say, each hour; None: nothing."""
        views = [(number, self.table.forecasts[number]) for number in numbers]
        views = [(number, view) for number, view in views if len(view)]
        if not views:
            return None
        rows = Readings.concat([view for _, view in views])
        series = np.concatenate([np.full(len(view), number) for number, view in views])
        order = np.lexsort((rows.period_s, rows.valid_at, series))
        rows, series = rows.take(order), series[order]
        return Hours(rows, series, plausible(rows.values, rows.period_s))

    def _each(
        self,
        rule: Rule,
        hours: Hours,
        value: Floats,
        ceiling: Floats,
        norm: Floats | None,
        now: int,
    ) -> Findings:
        """Every hour as a finding of its own."""
        n, rows = len(value), hours.readings
        entered, holding, held = levels(rule, value, ceiling, norm)
        return Findings(
            rule=rule,
            subject=self.table.place[hours.series],
            source=self.table.source[hours.series],
            kind=np.full(n, Kind.FORECAST, np.int8),
            known_at=np.full(n, now, np.int64),
            at=np.full(n, now, np.int64),
            valid_at=rows.valid_at,
            value=value,
            ceiling=ceiling,
            entered=entered,
            holding=holding,
            held=held,
            onset_at=rows.valid_at,
            until=rows.valid_at,
            expected_s=np.full(n, 3600, np.int64),
            is_late=np.zeros(n, bool),
            is_after_gap=np.zeros(n, bool),
            norm=norm,
        )

    def _view(self, rows: Readings, series: Ints, now: int) -> tuple[Readings, Ints, Ints]:
        """What the series now say of the hours to come, and said of those that windows reach: of
        each hour the newest issue, older ones filling gaps; and the numbers of those that say
        anything new of the hours to come."""
        wanted = self.rules.variables
        rows = replace(
            rows, values={name: column for name, column in rows.values.items() if name in wanted}
        )
        told = np.unique(series)
        before = [(int(i), self.table.forecasts.get(int(i))) for i in told]
        parts = [view for _, view in before if view is not None]
        numbers = [np.full(len(view), i) for i, view in before if view is not None]
        all_rows = Readings.concat([*parts, rows])
        all_series = np.concatenate([*numbers, series]).astype(np.int64)
        issued = np.where(all_rows.issued_at == NO_TIME, all_rows.known_at, all_rows.issued_at)
        # Stable: of rows of one hour and issue the one that came last counts.
        order = np.lexsort((issued, all_rows.period_s, all_rows.valid_at, all_series))
        s, t, p = all_series[order], all_rows.valid_at[order], all_rows.period_s[order]
        is_newest = np.ones(len(order), bool)
        is_newest[:-1] = (s[1:] != s[:-1]) | (t[1:] != t[:-1]) | (p[1:] != p[:-1])
        is_news = (order >= len(order) - len(rows)) & ~_is_as_before(all_rows.take(order), s)
        revised = np.unique(s[is_news & is_newest & (t > now)])
        keep = order[is_newest & (t > now - self._reach_s)]
        view, view_series = all_rows.take(keep), all_series[keep]
        bounds = np.searchsorted(view_series, [told, told + 1])
        for i, start, stop in zip(told, *bounds, strict=True):
            self.table.forecasts[int(i)] = view.take(slice(start, stop))
        return view, view_series, revised

    def judged(
        self, rule: Rule, hours: Hours, now: int
    ) -> tuple[Hours, Floats, Floats, Floats | None] | None:
        """Value, ceiling and norm of each hour to come that the rule can judge."""
        ahead = hours.readings.valid_at > now
        if rule.measure == "value":
            hours = hours.take(ahead)
            measured = instant_value(rule, hours.checked)
            if measured is None:
                return None
            value, ceiling, _ = measured
        else:
            column = hours.checked.values.get(rule.variable)
            if column is None:
                return None
            told = ~np.isnan(column)
            block = self._block(rule, hours.take(told))
            hours = hours.take(told & ahead)
            rows = hours.readings
            at = np.searchsorted(block.key, key_of(hours.series, rows.valid_at), "right") - 1
            value, ceiling = window_value(rule, block, self.table, at=at)
        norm = limits_norm(rule, self.norms, hours.readings.place, hours.readings.valid_at)
        known = ~np.isnan(value)
        if (mask := self._judged_places.get(rule.name)) is not None:
            known &= mask[hours.readings.place]
        if norm is not None:
            known &= ~np.isnan(norm)
            norm = norm[known]
        return hours.take(known), value[known], ceiling[known], norm

    def _block(self, rule: Rule, hours: Hours) -> Block:
        """A variable's hours, behind what was measured or estimated of those that have passed: of
        what was seen the forecast is no longer asked."""
        rows = hours.readings
        n = len(rows)
        told = Block(
            hours.series,
            rows.valid_at,
            rows.period_s,
            hours.checked.values[rule.variable],
            np.maximum(rows.period_s, 3600).astype(np.int64),
            np.full(n, Kind.FORECAST, np.int8),
            np.zeros(n, bool),
        )
        parts = [told]
        is_seen = np.zeros(n, bool)
        for number in np.unique(hours.series).tolist():
            window = self.table.windows.get((number, rule.variable))
            if window is None:
                continue
            columns = msgspec.structs.astuple(window)
            seen = Block(np.full(len(window.value), number, np.int64), *columns)
            seen = seen.take(np.isin(seen.kind, rule.kinds) & ~seen.is_suspect)
            if not len(seen.value):
                continue
            mine = np.flatnonzero(hours.series == number)
            is_seen[mine] = _is_covered(told.take(mine), seen)
            parts.append(seen)
        if len(parts) == 1:
            return told
        parts[0] = told.take(~is_seen)
        block = Block(*(np.concatenate([getattr(p, c) for p in parts]) for c in COLUMNS))
        return block.take(np.lexsort((block.period_s, block.valid_at, block.series)))

    def _worst(
        self,
        rule: Rule,
        hours: Hours,
        value: Floats,
        ceiling: Floats,
        norm: Floats | None,
        revised: Ints,
        now: int,
    ) -> Findings:
        """Of each series the first hour of the highest level, and from when to when it passes.

        What is told again unchanged is no revision: it may raise, as hours come within reach,
        and withdraws nothing.
        """
        within = hours.readings.valid_at <= now + rule.forecast_within_s
        hours, value, ceiling = hours.take(within), value[within], ceiling[within]
        norm = None if norm is None else norm[within]
        entered, holding, _ = levels(rule, value, ceiling, norm)
        excess = rule.sign * (value if norm is None else value - norm)
        valid_at = hours.readings.valid_at
        worst = worst_hours(hours.series, valid_at, entered, holding, excess)
        series, pick, keeper = worst.series, worst.pick, worst.keeper
        n = len(pick)
        is_stand_in = stood_in(rule, hours.checked)
        found = Findings(
            rule=rule,
            subject=self.table.place[series],
            source=self.table.source[series],
            kind=np.full(n, Kind.FORECAST, np.int8),
            known_at=np.full(n, now, np.int64),
            at=np.full(n, now, np.int64),
            valid_at=valid_at[pick],
            value=value[pick],
            ceiling=ceiling[pick],
            entered=entered[pick],
            holding=worst.holding,
            held=worst.holding,
            onset_at=worst.onset_at,
            until=worst.spans[:, :, 1].max(axis=1, initial=0),
            expected_s=np.full(n, 3600, np.int64),
            is_late=np.zeros(n, bool),
            is_after_gap=np.zeros(n, bool),
            norm=None if norm is None else norm[pick],
            spans=worst.spans,
            kept=np.stack((value[keeper], valid_at[keeper]), axis=1),
            is_stand_in=None if is_stand_in is None else is_stand_in[pick],
        )
        counts = np.isin(series, revised) | (found.entered > 0)
        return found if counts.all() else only(found, counts)


def _is_covered(told: Block, seen: Block) -> Bools:
    """Which hours of a forecast lie wholly in what was measured or estimated of one series."""
    period = seen.period_s.astype(np.int64)
    slack = sums.tolerance(period)
    since = sums.covered_since(seen.valid_at, seen.valid_at - period, slack)
    slack = sums.tolerance(told.period_s)
    after = np.searchsorted(seen.valid_at, told.valid_at - slack)
    has = after < len(seen.value)
    covered = np.zeros(len(told.value), bool)
    covered[has] = since[after[has]] <= (told.valid_at - told.period_s + slack)[has]
    return covered


def _is_as_before(rows: Readings, series: Ints) -> Bools:
    """Rows, sorted by series and valid time, that say the same as the row before them."""
    same = np.zeros(len(rows), bool)
    same[1:] = series[1:] == series[:-1]
    for column in (rows.valid_at, rows.issued_at, rows.period_s):
        same[1:] &= column[1:] == column[:-1]
    for values in rows.values.values():
        same[1:] &= (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
    return same
