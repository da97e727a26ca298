"""`atalaia sql` on GOLD of 10 million readings, beside DuckDB itself on the same Parquet files.

Hourly readings of 114 places over ten years, in GOLD's own files. Both open a connection of their
own for each query; ours besides lists what counts, looks for what is newer than GOLD, shuts the
query in, and hands out aware times.

    python bench/bench_query.py [--years 10] [--rounds 7]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import duckdb
import numpy as np

from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind, Readings
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake.compact import closed_months, compact_months
from atalaia.lake.days import keep_days
from atalaia.lake.merge import merge_readings
from atalaia.lake.query import query
from atalaia.sources import decode_all
from figures import Figure, named, tell

PLACES = 114
START = 1_420_070_400  # 2015-01-01
YEAR_H = 8766

QUERIES = {
    "monthly maxima by place": (
        "SELECT place_id, date_trunc('month', date) AS month, max(wind_gust_m_s), max(rain_mm)"
        " FROM readings GROUP BY ALL ORDER BY ALL"
    ),
    "last day": "SELECT * FROM readings WHERE date = '{last}' ORDER BY place_id, valid_at",
    "last day's extremes": (
        "SELECT place_id, max(temperature_c), min(temperature_c), sum(rain_mm) FROM readings"
        " WHERE date = '{last}' GROUP BY ALL ORDER BY ALL"
    ),
}

_OF_DAYS = "SELECT place_id, source, kind, date_trunc('day', valid_at - INTERVAL 1 SECOND) AS day"

SUMMARIES = {
    "hourly, one variable": (
        "SELECT count(*), max(maximum) FROM hourly WHERE variable = 'wind_gust_m_s'",
        "SELECT count(*), max(maximum) FROM (SELECT max(wind_gust_m_s) AS maximum FROM readings"
        " GROUP BY place_id, source, kind, date_trunc('hour', valid_at - INTERVAL 1 SECOND))",
    ),
    "daily, one place": (
        "SELECT count(*) FROM daily WHERE variable = 'rain_mm' AND place_id = 'A001'",
        f"SELECT count(*) FROM ({_OF_DAYS}, sum(rain_mm) FROM readings WHERE place_id = 'A001'"
        " GROUP BY ALL)",
    ),
    "daily, one variable": (
        "SELECT count(*), max(sum) FROM daily WHERE variable = 'rain_mm'",
        f"SELECT count(*), max(sum) FROM ({_OF_DAYS}, sum(rain_mm) AS sum FROM readings"
        " GROUP BY ALL)",
    ),
}
"""What the views `hourly` and `daily` are asked, and what a person would write in their place: the
places here are in UTC, and their rain comes by the hour."""


def fill(home: EmbeddedHome, places: Places, hours: int) -> None:
    """GOLD as refine makes it, half a year at a time."""
    chance = np.random.default_rng(1)
    step = YEAR_H // 2
    for first in range(0, hours, step):
        hour = np.repeat(np.arange(first, min(first + step, hours)), PLACES)
        n = len(hour)
        values = {
            "temperature_c": np.round(chance.normal(20, 6, n), 1),
            "relative_humidity_pct": np.round(chance.uniform(20, 100, n)),
            "pressure_hpa": np.round(chance.normal(1010, 6, n), 1),
            "wind_speed_m_s": np.round(chance.gamma(2, 1.5, n), 1),
            "wind_gust_m_s": np.round(chance.gamma(3, 2, n), 1),
            "rain_mm": np.round(np.maximum(chance.gamma(0.1, 4, n) - 1, 0), 1),
        }
        rows = Readings.build(
            place=np.tile(np.arange(PLACES), n // PLACES),
            source="inmet",
            kind=Kind.OBSERVED,
            valid_at=START + hour * 3600,
            values=values,
            period_s=3600,
        )
        merge_readings(home.lake, rows, places)
        compact_months(home.lake, closed_months(home.lake, START + int(hour[-1]) * 3600))
    while keep_days(home.lake, places, START + hours * 3600):
        pass


def medians(rounds: int, *runs: Callable[[], object]) -> list[float]:
    """The median time of each, taken in turns."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, taken in zip(runs, times, strict=True):
            began = time.perf_counter()
            run()
            taken.append(time.perf_counter() - began)
    return [median(taken) for taken in times]


def plain(files: list[str], sql: str) -> list[tuple[object, ...]]:
    """DuckDB as a person would use it on these files."""
    months = [file for file in files if "/month=" in file]
    days = [file for file in files if "/month=" not in file]
    options = "hive_partitioning=true, union_by_name=true"
    con = duckdb.connect()
    con.execute("SET TimeZone='UTC'")
    con.execute(
        f"CREATE VIEW readings AS FROM read_parquet({months}, {options})"
        f" UNION ALL BY NAME FROM read_parquet({days}, {options})"
    )
    # Zoned times need another package to come out of DuckDB; both sides hand out plain ones.
    columns = con.execute(f"DESCRIBE {sql}").fetchall()
    casts = ", ".join(
        f'CAST("{name}" AS TIMESTAMP) AS "{name}"' if "ZONE" in kind else f'"{name}"'
        for name, kind, *_ in columns
    )
    rows = con.execute(f"SELECT {casts} FROM ({sql})").fetchall()
    con.close()
    return rows


def main() -> None:
    """Print both times and their ratio, query by query."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    places = Places(
        Place(id=f"A{i:03d}", name=f"Station {i}", latitude=0, longitude=0) for i in range(PLACES)
    )
    hours = args.years * YEAR_H
    with (
        tempfile.TemporaryDirectory(prefix="atalaia-bench-") as folder,
        open_home(Path(folder)) as home,
    ):
        fill(home, places, hours)
        gold = Path(home.lake.path("gold/readings"))
        last = np.datetime64(START + (hours - 1) * 3600, "s").astype("datetime64[D]")
        size = sum(file.stat().st_size for file in gold.rglob("*.parquet"))
        files = len(list(gold.rglob("*.parquet")))
        print(f"readings {hours * PLACES:,} in {files} files, {size / 1e6:.0f} MB, "
              f"{os.cpu_count()} cores")  # fmt: skip
        decode = decode_all(places)
        rows = []
        for name, text in QUERIES.items():
            sql = text.format(last=last)

            def own(sql: str = sql) -> list[tuple[object, ...]]:
                return list(query(home, decode, places, sql).rows)

            def peer(sql: str = sql) -> list[tuple[object, ...]]:
                listed = sorted(str(file) for file in gold.rglob("*.parquet"))
                return plain(listed, sql)

            assert len(own()) == len(peer())
            ours, theirs = medians(args.rounds, own, peer)
            rows.append(
                Figure(f"SQL: {name}", ours * 1000, "ms", 0.9, theirs * 1000, named("duckdb"))
            )
        for name, (sql, grouped) in SUMMARIES.items():

            def summed(sql: str = sql) -> list[tuple[object, ...]]:
                return list(query(home, decode, places, sql).rows)

            def by_hand(sql: str = grouped) -> list[tuple[object, ...]]:
                return plain(sorted(str(file) for file in gold.rglob("*.parquet")), sql)

            assert summed()[0][0] == by_hand()[0][0]
            ours, theirs = medians(args.rounds, summed, by_hand)
            peer_name = f"plain GROUP BY of {named('duckdb')}"
            rows.append(Figure(f"SQL: {name}", ours, "s", 0.67, theirs, peer_name))
        tell(rows)


if __name__ == "__main__":
    main()
