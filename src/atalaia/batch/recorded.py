"""A home's record: its forecast alerts against what its instruments observed later."""

from __future__ import annotations

import numpy as np

from atalaia.batch.history import kept, only, told_by, watched
from atalaia.batch.record import ForecastRecord, Seen, record
from atalaia.domain.alert import Alert
from atalaia.domain.place import Places
from atalaia.domain.reading import Ints, Kind, Readings
from atalaia.domain.rule import RuleSet
from atalaia.ports import Home, Lake


def record_of(home: Home, rules: RuleSet) -> ForecastRecord:
    """Score every forecast alert that the home ever sent, and each model's analyses alone.

    The rules say what an event is: they are lived through again with observed readings only. A
    source that only analyses (an archive without issue times) is lived through alone, too. Raises
    PayloadInvalid where the home has none of the rules' variables.
    """
    names = frozenset(name for rule in rules.rules for name in rule.inputs)
    rows, places = kept(home, rules.variables)
    observed = only(rows, [Kind.OBSERVED])
    seen = Seen(
        told=_log(observed, rules, places, home.lake),
        hours=_hours(observed, names, places),
        inputs={rule.name: rule.inputs for rule in rules.rules},
        speaks=_speaks(rows, places),
    )
    issued = {rows.sources[i] for i in np.unique(rows.source[rows.kind == Kind.FORECAST])}
    alone = {
        source: _log(only(rows, [Kind.ANALYSIS], source), rules, places, home.lake)
        for source in rows.sources
        if source not in issued and source in {name for name, _ in seen.speaks}
    }
    return record(told_by(home), seen, alone)


def _log(rows: Readings, rules: RuleSet, places: Places, lake: Lake) -> list[Alert]:
    return [entry.alert for entry in watched(rows, rules, places, lake)]


def _hours(
    observed: Readings, names: frozenset[str], places: Places
) -> dict[tuple[str, str], Ints]:
    """By place and variable: the hours in which an instrument told it."""
    found: dict[tuple[str, str], Ints] = {}
    for name in names & observed.values.keys():
        known = ~np.isnan(observed.values[name])
        place, hour = observed.place[known], observed.valid_at[known] // 3600
        for position in np.unique(place):
            found[places[int(position)].id, name] = np.unique(hour[place == position])
    return found


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
