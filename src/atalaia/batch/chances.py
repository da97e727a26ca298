"""Whether chances that were told are right: Brier score, reliability, ROC, what they are worth.

n chances (0 … 1) and whether each came true → here → `calibrate --form score`. Intervals are of
whole weeks drawn again, as days that follow each other share their weather.
"""

from __future__ import annotations

import msgspec
import numpy as np

from atalaia.domain.reading import Bools, Floats, Ints

RESAMPLES = 400
COST_LOSS = (0.05, 0.1, 0.2, 0.3, 0.5)
"""What it costs to act, as a share of what is lost without: for whom the value is told."""

Interval = tuple[float, float]


class DiagramStep(msgspec.Struct, frozen=True):
    """Chances from `low` to `high` were told `cases` times, `chance` on average, and came true in a
    share of `observed`: a step of the isotonic regression."""

    low: float
    high: float
    chance: float
    observed: float
    cases: int


class Reliability(msgspec.Struct, frozen=True):
    """What a set of chances is worth.

    brier           mean squared error: miscalibration - discrimination + uncertainty (CORP:
                    Dimitriadis, Gneiting & Jordan 2021, PNAS 118, e2016191118)
    miscalibration  what putting them right by isotonic regression would gain; 0: they are right
    discrimination  what they gain, put right, over telling always the base rate
    uncertainty     Brier score of the base rate
    roc_area        how often, of an event and a quiet day, the event had the higher chance; None:
                    one of the two is missing
    value           by cost/loss ratio: what acting at that chance saves, 1 being all that can be
                    saved and 0 what always or never acting saves (Richardson 2000, QJRMS 126, 649)
    intervals       95 %, of brier, miscalibration, discrimination and roc_area
    diagram         the reliability diagram, from small chances to large ones
    """

    cases: int
    events: int
    brier: float
    miscalibration: float
    discrimination: float
    uncertainty: float
    roc_area: float | None
    value: dict[str, float]
    intervals: dict[str, Interval]
    diagram: list[DiagramStep]


def reliability(chance: Floats, came_true: Bools, block: Ints) -> Reliability:
    """Of n chances; `block` is the number of the week that each is in."""
    figures = _figures(chance, came_true)
    return Reliability(
        cases=len(chance),
        events=int(came_true.sum()),
        brier=figures["brier"],
        miscalibration=figures["miscalibration"],
        discrimination=figures["discrimination"],
        uncertainty=round(float(came_true.mean() * (1 - came_true.mean())), 4),
        roc_area=figures.get("roc_area"),
        value={f"{ratio:g}": value(chance, came_true, ratio) for ratio in COST_LOSS},
        intervals=_intervals(chance, came_true, block),
        diagram=_diagram(chance, came_true),
    )


def brier(chance: Floats, came_true: Bools) -> float:
    """Mean squared error of chances."""
    return float(((chance - came_true) ** 2).mean())


def put_right(chance: Floats, came_true: Bools) -> Floats:
    """How often what was told so came true, never less where more was told: isotonic regression by
    pooling adjacent violators. Equal chances are pooled."""
    where = np.unique(chance, return_inverse=True)[1]
    cases = np.bincount(where).astype(float)
    true = np.bincount(where, weights=came_true.astype(float))
    pools: list[tuple[float, float, int]] = []
    for some, of in zip(true.tolist(), cases.tolist(), strict=True):
        pool = (some, of, 1)
        while pools and pools[-1][0] * pool[1] >= pool[0] * pools[-1][1]:
            before = pools.pop()
            pool = (before[0] + pool[0], before[1] + pool[1], before[2] + pool[2])
        pools.append(pool)
    steps = np.repeat([some / of for some, of, _ in pools], [n for _, _, n in pools])
    out: Floats = steps[where]
    return out


def roc_area(chance: Floats, came_true: Bools) -> float | None:
    """How often, of an event and a quiet day, the event had the higher chance (Mann & Whitney)."""
    events, quiet = int(came_true.sum()), int((~came_true).sum())
    if not events or not quiet:
        return None
    _, where, counts = np.unique(chance, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2
    higher = float(rank[where][came_true].sum()) - events * (events + 1) / 2
    return higher / (events * quiet)


def value(chance: Floats, came_true: Bools, cost_loss: float) -> float:
    """What acting from a chance of `cost_loss` on saves, of all that a perfect forecast would."""
    base = float(came_true.mean())
    acts = chance >= cost_loss
    spent = cost_loss * float(acts.mean()) + float((came_true & ~acts).mean())
    always = min(cost_loss, base)
    return round((always - spent) / (always - base * cost_loss), 4) if 0 < base < 1 else 0.0


def _figures(chance: Floats, came_true: Bools) -> dict[str, float]:
    base = float(came_true.mean())
    as_told = brier(chance, came_true)
    right = brier(put_right(chance, came_true), came_true)
    area = roc_area(chance, came_true)
    figures = {
        "brier": as_told,
        "miscalibration": as_told - right,
        "discrimination": base * (1 - base) - right,
        **({} if area is None else {"roc_area": area}),
    }
    return {name: round(figure, 4) for name, figure in figures.items()}


def _intervals(chance: Floats, came_true: Bools, block: Ints) -> dict[str, Interval]:
    random = np.random.default_rng(0)
    order = np.argsort(block, kind="stable")
    weeks = np.split(order, np.flatnonzero(np.diff(block[order])) + 1)
    drawn: dict[str, list[float]] = {}
    for _ in range(RESAMPLES):
        some = np.concatenate([weeks[i] for i in random.integers(0, len(weeks), len(weeks))])
        for name, figure in _figures(chance[some], came_true[some]).items():
            drawn.setdefault(name, []).append(figure)
    bounds = {name: np.percentile(figures, [2.5, 97.5]) for name, figures in drawn.items()}
    return {name: (round(float(a), 4), round(float(b), 4)) for name, (a, b) in bounds.items()}


def _diagram(chance: Floats, came_true: Bools) -> list[DiagramStep]:
    right = put_right(chance, came_true)
    steps = []
    for step in np.unique(right).tolist():
        mine = chance[right == step]
        low, high, mean = (round(float(x), 4) for x in (mine.min(), mine.max(), mine.mean()))
        steps.append(DiagramStep(low, high, mean, round(step, 4), len(mine)))
    return steps
