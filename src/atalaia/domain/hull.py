"""Round some places one outline: their convex hull, and a little more.

Points are (longitude, latitude) pairs in degrees. Rings are closed and counter-clockwise, as
GeoJSON wants them (RFC 7946, 3.1.6); what goes over the antimeridian is cut there (3.1.9).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from atalaia.domain.geo import KM_A_DEGREE
from atalaia.domain.link import Spots
from atalaia.domain.reading import Floats

RADIUS_KM = 10
"""A place is a point; it is drawn so large, as far as its weather may be believed."""

_CORNERS = 12
"""Of the circle round a place."""

_NEAREST_POLE = 0.05
"""Cosine of the latitude from which on circles grow no wider in degrees."""

Point = tuple[float, float]


def outline_of(spots: Spots) -> dict[str, Any]:
    """The outline of one point or more, as a geometry of GeoJSON: a polygon, or one on each side of
    the antimeridian."""
    corners = _hull(list(zip(_unrolled(spots).tolist(), spots.latitude.tolist(), strict=True)))
    ring = _hull([point for corner in corners for point in _circle(*corner)])
    sides = [_cut(ring, by) for by in (0.0, -360.0, 360.0)]
    polygons = [[[*side, side[0]]] for side in sides if len(side) > 2]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def middle_of(spots: Spots) -> tuple[float, float]:
    """Latitude and longitude in the middle of some points."""
    return float(spots.latitude.mean()), float((_unrolled(spots).mean() + 180) % 360 - 180)


def _unrolled(spots: Spots) -> Floats:
    """Longitudes on the side of the first one, without a jump at the antimeridian."""
    first = float(spots.longitude[0])
    unrolled: Floats = first + (spots.longitude - first + 180) % 360 - 180
    return unrolled


def _circle(longitude: float, latitude: float) -> list[Point]:
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    high = RADIUS_KM / KM_A_DEGREE
    wide = high / max(float(np.cos(np.radians(latitude))), _NEAREST_POLE)
    x = np.round(longitude + wide * np.cos(angle), 4)
    y = np.round(np.clip(latitude + high * np.sin(angle), -90, 90), 4)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _hull(points: Sequence[Point]) -> list[Point]:
    """The convex hull, counter-clockwise: Andrew's monotone chain (1979)."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered
    return _chain(ordered) + _chain(ordered[::-1])


def _chain(ordered: Sequence[Point]) -> list[Point]:
    """One side of the hull, without its last point."""
    chain: list[Point] = []
    for point in ordered:
        while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    return chain[:-1]


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _cut(ring: Sequence[Point], by: float) -> list[Point]:
    """What of a convex ring, `by` degrees further east, lies between -180° and 180°."""
    left = [(x + by, y) for x, y in ring]
    for side in (1.0, -1.0):
        kept: list[Point] = []
        for a, b in zip(left, [*left[1:], *left[:1]], strict=True):
            is_in = [side * x <= 180 for x, _ in (a, b)]
            if is_in[0]:
                kept.append(a)
            if is_in[0] != is_in[1]:
                share = (side * 180 - a[0]) / (b[0] - a[0])
                kept.append((side * 180, round(a[1] + share * (b[1] - a[1]), 4)))
        left = kept
    return left
