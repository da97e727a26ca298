"""Rows in runs, against lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain import runs as module
from atalaia.domain.runs import RowRuns, spans


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=20))
def test_spans_are_the_numbers_of_each_pair_in_turn(pairs: list[tuple[int, int]]) -> None:
    start = np.array([a for a, _ in pairs], np.int64)
    stop = np.array([a + n for a, n in pairs], np.int64)
    expected = [i for a, n in pairs for i in range(a, a + n)]
    assert spans(start, stop).tolist() == expected


@pytest.mark.parametrize("long", [0, 3, 1000])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64, "<i2"])
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=9),
    st.lists(st.integers(0, 10**6), max_size=20),
)
def test_a_column_of_runs_is_the_same_however_it_is_copied(
    dtype: Any, long: int, pairs: list[tuple[int, int]], some: list[int]
) -> None:
    start = np.array([a for a, _ in pairs], np.int64)
    stop = start + np.array([n for _, n in pairs], np.int64)
    column = (np.arange(70) * 3 % 71).astype(dtype)
    rows = [row for a, n in pairs for row in range(a, a + n)]
    which = np.array([one % len(rows) for one in some if rows], np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_LONG", long)
        for found in (RowRuns(start, stop), RowRuns.of_rows(np.array(rows, np.int64))):
            assert len(found) == len(rows)
            assert found.at.tolist() == rows
            assert found.of(column).dtype == column.dtype
            assert found.of(column).tolist() == [column[row] for row in rows]
            out = np.zeros(len(which), column.dtype)
            found.put_some(column, which, out)
            assert out.tolist() == [column[rows[i]] for i in which]
