"""Norms: what is usual, and what is rare, at a place; limits of rules can be relative to them.

``monthly_mean``, ``monthly_mean_minimum``, ``monthly_mean_maximum`` (of the days' extremes),
``percentile(99)`` (of the month and hour), ``return_level(5 years)``. `batch.climate` computes
them; `docs/climate.md` explains them to those who write rules.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

MEANS = ("monthly_mean", "monthly_mean_minimum", "monthly_mean_maximum")

RETURN_YEARS = (2, 5, 10, 25, 50)

CLIMATE_VARIABLES = (
    "temperature_c",
    "apparent_temperature_c",
    "dew_point_c",
    "relative_humidity_pct",
    "wind_speed_m_s",
    "wind_gust_m_s",
    "rain_mm",
    "snow_cm",
    "pressure_hpa",
    "river_discharge_m3_s",
)
"""Variables of which a place's climate is computed."""


class Extreme(msgspec.Struct, frozen=True):
    """What return levels are computed of: the year's largest, or smallest, value or sum."""

    variable: str
    window_s: int
    is_minimum: bool = False


EXTREMES = (
    Extreme("temperature_c", 0),
    Extreme("temperature_c", 0, is_minimum=True),
    Extreme("apparent_temperature_c", 0),
    Extreme("apparent_temperature_c", 0, is_minimum=True),
    Extreme("relative_humidity_pct", 0, is_minimum=True),
    Extreme("wind_speed_m_s", 0),
    Extreme("wind_gust_m_s", 0),
    *(Extreme("rain_mm", hours * 3600) for hours in (1, 3, 6, 12, 24, 48, 72)),
    Extreme("snow_cm", 86_400),
    Extreme("pressure_hpa", 0, is_minimum=True),
    Extreme("river_discharge_m3_s", 0),
)


class Norm(msgspec.Struct, frozen=True):
    """A norm by its name: ``percentile`` and ``return_level`` have a number, the means have 0."""

    name: str
    number: int = 0


_PATTERN = re.compile(r"(\w+?)(?:\((\d+)(?: years)?\))?")


@lru_cache(maxsize=256)
def parse_norm(text: str) -> Norm:
    """The norm that a rule names; ValueError says which there are."""
    match = _PATTERN.fullmatch(text.strip())
    name, number = (match[1], int(match[2] or 0)) if match else ("", 0)
    is_known = (
        (name in MEANS and not number)
        or (name == "percentile" and 1 <= number <= 99)
        or (name == "return_level" and number in RETURN_YEARS)
    )
    if not is_known:
        years = ", ".join(map(str, RETURN_YEARS))
        raise ValueError(
            f"unknown norm {text!r}; there are {', '.join(MEANS)}, percentile(1) … percentile(99), "
            f"and return_level(N years) of {years} years"
        )
    return Norm(name, number)


def check_norm(text: str, variable: str, measure: str, window_s: int, *, is_below: bool) -> None:
    """ValueError where no climate has this norm of what a rule measures."""
    norm = parse_norm(text)
    if variable not in CLIMATE_VARIABLES:
        raise ValueError(f"{variable} has no climate; these have: {', '.join(CLIMATE_VARIABLES)}")
    if norm.name == "return_level":
        if Extreme(variable, window_s, is_below) in EXTREMES and measure in ("value", "sum"):
            return
        known = [e.window_s // 3600 for e in EXTREMES if e.variable == variable and e.window_s]
        windows = f"; windows are {', '.join(f'{h}h' for h in known)}" if known else ""
        raise ValueError(f"no return level of this: {measure} of {variable}{windows}")
    if measure not in ("value", "mean", "days_in_a_row"):
        raise ValueError(f"{norm.name} is of hourly values; it takes no measure {measure!r}")
