"""A table's rows as Parquet files, one a day: many days in one statement.

A statement that writes a file takes DuckDB some 3 ms to plan and to open, and a past of years that
is lived through again has hundreds of days with a few rows each.
"""

# The SQL here is put together from GOLD's own names.
# ruff: noqa: S608

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

OPTIONS = "FORMAT parquet, COMPRESSION zstd"

_AT_ONCE = 100_000
"""Rows that are written by one statement. Beyond half a million of one day DuckDB no longer keeps
their order when it writes many files, so a longer day is written alone."""

_DAYS_AT_ONCE = 32
"""Files that one statement writes: DuckDB holds all of them open, with a buffer for each column."""


class DayFile(NamedTuple):
    """A day (a date), its file's bytes, and how many rows are in it."""

    date: Any
    body: bytes
    rows: int


def day_files(
    con: duckdb.DuckDBPyConnection, folder: Path, table: str, columns: Iterable[str], order: str
) -> Iterator[DayFile]:
    """The file of each day of a table that has these columns and ``date``, its rows in this order.
    `folder` is room to work in."""
    names = ", ".join(f'"{name}"' for name in columns)
    counted = con.execute(f"SELECT date, count(*) FROM {table} GROUP BY date ORDER BY date")
    for days in _groups(counted.fetchall()):
        if len(days) == 1:
            ((date, rows),) = days
            out = folder / "out.parquet"
            chosen = f"SELECT {names} FROM {table} WHERE date = '{date}' ORDER BY {order}"
            con.execute(f"COPY ({chosen}) TO '{out}' ({OPTIONS})")
            yield DayFile(date, out.read_bytes(), rows)
            continue
        out = folder / "days"
        between = f"date BETWEEN '{days[0][0]}' AND '{days[-1][0]}'"
        chosen = f"SELECT {names}, date FROM {table} WHERE {between} ORDER BY date, {order}"
        con.execute(f"COPY ({chosen}) TO '{out}' ({OPTIONS}, PARTITION_BY (date))")
        for date, rows in days:
            (file,) = (out / f"date={date}").iterdir()
            yield DayFile(date, file.read_bytes(), rows)
        shutil.rmtree(out)


def _groups(days: list[tuple[Any, int]]) -> Iterator[list[tuple[Any, int]]]:
    """Days that follow one another, not too many of them nor with too many rows."""
    some: list[tuple[Any, int]] = []
    for day in days:
        is_full = len(some) == _DAYS_AT_ONCE
        if some and (is_full or sum(rows for _, rows in some) + day[1] > _AT_ONCE):
            yield some
            some = []
        some.append(day)
    if some:
        yield some
