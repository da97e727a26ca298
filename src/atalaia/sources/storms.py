"""Hours of energy, wind and weather codes → how severe a thunderstorm could become.

    `open_meteo` reads the hours at the ground and at 500 hPa ──► `of_hours` ──► one row an hour

CAPE times the wind's shear, Craven and Brooks (2004): of 60,000 soundings most significant severe
events (hail of 2 inches, wind of 65 kn, tornadoes from F2) came where the product of the mixed
layer's CAPE and the shear from the ground to 6 km exceeded 20,000 m³/s³
(https://www.spc.noaa.gov/exper/mesoanalysis/help/help_cbsig.html). Here the wind at 500 hPa, some
5.6 km above the sea, stands for that at 6 km, and the provider's CAPE for the mixed layer's; on a
high plateau the layer is thinner, and the product smaller than it should be. It says what a storm
could become, and not that there is one: 0 in hours of which the weather's code says no thunder.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from atalaia.domain.reading import Floats, Readings
from atalaia.sources import thunder

VARIABLE = "severe_storm_m3_s3"

ALOFT = {"wind_speed_500hPa": "wind_speed_10m", "wind_direction_500hPa": "wind_direction_10m"}
"""Fields of the wind at 500 hPa, each by the field of the ground that is read in the same way."""


def of_hours(ground: Readings, aloft: Readings) -> Readings:
    """Rows of the product, of the same hours at the ground and aloft; missing where any part is."""
    (east, north), (east_aloft, north_aloft) = _wind(ground), _wind(aloft)
    shear = np.hypot(east_aloft - east, north_aloft - north)
    has_thunder = _column(ground, thunder.VARIABLE) >= thunder.PRESENT
    energy = np.where(has_thunder, _column(ground, "cape_j_kg") * shear, 0.0)
    is_known = ~np.isnan(_column(ground, thunder.VARIABLE)) & ~np.isnan(shear)
    told = np.where(is_known & ~np.isnan(_column(ground, "cape_j_kg")), energy, np.nan)
    return replace(ground, values={VARIABLE: told})


def _wind(rows: Readings) -> tuple[Floats, Floats]:
    """Its parts towards the east and the north, m/s."""
    speed = _column(rows, "wind_speed_m_s")
    towards = np.radians(_column(rows, "wind_direction_deg") + 180)
    return speed * np.sin(towards), speed * np.cos(towards)


def _column(rows: Readings, name: str) -> Floats:
    return rows.values.get(name, np.full(len(rows), np.nan))
