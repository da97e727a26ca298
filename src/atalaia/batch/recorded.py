"""A home's record: its forecast alerts against what its instruments observed later."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atalaia.batch.history import only, watched
from atalaia.batch.kept import kept, kinds_kept, told_by
from atalaia.batch.record import COVERAGE, ForecastRecord, Seen, record
from atalaia.domain.alert import Alert
from atalaia.domain.place import Places
from atalaia.domain.reading import Ints, Kind, Readings
from atalaia.domain.rule import RuleSet
from atalaia.domain.variable import CATALOGUE
from atalaia.ports import Home, Lake


def record_of(home: Home, rules: RuleSet, told: Sequence[Alert] | None = None) -> ForecastRecord:
    """Score every forecast alert that the home ever sent, and each model's analyses alone.

    The rules say what an event is: they are lived through again with observed readings only. A
    source that only analyses (an archive without issue times) is lived through alone, too. Raises
    PayloadInvalid where the home has none of the rules' variables. `told` is the home's alert log,
    where it has been read already.
    """
    told = told_by(home) if told is None else told
    kinds = kinds_kept(home, rules.variables)
    if kinds == {Kind.OBSERVED} and not any(entry.evidence == Kind.FORECAST.word for entry in told):
        return ForecastRecord([], [], [])  # nobody forecast: truth, which takes long, is of no use
    names = frozenset(name for rule in rules.rules for name in rule.inputs)
    rows, places = kept(home, rules.variables)
    observed = only(rows, [Kind.OBSERVED])
    seen = Seen(
        told=_log(observed, rules, places, home.lake),
        hours=_hours(observed, names, places),
        rules={rule.name: rule for rule in rules.rules},
        speaks=_speaks(rows, places),
    )
    issued = {rows.sources[i] for i in np.unique(rows.source[rows.kind == Kind.FORECAST])}
    alone = {
        source: _log(only(rows, [Kind.ANALYSIS], source), rules, places, home.lake)
        for source in rows.sources
        if source not in issued and source in {name for name, _ in seen.speaks}
    }
    return record(told, seen, alone)


def _log(rows: Readings, rules: RuleSet, places: Places, lake: Lake) -> list[Alert]:
    return [entry.alert for entry in watched(rows, rules, places, lake)]


def _hours(
    observed: Readings, names: frozenset[str], places: Places
) -> dict[tuple[str, str], Ints]:
    """By place and variable: the hours in which an instrument told it, plausibly."""
    found: dict[tuple[str, str], Ints] = {}
    for name in names & observed.values.keys():
        variable, value = CATALOGUE[name], observed.values[name]
        known = (value >= variable.lowest) & (value <= variable.highest)
        place, at, period_s = (
            column[known] for column in (observed.place, observed.valid_at, observed.period_s)
        )
        for position in np.unique(place):
            mine = place == position
            is_timed = variable.is_sum and (period_s[mine] > 0).any()
            found[places[int(position)].id, name] = (
                _covered_hours(at[mine], period_s[mine])
                if is_timed
                else np.unique(at[mine] // 3600)
            )
    return found


def _covered_hours(ends: Ints, period_s: Ints) -> Ints:
    """The hours of which periods cover three quarters or more, however they overlap."""
    order = np.argsort(ends - period_s, kind="stable")
    begins, ends = (ends - period_s)[order], ends[order]
    so_far = np.maximum.accumulate(ends)
    is_new = np.append(True, begins[1:] > so_far[:-1])
    opens, closes = begins[is_new], so_far[np.append(np.flatnonzero(is_new)[1:] - 1, len(ends) - 1)]
    covered = np.concatenate(([0], np.cumsum(closes - opens)))
    hours = np.arange(opens[0] // 3600, -(-closes[-1] // 3600) + 1)
    edges = np.column_stack((opens, closes)).ravel()
    through = np.column_stack((covered[:-1], covered[1:])).ravel()
    at = np.interp(hours * 3600, edges, through)
    whole: Ints = hours[:-1][np.diff(at) >= COVERAGE * 3600]
    return whole


def _speaks(rows: Readings, places: Places) -> dict[tuple[str, str], Ints]:
    """By source and place: the hours of which it told a model's values."""
    model = rows.kind != Kind.OBSERVED
    hours = rows.valid_at // 3600
    return {
        (rows.sources[source], places[place].id): np.unique(
            hours[model & (rows.source == source) & (rows.place == place)]
        )
        for source, place in sorted(
            set(zip(rows.source[model].tolist(), rows.place[model].tolist(), strict=True))
        )
    }
