"""The catalogue: every variable once, with its unit in its name, its limits and their reason.

A source's decoder converts into these units and nowhere else does. Plausible limits are wide:
outside them a value cannot be weather and is never used; inside them `detect.check` may still
find it suspect.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray


class Variable(msgspec.Struct, frozen=True):
    """One quantity in one unit.

    name      with the unit as its suffix, the same in every table, file and message
    unit      as people read it
    lowest, highest   plausible limits, inclusive
    cf_name   the CF standard name, where there is one
    meaning   in a few words
    because   where the limits come from
    max_step_per_h    the largest change in an hour that is believed without a witness;
              None: no jump test (a squall line is one sample long)
    stuck_after_h     hours of one unchanged value, other than 0, after which the sensor is
              suspected of repeating itself; None: no such test
    is_sum    it fell in the period that ends at valid_at: it has a period, and can be added up
    is_daily  it is told once a day, and stands for the hours of the day that ends at valid_at
    limit_of_s, limit_power    of a sum: `highest` is of so long a period, and grows with the
              period to this power
    highest_rate_h    of a sum: never more than this in an hour, in however short a period
    """

    name: str
    unit: str
    lowest: float
    highest: float
    cf_name: str | None
    meaning: str
    because: str
    max_step_per_h: float | None = None
    stuck_after_h: int | None = None
    is_sum: bool = False
    is_daily: bool = False
    limit_of_s: int = 0
    limit_power: float = 1.0
    highest_rate_h: float | None = None

    def highest_in(self, period_s: NDArray[Any]) -> NDArray[np.float64]:
        """The most that can have fallen in periods of so many seconds (0: not stated)."""
        if period_s.size > 1 and (period_s == period_s.flat[0]).all():  # as mostly
            return np.broadcast_to(self.highest_in(period_s.flat[:1]), period_s.shape)
        stated = np.maximum(period_s, 1)
        most = self.highest * (stated / (self.limit_of_s or 1)) ** self.limit_power
        if self.highest_rate_h is not None:
            most = np.minimum(most, self.highest_rate_h * stated / 3600)
        limits: NDArray[np.float64] = np.where(period_s > 0, most, self.highest)
        return limits


_ALL = (
    Variable(
        "temperature_c", "°C", -90, 60, "air_temperature", "air temperature",
        "WMO world records -89.2 °C (Vostok 1983) and 56.7 °C (Furnace Creek 1913)",
        max_step_per_h=10, stuck_after_h=12,
    ),
    Variable(
        "temperature_max_c", "°C", -90, 60, None, "highest air temperature of the period",
        "as temperature_c",
    ),
    Variable(
        "temperature_min_c", "°C", -90, 60, None, "lowest air temperature of the period",
        "as temperature_c",
    ),
    Variable(
        "apparent_temperature_c", "°C", -120, 80, None, "temperature as it feels",
        "wind chill of -90 °C and heat index of 60 °C with a margin",
    ),
    Variable(
        "dew_point_c", "°C", -100, 40, "dew_point_temperature", "dew point",
        "record 35 °C (Dhahran 2003) with a margin",
    ),
    Variable(
        "relative_humidity_pct", "%", 0, 105, "relative_humidity", "relative humidity",
        "up to 105 % is supersaturation or sensor tolerance",
        max_step_per_h=40,
    ),
    Variable(
        "wind_speed_m_s", "m/s", 0, 90, "wind_speed", "mean wind",
        "strongest sustained surface winds are near 85 m/s", stuck_after_h=12,
    ),
    Variable(
        "wind_gust_m_s", "m/s", 0, 115, "wind_speed_of_gust", "gust",
        "WMO world record 113.2 m/s (Barrow Island 1996)", stuck_after_h=6,
    ),
    Variable(
        "wind_direction_deg", "°", 0, 360, "wind_from_direction", "where the wind comes from",
        "a full circle",
    ),
    Variable(
        "wind_gust_direction_deg", "°", 0, 360, "wind_gust_from_direction",
        "where the gust came from", "a full circle",
    ),
    Variable(
        "rain_rate_mm_h", "mm/h", 0, 2000, "rainfall_rate", "rain rate at an instant",
        "WMO record minute, 31.2 mm (Unionville 1956), is 1,872 mm/h",
    ),
    Variable(
        "rain_mm", "mm", 0, 2000, "precipitation_amount",
        "rain that fell in the period that ends at valid_at",
        "WMO record day 1,825 mm (Foc-Foc 1966); records grow with the period to the power of "
        "0.475 (Jennings 1950)", is_sum=True,
        limit_of_s=86_400, limit_power=0.475, highest_rate_h=2000,
    ),
    Variable(
        "snow_cm", "cm", 0, 300, "thickness_of_snowfall_amount", "snow that fell in the period",
        "records of about 230 cm in a day; grown with the period as rain is", is_sum=True,
        limit_of_s=86_400, limit_power=0.475,
    ),
    Variable(
        "snow_depth_m", "m", 0, 20, "surface_snow_thickness", "depth of the snow on the ground",
        "record 11.82 m (Mount Ibuki 1927) with a margin",
    ),
    Variable(
        "pressure_hpa", "hPa", 450, 1100, "surface_air_pressure", "pressure at the surface",
        "record 1,084 hPa at sea level; about 490 hPa at 5,700 m",
        max_step_per_h=10, stuck_after_h=24,
    ),
    Variable(
        "pressure_sea_level_hpa", "hPa", 850, 1100, "air_pressure_at_mean_sea_level",
        "pressure, reduced to sea level",
        "records 870 hPa (Tip 1979) and 1,084 hPa (Tosontsengel 2001)",
    ),
    Variable(
        "visibility_m", "m", 0, 300_000, "visibility_in_air", "visibility",
        "clear air at most 300 km",
    ),
    Variable("cloud_cover_pct", "%", 0, 100, "cloud_area_fraction", "cloud cover", "a share"),
    Variable(
        "cloud_base_m", "m", 0, 25_000, "cloud_base_altitude", "base of the lowest cloud",
        "top of the troposphere",
    ),
    Variable(
        "cloud_ceiling_m", "m", 0, 25_000, None, "height of the cloud ceiling",
        "top of the troposphere",
    ),
    Variable(
        "precipitation_probability_pct", "%", 0, 100, None, "probability of precipitation",
        "a share",
    ),
    Variable(
        "uv_index", "1", 0, 50, "ultraviolet_index", "ultraviolet index",
        "record 43.3 (Licancabur 2003)",
    ),
    Variable(
        "cape_j_kg", "J/kg", 0, 12_000, "atmosphere_convective_available_potential_energy",
        "convective available potential energy",
        "the largest soundings are near 8,000 J/kg",
    ),
    Variable(
        "weather_code", "1", 0, 100_000, None, "the weather by the provider's own table of codes",
        "each provider's own table",
    ),
    Variable(
        "thunderstorm_class", "class", 0, 4, None,
        "thunderstorm: 0 none, 1 in the vicinity, 2 present, 3 heavy or with hail, 4 heavy with "
        "hail",
        "as many classes as there are",
    ),
    Variable(
        "violent_wind_class", "class", 0, 7, None,
        "squalls and funnel clouds: 0 none, 1 in the vicinity, 5 squall, 6 funnel cloud, 7 tornado "
        "or waterspout",
        "as far as the classes go",
    ),
    Variable(
        "severe_storm_m3_s3", "m³/s³", 0, 1_000_000, None,
        "CAPE times the wind's shear up to 500 hPa, where thunder is foretold; else 0",
        "CAPE of 8,000 J/kg in a shear of 100 m/s, with a margin",
    ),
    Variable(
        "sleet_rate_mm_h", "mm/h", 0, 2000, None, "sleet rate", "as rain_rate_mm_h",
    ),
    Variable(
        "snow_rate_mm_h", "mm/h", 0, 2000, None, "snow rate, as water",
        "as rain_rate_mm_h, water equivalent",
    ),
    Variable(
        "freezing_rain_rate_mm_h", "mm/h", 0, 2000, None, "freezing rain rate", "as rain_rate_mm_h"
    ),
    Variable(
        "radiation_kj_m2", "kJ/m²", 0, 6000, "surface_downwelling_shortwave_flux_in_air",
        "sunlight in the period",
        "the solar constant over an hour is 4,900 kJ/m²; night offsets below 0 are left out",
        is_sum=True, limit_of_s=3600,
    ),
    Variable(
        "river_level_m", "m", -20, 120, "water_surface_height_above_reference_datum",
        "height of the water above the zero of its gauge",
        "each gauge has a zero of its own; 30 m at Manaus (2021) with a wide margin",
    ),
    Variable(
        "river_discharge_m3_s", "m³/s", 0, 500_000, "water_volume_transport_in_river_channel",
        "water that flows down a river, as the mean of a day",
        "the Amazon carries some 200,000 and in flood more, with a wide margin", is_daily=True,
    ),
    Variable(
        "fire_weather_index", "1", 0, 500, None,
        "Canadian fire weather index: how fiercely a fire would burn",
        "seldom above 100 anywhere", is_daily=True,
    ),
    Variable(
        "wave_height_m", "m", 0, 25, "sea_surface_wave_significant_height",
        "height of the waves at sea: the mean of the highest third of them",
        "the highest that was measured is 19 m (WMO, North Atlantic, 2013), with a wide margin",
    ),
    Variable(
        "wave_period_s", "s", 0, 40, "sea_surface_wave_mean_period",
        "time from one wave to the next, on average",
        "the longest swell has some 25 s",
    ),
    Variable(
        "sea_level_m", "m", -20, 20, "sea_surface_height_above_mean_sea_level",
        "height of the sea above its mean, tides and surges included",
        "tides of the Bay of Fundy rise 8 m above the mean, and surges come on top of tides",
    ),
    Variable(
        "pm2_5_ug_m3", "µg/m³", 0, 20_000,
        "mass_concentration_of_pm2p5_ambient_aerosol_particles_in_air",
        "fine particles, up to 2.5 µm",
        "hours in dense smoke reach some thousands, with a wide margin",
    ),
    Variable(
        "pm10_ug_m3", "µg/m³", 0, 50_000,
        "mass_concentration_of_pm10_ambient_aerosol_particles_in_air", "particles, up to 10 µm",
        "hours in dust storms reach some 10,000, with a wide margin",
    ),
    Variable(
        "ozone_ug_m3", "µg/m³", 0, 2000, "mass_concentration_of_ozone_in_air",
        "ozone at the ground",
        "1 ppm, at 25 °C and 1,013 hPa: the worst smog of the 1950s stayed below",
    ),
)  # fmt: skip

CATALOGUE: dict[str, Variable] = {variable.name: variable for variable in _ALL}
"""By name, in the order in which tables show them."""
