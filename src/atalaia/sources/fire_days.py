"""A season of hours → the fire weather index of its last days and of those to come.

    `open_meteo` reads the hours ──► `of_hours` ──► one row a day, at noon by the sun

The index of a day hangs on the day before (`domain.fire_weather`): all days are gone through, and
the first ones only warm it up.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from atalaia.domain.fire_weather import (
    START_DAYS,
    Codes,
    Noon,
    fire_weather_index,
    next_codes,
)
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Floats, Ints, Readings
from atalaia.sources.rejects import Rejects

VARIABLE = "fire_weather_index"

_HOUR_S, _DAY_S = 3600, 86_400
_S_A_DEGREE = 240
"""The sun goes round in a day."""


def of_hours(hours: Readings, places: Places, rejects: Rejects) -> Readings:
    """Rows of the index, each of a day, from hours of places that each follow one another.

    A day with a missing hour of rain, or without its noon, has no index and leaves the codes as
    they are. A place whose hours are too few to warm up has no rows, and is told.
    """
    parts = []
    for position in np.unique(hours.place):
        mine = hours.take(hours.place == position)
        noons, index = _days(mine, places[int(position)])
        warm = noons >= noons[:1] + START_DAYS * _DAY_S if len(noons) else np.zeros(0, bool)
        if not warm.any():
            days = f"{len(noons)} days of hours, {START_DAYS} and more are needed"
            rejects.add("too short a past", f"{places[int(position)].id}: {days}")
            continue
        rows = np.isin(mine.valid_at, noons[warm])
        noon = mine.take(rows)
        a_day = np.full(len(noon), _DAY_S, np.int32)
        parts.append(replace(noon, values={VARIABLE: index[warm]}, period_s=a_day))
    return Readings.concat(parts)


def _days(hours: Readings, place: Place) -> tuple[Ints, Floats]:
    """Each day's noon (Unix seconds) from the first with a day before it, and its index."""
    at = hours.valid_at
    noon_s = round((12 * _HOUR_S - place.longitude * _S_A_DEGREE) / _HOUR_S) * _HOUR_S
    rows = np.flatnonzero((at - noon_s) % _DAY_S == 0)
    rows = rows[rows >= _DAY_S // _HOUR_S - 1]
    weather = [_column(hours, name) for name in _INPUTS]
    index = np.full(len(rows), np.nan)
    codes = Codes()
    for day, i in enumerate(rows):
        noon = _noon(weather, at, int(i))
        if noon is None:
            continue
        by_the_sun = datetime.fromtimestamp(int(at[i]) + place.longitude * _S_A_DEGREE, UTC)
        codes = next_codes(noon, codes, by_the_sun.month, place.latitude)
        index[day] = fire_weather_index(codes, noon.wind_km_h)
    return at[rows], index


_INPUTS = ("temperature_c", "relative_humidity_pct", "wind_speed_m_s", "rain_mm")


def _column(hours: Readings, name: str) -> Floats:
    return hours.values.get(name, np.full(len(hours), np.nan))


def _noon(weather: list[Floats], at: Ints, i: int) -> Noon | None:
    """The weather at a noon; None where some of it, or of the day's hours, is missing."""
    temperature, humidity, wind, rain = weather
    first = i + 1 - _DAY_S // _HOUR_S
    noon = Noon(
        temperature_c=float(temperature[i]),
        humidity_pct=float(humidity[i]),
        wind_km_h=float(wind[i]) * 3.6,
        rain_mm=float(rain[first : i + 1].sum()),
    )
    is_whole = at[i] - at[first] == _DAY_S - _HOUR_S and not np.isnan(noon).any()
    return noon if is_whole else None
