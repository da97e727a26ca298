"""What detection hands on: which level each value enters, and which it still holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atalaia.domain.hazard import Level
from atalaia.domain.reading import Bools, Floats, Ints
from atalaia.domain.rule import LEVELS, Rule


@dataclass(frozen=True, slots=True)
class Findings:
    """What one rule makes of n values. `subject` is a place's position, or for an area rule
    the number of places plus the area's position; `ceiling` bounds what the value may have been.
    `given` is the value of the rule's second window, NaN where not known; None: it has none.
    `norm` is what the rule's limits are relative to, None where they are fixed. The other columns
    are as in `domain.incident.Evidence`."""

    rule: Rule
    subject: Ints
    source: Ints
    kind: Ints
    known_at: Ints
    at: Ints
    valid_at: Ints
    value: Floats
    ceiling: Floats
    entered: Ints
    holding: Ints
    held: Ints
    onset_at: Ints
    until: Ints
    expected_s: Ints
    is_late: bool = False
    given: Floats | None = None
    norm: Floats | None = None


def levels(
    rule: Rule, value: Floats, ceiling: Floats, norm: Floats | None = None
) -> tuple[Ints, Ints, Ints]:
    """For each value: the highest level entered, still passed for certain, and not excluded.

    `value` is known to have been reached and `ceiling` bounds it; where small values are
    dangerous a partial sum is bounded from below by `value`, and so the two change places. Limits
    are relative to `norm` where there is one.
    """
    if norm is not None:
        value, ceiling = value - norm, ceiling - norm
    sure, possible = (ceiling, value) if rule.is_below else (value, ceiling)
    entered = np.zeros(len(value), np.int8)
    holding = np.zeros(len(value), np.int8)
    held = np.zeros(len(value), np.int8)
    held[np.isnan(possible)] = Level.RED
    edge = rule.outermost
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


def only(found: Findings, rows: Bools) -> Findings:
    """The chosen findings."""
    columns = {
        name: getattr(found, name)[rows]
        for name in Findings.__slots__
        if name not in ("rule", "is_late", "given", "norm")
    }
    if found.norm is not None:
        columns["norm"] = found.norm[rows]
    if found.given is not None:
        columns["given"] = found.given[rows]
    return Findings(rule=found.rule, is_late=found.is_late, **columns)
