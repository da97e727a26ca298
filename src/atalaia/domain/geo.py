"""Distances on the globe: a sphere of the Earth's mean radius, within 0.5 % of the ellipsoid.

Latitudes and longitudes are degrees (WGS 84).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from atalaia.domain.reading import Floats

EARTH_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""

KM_A_DEGREE = EARTH_KM * np.pi / 180


class Box(NamedTuple):
    """Between two parallels and two meridians, all of it included; degrees, in GeoJSON's order
    (RFC 7946, 5). A west that lies east of its east goes across the antimeridian.
    """

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def of(cls, text: str) -> Box:
        """``west,south,east,north``. Raises ValueError."""
        numbers = [float(part) for part in text.split(",")]
        if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
            raise ValueError("four numbers in degrees: west,south,east,north")
        return cls(*numbers)

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether a point lies within."""
        if not self.south <= latitude <= self.north:
            return False
        if self.west <= self.east:
            return self.west <= longitude <= self.east
        return longitude >= self.west or longitude <= self.east


def distance_km(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Great-circle distance of two points."""
    a, b = math.radians(lat_a), math.radians(lat_b)
    half = (
        math.sin((b - a) / 2) ** 2
        + math.cos(a) * math.cos(b) * math.sin(math.radians(lon_b - lon_a) / 2) ** 2
    )
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, half)))


def bearing_deg(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Whither one sets out at a for b by the great circle: from 0 (north) by 90 (east) up to 360.

    Of a point to itself, 0.
    """
    a, b, way = math.radians(lat_a), math.radians(lat_b), math.radians(lon_b - lon_a)
    east = math.sin(way) * math.cos(b)
    north = math.cos(a) * math.sin(b) - math.sin(a) * math.cos(b) * math.cos(way)
    return math.degrees(math.atan2(east, north)) % 360


def distances_km(
    latitude: float, longitude: float, latitudes: Floats, longitudes: Floats
) -> Floats:
    """Great-circle distance of each of n points from one, of shape (n,)."""
    a, b = np.radians(latitude), np.radians(latitudes)
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * (
        np.sin(np.radians(longitudes - longitude) / 2) ** 2
    )
    distance: Floats = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return distance


def unit(latitude: Floats, longitude: Floats) -> tuple[Floats, Floats, Floats]:
    """Points on the globe of radius 1."""
    phi, lam = np.radians(latitude), np.radians(longitude)
    flat = np.cos(phi)
    return flat * np.cos(lam), flat * np.sin(lam), np.sin(phi)


def chord(radius_km: Floats) -> Floats:
    """Straight through the globe of radius 1, for a way over its surface."""
    # From half the way round on everything is within, rounding or not.
    half = radius_km / (2 * EARTH_KM)
    return np.where(half >= np.pi / 2, 3.0, 2 * np.sin(np.minimum(half, np.pi / 2)))
