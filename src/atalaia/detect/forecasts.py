"""Forecasts held against the rules: one finding a revision, for the worst of the hours to come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from atalaia.detect.check import Checked, plausible
from atalaia.detect.findings import Findings, levels, only
from atalaia.detect.measure import Block
from atalaia.detect.series import SeriesTable
from atalaia.detect.values import Norm, instant_value, limits_norm, window_value
from atalaia.domain.reading import Bools, Floats, Ints, Kind, Readings
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
            Checked({name: column[rows] for name, column in self.checked.values.items()}, {}),
        )


class Forecasts:
    """What each series says of the hours to come (kept in the table), judged at each revision."""

    def __init__(self, rules: RuleSet, table: SeriesTable, norms: Norm) -> None:
        self.rules = rules
        self.table = table
        self.norms = norms

    def judge(self, rows: Readings, series: Ints) -> Iterator[Findings]:
        """One finding a rule, series and revision: rows that became known together."""
        for now in np.unique(rows.known_at):
            issue = rows.known_at == now
            yield from self._revision(rows.take(issue), series[issue], int(now))

    def _revision(self, rows: Readings, series: Ints, now: int) -> Iterator[Findings]:
        view, series, revised = self._view(rows, series, now)
        if not len(view):
            return
        hours = Hours(view, series, Checked(plausible(view.values), {}))
        for rule in self.rules.rules:
            if Kind.FORECAST not in rule.kinds or rule.places or rule.given:
                continue
            judged = self._judged(rule, hours)
            if judged is not None:
                yield self._worst(rule, *judged, revised, now)

    def _view(self, rows: Readings, series: Ints, now: int) -> tuple[Readings, Ints, Ints]:
        """What the series now say of the hours to come, older issues filling gaps; and the
        numbers of those that say anything new."""
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
        # Stable: of rows with one valid time the one that came last counts.
        order = np.lexsort((all_rows.valid_at, all_series))
        s, t = all_series[order], all_rows.valid_at[order]
        is_newest = np.ones(len(order), bool)
        is_newest[:-1] = (s[1:] != s[:-1]) | (t[1:] != t[:-1])
        is_news = (order >= len(order) - len(rows)) & ~_is_as_before(all_rows.take(order), s)
        revised = np.unique(s[is_news & (t > now)])
        keep = order[is_newest & (t > now)]
        view, view_series = all_rows.take(keep), all_series[keep]
        bounds = np.searchsorted(view_series, [told, told + 1])
        for i, start, stop in zip(told, *bounds, strict=True):
            self.table.forecasts[int(i)] = view.take(slice(start, stop))
        return view, view_series, revised

    def _judged(
        self, rule: Rule, hours: Hours
    ) -> tuple[Hours, Floats, Floats, Floats | None] | None:
        """Value, ceiling and norm of each hour to come that the rule can judge."""
        if rule.measure == "value":
            measured = instant_value(rule, hours.checked)
            if measured is None:
                return None
            value, ceiling, _ = measured
        else:
            column = hours.checked.values.get(rule.variable)
            if column is None or rule.measure not in ("sum", "mean", "change"):
                return None
            hours = hours.take(~np.isnan(column))
            rows = hours.readings
            block = Block(
                hours.series, rows.valid_at, rows.period_s, hours.checked.values[rule.variable]
            )
            value, ceiling = window_value(rule, block, self.table)
        norm = limits_norm(rule, self.norms, hours.readings.place, hours.readings.valid_at)
        known = ~np.isnan(value)
        if norm is not None:
            known &= ~np.isnan(norm)
            norm = norm[known]
        return hours.take(known), value[known], ceiling[known], norm

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
        series, first = np.unique(hours.series, return_index=True)
        stop = np.append(first, len(value))[1:]  # of no rows: none
        picks, onset, until, best_holding = [], [], [], []
        valid_at = hours.readings.valid_at
        for start, end in zip(first, stop, strict=True):
            mine = slice(start, end)
            top = entered[mine].max()
            # The hour to show: the first of the highest level; in calm the worst value.
            worst = np.argmax(entered[mine] == top) if top else np.argmax(excess[mine])
            picks.append(start + worst)
            passing = valid_at[mine][entered[mine] > 0]
            keeping = valid_at[mine][holding[mine] > 0]
            onset.append(passing[0] if len(passing) else valid_at[start + worst])
            until.append(keeping[-1] if len(keeping) else valid_at[start + worst])
            best_holding.append(holding[mine].max())
        pick = np.array(picks, np.int64)
        n = len(pick)
        worst_hours = Findings(
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
            holding=np.array(best_holding, np.int8),
            held=np.array(best_holding, np.int8),
            onset_at=np.array(onset, np.int64),
            until=np.array(until, np.int64),
            expected_s=np.full(n, 3600, np.int64),
            norm=None if norm is None else norm[pick],
        )
        counts = np.isin(series, revised) | (worst_hours.entered > 0)
        return worst_hours if counts.all() else only(worst_hours, counts)


def _is_as_before(rows: Readings, series: Ints) -> Bools:
    """Rows, sorted by series and valid time, that say the same as the row before them."""
    same = np.zeros(len(rows), bool)
    same[1:] = series[1:] == series[:-1]
    for column in (rows.valid_at, rows.issued_at, rows.period_s):
        same[1:] &= column[1:] == column[:-1]
    for values in rows.values.values():
        same[1:] &= (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
    return same
