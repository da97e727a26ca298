"""A query's result as one Parquet file, with the types that the engine gave its columns."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from atalaia.errors import QueryInvalid
from atalaia.lake.columns import distinct
from atalaia.ports import Result
from atalaia.report.table import render


def write_parquet(result: Result, out: Path) -> int:
    """Write the result, compressed by zstd, and return the number of its rows.

    Rows go by a scratch file: a result of any length takes no more memory than a page of it. Raises
    QueryInvalid for what Parquet cannot hold.
    """
    names = distinct(result.columns)
    with tempfile.TemporaryDirectory(prefix="atalaia-parquet-") as folder:
        lines = Path(folder) / "rows.ndjson"
        with lines.open("w", encoding="utf-8") as rows:
            count = render(result, "json", rows)
        types = result.types or ("JSON",) * len(names)
        listed = ", ".join(
            f"{_text(name)}: {_text(kind)}" for name, kind in zip(names, types, strict=True)
        )
        file = f"{_text(str(lines))}, format = 'newline_delimited'"
        source = f"read_json({file}, columns = {{{listed}}})"
        with duckdb.connect(":memory:") as con:
            con.execute("SET TimeZone = 'UTC'")
            try:
                con.execute(
                    f"COPY (SELECT * FROM {source}) TO {_text(str(out))} "  # noqa: S608  our own
                    "(FORMAT parquet, COMPRESSION zstd)"
                )
            except duckdb.Error as error:
                says = str(error).partition("\n")[0]
                raise QueryInvalid(f"{says}; cast the column to text, or write CSV") from error
    return count


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
