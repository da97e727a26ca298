"""A query's result for people (a table) and for programs (CSV, JSON). Times are ISO with offset."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from types import NoneType
from typing import Any, Literal, TextIO

import msgspec

from atalaia.lake.columns import distinct
from atalaia.ports import Result

Format = Literal["table", "csv", "json"]

_FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")
"""Also the wide ones, with which spreadsheets in East Asia begin one."""

_AT_ONCE = 500
"""Rows that are made, and held, at a time."""

_NUMBERS: set[type] = {int, float, Decimal, NoneType}
"""What CSV has as `str` has it, and nothing for None."""

_ENCODED: set[type] = {*_NUMBERS, str, bool, date}
"""What JSON has as the encoder has it."""


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
    from atalaia.report.drawn import draw  # noqa: PLC0415  with rich: programs need none of it

    return draw(result, _text, out, width)


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
