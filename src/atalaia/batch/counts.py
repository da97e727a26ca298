"""How many occurrences a day has, of amounts that day: a negative binomial count model.

log mean = level of the year + Σ weight * amount, weights 0 or more. Levels are tied by a random
walk, as how many occurrences are logged changes over the years while rain does not; a small ridge
keeps weights small that say the same. The variance is mean + dispersion * mean**2 (NB2; Cameron &
Trivedi 2013, *Regression Analysis of Count Data*, 3.3). SciPy finds the largest posterior density.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from atalaia.domain.reading import Floats, Ints
from atalaia.errors import SettingsInvalid

WALK = 0.7
"""Standard deviation of a level's step from one year to the next: a factor of two is likely."""

RIDGE = 1.0
"""Precision of a weight whose amount is scaled to a standard deviation of 1."""

_MOST = 12.0
"""The largest log mean: what the search tries beyond it is no better, and does not overflow."""


@dataclass(frozen=True, slots=True)
class CountModel:
    """A fitted model: `levels` of the years, ascending, `weights` of the amounts, `dispersion`."""

    levels: Floats
    weights: Floats
    dispersion: float


def fit(amounts: Floats, count: Ints, year: Ints) -> CountModel:
    """The model of n days: amounts of shape (n, p), `year` as numbers from 0 on.

    Raises SettingsInvalid where SciPy is not installed.
    """
    optimize, special = _scipy()
    scale = amounts.std(axis=0) + 1e-9
    scaled, years, p = amounts / scale, int(year.max()) + 1, amounts.shape[1]

    def lost(at: Floats) -> tuple[float, Floats]:
        levels, weights, log_size = at[:years], at[years:-1], at[-1]
        size = np.exp(log_size)
        mean = np.exp(np.minimum(levels[year] + scaled @ weights, _MOST))
        further = mean / (size + mean)
        likely = _likely(special, count, further, size)
        of_mean = count - (count + size) * further
        of_size = special.digamma(count + size) - special.digamma(size) + np.log1p(-further)
        of_size = of_size + 1 - (count + size) / (size + mean)
        step = np.diff(levels) / WALK**2
        slope = np.concatenate(
            (
                -np.bincount(year, of_mean, years),
                RIDGE * weights - scaled.T @ of_mean,
                [log_size / 4 - size * of_size.sum()],
            )
        )
        slope[1:years] += step
        slope[: years - 1] -= step
        prior = (np.diff(levels) ** 2).sum() / (2 * WALK**2)
        prior += RIDGE * (weights**2).sum() / 2 + log_size**2 / 8
        return float(prior - likely.sum()), slope

    start = np.concatenate((np.full(years, np.log(count.mean() + 1e-3) - 1), np.full(p, 0.3), [0]))
    bounds = [(None, None)] * years + [(0, None)] * p + [(-4, 4)]
    found = optimize.minimize(lost, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return CountModel(found[:years], found[years:-1] / scale, float(np.exp(-found[-1])))


def surprise(model: CountModel, amounts: Floats, count: Ints) -> float:
    """How far the days of a year that it was not fitted to are from what it says, at the level that
    fits them best: minus the mean log likelihood."""
    optimize, special = _scipy()
    size = 1 / model.dispersion
    likely_of = amounts @ model.weights

    def lost(level: float) -> float:
        mean = np.exp(np.minimum(level + likely_of, _MOST))
        return float(-_likely(special, count, mean / (size + mean), size).mean())

    return float(optimize.minimize_scalar(lost, bounds=(-15, 5), method="bounded").fun)


def _likely(special: Any, count: Ints, further: Floats, size: float) -> Floats:
    """Log likelihood of each count; `further`: the chance of one more, mean / (size + mean)."""
    likely = special.gammaln(count + size) - special.gammaln(size) - special.gammaln(count + 1)
    found: Floats = likely + size * np.log1p(-further) + special.xlogy(count, further)
    return found


def _scipy() -> tuple[Any, Any]:
    # Threads of SciPy's own OpenBLAS wait for each other five times as long as its small products
    # take; it looks here once, when it is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from scipy import optimize, special  # noqa: PLC0415  an extra: only who calibrates needs it
    except ImportError as error:
        raise SettingsInvalid(
            ["--form score needs SciPy, which is not installed; install atalaia[calibrate]"]
        ) from error
    return optimize, special
