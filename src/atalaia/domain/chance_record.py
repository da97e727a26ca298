"""What became of chances: how often what was told so came true, and chances corrected by that.

    RAW's answers, GOLD's instruments ─► `batch.came_true` ─► `ChanceRecord` ─► `detect.ensembles`

A record is of a question (so many mm in so many hours, say) and of a lead: runs of models that are
right about tomorrow need not be so about the day after. It is a reliability diagram, read from what
was told to what came: isotonic regression (Dimitriadis, Gneiting & Jordan 2021, PNAS 118,
e2016191118) of chances that were told alike, as many as it takes to see how often they come true,
and a straight line between these. Where too few were told alike the runs have their say, within
what is known of smaller chances and of larger ones: a thin record raises nothing by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from atalaia.domain.reading import Floats, Ints
from atalaia.domain.rule import Rule

LEAST_PAIRS = 200
"""With fewer pairs of a question and a lead nothing is corrected."""

LEAST_OF_A_STEP, LEAST_DAYS_OF_A_STEP = 30, 10
"""A step of fewer pairs, or of pairs of fewer days, is thin: places of a day share its weather."""

WIDEST_STEP = 0.3
"""Chances that lie farther apart were not told alike."""

BANDS = 4
"""Leads are told apart by whole days: under one, one, two, three and more."""

_DAY_S = 86_400


class RecordStep(msgspec.Struct, frozen=True, array_like=True):
    """Of chances from `low` to `high`, `chance` on average, a share of `observed` came true, in so
    many pairs."""

    low: float
    high: float
    chance: float
    observed: float
    pairs: int


class ChanceRecord(msgspec.Struct, frozen=True):
    """A home's record: by question and lead its steps, of ascending chances. Without any it says
    nothing, and chances are as the runs have them."""

    steps: Mapping[str, tuple[RecordStep, ...]] = {}

    def says(self, rule: Rule, level: int, lead_s: Ints, chance: Floats) -> Floats | None:
        """What it says in place of chances (0 … 1) that a rule's level is reached, told so long
        before: shape (n,), NaN where it says nothing; None: it does nowhere."""
        out = None
        for band in range(BANDS if self.steps else 0):
            steps = self.steps.get(key_of(rule, level, band))
            if not steps:
                continue
            if out is None:
                out = np.full(len(chance), np.nan)
            mine = band_of(lead_s) == band
            out[mine] = _said(steps, chance[mine])
        return out


NO_RECORD = ChanceRecord()


def band_of(lead_s: Ints) -> Ints:
    """The number of each lead's band."""
    bands: Ints = np.clip(lead_s // _DAY_S, 0, BANDS - 1)
    return bands


def key_of(rule: Rule, level: int, band: int) -> str:
    """The question that a level of a rule asks, and the band of its leads: ``rain_mm sum 86400 s
    >= 50.0, day 1``. Another name, or another chance that is asked for, is the same question."""
    limit = f"{'<=' if rule.is_below else '>='} {rule.enter[level - 1]}"
    against = f" over {rule.norm}" if rule.norm else ""
    stand_in = f" or {rule.stand_in}" if rule.stand_in else ""
    what = f"{rule.variable}{stand_in} {rule.measure} {rule.window_s} s"
    return f"{what} {limit}{against}, day {band}"


def _said(steps: tuple[RecordStep, ...], chance: Floats) -> Floats:
    """What steps say of chances; NaN where they leave them as they are."""
    low, high, told, observed = (
        np.array([getattr(step, name) for step in steps])
        for name in ("low", "high", "chance", "observed")
    )
    # Chances are shares of a few dozen runs: what is equal but for rounding is equal.
    below = np.searchsorted(low - _SLACK, chance, "right") - 1
    is_in = (below >= 0) & (chance <= high[below] + _SLACK)
    least = np.where(below >= 0, np.interp(high, told, observed)[below], 0.0)
    most = np.append(np.interp(low, told, observed), 1.0)[below + 1]
    between = np.clip(chance, least, most)
    within = np.interp(np.clip(chance, low[below], high[below]), told, observed)
    said = np.where(is_in, within, between)
    return np.where(is_in | (between != chance), said, np.nan)


_SLACK = 1e-9
