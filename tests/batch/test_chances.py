"""Chances held against what came true: figures against plain ones, and their identities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from atalaia.batch import chances
from atalaia.batch.chances import brier, put_right, reliability, roc_area, value
from atalaia.domain.reading import Bools, Floats


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chances, "RESAMPLES", 50)


def drawn(seed: int, n: int = 300, *, is_right: bool = True) -> tuple[Floats, Bools]:
    random = np.random.default_rng(seed)
    true_chance = random.beta(0.5, 2, n)
    came_true = random.random(n) < true_chance
    told = np.round(true_chance if is_right else true_chance**2, 2)
    return told, came_true


@pytest.mark.parametrize("seed", range(8))
def test_putting_right_is_isotonic_regression_and_equal_chances_are_pooled(seed: int) -> None:
    chance, came_true = drawn(seed)
    levels, where = np.unique(chance, return_inverse=True)
    weight = np.bincount(where)
    mean = np.bincount(where, weights=came_true) / weight
    expected = isotonic_regression(mean, weights=weight).x[where]
    assert put_right(chance, came_true) == pytest.approx(expected, abs=1e-12)
    assert len(levels) < len(chance)


@pytest.mark.parametrize("seed", range(8))
def test_the_area_under_roc_is_how_often_an_event_had_the_higher_chance(seed: int) -> None:
    chance, came_true = drawn(seed, 80)
    pairs = [
        (event > quiet) + 0.5 * (event == quiet)
        for event in chance[came_true]
        for quiet in chance[~came_true]
    ]
    assert roc_area(chance, came_true) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert roc_area(chance, np.zeros(80, bool)) is None


def test_six_chances_have_the_figures_that_are_worked_out_by_hand() -> None:
    """Put right they are 0, 0, 1/2, 1/2, 1, 1; of 9 pairs of an event and a quiet day 8 are in
    order and one is even; acting from 0.3 on costs 4 x 0.3 and saves all three events."""
    chance = np.array([0.1, 0.1, 0.4, 0.4, 0.8, 0.8])
    came_true = np.array([False, False, True, False, True, True])
    told = reliability(chance, came_true, np.arange(6))
    assert told.brier == pytest.approx(0.62 / 6, abs=1e-4)
    assert told.miscalibration == pytest.approx((0.62 - 0.5) / 6, abs=1e-4)
    assert told.discrimination == pytest.approx(0.25 - 0.5 / 6, abs=1e-4)
    assert told.uncertainty == 0.25
    assert told.roc_area == pytest.approx(8.5 / 9, abs=1e-4)
    assert told.value["0.3"] == pytest.approx((0.3 - 0.2) / (0.3 - 0.15), abs=1e-4)
    assert [(step.chance, step.observed, step.cases) for step in told.diagram] == [
        (0.1, 0.0, 2),
        (0.4, 0.5, 2),
        (0.8, 1.0, 2),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_those_of_scores_and_properscoring(seed: int) -> None:
    """`pip install scores properscoring`: with what they need, too large for every run of CI."""
    scores = pytest.importorskip("scores.probability")
    properscoring = pytest.importorskip("properscoring")
    xarray = pytest.importorskip("xarray")
    chance, came_true = drawn(seed)
    told, came = xarray.DataArray(chance), xarray.DataArray(came_true.astype(float))
    peers = properscoring.brier_score(came_true.astype(float), chance).mean()
    assert brier(chance, came_true) == pytest.approx(peers, abs=1e-12)
    assert brier(chance, came_true) == pytest.approx(float(scores.brier_score(told, came)))
    fit = scores.isotonic_fit(told, came)
    where = np.searchsorted(fit["fcst_sorted"], chance)
    assert put_right(chance, came_true) == pytest.approx(fit["regression_values"][where])
    assert roc_area(chance, came_true) == pytest.approx(float(scores.roc_auc(told, came)))
    for ratio in chances.COST_LOSS:
        peer = scores.relative_economic_value(
            told, came, cost_loss_ratios=[ratio], probability_thresholds=[ratio]
        )
        assert value(chance, came_true, ratio) == pytest.approx(float(peer.squeeze()), abs=1e-4)


def test_the_parts_of_a_brier_score_add_up_and_right_chances_have_no_miscalibration() -> None:
    chance, came_true = drawn(1, 1500)
    weeks = np.arange(1500) // 7
    right = reliability(chance, came_true, weeks)
    parts = right.miscalibration - right.discrimination + right.uncertainty
    assert right.brier == pytest.approx(parts, abs=2e-4)
    assert right.brier == pytest.approx(brier(chance, came_true), abs=1e-4)
    low, high = right.intervals["brier"]
    assert low < right.brier < high
    told_wrong, _ = drawn(1, 1500, is_right=False)
    wrong = reliability(told_wrong, came_true, weeks)
    assert wrong.miscalibration > right.miscalibration + 0.01
    assert wrong.roc_area == pytest.approx(right.roc_area, abs=0.01), "their order is the same"


def test_a_diagram_rises_and_has_each_case_once() -> None:
    chance, came_true = drawn(3, 1000)
    diagram = reliability(chance, came_true, np.arange(1000) // 7).diagram
    assert sum(step.cases for step in diagram) == 1000
    observed = [step.observed for step in diagram]
    assert observed == sorted(observed)
    assert all(step.low <= step.chance <= step.high for step in diagram)


def test_a_perfect_forecast_saves_all_and_always_or_never_acting_saves_nothing() -> None:
    came_true = np.array([True, False, False, False])
    assert value(came_true.astype(float), came_true, 0.3) == 1
    assert value(np.zeros(4), came_true, 0.3) == 0, "0.25 of the days: never acting is cheaper"
    assert value(np.ones(4), came_true, 0.2) == 0
    assert value(np.ones(4), came_true, 0.5) < 0
