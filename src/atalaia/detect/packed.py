"""Rows of numbers as MessagePack has them, packed column by column.

MessagePack writes numbers in one to nine bytes, by how large they are. Of many rows those of one
column are mostly of one size, so that all rows are of one layout, and a column is put where it
belongs in all of them at once. Rows of rare layouts are left to who packs them one by one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atalaia.domain.reading import Bools

FALSE, LIST, MAP = 0xC2, 0x90, 0x80
"""Marks: of False, before True; of a list and of a map, to which their entries are added."""

MOST_ENTRIES = 15
"""So many can be added to a mark."""

_BOUNDS = [-(1 << 31), -(1 << 15), -(1 << 7), -32, 1 << 7, 1 << 8, 1 << 16, 1 << 32]
"""Where integers begin to be written in another way."""

_WAYS = (
    (b"\xd3", ">i8"), (b"\xd2", ">i4"), (b"\xd1", ">i2"), (b"\xd0", "i1"),
    (b"", "i1"),
    (b"\xcc", "u1"), (b"\xcd", ">u2"), (b"\xce", ">u4"), (b"\xcf", ">u8"),
    (b"\xcb", ">f8"),
    (b"", "u1"),
)  # fmt: skip
"""The mark and the type of an integer between these bounds, of a float, and of a byte as it is."""

_FLOAT, _BYTE, _ABSENT = 9, 10, 11

_FEW = 24
"""Rows of one layout that are packed sooner one by one."""


class Cell(NamedTuple):
    """A number of each row. `before` stands before it, wherever it is (`is_there`; None:
    everywhere)."""

    before: bytes
    column: NDArray[Any]
    is_byte: bool = False
    is_there: Bools | None = None


class _PackedLayout:
    """Rows in which all numbers are written in the same ways."""

    def __init__(self, befores: tuple[bytes, ...], ways: bytes) -> None:
        row = bytearray()
        self.there = [number for number, way in enumerate(ways) if way != _ABSENT]
        formats, offsets = [], []
        for number in self.there:
            mark, format_ = _WAYS[ways[number]]
            row += befores[number] + mark
            formats.append(format_)
            offsets.append(len(row))
            row += bytes(np.dtype(format_).itemsize)
        row += befores[-1]
        self.size = len(row)
        self._row = np.frombuffer(bytes(row), np.uint8)
        self._names = [str(number) for number in self.there]
        self._parts = np.dtype(
            {"names": self._names, "formats": formats, "offsets": offsets, "itemsize": self.size}
        )

    def rows(self, columns: Sequence[NDArray[Any]], n: int) -> list[bytes]:
        """The bytes of n rows."""
        out = np.empty((n, self.size), np.uint8)
        out[:] = self._row
        parts = out.view(self._parts)[:, 0]
        for name, number in zip(self._names, self.there, strict=True):
            parts[name] = columns[number]
        packed, size = out.tobytes(), self.size
        return [packed[at : at + size] for at in range(0, n * size, size)]


_layout = lru_cache(maxsize=256)(_PackedLayout)


def pack_rows(cells: Sequence[Cell], end: bytes, n: int) -> list[bytes | None]:
    """The cells of n rows, side by side, and what stands behind them; None: of a layout that is
    rare."""
    columns = [cell.column for cell in cells]
    befores = (*(cell.before for cell in cells), end)
    ways = [_ways(cell) for cell in cells]
    differ = [way for way in ways if not isinstance(way, int)]
    if not differ:
        return [*_layout(befores, bytes(ways)).rows(columns, n)]
    rows: list[bytes | None] = [None] * n
    words = np.ascontiguousarray(np.stack(differ, axis=1)).view(f"V{len(differ)}")[:, 0]
    _, first, which, count = np.unique(
        words, return_index=True, return_inverse=True, return_counts=True
    )
    for layout in np.flatnonzero(count >= _FEW).tolist():
        mine = np.flatnonzero(which == layout)
        here = bytes(w if isinstance(w, int) else int(w[first[layout]]) for w in ways)
        told = _layout(befores, here).rows([column[mine] for column in columns], len(mine))
        for i, row in zip(mine.tolist(), told, strict=True):
            rows[i] = row
    return rows


def _ways(cell: Cell) -> int | NDArray[np.uint8]:
    """How a cell's numbers are written: all in one way, or each in its own."""
    column = cell.column
    of_all: int | NDArray[np.uint8]
    if cell.is_byte:
        of_all = _BYTE
    elif column.dtype.kind == "f":
        of_all = _FLOAT
    else:
        of_all = bisect_right(_BOUNDS, int(column.min()))
        if of_all != bisect_right(_BOUNDS, int(column.max())):
            of_all = np.searchsorted(_BOUNDS, column, side="right").astype(np.uint8)
    if cell.is_there is None or cell.is_there.all():
        return of_all
    return np.where(cell.is_there, of_all, _ABSENT).astype(np.uint8)
