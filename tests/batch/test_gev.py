"""The GEV against published results, and against scipy."""

from __future__ import annotations

import numpy as np
import pytest

from atalaia.batch.gev import Gev, fit, l_moments, return_levels

HOSKING = np.array([2.0, 3.0, 4.0, 2.4, 5.5, 1.2, 5.4, 2.2, 7.1, 1.3, 1.5])
"""The sample on which ports of Hosking's LMOMENTS (IBM Research Report RC20525, version 3.04) are
tested; SAMLMU, PELGEV and QUAGEV give the values below."""

PORT_PIRIE = np.array(
    [4.03, 3.83, 3.65, 3.88, 4.01, 4.08, 4.18, 3.80, 4.36, 3.96, 3.98, 4.69, 3.85, 3.96, 3.85,
     3.93, 3.75, 3.63, 3.57, 4.25, 3.97, 4.05, 4.24, 4.22, 3.73, 4.37, 4.06, 3.71, 3.96, 4.06,
     4.55, 3.79, 3.89, 4.11, 3.85, 3.86, 3.86, 4.21, 4.01, 4.11, 4.24, 3.96, 4.21, 3.74, 3.85,
     3.88, 3.66, 4.11, 3.71, 4.18, 3.90, 3.78, 3.91, 3.72, 4.00, 3.66, 3.62, 4.33, 4.55, 3.75,
     4.08, 3.90, 3.88, 3.94, 4.33]
)  # fmt: skip
"""Annual maximum sea levels at Port Pirie, 1923-1987, in m: Coles (2001), table 1.2."""


def test_sample_l_moments_are_those_of_hoskings_package() -> None:
    assert np.array(l_moments(HOSKING)) == pytest.approx([3.23636364, 1.14181818, 0.27388535])


def test_the_fit_is_that_of_hoskings_package() -> None:
    gev = fit(HOSKING)
    found = [float(gev.location), float(gev.scale), float(gev.shape)]
    assert found == pytest.approx([2.1792884, 1.3956404, -0.1555609], abs=1e-6)


def test_quantiles_are_those_of_hoskings_package() -> None:
    gev = Gev(np.array(2.1792884), np.array(1.3956404), np.array(-0.1555609))
    found = gev.quantile(np.array([0.2, 0.5, 0.8]))
    assert found == pytest.approx([1.539112, 2.705672, 4.537048], abs=1e-6)


def test_port_pirie_is_within_a_standard_error_of_coles() -> None:
    # Coles (2001), 3.4.1, by maximum likelihood: 3.87 (0.028), 0.198 (0.020), ξ -0.050 (0.098);
    # 4.30 m in ten years and 4.69 m in a hundred.
    gev = fit(PORT_PIRIE)
    assert float(gev.location) == pytest.approx(3.87, abs=0.028)
    assert float(gev.scale) == pytest.approx(0.198, abs=0.020)
    assert float(-gev.shape) == pytest.approx(-0.050, abs=0.098)
    level, low, high = return_levels(PORT_PIRIE, np.array([10.0, 100.0]))
    assert level == pytest.approx([4.30, 4.69], abs=0.02)
    assert (low < level).all()
    assert (level < high).all()


def test_a_gumbel_distribution_has_its_own_formulas() -> None:
    # Its L-moments are known: mean γα + ξ, α ln 2, and skewness 2 ln 3 / ln 2 - 3 = 0.1699.
    gev = Gev(np.array(1.0), np.array(2.0), np.array(0.0))
    even = (np.arange(200_000) + 0.5) / 200_000
    again = fit(gev.quantile(even))
    assert float(again.shape) == pytest.approx(0, abs=1e-3)
    assert float(gev.quantile(np.array(np.exp(-1)))) == pytest.approx(1.0)


@pytest.mark.parametrize("shape", [-0.4, -0.1, 0.0, 0.1, 0.4])
def test_quantiles_are_scipys(shape: float) -> None:
    genextreme = pytest.importorskip("scipy.stats").genextreme
    probability = 1 - 1 / np.array([2.0, 5, 10, 25, 50])
    ours = Gev(np.array(30.0), np.array(8.0), np.array(shape)).quantile(probability)
    assert ours == pytest.approx(genextreme.ppf(probability, shape, 30, 8))


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.3])
def test_a_long_sample_gives_its_distribution_back_as_scipys_fit_does(shape: float) -> None:
    genextreme = pytest.importorskip("scipy.stats").genextreme
    sample = genextreme.rvs(shape, 30, 8, size=4000, random_state=1)
    ours = fit(sample)
    theirs = genextreme.fit(sample, shape, loc=30, scale=8)
    assert float(ours.shape) == pytest.approx(theirs[0], abs=0.04)
    assert float(ours.location) == pytest.approx(theirs[1], abs=0.3)
    assert float(ours.scale) == pytest.approx(theirs[2], abs=0.3)


@pytest.mark.parametrize(
    ("years", "shape", "period"), [(20, -0.1, 25), (30, 0.0, 50), (50, 0.1, 50)]
)
def test_the_interval_holds_the_truth_as_often_as_it_says(
    years: int, shape: float, period: int
) -> None:
    """Within 2 points of 95 %: a short form of `make coverage`. Drawn by scipy."""
    genextreme = pytest.importorskip("scipy.stats").genextreme
    truth = genextreme.ppf(1 - 1 / period, shape, 30, 8)
    samples = genextreme.rvs(shape, 30, 8, size=(400, years), random_state=years)
    bounds = [return_levels(sample, np.array([period], float))[1:] for sample in samples]
    below = np.mean([truth < float(low[0]) for low, _ in bounds])
    above = np.mean([truth > float(high[0]) for _, high in bounds])
    assert 0.03 <= below + above <= 0.07
    assert above <= 0.055, "and misses are not nearly all above"
