"""A contingency table and what the field makes of it, with bootstrap intervals and lead times.

Words and formulas as in Wilks, *Statistical Methods in the Atmospheric Sciences* (4th ed., 2019),
section 8.2: POD = hits / (hits + misses); FAR = false alarms / (hits + false alarms), the *ratio*;
CSI = hits / (hits + misses + false alarms); frequency bias = (hits + false alarms) /
(hits + misses). A score whose denominator is 0 is None: there was nothing to score.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from atalaia.domain.reading import Bools, Floats, Ints

HIT, MISS, FALSE_ALARM, QUIET, PARTIAL_WARNED, PARTIAL_QUIET = range(6)
"""What became of a case. Partial: something happened, but less than an event."""

RESAMPLES = 1000

Interval = tuple[float, float] | None


class Lead(msgspec.Struct, frozen=True):
    """Lead times of the hits in hours; negative: told after the event had begun."""

    hits: int
    minimum: float
    p10: float
    p25: float
    median: float
    p75: float
    p90: float
    maximum: float
    share_of_an_hour_or_more: float


class Strict(msgspec.Struct, frozen=True):
    """The same, a partial case that was warned of being a false alarm, and else quiet."""

    false_alarms: int
    correct_quiet: int | None
    far: float | None
    csi: float | None
    frequency_bias: float | None
    intervals: dict[str, Interval]


class Score(msgspec.Struct, frozen=True):
    """Of a set of cases; partial ones count neither way here, and in `strict` against us.

    correct_quiet   None where quiet cases cannot be counted (by episode)
    intervals       95 % bootstrap interval of each score; None where it cannot be had
    partial         cases with something less than an event: (warned of, not warned of)
    """

    hits: int
    misses: int
    false_alarms: int
    correct_quiet: int | None
    partial: tuple[int, int]
    pod: float | None
    far: float | None
    csi: float | None
    frequency_bias: float | None
    intervals: dict[str, Interval]
    strict: Strict
    lead_h: Lead | None


@dataclass(frozen=True, slots=True)
class Cases:
    """n cases (a day at a place, or an episode). Every column has shape (n,).

    outcome    HIT … PARTIAL_QUIET
    block      number of the block of time that it is resampled with
    lead_s     of a hit, in seconds; 0 elsewhere
    can_be_quiet   False: quiet cases are not counted in this set
    """

    outcome: Ints
    block: Ints
    lead_s: Ints
    can_be_quiet: bool = True

    def take(self, rows: Bools) -> Cases:
        """The chosen ones."""
        return Cases(self.outcome[rows], self.block[rows], self.lead_s[rows], self.can_be_quiet)

    @staticmethod
    def concat(parts: Iterable[Cases]) -> Cases:
        """All cases of all parts."""
        parts = list(parts)
        return Cases(
            np.concatenate([part.outcome for part in parts]),
            np.concatenate([part.block for part in parts]),
            np.concatenate([part.lead_s for part in parts]),
            all(part.can_be_quiet for part in parts),
        )


def weights(blocks: int, seed: int = 0) -> NDArray[np.int64]:
    """How often each of RESAMPLES resamples draws each block: shape (RESAMPLES, blocks)."""
    if blocks == 0:
        return np.zeros((RESAMPLES, 0), np.int64)
    return np.random.default_rng(seed).multinomial(
        blocks, np.full(blocks, 1 / blocks), size=RESAMPLES
    )


def score(cases: Cases, draws: NDArray[np.int64]) -> Score:
    """All scores of the cases. `draws` comes from `weights` and covers every block."""
    table = np.zeros((draws.shape[1], 6), np.int64)
    np.add.at(table, (cases.block, cases.outcome), 1)
    count = table.sum(axis=0)
    drawn = draws @ table
    hits, misses, false_alarms, quiet, partial, partial_quiet = (int(n) for n in count)
    plain = _scores(count[None, :], is_strict=False)
    strict = _scores(count[None, :], is_strict=True)
    around = _scores(drawn, is_strict=False)
    strict_around = _scores(drawn, is_strict=True)
    return Score(
        hits=hits,
        misses=misses,
        false_alarms=false_alarms,
        correct_quiet=quiet if cases.can_be_quiet else None,
        partial=(partial, partial_quiet),
        pod=_number(plain["pod"][0]),
        far=_number(plain["far"][0]),
        csi=_number(plain["csi"][0]),
        frequency_bias=_number(plain["frequency_bias"][0]),
        intervals={name: _interval(column) for name, column in around.items()},
        strict=Strict(
            false_alarms=false_alarms + partial,
            correct_quiet=quiet + partial_quiet if cases.can_be_quiet else None,
            far=_number(strict["far"][0]),
            csi=_number(strict["csi"][0]),
            frequency_bias=_number(strict["frequency_bias"][0]),
            intervals={n: _interval(c) for n, c in strict_around.items() if n != "pod"},
        ),
        lead_h=_lead(cases.lead_s[cases.outcome == HIT]),
    )


def _scores(count: NDArray[np.int64], *, is_strict: bool) -> dict[str, Floats]:
    """POD, FAR, CSI and bias of counts of shape (m, 6); NaN where nothing can be said."""
    hits, misses = count[:, HIT], count[:, MISS]
    wrong = count[:, FALSE_ALARM] + (count[:, PARTIAL_WARNED] if is_strict else 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "pod": hits / (hits + misses),
            "far": wrong / (hits + wrong),
            "csi": hits / (hits + misses + wrong),
            "frequency_bias": np.where(hits + misses > 0, (hits + wrong) / (hits + misses), np.nan),
        }


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _interval(column: Floats) -> Interval:
    """The 2.5th and 97.5th percentile; None where a tenth of the resamples say nothing."""
    known = column[~np.isnan(column)]
    if len(known) < 0.9 * len(column):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)


def _lead(lead_s: Ints) -> Lead | None:
    if not len(lead_s):
        return None
    hours = lead_s / 3600
    quantiles = np.percentile(hours, [0, 10, 25, 50, 75, 90, 100])
    share = round(float((hours >= 1).mean()), 4)
    low, p10, p25, median, p75, p90, high = (round(float(q), 3) for q in quantiles)
    return Lead(len(hours), low, p10, p25, median, p75, p90, high, share)
