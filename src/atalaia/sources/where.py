"""Which watched place an answer speaks of, where it says so only by coordinates."""

from __future__ import annotations

from collections.abc import Iterable

from atalaia.domain.geo import distance_km
from atalaia.domain.place import Place

_MOST_KM_A_DEGREE = 112.0


def nearest(
    places: Iterable[Place], latitude: object, longitude: object, within_km: float
) -> Place | None:
    """The nearest of the places within a distance; None if there is none, or no coordinates."""
    if not (_is_degrees(latitude, 90) and _is_degrees(longitude, 180)):
        return None
    best: Place | None = None
    best_km = within_km
    for place in places:
        km = distance_km(place.latitude, place.longitude, latitude, longitude)  # type: ignore[arg-type]
        if km < best_km or (best is None and km <= within_km):
            best, best_km = place, km
    return best


def _is_degrees(value: object, limit: int) -> bool:
    return type(value) in (int, float) and -limit <= value <= limit  # type: ignore[operator]


def is_elsewhere(place: Place, latitude: object, longitude: object, within_km: float) -> bool:
    """Whether an answer says that it is of another place: a cache may hand out somebody else's.

    One without coordinates, or with some that are none, says nothing of that.
    """
    if not (_is_degrees(latitude, 90) and _is_degrees(longitude, 180)):
        return False
    # By the meridian and then by the parallel it is not nearer.
    degrees = abs(place.latitude - latitude) + abs(place.longitude - longitude)  # type: ignore[operator]
    if degrees * _MOST_KM_A_DEGREE < within_km:
        return False
    km = distance_km(place.latitude, place.longitude, latitude, longitude)  # type: ignore[arg-type]
    return km > within_km
