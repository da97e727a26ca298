"""Which hours GOLD has rows of, by both engines' SQL, against counting by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.reading import Bools
from atalaia.lake.seen import MOST_REACH, reach_of, seen_at, seen_sql

BEGINS = datetime(2026, 1, 10, 12, tzinfo=UTC)
SINCE = int(BEGINS.timestamp())
HOURS = 169
PLACES = {"recife": 0, "natal": 1}

Row = tuple[str, str, str, int, int]
"""Place, source, kind, minutes after BEGINS, minutes until it was received."""

rows = st.lists(
    st.tuples(
        st.sampled_from(["recife", "natal", "elsewhere"]),
        st.sampled_from(["fast", "slow"]),
        st.sampled_from(["observed", "analysis", "forecast", "rumour"]),
        st.integers(-MOST_REACH * 60, HOURS * 60),
        st.sampled_from([5, 120, 121]),
    ),
    max_size=12,
)


def found(some: Sequence[Row], epoch: str) -> Bools:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'; CREATE MACRO to_unixtime(t) AS epoch(t)")
        con.execute(
            "CREATE TABLE told (place_id VARCHAR, source VARCHAR, kind VARCHAR, "
            "valid_at TIMESTAMPTZ, received_at TIMESTAMPTZ)"
        )
        for place, source, kind, at, late in some:
            valid_at = BEGINS + timedelta(minutes=at)
            row = [place, source, kind, valid_at, valid_at + timedelta(minutes=late)]
            con.execute("INSERT INTO told VALUES (?, ?, ?, ?, ?)", row)
        question = seen_sql("(SELECT * FROM told)", epoch, SINCE, HOURS)
        return seen_at(con.execute(question).fetchall(), PLACES, {"slow": 3}, HOURS)


def by_hand(some: Sequence[Row]) -> Bools:
    seen = np.zeros((2, HOURS), bool)
    for place, source, kind, at, late in some:
        for hour in range(HOURS):
            reach = 60 * (3 if source == "slow" else 1)
            # A value stands for whole hours, from the first full hour at or after it.
            first = -(-at // 60) * 60
            if place in PLACES and kind in ("observed", "analysis") and late <= 120:
                seen[PLACES[place], hour] |= first <= hour * 60 < first + reach
    return seen


@pytest.mark.parametrize("epoch", ["epoch", "to_unixtime"])
@settings(max_examples=25, deadline=None)
@given(some=rows)
def test_a_place_was_seen_where_a_row_came_in_time(epoch: str, some: list[Row]) -> None:
    assert (found(some, epoch) == by_hand(some)).all()


def test_one_value_stands_as_long_as_its_source_is_not_called_blind() -> None:
    assert reach_of({"open-meteo": 900, "inmet": 3600, "sea": 6 * 3600}) == {
        "open-meteo": 1, "inmet": 3, "sea": 18,
    }  # fmt: skip
