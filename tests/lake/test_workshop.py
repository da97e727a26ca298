"""Workshops that share a DuckDB know nothing of each other."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from atalaia.homes.embedded.lake import FolderLake
from atalaia.lake.merge import enum_of, one_engine, workshop


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    return FolderLake(tmp_path)


def test_what_one_workshop_made_no_other_has(lake: FolderLake) -> None:
    with one_engine():
        with workshop(lake) as outer:
            outer.con.execute("CREATE TABLE new AS SELECT 1 AS n")
            enum_of(outer.con, "place", ["a"])
            outer.con.register("part", {"n": np.arange(3)})
            with workshop(lake) as inner:
                assert inner.folder != outer.folder
                enum_of(inner.con, "place", ["b"])
                inner.con.execute("CREATE TABLE new AS SELECT 2 AS n")
                with pytest.raises(duckdb.CatalogException):
                    inner.con.execute("FROM part")
            assert outer.con.execute("SELECT n, enum_range(NULL::place) FROM new").fetchall() == [
                (1, ["a"])
            ]
            assert outer.con.execute("SELECT sum(n) FROM part").fetchall() == [(3,)]
        with workshop(lake) as later, pytest.raises(duckdb.CatalogException):
            later.con.execute("FROM new")


def test_all_have_utc_and_one_thread(lake: FolderLake) -> None:
    asked = "SELECT current_setting('TimeZone'), current_setting('threads')"
    with one_engine():
        for _ in range(2):
            with workshop(lake) as shop:
                assert shop.con.execute(asked).fetchall() == [("UTC", 1)]
    with workshop(lake) as alone:
        assert alone.con.execute(asked).fetchall() == [("UTC", 1)]


def test_after_one_that_failed_the_next_works(lake: FolderLake) -> None:
    with one_engine() as engine:
        with workshop(lake) as shop:
            shop.con.execute("BEGIN")
            with pytest.raises(duckdb.ConversionException):
                shop.con.execute("CREATE TABLE new AS SELECT 'x'::INTEGER AS n")
        with workshop(lake) as shop:
            assert shop.con.execute("SELECT 1").fetchall() == [(1,)]
        left = engine.con.execute("SELECT count(*) FROM duckdb_databases() WHERE NOT internal")
        assert left.fetchall() == [(1,)]
    with workshop(lake) as shop:
        assert shop.con.execute("SELECT 1").fetchall() == [(1,)]
