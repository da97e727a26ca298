"""Columns without values, put into a file of the others: as if DuckDB had written all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.lake.absent import with_absent
from atalaia.lake.day_files import OPTIONS
from oracles import cases

TYPES = {
    "DOUBLE": "i * 0.5",
    "INTEGER": "nullif(i % 7, 3)",
    "BIGINT": "i",
    "BOOLEAN": "i % 2 = 0",
    "VARCHAR": "'text ' || i % 300",
    "DATE": "DATE '1970-01-01' + (i % 50)::INT",
    "TIMESTAMPTZ": "make_timestamptz(i * 1000000)",
}


class Written:
    """Files of one DuckDB in one folder."""

    def __init__(self, folder: Path) -> None:
        self.con = duckdb.connect(config={"threads": 1})
        self.con.execute("SET TimeZone='UTC'")
        self.folder = folder

    def copied(self, told: Mapping[str, str], rows: int, group: int = 122_880) -> bytes:
        said = ", ".join(f'{value} AS "{name}"' for name, value in told.items())
        out = self.folder / "out.parquet"
        self.con.execute(
            f"COPY (SELECT {said} FROM range({rows}) t(i)) TO '{out}'"
            f" ({OPTIONS}, ROW_GROUP_SIZE {group})"
        )
        return out.read_bytes()

    def of(self, what: str, body: bytes) -> list[tuple[Any, ...]]:
        file = self.folder / "file.parquet"
        file.write_bytes(body)
        return self.con.execute(what.format(file)).fetchall()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    written = Written(tmp_path_factory.mktemp("absent"))
    yield written
    written.con.close()


ROWS = "SELECT COLUMNS(*)::VARCHAR FROM '{}'"
SCHEMA = "SELECT * EXCLUDE (file_name) FROM parquet_schema('{}')"
FILE = "SELECT * EXCLUDE (file_name, file_size_bytes, footer_size) FROM parquet_file_metadata('{}')"
CHUNKS = (
    "SELECT row_group_id, row_group_num_rows, column_id, num_values, path_in_schema, type,"
    " stats_min_value, stats_max_value, stats_null_count, encodings, dictionary_page_offset IS NULL"
    " FROM parquet_metadata('{}')"
)
SIZES = (
    "SELECT any_value(row_group_compressed_bytes) = sum(total_compressed_size),"
    " any_value(row_group_bytes) = sum(total_uncompressed_size)"
    " FROM parquet_metadata('{}') GROUP BY row_group_id"
)


@settings(max_examples=cases(40), deadline=None)
@given(
    kinds=st.lists(st.tuples(st.sampled_from(sorted(TYPES)), st.booleans()), max_size=60),
    rows=st.sampled_from([0, 1, 200, 5_000]),
    group=st.sampled_from([2_048, 122_880]),
)
def test_a_file_has_all_columns_as_if_they_had_been_written(
    written: Written, kinds: list[tuple[str, bool]], rows: int, group: int
) -> None:
    of_all = {f"c{i}": kind for i, (kind, _) in enumerate(kinds)} | {"é": "BIGINT"}
    there = {f"c{i}": TYPES[kind] for i, (kind, is_there) in enumerate(kinds) if is_there}
    there["é"] = "i"
    told = {name: there.get(name, f"NULL::{kind}") for name, kind in of_all.items()}
    ours = with_absent(
        written.copied(there, rows, group), written.copied(told, 0), list(told), list(there)
    )
    theirs = written.copied(told, rows, group)
    for what in (ROWS, SCHEMA, FILE, CHUNKS):
        assert written.of(what, ours) == written.of(what, theirs)
    assert all(all(row) for row in written.of(SIZES, ours))


def test_what_is_no_parquet_file_is_refused(written: Written) -> None:
    body = written.copied({"a": "i"}, 1)
    with pytest.raises(ValueError, match="no Parquet file"):
        with_absent(body[:-1], body, ["a"], ["a"])
