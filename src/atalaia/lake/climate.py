"""A place's climate in GOLD: one file a place for each of its two tables, replaced as a whole.

`batch.climate` computes the rows; the speed layer reads of them what its rules name.
"""

# The SQL here is put together from GOLD's own names and files.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from atalaia.domain.norm import parse_norm
from atalaia.domain.place import Places
from atalaia.domain.reading import Floats
from atalaia.domain.rule import Rule
from atalaia.lake import gold
from atalaia.lake.merge import PARQUET, from_rows, workshop
from atalaia.lake.raw import folder_name
from atalaia.ports import Lake

_PREFIXES = {"climate": gold.CLIMATE, "return_levels": gold.RETURN_LEVELS}

_MEAN_COLUMNS = {
    "monthly_mean": "mean",
    "monthly_mean_minimum": "mean_minimum",
    "monthly_mean_maximum": "mean_maximum",
}


class Months(msgspec.Struct, frozen=True, kw_only=True):
    """A row of GOLD's `climate`; `lake.tables` has the columns' meaning."""

    place_id: str
    variable: str
    unit: str
    month: int
    hour: int | None
    source: str
    kind: str
    first_year: int
    last_year: int
    years: int
    hours: int
    is_norm: bool
    mean: float
    mean_minimum: float | None
    mean_maximum: float | None
    percentiles: list[float]


class ReturnLevel(msgspec.Struct, frozen=True, kw_only=True):
    """A row of GOLD's `return_levels`."""

    place_id: str
    variable: str
    unit: str
    window_s: int
    extreme: str
    return_years: int
    source: str
    kind: str
    first_year: int | None
    last_year: int | None
    years: int
    level: float | None
    low: float | None
    high: float | None
    refusal: str | None


def write_climate(
    lake: Lake, place_id: str, months: Sequence[Months], levels: Sequence[ReturnLevel]
) -> None:
    """Keep the climate of a place, in place of what was known of it."""
    tables: Mapping[str, Sequence[Any]] = {"climate": months, "return_levels": levels}
    with workshop(lake) as shop:
        for dataset, rows in tables.items():
            columns = gold.DATASETS[dataset]
            out = shop.folder / "out.parquet"
            names = ", ".join(f'"{name}"' for name in columns)
            source = from_rows(shop, columns, rows)
            shop.con.execute(f"COPY (SELECT {names} FROM {source}) TO '{out}' {PARQUET}")
            lake.write(_key(dataset, place_id), out.read_bytes())


def read_climate(lake: Lake, place_id: str) -> tuple[list[Months], list[ReturnLevel]]:
    """What is known of a place's climate; nothing where nothing is."""
    months = [Months(**row) for row in _rows(lake, "climate", place_id)]
    levels = [ReturnLevel(**row) for row in _rows(lake, "return_levels", place_id)]
    return months, levels


def years_of_climate(lake: Lake, place_id: str) -> int:
    """Of how many years the longest month is of what is known of a place's climate; 0: nothing."""
    key = _key("climate", place_id)
    if not lake.keys(key):
        return 0
    with workshop(lake) as shop:
        rows = gold.rows("climate", [lake.path(key)])
        found = shop.con.execute(f"SELECT coalesce(max(years), 0) FROM ({rows})").fetchall()
    return int(found[0][0])


def places_with_climate(lake: Lake) -> list[str]:
    """Ids of the places that have one."""
    with workshop(lake) as shop:
        files = [lake.path(key) for key in lake.keys(gold.CLIMATE)]
        ids = shop.con.execute(
            f"SELECT DISTINCT place_id FROM ({gold.rows('climate', files)}) ORDER BY place_id"
        )
        return [place_id for (place_id,) in ids.fetchall()]


def read_norms(lake: Lake, rule: Rule, places: Places) -> Floats:
    """The norm that a rule names, shape (places, 12 months, 24 local hours).

    NaN where it is not known: no climate, too short a record, or a refused return level.
    """
    norm = parse_norm(rule.norm or "")
    table = np.full((len(places), 12, 24), np.nan)
    dataset = "return_levels" if norm.name == "return_level" else "climate"
    keys = set(lake.keys(_PREFIXES[dataset]))
    files = [lake.path(key) for place in places if (key := _key(dataset, place.id)) in keys]
    if not files:
        return table
    source = f"({gold.rows(dataset, files)}) WHERE variable = '{rule.variable}'"
    if norm.name == "return_level":
        extreme = "minimum" if rule.is_below else "maximum"
        sql = (
            f"SELECT place_id, NULL, NULL, level FROM {source} AND window_s = {rule.window_s}"
            f" AND extreme = '{extreme}' AND return_years = {norm.number} AND level IS NOT NULL"
        )
    elif norm.name == "percentile":
        sql = (
            f"SELECT place_id, month, hour, percentiles[{norm.number}] FROM {source}"
            " AND hour IS NOT NULL AND is_norm"
        )
    else:
        column = _MEAN_COLUMNS[norm.name]
        sql = f"SELECT place_id, month, NULL, {column} FROM {source} AND hour IS NULL AND is_norm"
    with workshop(lake) as shop:
        for place_id, month, hour, value in shop.con.execute(sql).fetchall():
            months = slice(None) if month is None else month - 1
            hours = slice(None) if hour is None else hour
            table[places.position[place_id], months, hours] = value
    return table


def _rows(lake: Lake, dataset: str, place_id: str) -> list[dict[str, Any]]:
    key = _key(dataset, place_id)
    if not lake.keys(key):
        return []
    with workshop(lake) as shop:
        found = shop.con.execute(gold.rows(dataset, [lake.path(key)])).fetchall()
    return [dict(zip(gold.DATASETS[dataset], row, strict=True)) for row in found]


def _key(dataset: str, place_id: str) -> str:
    return f"{_PREFIXES[dataset]}place={folder_name(place_id)}/{dataset}.parquet"
