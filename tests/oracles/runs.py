"""A slow oracle: chances by one run, one hour and one window at a time, where large is dangerous
for sums; and of a place's hours the one that is told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from atalaia.domain.ensemble import FEWEST_RUNS
from atalaia.domain.rule import Rule

Steps = Sequence[tuple[int, int, float | None]]
"""(end, length, value) of each step of one run, in order."""


def value_at(rule: Rule, steps: Steps, at: int) -> float | None:
    """What a run is certain to come to in the rule's window that ends there; None: nothing."""
    told = [(end, length, value) for end, length, value in steps if value is not None and end <= at]
    if not told or told[-1][0] != at:
        return None
    if rule.measure == "value":
        return told[-1][2]
    inside = [one for one in told if one[0] > at - rule.window_s]
    if rule.measure == "mean":
        covered = sum(length for _, length, _ in inside)
        if covered < 0.75 * rule.window_s:
            return None
        return sum(round(1000 * value) for _, _, value in inside) / 1000 / len(inside)
    # In whole thousandths, as `measure` adds up: else hours that are equal would not be.
    lies_in = (one for one in inside if one[0] - one[1] >= at - rule.window_s)
    return sum(round(1000 * value) for _, _, value in lies_in) / 1000


def level_at(rule: Rule, runs: Sequence[Steps], at: int) -> tuple[int, int]:
    """(entered, held) by the chance of all runs at one hour."""
    values = [v for run in runs if (v := value_at(rule, run, at)) is not None]
    if len(values) < FEWEST_RUNS:
        return 0, 0
    entered = holding = 0
    for i, share in enumerate(rule.chance or ()):
        enter, leave = rule.enter[i], rule.leave[i]
        if share is None or enter is None or leave is None:
            continue
        passing = sum(rule.sign * v >= rule.sign * enter for v in values)
        staying = sum(rule.sign * v >= rule.sign * leave for v in values)
        if passing and passing / len(values) >= share - 1e-9:
            entered = i + 1
        if staying and staying / len(values) >= share - 1e-9:
            holding = i + 1
    return entered, holding


class ToldHour(NamedTuple):
    """What is told of a place: see `detect.findings.Findings`, whose names these are."""

    entered: int
    holding: int
    valid_at: int
    value: float
    onset_at: int
    spans: list[list[int]]
    passing: int
    of_runs: int
    reached: list[tuple[float, int]]


def told_hour(rule: Rule, runs: Sequence[Steps], hours: Sequence[int]) -> ToldHour | None:
    """The hour to tell, of those to come that are in order; None: of none enough runs say
    anything."""
    by_hour = {}
    for at in hours:
        values = [v for run in runs if (v := value_at(rule, run, at)) is not None]
        if len(values) >= FEWEST_RUNS:
            by_hour[at] = values, *level_at(rule, runs, at)
    if not by_hour:
        return None

    def share(at: int, level: int) -> float:
        values, limit = by_hour[at][0], rule.enter[level - 1]
        return sum(rule.sign * v >= rule.sign * (limit or 0.0) for v in values) / len(values)

    top = max(entered for _, entered, _ in by_hour.values())
    level = top or int(rule.lowest)
    if top:
        shown = next(at for at in by_hour if by_hour[at][1] == top)
    else:
        shown = max(by_hour, key=lambda at: (share(at, level), -at))
    values = by_hour[shown][0]
    passing = round(share(shown, level) * len(values))
    needed = max(1, math.ceil(((rule.chance or ())[level - 1] or 1.0) * len(values) - 1e-9))
    if top:
        needed = min(needed, passing)
    kept = [[at for at in by_hour if by_hour[at][2] > i] for i in range(4)]
    return ToldHour(
        entered=top,
        holding=max(holding for _, _, holding in by_hour.values()),
        valid_at=shown,
        value=sorted(values, reverse=not rule.is_below)[needed - 1],
        onset_at=next((at for at in by_hour if by_hour[at][1]), shown),
        spans=[[some[0], some[-1]] if some else [0, 0] for some in kept],
        passing=passing,
        of_runs=len(values),
        reached=[
            max(
                (rule.sign * reached_by(rule, values, tenth), -at)
                for at, (values, entered, _) in by_hour.items()
                if entered
            )
            for tenth in range(10, 100, 10)
            if top
        ],
    )


def reached_by(rule: Rule, values: Sequence[float], percent: int) -> float:
    """What so many of 100 runs reach."""
    ordered = sorted(values, reverse=not rule.is_below)
    return ordered[math.ceil(percent * len(values) / 100 - 1e-9) - 1]
