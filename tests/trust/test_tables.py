"""What leaves as a spreadsheet runs nothing there."""

from __future__ import annotations

import io

import pytest

from atalaia.ports import Result
from atalaia.report.table import render


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_text_that_looks_like_a_formula_is_none_in_csv(cell: str) -> None:
    out = io.StringIO()
    render(Result(("a", "b", "c"), iter([(cell, -1.5, "plain")])), "csv", out)
    assert "'" + cell in out.getvalue()
    assert ",-1.5,plain" in out.getvalue()
