"""Columns of a text file, each different cell read once: the same as split line by line."""

from __future__ import annotations

import random
from datetime import datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.sources import cells
from atalaia.sources.cells import Cells, columns_of
from atalaia.sources.times import utc_seconds
from oracles import cases

LETTERS = st.characters(exclude_characters=',\n"\0', exclude_categories=["Cs"])
A_CELL = st.one_of(
    st.sampled_from(["", "0.0", "0.2", "g1", "g10", "2015-01-01T00:15:00+00:00", "é" * 30]),
    st.text(LETTERS, max_size=70),
)


def rows_of(columns: list[Cells], lines: int) -> list[list[str]]:
    return [[column[row] for column in columns] for row in range(lines)]


@settings(max_examples=cases(150))
@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(A_CELL, min_size=width, max_size=width), min_size=1, max_size=12
        ).filter(lambda rows: len(rows[0]) > 1 or all(row[0] for row in rows))
    ),
    st.integers(1, 5),
    st.booleans(),
)
def test_cells_are_those_of_the_lines(rows: list[list[str]], times: int, ends: bool) -> None:
    rows = rows * times  # what is told again, as gauges do
    text = "\n".join(map(",".join, rows)) + ("\n" if ends else "")
    found = columns_of(text, len(rows[0]))
    assert found is not None
    columns, lines = found
    assert rows_of(columns, lines) == rows
    for i, column in enumerate(columns):
        mine = [row[i] for row in rows]
        assert list(dict.fromkeys(column.in_order())) == list(dict.fromkeys(mine))
        lengths = np.array([len(cell) for cell in column.told])
        assert column.spread(lengths).tolist() == [len(cell) for cell in mine]


@settings(max_examples=cases(40), deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([2, 9, 60, 240, 400]), st.sampled_from(["", "é"]))
def test_cells_of_a_long_column_are_told_apart(seed: int, different: int, letter: str) -> None:
    chance = random.Random(seed)
    told = [f"{letter}{chance.uniform(0, 99):.{chance.randint(0, 9)}f}" for _ in range(different)]
    rows = [[chance.choice(told), "x"] for _ in range(500)]
    found = columns_of("\n".join(map(",".join, rows)), 2)
    assert found is not None
    assert rows_of(*found) == rows


INSTANTS = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%dT%H:%M:%S-03:30"]


@given(
    st.lists(
        st.datetimes(*map(datetime.fromisoformat, ("1820-01-01", "2210-01-01"))),
        min_size=3,
        max_size=9,
    ),
    st.sampled_from(INSTANTS),
    st.sampled_from(["", "2015-02-30T00:00:00Z", "2015-02-29T00:00:00+00:00", "é" * 10]),
)
def test_instants_are_read_as_they_lie(moments: list[datetime], shape: str, other: str) -> None:
    told = [one.strftime(shape).rjust(20, "0") for one in moments] + ([other] if other else [])
    found = columns_of("\n".join(f"{one},x" for one in told), 2)
    assert found is not None
    column, _ = found[0]
    assert list(column.told) == told or column.which is not None
    assert utc_seconds(column.told).tolist() == utc_seconds(list(column.told)).tolist()


def test_lines_of_another_width_and_quotes_are_left_to_a_reader_of_lines() -> None:
    for text in ("a,b\nc\n", "a,b\nc,d,e\n", "a\nb,c,d\n", "a,b\n\nc,d\n", 'a,"b"\n', "a,\0\n"):
        assert columns_of(text, 2) is None, text


def test_long_cells_that_get_one_number_are_told_apart() -> None:
    first, second = _two_of_one_number()
    column = [first, second] * 4
    words = [np.frombuffer("".join(column).encode(), "<u8")[i::2] for i in (0, 1)]
    which = cells._which(words)
    assert which is not None
    assert set(which.tolist()) == {0}
    found = columns_of("\n".join(f"{cell},x" for cell in column), 2)
    assert found is not None
    assert rows_of(found[0], found[1]) == [[cell, "x"] for cell in column]


def _two_of_one_number() -> tuple[str, str]:
    chance, times = random.Random(4), 0x9E3779B97F4A7C15
    plain = set(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-+._ ")
    while True:
        one, other, end = (bytes(chance.choices(sorted(plain), k=8)) for _ in range(3))
        a, b, c = (int.from_bytes(word, "little") for word in (one, other, end))
        rest = ((a * times + c - b * times) % 2**64).to_bytes(8, "little")
        if one != other and set(rest) <= plain:
            return (one + end).decode(), (other + rest).decode()


def test_faults_are_told_row_by_row() -> None:
    column = Cells(["a", "x", "b"], np.array([0, 1, 2, 1, 0]))
    assert list(column.faults([(1, "no number")])) == [(1, "no number"), (3, "no number")]
    assert list(Cells(["a", "x"]).faults([(1, "no number")])) == [(1, "no number")]
