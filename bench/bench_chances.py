"""Chances over all of Brazil: 5,571 places, 50 runs, 48 hours and six variables, into findings.

    python bench/bench_chances.py [--places 5571] [--an-answer 20] [--wild 0.1]

Answers are made up one at a time, as a poll has them, so that memory is that of one: six rules of
the shapes in use, with weather that is near its limits at one place in ten. Two polls, and the
second one counts, as it is held against what the first one said. The peer, in the same run and of
the same answers, is numpy's plain evaluation: what is plausible, each run's window by running
totals, the share of the runs that passes each limit, and each place's highest level. It knows of no
revisions, and not from when to when a level holds. Both must find the same levels. Times are of the
processor, on one core; what answers of 500 places at once take is told beside it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from atalaia.detect.ensembles import Ensembles
from atalaia.detect.findings import Findings
from atalaia.detect.series import SeriesTable
from atalaia.detect.values import no_norms
from atalaia.domain.ensemble import FEWEST_RUNS, Ensemble
from atalaia.domain.place import Place, Places
from atalaia.domain.rule import LEVELS, Rule, RuleSet
from atalaia.domain.variable import CATALOGUE
from atalaia.rules.read import parse
from figures import Figure, named, tell

RUNS, HOURS = 50, 48
HOUR = 3600
START = 1_700_000_000 // (6 * HOUR) * (6 * HOUR)

RULES = """
name = "bench"
[[rule]]
name = "rain"
hazard = "heavy_rain"
variable = "rain_mm"
measure = "sum"
window = "24h"
limits = { yellow = 30, orange = 50, red = 100 }
chance = { yellow = 0.3, orange = 0.3, red = 0.2 }
[[rule]]
name = "snow"
hazard = "snow"
variable = "snow_cm"
measure = "sum"
window = "12h"
limits = { yellow = 10, orange = 20, red = 40 }
chance = 0.3
[[rule]]
name = "gust"
hazard = "wind"
variable = "wind_gust_m_s"
limits = { yellow = 17, orange = 25, red = 33 }
chance = 0.3
[[rule]]
name = "wind"
hazard = "wind"
variable = "wind_speed_m_s"
measure = "mean"
window = "6h"
limits = { yellow = 12, orange = 18, red = 25 }
chance = 0.3
[[rule]]
name = "heat"
hazard = "heat"
variable = "temperature_c"
limits = { yellow = 35, orange = 38, red = 41 }
chance = 0.3
[[rule]]
name = "dry"
hazard = "dry_air"
variable = "relative_humidity_pct"
when = "below"
limits = { yellow = 30, orange = 20, red = 12 }
chance = 0.3
"""
CALM_TO_WILD = {
    "rain_mm": (0.0, 1.0, 8.0),
    "snow_cm": (0.0, 0.5, 6.0),
    "wind_gust_m_s": (2.0, 12.0, 36.0),
    "wind_speed_m_s": (1.0, 8.0, 28.0),
    "temperature_c": (12.0, 28.0, 43.0),
    "relative_humidity_pct": (60.0, 100.0, 8.0),
}
"""By variable: from where to where values lie in calm, and to where at one place in ten."""


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--places", type=int, default=5571)
    arguments.add_argument("--an-answer", type=int, default=20, help="places of an answer")
    arguments.add_argument("--wild", type=float, default=0.1, help="share of the places")
    asked = arguments.parse_args()
    rules = parse(RULES, "bench")
    few = measured(rules, asked.places // 4, asked.an_answer, asked.wild)[0]
    ours, theirs = measured(rules, asked.places, asked.an_answer, asked.wild)
    values = asked.places * RUNS * HOURS * len(CALM_TO_WILD)
    each, of_few = 1e9 * ours / values, 4e9 * few / values
    print(f"{values:,} values: {each:.1f} ns each; of a quarter of the places {of_few:.1f} ns each")
    large, plain = measured(rules, asked.places, 500, asked.wild)
    print(f"500 places an answer: {large:.2f} s, {named('numpy')} {plain:.2f} s")
    what = f"chances: {asked.places:,} places × {RUNS} runs × {HOURS} h × {len(CALM_TO_WILD)}"
    tell(
        [
            Figure(what, ours, "s", 2.0),
            Figure("… beside plain numpy", ours, "s", 1 / 1.5, theirs, named("numpy")),
        ]
    )


def measured(rules: RuleSet, places: int, an_answer: int, wild: float) -> tuple[float, float]:
    """Seconds of the processor that the second poll takes: ours, and the peer's."""
    table = SeriesTable(
        Places(
            Place(id=str(i), name=str(i), latitude=-30 + i * 1e-3, longitude=-60 + i * 1e-3)
            for i in range(places)
        )
    )
    judged = Ensembles(rules, table, no_norms)
    ours = theirs = 0.0
    for poll in range(2):
        ours = theirs = 0.0
        for number, answer in enumerate(answers(places, an_answer, wild, START + 6 * HOUR * poll)):
            begun = time.process_time()
            # Who comes first finds nothing in the cache.
            if number % 2:
                found = list(judged.judge([answer]))
                middle = time.process_time()
                plain = [highest(rule, answer) for rule in rules.rules]
            else:
                plain = [highest(rule, answer) for rule in rules.rules]
                middle = time.process_time()
                found = list(judged.judge([answer]))
            took = [middle - begun, time.process_time() - middle]
            ours += took[number % 2 == 0]
            theirs += took[number % 2]
            agree(found, plain)
    return ours, theirs


def answers(places: int, an_answer: int, wild: float, at: int) -> Iterator[Ensemble]:
    """What a poll brings, an answer at a time."""
    draw = np.random.default_rng(at)
    ends = at + HOUR * np.arange(1, HOURS + 1)
    for first in range(0, places, an_answer):
        where = np.arange(first, min(first + an_answer, places), dtype=np.int32)
        n = len(where) * HOURS
        is_wild = np.repeat(draw.random(len(where)) < wild, HOURS)
        values = {}
        for name, (low, calm, most) in CALM_TO_WILD.items():
            span = np.where(is_wild, most, calm) - low
            # In halves, so that running totals are exact and both sides see the same passes.
            values[name] = np.round(2 * (low + span * draw.random((RUNS, n)))) / 2
        yield Ensemble(
            "bench",
            at,
            np.repeat(where, HOURS),
            np.tile(ends, len(where)),
            np.full(n, HOUR, np.int32),
            values,
        )


def highest(rule: Rule, answer: Ensemble) -> NDArray[np.int8]:
    """The peer: each place's highest level, as one would write it down."""
    variable = CATALOGUE[rule.variable]
    most = variable.highest_in(answer.period_s) if variable.is_sum else variable.highest
    value = answer.values[rule.variable]
    value = np.where((value >= variable.lowest) & (value <= most), value, np.nan)
    if rule.measure != "value":
        value = windows(rule, value.reshape(len(value), -1, HOURS)).reshape(value.shape)
    known = np.count_nonzero(~np.isnan(value), axis=0)
    entered, holding = np.zeros((2, len(answer)), np.int8)
    for level, enter, leave, share in zip(
        LEVELS, rule.enter, rule.leave, rule.chance or (), strict=True
    ):
        if enter is None or leave is None or share is None:
            continue
        for limit, reached in ((enter, entered), (leave, holding)):
            passes = value <= limit if rule.is_below else value >= limit
            chance = np.count_nonzero(passes, axis=0) / np.maximum(known, 1)
            reached[(known >= FEWEST_RUNS) & (chance >= share - 1e-9)] = level
    return entered.reshape(-1, HOURS).max(axis=1)


def windows(rule: Rule, value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums, or means, over the hours of the rule's window: shape (runs, places, hours)."""
    n = rule.window_s // HOUR
    total = np.cumsum(np.pad(value, ((0, 0), (0, 0), (1, 0))), axis=-1)
    out = total[..., 1:].copy()
    out[..., n:] -= total[..., 1:-n]
    if rule.measure == "mean":
        count = np.minimum(np.arange(1, value.shape[-1] + 1), n)
        out = np.where(count >= 0.75 * n, out / count, np.nan)
    return out


def agree(found: list[Findings], plain: list[NDArray[np.int8]]) -> None:
    """Where numpy finds a level our findings do, and no other."""
    for told, levels in zip(found, plain, strict=True):
        ours = np.zeros(len(levels), np.int8)
        ours[told.subject - told.subject.min()] = told.entered
        assert (ours == levels).all(), f"{told.rule.name}: other levels than numpy's"


if __name__ == "__main__":
    main()
