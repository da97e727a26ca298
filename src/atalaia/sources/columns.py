"""Columns of values → float64, and what in them was no number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import TypeAlias

import msgspec
import numpy as np

from atalaia.domain.reading import Floats

Faults: TypeAlias = list[tuple[int, str]]
"""(position in the column, reason) of each value that could not be read."""

_NUMBERS = {int, float, type(None)}

_pack = msgspec.msgpack.Encoder().encode
_FLOAT = np.dtype([("mark", "u1"), ("value", ">f8")])
"""A float as MessagePack writes it."""


def numbers(column: Sequence[object]) -> tuple[Floats, Faults]:
    """Values of a JSON body: numbers, and None for missing.

    Returns float64 of shape (n,); NaN where a value is missing or cannot be used. Texts and
    booleans are no numbers here, whatever Python would make of them.
    """
    if set(map(type, column)) <= _NUMBERS:
        try:
            values = np.array(column, dtype=np.float64)
        except OverflowError:  # an integer of hundreds of digits
            return _one_by_one(column, _number)
        if _finite_but(values, column.count(None)):
            return values, []
    return _one_by_one(column, _number)


def floats(columns: Sequence[Sequence[float | None]]) -> Floats:
    """Columns that are known to hold floats, and None for missing, end to end.

    MessagePack lays floats side by side three times as fast as NumPy takes them out of a list.
    """
    told = list(chain.from_iterable(columns))
    packed = _pack(told)
    begin = _begin_of_array(len(told))
    if len(packed) == begin + _FLOAT.itemsize * len(told):  # a missing one takes a single byte
        return np.frombuffer(packed, _FLOAT, offset=begin)["value"].astype(np.float64)
    return np.array(told, np.float64)


def _begin_of_array(n: int) -> int:
    """The bytes that MessagePack writes before n values."""
    return 1 if n < 16 else 3 if n < 1 << 16 else 5


def parsed(cells: Sequence[str], missing: float | None = None) -> tuple[Floats, Faults]:
    """Cells of a text file, with a decimal point; an empty cell is missing.

    `missing` is a number that stands for "no value". Returns as `numbers` does.
    """
    try:
        values = np.array([float(cell) if cell else math.nan for cell in cells], np.float64)
    except ValueError:
        return _missing_out(*_one_by_one(cells, _cell), missing)
    is_plain = "_" not in "".join(cells)  # Python reads 1_5 as 15
    if is_plain and _finite_but(values, cells.count("")):
        return _missing_out(values, [], missing)
    return _missing_out(*_one_by_one(cells, _cell), missing)


def present(values: Mapping[str, Floats]) -> dict[str, Floats]:
    """Without the variables that no row has."""
    return {name: column for name, column in values.items() if not np.isnan(column).all()}


def _finite_but(values: Floats, missing: int) -> bool:
    """Whether all are finite but this many that are NaN because they are missing."""
    return int(np.isfinite(values).sum()) == len(values) - missing


def _missing_out(values: Floats, faults: Faults, missing: float | None) -> tuple[Floats, Faults]:
    if missing is not None:
        values[values == missing] = np.nan
    return values, faults


def _one_by_one(
    column: Sequence[object], read: Callable[[object], float | str | None]
) -> tuple[Floats, Faults]:
    values = np.full(len(column), np.nan)
    faults: Faults = []
    for i, value in enumerate(column):
        result = read(value)
        if isinstance(result, str):
            faults.append((i, result))
        elif result is not None:
            values[i] = result
    return values, faults


def _number(value: object) -> float | str | None:
    if value is None:
        return None
    if type(value) not in _NUMBERS:
        return "not a number"
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:
        return "not finite"
    return number if math.isfinite(number) else "not finite"


def _cell(value: object) -> float | str | None:
    text = str(value).strip()
    if not text:
        return None
    try:
        number = math.nan if "_" in text else float(text)
    except ValueError:
        return "not a number"
    if math.isfinite(number):
        return number
    return "not a number" if "_" in text else "not finite"
