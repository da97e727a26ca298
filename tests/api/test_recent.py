"""What a page draws of the newest readings, against the plainest way of finding it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.api.recent import KEEP_S, Recent, Series, series_of
from atalaia.domain.reading import NO_TIME, Kind, Readings
from stories import HOUR, T0, forecast, series

VARIABLES = ("rain_mm", "temperature_c")

Key = tuple[str, int, str, int]


def drawn(recent: Recent, place: int = 0, since: int = T0 - HOUR, now: int = T0) -> list[Series]:
    return list(series_of(recent.of(place), recent.sources, VARIABLES, since, now))


def one_row(row: Any) -> Readings:
    place, source, kind, hour, known, period_s, rain, temperature = row
    return Readings.build(
        place=[place],
        source=f"s{source}",
        kind=Kind(kind),
        valid_at=[T0 + hour * HOUR],
        issued_at=T0 + known if kind == Kind.FORECAST else NO_TIME,
        known_at=T0 + known,
        period_s=period_s,
        values={"rain_mm": np.array([rain]), "temperature_c": np.array([temperature])},
    )


VALUE = st.sampled_from([math.nan, 0.0, 1.5, 7.0])
ROW = st.tuples(
    st.integers(0, 1),
    st.integers(0, 1),
    st.sampled_from([Kind.OBSERVED, Kind.ANALYSIS, Kind.FORECAST]),
    st.integers(-2, 3),
    st.integers(0, 10_000),
    st.sampled_from([900, 3600]),
    VALUE,
    VALUE,
)


def plainly(rows: list[Any], place: int, since: int, now: int) -> dict[Key, dict[int, float]]:
    """The same, row by row: of one key what became known last counts, and what is not told in a
    row stays as it was."""
    newest: dict[Any, Any] = {}
    for row in sorted(rows, key=lambda row: row[4]):
        key = (*row[:4], row[5])
        if row[0] == place:
            before = newest.get(key, row)
            values = (b if math.isnan(a) else a for a, b in zip(row[6:], before[6:], strict=True))
            newest[key] = (*row[:6], *values)
    found: dict[Key, dict[int, tuple[int, float]]] = {}
    for _, source, kind, hour, known, period_s, *values in newest.values():
        at = T0 + hour * HOUR
        if at <= since or (kind == Kind.FORECAST and at <= now):
            continue
        for name, value in zip(VARIABLES, values, strict=True):
            if math.isnan(value):
                continue
            key = (f"s{source}", int(kind), name, period_s if name == "rain_mm" else 0)
            held = found.setdefault(key, {})
            if at not in held or known >= held[at][0]:
                held[at] = (known, value)
    return {key: {at: v for at, (_, v) in held.items()} for key, held in found.items()}


@given(st.lists(ROW, max_size=25, unique_by=lambda row: row[4]), st.integers(-2, 3), st.data())
def test_series_are_what_the_plainest_way_finds_however_often_it_was_sorted(
    rows: list[Any], hour: int, data: st.DataObject
) -> None:
    recent, now = Recent(T0 - 10 * HOUR), T0 + hour * HOUR
    for row in rows:
        recent.take(one_row(row))
        if data.draw(st.booleans()):
            recent.compact(T0 - 5 * HOUR)
    for place in (0, 1):
        found = {
            (s.source, int(s.kind), s.variable, s.period_s): dict(
                zip(s.valid_at.tolist(), s.values.tolist(), strict=True)
            )
            for s in drawn(recent, place, T0 - HOUR, now)
        }
        assert found == plainly(rows, place, T0 - HOUR, now)


def test_a_series_is_in_the_order_of_time_whatever_the_order_of_arrival() -> None:
    recent = Recent(T0)
    for start in (T0 + 5 * HOUR, T0, T0 + 9 * HOUR, T0 + 2 * HOUR):
        recent.take(series([1.0, 2.0], "temperature_c", start=start))
    (one,) = drawn(recent)
    assert (np.diff(one.valid_at) > 0).all()


def test_amounts_of_an_hour_and_of_a_quarter_of_it_are_two_series() -> None:
    recent = Recent(T0)
    recent.take(series([4.0], "rain_mm", period_s=3600))
    recent.take(series([1.0], "rain_mm", period_s=900))
    assert {(s.period_s, s.values[0]) for s in drawn(recent)} == {(3600, 4.0), (900, 1.0)}


def test_an_hour_that_is_over_has_no_forecast_any_more() -> None:
    recent = Recent(T0)
    recent.take(forecast(T0, [1.0, 2.0, 3.0], "temperature_c"))
    (one,) = drawn(recent, now=T0 + 2 * HOUR)
    assert one.values.tolist() == [3.0]
    assert drawn(recent, now=T0 + 3 * HOUR) == []


def test_memory_is_bounded_and_says_from_when_on_all_is_there() -> None:
    recent = Recent(T0, most_rows=10)
    recent.take(series(range(40), "temperature_c"))
    recent.compact(T0 + 39 * HOUR)
    assert recent.since == T0 + 30 * HOUR
    (one,) = drawn(recent, now=T0 + 39 * HOUR)
    assert one.values.tolist() == list(range(30, 40))


def test_what_is_three_days_old_goes_when_it_is_sorted() -> None:
    recent = Recent(T0)
    recent.take(series([1.0, 2.0], "temperature_c", step=KEEP_S))
    recent.compact(T0 + KEEP_S)
    (one,) = drawn(recent)
    assert one.values.tolist() == [2.0]


@pytest.mark.parametrize("place", [0, 5, 10**6])
def test_of_a_place_that_was_never_heard_of_nothing_is_drawn(place: int) -> None:
    recent = Recent(T0)
    assert drawn(recent, place) == []
    recent.compact(T0)
    recent.take(Readings.empty())
    recent.take(series([1.0], "temperature_c", place=3))
    recent.compact(T0)
    assert drawn(recent, place) == []


def test_it_says_when_there_is_enough_to_sort() -> None:
    recent = Recent(T0)
    told = [recent.take(series([1.0] * 2000, "temperature_c", place=i)) for i in range(3)]
    assert told == [False, False, True]
    recent.compact(T0 + 2000 * HOUR)
    assert not recent.take(series([1.0], "temperature_c"))


def test_a_variable_that_only_some_batches_have_is_missing_in_the_others() -> None:
    recent = Recent(T0)
    recent.take(series([1.0], "temperature_c"))
    recent.take(series([2.0], "rain_mm", start=T0 + HOUR))
    recent.compact(T0)
    assert [(s.variable, s.values.tolist()) for s in drawn(recent)] == [
        ("rain_mm", [2.0]),
        ("temperature_c", [1.0]),
    ]


def test_a_later_row_of_an_instant_erases_nothing_that_it_does_not_tell() -> None:
    recent = Recent(T0)
    for known_at, gust, rain in (
        (T0, 16.65, 1.0),
        (T0 + 60, np.nan, 2.0),
        (T0 + 90, np.nan, np.nan),
    ):
        values = {"wind_gust_m_s": np.array([gust]), "rain_mm": np.array([rain])}
        recent.take(
            Readings.build(
                place=[0],
                source="x",
                kind=Kind.OBSERVED,
                valid_at=[T0],
                known_at=known_at,
                period_s=900,
                values=values,
            )
        )
    found = {
        one.variable: one.values.round(2).tolist()
        for one in series_of(recent.of(0), recent.sources, list(values), T0 - 60, T0 + 90)
    }
    assert found == {"wind_gust_m_s": pytest.approx([16.65]), "rain_mm": [2.0]}
