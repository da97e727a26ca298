"""Polygons out of vector tiles, whole again, as GeoJSON's features.

    PMTiles ─► tiles of one zoom ─► pieces, each cut at its tile's border ─► joined ─► `shapes.py`

A feature is in several tiles, each time with some more around the tile. Each piece is cut at the
border, on whole steps of the tiles' grid, so that pieces that meet are one again. A tile that
cannot be read costs itself alone.
"""

from __future__ import annotations

import math
from collections import defaultdict
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atalaia.errors import AtalaiaError
from atalaia.page import mvt, pmtiles

_Key = tuple[Any, ...]
"""Layer, id, properties, steps of the world: by these a feature is the same in two tiles."""


def features_of(archive: bytes) -> tuple[list[dict[str, Any]], int]:
    """A PMTiles file → its features that are polygons, whole, in degrees; and how many others there
    were: features of another kind, and tiles that could not be read.

    Raises AtalaiaError as `pmtiles.tiles_of` does, and where shapely is not installed.
    """
    try:
        shapely: Any = import_module("shapely")
    except ImportError as error:
        raise AtalaiaError(
            "PMTiles need the extra `map`: pip install 'atalaia[map]'; GeoJSON needs nothing more"
        ) from error
    pieces: defaultdict[_Key, list[Any]] = defaultdict(list)
    strange: set[_Key] = set()
    unread = 0
    for tile in pmtiles.tiles_of(archive):
        try:
            drawn = list(_pieces(shapely, tile))
        except (*mvt.BROKEN, shapely.errors.ShapelyError):
            unread += 1
            continue
        for key, piece in drawn:
            if piece is None:
                strange.add(key)
            elif not piece.is_empty:
                pieces[key].append(piece)
    found = [
        {
            "type": "Feature",
            "id": id_,
            "properties": dict(properties),
            "geometry": _joined(shapely, some, world),
        }
        for (_, id_, properties, world), some in pieces.items()
    ]
    return found, unread + len(strange)


def _pieces(shapely: Any, tile: pmtiles.Tile) -> list[tuple[_Key, Any]]:
    """What of each feature lies in a tile, in steps of the whole world's grid; None: no polygon."""
    if tile.body is None:
        raise ValueError("it could not be unpacked")
    found = []
    for one in mvt.features(tile.body):
        key = (one.layer, one.id, one.properties, one.extent << tile.zoom)
        piece = None if one.rings is None else _piece(shapely, one.rings, tile, one.extent)
        found.append((key, piece))
    return found


def _piece(shapely: Any, rings: list[mvt.Ints], tile: pmtiles.Tile, extent: int) -> Any:
    polygons: list[tuple[mvt.Ints, list[mvt.Ints]]] = []
    outer = 0.0
    for ring in rings:
        area = _area(ring)
        if len(ring) < 3 or area == 0:
            continue
        outer = outer or math.copysign(1, area)  # version 1 of MVT does not say which way round
        if area * outer > 0:
            polygons.append((ring, []))
        else:
            polygons[-1][1].append(ring)
    drawn = [shapely.make_valid(shapely.Polygon(ring, holes)) for ring, holes in polygons]
    within = shapely.box(0, 0, extent, extent)
    cut = shapely.intersection(shapely.union_all(drawn), within, grid_size=1)
    corner = np.array([tile.x * extent, tile.y * extent])
    return shapely.transform(cut, lambda at: at + corner)


def _area(ring: mvt.Ints) -> float:
    x, y = ring[:, 0].astype(float), ring[:, 1].astype(float)
    return float(np.dot(x, np.roll(y, -1)) - np.dot(np.roll(x, -1), y))


def _joined(shapely: Any, pieces: list[Any], world: int) -> dict[str, Any]:
    """Pieces as one, in degrees; corners that lie on a line are left out."""
    whole = shapely.simplify(shapely.union_all(pieces, grid_size=1), 0.5)
    parts = [one for one in shapely.get_parts(whole) if one.geom_type == "Polygon"]
    return {
        "type": "MultiPolygon",
        "coordinates": [
            [
                _degrees(shapely.get_coordinates(ring), world)
                for ring in (part.exterior, *part.interiors)
            ]
            for part in parts
        ],
    }


def _degrees(ring: NDArray[np.float64], world: int) -> list[list[float]]:
    """Of Web Mercator, as tiles are."""
    east = ring[:, 0] / world * 360 - 180
    north = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * ring[:, 1] / world))))
    return np.column_stack((east, north)).tolist()  # type: ignore[no-any-return]
