"""What fell in a window at least and at most, by trying every period with every other."""

from __future__ import annotations

import math
from collections.abc import Sequence

Period = tuple[int, int, float]
"""(begins, ends, amount)"""


def follows(first: Period, second: Period) -> bool:
    """Whether the second stands beside the first: they overlap by under a tenth of the shorter."""
    overlap = first[1] - second[0]
    return overlap <= 0 or 10 * overlap < min(first[1] - first[0], second[1] - second[0])


def reaches(first: Period, second: Period) -> bool:
    """Whether no gap is between them: less than a tenth of the shorter is none."""
    gap = second[0] - first[1]
    return gap <= 0 or 10 * gap < min(first[1] - first[0], second[1] - second[0])


def least(periods: Sequence[Period], opens: int, closes: int) -> float:
    """The largest sum of periods that lie in the window, each beside the one before it."""
    inside = sorted(
        (p for p in periods if p[1] <= closes and 10 * (opens - p[0]) < p[1] - p[0]),
        key=lambda p: (p[1], p[0]),
    )
    best: list[float] = []
    for i, period in enumerate(inside):
        before = [best[k] for k in range(i) if follows(inside[k], period)]
        best.append(period[2] + max(before, default=0.0))
    return max(best, default=0.0)


def most(periods: Sequence[Period], opens: int, closes: int) -> float:
    """The smallest sum of periods that cover the window; inf where none do."""
    ordered = sorted((p for p in periods if opens < p[1] <= closes), key=lambda p: (p[1], p[0]))
    costs: list[float] = []
    for i, period in enumerate(ordered):
        begins = 10 * (period[0] - opens) < period[1] - period[0]
        before = [costs[k] for k in range(i) if reaches(ordered[k], period)]
        costs.append(period[2] + (0.0 if begins else min(before, default=math.inf)))
    return min((c for c, p in zip(costs, ordered, strict=True) if p[1] == closes), default=math.inf)
