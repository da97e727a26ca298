"""What detection hands on: which level each value enters, and which it still holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atalaia.domain.hazard import Level
from atalaia.domain.reading import Bools, Floats, Ints
from atalaia.domain.rule import LEVELS, Rule


@dataclass(frozen=True, slots=True)
class Findings:
    """What one rule makes of n values. `subject` is a place's position, or for an area rule
    the number of places plus the area's position; `ceiling` bounds what the value may have been.
    `given` is the value of the rule's second window, NaN where not known; None: it has none.
    `norm` is what the rule's limits are relative to, None where they are fixed. `is_doubted` says
    which values are suspect; None: none is. `spans` has, of forecasts, the first and the last hour
    that holds each level, shape (n, 4, 2); 0: none does; `kept` the value and the valid time of the
    first hour that holds the highest one, shape (n, 2). `is_stand_in`
    says which values are of the rule's stand-in; None: none is. `because` has of a score the terms
    that added most (`detect.scores`), shape (n, 2, 3), and of an ensemble's chance (runs that pass,
    limit, runs with a value) and (what the record says, 0, 0), a first number of -1 being none;
    `reached` of an ensemble what its tenths reach, and when, shape (n, 9, 2): see
    `domain.track.Evidence`.
    The other columns are as in `domain.incident.Evidence`."""

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
    is_late: Bools
    is_after_gap: Bools
    given: Floats | None = None
    norm: Floats | None = None
    is_doubted: Bools | None = None
    spans: Ints | None = None
    kept: Floats | None = None
    is_stand_in: Bools | None = None
    because: Floats | None = None
    reached: Floats | None = None


def levels(
    rule: Rule, value: Floats, ceiling: Floats, norm: Floats | None = None
) -> tuple[Ints, Ints, Ints]:
    """For each value: the highest level entered, still passed for certain, and not excluded.

    `value` is known to have been reached and `ceiling` bounds it; where small values are
    dangerous a partial sum is bounded from below by `value`, and so the two change places. Limits
    are relative to `norm` where there is one.
    """
    if norm is not None:
        is_sure = ceiling is value
        value = value - norm
        ceiling = value if is_sure else ceiling - norm
    entered = np.zeros(len(value), np.int8)
    holding = np.zeros(len(value), np.int8)
    held = np.zeros(len(value), np.int8)
    sure, possible = (ceiling, value) if rule.is_below else (value, ceiling)
    is_near = _passes(possible, rule.outermost, rule)
    if sure is not possible:
        is_near |= _passes(sure, rule.outermost, rule)
    if (is_unknown := np.isnan(possible)).any():
        held[is_unknown] = Level.RED
    near = np.flatnonzero(is_near)
    if not len(near):
        return entered, holding, held  # all calm, as nearly always
    sure, possible = sure[near], possible[near]
    for level in LEVELS:
        enter, leave = rule.limit(level), rule.exit_limit(level)
        if enter is None or leave is None:
            continue
        entered[near[_passes(sure, enter, rule)]] = level
        holding[near[_passes(sure, leave, rule)]] = level
        held[near[_passes(possible, leave, rule)]] = level
    return entered, holding, held


def _passes(value: Floats, limit: float, rule: Rule) -> Bools:
    passes: Bools = value <= limit if rule.is_below else value >= limit
    return passes


def only(found: Findings, rows: Ints | Bools | slice) -> Findings:
    """The chosen findings."""
    if isinstance(rows, np.ndarray) and rows.dtype == bool and rows.all():
        return found  # as mostly: then nothing is copied
    columns: list[Any] = [getattr(found, name) for name in Findings.__slots__[1:]]
    # Several columns are one array, as the times of what is of now are: it is taken once.
    each = {id(column): column for column in columns if column is not None}
    taken: dict[int, Any] = {key: column[rows] for key, column in each.items()}
    chosen: Any = (taken.get(id(column)) for column in columns)
    return Findings(found.rule, *chosen)


def together(parts: Sequence[Findings]) -> Findings:
    """Findings of one rule as one, in the order in which they became known."""
    return only(one_after_the_other(parts), in_order(parts))


def one_after_the_other(parts: Sequence[Findings]) -> Findings:
    """Findings of one rule as one, in the order of the parts."""
    if len(parts) == 1:
        return parts[0]

    def joined(name: str) -> Any:
        columns = [getattr(part, name) for part in parts]
        like = next((column for column in columns if column is not None), None)
        if like is None:
            return None
        blanks = {"is_doubted": False, "is_stand_in": False, "norm": 0.0}
        return np.concatenate(
            [
                np.full((len(part.value), *like.shape[1:]), blanks.get(name, np.nan))
                if column is None
                else column
                for part, column in zip(parts, columns, strict=True)
            ]
        )

    columns: Any = (joined(name) for name in Findings.__slots__[1:])
    return Findings(parts[0].rule, *columns)


def in_order(parts: Sequence[Findings]) -> Ints:
    """The order in which the findings of the parts, one after the other, became known."""
    known_at = np.concatenate([part.known_at for part in parts])
    valid_at = np.concatenate([part.valid_at for part in parts])
    if np.array_equal(known_at, valid_at):  # as mostly in the past
        return np.argsort(known_at, kind="stable")
    order: Ints = np.lexsort((valid_at, known_at))
    return order
