"""Polygons of places, from a file that the operator brings: the map fills them by level.

`atalaia map import` reads GeoJSON (RFC 7946: longitude and latitude in WGS 84 degrees) or PMTiles
(`tiled.py`), finds the polygon of each watched place, and leaves one compact file in the home,
which the page serves from the next start on:

    {"per_degree": 500, "shapes": {"2611606": [[[x, y, dx, dy, …], a hole], a part]}}

A polygon is a place's if one of its properties (or its id) is the place's id, as official codes
are; else if the place lies inside it, and no other place has it by code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from atalaia.domain.place import Place
from atalaia.errors import AtalaiaError
from atalaia.page import pmtiles, tiled

FILE = Path("map/shapes.json")
"""In the home."""

PER_DEGREE = 500
MOST_BYTES = 512 << 20
_CODES = ("codarea", "CD_MUN", "CD_GEOCMU", "GEOCODIGO", "id")
"""Names under which IBGE's files have a code; looked at before all other properties."""

Ring = list[tuple[float, float]]
Part = list[Ring]


class Shapes(msgspec.Struct, frozen=True):
    """The file as it is kept: parts of each place, each an outer ring and its holes, in steps."""

    per_degree: int
    shapes: dict[str, list[list[list[int]]]]


class Imported(msgspec.Struct, frozen=True):
    """What came of a file.

    by_code, by_point  ids of places that have a polygon now, by how it was found
    without            ids of those that have none
    unused             polygons that are no place's
    refused            features that are no polygons in degrees
    """

    by_code: list[str]
    by_point: list[str]
    without: list[str]
    unused: int
    refused: int


def imported(body: bytes, places: Iterable[Place]) -> tuple[Shapes, Imported]:
    """A GeoJSON document or a PMTiles file → what is kept of it. AtalaiaError: it is neither."""
    watched = {place.id: place for place in places}
    found: dict[str, list[Part]] = {}
    others: list[list[Part]] = []
    if body.startswith(pmtiles.MAGIC):
        features, refused = tiled.features_of(body)
    else:
        features, refused = _features(body), 0
    for feature in features:
        try:
            parts = _parts(feature)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError):
            refused += 1
            continue
        code = next((one for one in _codes(feature) if one in watched), None)
        if code is None:
            others.append(parts)
        else:
            found.setdefault(code, []).extend(parts)
    by_code = [one for one in watched if one in found]
    used = set()
    boxes = _Boxes(others)
    for place in watched.values():
        if place.id in found:
            continue
        for i in boxes.around(place.longitude, place.latitude):
            if any(_holds(part, place.longitude, place.latitude) for part in others[i]):
                found[place.id] = others[i]
                used.add(i)
                break
    shapes = {
        one: [_stepped(part) for part in _kept(found[one])] for one in watched if one in found
    }
    return Shapes(PER_DEGREE, shapes), Imported(
        by_code=by_code,
        by_point=[one for one in watched if one in found and one not in by_code],
        without=[one for one in watched if one not in found],
        unused=len(others) - len(used),
        refused=refused,
    )


def _features(body: bytes) -> list[Any]:
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AtalaiaError(
            f"not a GeoJSON file: {error}; export the polygons as GeoJSON"
        ) from error
    features = told.get("features") if isinstance(told, dict) else None
    if not isinstance(features, list):
        raise AtalaiaError(
            "not a GeoJSON FeatureCollection; export the polygons as one, in WGS 84 degrees"
        )
    return features


def _codes(feature: dict[str, Any]) -> Iterator[str]:
    told = feature.get("properties")
    told = told if isinstance(told, dict) else {}
    values = [told.get(name) for name in _CODES] + [feature.get("id"), *told.values()]
    for value in values:
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield str(value)


def _parts(feature: dict[str, Any]) -> list[Part]:
    """Outer ring and holes of each polygon; ValueError: there is none."""
    geometry = feature["geometry"]
    match geometry["type"]:
        case "Polygon":
            polygons = [geometry["coordinates"]]
        case "MultiPolygon":
            polygons = geometry["coordinates"]
        case _:
            raise ValueError("no polygon")
    parts = [[_ring(ring) for ring in polygon] for polygon in polygons]
    if not parts or not all(parts):
        raise ValueError("empty")
    return parts


def _ring(points: list[Any]) -> Ring:
    ring = [(float(point[0]), float(point[1])) for point in points]
    if len(ring) < 4 or not all(abs(x) <= 180 and abs(y) <= 90 for x, y in ring):
        raise ValueError("no ring in degrees")
    return ring


class _Boxes:
    """The box of each polygon, so that few are looked at closely."""

    def __init__(self, polygons: list[list[Part]]) -> None:
        corners = [[point for outer, *_ in parts for point in outer] for parts in polygons]
        told = [
            (*map(min, zip(*one, strict=True)), *map(max, zip(*one, strict=True)))
            for one in corners
        ]
        self._boxes = np.array(told, float).reshape(-1, 4)

    def around(self, x: float, y: float) -> list[int]:
        """Those that a point lies in, in their order."""
        west, south, east, north = self._boxes.T
        there: list[int] = np.flatnonzero(
            (west <= x) & (x <= east) & (south <= y) & (y <= north)
        ).tolist()
        return there


def _holds(part: Part, x: float, y: float) -> bool:
    """Whether a point lies in the outer ring and in no hole."""
    outer, *holes = part
    return _inside(outer, x, y) and not any(_inside(hole, x, y) for hole in holes)


def _inside(ring: Ring, x: float, y: float) -> bool:
    crossings = 0
    for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            crossings += 1
    return crossings % 2 == 1


def _kept(parts: list[Part]) -> list[Part]:
    """Without islands and holes too small for a step; of a place that is all small, the largest."""
    some = [[ring for i, ring in enumerate(part) if i == 0 or _is_seen(ring)] for part in parts]
    seen = [part for part in some if _is_seen(part[0])]
    return seen or [max(some, key=lambda part: len(part[0]))]


def _is_seen(ring: Ring) -> bool:
    """Whether something of it is left once it is rounded."""
    return len({(round(x * PER_DEGREE), round(y * PER_DEGREE)) for x, y in ring}) > 2


def _stepped(part: Part) -> list[list[int]]:
    found = []
    for ring in part:
        steps: list[int] = []
        at = (0, 0)
        for x, y in ring:
            to = (round(x * PER_DEGREE), round(y * PER_DEGREE))
            if to != at or not steps:
                steps += (to[0] - at[0], to[1] - at[1])
            at = to
        found.append(steps)
    return found
