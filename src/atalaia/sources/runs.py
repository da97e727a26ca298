"""Runs of models as a provider tells them, by the hour → an `Ensemble` in the models' own steps.

    `open_meteo` reads each run's hours ──► `RunHours` ──► `of_hours` ──► `detect.ensembles`

A provider that tells all models by the hour has divided the sum of a step among its hours, and
drawn lines between instants. Here amounts are added up again over steps that no model's is longer
than (`ensemble_models`), as UTC counts them, and of all else the instant at a step's end is taken.
Of a step of which an hour is missing nothing is told.

Where several models are told one may end before the others. A chance of what is left would jump
there without a storm, so what lies beyond the first that ends is left out, and it is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from atalaia.domain.ensemble import Ensemble
from atalaia.domain.reading import NO_TIME, Bools, Floats, Ints
from atalaia.domain.variable import CATALOGUE
from atalaia.sources.ensemble_models import LAST_S, Steps, steps_of
from atalaia.sources.rejects import Rejects

_HOUR_S = 3600

Run = str
"""Which run of which model, ``07/ncep_gefs025``, or ``07`` of an answer of one model; the same in
every place of an answer."""


@dataclass(frozen=True, slots=True)
class RunHours:
    """What the runs say of one place. `valid_at` (Unix seconds) has shape (h,), and so has each
    run's column by variable. What is told by the day (`period_s`) is told as it is."""

    place: int
    valid_at: Ints
    columns: Mapping[str, Mapping[Run, Floats]]
    period_s: int = _HOUR_S


def of_hours(source: str, known_at: int, told: Sequence[RunHours], rejects: Rejects) -> Ensemble:
    """One answer. A run that says nothing of a place, or of a variable, is NaN there."""
    runs = sorted({run for one in told for column in one.columns.values() for run in column})
    names = sorted({name for one in told for name in one.columns})
    models = [run.partition("/")[2] for run in runs]
    steps = steps_of({model for model in models if model}, len(runs))
    parts = [
        _steps(one, names, runs, known_at, steps) for one in sorted(told, key=lambda one: one.place)
    ]
    for end, _, values in parts:
        for name, column in values.items():
            for fault in _to_where_all_tell(name, column, end, models, known_at):
                rejects.add("a model ends early", fault)
    ends = [end for end, _, _ in parts]
    sizes = [len(end) for end in ends]
    places = np.array([one.place for one in sorted(told, key=lambda one: one.place)], np.int32)
    return Ensemble(
        source=source,
        known_at=known_at,
        place=np.repeat(places, sizes),
        valid_at=np.concatenate([*ends, np.zeros(0, np.int64)]),
        period_s=np.concatenate([*(step for _, step, _ in parts), np.zeros(0, np.int32)]),
        values={
            name: np.concatenate([values[name] for _, _, values in parts], axis=1) for name in names
        },
    )


def _to_where_all_tell(
    name: str, column: Floats, end: Ints, models: Sequence[str], known_at: int
) -> Iterator[str]:
    """Take away what lies beyond the first model that ends, of all runs (shape (m, k)); and say
    which one that is."""
    if len(set(models)) < 2:
        return
    of = np.array(models)
    until = {
        model: _until(~np.isnan(column[of == model]).all(axis=0)) for model in sorted(set(models))
    }
    silent = [model for model, last in until.items() if not last]
    if len(silent) < len(until):
        for model in silent:
            yield f"{model}: it says nothing of {name}"
    told = {model: last for model, last in until.items() if last}
    if not told:
        return
    first = min(told.values())
    if first < max(told.values()):
        ends = [model for model, last in told.items() if last == first]
        at = datetime.fromtimestamp(int(end[first - 1]), UTC)
        if end[first - 1] > known_at:
            yield f"{', '.join(ends)}: {name} ends at {at:%Y-%m-%dT%H:%MZ}, and so does the chance"
        column[:, first:] = np.nan


def _until(is_told: Bools) -> int:
    """How many rows there are up to the last that is told; 0: none is."""
    told = np.flatnonzero(is_told)
    return int(told[-1]) + 1 if len(told) else 0


def _steps(
    hours: RunHours, names: Sequence[str], runs: Sequence[Run], known_at: int, steps: Steps
) -> tuple[Ints, Ints, dict[str, Floats]]:
    """(ends, lengths, values by variable of shape (runs, steps)) of the steps of one place."""
    known = hours.valid_at[hours.valid_at != NO_TIME]
    at, first = np.unique(known[known <= known_at + LAST_S], return_index=True)
    rows = np.flatnonzero(hours.valid_at != NO_TIME)[first]
    length = np.full(len(at), steps[-1][1])
    for (until, step), (_, longer) in reversed([*pairwise(steps)]):
        # Long steps begin where one ends.
        length[at <= (known_at + until) // longer * longer] = step
    length = np.maximum(length, hours.period_s)
    end = -(-at // length) * length
    ends, starts, counts = np.unique(end, return_index=True, return_counts=True)
    period_s = length[starts].astype(np.int32)
    is_whole = counts * hours.period_s == period_s
    last = starts + counts - 1
    is_told = at[last] == ends if len(ends) else is_whole
    values = {}
    for name in names:
        columns = hours.columns.get(name, {})
        nothing = np.full(len(hours.valid_at), np.nan)
        by_hour = np.array([columns.get(run, nothing)[rows] for run in runs])
        if not len(ends):
            values[name] = by_hour.reshape(len(runs), 0)
        elif CATALOGUE[name].is_sum:
            values[name] = np.where(is_whole, np.add.reduceat(by_hour, starts, axis=1), np.nan)
        else:
            values[name] = np.where(is_told, by_hour[:, last], np.nan)
    return ends, period_s, values
