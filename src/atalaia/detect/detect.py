"""Readings held against the rules: arrays in, arrays out.

Observed and analysed rows become findings row by row, at their valid time; a forecast becomes
one finding a revision, for the worst of the hours that it still speaks of. Nothing here knows
of incidents: a finding says which level a value enters, and which it still holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from atalaia.detect import measure
from atalaia.detect.areas import area_findings
from atalaia.detect.check import Checked, check, plausible
from atalaia.detect.findings import Findings, levels, only
from atalaia.detect.forecasts import Forecasts
from atalaia.detect.measure import Block
from atalaia.detect.series import SeriesTable, Window
from atalaia.detect.values import Norm, instant_value, limits_norm, no_norms, window_value
from atalaia.domain.hazard import Level
from atalaia.domain.reading import Bools, Floats, Ints, Kind, Readings
from atalaia.domain.rule import Rule, RuleSet

STALE_AFTER_S = 3 * 3600
"""Older than this when it becomes known, a value counts in sums and in GOLD only."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Rows that are news of their series, and whether a rule can use any value of them."""

    series: Ints
    known_at: Ints
    valid_at: Ints
    is_usable: Bools


@dataclass(frozen=True, slots=True)
class _SortedRows:
    """Checked rows of one kind of history, sorted by series, then valid_at."""

    readings: Readings
    series: Ints
    source: Ints
    expected_s: Ints
    checked: Checked
    is_late: bool

    def take(self, rows: Ints | Bools) -> _SortedRows:
        return _SortedRows(
            self.readings.take(rows),
            self.series[rows],
            self.source[rows],
            self.expected_s[rows],
            Checked(
                {name: column[rows] for name, column in self.checked.values.items()},
                {name: column[rows] for name, column in self.checked.suspect.items()},
            ),
            self.is_late,
        )


class Detector:
    """Holds readings against a rule set, with the memory of each series in `table`."""

    def __init__(
        self,
        rules: RuleSet,
        table: SeriesTable,
        norms: Norm = no_norms,
        expected_s: dict[str, int] | None = None,
    ) -> None:
        self.rules = rules
        self.table = table
        self.norms = norms
        self.expected_s = expected_s or {}
        self.forecasts = Forecasts(rules, table, norms)
        self.heard: list[Heard] = []
        self._reach = _reach(rules)
        table.windowed |= self._reach.keys()
        table.area_rules |= {rule.name for rule in rules.rules if rule.places}

    def detect(self, rows: Readings) -> Iterator[Findings]:
        """Findings of a batch in order of known_at (`Readings.in_order`), rule by rule."""
        now = rows.kind != Kind.FORECAST
        if now.all():
            yield from self._present(rows)
        elif now.any():
            yield from self._present(rows.take(now))
            ahead = rows.take(~now)
            yield from self.forecasts.judge(ahead, self._series(ahead))
        else:
            yield from self.forecasts.judge(rows, self._series(rows))

    # Observed and analysed rows

    def _present(self, rows: Readings) -> Iterator[Findings]:
        series = self._series(rows)
        if (series[1:] <= series[:-1]).any():
            # Stable: within a series rows stay in the order in which they became known.
            order = np.argsort(series, kind="stable")
            rows, series = rows.take(order), series[order]
        late = self._is_late(rows, series)
        self._expect(rows, series)
        if late.any():
            fresh_rows, fresh_series = rows.take(~late), series[~late]
        else:
            fresh_rows, fresh_series = rows, series
        checked = check(fresh_rows, fresh_series, self.table)
        fresh = self._rows(fresh_rows, fresh_series, checked, is_late=False)
        self.table.valid_at[fresh_series] = fresh_rows.valid_at
        self._note_usable(fresh)
        parts = [fresh] if len(fresh_rows) else []
        if late.any():
            old = rows.take(late)
            by_time = np.lexsort((old.valid_at, series[late]))
            old = old.take(by_time)
            values = Checked(plausible(old.values), {})
            parts.append(self._rows(old, series[late][by_time], values, is_late=True))
        blocks = {name: self._extend(name, reach, parts) for name, reach in self._reach.items()}
        for part in parts:
            for rule in self.rules.rules:
                yield from self._judge(rule, part, blocks)

    def _rows(
        self, rows: Readings, series: Ints, checked: Checked, *, is_late: bool
    ) -> _SortedRows:
        table = self.table
        return _SortedRows(
            rows, series, table.source[series], table.expected_s[series], checked, is_late
        )

    def _series(self, rows: Readings) -> Ints:
        codes = self.table.source_codes(rows.sources)
        return self.table.numbers(rows.place, codes[rows.source])

    def _is_late(self, rows: Readings, series: Ints) -> Bools:
        """Rows not newer than what their series had said before (state, or earlier rows)."""
        newest = self.table.valid_at[series]
        late = rows.valid_at <= newest
        again = series[1:] == series[:-1]
        if again.any():
            # Within a batch, hold each row against the newest that was known before it.
            for number in np.unique(series[1:][again & (np.diff(rows.valid_at) <= 0)]):
                mine = np.flatnonzero(series == number)
                before = np.maximum.accumulate(rows.valid_at[mine])[:-1]
                late[mine[1:]] |= rows.valid_at[mine[1:]] <= before
        return late

    def _expect(self, rows: Readings, series: Ints) -> None:
        """The interval at which values are expected: as polled, or as long as the periods are."""
        polled = np.array([self.expected_s.get(name, 0) for name in rows.sources], np.int64)
        polled_s = polled[rows.source]
        if polled.all():
            self.table.expected_s[series] = polled_s
            return
        stated = np.where(rows.period_s > 0, rows.period_s, 3600)
        self.table.expected_s[series] = np.where(polled_s > 0, polled_s, stated)

    def _note_usable(self, fresh: _SortedRows) -> None:
        usable = np.zeros(len(fresh.series), bool)
        for name in self.rules.variables & fresh.checked.values.keys():
            usable |= ~np.isnan(fresh.checked.values[name])
            if usable.all():
                break
        rows = fresh.readings
        self.heard.append(Heard(fresh.series, rows.known_at, rows.valid_at, usable))

    def _extend(self, name: str, reach_s: int, parts: list[_SortedRows]) -> Block | None:
        """A windowed variable's remembered rows with the new ones; and remember those."""
        added = []
        for part in parts:
            column = part.checked.values.get(name)
            if column is None:
                continue
            has = ~np.isnan(column)
            rows = part.readings
            added.append((part.series[has], rows.valid_at[has], rows.period_s[has], column[has]))
        if not added:
            return None
        series = np.unique(np.concatenate([one[0] for one in added]))
        if not len(series):
            return None
        kept = [(i, self.table.windows.get((int(i), name))) for i in series]
        for i, window in kept:
            if window is not None:
                same = np.full(len(window.value), i, np.int64)
                added.append((same, window.valid_at, window.period_s, window.value))
        block = _merged(*(np.concatenate(columns) for columns in zip(*added, strict=True)))
        bounds = np.searchsorted(block.series, series)
        for i, start, stop in zip(series, bounds, [*bounds[1:], len(block.value)], strict=True):
            oldest = block.valid_at[stop - 1] - reach_s
            start = start + np.searchsorted(block.valid_at[start:stop], oldest)  # noqa: PLW2901
            self.table.windows[int(i), name] = Window(
                block.valid_at[start:stop], block.period_s[start:stop], block.value[start:stop]
            )
        return block

    def _judge(
        self, rule: Rule, part: _SortedRows, blocks: dict[str, Block | None]
    ) -> Iterator[Findings]:
        given = None
        if rule.measure == "value":
            measured = instant_value(rule, part.checked)
            if measured is None:
                return
            value, ceiling, suspect = measured
            valid_at, known_at = part.readings.valid_at, part.readings.known_at
            rows = part
        else:
            block = blocks.get(rule.variable)
            if block is None:
                return
            rows, at = self._ends(rule, part, block)
            if not len(at):
                return
            measures = window_value(rule, block, self.table, self.norms)
            value, ceiling = (column[at] for column in measures)
            if rule.given:
                given = measure.rolling_sum(block, rule.given.window_s)[0][at]
            suspect = None if part.is_late else rows.checked.suspect.get(rule.variable)
            valid_at, known_at = block.valid_at[at], rows.readings.known_at
        norm = limits_norm(rule, self.norms, rows.readings.place, valid_at)
        judged = self._findings(
            rule, rows, value, ceiling, suspect, valid_at, known_at, given, norm
        )
        if rule.places:
            yield from area_findings(rule, judged, self.table)
        else:
            yield judged

    def _ends(self, rule: Rule, part: _SortedRows, block: Block) -> tuple[_SortedRows, Ints]:
        """The rows at which windows end, and where these are in the block.

        A late row is not where a window ends: it is inside of the newest one, which is judged
        again at the time at which the late row became known.
        """
        column = part.checked.values.get(rule.variable)
        has = np.zeros(len(part.series), bool) if column is None else ~np.isnan(column)
        rows = part.take(has)
        if part.is_late:
            last = np.searchsorted(block.series, rows.series, side="right") - 1
            _, first = np.unique(rows.series, return_index=True)
            return rows.take(first), last[first]
        key = rows.series.astype(np.int64) * measure._SPAN + rows.readings.valid_at
        return rows, np.searchsorted(block.key, key)

    def _findings(
        self,
        rule: Rule,
        rows: _SortedRows,
        value: Floats,
        ceiling: Floats,
        suspect: Bools | None,
        valid_at: Ints,
        known_at: Ints,
        given: Floats | None,
        norm: Floats | None,
    ) -> Findings:
        entered, holding, held = levels(rule, value, ceiling, norm)
        if rule.given and given is not None and not rule.places:
            entered = np.where(given >= rule.given.limit, entered, Level.NONE)
        if suspect is not None:
            # A suspect value never raises orange or red alone, holds nothing and ends nothing.
            entered = np.where(suspect, np.minimum(entered, rule.up_to(Level.YELLOW)), entered)
            holding = np.where(suspect, Level.NONE, holding)
            held = np.where(suspect, Level.RED, held)
        kinds = rows.readings.kind
        counts = ~np.isnan(value) & (known_at - valid_at <= STALE_AFTER_S)
        if norm is not None:
            counts &= ~np.isnan(norm)
        if len(rule.kinds) < len(Kind):
            counts &= np.isin(kinds, rule.kinds)
        found = Findings(
            rule=rule,
            subject=rows.readings.place,
            source=rows.source,
            kind=kinds,
            known_at=known_at,
            at=valid_at,
            valid_at=valid_at,
            value=value,
            ceiling=ceiling,
            entered=entered,
            holding=holding,
            held=held,
            onset_at=valid_at,
            until=valid_at,
            expected_s=rows.expected_s,
            is_late=rows.is_late,
            given=given,
            norm=norm,
        )
        return found if counts.all() else only(found, counts)


def _merged(series: Ints, valid_at: Ints, period_s: Ints, value: Floats) -> Block:
    """A block of rows in any order; of rows of one series and time the larger value counts."""
    order = np.lexsort((valid_at, series))
    block = Block(series[order], valid_at[order], period_s[order], value[order])
    starts = np.ones(len(order), bool)
    starts[1:] = np.diff(block.key) != 0
    if starts.all():
        return block
    first = np.flatnonzero(starts)
    return Block(
        block.series[first],
        block.valid_at[first],
        np.maximum.reduceat(block.period_s, first),
        np.maximum.reduceat(block.value, first),
    )


def _reach(rules: RuleSet) -> dict[str, int]:
    """How far back each windowed variable is remembered, in seconds."""
    reach: dict[str, int] = {}
    for rule in rules.rules:
        if rule.reach_s:
            reach[rule.variable] = max(reach.get(rule.variable, 0), rule.reach_s)
    return reach
