"""Lanes: parts of the stream, each lived through in its own order by one consumer.

A place's lane is a hash of its area, or of its id where it has none, so that an area is judged by
one consumer. A home of one process has one lane, which is everything.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from atalaia.domain.decoded import Decoded
from atalaia.domain.place import Places
from atalaia.domain.reading import Bools

_TELLS_OFFICIAL = 0
"""The lane that tells official warnings, of all places: one of them is one incident."""


def lane_of(name: str, lanes: int) -> int:
    """The lane of an area or of a place without one. It must not change while lanes stay."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % lanes


def lanes_of(places: Places, lanes: int) -> dict[str, int]:
    """By the places' ids."""
    return {place.id: lane_of(place.area or place.id, lanes) for place in places}


@dataclass(frozen=True)
class Lane:
    """What one consumer answers for."""

    places: Places
    number: int = 0
    lanes: int = 1

    @cached_property
    def mine(self) -> Bools:
        """Which places are this lane's, shape (places,)."""
        of_place = lanes_of(self.places, self.lanes)
        return np.array([of_place[place.id] == self.number for place in self.places], bool)

    @property
    def tells_official(self) -> bool:
        """Whether official warnings are told here."""
        return self.number == _TELLS_OFFICIAL

    def has_place(self, place_id: str) -> bool:
        """Whether the place is watched, and here."""
        position = self.places.position.get(place_id)
        return position is not None and bool(self.mine[position])

    def has_area(self, name: str) -> bool:
        """Whether the area is watched, and here."""
        return name in self.places.areas and lane_of(name, self.lanes) == self.number

    def narrowed(self, decoded: Decoded) -> Decoded:
        """Of what was decoded, what this lane tells: readings and ensembles of its places, and
        official warnings; rejects stay, and so do stations, which may speak for places of any
        lane."""
        if self.lanes == 1:
            return decoded
        readings = decoded.readings
        officials = decoded.officials if self.tells_official else []
        mine = readings.take(self.mine[readings.place])
        ensembles = [told.take(self.mine[told.place]) for told in decoded.ensembles]
        return replace(decoded, readings=mine, officials=officials, ensembles=ensembles)
