"""Hourly histories: what GOLD, or readings in memory, say of each place hour by hour.

Both go through the view `hourly` (`lake.views`), so that an imported record and one that was
lived through make the same climate.
"""

# The SQL here is put together from the catalogue, and GOLD's own files.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atalaia.domain.norm import CLIMATE_VARIABLES
from atalaia.domain.place import Places
from atalaia.domain.reading import KIND_OF, Bools, Floats, Kind, Readings
from atalaia.domain.variable import CATALOGUE
from atalaia.lake import gold, views
from atalaia.lake.merge import Workshop, workshop
from atalaia.ports import Lake

HOUR_S = 3600

_PEAKS = ("wind_gust_m_s",)
"""Of these an hour is told by its strongest value, of all others by its mean or sum."""

_EARLIER = 23
"""Hours of a day before its last."""

_LEAST_HOURS = 24 * 28
"""A series with fewer hours is no history."""


@dataclass(frozen=True, slots=True)
class History:
    """One variable at one place, as one source has it.

    first_at  Unix seconds of the end of the first hour
    values    shape (hours,), every hour from the first to the last; NaN is missing
    is_whole  shape (hours,): the value is of three quarters of the hour or more. Of an amount that
              is of less, so much is known to have fallen, and the hour is as good as missing.
    """

    place_id: str
    variable: str
    source: str
    kind: str
    first_at: int
    values: Floats
    is_whole: Bools


def from_gold(lake: Lake, places: Sequence[str]) -> Iterator[History]:
    """The longest history of each variable at each of these places; observed before analysis."""
    files = [lake.path(key) for key in gold.partition_files(lake, ["readings"])["readings"]]
    if not files or not places:
        return
    with workshop(lake) as shop:
        shop.con.execute("SET parquet_metadata_cache = true")
        listed = ", ".join("'" + place.replace("'", "''") + "'" for place in places)
        rows = gold.rows("readings", files)
        shop.con.execute(f"CREATE VIEW readings AS FROM ({rows}) WHERE place_id IN ({listed})")
        yield from _histories(shop)


def rows_of(
    lake: Lake, key: str, variables: Sequence[str] = CLIMATE_VARIABLES
) -> Iterator[tuple[str, Readings]]:
    """By place: the rows of one file of GOLD's readings that make a climate, which forecasts do
    not. Each part's rows are of place 0."""
    names = ", ".join(f'"{name}"' for name in variables)
    with workshop(lake) as shop:
        found = shop.con.execute(
            f"SELECT place_id, source, kind, epoch_us(valid_at) // 1000000 AS valid_at,"
            f" coalesce(period_s, 0) AS period_s, {names}"
            f" FROM ({gold.rows('readings', [lake.path(key)])})"
            " WHERE kind IN ('observed', 'analysis')"
        ).fetchnumpy()
    ids = found["place_id"].astype(object)
    for place_id in np.unique(ids):
        mine = np.flatnonzero(ids == place_id)
        yield (
            str(place_id),
            Readings.build(
                place=np.zeros(len(mine), np.int32),
                source=str(found["source"][mine[0]]),  # a file is of one
                kind=np.array([KIND_OF[word] for word in found["kind"][mine]], np.int8),
                valid_at=found["valid_at"][mine],
                values={name: np.ma.filled(found[name][mine], np.nan) for name in variables},
                period_s=found["period_s"][mine],
            ),
        )


def from_readings(lake: Lake, readings: Readings, places: Places) -> Iterator[History]:
    """The same, of readings in memory."""
    with workshop(lake) as shop:
        shop.con.register("rows", _columns(readings))
        for name, words in (
            ("place", [place.id for place in places]),
            ("source", readings.sources),
            ("kind", [kind.word for kind in Kind]),
        ):
            shop.con.execute(f"CREATE TABLE {name}s (number INTEGER, word VARCHAR)")
            shop.con.executemany(
                f"INSERT INTO {name}s VALUES (?, ?)", [[i, word] for i, word in enumerate(words)]
            )
        variables = ", ".join(f'"{name}"' for name in readings.values)
        known = f"""
            SELECT places.word AS place_id, sources.word AS source, kinds.word AS kind,
                make_timestamptz(valid_at * 1000000) AS valid_at, period_s{", " * bool(variables)}
                {variables}
            FROM rows
            JOIN places ON places.number = place
            JOIN sources ON sources.number = rows.source
            JOIN kinds ON kinds.number = rows.kind
        """
        typed = ", ".join(f'NULL::DOUBLE AS "{name}"' for name in CATALOGUE)
        shop.con.execute(
            f"CREATE VIEW readings AS SELECT {typed} WHERE false UNION ALL BY NAME {known}"
        )
        yield from _histories(shop)


def _histories(shop: Workshop) -> Iterator[History]:
    """Histories of the view `readings`, variable by variable."""
    for name in CLIMATE_VARIABLES:
        variable = CATALOGUE[name]
        value = "sum" if variable.is_sum else "maximum" if name in _PEAKS else "mean"
        shop.con.execute(
            "CREATE OR REPLACE TABLE hours AS SELECT place_id, source, kind,"
            f" epoch_us(hour_ends_at) // 1000000 AS ends_at, {value} AS value,"
            f" covered_s >= {views.COVERED_S} AS is_whole"
            f" FROM ({views.hourly(variable)})"
        )
        best = shop.con.execute(
            "SELECT place_id, source, kind FROM hours GROUP BY place_id, source, kind"
            f" HAVING count_if(is_whole) >= {_LEAST_HOURS} QUALIFY row_number() OVER"
            " (PARTITION BY place_id ORDER BY kind DESC, count_if(is_whole) DESC, source) = 1"
            " ORDER BY place_id"
        ).fetchall()
        for place_id, source, kind in best:
            found = shop.con.execute(
                "SELECT ends_at, value, is_whole FROM hours"
                " WHERE place_id = ? AND source = ? AND kind = ?",
                [place_id, source, kind],
            ).fetchnumpy()
            hour = found["ends_at"] // HOUR_S
            first = int(hour.min())
            values = np.full(int(hour.max()) - first + 1, np.nan)
            values[hour - first] = np.ma.filled(found["value"], np.nan)
            is_whole = np.zeros(len(values), bool)
            is_whole[hour - first] = found["is_whole"]
            if variable.is_daily:
                values, first = _of_days(values), first - _EARLIER
                is_whole = ~np.isnan(values)
            yield History(place_id, name, source, kind, first * HOUR_S, values, is_whole)


def _of_days(values: Floats) -> Floats:
    """Means of days, each in the hour that ends its day, told in every hour of it; the first of
    these lies `_EARLIER` hours before the first of the values."""
    of_hours = np.full(len(values) + _EARLIER, np.nan)
    for back in range(_EARLIER + 1):
        hours = of_hours[_EARLIER - back : len(of_hours) - back]
        hours[:] = np.where(np.isnan(hours), values, hours)
    return of_hours


def _columns(readings: Readings) -> dict[str, NDArray[Any]]:
    columns = {name: getattr(readings, name) for name in ("place", "source", "kind", "valid_at")}
    values = {name: np.ascontiguousarray(column) for name, column in readings.values.items()}
    return columns | {"period_s": readings.period_s} | values
