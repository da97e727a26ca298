"""A place's climate as the API and the page show it, of the rows that GOLD has of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from atalaia.api import read_models as models
from atalaia.lake import gold
from atalaia.lake.raw import folder_name
from atalaia.ports import Lake

if TYPE_CHECKING:
    from atalaia.lake.climate import Months, ReturnLevel

PERCENTILES = (1, 10, 50, 90, 99)


def folder_of(place_id: str) -> str:
    """Where GOLD keeps what was learnt of a place, within a table."""
    return f"place={folder_name(place_id)}/"


def has_climate(lake: Lake, place_id: str) -> bool:
    """Whether one was learnt. Without DuckDB: a watch that nobody asks for climate stays small."""
    return bool(lake.keys(gold.CLIMATE + folder_of(place_id)))


def read_climate_item(lake: Lake, place_id: str) -> models.ClimateItem:
    """It, read from GOLD."""
    # Only now: it brings DuckDB.
    from atalaia.lake.climate import read_climate  # noqa: PLC0415

    return climate_item(*read_climate(lake, place_id))


def climate_item(months: Iterable[Months], levels: Iterable[ReturnLevel]) -> models.ClimateItem:
    """A place's climate as it is shown, of the rows that GOLD has of it."""
    bands: dict[str, models.BandItem] = {}
    for row in months:
        if row.hour is not None:
            continue
        band = bands.setdefault(
            row.variable,
            models.BandItem(
                variable=row.variable,
                unit=row.unit,
                source=row.source,
                first_year=row.first_year,
                last_year=row.last_year,
                is_norm=row.is_norm,
                months=[],
            ),
        )
        band.months.append(
            models.MonthItem(
                month=row.month,
                mean=row.mean,
                mean_minimum=row.mean_minimum,
                mean_maximum=row.mean_maximum,
                percentiles={
                    str(n): row.percentiles[n - 1] for n in PERCENTILES if row.percentiles
                },
            )
        )
    told = [
        models.ReturnLevelItem(
            variable=row.variable,
            unit=row.unit,
            window_s=row.window_s,
            extreme=row.extreme,
            return_years=row.return_years,
            level=row.level,
            low=row.low,
            high=row.high,
        )
        for row in levels
        if row.level is not None
    ]
    return models.ClimateItem(bands=list(bands.values()), return_levels=told)
