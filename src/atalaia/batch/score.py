"""A contingency table and what the field makes of it, with intervals and lead times.

Words and formulas as in Wilks, *Statistical Methods in the Atmospheric Sciences* (4th ed., 2019),
section 8.2: POD = hits / (hits + misses); FAR = false alarms / (hits + false alarms), the *ratio*;
CSI = hits / (hits + misses + false alarms); frequency bias = (hits + false alarms) /
(hits + misses). A score whose denominator is 0 is None: there was nothing to score.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, sqrt

import msgspec
import numpy as np

from atalaia.domain.reading import Bools, Ints

HIT, MISS, FALSE_ALARM, QUIET, PARTIAL_WARNED, PARTIAL_QUIET = range(6)
"""What became of a case. Partial: something happened, but less than an event."""

TOO_FEW = 10
"""Fewer cases in a score's denominator say nothing of how far it is luck: no interval is told."""

FEW_BLOCKS = 10
"""Of fewer blocks of days it cannot be seen how much their weather differs."""

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
    intervals       95 % interval of each score; None where cases are too few
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


def score(cases: Cases) -> Score:
    """All scores of the cases."""
    blocks = int(cases.block.max()) + 1 if len(cases.block) else 0
    table = np.zeros((blocks, 6), np.int64)
    np.add.at(table, (cases.block, cases.outcome), 1)
    count = table.sum(axis=0)
    hits, misses, false_alarms, quiet, partial, partial_quiet = (int(n) for n in count)
    plain, strict = _parts(count, is_strict=False), _parts(count, is_strict=True)
    around = _intervals(_parts(table.T, is_strict=False))
    strict_around = _intervals(_parts(table.T, is_strict=True))
    return Score(
        hits=hits,
        misses=misses,
        false_alarms=false_alarms,
        correct_quiet=quiet if cases.can_be_quiet else None,
        partial=(partial, partial_quiet),
        pod=_ratio(*plain["pod"]),
        far=_ratio(*plain["far"]),
        csi=_ratio(*plain["csi"]),
        frequency_bias=_ratio(*plain["frequency_bias"]),
        intervals=around,
        strict=Strict(
            false_alarms=false_alarms + partial,
            correct_quiet=quiet + partial_quiet if cases.can_be_quiet else None,
            far=_ratio(*strict["far"]),
            csi=_ratio(*strict["csi"]),
            frequency_bias=_ratio(*strict["frequency_bias"]),
            intervals={name: one for name, one in strict_around.items() if name != "pod"},
        ),
        lead_h=_lead(cases.lead_s[cases.outcome == HIT]),
    )


def _parts(count: Ints, *, is_strict: bool) -> dict[str, tuple[Ints, Ints]]:
    """Numerator and denominator of POD, FAR, CSI and bias; `count` has shape (6, …)."""
    hits, misses = count[HIT], count[MISS]
    wrong = count[FALSE_ALARM] + (count[PARTIAL_WARNED] if is_strict else 0)
    return {
        "pod": (hits, hits + misses),
        "far": (wrong, hits + wrong),
        "csi": (hits, hits + misses + wrong),
        "frequency_bias": (hits + wrong, hits + misses),
    }


def _ratio(part: Ints, whole: Ints) -> float | None:
    return round(float(part / whole), 4) if whole else None


def _intervals(parts: dict[str, tuple[Ints, Ints]]) -> dict[str, Interval]:
    """The 95 % interval of each score, from its parts by block; None where they are too few."""
    return {
        name: None
        if int(whole.sum()) < TOO_FEW
        else _log_interval(part, whole)
        if name == "frequency_bias"
        else _wilson_of_blocks(part, whole)
        for name, (part, whole) in parts.items()
    }


def wilson(part: float, whole: float, z: float = 1.959964) -> tuple[float, float]:
    """The interval of a share (Wilson 1927, JASA 22, 209): it stays within 0 and 1.

    `z` is the standard normal's quantile, or Student's; as it is for 95 %.
    """
    share = part / whole
    middle = share + z * z / (2 * whole)
    half = z * sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    scale = 1 + z * z / whole
    return round((middle - half) / scale, 4), round((middle + half) / scale, 4)


def _wilson_of_blocks(part: Ints, whole: Ints) -> tuple[float, float]:
    """Wilson's, of as many independent cases as blocks that share their weather are worth.

    Of few blocks it cannot be seen how alike their days are: they count as independent.
    """
    n, share = int(whole.sum()), float(part.sum() / whole.sum())
    if _blocks(part, whole) < FEW_BLOCKS:
        return wilson(share * n, n)
    variance = _variance(part, whole, share)
    # Where blocks differ less than independent cases would, that is luck.
    worth = min(share * (1 - share) / variance, n) if variance > 0 else n
    return wilson(share * worth, worth, _student(part, whole))


def _log_interval(part: Ints, whole: Ints) -> Interval:
    """Of a ratio that may be above 1: the normal interval of its logarithm."""
    ratio = float(part.sum() / whole.sum())
    if ratio == 0 or _blocks(part, whole) < FEW_BLOCKS:
        return None
    half = _student(part, whole) * sqrt(_variance(part, whole, ratio)) / ratio
    return round(ratio * exp(-half), 4), round(ratio * exp(half), 4)


def _variance(part: Ints, whole: Ints, ratio: float) -> float:
    """Of a ratio of sums over blocks (Cochran 1977, *Sampling Techniques*, 2.11)."""
    blocks = _blocks(part, whole)
    if blocks < 2:
        return 0.0
    left = part - ratio * whole
    return float((left**2).sum() * blocks / (blocks - 1) / whole.sum() ** 2)


def _blocks(part: Ints, whole: Ints) -> int:
    return int((whole + part > 0).sum())


def _student(part: Ints, whole: Ints) -> float:
    """Student's 97.5 % quantile of one degree less than blocks with a case in them.

    By Cornish and Fisher's expansion, which is off by 0.02 at 4 degrees; fewer count as so many.
    """
    z, free = 1.959964, max(_blocks(part, whole) - 1, 4)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / free + second / free**2 + third / free**3


def _lead(lead_s: Ints) -> Lead | None:
    if not len(lead_s):
        return None
    hours = lead_s / 3600
    quantiles = np.percentile(hours, [0, 10, 25, 50, 75, 90, 100])
    share = round(float((hours >= 1).mean()), 4)
    low, p10, p25, median, p75, p90, high = (round(float(q), 3) for q in quantiles)
    return Lead(len(hours), low, p10, p25, median, p75, p90, high, share)
