"""Return levels: the generalised extreme value distribution (GEV), fitted by L-moments.

The GEV has a location ξ, a scale α > 0 and a shape k, in Hosking's sign: k < 0 is a heavy tail
(Coles' ξ = -k; ``c`` of scipy's ``genextreme`` is k). Its quantile function is

    x(F) = ξ + α (1 - (-ln F)^k) / k,   x(F) = ξ - α ln(-ln F) where k = 0

and the level that is reached once in T years is x(1 - 1/T). L-moments are used, and not the
likelihood, because records of weather are short: of 15 to 100 years they give smaller errors of
high quantiles, and always a fit.

References: Hosking, Wallis and Wood (1985), Technometrics 27, 251-261; Hosking (1990), Journal of
the Royal Statistical Society B 52, 105-124; Coles (2001), An Introduction to Statistical Modeling
of Extreme Values, chapter 3. Tested against the results that Hosking's LMOMENTS package gives,
against scipy, and against Coles' annual maxima of Port Pirie.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from atalaia.domain.reading import Floats

SAMPLES = 1000

TAIL = 0.0225
"""Of the bootstrap, on each side. 2.5 % would do if the spread at the true shape were known; with
the one that is fitted, less has to be cut for 95 of 100 intervals of 20 to 50 years to hold
the truth (`make coverage`)."""

_SHAPES = np.linspace(-0.6, 0.6, 7)
_SPREAD_SAMPLES = 400

_GUMBEL = 1e-7
"""A shape so near to 0 is computed as 0."""

_gamma = np.vectorize(math.gamma, otypes=[float])


@dataclass(frozen=True, slots=True)
class Gev:
    """One distribution, or many: location, scale (in the data's unit) and shape of one form."""

    location: Floats
    scale: Floats
    shape: Floats

    def quantile(self, probability: Floats) -> Floats:
        """The value that is not exceeded with this probability, which is between 0 and 1.

        >>> float(np.round(Gev(np.array(2.1792884), np.array(1.3956404), np.array(-0.1555609))
        ...     .quantile(np.array(0.8)), 4))
        4.537
        """
        reduced = -np.log(probability)
        flat = np.abs(self.shape) < _GUMBEL
        shape = np.where(flat, 1.0, self.shape)
        step = np.where(flat, -np.log(reduced), (1 - reduced**shape) / shape)
        out: Floats = self.location + self.scale * step
        return out


def l_moments(samples: Floats) -> tuple[Floats, Floats, Floats]:
    """First, second L-moment and L-skewness of samples, along the last axis (at least 3 values).

    From the unbiased probability-weighted moments. Where all values are equal, NaN skewness.
    """
    n = samples.shape[-1]
    ranked = np.sort(samples, axis=-1)
    i = np.arange(n)
    b0 = ranked.mean(axis=-1)
    b1 = (ranked * (i / (n - 1))).mean(axis=-1)
    b2 = (ranked * (i * (i - 1) / ((n - 1) * (n - 2)))).mean(axis=-1)
    second = 2 * b1 - b0
    with np.errstate(divide="ignore", invalid="ignore"):
        return b0, second, (6 * b2 - 6 * b1 + b0) / second


def fit(samples: Floats) -> Gev:
    """The GEV with the samples' L-moments, along the last axis.

    The shape comes from Hosking's approximation (off by less than 0.0009) and Newton's method.
    """
    mean, second, skewness = l_moments(samples)
    c = 2 / (3 + skewness) - math.log(2) / math.log(3)
    shape = 7.8590 * c + 2.9554 * c**2
    for _ in range(5):
        shape = _newton(shape, skewness)
    flat = np.abs(shape) < _GUMBEL
    k = np.where(flat, 1.0, shape)
    gamma = _gamma(1 + k)
    scale = np.where(flat, second / math.log(2), second * k / ((1 - 2.0**-k) * gamma))
    location = np.where(flat, mean - np.euler_gamma * scale, mean - scale * (1 - gamma) / k)
    return Gev(location, scale, np.where(flat, 0.0, shape))


def _newton(shape: Floats, skewness: Floats) -> Floats:
    """One step towards the shape k with 2 (1 - 3^-k) / (1 - 2^-k) - 3 = skewness."""
    k = np.where(np.abs(shape) < _GUMBEL, _GUMBEL, shape)
    two, three = 1 - 2.0**-k, 1 - 3.0**-k
    slope = 2 * (math.log(3) * (1 - three) * two - math.log(2) * (1 - two) * three) / two**2
    # At -1 the mean becomes infinite; no sample's L-moments lie there.
    out: Floats = np.maximum(k - (2 * three / two - 3 - skewness) / slope, -0.99)
    return out


def return_levels(maxima: Floats, years: Floats) -> tuple[Floats, Floats, Floats]:
    """Levels that are reached once in so many years, with the bounds of their 95 % interval.

    `maxima` has one value a year, shape (n,), n ≥ 3, not all equal; `years` return periods above
    1, shape (m,). All three results have shape (m,).

    The interval is a bootstrap's of the studentised error (bootstrap-t; Davison and Hinkley 1997,
    *Bootstrap Methods and their Application*, 5.2): how far the levels of samples of n years from
    the fitted distribution are off, in units of the spread that their own shape makes one expect.
    A plain bootstrap of the levels is too narrow above: where the sample looks light-tailed, so do
    all samples that are drawn from it. Samples are drawn alike each time.
    """
    probability = tuple((1 - 1 / years).tolist())
    best = fit(maxima)
    again = fit(best.quantile(_chance(len(maxima), SAMPLES)))
    level = best.quantile(np.array(probability))
    error = _levels(again, probability) - level
    spread = _spread(len(maxima), probability)
    studentised = error / (again.scale[:, None] * _at(again.shape, spread))
    low, high = np.quantile(studentised, [TAIL, 1 - TAIL], axis=0)
    unit = best.scale * _at(best.shape, spread)
    return level, level - high * unit, level - low * unit


def _at(shape: Floats, spread: Floats) -> Floats:
    """The spread at each shape, shape (…, m)."""
    columns = [np.interp(shape, _SHAPES, np.log(column)) for column in spread.T]
    out: Floats = np.exp(np.stack(columns, axis=-1))
    return out


@lru_cache(maxsize=64)
def _spread(n: int, probability: tuple[float, ...]) -> Floats:
    """By shape of `_SHAPES`, how widely levels of n years lie, for a scale of 1: shape (k, m)."""
    chance = _chance(n, _SPREAD_SAMPLES)
    rows = []
    for shape in _SHAPES:
        again = fit(Gev(np.array(0.0), np.array(1.0), shape).quantile(chance))
        low, high = np.quantile(_levels(again, probability), [0.16, 0.84], axis=0)
        rows.append((high - low) / 2)
    return np.array(rows)


def _levels(fitted: Gev, probability: tuple[float, ...]) -> Floats:
    """Quantiles of each of n distributions, shape (n, m)."""
    each = Gev(fitted.location[:, None], fitted.scale[:, None], fitted.shape[:, None])
    return each.quantile(np.array(probability)[None, :])


def _chance(n: int, samples: int) -> Floats:
    chance: Floats = np.random.default_rng(n).random((samples, n))
    return chance
