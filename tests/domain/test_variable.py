"""The catalogue against what was ever measured, and against the words of its own names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.variable import CATALOGUE

SUFFIXES = {
    "_c": "°C", "_pct": "%", "_m_s": "m/s", "_deg": "°", "_mm_h": "mm/h", "_mm": "mm", "_cm": "cm",
    "_m": "m", "_hpa": "hPa", "_j_kg": "J/kg", "_kj_m2": "kJ/m²", "_index": "1", "_code": "1",
    "_ug_m3": "µg/m³", "_m3_s": "m³/s", "_m3_s3": "m³/s³", "_s": "s", "_class": "class",
}  # fmt: skip

RECORDS = [
    # WMO World Weather and Climate Extremes Archive
    ("temperature_c", 56.7),  # Furnace Creek, 10 July 1913
    ("temperature_c", -89.2),  # Vostok, 21 July 1983
    ("dew_point_c", 35.0),  # Dhahran, 8 July 2003
    ("wind_gust_m_s", 113.2),  # Barrow Island, 10 April 1996
    ("wave_height_m", 19.0),  # North Atlantic, 4 February 2013
    ("pressure_sea_level_hpa", 870.0),  # Typhoon Tip, 12 October 1979
    ("pressure_sea_level_hpa", 1089.4),  # Tosontsengel, 30 December 2004, with the reduction
    ("uv_index", 43.3),  # Licancabur, 29 December 2003
    ("snow_depth_m", 11.82),  # Mount Ibuki, 14 February 1927
    ("river_level_m", 30.02),  # Manaus, 16 June 2021
    ("relative_humidity_pct", 0.36),  # Safi-Abad Dezful, 20 June 2017
]


@pytest.mark.parametrize(("name", "value"), RECORDS)
def test_what_was_ever_measured_is_believed(name: str, value: float) -> None:
    assert CATALOGUE[name].lowest <= value <= CATALOGUE[name].highest


RAIN = [
    # The same archive
    (60, 31.2),  # Unionville, 4 July 1956
    (42 * 60, 305.0),  # Holt, 22 June 1947
    (12 * 3600, 1144.0),  # Foc-Foc, 8 January 1966
    (24 * 3600, 1825.0),  # Foc-Foc, 8 January 1966
    (48 * 3600, 2493.0),  # Cherrapunji, 15 and 16 June 1995
]


@pytest.mark.parametrize(("period_s", "mm"), RAIN)
def test_rain_that_ever_fell_is_believed_in_the_period_in_which_it_fell(
    period_s: int, mm: float
) -> None:
    (most,) = CATALOGUE["rain_mm"].highest_in(np.array([period_s]))
    assert mm <= most <= 2.2 * mm


@settings(max_examples=60)
@given(st.lists(st.integers(1, 400_000), min_size=2, max_size=9))
def test_in_a_longer_period_more_can_fall_and_never_more_than_in_its_parts(
    periods: list[int],
) -> None:
    for variable in (one for one in CATALOGUE.values() if one.is_sum):
        order = np.array(sorted(periods))
        most = variable.highest_in(order)
        assert (np.diff(most) >= 0).all()
        (whole,) = variable.highest_in(np.array([order.sum()]))
        assert whole <= most.sum() * (1 + 1e-9)
        (unstated,) = variable.highest_in(np.array([0]))
        assert unstated == variable.highest


@settings(max_examples=60)
@given(st.integers(0, 400_000), st.integers(1, 9))
def test_in_each_of_several_periods_as_much_can_fall_as_in_one_of_them(
    period_s: int, n: int
) -> None:
    for variable in (one for one in CATALOGUE.values() if one.is_sum):
        one = variable.highest_in(np.array([period_s]))
        assert variable.highest_in(np.full(n, period_s)).tolist() == one.tolist() * n


def test_a_day_of_rain_has_the_catalogues_own_limit() -> None:
    (day,) = CATALOGUE["rain_mm"].highest_in(np.array([86_400]))
    assert day == CATALOGUE["rain_mm"].highest
    (second,) = CATALOGUE["rain_mm"].highest_in(np.array([1]))
    assert second == pytest.approx(CATALOGUE["rain_rate_mm_h"].highest / 3600)


@pytest.mark.parametrize("variable", CATALOGUE.values(), ids=lambda one: one.name)
def test_a_variable_has_its_unit_in_its_name_limits_in_order_and_a_reason(variable) -> None:  # type: ignore[no-untyped-def]
    suffix = next(s for s in sorted(SUFFIXES, key=len, reverse=True) if variable.name.endswith(s))
    assert SUFFIXES[suffix] == variable.unit
    assert variable.lowest < variable.highest
    assert variable.meaning
    assert variable.because
    assert not (variable.is_sum and variable.lowest < 0)
    assert variable.stuck_after_h is None or variable.stuck_after_h >= 1
    assert variable.max_step_per_h is None or variable.max_step_per_h < (
        variable.highest - variable.lowest
    )
    assert variable.is_sum or not variable.limit_of_s


def test_names_of_cf_are_used_once() -> None:
    named = [one.cf_name for one in CATALOGUE.values() if one.cf_name]
    assert len(named) == len(set(named))
    assert all(name == name.lower() and " " not in name for name in named)
