"""A private station, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence

from atalaia.domain.place import Places
from atalaia.domain.station import Station

NAME = "pws"
"""Of all of them as a source; their ids begin with it."""


def standing(named: Sequence[str], places: Places) -> Station:
    """The private station of this name, where it stands: at the place that is named after it.

    One that is called as a place, and says nothing of where it is, stands there. At a place that
    is not watched it has no position, and speaks for nobody.
    """
    place = places.get(named[-1])
    if place is None:
        return Station(id=f"{NAME}:{named[0]}", kind="private")
    return Station(
        id=f"{NAME}:{named[0]}",
        kind="private",
        name=place.name if named[0] == place.id else named[0],
        latitude=place.latitude,
        longitude=place.longitude,
        elevation_m=place.elevation_m,
    )
