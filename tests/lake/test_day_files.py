"""Many days' files in one statement: each as if it were written alone."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from atalaia.lake import day_files as module
from atalaia.lake.day_files import OPTIONS, day_files


def table(con: duckdb.DuckDBPyConnection, rows: int, days: int) -> None:
    con.execute(
        "CREATE TABLE told AS SELECT i, 'text ' || hash(i) AS x, i % 7 = 0 AS y,"
        f" DATE '2015-01-01' + (hash(i) % {days})::INT AS date FROM range({rows}) t(i)"
    )


@pytest.mark.parametrize(("rows", "days"), [(1, 1), (40, 7), (9_000, 2), (3_000, 700)])
@pytest.mark.parametrize(
    ("at_once", "files"), [(10, 32), (4_000, 5), (100_000, 1), (100_000, 1_000)]
)
def test_each_day_is_written_as_it_would_be_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, days: int, at_once: int, files: int
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    monkeypatch.setattr(module, "_DAYS_AT_ONCE", files)
    with duckdb.connect(config={"threads": 1}) as con:
        table(con, rows, days)
        found = list(day_files(con, tmp_path, "told", ("i", "x", "y"), "x, i"))
        told = con.execute("SELECT date, count(*) FROM told GROUP BY date ORDER BY date").fetchall()
        assert [(file.date, file.rows) for file in found] == told
        for file in found[:20]:
            alone = tmp_path / "alone.parquet"
            chosen = f"SELECT i, x, y FROM told WHERE date = '{file.date}' ORDER BY x, i"
            con.execute(f"COPY ({chosen}) TO '{alone}' ({OPTIONS})")
            assert file.body == alone.read_bytes()


def test_a_long_day_is_written_alone(tmp_path: Path) -> None:
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute(
            "CREATE TABLE told AS SELECT i, DATE '2015-01-01' + (i > 600000)::INT AS date"
            " FROM range(700000) t(i)"
        )
        first, second = day_files(con, tmp_path, "told", ("i",), "i DESC")
        assert (first.date, second.date - first.date) == (date(2015, 1, 1), timedelta(1))
        out = tmp_path / "first.parquet"
        out.write_bytes(first.body)
        in_order = con.execute(f"SELECT i FROM '{out}'").fetchnumpy()["i"]
        assert in_order.tolist() == list(range(600_000, -1, -1))
