"""Readings held against the rules: arrays in, arrays out.

Observed and analysed rows become findings row by row, at their valid time; a forecast becomes
one finding a revision, for the worst of the hours that it still speaks of. Nothing here knows
of incidents: a finding says which level a value enters, and which it still holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import thermofeel

from atalaia.domain.hazard import Level
from atalaia.domain.reading import NO_TIME, Bools, Floats, Ints, Kind, Readings
from atalaia.domain.rule import INDICES, LEVELS, Rule, RuleSet
from atalaia.speed import measure
from atalaia.speed.check import Checked, check, plausible
from atalaia.speed.measure import Block
from atalaia.speed.series import SeriesTable, Window

STALE_AFTER_S = 3 * 3600
"""Older than this when it becomes known, a value counts in sums and in GOLD only."""

Norm = Callable[[str, Ints, Ints], Floats]
"""(name of the norm, place positions, valid times) → the place's norm; NaN where not known."""


def no_norms(_name: str, place: Ints, _valid_at: Ints) -> Floats:
    """Of a home that has no climate yet: rules that need one say nothing."""
    return np.full(len(place), np.nan)


@dataclass(frozen=True, slots=True)
class Findings:
    """What one rule makes of n values. `subject` is a place's position, or for an area rule
    the number of places plus the area's position. The other columns are as in
    `domain.incident.Evidence`."""

    rule: Rule
    subject: Ints
    source: Ints
    kind: Ints
    known_at: Ints
    at: Ints
    valid_at: Ints
    value: Floats
    entered: Ints
    holding: Ints
    held: Ints
    onset_at: Ints
    until: Ints
    expected_s: Ints
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """Rows that are news of their series, and whether a rule can use any value of them."""

    series: Ints
    known_at: Ints
    valid_at: Ints
    is_usable: Bools


@dataclass(frozen=True, slots=True)
class _Rows:
    """Checked rows of one kind of history, sorted by series, then valid_at."""

    readings: Readings
    series: Ints
    checked: Checked
    is_late: bool

    def take(self, rows: Ints | Bools) -> _Rows:
        return _Rows(
            self.readings.take(rows),
            self.series[rows],
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
        self.areas = {name: i for i, name in enumerate(table.places.areas)}
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
            yield from self._forecasts(rows.take(~now))
        else:
            yield from self._forecasts(rows)

    # Observed and analysed rows

    def _present(self, rows: Readings) -> Iterator[Findings]:
        series = self._series(rows)
        if (series[1:] <= series[:-1]).any():
            order = np.lexsort((rows.valid_at, rows.known_at, series))
            rows, series = rows.take(order), series[order]
        late = self._is_late(rows, series)
        self._expect(rows, series)
        if late.any():
            fresh_rows, fresh_series = rows.take(~late), series[~late]
        else:
            fresh_rows, fresh_series = rows, series
        fresh = _Rows(
            fresh_rows, fresh_series, check(fresh_rows, fresh_series, self.table), is_late=False
        )
        self.table.valid_at[fresh_series] = fresh_rows.valid_at
        self._note_usable(fresh)
        parts = [fresh] if len(fresh_rows) else []
        if late.any():
            old = rows.take(late)
            by_time = np.lexsort((old.valid_at, series[late]))
            old = old.take(by_time)
            values = Checked(plausible(old.values), {})
            parts.append(_Rows(old, series[late][by_time], values, is_late=True))
        blocks = {name: self._extend(name, reach, parts) for name, reach in self._reach.items()}
        for part in parts:
            for rule in self.rules.rules:
                yield from self._judge(rule, part, blocks)

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
        stated = np.where(rows.period_s > 0, rows.period_s, 3600)
        self.table.expected_s[series] = np.where(polled_s > 0, polled_s, stated)

    def _note_usable(self, fresh: _Rows) -> None:
        usable = np.zeros(len(fresh.series), bool)
        for name in self.rules.variables & fresh.checked.values.keys():
            usable |= ~np.isnan(fresh.checked.values[name])
        rows = fresh.readings
        self.heard.append(Heard(fresh.series, rows.known_at, rows.valid_at, usable))

    def _extend(self, name: str, reach_s: int, parts: list[_Rows]) -> Block | None:
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
        self, rule: Rule, part: _Rows, blocks: dict[str, Block | None]
    ) -> Iterator[Findings]:
        if rule.measure == "value":
            measured = self._value(rule, part.checked)
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
            value, ceiling = (column[at] for column in self._window(rule, block))
            suspect = None if part.is_late else rows.checked.suspect.get(rule.variable)
            valid_at, known_at = block.valid_at[at], rows.readings.known_at
        if rule.norm:
            norm = self.norms(rule.norm, rows.readings.place, valid_at)
            value, ceiling = value - norm, ceiling - norm
        judged = self._findings(rule, rows, value, ceiling, suspect, valid_at, known_at)
        if rule.places:
            yield from self._area(rule, judged, ceiling, rows)
        else:
            yield judged

    def _value(self, rule: Rule, checked: Checked) -> tuple[Floats, Floats, Bools | None] | None:
        """Value, ceiling and doubt of an instant rule; None where no row has its inputs."""
        index = INDICES.get(rule.variable)
        value = _index(rule.variable, checked) if index else checked.values.get(rule.variable)
        doubts = [
            checked.suspect[name]
            for name in (index[1] if index else (rule.variable,))
            if name in checked.suspect
        ]
        suspect = np.logical_or.reduce(doubts) if doubts else None
        stand_in = checked.values.get(rule.stand_in) if rule.stand_in else None
        if stand_in is None:
            return None if value is None else (value, value, suspect)
        if value is None:
            return stand_in, stand_in + rule.sign * rule.stand_in_margin, suspect
        missing = np.isnan(value)
        return (
            np.where(missing, stand_in, value),
            np.where(missing, stand_in + rule.sign * rule.stand_in_margin, value),
            suspect,
        )

    def _ends(self, rule: Rule, part: _Rows, block: Block) -> tuple[_Rows, Ints]:
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

    def _window(self, rule: Rule, block: Block) -> tuple[Floats, Floats]:
        if rule.measure == "sum":
            return measure.rolling_sum(block, rule.window_s)
        if rule.measure == "mean":
            return measure.rolling_mean(block, rule.window_s)
        if rule.measure == "change":
            return measure.change(block, rule.window_s)
        places = self.table.places
        zones = [places[int(i)].timezone for i in self.table.place[: self.table.count]]
        if rule.measure == "day_change":
            return measure.day_change(block, zones)
        return measure.days_in_a_row(block, zones, rule.day_limit or 0.0, rule.sign)

    def _findings(
        self,
        rule: Rule,
        rows: _Rows,
        value: Floats,
        ceiling: Floats,
        suspect: Bools | None,
        valid_at: Ints,
        known_at: Ints,
    ) -> Findings:
        entered, holding, held = levels(rule, value, ceiling)
        if suspect is not None:
            # A suspect value never raises orange or red alone, holds nothing and ends nothing.
            mild = max(
                (one for one in LEVELS[:2] if rule.limit(one) is not None), default=Level.NONE
            )
            entered = np.where(suspect, np.minimum(entered, mild), entered)
            holding = np.where(suspect, Level.NONE, holding)
            held = np.where(suspect, Level.RED, held)
        kinds = rows.readings.kind
        counts = ~np.isnan(value) & (known_at - valid_at <= STALE_AFTER_S)
        if len(rule.kinds) < len(Kind):
            counts &= np.isin(kinds, rule.kinds)
        found = Findings(
            rule=rule,
            subject=rows.readings.place,
            source=self.table.source[rows.series],
            kind=kinds,
            known_at=known_at,
            at=valid_at,
            valid_at=valid_at,
            value=value,
            entered=entered,
            holding=holding,
            held=held,
            onset_at=valid_at,
            until=valid_at,
            expected_s=self.table.expected_s[rows.series],
            is_late=rows.is_late,
        )
        return found if counts.all() else _only(found, counts)

    # Areas

    def _area(
        self, rule: Rule, found: Findings, ceiling: Floats, rows: _Rows
    ) -> Iterator[Findings]:
        """The value that k of an area's places reach, at each instant that one of them reports."""
        if rows.is_late or len(found.value) != len(ceiling):
            ceiling = np.full(len(found.value), np.inf)
        places = self.table.places
        for name, members in places.areas.items():
            for source in np.unique(found.source):
                mine = np.isin(found.subject, members) & (found.source == source)
                if mine.any():
                    yield self._area_findings(
                        rule, name, members, _only(found, mine), ceiling[mine]
                    )

    def _area_findings(
        self, rule: Rule, area: str, members: tuple[int, ...], found: Findings, ceiling: Floats
    ) -> Findings:
        table = self.table
        at, slot = np.unique(found.valid_at, return_inverse=True)
        shape = (len(at) + 1, len(members))
        value, top = np.full(shape, np.nan), np.full(shape, np.nan)
        told_at = np.full(shape, NO_TIME, np.int64)
        source = int(found.source[0])
        numbers = [int(n) for n in table.numbers_of(members, source)]
        for column, number in enumerate(numbers):
            remembered = table.area_value.get((rule.name, number))
            if remembered is not None:
                value[0, column], top[0, column], told_at[0, column] = remembered
        column_of = np.searchsorted(np.array(members), found.subject)
        value[slot + 1, column_of] = found.value
        top[slot + 1, column_of] = ceiling
        told_at[slot + 1, column_of] = found.valid_at
        # Each place's newest word counts until it is `within` old.
        newest = np.maximum.accumulate(
            np.where(told_at > NO_TIME, np.arange(shape[0])[:, None], 0), axis=0
        )
        columns = np.arange(shape[1])[None, :]
        value, top, told_at = value[newest, columns], top[newest, columns], told_at[newest, columns]
        for column, number in enumerate(numbers):
            if told_at[-1, column] > NO_TIME:
                table.area_value[rule.name, number] = (
                    float(value[-1, column]),
                    float(top[-1, column]),
                    int(told_at[-1, column]),
                )
        old = told_at[1:] < (at - rule.within_s)[:, None]
        sign = rule.sign
        reached, at_most = measure.kth_largest(
            sign * np.where(old, np.nan, value[1:]),
            sign * np.where(old, np.nan, top[1:]),
            rule.places,
        )
        known_at = np.full(len(at), NO_TIME, np.int64)
        np.maximum.at(known_at, slot, found.known_at)
        entered, holding, held = levels(rule, sign * reached, sign * at_most)
        # Too few places reported to raise, and yet enough of them are calm to be sure of calm.
        value = sign * np.where(np.isnan(reached), at_most, reached)
        n = len(at)
        area_findings = Findings(
            rule=rule,
            subject=np.full(n, len(table.places) + self.areas[area], np.int64),
            source=np.full(n, source, np.int16),
            kind=np.full(n, int(found.kind.max()), np.int8),
            known_at=known_at,
            at=at,
            valid_at=at,
            value=value,
            entered=entered,
            holding=holding,
            held=held,
            onset_at=at,
            until=at,
            expected_s=np.full(n, int(found.expected_s.max()), np.int64),
        )
        return _only(area_findings, np.isfinite(value))

    # Forecasts

    def _forecasts(self, rows: Readings) -> Iterator[Findings]:
        """One finding a rule, series and revision: rows that became known together."""
        series = self._series(rows)
        for now in np.unique(rows.known_at):
            issue = rows.known_at == now
            yield from self._revision(rows.take(issue), series[issue], int(now))

    def _revision(self, rows: Readings, series: Ints, now: int) -> Iterator[Findings]:
        view, series = self._view(rows, series, now)
        if not len(view):
            return
        checked = Checked(plausible(view.values), {})
        part = _Rows(view, series, checked, is_late=False)
        for rule in self.rules.rules:
            if Kind.FORECAST not in rule.kinds or rule.places:
                continue
            hours = self._forecast_hours(rule, part)
            if hours is not None:
                yield self._worst(rule, *hours, now)

    def _view(self, rows: Readings, series: Ints, now: int) -> tuple[Readings, Ints]:
        """What the revised series now say of the hours to come, older issues filling gaps."""
        wanted = self.rules.variables
        rows = replace(
            rows, values={name: column for name, column in rows.values.items() if name in wanted}
        )
        revised = np.unique(series)
        before = [(int(i), self.table.forecasts.get(int(i))) for i in revised]
        parts = [view for _, view in before if view is not None]
        numbers = [np.full(len(view), i) for i, view in before if view is not None]
        all_rows = Readings.concat([*parts, rows])
        all_series = np.concatenate([*numbers, series]).astype(np.int64)
        # Stable: of rows with one valid time the one that came last counts.
        order = np.lexsort((all_rows.valid_at, all_series))
        s, t = all_series[order], all_rows.valid_at[order]
        is_newest = np.ones(len(order), bool)
        is_newest[:-1] = (s[1:] != s[:-1]) | (t[1:] != t[:-1])
        keep = order[is_newest & (t > now)]
        view, view_series = all_rows.take(keep), all_series[keep]
        bounds = np.searchsorted(view_series, [revised, revised + 1])
        for i, start, stop in zip(revised, *bounds, strict=True):
            self.table.forecasts[int(i)] = view.take(slice(start, stop))
        return view, view_series

    def _forecast_hours(self, rule: Rule, part: _Rows) -> tuple[_Rows, Floats, Floats] | None:
        """Value and ceiling of each hour to come that the rule can judge."""
        if rule.measure == "value":
            measured = self._value(rule, part.checked)
            if measured is None:
                return None
            value, ceiling, _ = measured
        else:
            column = part.checked.values.get(rule.variable)
            if column is None or rule.measure not in ("sum", "mean", "change"):
                return None
            part = part.take(~np.isnan(column))
            rows = part.readings
            block = Block(
                part.series, rows.valid_at, rows.period_s, part.checked.values[rule.variable]
            )
            value, ceiling = self._window(rule, block)
        if rule.norm:
            norm = self.norms(rule.norm, part.readings.place, part.readings.valid_at)
            value, ceiling = value - norm, ceiling - norm
        known = ~np.isnan(value)
        return part.take(known), value[known], ceiling[known]

    def _worst(self, rule: Rule, part: _Rows, value: Floats, ceiling: Floats, now: int) -> Findings:
        """Of each series the first hour of the highest level, and from when to when it passes."""
        within = part.readings.valid_at <= now + rule.forecast_within_s
        part, value, ceiling = part.take(within), value[within], ceiling[within]
        entered, holding, _ = levels(rule, value, ceiling)
        series, first = np.unique(part.series, return_index=True)
        stop = np.append(first, len(value))[1:]  # of no rows: none
        picks, onset, until, best_holding = [], [], [], []
        valid_at = part.readings.valid_at
        for start, end in zip(first, stop, strict=True):
            hours = slice(start, end)
            top = entered[hours].max()
            # The hour to show: the first of the highest level; in calm the worst value.
            worst = np.argmax(entered[hours] == top) if top else np.argmax(rule.sign * value[hours])
            picks.append(start + worst)
            passing = valid_at[hours][entered[hours] > 0]
            keeping = valid_at[hours][holding[hours] > 0]
            onset.append(passing[0] if len(passing) else valid_at[start + worst])
            until.append(keeping[-1] if len(keeping) else valid_at[start + worst])
            best_holding.append(holding[hours].max())
        pick = np.array(picks, np.int64)
        n = len(pick)
        return Findings(
            rule=rule,
            subject=self.table.place[series],
            source=self.table.source[series],
            kind=np.full(n, Kind.FORECAST, np.int8),
            known_at=np.full(n, now, np.int64),
            at=np.full(n, now, np.int64),
            valid_at=valid_at[pick],
            value=value[pick],
            entered=entered[pick],
            holding=np.array(best_holding, np.int8),
            held=np.array(best_holding, np.int8),
            onset_at=np.array(onset, np.int64),
            until=np.array(until, np.int64),
            expected_s=np.full(n, 3600, np.int64),
        )


def levels(rule: Rule, value: Floats, ceiling: Floats) -> tuple[Ints, Ints, Ints]:
    """For each value: the highest level entered, still passed for certain, and not excluded.

    `value` is known to have been reached and `ceiling` bounds it; where small values are
    dangerous a partial sum is bounded from below by `value`, and so the two change places.
    """
    sure, possible = (ceiling, value) if rule.is_below else (value, ceiling)
    entered = np.zeros(len(value), np.int8)
    holding = np.zeros(len(value), np.int8)
    held = np.zeros(len(value), np.int8)
    held[np.isnan(possible)] = Level.RED
    edge = rule.exit_limit(rule.lowest)
    if not (possible <= edge if rule.is_below else possible >= edge).any():
        return entered, holding, held  # all calm, as nearly always
    for level in LEVELS:
        enter, leave = rule.limit(level), rule.exit_limit(level)
        if enter is None or leave is None:
            continue
        if rule.is_below:
            entered[sure <= enter] = level
            holding[sure <= leave] = level
            held[possible <= leave] = level
        else:
            entered[sure >= enter] = level
            holding[sure >= leave] = level
            held[possible >= leave] = level
    return entered, holding, held


def _index(name: str, checked: Checked) -> Floats | None:
    """An index from its inputs; None where the batch lacks one. Only `heat_index_c` exists.

    Heat index: Rothfusz regression with the US NWS adjustments (thermofeel), which needs the
    dew point; that is made from temperature and humidity by Magnus' formula over water
    (Sonntag 1990), as thermofeel turns it back by the same kind of formula. Below 26.7 °C the
    NWS uses Steadman's simple formula, and so does this.
    """
    inputs = [checked.values.get(variable) for variable in INDICES[name][1]]
    if any(column is None for column in inputs):
        return None
    temperature, humidity = inputs
    assert temperature is not None  # noqa: S101 - for the type checker; tested above
    assert humidity is not None  # noqa: S101
    with np.errstate(divide="ignore", invalid="ignore"):
        return heat_index_c(temperature, humidity)


def heat_index_c(temperature_c: Floats, relative_humidity_pct: Floats) -> Floats:
    """Heat index in °C of air temperature (°C) and relative humidity (%); NaN where either is."""
    kelvin = temperature_c + 273.15
    vapour = np.log(np.clip(relative_humidity_pct, 0.1, 100) / 100)
    ratio = vapour + 17.62 * temperature_c / (243.12 + temperature_c)
    dew_point = 243.12 * ratio / (17.62 - ratio) + 273.15
    out: Floats = thermofeel.calculate_heat_index_adjusted(kelvin, dew_point) - 273.15
    return np.round(out, 3)


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


def _only(found: Findings, rows: Bools) -> Findings:
    columns = {
        name: getattr(found, name)[rows]
        for name in Findings.__slots__
        if name not in ("rule", "is_late")
    }
    return Findings(rule=found.rule, is_late=found.is_late, **columns)


def _reach(rules: RuleSet) -> dict[str, int]:
    """How far back each windowed variable is remembered, in seconds."""
    reach: dict[str, int] = {}
    for rule in rules.rules:
        if rule.measure != "value":
            # A change looks back a little further than its window (75 % coverage).
            needed = int(rule.window_s / measure.COVERAGE) + 3600
            reach[rule.variable] = max(reach.get(rule.variable, 0), needed)
    return reach
