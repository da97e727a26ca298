"""Which files of GOLD cannot be read: found by reading all of each."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

from atalaia.ports import Lake


def unreadable(lake: Lake, keys: Sequence[str]) -> list[str]:
    """Those of these files that are there and cannot be read to their end."""
    damaged = []
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:") as con:
        copy = Path(folder) / "file.parquet"
        for key in keys:
            try:
                copy.write_bytes(lake.read(key))
            except KeyError:
                continue
            try:
                # This reads every page. A count would not: of columns in which nothing is missing
                # the file's own summary answers it.
                con.execute(
                    f"SELECT bit_xor(hash(COLUMNS(*))) FROM read_parquet('{copy}')"  # noqa: S608
                ).fetchall()
            except duckdb.Error:
                damaged.append(key)
    return damaged
