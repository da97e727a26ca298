"""Which files of GOLD cannot be read: found by reading all of each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import duckdb

from atalaia.ports import Lake

_AT_ONCE = 100
"""Files that are read by one query: to plan one costs as much as to read a day's."""


def unreadable(lake: Lake, keys: Sequence[str]) -> list[str]:
    """Those of these files that are there and cannot be read to their end."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:") as con:
        return [
            key
            for some in _alike(keys)
            if not _can_be_read(con, lake, some, Path(folder))
            for key in some
            if not _can_be_read(con, lake, [key], Path(folder))
        ]


def _alike(keys: Sequence[str]) -> Iterator[list[str]]:
    """Those of one dataset together, so many at a time."""
    for _, some in groupby(keys, lambda key: key.split("/")[:2]):
        mine = list(some)
        yield from (mine[i : i + _AT_ONCE] for i in range(0, len(mine), _AT_ONCE))


def _can_be_read(
    con: duckdb.DuckDBPyConnection, lake: Lake, keys: Sequence[str], folder: Path
) -> bool:
    """Whether all of those that are there can be; of several also no, where they differ."""
    copies = []
    for number, key in enumerate(keys):
        try:
            body = lake.read(key)
        except KeyError:
            continue
        copies.append(folder / f"{number}.parquet")
        copies[-1].write_bytes(body)
    if not copies:
        return True
    listed = ", ".join(f"'{copy}'" for copy in copies)
    try:
        # This reads every page. A count would not: of columns in which nothing is missing the
        # file's own summary answers it.
        con.execute(
            "SELECT bit_xor(hash(COLUMNS(*))) "  # noqa: S608
            f"FROM read_parquet([{listed}], union_by_name = true)"
        ).fetchall()
    except duckdb.Error:
        return False
    return True
