"""Sums, means and changes against the same in plain Python, one row at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.detect import measure
from atalaia.detect.measure import Block
from atalaia.detect.values import heat_index_c, wave_power_kw_m
from oracles import cases
from stories import DAY, HOUR, T0

Told = tuple[int, int, int, float]
"""(series, minute, period in s, value)"""

TOLD = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 60).map(lambda n: n * 15),
        st.sampled_from([0, 900, 900, 1800, 3600, 3600, 6 * HOUR]),
        st.integers(0, 400).map(lambda n: n / 10),
    ),
    min_size=1,
    max_size=40,
)


def block_of(told: list[Told]) -> Block:
    """One row a series, time and period; of several the larger value."""
    largest: dict[tuple[int, int, int], float] = {}
    for series, minute, period, value in told:
        key = (series, T0 + minute * 60, period)
        largest[key] = max(value, largest.get(key, value))
    rows = sorted((*key, value) for key, value in largest.items())
    series, valid_at, periods, values = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return Block(
        series.astype(np.int64),
        valid_at.astype(np.int64),
        periods.astype(np.int64),
        values.astype(float),
        np.maximum(periods, HOUR).astype(np.int64),
        np.zeros(n, np.int8),
        np.zeros(n, bool),
    )


def once_an_instant(told: list[Told]) -> list[Told]:
    """What is no amount has one value at an instant (`Readings.in_order`)."""
    return list({(series, minute): row for row in told for series, minute, *_ in [row]}.values())


def rows_of(block: Block) -> list[tuple[int, int, int, float]]:
    return list(
        zip(
            block.series.tolist(),
            block.valid_at.tolist(),
            block.period_s.tolist(),
            block.value.tolist(),
            strict=True,
        )
    )


def same(found: np.ndarray, expected: list[float]) -> None:
    np.testing.assert_allclose(found, expected, atol=1e-9, equal_nan=True)


def test_a_sum_with_a_gap_says_what_fell_and_does_not_exclude_more() -> None:
    block = block_of([(0, 0, 3600, 10.0), (0, 60, 3600, 20.0), (0, 180, 3600, 5.0)])
    value, ceiling = measure.rolling_sum(block, 3 * HOUR)
    same(value, [10, 30, 25])
    same(ceiling, [np.inf, np.inf, np.inf])


def test_running_totals_within_an_hour_are_not_added_up() -> None:
    # A gauge that tells every 15 minutes what fell in the last hour.
    told = [(0, 15 * i, 3600, 8.0) for i in range(5)]
    value, _ = measure.rolling_sum(block_of(told), HOUR)
    same(value, [8.0] * 5)
    over_two, ceiling = measure.rolling_sum(block_of(told), 2 * HOUR)
    assert over_two[-1] == 16.0
    assert ceiling[-1] == 16.0


def test_sums_of_a_year_are_exact() -> None:
    told = [(0, 60 * i, 3600, 0.1) for i in range(9000)]
    value, ceiling = measure.rolling_sum(block_of(told), DAY)
    assert set(value[23:].tolist()) == {2.4}
    assert np.isinf(ceiling[22])
    assert ceiling[23] == 2.4


@settings(max_examples=cases(50), deadline=None, derandomize=True)
@given(TOLD, st.sampled_from([HOUR, 3 * HOUR]))
def test_a_mean_needs_three_quarters_of_its_window(told: list[Told], window_s: int) -> None:
    block = block_of(once_an_instant(told))
    all_rows = rows_of(block)
    expected = []
    for series, end, _, _ in all_rows:
        mine = [row for row in all_rows if row[0] == series]
        inside, covered = [], 0
        for i, (_, valid_at, period, value) in enumerate(mine):
            if end - window_s < valid_at <= end:
                inside.append(round(value * 1000))
                gap = valid_at - mine[i - 1][1] if i else 0
                covered += min(gap, max(period, HOUR)) if gap else period
        mean = sum(inside) / 1000 / len(inside)
        expected.append(mean if covered >= 0.75 * window_s else np.nan)
    value, ceiling = measure.rolling_mean(block, window_s)
    same(value, expected)
    same(ceiling, expected)


@settings(max_examples=cases(50), deadline=None, derandomize=True)
@given(TOLD, st.sampled_from([HOUR, 3 * HOUR]))
def test_a_change_is_against_a_value_of_about_a_window_ago(told: list[Told], window_s: int) -> None:
    block = block_of(once_an_instant(told))
    all_rows = rows_of(block)
    expected = []
    for series, end, _, value in all_rows:
        before = [
            (at, then)
            for other, at, _, then in all_rows
            if other == series and end - window_s / 0.75 <= at <= end - window_s
        ]
        expected.append(value - max(before)[1] if before else np.nan)
    same(measure.change(block, window_s)[0], expected)


ZONES = ["America/Sao_Paulo", "UTC", "America/New_York"]


@settings(max_examples=cases(20), deadline=None, derandomize=True)
@given(st.lists(st.integers(-50, 350).map(lambda n: n / 10), min_size=30, max_size=110), st.data())
def test_a_days_change_compares_the_minima_of_local_days(values: list[float], data: st.DataObject):
    gaps = data.draw(st.sets(st.integers(0, len(values) - 1), max_size=30))
    told = [(1, 60 * i, 3600, v) for i, v in enumerate(values) if i not in gaps]
    if not told:
        return
    block = block_of(told)
    zone = ZoneInfo(ZONES[1])
    days = [datetime.fromtimestamp(at, UTC).astimezone(zone).date() for at in block.valid_at]
    expected = []
    for i, day in enumerate(days):
        eve = [v for d, v in zip(days, block.value, strict=True) if d == day - timedelta(days=1)]
        so_far = [block.value[j] for j in range(i + 1) if days[j] == day]
        expected.append(min(so_far) - min(eve) if len(eve) >= 18 else np.nan)
    same(measure.day_change(block, ZONES)[0], expected)


def test_a_local_day_follows_the_clock_of_the_place_also_when_it_is_changed() -> None:
    at = int(datetime(2013, 3, 10, 4, 30, tzinfo=UTC).timestamp())  # 23:30 EST, an hour later EDT
    days = measure.local_day(np.array([at, at + HOUR, at + 24 * HOUR]), "America/New_York")
    assert (days - days[0]).tolist() == [0, 1, 2]


def test_days_in_a_row_count_today_as_soon_as_it_passes() -> None:
    hot = {0: 36.0, 1: 30.0, 2: 36.0, 3: 37.0, 4: 38.0}
    told = [
        (1, 60 * (24 * d + h), 3600, v if h == 14 else 20.0)
        for d, v in hot.items()
        for h in range(24)
    ]
    value, ceiling = measure.days_in_a_row(block_of(told), ZONES, np.full(len(told), 35.0), 1)
    at_noon_and_evening = [(value[24 * d + 12], value[24 * d + 20]) for d in range(5)]
    assert at_noon_and_evening == [(0, 1), (1, 1), (0, 1), (1, 2), (2, 3)]
    assert ceiling[24 * 4 + 12] == 3, "today may still pass"
    assert ceiling[24 * 4 + 20] == 3


def test_a_day_that_was_not_seen_breaks_no_row_of_days_for_certain() -> None:
    told = [(1, 60 * h, 3600, 36.0) for h in range(24)]
    told += [(1, 60 * (48 + h), 3600, 36.0) for h in range(24)]
    value, ceiling = measure.days_in_a_row(block_of(told), ZONES, np.full(len(told), 35.0), 1)
    assert value[-1] == 1
    assert np.isinf(ceiling[-1])


@settings(max_examples=cases(60), deadline=None, derandomize=True)
@given(
    st.lists(st.lists(st.none() | st.integers(0, 9), min_size=1, max_size=5), min_size=1).filter(
        lambda rows: len({len(row) for row in rows}) == 1
    ),
    st.integers(1, 5),
)
def test_k_places_must_reach_a_value_and_a_missing_one_is_never_calm(
    rows: list[list[int | None]], k: int
) -> None:
    value = np.array([[np.nan if v is None else v for v in row] for row in rows])
    reached, at_most = measure.kth_largest(value, value, k)
    for row, low, high in zip(rows, reached, at_most, strict=True):
        known = sorted((v for v in row if v is not None), reverse=True)
        if k > len(row):
            assert np.isnan(low)
            continue
        assert (np.isnan(low) and len(known) < k) or low == known[k - 1]
        might = sorted((np.inf if v is None else v for v in row), reverse=True)
        assert high == might[k - 1]


# Heat index. The table is the chart of the US National Weather Service (°F, whole degrees),
# https://www.weather.gov/safety/heat-index
NWS = {
    40: {80: 80, 84: 83, 88: 88, 92: 94, 96: 101, 100: 109, 104: 119, 108: 130, 110: 136},
    50: {80: 81, 84: 85, 88: 91, 92: 99, 96: 108, 100: 118, 104: 131},
    60: {80: 82, 84: 88, 88: 95, 92: 105, 96: 116, 100: 129},
    70: {80: 83, 84: 90, 88: 100, 92: 112, 96: 126},
    80: {80: 84, 84: 94, 88: 106, 92: 121},
    90: {80: 86, 84: 98, 88: 113, 90: 122},
}


def fahrenheit(celsius: float) -> float:
    return celsius * 1.8 + 32


def index_f(temperature_f: float, humidity: float) -> float:
    found = heat_index_c(np.array([(temperature_f - 32) / 1.8]), np.array([float(humidity)]))
    return fahrenheit(float(found[0]))


@pytest.mark.parametrize(
    ("humidity", "temperature_f", "told"),
    [(h, t, v) for h, row in NWS.items() for t, v in row.items()],
)
def test_the_heat_index_is_that_of_the_national_weather_service(
    humidity: int, temperature_f: int, told: int
) -> None:
    assert index_f(temperature_f, humidity) == pytest.approx(told, abs=1.0)


def test_the_heat_index_is_that_of_metpy() -> None:
    # metpy.calc.heat_index(90 °F, 90 %), as its documentation shows it.
    assert index_f(90, 90) == pytest.approx(121.90, abs=0.15)


def test_the_heat_index_of_a_missing_value_is_missing_and_of_a_mild_day_the_simple_one() -> None:
    both = heat_index_c(np.array([np.nan, 30.0, 20.0]), np.array([50.0, np.nan, 50.0]))
    assert np.isnan(both[:2]).all()
    # Steadman's simple formula at 68 °F and 50 %: 0.5 (T + 61 + 1.2 (T - 68) + 0.094 RH)
    assert fahrenheit(both[2]) == pytest.approx((0.5 * (68 + 61 + 0.094 * 50) + 68) / 2, abs=1.0)


@pytest.mark.parametrize("humidity", [0.0, 0.5, 100.0, 104.9])
@pytest.mark.parametrize("temperature", [-90.0, -10.0, 26.6, 26.7, 35.0])
def test_the_heat_index_of_any_plausible_weather_is_a_number(
    temperature: float, humidity: float
) -> None:
    assert np.isfinite(heat_index_c(np.array([temperature]), np.array([humidity]))).all()


def test_a_heat_index_beyond_all_weather_is_missing() -> None:
    assert np.isnan(heat_index_c(np.array([55.0]), np.array([60.0]))).all()


def test_the_power_of_waves_is_that_of_the_flux_of_energy_in_deep_water() -> None:
    """ρ g H²/16 times half of the speed g T/2π: the energy of a sea, and how fast its groups go."""
    height, period = np.array([2.0, 2.0, 3.0, 0.0]), np.array([6.0, 15.0, 8.0, 0.0])
    energy = 1025 * 9.80665 * height**2 / 16
    group = 9.80665 * period / (4 * np.pi)
    told = wave_power_kw_m(height, period)
    np.testing.assert_allclose(told, energy * group / 1000, atol=0.001)
    assert told[2] == pytest.approx(0.49 * 9 * 8, rel=0.002), "the rule of thumb, 0.49 H² T"
    assert told[3] == 0.0, "an absent sea is told as 0 and 0"
    assert np.isnan(wave_power_kw_m(np.array([np.nan, 1.0]), np.array([8.0, np.nan]))).all()
