"""What leaves as a spreadsheet runs nothing there."""

from __future__ import annotations

import ast
import io
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from atalaia.ports import Result
from atalaia.report.table import render

SOURCE = Path(__file__).resolve().parents[2] / "src/atalaia"


@pytest.mark.parametrize("begins", [*"=+-@\t\r\n\0＝＋－＠"])
def test_a_text_that_looks_like_a_formula_is_none_in_csv_nor_is_the_name_of_a_column(
    begins: str,
) -> None:
    out, cell = io.StringIO(), begins + "1+1"
    numbers = (-1.5, Decimal("-2"), -3)
    render(Result((cell, "b", "c", "d"), iter([(cell, *numbers)])), "csv", out)
    assert out.getvalue().count("'" + cell) == 2
    assert ",-1.5,-2,-3" in out.getvalue()


def test_what_is_no_text_and_is_written_like_a_formula_is_none_either() -> None:
    out = io.StringIO()
    render(Result(("a",), iter([(timedelta(days=-1),)])), "csv", out)
    assert out.getvalue() == 'a\n"\'-1 day, 0:00:00"\n'


def test_csv_for_people_is_written_in_one_place() -> None:
    """The other is read back by `atalaia replay`, which an apostrophe would change."""
    writers = [
        str(file.relative_to(SOURCE))
        for file in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("writer", "DictWriter", "to_csv")
        if (isinstance(node.value, ast.Name) and node.value.id == "csv") or node.attr == "to_csv"
    ]
    assert writers == ["replay/cut.py", "report/table.py"]
