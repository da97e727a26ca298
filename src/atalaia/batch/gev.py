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

import numpy as np

from atalaia.domain.reading import Floats

SAMPLES = 1000
CONFIDENCE = 0.95

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
    1, shape (m,). All three results have shape (m,). The interval is a parametric bootstrap's:
    of samples of n years from the fitted distribution, drawn alike each time.
    """
    probability = 1 - 1 / years
    best = fit(maxima)
    chance = np.random.default_rng(len(maxima)).random((SAMPLES, len(maxima)))
    again = fit(best.quantile(chance))
    each = Gev(again.location[:, None], again.scale[:, None], again.shape[:, None])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(each.quantile(probability[None, :]), [tail, 1 - tail], axis=0)
    return best.quantile(probability), low, high
