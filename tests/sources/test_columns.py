"""Columns of values: what is a number comes out as it was, and what is none is named."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.sources.columns import floats, numbers, parsed, present

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.one_of(
    FINITE,
    st.integers(),
    st.none(),
    st.booleans(),
    st.text(max_size=5),
    st.sampled_from([math.nan, math.inf, -math.inf, 10**400, [], {}]),
)


def same(found: Any, expected: list[float | None]) -> bool:
    wanted = np.array([math.nan if v is None else v for v in expected], float)
    return bool(np.array_equal(found, wanted, equal_nan=True))


@given(st.lists(st.one_of(FINITE, st.integers(-(10**15), 10**15), st.none())))
def test_numbers_and_nothing_are_read_without_a_fault(column: list[Any]) -> None:
    values, faults = numbers(column)
    assert faults == []
    assert same(values, column)


@given(st.lists(st.lists(st.one_of(FINITE, st.none())), max_size=30))
def test_columns_of_floats_are_laid_end_to_end_bit_by_bit(columns: list[list[Any]]) -> None:
    found = floats(columns)
    wanted = np.array([each for column in columns for each in column], np.float64)
    assert found.dtype == np.float64
    assert found.tobytes() == wanted.tobytes()


def test_so_are_more_than_a_header_of_two_bytes_can_count() -> None:
    assert floats([[0.5] * 40_000] * 2).tolist() == [0.5] * 80_000


@given(st.lists(ANYTHING))
def test_every_cell_is_a_number_missing_or_a_fault_and_never_two_of_them(column: list[Any]) -> None:
    values, faults = numbers(column)
    assert values.shape == (len(column),)
    assert not np.isinf(values).any()
    at_fault = dict(faults)
    assert len(at_fault) == len(faults)
    for i, cell in enumerate(column):
        if i in at_fault or cell is None:
            assert math.isnan(values[i])
        else:
            assert values[i] == float(cell)


@given(st.lists(ANYTHING), ANYTHING)
def test_one_bad_cell_does_not_change_what_the_others_are(column: list[Any], bad: Any) -> None:
    alone, faults = numbers(column)
    beside, more = numbers([*column, bad])
    assert np.array_equal(beside[:-1], alone, equal_nan=True)
    assert more[: len(faults)] == faults


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("12", "not a number"),
        ("", "not a number"),
        (True, "not a number"),
        (False, "not a number"),
        ([], "not a number"),
        ({"value": 1}, "not a number"),
        (math.nan, "not finite"),
        (math.inf, "not finite"),
        (-math.inf, "not finite"),
        (10**400, "not finite"),
        (-(10**400), "not finite"),
    ],
)
def test_what_json_lets_through_and_is_no_number_is_named(cell: object, reason: str) -> None:
    values, faults = numbers([1.5, cell, None, 2])
    assert faults == [(1, reason)]
    assert same(values, [1.5, None, None, 2.0])


def test_an_empty_column_has_no_values_and_no_faults() -> None:
    assert numbers([])[0].shape == (0,)
    assert numbers([])[1] == []
    assert parsed([])[0].shape == (0,)
    assert parsed([])[1] == []


@given(st.lists(st.one_of(st.just(""), FINITE.map(repr))))
def test_cells_as_python_writes_them_are_read_back(cells: list[str]) -> None:
    values, faults = parsed(cells)
    assert faults == []
    assert same(values, [float(cell) if cell else None for cell in cells])


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1,5", "not a number"),
        ("abc", "not a number"),
        ("1_5", "not a number"),  # which Python reads as 15
        ("_", "not a number"),
        ("--", "not a number"),
        ("1 2", "not a number"),
        ("nan", "not finite"),
        ("NaN", "not finite"),
        ("inf", "not finite"),
        ("-Infinity", "not finite"),
        ("1e999", "not finite"),
    ],
)
def test_cells_that_hold_no_number_are_named_and_the_rest_is_read(cell: str, reason: str) -> None:
    values, faults = parsed(["7", cell, "", "8.25"])
    assert faults == [(1, reason)]
    assert same(values, [7.0, None, None, 8.25])


@pytest.mark.parametrize("cell", [" 3 ", "3 ", "\t3", "+3", "3.0", "3e0", "03"])
def test_cells_are_read_as_people_leave_them(cell: str) -> None:
    values, faults = parsed([cell])
    assert (values.tolist(), faults) == ([3.0], [])


def test_blank_cells_beside_a_bad_one_are_missing_and_no_fault() -> None:
    values, faults = parsed(["  ", "x", "1"])
    assert faults == [(1, "not a number")]
    assert same(values, [None, None, 1.0])


@pytest.mark.parametrize("beside", ["4", "x"])
def test_the_number_that_stands_for_no_value_is_missing_and_no_fault(beside: str) -> None:
    values, faults = parsed(["-9999", "-9999.0", "-999", beside], missing=-9999)
    assert np.isnan(values[:2]).all()
    assert values[2] == -999
    assert all(position == 3 for position, _ in faults)


def test_a_variable_that_no_row_has_is_left_out_and_a_zero_is_a_value() -> None:
    columns = {
        "rain_mm": np.array([math.nan, math.nan]),
        "temperature_c": np.array([math.nan, 0.0]),
        "snow_cm": np.array([0.0, 0.0]),
    }
    assert list(present(columns)) == ["temperature_c", "snow_cm"]
