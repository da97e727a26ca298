"""Rows that are put together as they come, in room that is used again."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.batch import refine_steps
from atalaia.batch.refine_steps import _Gathered
from atalaia.domain.reading import Readings
from oracles import cases

NAMES = ("rain_mm", "temperature_c", "uv_index")


def same(a: Readings, b: Readings) -> bool:
    """Whether two batches are alike, column by column."""
    keys = ("place", "source", "kind", "valid_at", "issued_at", "known_at", "period_s")
    return (
        a.sources == b.sources
        and a.values.keys() == b.values.keys()
        and all(np.array_equal(getattr(a, key), getattr(b, key)) for key in keys)
        and all(getattr(a, key).dtype == getattr(b, key).dtype for key in keys)
        and all(np.array_equal(a.values[n], b.values[n], equal_nan=True) for n in a.values)
    )


@st.composite
def parts(draw: st.DrawFn) -> Readings:
    n = draw(st.integers(0, 5))
    numbers = iter(range(draw(st.integers(0, 1000)), 10_000))
    return Readings.build(
        place=[next(numbers) for _ in range(n)],
        source=draw(st.sampled_from(["a", "b", "c"])),
        kind=draw(st.sampled_from([0, 1, 2])),
        valid_at=[next(numbers) for _ in range(n)],
        known_at=[next(numbers) for _ in range(n)],
        period_s=draw(st.sampled_from([0, 900])),
        values={
            name: np.array([draw(st.sampled_from([np.nan, 0.0, 1.5])) for _ in range(n)])
            for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
        },
    )


@settings(max_examples=cases(200), deadline=None)
@given(
    steps=st.lists(st.lists(parts(), max_size=8), min_size=1, max_size=4), room=st.integers(1, 9)
)
def test_they_are_what_all_would_be_together(steps: list[list[Readings]], room: int) -> None:
    with patch.object(refine_steps, "STEP_ROWS", room):
        gathered = _Gathered()
        for some in steps:
            for part in some:
                gathered.add(part)
            assert same(gathered.taken(), Readings.concat(some))


def test_the_next_rows_lie_where_the_last_ones_lay() -> None:
    with patch.object(refine_steps, "STEP_ROWS", 10):
        gathered = _Gathered()
        lay = []
        for _ in range(2):
            gathered.add(
                Readings.build(
                    place=[1, 2], source="a", kind=[0, 0], valid_at=[3, 4],
                    values={"rain_mm": np.array([0.5, 1.0])},
                )
            )  # fmt: skip
            taken = gathered.taken()
            lay.append((taken.place.ctypes.data, taken.values["rain_mm"].ctypes.data))
    assert lay[0] == lay[1]


@pytest.mark.parametrize("rows", [0, 3])
def test_without_rows_there_are_no_variables(rows: int) -> None:
    gathered = _Gathered()
    empty = Readings.build(
        place=np.zeros(rows, np.int32), source="a", kind=0, valid_at=0,
        values={"rain_mm": np.zeros(rows)},
    )  # fmt: skip
    gathered.add(empty)
    assert set(gathered.taken().values) == ({"rain_mm"} if rows else set())
    assert len(gathered.taken()) == 0
