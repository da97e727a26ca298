"""Where rows stand in what is remembered of series, held against looking each row up by itself."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.detect.by_series import BySeries
from oracles import cases

SERIES = 6
REMEMBERED = np.arange(100, 100 + SERIES)
SORTED = st.lists(st.integers(0, SERIES - 1), max_size=12).map(sorted)


@settings(max_examples=cases(60), deadline=None, derandomize=True)
@given(SORTED)
def test_what_came_before_a_row_is_of_its_series_alone(numbers: list[int]) -> None:
    column = np.arange(len(numbers))
    newest = dict(enumerate(REMEMBERED.tolist()))
    expected = []
    for number, value in zip(numbers, column.tolist(), strict=True):
        expected.append(newest[number])
        newest[number] = value
    series = BySeries.of(np.array(numbers, np.int64))
    assert series.before(column, REMEMBERED).tolist() == expected


@settings(max_examples=cases(60), deadline=None, derandomize=True)
@given(SORTED)
def test_rows_of_neighbours_are_found_where_each_is_found(numbers: list[int]) -> None:
    series = BySeries.of(np.array(numbers, np.int64))
    assert REMEMBERED[series.at].tolist() == [100 + number for number in numbers]
    assert series.are_single == (len(set(numbers)) == len(numbers))
    assert series.starts().tolist() == [numbers.index(number) for number in sorted(set(numbers))]
    is_poll = numbers != [] and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert isinstance(series.at, slice) == is_poll


def test_what_came_before_stays_when_something_newer_is_remembered() -> None:
    remembered = REMEMBERED.copy()
    series = BySeries.of(np.arange(SERIES))
    before = series.before(np.zeros(SERIES, np.int64), remembered)
    remembered[series.at] = 0
    assert before.tolist() == REMEMBERED.tolist()
