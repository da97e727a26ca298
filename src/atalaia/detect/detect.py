"""Readings held against the rules: arrays in, arrays out.

Observed and analysed rows become findings row by row, at their valid time; a forecast becomes
one finding a revision, for the worst of the hours that it still speaks of. Nothing here knows
of incidents: a finding says which level a value enters, and which it still holds.

A finding goes by what was known at its `known_at`, and by nothing that came later, however rows are
cut into batches. Rows that come in the order of their valid times are judged a batch at a time:
what follows lies outside of their windows. Where a series is told of something older, or of an
instant once more, its rows are judged in turns, one for each time at which anything of it became
known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from atalaia.detect import measure
from atalaia.detect.areas import area_findings
from atalaia.detect.by_series import BySeries
from atalaia.detect.check import NOTHING, Beside, Checked, check, plausible
from atalaia.detect.ensembles import Ensembles
from atalaia.detect.findings import Findings, levels, only, together
from atalaia.detect.forecasts import Forecasts
from atalaia.detect.instruments import Instruments, spoken
from atalaia.detect.measure import Block
from atalaia.detect.scores import score_findings
from atalaia.detect.series import SeriesTable, Window
from atalaia.detect.values import (
    Usual,
    instant_value,
    is_news,
    judged_name,
    judged_places,
    limits_norm,
    no_norms,
    stood_in,
    window_value,
)
from atalaia.domain.hazard import Level
from atalaia.domain.reading import Bools, Floats, Ints, Kind, Readings
from atalaia.domain.rule import Rule, RuleSet
from atalaia.domain.track import BLIND_AFTER

STALE_AFTER_S = 3 * 3600
"""Older than this when it becomes known, a value counts in sums and in GOLD only."""

_DAY_S = 86_400

UNKNOWN_PACE_S = 3600
"""How often a source may be expected to speak before anything is known of its habit, at least."""

_STEP_S = 60
"""Of windows that became known together, those that end within the same minute are judged once."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Rows of series, and which of them are news: of a later time than was known, with a value that
    a rule can use.

    patience_s   how long its silence may last before it cannot be seen, as known before the row;
                 of news
    """

    series: BySeries
    known_at: Ints
    valid_at: Ints
    is_news: Bools
    patience_s: Ints


@dataclass(frozen=True, slots=True)
class _SortedRows:
    """Checked rows, sorted by series, then valid_at.

    beside     by variable: what had been told of the same instants before
    prior_s    how often news are expected before anything is known of a habit
    arrival_s  how often news come, as known after each row
    again      by variable: which rows say once more what was said of their instant
    paces      by what is judged: (mask of its rows, whether there was a gap before each of them,
               the interval at which it is expected after each)
    """

    readings: Readings
    series: BySeries
    source: Ints
    checked: Checked
    beside: Beside
    again: Mapping[str, Bools]
    prior_s: Ints
    arrival_s: Ints
    paces: dict[str, tuple[Bools, Bools, Ints]]
    is_late: bool

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, slots=True)
class _Ends:
    """Where a rule is judged: columns of shape (n,), and the values in `measured`."""

    place: Ints
    series: Ints
    source: Ints
    kind: Ints
    known_at: Ints
    valid_at: Ints
    expected_s: Ints
    is_after_gap: Bools
    is_suspect: Bools | None
    is_late: bool
    is_stand_in: Bools | None = None


class Detector:
    """Holds readings against a rule set, with the memory of each series in `table`."""

    def __init__(
        self,
        rules: RuleSet,
        table: SeriesTable,
        norms: Usual = no_norms,
        expected_s: dict[str, int] | None = None,
        mine: Bools | None = None,
    ) -> None:
        self.rules = rules
        self._at_places = _judged(rules.measured, norms)
        self.table = table
        self.instruments = Instruments(table.places, mine, rules.variables)
        self.norms = norms
        self.expected_s = expected_s or {}
        self.forecasts = Forecasts(rules, table, norms)
        self.ensembles = Ensembles(rules, table, norms)
        self.heard: list[Heard] = []
        self._reach = _reach(self._at_places)
        self._judged_places = judged_places(self._at_places, table.places)
        self._amounts = {part.name for rule in rules.rules if rule.score for part in rule.parts}
        table.windowed |= self._reach.keys()
        table.area_rules |= {rule.name for rule in rules.rules if rule.places}

    def detect(self, rows: Readings) -> Iterator[Findings]:
        """Findings of a batch in order of known_at (`Readings.in_order`), rule by rule. What a
        station corrected or withdrew is forgotten before what became known with it or later.

        Of the rows only what the rules go by is looked at, and remembered."""
        if not rows.values.keys() <= self.rules.variables:
            rows = rows.only(self.rules.variables)
        start = 0
        for at, gone in self.instruments.gone():
            stop = max(start, int(np.searchsorted(rows.known_at, at)))
            yield from self._detect(rows.take(slice(start, stop)))
            for one in gone:
                number = self.table.numbers_of([one.place], self.table.code_of.get(one.source, -1))
                self.table.forget(int(number[0]), one.valid_at)
            start = stop
        yield from self._detect(rows.take(slice(start, None)) if start else rows)

    def _detect(self, rows: Readings) -> Iterator[Findings]:
        if len(rows) == 0:
            return
        now = rows.kind != Kind.FORECAST
        if now.all():
            yield from self._present(rows)
            return
        if not self.forecasts.has_windows or not now.any():
            if now.any():
                yield from self._present(rows.take(now))
            ahead = rows.take(~now)
            yield from self.forecasts.judge(ahead, _series(self.table, ahead))
            return
        # What a forecast adds up with is what was measured when it became known.
        issues = np.unique(rows.known_at[~now])
        bounds = np.searchsorted(rows.known_at, issues, "right")
        start = 0
        for stop in (*bounds.tolist(), len(rows)):
            part, is_now = rows.take(slice(start, stop)), now[start:stop]
            if is_now.any():
                yield from self._present(part.take(is_now))
            if not is_now.all():
                ahead = part.take(~is_now)
                yield from self.forecasts.judge(ahead, _series(self.table, ahead))
            start = stop

    # Observed and analysed rows

    def _present(self, rows: Readings) -> Iterator[Findings]:
        number = _series(self.table, rows)
        if (number[1:] < number[:-1]).any():
            # Stable: within a series rows stay in the order in which they became known.
            # Of numbers of two bytes NumPy counts, where of longer ones it compares.
            few = number.astype(np.uint16) if self.table.count <= 1 << 16 else number
            order = np.argsort(few, kind="stable")
            rows, number = rows.take(order), number[order]
        areas: dict[str, list[Findings]] = defaultdict(list)
        amounts: dict[str, list[Findings]] = defaultdict(list)
        for found in self._in_turns(rows, BySeries.of(number)):
            if found.rule.name in self._amounts:
                amounts[found.rule.name].append(found)
            elif found.rule.places:
                areas[found.rule.name].append(found)
            else:
                yield found
        for parts in areas.values():
            yield from area_findings(parts[0].rule, together(parts), self.table)
        if amounts:
            for rule in self.rules.rules:
                if rule.score:
                    yield from score_findings(rule, amounts, self.table)

    def _in_turns(self, rows: Readings, series: BySeries) -> Iterator[Findings]:
        late = _is_late(self.table, rows, series)
        if not late.any():
            yield from self._turn(rows, series)
            return
        number = series.number
        is_mixed = np.isin(number, np.unique(number[late]))
        if not is_mixed.all():
            yield from self._turn(rows.take(~is_mixed), series.take(~is_mixed))
            rows, series = rows.take(is_mixed), series.take(is_mixed)
        is_new = series.is_first.copy()
        is_new[1:] |= rows.known_at[1:] != rows.known_at[:-1]
        count = np.cumsum(is_new)
        turn = count - count[series.is_first][np.cumsum(series.is_first) - 1]
        for which in range(int(turn.max()) + 1):
            mine = turn == which
            yield from self._mixed_turn(rows.take(mine), series.take(mine))

    def _turn(self, rows: Readings, series: BySeries) -> Iterator[Findings]:
        """Rows of which every value is newer than what was known of its series."""
        yield from self._judge_all(self._fresh(rows, series, NOTHING, {}), None)

    def _mixed_turn(self, rows: Readings, series: BySeries) -> Iterator[Findings]:
        """Rows of series each of which became known at one time, of which some values are older
        than what was known, or were told before."""
        fresh, late, beside, again = {}, {}, {}, {}
        for name, column in rows.values.items():
            told, at = _remembered(self.table, name, series)
            is_old, is_same = rows.valid_at < at, rows.valid_at == at
            beside[name] = np.where(is_same, told, np.nan)
            late[name] = np.where(is_old, column, np.nan)
            again[name] = is_same & (column == told)
            # Of amounts it depends on their period as well: see `_was_told`.
            is_known = is_old | (again[name] & (name not in self._reach))
            fresh[name] = np.where(is_known, np.nan, column)
        for name in self.rules.variables - rows.values.keys():
            told, at = _remembered(self.table, name, series)
            beside[name] = np.where(rows.valid_at == at, told, np.nan)
        is_fresh, is_late = (
            np.logical_or.reduce(
                [~np.isnan(c) for c in part.values()] or [np.zeros(len(rows), bool)]
            )
            for part in (fresh, late)
        )
        # A row without any value still says that its source is there.
        is_fresh |= rows.valid_at > self.table.valid_at[series.at]
        parts: list[_SortedRows | None] = [None, None]
        if is_fresh.any():
            mine = replace(rows, values=fresh).take(is_fresh)
            parts[0] = self._fresh(
                mine,
                series.take(is_fresh),
                {name: c[is_fresh] for name, c in beside.items()},
                {name: c[is_fresh] for name, c in again.items()},
            )
        if is_late.any():
            old = replace(rows, values=late).take(is_late)
            checked = plausible(old.values, old.period_s)
            parts[1] = self._rows(old, series.take(is_late), checked, NOTHING, {}, is_late=True)
        yield from self._judge_all(*parts)

    def _fresh(
        self, rows: Readings, series: BySeries, beside: Beside, again: Mapping[str, Bools]
    ) -> _SortedRows:
        checked = check(rows, series, self.table, beside)
        fresh = self._rows(rows, series, checked, beside, again, is_late=False)
        newest = self.table.valid_at
        newest[series.at] = np.maximum(rows.valid_at, newest[series.at])
        self._note_usable(fresh)
        return fresh

    def _rows(
        self,
        rows: Readings,
        series: BySeries,
        checked: Checked,
        beside: Beside,
        again: Mapping[str, Bools],
        *,
        is_late: bool,
    ) -> _SortedRows:
        polled = np.array([self.expected_s.get(name, 0) for name in rows.sources], np.int64)
        prior = _by_source(polled, rows)
        if not polled.all():
            stated = np.maximum(rows.period_s, UNKNOWN_PACE_S)
            prior = np.where(prior > 0, prior, stated)
        source = self.table.source[series.at]
        arrival = self.table.expected_s[series.at].copy()
        return _SortedRows(
            rows, series, source, checked, beside, again, prior, arrival, {}, is_late
        )

    def _note_usable(self, fresh: _SortedRows) -> None:
        rows, series, table = fresh.readings, fresh.series, self.table
        is_news, prior = _is_newer(self.rules, table, fresh), fresh.prior_s
        never = series.is_first & (table.expected_s[series.at] == 0)
        if never.any():
            table.expected_s[series.number[never]] = prior[never]
        if is_news.all():
            # As mostly: then nothing is chosen, and nothing copied.
            _, before, after = table.arrivals.hear(series, rows.known_at)
            table.news_at[series.at] = rows.valid_at
            fresh.arrival_s[:] = _or_prior(after, prior)
            patience = _as_expected(before, series, fresh.arrival_s, table)
            table.expected_s[series.at] = fresh.arrival_s
        else:
            news = series.take(is_news)
            _, before, after = table.arrivals.hear(news, rows.known_at[is_news])
            table.news_at[news.at] = rows.valid_at[is_news]
            arrival, patience = _or_prior(after, prior[is_news]), np.zeros(len(rows), np.int64)
            patience[is_news] = _as_expected(before, news, arrival, table)
            # Behind a row that is no news, what was expected before it still is.
            known = table.expected_s[series.at].copy()
            known[is_news] = arrival
            newest = np.where(is_news | series.is_first, np.arange(len(rows)), 0)
            fresh.arrival_s[:] = known[np.maximum.accumulate(newest)]
            table.expected_s[news.at] = arrival
        heard = Heard(series, rows.known_at, rows.valid_at, is_news, BLIND_AFTER * patience)
        if self.instruments.eyes:
            # A station that falls silent blinds no place: others see it, and whoever watches
            # stations sees when each was last heard.
            is_polled = [name not in self.instruments.eyes for name in table.sources]
            heard = _only(heard, np.array(is_polled, bool)[fresh.source])
        self.heard.append(heard)

    # Judging

    def _judge_all(self, fresh: _SortedRows | None, late: _SortedRows | None) -> Iterator[Findings]:
        extended = {
            name: self._extend(name, reach, fresh, late) for name, reach in self._reach.items()
        }
        for part in (late, fresh):
            if part is None or not len(part):
                continue
            for rule in self._at_places.rules:
                if rule.measure == "value":
                    found = self._judge_instants(rule, part)
                else:
                    found = self._judge_windows(rule, part, extended[rule.variable])
                if found is not None and (
                    heard := spoken(self.instruments, found, self.table.sources)
                ):
                    yield heard

    def _pace(self, part: _SortedRows, of: str, told: Bools) -> tuple[Bools, Ints]:
        """Of the rows in which what is judged was told: (whether there was a gap before it, the
        interval at which it is expected)."""
        known = part.paces.get(of)
        if known is None:
            known = part.paces[of] = self._new_pace(part, of, told)
        mask, is_after_gap, expected = known
        if mask is told or (mask == told).all():
            return is_after_gap, expected
        rows = np.flatnonzero(mask)
        chosen = np.searchsorted(rows, np.flatnonzero(told))
        return is_after_gap[chosen], expected[chosen]

    def _new_pace(self, part: _SortedRows, of: str, told: Bools) -> tuple[Bools, Bools, Ints]:
        series, prior, arrival = part.series, part.prior_s, part.arrival_s
        valid_at = part.readings.valid_at
        if not told.all():
            series, prior, arrival = series.take(told), prior[told], arrival[told]
            valid_at = valid_at[told]
        pace = self.table.pace(of)
        if part.is_late:
            expected = _or_prior(pace.interval[series.at], prior)
            none = np.zeros(len(series), bool)
            return told, none, np.maximum(expected, self.table.expected_s[series.at])
        gap, before, after = pace.hear(series, valid_at)
        if after is before:  # nothing came but as expected
            is_after_gap = np.zeros(len(series), bool)
        else:
            is_after_gap = gap >= BLIND_AFTER * _or_prior(before, prior)
        return told, is_after_gap, np.maximum(_or_prior(after, prior), arrival)

    def _judge_instants(self, rule: Rule, part: _SortedRows) -> Findings | None:
        measured = instant_value(rule, part.checked, part.beside)
        told = is_news(rule, part.checked, part.again)
        if measured is None or told is None:
            return None
        value, ceiling, suspect = measured
        if value is not part.checked.values.get(rule.variable):
            told = told & ~np.isnan(value)
        if not told.any():
            return None
        is_after_gap, expected = self._pace(part, judged_name(rule), told)
        in_stead = stood_in(rule, part.checked, part.beside)
        rows = part.readings
        # As mostly all are told: then these are views, no copies.
        chosen = slice(None) if told.all() else told
        ends = _Ends(
            place=rows.place[chosen],
            series=part.series.number[chosen],
            source=part.source[chosen],
            kind=rows.kind[chosen],
            known_at=rows.known_at[chosen],
            valid_at=rows.valid_at[chosen],
            expected_s=expected,
            is_after_gap=is_after_gap,
            is_suspect=None if suspect is None else suspect[chosen],
            is_late=part.is_late,
            is_stand_in=None if in_stead is None else in_stead[chosen],
        )
        if ceiling is value:  # it is known for certain
            value = ceiling = value[chosen]
        else:
            value, ceiling = value[chosen], ceiling[chosen]
        return self._findings(rule, ends, value, ceiling, None)

    def _judge_windows(
        self, rule: Rule, part: _SortedRows, extended: _Extended | None
    ) -> Findings | None:
        if extended is None:
            return None
        news = extended.late_news if part.is_late else extended.fresh_news
        if not news.any():
            return None
        # The habit is learned of every row that was told, whatever kinds the rule takes.
        pace = self._pace(part, _over_time(rule.variable), news)
        block = extended.block
        if len(rule.kinds) < len(Kind):
            block = block.take(np.isin(block.kind, rule.kinds))
        clean = block.take(~block.is_suspect) if block.is_suspect.any() else block
        if part.is_late:
            ends = self._late_ends(rule, part, news, pace, clean)
        else:
            ends = self._ends(rule, part, extended, pace, block)
        if ends is None:
            return None
        value, ceiling, given = self._measured(rule, ends, clean)
        if ends.is_suspect is not None and ends.is_suspect.any():
            doubted = self._measured(rule, ends, block)
            value, ceiling = (
                np.where(ends.is_suspect, theirs, ours)
                for theirs, ours in zip(doubted[:2], (value, ceiling), strict=True)
            )
        return self._findings(rule, ends, value, ceiling, given)

    def _measured(
        self, rule: Rule, ends: _Ends, block: Block
    ) -> tuple[Floats, Floats, Floats | None]:
        """Value and ceiling of the windows that end there, and of the second window its sum."""
        at = block.last_up_to(ends.series, ends.valid_at)
        # Where all of it is doubted, or of kinds that the rule does not take, there are no rows.
        known = at >= 0
        if len(block.series):
            known &= block.series[at] == ends.series
        if known.all():  # as nearly always
            value, ceiling = window_value(rule, block, self.table, self.norms, at)
            if not rule.given:
                return value, ceiling, None
            return value, ceiling, measure.rolling_sum(block, rule.given.window_s, at)[0]
        value, ceiling = np.full(len(at), np.nan), np.full(len(at), np.nan)
        given = np.full(len(at), np.nan) if rule.given else None
        rows = at[known]
        if len(rows):
            value[known], ceiling[known] = window_value(rule, block, self.table, self.norms, rows)
            if rule.given and given is not None:
                given[known] = measure.rolling_sum(block, rule.given.window_s, rows)[0]
        return value, ceiling, given

    def _ends(
        self,
        rule: Rule,
        part: _SortedRows,
        extended: _Extended,
        pace: tuple[Bools, Ints],
        block: Block,
    ) -> _Ends | None:
        """Where the windows of fresh rows end; worked out once for the rules that it is the same
        of."""
        key = rule.kinds, _stale_after_s(rule)
        if key not in extended.ends:
            extended.ends[key] = _fresh_ends(rule, part, extended.fresh_news, pace)
        ends = extended.ends[key]
        if ends is None:
            return None
        kind = _least_sure(block, ends.series, ends.valid_at, ends.kind, rule.window_s)
        return ends if kind is ends.kind else replace(ends, kind=kind)

    def _late_ends(
        self,
        rule: Rule,
        part: _SortedRows,
        news: Bools,
        pace: tuple[Bools, Ints],
        block: Block,
    ) -> _Ends | None:
        """A late row lies in windows that were judged without it: these are judged again, at the
        time at which it became known."""
        rows, series = part.readings, part.series.number
        found: list[tuple[int, int, int, int]] = []
        position = np.cumsum(news) - 1
        for number in np.unique(series[news]):
            mine = np.flatnonzero(news & (series == number))
            first = int(rows.valid_at[mine].min())
            known_at = int(rows.known_at[mine[0]])
            members = np.flatnonzero(block.series == number)
            if not len(members):
                continue
            ends = block.valid_at[members]
            newest = int(ends[-1])
            reaches = ends >= max(first, known_at - STALE_AFTER_S)
            reaches &= (ends <= int(rows.valid_at[mine].max()) + rule.window_s) | (ends == newest)
            chosen = members[reaches]
            minutes = block.valid_at[chosen] // _STEP_S
            is_last = np.ones(len(chosen), bool)
            is_last[:-1] = minutes[1:] != minutes[:-1]
            found += [
                (int(mine[0]), int(number), int(block.valid_at[i]), int(block.kind[i]))
                for i in chosen[is_last]
            ]
        if not found:
            return None
        row, numbers, valid_at, kind = (
            np.array(column, np.int64) for column in zip(*found, strict=True)
        )
        return _Ends(
            place=rows.place[row],
            series=numbers,
            source=part.source[row],
            kind=_least_sure(block, numbers, valid_at, kind, rule.window_s),
            known_at=rows.known_at[row],
            valid_at=valid_at,
            expected_s=pace[1][position[row]],
            is_after_gap=np.zeros(len(row), bool),
            is_suspect=None,
            is_late=True,
        )

    # Windows

    def _extend(
        self, name: str, reach_s: int, fresh: _SortedRows | None, late: _SortedRows | None
    ) -> _Extended | None:
        """A windowed variable's remembered rows with the new ones; and remember those."""
        added: list[Block] = []
        news: list[Bools] = []
        for part in (fresh, late):
            if part is None:
                news.append(np.zeros(0, bool))
                continue
            column = part.checked.values.get(name)
            told = np.zeros(len(part), bool) if column is None else part.checked.told[name]
            told = told & ~_was_told(self.table, name, reach_s, part, column, told)
            news.append(told)
            if column is None or not told.any():
                continue
            pace = self._pace(part, _over_time(name), told)
            suspect = part.checked.suspect.get(name)
            rows = part.readings
            added.append(
                Block(
                    part.series.number[told],
                    rows.valid_at[told],
                    rows.period_s[told],
                    column[told],
                    np.maximum(np.maximum(rows.period_s[told], pace[1]), UNKNOWN_PACE_S),
                    rows.kind[told],
                    np.zeros(int(told.sum()), bool) if suspect is None else suspect[told],
                )
            )
        if not added:
            return None
        series = np.unique(np.concatenate([_each(one.series) for one in added]))
        block = _merged([*_kept(self.table, name, series.tolist()), *added])
        start = np.searchsorted(block.series, series)
        stop = np.append(start[1:], len(block.value))
        oldest = measure.key_of(series, block.valid_at[stop - 1] - reach_s)
        # One more: how long a row stands is told by the row before it.
        before = np.maximum(np.searchsorted(block.key, oldest) - 1, start)
        first = np.searchsorted(block.key, measure.key_of(series, block.valid_at[before]))
        columns = [getattr(block, column) for column in Window.__struct_fields__]
        for i, begin, end in zip(series.tolist(), first.tolist(), stop.tolist(), strict=True):
            self.table.windows[i, name] = Window(*(column[begin:end] for column in columns))
        fresh_news, late_news = news
        return _Extended(block, fresh_news, late_news)

    def _findings(
        self, rule: Rule, ends: _Ends, value: Floats, ceiling: Floats, given: Floats | None
    ) -> Findings:
        norm = limits_norm(rule, self.norms, ends.place, ends.valid_at)
        entered, holding, held = levels(rule, value, ceiling, norm)
        if rule.given and given is not None and not rule.places:
            entered = np.where(given >= rule.given.limit, entered, Level.NONE)
        suspect = ends.is_suspect
        if suspect is not None:
            # A suspect value never raises orange or red alone, holds nothing and ends nothing.
            entered = np.where(suspect, np.minimum(entered, rule.up_to(Level.YELLOW)), entered)
            holding = np.where(suspect, Level.NONE, holding)
            held = np.where(suspect, Level.RED, held)
        counts = ends.known_at - ends.valid_at <= _stale_after_s(rule)
        if rule.measure != "value":
            counts &= ~np.isnan(value)
        if norm is not None:
            counts &= ~np.isnan(norm)
        if (mask := self._judged_places.get(rule.name)) is not None:
            counts &= mask[ends.place]
        if len(rule.kinds) < len(Kind):
            counts &= np.isin(ends.kind, rule.kinds)
        found = Findings(
            rule=rule,
            subject=ends.place,
            source=ends.source,
            kind=ends.kind,
            known_at=ends.known_at,
            at=ends.valid_at,
            valid_at=ends.valid_at,
            value=value,
            ceiling=ceiling,
            entered=entered,
            holding=holding,
            held=held,
            onset_at=ends.valid_at,
            until=ends.valid_at,
            expected_s=ends.expected_s,
            is_late=np.full(len(value), ends.is_late),
            is_after_gap=ends.is_after_gap,
            given=given,
            norm=norm,
            is_doubted=suspect,
            is_stand_in=ends.is_stand_in,
        )
        return found if counts.all() else only(found, counts)


def _fresh_ends(
    rule: Rule, part: _SortedRows, news: Bools, pace: tuple[Bools, Ints]
) -> _Ends | None:
    """Windows end where news are; once at an instant, and of what became known together once
    a minute."""
    rows, series = part.readings, part.series.number
    # Of a long backlog only what is still of the present is judged: see `_findings`.
    chosen = news if len(rule.kinds) == len(Kind) else news & np.isin(rows.kind, rule.kinds)
    chosen = chosen & (rows.known_at - rows.valid_at <= _stale_after_s(rule))
    where = np.flatnonzero(chosen)
    if not len(where):
        return None
    s, t, k = series[where], rows.valid_at[where], rows.known_at[where]
    again = (s[1:] == s[:-1]) & (k[1:] == k[:-1]) & (t[1:] // _STEP_S == t[:-1] // _STEP_S)
    is_last = np.ones(len(where), bool)
    is_last[:-1] = ~again
    at = where[is_last]
    position = np.cumsum(news) - 1
    suspect = part.checked.suspect.get(rule.variable)
    return _Ends(
        place=rows.place[at],
        series=series[at],
        source=part.source[at],
        kind=rows.kind[at],
        known_at=rows.known_at[at],
        valid_at=rows.valid_at[at],
        expected_s=pace[1][position[at]],
        is_after_gap=pace[0][position[at]],
        is_suspect=None if suspect is None else suspect[at],
        is_late=False,
    )


@dataclass(frozen=True, slots=True)
class _Extended:
    """A windowed variable's rows, and which of the fresh and of the late rows were news. `ends`
    has, by what of a rule they depend on, where windows end."""

    block: Block
    fresh_news: Bools
    late_news: Bools
    ends: dict[tuple[tuple[Kind, ...], int], _Ends | None] = field(default_factory=dict)


def _kept(table: SeriesTable, name: str, series: list[int]) -> list[Block]:
    """What is remembered of a windowed variable of these series, as one block, if there is any."""
    windows = [(i, w) for i in series if (w := table.windows.get((i, name))) is not None]
    if not windows:
        return []
    number = np.repeat([i for i, _ in windows], [len(w.value) for _, w in windows])
    columns: Any = (
        np.concatenate([getattr(w, column) for _, w in windows])
        for column in Window.__struct_fields__
    )
    return [Block(number, *columns)]


def _each(series: Ints) -> Ints:
    """Of sorted numbers each once."""
    once: Ints = series[np.diff(series, prepend=-1) != 0]
    return once


def _over_time(variable: str) -> str:
    """What the pace of a variable's windows is called, beside that of its values."""
    return f"{variable} over time"


def _merged(parts: list[Block]) -> Block:
    """One block of several, each later than those before it: of rows of one series, time, period
    and kind the last counts."""
    if len(parts) == 1:
        block = parts[0]
    else:
        block = Block(
            *(np.concatenate([getattr(p, name) for p in parts]) for name in measure.COLUMNS)
        )
    order = np.argsort(block.key, kind="stable")
    key = block.key[order]
    if (key[1:] > key[:-1]).all():  # as nearly always: one row an instant
        return block.take(order)
    order = np.lexsort((block.kind, block.period_s, block.valid_at, block.series))
    block = block.take(order)
    is_last = np.ones(len(order), bool)
    is_last[:-1] = (
        (np.diff(block.key) != 0)
        | (block.period_s[1:] != block.period_s[:-1])
        | (block.kind[1:] != block.kind[:-1])
    )
    return block if is_last.all() else block.take(is_last)


def _least_sure(block: Block, series: Ints, valid_at: Ints, kind: Ints, window_s: int) -> Ints:
    """The kind of what windows are made of: of several kinds the least sure."""
    if not len(block.kind) or (block.kind == block.kind[0]).all():
        return kind
    key = measure.key_of(series, valid_at)
    low = np.searchsorted(block.key, key - window_s, "right")
    high = np.searchsorted(block.key, key, "right")
    least = [
        max(int(own), int(block.kind[a:b].max(initial=0)))
        for own, a, b in zip(kind, low, high, strict=True)
    ]
    return np.array(least, np.int8)


def _judged(rules: RuleSet, norms: Usual) -> RuleSet:
    """The rules that may say anything: without any norms those that name one do not."""
    if norms is not no_norms:
        return rules
    return RuleSet(rules.name, tuple(rule for rule in rules.rules if rule.norm is None))


def _reach(rules: RuleSet) -> dict[str, int]:
    """How far back each windowed variable is remembered, in seconds: windows that end up to
    STALE_AFTER_S ago can be judged again."""
    reach: dict[str, int] = {}
    for rule in rules.rules:
        if rule.reach_s:
            reach[rule.variable] = max(reach.get(rule.variable, 0), rule.reach_s + STALE_AFTER_S)
    return reach


def _is_late(table: SeriesTable, rows: Readings, series: BySeries) -> Bools:
    """Rows not newer than what their series had said before (state, or earlier rows). Rows of
    one instant that became known together are one."""
    late = rows.valid_at <= table.valid_at[series.at]
    if not series.are_single:
        again = ~series.is_first[1:]
        is_one = np.zeros(len(rows), bool)
        is_one[1:] = (
            again
            & (rows.valid_at[1:] == rows.valid_at[:-1])
            & (rows.known_at[1:] == rows.known_at[:-1])
        )
        late[is_one] = False
        backwards = again & (np.diff(rows.valid_at) <= 0) & ~is_one[1:]
        for number in np.unique(series.number[1:][backwards]):
            mine = np.flatnonzero((series.number == number) & ~is_one)
            before = np.maximum.accumulate(rows.valid_at[mine])[:-1]
            late[mine[1:]] |= rows.valid_at[mine[1:]] <= before
    return late


def _remembered(table: SeriesTable, name: str, series: BySeries) -> tuple[Floats, Ints]:
    table.memory(name)
    return table.last[name][series.at], table.last_at[name][series.at]


def _series(table: SeriesTable, rows: Readings) -> Ints:
    return table.numbers(rows.place, _by_source(table.source_codes(rows.sources), rows))


def _by_source(each: Ints, rows: Readings) -> Ints:
    """What there is of each source, row by row; not to be changed."""
    return each[rows.source] if len(each) > 1 else np.broadcast_to(each, len(rows))


def _stale_after_s(rule: Rule) -> int:
    """How old a value may be when it comes to be judged: a mean of a day, until the next."""
    return _DAY_S if rule.is_of_days else STALE_AFTER_S


def _is_newer(rules: RuleSet, table: SeriesTable, fresh: _SortedRows) -> Bools:
    """Which rows say something that a rule can use of a later time than was known. All else is no
    news: it does not show that the source goes on."""
    valid_at, usable = fresh.readings.valid_at, np.zeros(len(fresh), bool)
    for name in rules.variables & fresh.checked.told.keys():
        usable |= fresh.checked.told[name]
        if usable.all():
            newer: Bools = valid_at > fresh.series.before(valid_at, table.news_at)
            return newer
    before_at = fresh.series.take(usable).before(valid_at[usable], table.news_at)
    usable[usable] = valid_at[usable] > before_at
    return usable


def _only(heard: Heard, rows: Bools) -> Heard:
    return Heard(
        heard.series.take(rows),
        heard.known_at[rows],
        heard.valid_at[rows],
        heard.is_news[rows],
        heard.patience_s[rows],
    )


def _or_prior(learned: Ints, prior: Ints) -> Ints:
    """Intervals as learned, or until then as they were expected from the first."""
    return learned if learned.min(initial=1) > 0 else np.where(learned > 0, learned, prior)


def _as_expected(before: Ints, series: BySeries, arrival: Ints, table: SeriesTable) -> Ints:
    """How often news were expected before each row: as learned, or until then as the row before it
    stated, not as the row itself does. A silence is noticed by what is known while it lasts."""
    if before.min(initial=1) > 0:
        return before
    return _or_prior(before, series.before(arrival, table.expected_s))


def _was_told(
    table: SeriesTable,
    name: str,
    reach_s: int,
    part: _SortedRows,
    column: Floats | None,
    told: Bools,
) -> Bools:
    """Which rows say again what is remembered, or are older than any window reaches."""
    again = np.zeros(len(part), bool)
    if column is None or not (part.is_late or part.beside):
        return again
    rows = part.readings
    for number in np.unique(part.series.number[told]).tolist():
        window = table.windows.get((number, name))
        if window is None or not len(window.value):
            continue
        mine = np.flatnonzero(told & (part.series.number == number))
        again[mine] = rows.valid_at[mine] < window.valid_at[-1] - reach_s
        for i in mine[~again[mine]]:
            low, high = np.searchsorted(window.valid_at, [rows.valid_at[i], rows.valid_at[i] + 1])
            same = (window.period_s[low:high] == rows.period_s[i]) & (
                window.kind[low:high] == rows.kind[i]
            )
            told_before = window.value[low:high][same]
            if len(told_before):
                # An instrument does not revise what it said: of two words the larger counts.
                is_less = rows.kind[i] == Kind.OBSERVED and column[i] < told_before[0]
                again[i] = bool(column[i] == told_before[0] or is_less)
    return again
