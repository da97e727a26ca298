"""A slow oracle: chances by one run, one hour and one window at a time, where large is dangerous
for sums."""

from __future__ import annotations

from collections.abc import Sequence

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
        return sum(value for _, _, value in inside) / len(inside)
    return sum(value for end, length, value in inside if end - length >= at - rule.window_s)


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
