"""A query's rows as a person reads them on a terminal: as tables, or upright where these are too
wide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from atalaia.ports import Result

_AT_ONCE = 500
"""Rows of one table: widths are found, and memory is held, for so many at a time."""

_NARROWEST = 24
"""A long cell may be folded to this width; if that does not fit either, rows stand upright."""


def draw(result: Result, text: Callable[[Any], str], out: TextIO, width: int | None) -> int:
    """Write its rows as tables, a cell as `text` has it, and return how many there are. `width` as
    `table.render` has it."""
    if width is None and not out.isatty():
        width = 1_000_000
    console = Console(file=out, width=width, highlight=False, soft_wrap=False)
    count = 0
    while rows := list(islice(result.rows, _AT_ONCE)) or (not count and [()]):
        cells = [[text(value) for value in row] for row in rows if row]
        if _fits(result.columns, cells, console.width):
            console.print(_table(result.columns, rows, cells))
        else:
            for number, row in enumerate(cells, start=count + 1):
                console.print(_upright(result.columns, number, row))
        count += len(cells)
        if not cells:
            break
    return count


def _fits(columns: Sequence[str], cells: list[list[str]], width: int) -> bool:
    needed = [
        max(len(name), *(min(len(row[i]), _NARROWEST) for row in cells)) if cells else len(name)
        for i, name in enumerate(columns)
    ]
    return sum(needed) + 2 * len(needed) <= width


def _table(columns: Sequence[str], rows: list[Any], cells: list[list[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for i, name in enumerate(columns):
        is_number = any(
            isinstance(row[i], int | float | Decimal) and not isinstance(row[i], bool)
            for row in rows
            if row
        )
        shortest = max([len(name), *(min(len(row[i]), _NARROWEST) for row in cells)])
        table.add_column(
            Text(name),
            justify="right" if is_number else "left",
            min_width=shortest,
            overflow="fold",
        )
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _upright(columns: Sequence[str], number: int, row: list[str]) -> Table:
    """One row as lines of name and value: for a table that is wider than the terminal."""
    table = Table(
        box=None,
        show_header=False,
        padding=(0, 1, 0, 0),
        title=f"— row {number} —",
        title_justify="left",
        title_style="bold",
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, cell in zip(columns, row, strict=True):
        if cell:  # what is missing is left out: a row of readings has some 30 columns
            table.add_row(Text(name), Text(cell))
    return table
