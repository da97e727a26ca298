"""Tomorrow.io's fields: which variable each is, and its unit in either system of units."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from atalaia.domain.reading import Floats
from atalaia.sources import thunder
from atalaia.sources.decoding import Wanted, is_wanted
from atalaia.sources.units import Conversion, conversion


class System(Enum):
    """The `units` parameter of the request; no answer repeats it."""

    METRIC = "metric"
    IMPERIAL = "imperial"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of `values`: its key, the variable that it is, its unit by system."""

    key: str
    variable: str
    metric: str
    imperial: str

    def converted(self, column: Floats, system: System) -> Floats:
        """The field's column in the catalogue's unit."""
        scale, offset = self._conversion(system)
        return column if (scale, offset) == (1.0, 0.0) else column * scale + offset

    def _conversion(self, system: System) -> Conversion:
        unit = self.metric if system is System.METRIC else self.imperial
        known = conversion(unit, self.variable)
        if known is None:
            raise ValueError(f"{self.key}: no conversion from {unit!r}")
        return known


FIELDS = (
    Field("temperature", "temperature_c", "°C", "°F"),
    Field("temperatureApparent", "apparent_temperature_c", "°C", "°F"),
    Field("dewPoint", "dew_point_c", "°C", "°F"),
    Field("humidity", "relative_humidity_pct", "%", "%"),
    Field("windSpeed", "wind_speed_m_s", "m/s", "mph"),
    Field("windGust", "wind_gust_m_s", "m/s", "mph"),
    Field("windDirection", "wind_direction_deg", "°", "°"),
    Field("rainIntensity", "rain_rate_mm_h", "mm/h", "in/h"),
    # /timelines has this one; where an answer holds both, the larger counts.
    Field("precipitationIntensity", "rain_rate_mm_h", "mm/h", "in/h"),
    Field("sleetIntensity", "sleet_rate_mm_h", "mm/h", "in/h"),
    Field("snowIntensity", "snow_rate_mm_h", "mm/h", "in/h"),
    Field("freezingRainIntensity", "freezing_rain_rate_mm_h", "mm/h", "in/h"),
    Field("rainAccumulation", "rain_mm", "mm", "inch"),
    Field("snowAccumulation", "snow_cm", "mm", "inch"),
    Field("pressureSurfaceLevel", "pressure_hpa", "hPa", "inHg"),
    Field("pressureSeaLevel", "pressure_sea_level_hpa", "hPa", "inHg"),
    Field("visibility", "visibility_m", "km", "mi"),
    Field("cloudCover", "cloud_cover_pct", "%", "%"),
    Field("cloudBase", "cloud_base_m", "km", "mi"),
    Field("cloudCeiling", "cloud_ceiling_m", "km", "mi"),
    Field("precipitationProbability", "precipitation_probability_pct", "%", "%"),
    Field("uvIndex", "uv_index", "", ""),
    Field("weatherCode", "weather_code", "", ""),
)

_CODE = "weather_code"


def with_codes(wanted: Wanted) -> Wanted:
    """What is to be read for what is wanted: a thunderstorm is told by the weather's code."""
    return wanted if wanted is None or thunder.VARIABLE not in wanted else wanted | {_CODE}


def with_thunder(values: dict[str, Floats], wanted: Wanted) -> dict[str, Floats]:
    """The values read, by variable, with what their codes say of thunder, as far as wanted."""
    codes = values.get(_CODE)
    if codes is not None and is_wanted(thunder.VARIABLE, wanted):
        values[thunder.VARIABLE] = thunder.classes(
            codes, thunder.TOMORROW_IO, thunder.TOMORROW_IO_UNKNOWN
        )
        if not is_wanted(_CODE, wanted):
            del values[_CODE]
    return values


ONLY_IN_SERIES = frozenset({"precipitationIntensity", "rainAccumulation", "snowAccumulation"})
"""Fields that realtime answers do not have."""
