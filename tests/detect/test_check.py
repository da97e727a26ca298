from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.detect.by_series import BySeries
from atalaia.detect.check import Checked, check
from atalaia.detect.series import SeriesTable
from atalaia.domain.reading import Readings
from atalaia.domain.variable import CATALOGUE
from oracles import cases
from stories import HOUR, T0, places, series


def checked(readings: Readings, table: SeriesTable | None = None) -> Checked:
    table = table or SeriesTable(places())
    codes = table.source_codes(readings.sources)
    numbers = table.numbers(readings.place, codes[readings.source])
    order = np.lexsort((readings.valid_at, numbers))
    return check(readings.take(order), BySeries.of(numbers[order]), table)


def doubted(found: Checked, name: str) -> list[int]:
    return np.flatnonzero(found.suspect[name]).tolist() if name in found.suspect else []


def test_a_sensor_that_says_1048_mph_is_not_weather() -> None:
    found = checked(series([9.0, 468.66, 8.0]))
    assert np.isnan(found.values["wind_gust_m_s"]).tolist() == [False, True, False]


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_value_at_its_limits_is_used_and_beyond_them_is_not(name: str) -> None:
    variable = CATALOGUE[name]
    highest = float(variable.highest_in(np.array(HOUR))) if variable.is_sum else variable.highest
    span = (highest - variable.lowest) * 1e-6
    values = [
        variable.lowest - span,
        variable.lowest,
        highest,
        highest + span,
        np.inf,
        -np.inf,
        None,
    ]
    found = checked(series(values, name)).values[name]
    assert np.isnan(found).tolist() == [True, False, False, True, True, True, True]


@pytest.mark.parametrize(
    ("period_s", "record_mm"),
    # Barot 1970 (contested) and Unionville 1956, Holt 1947, Foc-Foc 1966, Cherrapunji 1860-61.
    [(60, 31.2), (42 * 60, 305), (HOUR, 305), (24 * HOUR, 1825), (365 * 24 * HOUR, 26_461)],
)
def test_the_most_that_can_have_fallen_follows_from_the_period(
    period_s: int, record_mm: float
) -> None:
    most = float(CATALOGUE["rain_mm"].highest_in(np.array(period_s)))
    assert record_mm < most < 2.1 * record_mm


def test_what_no_cloud_holds_in_a_minute_is_not_used() -> None:
    found = checked(series([0.0, 150.0, 31.0], "rain_mm", step=60)).values["rain_mm"]
    assert np.isnan(found).tolist() == [False, True, False]


def test_a_gust_below_the_mean_wind_is_doubted() -> None:
    found = checked(series([12.0, 12.0, 14.0, None], wind_speed_m_s=[12.04, 12.1, 9.0, 9.0]))
    assert doubted(found, "wind_gust_m_s") == [1]


def test_a_gust_that_repeats_itself_for_six_hours_is_doubted_and_calm_is_not() -> None:
    assert doubted(checked(series([12.0] * 9)), "wind_gust_m_s") == [6, 7, 8]
    assert doubted(checked(series([0.0] * 9)), "wind_gust_m_s") == []
    assert doubted(checked(series([12.0] * 5 + [12.1] * 5)), "wind_gust_m_s") == []


def test_a_gap_does_not_make_a_repeated_gust_good() -> None:
    found = checked(series([12.0, 12.0, None, None, None, None, None, 12.0]))
    assert doubted(found, "wind_gust_m_s") == [7]


def test_rain_and_gusts_have_no_jump_test() -> None:
    assert checked(series([0.0, 40.0, 0.0])).suspect == {}
    assert checked(series([0.0, 90.0, 0.0], "rain_mm")).suspect == {}


def test_an_impossible_jump_is_doubted_and_the_way_back_is_not() -> None:
    found = checked(series([20.0, 35.0, 20.5, 21.0], "temperature_c"))
    assert doubted(found, "temperature_c") == [1]


def test_a_jump_is_borne_out_by_a_witness_of_the_same_hour() -> None:
    temperature = [32.0, 20.0, 19.0]
    alone = checked(series(temperature, "temperature_c"))
    assert doubted(alone, "temperature_c")[:1] == [1]
    moved = checked(series(temperature, "temperature_c", relative_humidity_pct=[40.0, 90.0, 92.0]))
    assert doubted(moved, "temperature_c") == []
    unmoved = checked(
        series(temperature, "temperature_c", relative_humidity_pct=[40.0, 41.0, 41.0])
    )
    assert doubted(unmoved, "temperature_c")[:1] == [1]


def test_a_new_level_that_stays_is_believed_after_a_while() -> None:
    # A sensor was moved: it must not be doubted for ever.
    found = checked(series([20.0] * 3 + [35.0 + i / 10 for i in range(30)], "temperature_c"))
    assert doubted(found, "temperature_c")[-1:] != [32]


def test_after_a_gap_of_hours_nothing_is_a_jump() -> None:
    found = checked(series([20.0, None, None, None, 35.0], "temperature_c"))
    assert doubted(found, "temperature_c") == []


def test_places_and_sources_do_not_mix() -> None:
    parts = [
        series([20.0, 20.2], "temperature_c", place=0),
        series([35.0, 35.2], "temperature_c", place=1),
        series([5.0, 5.2], "temperature_c", place=0, source="roof"),
    ]
    assert checked(Readings.concat(parts)).suspect == {}


VALUES = st.none() | st.sampled_from([0.0, 12.0, 12.0, 12.5, 20.0, 35.0, 50.0, 500.0])


@settings(max_examples=cases(50), deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES), min_size=1, max_size=24),
    st.sets(st.integers(1, 23)),
)
def test_the_outcome_is_the_same_however_rows_are_cut_into_batches(
    told: list[tuple[float | None, ...]], cuts: set[int]
) -> None:
    gust, wind, temperature, humidity = zip(*told, strict=True)
    readings = series(
        gust, wind_speed_m_s=wind, temperature_c=temperature, relative_humidity_pct=humidity
    )
    whole = checked(readings)
    table = SeriesTable(places())
    edges = [0, *sorted(c for c in cuts if c < len(told)), len(told)]
    parts = [checked(readings.take(slice(a, b)), table) for a, b in itertools.pairwise(edges)]
    for name, column in whole.values.items():
        np.testing.assert_array_equal(np.concatenate([p.values[name] for p in parts]), column)
        doubts = [p.suspect.get(name, np.zeros(len(p.values[name]), bool)) for p in parts]
        expected = whole.suspect.get(name, np.zeros(len(column), bool))
        np.testing.assert_array_equal(np.concatenate(doubts), expected, err_msg=name)


@settings(max_examples=cases(50), deadline=None, derandomize=True)
@given(st.lists(st.lists(st.tuples(VALUES, VALUES), max_size=8), min_size=1, max_size=3))
def test_places_that_jump_at_once_are_judged_as_each_alone(
    told: list[list[tuple[float | None, float | None]]],
) -> None:
    parts = [
        series(
            [temperature for temperature, _ in rows],
            "temperature_c",
            place=place,
            relative_humidity_pct=[humidity for _, humidity in rows],
        )
        for place, rows in enumerate(told)
        if rows
    ]
    together = checked(Readings.concat(parts))
    for name in ("temperature_c", "relative_humidity_pct"):
        alone = [at for i, part in enumerate(parts) for at in _doubts(checked(part), name, i)]
        lengths = np.cumsum([0, *map(len, parts)]).tolist()
        assert doubted(together, name) == [lengths[i] + at for i, at in alone]


def _doubts(found: Checked, name: str, part: int) -> list[tuple[int, int]]:
    return [(part, at) for at in doubted(found, name)]


def test_the_way_into_a_thunderstorm_is_no_error() -> None:
    """EWR on 2013-06-25: 33.9 → 32.0 → 26.7 °C as humidity doubles in the hour of the storm."""
    found = checked(
        series(
            [33.9, 33.9, 32.0, 26.7, 29.4],
            "temperature_c",
            relative_humidity_pct=[39.7, 39.7, 79.1, 79.2, 65.2],
            start=T0,
            step=HOUR,
        )
    )
    assert found.suspect == {}
