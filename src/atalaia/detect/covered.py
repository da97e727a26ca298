"""Where an official warning holds: the watched places within its outlines, circles and codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from atalaia.domain.geo import distances_km
from atalaia.domain.official import Official
from atalaia.domain.outline import outline, turns
from atalaia.domain.place import Places
from atalaia.domain.reading import Bools, Floats

_SHORTEST_CODE = 5
"""Letters of a geocode that may name a place by its id: ``2900207``, and not ``1``."""


class Covered:
    """Finds watched places."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._latitude = np.array([place.latitude for place in places], np.float64)
        self._longitude = np.array([place.longitude for place in places], np.float64)

    def by(self, official: Official) -> dict[str, None]:
        """Ids of the watched places that it covers, in their order."""
        is_in = np.zeros(len(self._places), bool)
        codes = set()
        for area in official.areas:
            is_here = np.zeros(len(self._places), bool)
            for ring in area.polygons:
                is_here |= _within(ring, self._longitude, self._latitude)
            for longitude, latitude, radius_km in area.circles:
                away = distances_km(latitude, longitude, self._latitude, self._longitude)
                is_here |= away <= radius_km
            for ring in area.excluded if is_here.any() else ():
                is_here &= ~_within(ring, self._longitude, self._latitude)
            is_in |= is_here
            codes |= {code for _, code in area.geocodes if len(code) >= _SHORTEST_CODE}
        return {
            place.id: None
            for place, is_covered in zip(self._places, is_in.tolist(), strict=True)
            if is_covered or place.id in codes
        }

    def in_order(self, places: Iterable[str]) -> list[str]:
        """Ids of places, in the order in which these are watched."""
        order = self._places.position
        return sorted(places, key=lambda place: order.get(place, len(order)))


def _within(ring: Sequence[tuple[float, float]], longitude: Floats, latitude: Floats) -> Bools:
    shape = outline([ring])
    west, south, east, north = shape.box
    is_in = np.zeros(len(longitude), bool)
    for by in turns(west, east):
        near = np.flatnonzero(
            (longitude >= west + by)
            & (longitude <= east + by)
            & (latitude >= south)
            & (latitude <= north)
        )
        if len(near):
            is_in[near] |= shape.turned(by).holds(longitude[near], latitude[near])
    return is_in
