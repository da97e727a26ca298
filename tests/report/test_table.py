from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from atalaia.ports import Result
from atalaia.report.table import Format, render
from stories import objects

NOON = datetime(2024, 4, 30, 12, tzinfo=UTC)


def rendered(columns: str, rows: list[tuple[Any, ...]], form: Format, width: int = 80) -> str:
    out = io.StringIO()
    count = render(Result(tuple(columns.split()), iter(rows)), form, out, width=width)
    assert count == len(rows)
    return out.getvalue()


def test_json_is_an_object_a_line_with_times_as_iso_with_offset() -> None:
    row = (NOON, None, 1.5, 10**20, Decimal("2.5"), float("nan"), ["é", NOON], {"a": True})
    text = rendered("t none f big d nan list map", [row, row], "json")
    assert objects(text) == 2 * [
        {
            "t": "2024-04-30T12:00:00+00:00",
            "none": None,
            "f": 1.5,
            "big": 10**20,
            "d": 2.5,
            "nan": None,
            "list": ["é", "2024-04-30T12:00:00+00:00"],
            "map": {"a": True},
        }
    ]


def test_json_of_no_rows_is_nothing() -> None:
    assert rendered("a b", [], "json") == ""


def test_json_keeps_columns_of_the_same_name_apart() -> None:
    assert objects(rendered("a a a_2", [(1, 2, 3)], "json")) == [{"a": 1, "a_2": 2, "a_2_2": 3}]


def test_csv_quotes_what_needs_it_and_leaves_null_empty() -> None:
    text = rendered("t x n b l", [(NOON, 'a,"b"\nc', None, False, ["a"])], "csv")
    assert list(csv.reader(io.StringIO(text))) == [
        ["t", "x", "n", "b", "l"],
        ["2024-04-30T12:00:00+00:00", 'a,"b"\nc', "", "false", '["a"]'],
    ]
    assert rendered("a b", [], "csv") == "a,b\n"


def test_a_table_shows_its_columns_also_without_rows() -> None:
    assert rendered("place_id rain_mm", [], "table").split()[:2] == ["place_id", "rain_mm"]


def test_a_table_shows_every_cell_whole() -> None:
    words = " ".join(f"word{i}" for i in range(40))
    text = rendered("place_id rain_mm text", [("poa", 109.0, words)], "table")
    assert all(len(line) <= 80 for line in text.splitlines())
    assert all(f"word{i}" in text for i in range(40))
    assert "poa" in text
    assert "109.0" in text


def test_markup_in_data_is_only_text() -> None:
    assert "[red]x[/red]" in rendered("a", [("[red]x[/red]",)], "table")


def test_a_table_wider_than_the_terminal_stands_upright() -> None:
    columns = [f"variable_{i}" for i in range(30)]
    rows = [(*range(100 * n, 100 * n + 29), None) for n in (1, 2)]
    text = rendered(" ".join(columns), rows, "table", width=60)
    lines = [line.split() for line in text.splitlines()]
    assert all(len(line) <= 60 for line in text.splitlines())
    assert ["variable_28", "128"] in lines
    assert ["variable_28", "228"] in lines
    assert "variable_29" not in text
    assert "row 2" in text


def test_many_rows_are_all_shown() -> None:
    text = rendered("n", [(f"n{i}",) for i in range(1200)], "table")
    assert all(f"n{i}" in text for i in (0, 499, 500, 1199))
