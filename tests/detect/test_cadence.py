"""How often series speak is learned alike, however what they say comes in."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.detect.by_series import BySeries
from atalaia.detect.cadence import Cadence
from oracles import cases

SERIES = 4
ROWS = st.lists(
    st.lists(
        st.tuples(st.integers(0, SERIES - 1), st.sampled_from([300, 600, 600, 900])), max_size=8
    ),
    max_size=20,
)


@settings(max_examples=cases(60), deadline=None, derandomize=True)
@given(ROWS)
def test_series_that_come_in_a_row_are_learned_as_one_by_one(
    batches: list[list[tuple[int, int]]],
) -> None:
    together, alone = Cadence(SERIES), Cadence(SERIES)
    now = [0] * SERIES
    for batch in batches:
        for i, (number, gap) in enumerate(batch):
            now[number] += gap
            batch[i] = (number, now[number])
        batch.sort()
        series = np.array([number for number, _ in batch], np.int64)
        at_ = np.array([at for _, at in batch], np.int64)
        told = together.hear(BySeries.of(series), at_)
        one_by_one = [
            alone.hear(BySeries.of(series[i : i + 1]), at_[i : i + 1]) for i in range(len(series))
        ]
        for column, parts in zip(told, zip(*one_by_one, strict=True), strict=False):
            assert column.tolist() == [int(part[0]) for part in parts]
    every = np.arange(SERIES)
    assert together.kept(every) == [alone.kept(every[i : i + 1])[0] for i in range(SERIES)]
