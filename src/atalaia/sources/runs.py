"""Runs of models as a provider tells them, by the hour → an `Ensemble` in the models' own steps.

    `open_meteo` reads each run's hours ──► `RunHours` ──► `of_hours` ──► `detect.ensembles`

A provider that tells all models by the hour has divided the sum of a step among its hours, and
drawn lines between instants. Here amounts are added up again over steps that no model's is longer
than, as UTC counts them, and of all else the instant at a step's end is taken. Of a step of which
an hour is missing nothing is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from atalaia.domain.ensemble import STEP_S, Ensemble
from atalaia.domain.reading import NO_TIME, Floats, Ints
from atalaia.domain.variable import CATALOGUE

_HOUR_S, _DAY_S = 3600, 86_400

FINE_S, LAST_S = 3 * _DAY_S, 5 * _DAY_S
"""So far ahead the longest step of the models in use is `STEP_S`, and twice that; what lies
farther ahead is left out, as some then step by half a day."""

Run = str
"""Which run of which model; the same in every place of an answer."""


@dataclass(frozen=True, slots=True)
class RunHours:
    """What the runs say of one place. `valid_at` (Unix seconds) has shape (h,), and so has each
    run's column by variable."""

    place: int
    valid_at: Ints
    columns: Mapping[str, Mapping[Run, Floats]]


def of_hours(source: str, known_at: int, told: Sequence[RunHours]) -> Ensemble:
    """One answer. A run that says nothing of a place, or of a variable, is NaN there."""
    runs = sorted({run for one in told for column in one.columns.values() for run in column})
    names = sorted({name for one in told for name in one.columns})
    parts = [_steps(one, names, runs, known_at) for one in sorted(told, key=lambda one: one.place)]
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


def _steps(
    hours: RunHours, names: Sequence[str], runs: Sequence[Run], known_at: int
) -> tuple[Ints, Ints, dict[str, Floats]]:
    """(ends, lengths, values by variable of shape (runs, steps)) of the steps of one place."""
    known = hours.valid_at[hours.valid_at != NO_TIME]
    at, first = np.unique(known[known <= known_at + LAST_S], return_index=True)
    rows = np.flatnonzero(hours.valid_at != NO_TIME)[first]
    # Long steps begin where one ends.
    fine_until = (known_at + FINE_S) // (2 * STEP_S) * (2 * STEP_S)
    length = np.where(at <= fine_until, STEP_S, 2 * STEP_S)
    end = -(-at // length) * length
    ends, starts, counts = np.unique(end, return_index=True, return_counts=True)
    step = length[starts].astype(np.int32)
    is_whole = counts * _HOUR_S == step
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
    return ends, step, values
