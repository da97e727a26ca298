"""The Canadian Fire Weather Index, day by day, from the weather at noon. Pure.

Reference: Van Wagner and Pickett (1985), Equations and FORTRAN program for the Canadian Forest Fire
Weather Index System, Forestry Technical Report 33; its numbers of equations stand beside them. Day
lengths and drying factors away from 46° N are those of the package `cffdrs` (Lawson and Armitage
2008, Weather guide for the Canadian Forest Fire Danger Rating System).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

START_DAYS = 90
"""Days after which the codes hardly remember what they were started with: the slowest, drought,
forgets two thirds of it in 52 days (Van Wagner 1987)."""

_DAY_LENGTH_H = {
    30: (6.5, 7.5, 9.0, 12.8, 13.9, 13.9, 12.4, 10.9, 9.4, 8.0, 7.0, 6.0),
    10: (7.9, 8.4, 8.9, 9.5, 9.9, 10.2, 10.1, 9.7, 9.1, 8.6, 8.1, 7.8),
    -10: (9.0,) * 12,
    -30: (10.1, 9.6, 9.1, 8.5, 8.1, 7.8, 7.9, 8.3, 8.9, 9.4, 9.9, 10.2),
    -90: (11.5, 10.5, 9.2, 7.9, 6.8, 6.2, 6.5, 7.4, 8.7, 10.0, 11.2, 11.8),
}
"""By the latitude above which they hold: effective day length of each month, in hours."""

_DRYING = {
    20: (-1.6, -1.6, -1.6, 0.9, 3.8, 5.8, 6.4, 5.0, 2.4, 0.4, -1.6, -1.6),
    -20: (1.4,) * 12,
    -90: (6.4, 5.0, 2.4, 0.4, -1.6, -1.6, -1.6, -1.6, -1.6, 0.9, 3.8, 5.8),
}
"""By the latitude above which they hold: the drought code's factor of each month."""


class Noon(NamedTuple):
    """The weather at noon: °C, %, km/h at 10 m, and mm of rain in the 24 hours before."""

    temperature_c: float
    humidity_pct: float
    wind_km_h: float
    rain_mm: float


class Codes(NamedTuple):
    """Moisture codes, larger where it is drier: of litter, of loose duff, of deep layers.

    As they stand here they are the standard's for a spring after the snow.
    """

    fine: float = 85.0
    duff: float = 6.0
    drought: float = 15.0


def next_codes(noon: Noon, before: Codes, month: int, latitude: float) -> Codes:
    """The codes of a day (month 1 … 12), from those of the day before."""
    noon = noon._replace(humidity_pct=min(max(noon.humidity_pct, 0.0), 100.0))
    return Codes(
        fine=_fine(noon, before.fine),
        duff=_duff(noon, before.duff, _at(_DAY_LENGTH_H, latitude)[month - 1]),
        drought=_drought(noon, before.drought, _at(_DRYING, latitude)[month - 1]),
    )


def spread_index(codes: Codes, wind_km_h: float) -> float:
    """ISI: how fast a fire spreads."""
    m = _moisture(codes.fine)
    wind = math.exp(0.05039 * wind_km_h)  # 24
    fuel = 91.9 * math.exp(-0.1386 * m) * (1 + math.pow(m, 5.31) / 4.93e7)  # 25
    return 0.208 * wind * fuel  # 26


def buildup_index(codes: Codes) -> float:
    """BUI: how much there is to burn."""
    duff, deep = codes.duff, 0.4 * codes.drought
    if duff <= 0:
        return 0.0
    if duff <= deep:
        return 2 * duff * deep / (duff + deep)  # 27a
    less = (1 - 2 * deep / (duff + deep)) * (0.92 + math.pow(0.0114 * duff, 1.7))  # 27b
    return max(0.0, duff - less)


def fire_weather_index(codes: Codes, wind_km_h: float) -> float:
    """FWI: how fiercely a fire burns, from 0 up; seldom above 100."""
    bui = buildup_index(codes)
    # 28a, 28b
    small = 0.626 * math.pow(bui, 0.809) + 2
    fuel = small if bui <= 80 else 1000 / (25 + 108.64 * math.exp(-0.023 * bui))
    b = 0.1 * spread_index(codes, wind_km_h) * fuel  # 29
    return b if b <= 1 else math.exp(2.72 * math.pow(0.434 * math.log(b), 0.647))  # 30


def _at(table: Mapping[int, tuple[float, ...]], latitude: float) -> tuple[float, ...]:
    return next(months for above, months in table.items() if latitude > above or above == -90)


def _moisture(fine: float) -> float:
    """Moisture of the litter in %."""
    return 147.2 * (101 - fine) / (59.5 + fine)  # 1


def _fine(noon: Noon, before: float) -> float:
    t, h, w, rain = noon
    m = _moisture(before)
    if rain > 0.5:
        r = rain - 0.5  # 2
        wet = 42.5 * r * math.exp(-100 / (251 - m)) * -math.expm1(-6.93 / r)  # 3a
        if m > 150:
            wet += 0.0015 * (m - 150) ** 2 * math.sqrt(r)  # 3b
        m = min(m + wet, 250.0)
    warmth = 0.18 * (21.1 - t) * -math.expm1(-0.115 * h)
    dry = 0.942 * math.pow(h, 0.679) + 11 * math.exp((h - 100) / 10) + warmth  # 4
    damp = 0.618 * math.pow(h, 0.753) + 10 * math.exp((h - 100) / 10) + warmth  # 5
    if m > dry:
        m = dry + (m - dry) * math.pow(10, -_rate(h / 100, w, t))  # 6, 8
    elif m < damp:
        m = damp - (damp - m) * math.pow(10, -_rate((100 - h) / 100, w, t))  # 7, 9
    return 59.5 * (250 - m) / (147.2 + m)  # 10


def _rate(humidity: float, wind_km_h: float, temperature_c: float) -> float:
    """How fast litter dries, or takes up moisture, towards what the air would have."""
    still = 0.424 * (1 - math.pow(humidity, 1.7))
    k = still + 0.0694 * math.sqrt(wind_km_h) * (1 - math.pow(humidity, 8))
    return k * 0.581 * math.exp(0.0365 * temperature_c)


def _duff(noon: Noon, before: float, day_length_h: float) -> float:
    t, h, _, rain = noon
    code = before
    if rain > 1.5:
        net = 0.92 * rain - 1.27  # 11
        m = 20 + math.exp(5.6348 - before / 43.43)  # 12
        if before <= 33:
            slope = 100 / (0.5 + 0.3 * before)  # 13a
        elif before <= 65:
            slope = 14 - 1.3 * math.log(before)  # 13b
        else:
            slope = 6.2 * math.log(before) - 17.2  # 13c
        wetter = m + 1000 * net / (48.77 + slope * net)  # 14
        code = max(0.0, 244.72 - 43.43 * math.log(wetter - 20))  # 15
    warmth = max(t, -1.1) + 1.1
    return code + 1.894 * warmth * (100 - h) * day_length_h * 1e-4  # 16, 17


def _drought(noon: Noon, before: float, drying: float) -> float:
    code = before
    if noon.rain_mm > 2.8:
        net = 0.83 * noon.rain_mm - 1.27  # 18
        stored = 800 * math.exp(-before / 400) + 3.937 * net  # 19, 20
        code = max(0.0, 400 * math.log(800 / stored))  # 21
    evaporates = 0.36 * (max(noon.temperature_c, -2.8) + 2.8) + drying  # 22
    return code + 0.5 * max(0.0, evaporates)  # 23
