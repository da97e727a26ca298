"""The peer of `bench_replay.py`: the same windows and limits with polars, without any state.

    python bench/peer_polars.py READINGS.csv OUT.csv

What one would write by hand for `rules/rio_flood_limits.toml`: sums over 15 and 30 minutes, 6 and
72 hours by gauge, how many gauges reach the limits at each instant, and the instants at which
enough do. There is no incident, no late or doubtful value, no gap, no text and no second source.
"""

from __future__ import annotations

import sys

import polars as pl

WINDOWS = {"15m": 6.0, "30m": 8.5, "6h": 30.0, "72h": 32.0}


def main(readings: str, out: str) -> None:
    rain = (
        pl.read_csv(readings, columns=["place_id", "valid_at", "rain_mm"])
        .with_columns(pl.col("valid_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%:z"))
        .sort("place_id", "valid_at")
    )
    sums = rain.with_columns(
        pl.col("rain_mm").rolling_sum_by("valid_at", window).over("place_id").alias(window)
        for window in WINDOWS
    )
    reached = sums.group_by("valid_at").agg(
        (pl.col(window) >= limit).sum() for window, limit in WINDOWS.items()
    )
    told = reached.filter(
        ((pl.col("15m") >= 1) & (pl.col("72h") >= 1)) | (pl.col("30m") >= 2) | (pl.col("6h") >= 2)
    ).sort("valid_at")
    told.write_csv(out)
    print(f"{len(rain)} readings, {len(told)} instants")


if __name__ == "__main__":
    main(*sys.argv[1:])
