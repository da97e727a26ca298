"""Units as providers write them → the catalogue's. Nowhere else is a unit converted."""

from __future__ import annotations

from typing import TypeAlias

from atalaia.domain.variable import CATALOGUE

Conversion: TypeAlias = tuple[float, float]
"""(scale, offset): value in the catalogue's unit = scale · value + offset."""

_SAME: Conversion = (1.0, 0.0)

_FROM: dict[str, dict[str, Conversion]] = {
    "°C": {"°C": _SAME, "°F": (5 / 9, -160 / 9)},
    "%": {"%": _SAME},
    "m/s": {
        "m/s": _SAME,
        "km/h": (1 / 3.6, 0.0),
        "mp/h": (0.44704, 0.0),  # Open-Meteo's own spelling
        "mph": (0.44704, 0.0),
        "kn": (1852 / 3600, 0.0),
    },
    "°": {"°": _SAME},
    "mm/h": {"mm/h": _SAME, "in/h": (25.4, 0.0)},
    "mm": {"mm": _SAME, "cm": (10.0, 0.0), "inch": (25.4, 0.0)},
    "cm": {"cm": _SAME, "mm": (0.1, 0.0), "inch": (2.54, 0.0)},
    "hPa": {"hPa": _SAME, "mB": _SAME, "Pa": (0.01, 0.0), "inHg": (33.863886667, 0.0)},
    "m": {"m": _SAME, "km": (1000.0, 0.0), "ft": (0.3048, 0.0), "mi": (1609.344, 0.0)},
    "1": {"": _SAME, "1": _SAME, "wmo code": _SAME},
    "s": {"s": _SAME},
    "class": {"class": _SAME},
    "J/kg": {"J/kg": _SAME},
    "kJ/m²": {"kJ/m²": _SAME},
    "m³/s": {"m³/s": _SAME},
    "m³/s³": {"m³/s³": _SAME},
    # A micro sign, and the Greek letter that Open-Meteo writes.
    "µg/m³": {"\u00b5g/m³": _SAME, "\u03bcg/m³": _SAME},
}


def conversion(unit: object, variable: str) -> Conversion | None:
    """From `unit` to the unit of a variable of the catalogue; None if that unit is not known."""
    return _FROM[CATALOGUE[variable].unit].get(unit) if isinstance(unit, str) else None


def units_of(variable: str) -> list[str]:
    """The units that a variable of the catalogue may be given in."""
    return [unit for unit in _FROM[CATALOGUE[variable].unit] if unit]
