"""Which models' ensembles Open-Meteo tells, and in which steps each of them runs.

    `MODELS` ──► what is asked (`open_meteo_apis.asked_by`)
             ──► the steps that an answer's runs are told in (`runs.of_hours`)

From the provider's own code (open-meteo/open-meteo at ba13de1c, August 2026: `countEnsembleMember`
and the steps that each domain downloads). What is told of several models at once is told in the
longest step of any of them: a window that one model cannot tell would be told by the others alone,
and its chance would jump by who is heard.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from atalaia.domain.ensemble import STEP_S

_HOUR_S, _DAY_S = 3600, 86_400

LAST_S = 5 * _DAY_S
"""What lies farther ahead is left out: models in use then step by half a day and more."""

OLDEST_S = _DAY_S
"""So old the run is at most that an answer tells of: one that comes twice a day, hours late."""

Steps = tuple[tuple[int, int], ...]
"""(seconds ahead, up to which; the step in seconds), ascending."""


class Model(msgspec.Struct, frozen=True):
    """A model whose runs are told.

    name    in the settings
    asked   in requests
    told_as at the end of the names of its series, where an answer holds several models
    runs    how many it has, the control run among them
    steps   how long its steps are, as seconds after the hour at which it was started
    """

    name: str
    asked: str
    told_as: str
    runs: int
    steps: Steps


MODELS = (
    Model("ecmwf", "ecmwf_ifs025", "ecmwf_ifs025_ensemble", 51, ((144 * _HOUR_S, STEP_S),)),
    # By the hour until 48 h, which is told in steps as all others are.
    Model(
        "icon",
        "icon_global",
        "icon_global_eps",
        40,
        ((72 * _HOUR_S, STEP_S), (120 * _HOUR_S, 2 * STEP_S), (180 * _HOUR_S, 4 * STEP_S)),
    ),
    Model("gfs", "gfs025", "ncep_gefs025", 31, ((240 * _HOUR_S, STEP_S),)),
    Model("gem", "gem_global", "gem_global_ensemble", 21, ((192 * _HOUR_S, STEP_S),)),
)
ECMWF = "ecmwf"
"""Asked where nothing is said: the most runs, and the best of them."""

NAMES = tuple(model.name for model in MODELS)

_ANY: Steps = ((3 * _DAY_S, STEP_S), (LAST_S, 2 * STEP_S))
"""Of a model of which nothing else is known; so far ahead no global model's steps are longer. Those
of the models above are no finer, as one answer follows the other in the same steps."""


def chosen(names: Collection[str]) -> tuple[Model, ...]:
    """The models of these names, in their own order."""
    return tuple(model for model in MODELS if model.name in names)


def steps_of(told: Collection[str], runs: int) -> Steps:
    """(seconds after the receipt, up to which; the step) of an answer: its models' longest steps.

    `told` are the ends of its series' names, empty where it holds one model alone, which its number
    of runs says.
    """
    models = [
        model
        for model in MODELS
        if not {model.told_as, model.asked}.isdisjoint(told) or (not told and model.runs == runs)
    ]
    # The run that an answer tells of may be a day old, and its steps so much nearer.
    tables: list[Steps] = [_ANY]
    tables += [tuple((until - OLDEST_S, step) for until, step in model.steps) for model in models]
    ends = sorted({min(until, LAST_S) for table in tables for until, _ in table})
    by_step = {max(_step_at(table, end) for table in tables): end for end in ends}
    return tuple((end, step) for step, end in by_step.items())


def _step_at(table: Sequence[tuple[int, int]], ahead_s: int) -> int:
    """The step in which a model tells what lies so far ahead; 0: it says nothing there."""
    return next((step for until, step in table if ahead_s <= until), 0)
