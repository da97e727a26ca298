from __future__ import annotations

import numpy as np
import pytest

from atalaia.domain.reading import NO_TIME
from atalaia.sources.budget import Budget
from atalaia.sources.open_meteo_apis import FORECAST
from atalaia.sources.schedule import (
    Due,
    PollCadence,
    arithmetic,
    due,
    due_within_budget,
    intervals,
)

NOON = 1_726_920_000
MIDNIGHT = 1_726_876_800
FULL = {"second": 3, "hour": 25, "day": 500}


def never(n: int) -> np.ndarray:
    return np.full(n, NO_TIME, np.int64)


def test_calm_places_are_due_after_15_minutes_and_near_ones_after_5() -> None:
    last = np.array([NOON - 299, NOON - 300, NOON - 899, NOON - 900, NO_TIME])
    calm, near = np.zeros(5), np.ones(5)
    assert due(NOON, last, calm, PollCadence()).tolist() == [3, 4]
    assert due(NOON, last, near, PollCadence()).tolist() == [1, 2, 3, 4]


def test_places_nearest_to_a_limit_go_first() -> None:
    nearness = np.array([0.1, 1.0, np.nan, 0.8])
    assert due(NOON, never(4), nearness, PollCadence()).tolist() == [1, 3, 0, 2]


def test_a_day_of_27_capitals_stays_within_the_free_plan_and_sees_all_of_them() -> None:
    """Driven minute by minute, with a storm at three places for six hours."""
    n = 27
    budget = Budget.of("tomorrow-io")
    last = {"realtime": never(n), "forecast": never(n)}
    asked: list[tuple[int, Due]] = []
    for now in range(MIDNIGHT, MIDNIGHT + 86_400, 60):
        nearness = np.zeros(n)
        is_storm = MIDNIGHT + 43_200 <= now < MIDNIGHT + 64_800
        nearness[[3, 7, 20]] = is_storm
        for call in due_within_budget(now, last, nearness, budget.left(now)):
            second = next(s for s in range(60) if budget.take(1, now + s) == 0)
            last[call.content][call.place] = now
            asked.append((now + second, call))
    assert len(asked) <= 500
    per_hour = np.bincount([(at - MIDNIGHT) // 3600 for at, _ in asked], minlength=24)
    assert per_hour.max() <= 25
    forecasts = [call.place for _, call in asked if call.content == "forecast"]
    assert np.bincount(forecasts, minlength=n).max() <= 4
    assert set(forecasts) == set(range(n))
    realtime = np.bincount(
        [call.place for _, call in asked if call.content == "realtime"], minlength=n
    )
    stormy = realtime[[3, 7, 20]]
    calm = np.delete(realtime, [3, 7, 20])
    assert stormy.min() > 2 * calm.max()
    assert calm.min() >= 5
    assert calm.max() - calm.min() <= 2


def test_places_near_a_limit_go_first_then_forecasts_then_calm_ones() -> None:
    last = {"realtime": never(4), "forecast": np.array([NOON, NOON - 21_600, NOON, NOON])}
    nearness = np.array([0.0, 0.2, 1.0, 0.8])
    calls = due_within_budget(NOON, last, nearness, FULL)
    assert calls == [
        Due("realtime", 2),
        Due("realtime", 3),
        Due("forecast", 1),
        Due("realtime", 0),
        Due("realtime", 1),
    ]


def test_the_last_fifth_of_the_budget_is_kept_for_storms() -> None:
    last = {"realtime": never(3), "forecast": never(3)}
    nearness = np.array([0.0, 1.0, 0.0])
    scarce = {"second": 3, "hour": 5, "day": 300}
    assert due_within_budget(NOON, last, nearness, scarce) == [Due("realtime", 1)]
    empty = {"second": 3, "hour": 0, "day": 300}
    assert due_within_budget(NOON, last, nearness, empty) == []


def test_what_forecasts_and_storms_leave_is_shared_evenly_by_calm_places() -> None:
    every = intervals(27, 0, 500, PollCadence(near_s=180), 21_600)
    assert every.forecast_s == pytest.approx(21_600)
    assert 27 * 86_400 / every.calm_s == pytest.approx(500 - 108)
    storm = intervals(27, 27, 500, PollCadence(near_s=180), 21_600)
    assert 27 * 86_400 / storm.near_s == pytest.approx(392)
    # Too many places: forecasts take a quarter of the calls, and come less often.
    crowd = intervals(500, 0, 500, PollCadence(near_s=180), 21_600)
    assert 500 * 86_400 / crowd.forecast_s == pytest.approx(125)
    # One place is not asked oftener than it changes.
    assert intervals(1, 1, 10_000, PollCadence(near_s=180), 21_600).near_s == 180
    assert intervals(0, 0, 500, PollCadence(), 21_600).calm_s == 300


def test_no_places_are_no_calls() -> None:
    nothing = {"realtime": never(0), "forecast": never(0)}
    assert due_within_budget(NOON, nothing, np.zeros(0), FULL) == []
    assert due(NOON, never(0), np.zeros(0), PollCadence()).tolist() == []


def test_the_arithmetic_of_the_free_plan() -> None:
    one = arithmetic("tomorrow-io", 1, 180)
    assert (one.calls_per_day, one.calls_per_hour, one.fits) == (480, 20, True)
    two = arithmetic("tomorrow-io", 2, 300)
    assert (two.calls_per_day, two.fits) == (576, False)
    capitals = arithmetic("tomorrow-io", 27, 3600, calls_per_place=2)
    assert (capitals.calls_per_round, capitals.fits) == (54, False)
    assert capitals.shortest_interval_s / 60 == pytest.approx(155.5, abs=0.05)
    assert "one round every 156 min would" in capitals.sentence
    assert "54 calls a round" in capitals.sentence
    assert "does not fit in 25 an hour and 500 a day" in capitals.sentence


def test_the_arithmetic_of_open_meteo_counts_variables() -> None:
    calm = arithmetic("open-meteo", 27, 900, FORECAST.calls_per_place)
    assert (calm.calls_per_round, calm.calls_per_day, calm.fits) == (54, 5184, True)
    assert not arithmetic("open-meteo", 27, 300, FORECAST.calls_per_place).fits
    unknown = arithmetic("own", 3, 60)
    assert (unknown.fits, unknown.limit_per_day) == (True, None)
    assert unknown.sentence.endswith("(180 an hour), no limit is known")
