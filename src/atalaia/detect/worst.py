"""Of each series that speaks of hours to come the one to tell: the first of the highest level.

Levels and excess by hour → here → positions of hours, by series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atalaia.domain.reading import Bools, Floats, Ints
from atalaia.domain.rule import LEVELS


@dataclass(frozen=True, slots=True)
class Worst:
    """Of s series; positions are of rows.

    series    their numbers, ascending
    pick      the hour to show: the first of the highest level that is entered; in calm the worst
    keeper    the first hour that holds the highest level that is held; in calm the first hour
    onset_at  Unix seconds of the first hour that enters a level; in calm of `pick`
    holding   the highest level that is held
    spans     the first and the last hour that holds each level, shape (s, 4, 2); 0: none does
    """

    series: Ints
    pick: Ints
    keeper: Ints
    onset_at: Ints
    holding: Ints
    spans: Ints


def worst_hours(
    series: Ints, valid_at: Ints, entered: Ints, holding: Ints, excess: Floats
) -> Worst:
    """Of n rows sorted by series, then valid_at. `excess` grows with the danger, and is a number
    in every row."""
    numbers, first, of = np.unique(series, return_index=True, return_inverse=True)
    s = len(numbers)
    spans = np.zeros((s, len(LEVELS), 2), np.int64)
    if not s:
        nothing = np.zeros(0, np.int64)
        return Worst(numbers, nothing, nothing, nothing, np.zeros(0, np.int8), spans)
    top = np.maximum.reduceat(entered, first)
    held = np.maximum.reduceat(holding, first)
    most = np.maximum.reduceat(excess, first)
    shown = np.where(top[of] > 0, entered == top[of], excess == most[of])
    pick = _firsts(shown, of, s)
    onset_at = valid_at[pick]
    passing = _firsts(entered > 0, of, s)
    onset_at[passing >= 0] = valid_at[passing[passing >= 0]]
    for i, level in enumerate(LEVELS):
        if not (held >= level).any():
            break
        keeps = holding >= level
        began = _firsts(keeps, of, s)
        has = began >= 0
        # Rows are in the order of time: the last that is written stays.
        spans[of[keeps], i, 1] = valid_at[keeps]
        spans[has, i, 0] = valid_at[began[has]]
    return Worst(numbers, pick, _firsts(holding == held[of], of, s), onset_at, held, spans)


def _firsts(chosen: Bools, of: Ints, s: int) -> Ints:
    """The position of each series' first chosen row; -1: it has none."""
    out = np.full(s, -1, np.int64)
    rows = np.flatnonzero(chosen)[::-1]
    out[of[rows]] = rows
    return out
