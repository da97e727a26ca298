"""Rows given twice, in any order and in any number of parts, make the same batch."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.reading import NO_TIME, Kind, Readings
from stories import HOUR, T0

Row = tuple[int, str, int, int, int, int, float | None, float | None]

ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["b", "a", "c"]),
        st.sampled_from(list(Kind)),
        st.integers(0, 3),
        st.integers(0, 2),
        st.sampled_from([0, 900, 3600]),
        st.none() | st.floats(-5, 5),
        st.none() | st.floats(0, 9),
    ),
    max_size=25,
)


def one(row: Row) -> Readings:
    place, source, kind, hour, issue, period, temperature, rain = row
    issued = T0 + issue * HOUR if kind == Kind.FORECAST else NO_TIME
    values = {}
    if temperature is not None:
        values["temperature_c"] = np.array([temperature])
    if rain is not None:
        values["rain_mm"] = np.array([rain])
    return Readings.build(
        place=[place],
        source=source,
        kind=kind,
        valid_at=[T0 + hour * HOUR],
        issued_at=issued,
        period_s=period,
        values=values,
    )


def table(batch: Readings) -> list[tuple[object, ...]]:
    """A batch as plain rows, without regard to how sources and variables are laid out."""
    return [
        (
            int(batch.known_at[i]),
            int(batch.place[i]),
            batch.sources[batch.source[i]],
            int(batch.valid_at[i]),
            int(batch.kind[i]),
            int(batch.issued_at[i]),
            int(batch.period_s[i]),
            *(
                None if np.isnan(v := batch.value(name)[i]) else float(v)
                for name in ("temperature_c", "rain_mm")
            ),
        )
        for i in range(len(batch))
    ]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ROWS, st.randoms(use_true_random=False))
def test_shuffled_repeated_and_split_rows_make_the_same_batch(
    rows: list[Row], chance: object
) -> None:
    parts = [one(row) for row in rows]
    plain = Readings.concat(parts).in_order()
    again = parts + chance.choices(parts, k=len(parts) // 2) if parts else []  # type: ignore[attr-defined]
    chance.shuffle(again)  # type: ignore[attr-defined]
    half = len(again) // 2
    split = [Readings.concat(again[:half]).in_order(), Readings.concat(again[half:])]
    assert table(Readings.concat(split).in_order()) == table(plain)
    assert table(plain.in_order()) == table(plain), "merging what is merged changes nothing"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(ROWS)
def test_a_batch_in_order_has_one_row_a_key_sorted_by_when_it_became_known(
    rows: list[Row],
) -> None:
    merged = table(Readings.concat(one(row) for row in rows).in_order())
    keys = [row[:7] for row in merged]
    assert len(set(keys)) == len(keys)
    assert keys == sorted(keys)
    assert {k[1:4] for k in keys} == {(r[0], r[1], T0 + r[3] * HOUR) for r in rows}


def test_of_rows_with_one_key_the_larger_value_counts_and_missing_is_never_0() -> None:
    key = (0, "a", Kind.OBSERVED, 0, 0)
    parts = [one((*key, 900, None, 1.0)), one((*key, 900, -3.0, None)), one((*key, 900, -4.0, 0.5))]
    (row,) = table(Readings.concat(parts).in_order())
    assert row[-3:] == (900, -3.0, 1.0)
    (silent,) = table(one((*key, 0, None, None)).in_order())
    assert silent[-2:] == (None, None)


def test_amounts_of_two_periods_are_two_readings_and_all_else_is_of_the_instant() -> None:
    def of(period_s: int, rain: float, gust: float) -> Readings:
        values = {"rain_mm": np.array([rain]), "wind_gust_m_s": np.array([gust])}
        return Readings.build(
            place=[0],
            source="a",
            kind=Kind.OBSERVED,
            valid_at=[T0],
            period_s=period_s,
            values=values,
        )

    both = Readings.concat([of(3600, 12.0, 7.0), of(900, 3.0, 9.0)]).in_order()
    assert both.period_s.tolist() == [900, 3600]
    assert both.values["rain_mm"].tolist() == [3.0, 12.0]
    np.testing.assert_array_equal(both.values["wind_gust_m_s"], [np.nan, 9.0])


def test_two_sources_are_two_rows_and_two_issues_of_a_forecast_are_two() -> None:
    parts = [
        one((0, "a", Kind.OBSERVED, 0, 0, 0, 1.0, None)),
        one((0, "b", Kind.OBSERVED, 0, 0, 0, 1.0, None)),
        one((0, "a", Kind.FORECAST, 3, 0, 0, 1.0, None)),
        one((0, "a", Kind.FORECAST, 3, 1, 0, 1.0, None)),
    ]
    assert len(Readings.concat(parts).in_order()) == 4


def test_taking_and_joining_nothing_is_nothing() -> None:
    assert len(Readings.empty().in_order()) == 0
    assert len(Readings.concat([])) == 0
    assert len(one((0, "a", Kind.OBSERVED, 0, 0, 0, 1.0, None)).take(slice(0, 0))) == 0
