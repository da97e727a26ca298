"""How often the intervals that are told hold the truth: return levels, and scores, simulated.

    make coverage                                  # a few minutes; the figures in the docs
    python tools/coverage.py --records 300         # fewer

Every interval says 95 %. Of return levels, records are drawn from distributions with a known level;
of scores, days on which rain comes in spells, and warnings that follow them as well as rules do.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from atalaia.batch.gev import Gev, return_levels
from atalaia.batch.score import (
    FALSE_ALARM,
    HIT,
    MISS,
    QUIET,
    Cases,
    score,
)
from atalaia.domain.norm import RETURN_YEARS
from atalaia.domain.reading import Ints

YEARS = (20, 30, 50)
SHAPES = (-0.2, -0.1, 0.0, 0.1)
DAYS = (30, 90, 365, 1361)
BLOCK_DAYS = 7


def of_levels(records: int) -> Iterator[tuple[int, float, list[float]]]:
    """(years, shape, share of the intervals that hold the truth, by return period)."""
    period = np.array(RETURN_YEARS, float)
    for years in YEARS:
        for shape in SHAPES:
            truth = Gev(np.array(10.0), np.array(3.0), np.array(shape))
            level = truth.quantile(1 - 1 / period)
            chance = np.random.default_rng(years)
            held = np.zeros(len(period))
            for maxima in truth.quantile(chance.random((records, years))):
                _, low, high = return_levels(maxima, period)
                held += (low <= level) & (level <= high)
            yield years, shape, (held / records).tolist()


def days(chance: np.random.Generator, n: int) -> Ints:
    """Outcomes of n days: events in spells of two days or so, a third of all days warned of."""
    stays, begins = 0.5, 0.15
    draw = chance.random(n)
    is_event = np.zeros(n, bool)
    wet = chance.random() < begins / (1 - stays + begins)
    for day in range(n):
        wet = draw[day] < (stays if wet else begins)
        is_event[day] = wet
    # How well it is warned differs from week to week, as the weather does.
    week = np.arange(n) // BLOCK_DAYS
    good = chance.beta(8, 2, week[-1] + 1)[week]
    is_warned = np.where(is_event, chance.random(n) < good, chance.random(n) < 0.08)
    return np.select([is_event & is_warned, is_event, is_warned], [HIT, MISS, FALSE_ALARM], QUIET)


def of_scores(records: int) -> Iterator[tuple[int, dict[str, tuple[float, float]]]]:
    """(days, by score: share of the intervals that hold the truth, and share that is refused)."""
    chance = np.random.default_rng(1)
    counts = np.bincount(np.concatenate([days(chance, 1361) for _ in range(400)]), minlength=6)
    hits, misses, wrong = (int(counts[i]) for i in (HIT, MISS, FALSE_ALARM))
    truth = {
        "pod": hits / (hits + misses),
        "far": wrong / (hits + wrong),
        "csi": hits / (hits + misses + wrong),
        "frequency_bias": (hits + wrong) / (hits + misses),
    }
    for n in DAYS:
        block = np.arange(n) // BLOCK_DAYS
        held = dict.fromkeys(truth, 0)
        refused = dict.fromkeys(truth, 0)
        draws = 0
        # Of 30 days most have too few events: more are drawn, so that there is something to count.
        while draws < records or (draws - refused["pod"] < records and draws < 8 * records):
            draws += 1
            cases = Cases(days(chance, n), block, np.zeros(n, np.int64))
            intervals = score(cases).intervals
            for name, value in truth.items():
                interval = intervals[name]
                if interval is None:
                    refused[name] += 1
                else:
                    held[name] += interval[0] <= value <= interval[1]
        yield (
            n,
            {
                name: (held[name] / max(draws - refused[name], 1), refused[name] / draws)
                for name in truth
            },
        )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1000)
    records = parser.parse_args().records
    print(f"return levels: {records} records each, 95 % intervals that hold the truth, in %")
    print("years  shape  " + "".join(f"{f'{period} years':>10}" for period in RETURN_YEARS))
    for years, shape, held in of_levels(records):
        print(f"{years:5}  {shape:5.1f}  " + "".join(f"{100 * one:10.1f}" for one in held))
    print()
    print(f"scores: {records} records each, 95 % intervals that hold the truth (too few: refused)")
    print("days  " + "".join(f"{name:>24}" for name in ("POD", "FAR", "CSI", "frequency bias")))
    for n, by_name in of_scores(records):
        cells = (f"{100 * held:.1f} ({100 * none:.0f} too few)" for held, none in by_name.values())
        print(f"{n:5} " + "".join(f"{cell:>24}" for cell in cells))


if __name__ == "__main__":
    main()
