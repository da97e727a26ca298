from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain.fold import fold
from atalaia.domain.reading import NO_TIME, Kind, Readings

Row = tuple[int, Kind, int, int, int, int, float, float]
"""place, kind, valid_at, issued_at, known_at, period_s, rain_mm, wind_gust_m_s"""

T = 1_714_478_400
NAN = float("nan")


def batch(rows: list[Row]) -> Readings:
    if not rows:
        return Readings.empty()
    place, kind, valid_at, issued_at, known_at, period_s, rain, gust = map(
        list, zip(*rows, strict=True)
    )
    return Readings.build(
        place=place,
        source="s",
        kind=kind,
        valid_at=valid_at,
        issued_at=issued_at,
        known_at=known_at,
        period_s=period_s,
        values={"rain_mm": np.array(rain, float), "wind_gust_m_s": np.array(gust, float)},
    )


def listed(readings: Readings) -> list[tuple[Any, ...]]:
    columns = (
        readings.place,
        readings.kind,
        readings.valid_at,
        readings.issued_at,
        readings.known_at,
        readings.period_s,
        readings.value("rain_mm"),
        readings.value("wind_gust_m_s"),
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [tuple(None if np.isnan(value) else value for value in row) for row in rows]


def folded(*rows: Row) -> list[tuple[Any, ...]]:
    return listed(fold(batch(list(rows))))


def at(known_at: int, rain: float, gust: float = NAN, *, kind: Kind = Kind.ANALYSIS) -> Row:
    return (0, kind, T, NO_TIME, T + known_at, 0, rain, gust)


def test_a_later_value_counts_and_a_later_null_erases_nothing() -> None:
    assert folded(at(1, 5.0, 2.0), at(2, 7.0)) == [(0, 1, T, NO_TIME, T + 2, 0, 7.0, 2.0)]
    assert folded(at(2, 7.0), at(1, 5.0, 2.0)) == [(0, 1, T, NO_TIME, T + 2, 0, 7.0, 2.0)]


def test_the_larger_of_values_known_at_the_same_second_counts() -> None:
    assert folded(at(1, 5.0, 1.0), at(1, 3.0, 2.0)) == [(0, 1, T, NO_TIME, T + 1, 0, 5.0, 2.0)]


def test_a_row_that_says_nothing_new_leaves_when_it_was_known() -> None:
    assert folded(at(1, 5.0), at(2, 5.0), at(3, NAN)) == [(0, 1, T, NO_TIME, T + 1, 0, 5.0, None)]


def test_a_row_without_any_value_is_still_a_row() -> None:
    assert folded(at(1, NAN)) == [(0, 1, T, NO_TIME, T + 1, 0, None, None)]


def test_an_unchanged_forecast_adds_no_row() -> None:
    rows = [at(i, 5.0, kind=Kind.FORECAST) for i in (1, 2, 3)]
    assert folded(*rows) == [(0, 2, T, NO_TIME, T + 1, 0, 5.0, None)]


def test_a_changed_forecast_is_a_revision_issued_when_it_was_first_received() -> None:
    values = {1: 5.0, 2: 5.0, 3: 8.0, 4: 8.0, 5: 5.0}
    rows = [at(i, value, kind=Kind.FORECAST) for i, value in values.items()]
    assert [(known - T, rain) for _, _, _, _, known, _, rain, _ in folded(*rows)] == [
        (1, 5.0),
        (3, 8.0),
        (5, 5.0),
    ]


def test_a_revision_carries_on_what_it_does_not_mention() -> None:
    rows = [at(1, 5.0, 9.0, kind=Kind.FORECAST), at(2, 6.0, kind=Kind.FORECAST)]
    assert folded(*rows)[1][6:] == (6.0, 9.0)


def test_a_forecast_with_a_run_time_is_a_row_a_run_even_if_unchanged() -> None:
    rows: list[Row] = [(0, Kind.FORECAST, T, T - i, T + 9, 0, 5.0, NAN) for i in (30, 20, 10)]
    assert [issued for _, _, _, issued, *_ in folded(*rows)] == [T - 30, T - 20, T - 10]


def test_kinds_and_times_and_places_are_rows_of_their_own_in_the_order_of_a_query() -> None:
    rows: list[Row] = [
        (place, kind, valid, NO_TIME, T, 0, 1.0, NAN)
        for place in (1, 0)
        for valid in (T + 60, T)
        for kind in Kind
    ]
    words = [(place, valid, Kind(kind).word) for place, kind, valid, *_ in folded(*rows)]
    assert words == sorted(words)
    assert len(words) == 12


def test_the_longer_period_of_the_same_second_counts() -> None:
    rows: list[Row] = [(0, Kind.FORECAST, T, NO_TIME, T, s, NAN, NAN) for s in (0, 3600, 900)]
    assert folded(*rows)[0][5] == 3600


small = st.sampled_from([NAN, 0.0, 1.0, 2.0])
rows_strategy = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(list(Kind)),
        st.sampled_from([T, T + 86_400]),
        st.sampled_from([NO_TIME, NO_TIME, T, T + 1, T + 2]),
        st.integers(T, T + 9),
        st.sampled_from([0, 3600]),
        small,
        small,
    ),
    max_size=25,
)


@given(rows_strategy, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[Row], random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert folded(*rows) == folded(*shuffled)


@given(rows_strategy)
def test_rows_folded_in_again_change_nothing(rows: list[Row]) -> None:
    once = fold(batch(rows))
    again = fold(Readings.concat([once, batch(rows)]))
    assert listed(again) == listed(once)
    assert listed(fold(once)) == listed(once)


@given(rows_strategy, st.lists(st.integers(0, 9), max_size=3))
def test_steps_in_the_order_of_receipt_make_what_one_fold_makes(
    rows: list[Row], cuts: list[int]
) -> None:
    bounds = [0, *sorted(cuts), 10]
    kept = Readings.empty()
    for low, high in pairwise(bounds):
        step = [row for row in rows if T + low <= row[4] < T + high]
        kept = fold(Readings.concat([kept, batch(step)]))
    assert listed(kept) == folded(*rows)


@given(rows_strategy)
def test_a_key_has_one_row(rows: list[Row]) -> None:
    keys = [
        (place, kind, valid, known if kind == 2 and issued == NO_TIME else issued)
        for place, kind, valid, issued, known, *_ in folded(*rows)
    ]
    assert len(keys) == len(set(keys))


def test_instants_too_far_apart_for_one_number_are_sorted_all_the_same() -> None:
    far: list[Row] = [
        (place, Kind.FORECAST, valid, issued, known, 0, 1.0, NAN)
        for place in (2**30, 0)
        for valid in (2**40, 0)
        for issued in (2**40, 0)
        for known in (2**40, 0)
    ]
    found = folded(*far)
    assert [row[:1] + row[2:4] for row in found] == sorted(
        {row[:1] + row[2:4] for row in far}, key=lambda key: (key[1] // 86_400, *key)
    )
    assert {row[4] for row in found} == {0}
