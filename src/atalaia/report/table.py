"""A query's result for people (a table) and for programs (CSV, JSON). Times are ISO with offset."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from types import NoneType
from typing import Any, Literal, TextIO

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from atalaia.lake.columns import distinct
from atalaia.ports import Result

Format = Literal["table", "csv", "json"]

_FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")
"""Also the wide ones, with which spreadsheets in East Asia begin one."""

_AT_ONCE = 500
"""Rows of one table: widths are found, and memory is held, for so many at a time."""

_NUMBERS: set[type] = {int, float, Decimal, NoneType}
"""What CSV has as `str` has it, and nothing for None."""

_ENCODED: set[type] = {*_NUMBERS, str, bool, date}
"""What JSON has as the encoder has it."""

_NARROWEST = 24
"""A long cell may be folded to this width; if that does not fit either, rows stand upright."""


def render(result: Result, form: Format, out: TextIO, *, width: int | None = None) -> int:
    """Write the result to `out` and return the number of its rows.

    `width` is the terminal's; None: as wide as `out` is, or without limit where it is no terminal.
    """
    write = {"table": _write_table, "csv": _write_csv, "json": _write_json}[form]
    return write(result, out, width)


def _write_csv(result: Result, out: TextIO, _: int | None) -> int:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(_harmless, result.columns))  # a PIVOT makes columns of what is in rows
    count = 0
    for rows in _pages(result.rows, _NUMBERS, _harmless):
        writer.writerows(rows)
        count += len(rows)
    return count


def _harmless(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula: what begins like one, and is no number, gets
    an apostrophe before it, as OWASP advises."""
    text = _text(value)
    is_number = isinstance(value, int | float | Decimal)
    return f"'{text}" if not is_number and text.startswith(_FORMULA) else text


def _write_json(result: Result, out: TextIO, _: int | None) -> int:
    """An object a line, as all lists are for programs."""
    names = distinct(result.columns)
    encode = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number").encode
    count = 0
    for rows in _pages(result.rows, _ENCODED, _timed):
        lines = [encode(dict(zip(names, row, strict=True))) for row in rows]
        out.write(b"\n".join([*lines, b""]).decode())
        count += len(rows)
    return count


def _pages(
    rows: Iterator[tuple[Any, ...]], plain: set[type], make: Callable[[Any], Any]
) -> Iterator[list[tuple[Any, ...]]]:
    """Some rows at a time, made by column: of nothing but what is `plain` it stays as it is."""
    while page := list(islice(rows, _AT_ONCE)):
        columns = zip(*page, strict=True)
        made = (one if plain.issuperset(map(type, one)) else map(make, one) for one in columns)
        yield list(zip(*made, strict=True))


def _write_table(result: Result, out: TextIO, width: int | None) -> int:
    if width is None and not out.isatty():
        width = 1_000_000
    console = Console(file=out, width=width, highlight=False, soft_wrap=False)
    count = 0
    while rows := list(islice(result.rows, _AT_ONCE)) or (not count and [()]):
        cells = [[_text(value) for value in row] for row in rows if row]
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


def _text(value: Any) -> str:
    """A cell: empty for NULL, ISO for times, JSON for lists and structs."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | dict):
        return msgspec.json.encode(_timed(value), enc_hook=_plain).decode()
    return str(value)


def _timed(value: Any) -> Any:
    """With times as text: an encoder of JSON would write UTC as ``Z``."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_timed(item) for item in value]
    if isinstance(value, dict):
        return {str(_timed(key)): _timed(item) for key, item in value.items()}
    return value


def _plain(value: Any) -> Any:
    return str(value)
