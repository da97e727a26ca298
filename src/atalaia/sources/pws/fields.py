"""What consoles call their values, and in which units: the dialects.

Weather Underground's upload (its document of 2019) and Ecowitt's custom server have most names in
common: imperial, and Ecowitt's never anything else whatever its display is set to. Consoles of
firmware HP1001 send a metric dialect to Weather Underground's address: °C, hPa, m/s, mm.

Where a ten- or two-minute mean of the wind is sent it is the mean wind; else the instantaneous
value is told, of no period. Rain of "this hour" (``hourlyrainin``) starts anew at the full hour
with some firmware and rolls with other: it is not used, `rain` makes rain of the counters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from atalaia.domain.station_reading import Value
from atalaia.sources.pws.form import number
from atalaia.sources.rejects import Rejects, shown
from atalaia.sources.units import conversion


class ConsoleField(NamedTuple):
    """One name that a console uses. `period_s` of what it is a mean, a maximum or a sum over."""

    key: str
    variable: str
    unit: str
    period_s: int = 0


IMPERIAL = (
    ConsoleField("tempf", "temperature_c", "°F"),
    ConsoleField("dewptf", "dew_point_c", "°F"),
    ConsoleField("humidity", "relative_humidity_pct", "%"),
    ConsoleField("windspdmph_avg10m", "wind_speed_m_s", "mph", 600),
    ConsoleField("winddir_avg10m", "wind_direction_deg", "°", 600),
    ConsoleField("windspdmph_avg2m", "wind_speed_m_s", "mph", 120),
    ConsoleField("winddir_avg2m", "wind_direction_deg", "°", 120),
    ConsoleField("windspeedmph", "wind_speed_m_s", "mph"),
    ConsoleField("winddir", "wind_direction_deg", "°"),
    ConsoleField("windgustmph_10m", "wind_gust_m_s", "mph", 600),
    ConsoleField("windgustmph", "wind_gust_m_s", "mph"),
    ConsoleField("baromrelin", "pressure_sea_level_hpa", "inHg"),
    ConsoleField("baromin", "pressure_sea_level_hpa", "inHg"),
    ConsoleField("baromabsin", "pressure_hpa", "inHg"),
    ConsoleField("absbaromin", "pressure_hpa", "inHg"),
    ConsoleField("rainratein", "rain_rate_mm_h", "in/h"),
    ConsoleField("rrain_piezo", "rain_rate_mm_h", "in/h"),
    ConsoleField("rainin", "rain_mm", "inch", 3600),
    ConsoleField("uv", "uv_index", "1"),
    ConsoleField("UV", "uv_index", "1"),
)
METRIC = (
    ConsoleField("outtemp", "temperature_c", "°C"),
    ConsoleField("dewpoint", "dew_point_c", "°C"),
    ConsoleField("outhumi", "relative_humidity_pct", "%"),
    ConsoleField("windspeed", "wind_speed_m_s", "m/s"),
    ConsoleField("winddir", "wind_direction_deg", "°"),
    ConsoleField("windgust", "wind_gust_m_s", "m/s"),
    ConsoleField("relbaro", "pressure_sea_level_hpa", "hPa"),
    ConsoleField("absbaro", "pressure_hpa", "hPa"),
    ConsoleField("rainrate", "rain_rate_mm_h", "mm/h"),
)
"""Of names for one variable the first that has a value counts, one for each period."""

COUNTERS = ("total", "yearly", "monthly", "weekly", "daily")
"""Counters of rain, the longest first: the longer, the less often it starts anew."""

_IMPERIAL_COUNTERS = {f"{each}rainin": each for each in COUNTERS} | {
    "yrain_piezo": "piezo yearly",
    "mrain_piezo": "piezo monthly",
    "wrain_piezo": "piezo weekly",
    "drain_piezo": "piezo daily",
}
_METRIC_COUNTERS = {f"{each}rain": each for each in COUNTERS}


def is_metric(sent: Mapping[str, str]) -> bool:
    """Whether this is the metric dialect: its names do not occur in the other."""
    return "tempf" not in sent and ("outtemp" in sent or "relbaro" in sent or "outhumi" in sent)


def values(sent: Mapping[str, str], at: int, rejects: Rejects) -> list[Value]:
    """All values but rain made of counters, in the catalogue's units."""
    told: dict[tuple[str, int], float] = {}
    for each in METRIC if is_metric(sent) else IMPERIAL:
        value = _number(sent, each.key, rejects)
        known = conversion(each.unit, each.variable)
        if value is not None and known is not None:
            scale, offset = known
            told.setdefault((each.variable, each.period_s), round(value * scale + offset, 4))
    _settle_wind(told)
    _settle_pressure(told)
    return [Value(at, period_s, name, value) for (name, period_s), value in told.items()]


def _settle_wind(told: dict[tuple[str, int], float]) -> None:
    """A mean makes the instantaneous value superfluous: it would pass for a mean of its own."""
    for name in ("wind_speed_m_s", "wind_direction_deg"):
        if (name, 600) in told or (name, 120) in told:
            told.pop((name, 0), None)
        if (name, 600) in told:
            told.pop((name, 120), None)


def _settle_pressure(told: dict[tuple[str, int], float]) -> None:
    """A console that was never set to its height tells its own pressure as that at sea level."""
    here, at_sea_level = ("pressure_hpa", 0), ("pressure_sea_level_hpa", 0)
    if here in told and told.get(at_sea_level) == told[here]:
        del told[at_sea_level]


def counters(sent: Mapping[str, str], rejects: Rejects) -> dict[str, float]:
    """Counters of rain in mm, by their names in COUNTERS, those of piezo sensors apart."""
    is_in_mm = is_metric(sent)
    names = _METRIC_COUNTERS if is_in_mm else _IMPERIAL_COUNTERS
    found = {}
    for key, name in names.items():
        value = _number(sent, key, rejects)
        if value is not None:
            found[name] = value if is_in_mm else round(value * 25.4, 4)
    return found


def _number(sent: Mapping[str, str], key: str, rejects: Rejects) -> float | None:
    text = sent.get(key)
    if text is None:
        return None
    try:
        return number(text)
    except ValueError:
        rejects.add("not a number", f"{key} is {shown(text)}")
        return None
