#!/usr/bin/env bash
# duckdb 2.0.1, pyarrow 26.0.1 and polars 2.1.0, run 2026-11-30.
#
# Expected: which stations have a gust above 32.6 m/s does not depend on whether the same rows are asked in a
#   Parquet file or in a table that was made of it. Where no gust was measured (NaN, as NumPy, xarray and
#   pandas write it) there is none above a limit.
# Seen: NaN is the greatest of all numbers to DuckDB and Polars: each station without a gust is above any limit.
#   In a file DuckDB looks first at the least and the greatest gust of a block, and the writers leave NaN
#   out of these: if no other gust is above the limit, the block is passed over, and its stations
#   without a gust are not found; if one is, all of them are. The maximum of the file is 12, that of
#   the table made of it NaN. The file that DuckDB itself writes is answered as the table is.
#   pyarrow finds the one gust that is there, from any of the files.
# Why it matters: a hurricane at every broken anemometer, but only in files that have a hurricane, or from the day
#   on that the archive is written by another program.
# Way out: NULL for what is missing (`from_pandas=True`, `NULLIF(gust, 'NaN')`), or `AND NOT isnan(gust)`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1 polars==2.1.0

cat >"$tmp/ask.py" <<'PY'
import sys

import duckdb
import polars
import pyarrow
import pyarrow.parquet

LIMIT = 32.6
NAN = float("nan")


def stations(rows):
    return "".join(sorted(row[0] for row in rows)) or "none"


def ask(what, gusts):
    rows = pyarrow.table({"station": list("ABCD"), "gust": gusts})
    arrow, own = f"{sys.argv[1]}/arrow.parquet", f"{sys.argv[1]}/duckdb.parquet"
    pyarrow.parquet.write_table(rows, arrow)
    duck = duckdb.connect()
    duck.execute(f"CREATE TABLE hour AS FROM '{arrow}'")
    duck.execute(f"COPY hour TO '{own}' (FORMAT parquet)")
    print(f"{what}: {gusts}")
    for name, source in (("pyarrow's file", f"'{arrow}'"), ("its own file", f"'{own}'"), ("the table", "hour")):
        above = duck.execute(f"SELECT station FROM {source} WHERE gust > {LIMIT}").fetchall()
        [[greatest]] = duck.execute(f"SELECT max(gust) FROM {source}").fetchall()
        print(f"  DuckDB, {name}: above {stations(above)}, maximum {greatest}")
    frame = polars.read_parquet(arrow)
    above = frame.filter(polars.col("gust") > LIMIT).rows()
    print(f"  Polars: above {stations(above)}, maximum {frame['gust'].max()}")
    for name, path in (("its own file", arrow), ("DuckDB's file", own)):
        above = pyarrow.parquet.read_table(path, filters=[("gust", ">", LIMIT)])["station"].to_pylist()
        print(f"  pyarrow, {name}: above {stations(above)}")


ask("calm", [12.0, NAN, 8.0, NAN])
ask("hurricane at A", [41.0, NAN, 8.0, NAN])
PY
"$tmp/venv/bin/python" "$tmp/ask.py" "$tmp" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
calm: [12.0, nan, 8.0, nan]
  DuckDB, pyarrow's file: above none, maximum 12.0
  DuckDB, its own file: above BD, maximum nan
  DuckDB, the table: above BD, maximum nan
  Polars: above BD, maximum 12.0
  pyarrow, its own file: above none
  pyarrow, DuckDB's file: above none
hurricane at A: [41.0, nan, 8.0, nan]
  DuckDB, pyarrow's file: above ABD, maximum 41.0
  DuckDB, its own file: above ABD, maximum nan
  DuckDB, the table: above ABD, maximum nan
  Polars: above ABD, maximum 41.0
  pyarrow, its own file: above A
  pyarrow, DuckDB's file: above A
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: NaN in a Parquet file is compared otherwise now" >&2; exit 1; }
