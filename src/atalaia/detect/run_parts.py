"""Some places of an ensemble's answer, and what each run comes to there by a rule's window.

    `Ensemble` ──► `RunPart`s that fit into a core's cache ──► each run's value by hour
               ──► `ensembles`

What rules share is made once a part: what is plausible, how periods lie, and which hours are to
come. What a run comes to is what is known for certain (`measure`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from atalaia.detect.check import Checked, plausible
from atalaia.detect.measure import Block, first_inside, mean_of
from atalaia.detect.retold import Retold, starts_of
from atalaia.detect.series import SeriesTable
from atalaia.detect.values import instant_value, window_value
from atalaia.domain.ensemble import Ensemble
from atalaia.domain.reading import Bools, Floats, Ints, Kind
from atalaia.domain.rule import Rule
from atalaia.domain.variable import CATALOGUE

VALUES_OF_A_PART = 1 << 16
"""Of one variable, or of one place where that has more: half a megabyte of a core's cache."""


class Buffers:
    """Arrays that are filled anew for each part: to ask for such large ones again and again costs
    more than to count what stands in them. What stands in one is good until it is asked for
    again."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Any] = {}

    def room(self, name: str, shape: tuple[int, ...], dtype: type = float) -> Any:
        """An array of this shape; what stands in it is of before."""
        key, size = (name, np.dtype(dtype).char), int(np.prod(shape))
        kept = self._kept.get(key)
        if kept is None or len(kept) < size:
            kept = self._kept[key] = np.empty(size, dtype)
        return kept[:size].reshape(shape)


def parts_of(news: Retold, scratch: Buffers, wanted: Collection[str]) -> Iterator[RunPart]:
    """The news of the wanted variables, some places at a time."""
    series = news.series
    values = {name: column for name, column in news.told.values.items() if name in wanted}
    told = replace(news.told, values=values)
    runs = max((len(column) for column in told.values.values()), default=1)
    most = VALUES_OF_A_PART // max(runs, 1)
    if len(told) <= most:
        yield RunPart(told, series, news.range, scratch)
        return
    stops = np.append(starts_of(series)[1:], len(series))
    start = 0
    while start < len(told):
        # As many whole places as there is room for, and one in any case.
        last = int(np.searchsorted(stops, start + most, "right")) - 1
        stop = int(stops[max(last, int(np.searchsorted(stops, start, "right")))])
        mine = slice(start, stop)
        ranges = {name: news.range[name][:, mine] for name in values}
        yield RunPart(told.take(mine), series[mine], ranges, scratch)
        start = stop


class RunPart:
    """Rows of some places, sorted by series, then valid_at, with the range of each variable."""

    def __init__(
        self, told: Ensemble, series: Ints, ranges: dict[str, Floats], scratch: Buffers
    ) -> None:
        self.told = told
        self.series = series
        self._range = ranges
        self.longest_s = int(told.period_s.max(initial=0))
        self._scratch = scratch
        self._plausible: dict[str, tuple[Floats, bool]] = {}
        self._ahead: dict[int, Ints] = {}

    def ahead(self, within_s: int) -> Ints:
        """The hours to come, up to so far ahead, ascending."""
        rows = self._ahead.get(within_s)
        if rows is None:
            lead_s = self.told.valid_at - self.told.known_at
            rows = self._ahead[within_s] = np.flatnonzero((lead_s > 0) & (lead_s <= within_s))
        return rows

    def value(self, rule: Rule, rows: Ints, table: SeriesTable) -> Floats | None:
        """What is certain of each run's value at the rows, which ascend: shape (m, k), NaN where a
        run says nothing, good until the next one is asked for; None: nothing tells it."""
        if rule.measure == "value":
            return self._instant(rule, rows)
        if rule.variable not in self.told.values:
            return None
        column, is_whole = self._values(rule.variable)
        if is_whole:
            return self._window(rule, column, rows, table)
        out = np.full((len(column), len(rows)), np.nan)
        for runs, where in _alike(~np.isnan(column)):
            asked = np.isin(rows, where)
            told = Ensemble(
                self.told.source,
                self.told.known_at,
                self.told.place[where],
                self.told.valid_at[where],
                self.told.period_s[where],
                {},
            )
            part = RunPart(told, self.series[where], {}, self._scratch)
            at = np.searchsorted(where, rows[asked])
            value = part._window(rule, column[runs][:, where], at, table)
            out[np.ix_(runs, np.flatnonzero(asked))] = value
        return out

    def extreme(self, rule: Rule, rows: Ints) -> Floats | None:
        """What the run that goes farthest says at each of the rows, where that is known already;
        None: it is not."""
        name = rule.variable
        if rule.measure != "value" or rule.inputs != (name,) or name not in self.told.values:
            return None
        if not self._values(name)[1]:
            return None
        reached: Floats = self._range[name][0 if rule.is_below else 1][rows]
        return reached

    def _values(self, name: str) -> tuple[Floats, bool]:
        """A variable's plausible values, and whether each run has one in each row."""
        known = self._plausible.get(name)
        if known is not None:
            return known
        column, variable = self.told.values[name], CATALOGUE[name]
        period_s = self.told.period_s
        highest = variable.highest_in(period_s) if variable.is_sum else variable.highest
        least, most = self._range[name]
        # As mostly: all are there, and none is wild. A value that is missing is neither.
        is_whole = len(column) > 0 and bool(
            (least >= variable.lowest).all() and (most <= highest).all()
        )
        if not is_whole:
            column = plausible({name: column}, period_s).values[name]
        self._plausible[name] = column, is_whole
        return column, is_whole

    def _instant(self, rule: Rule, rows: Ints) -> Floats | None:
        inputs = {}
        for name in rule.inputs:
            if name in self.told.values:
                column = self._values(name)[0]
                inputs[name] = column if len(rows) == column.shape[1] else column[:, rows]
        measured = instant_value(rule, Checked(inputs, {}, {}))
        return None if measured is None else measured[0]

    def _window(self, rule: Rule, column: Floats, rows: Ints, table: SeriesTable) -> Floats:
        """The window's value where each run has a value in each row."""
        if rule.measure == "mean":
            first, is_covered = mean_of(self._block, rule.window_s)
            value = self._between(column, first[rows], rows)
            value /= rows + 1 - first[rows]
            value[:, ~is_covered[rows]] = np.nan
            return value
        if not rule.is_below and not len(self._block.laid.tangled):
            return self._between(column, first_inside(self._block, rule.window_s, rows), rows)
        block = replace(self._block, value=column)
        value, ceiling = window_value(rule, block, table, at=rows)
        return ceiling if rule.is_below else value

    def _between(self, column: Floats, first: Ints, last: Ints) -> Floats:
        """What values add up to from row `first` to row `last`, in whole thousandths: shape
        (m, k)."""
        m, n = column.shape
        milli = np.multiply(column, 1000, out=self._scratch.room("milli", (m, n)))
        total = self._scratch.room("total", (m, n + 1), np.int64)
        total[:, 0] = 0
        np.copyto(total[:, 1:], np.rint(milli, out=milli), casting="unsafe")
        np.cumsum(total[:, 1:], axis=1, out=total[:, 1:])
        since = self._scratch.room("since", (m, len(first)), np.int64)
        np.take(total, first, axis=1, out=since, mode="clip")
        through = total[:, 1:] if len(last) == n else total[:, last + 1]
        np.subtract(through, since, out=since)
        # Where thousandths stood before, which nobody needs any more: the less room, the more of it
        # is in a core's cache.
        value: Floats = self._scratch.room("milli", (m, len(first)))
        np.divide(since, 1000, out=value)
        return value

    @cached_property
    def _block(self) -> Block:
        """The rows without values."""
        told, n = self.told, len(self.told)
        return Block(
            self.series,
            told.valid_at,
            told.period_s,
            np.zeros(0),
            told.period_s.astype(np.int64),
            np.full(n, Kind.FORECAST, np.int8),
            np.zeros(n, bool),
        )


def _alike(is_told: Bools) -> Iterator[tuple[Ints, Ints]]:
    """Runs that have their values in the same rows, and these rows: mostly all runs of a model."""
    patterns, group = np.unique(is_told, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if pattern.any():
            yield np.flatnonzero(group.ravel() == number), np.flatnonzero(pattern)
