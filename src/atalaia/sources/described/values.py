"""Values of described sources → columns in the catalogue's units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from atalaia.domain.reading import Floats
from atalaia.domain.variable import CATALOGUE
from atalaia.sources.columns import numbers, parsed, present
from atalaia.sources.decoding import Wanted, is_wanted
from atalaia.sources.described.description import DescribedValue, Description
from atalaia.sources.described.table import DescribedRows
from atalaia.sources.rejects import Rejects, shown
from atalaia.sources.units import conversion


def columns_of(
    description: Description, rows: DescribedRows, wanted: Wanted, rejects: Rejects
) -> dict[str, Floats]:
    """The columns, shape (n,), of what is wanted and has a value in some row."""
    return present(
        {
            name: column_of(name, each, description, rows, rejects)
            for name, each in description.values.items()
            if is_wanted(name, wanted)
        }
    )


def column_of(
    name: str,
    each: DescribedValue,
    description: Description,
    rows: DescribedRows,
    rejects: Rejects,
) -> Floats:
    """One variable's column in the catalogue's unit; NaN where a value is missing or is none."""
    cells = rows.column(each.path)
    if description.missing:
        cells = [None if _is_missing(cell, description.missing) else cell for cell in cells]
    if all(cell is None or isinstance(cell, int | float) for cell in cells):
        column, faults = numbers(cells)
    else:  # numbers come as texts too: all of CSV, and many an API's
        column, faults = parsed([_cell(cell, description.decimal) for cell in cells])
    for i, reason in faults:
        rejects.add(reason, f"row {rows.numbers[i]}: {each.path} is {shown(cells[i])}")
    unit = each.unit or CATALOGUE[name].unit
    scale, offset = conversion(unit, name) or (math.nan, 0.0)
    return np.round(column * scale + offset, 4)


def _cell(value: Any, decimal: str) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else repr(value)
    return text.replace(".", "").replace(",", ".") if decimal == "," else text


def _is_missing(cell: Any, missing: Sequence[str | float]) -> bool:
    """Whether a cell says that there is no value: as it is written, or as a number."""
    if cell is None or cell in missing:
        return True
    number = number_of(cell) if isinstance(cell, str) else None
    return number is not None and number in missing


def number_of(value: Any) -> float | None:
    """A cell as a finite number, also one that comes as a text; None where it is none."""
    if isinstance(value, str):
        column, _ = parsed([value])
        return None if math.isnan(column[0]) else float(column[0])
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None
