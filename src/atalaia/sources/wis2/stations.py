"""A node's own list of its stations: names, positions and heights before any of them reports.

``/oapi/collections/stations/items`` of a wis2box: a GeoJSON FeatureCollection.
"""

from __future__ import annotations

from typing import Any

from atalaia.domain.station import Station
from atalaia.sources.body import read_json
from atalaia.sources.bufr.decoder import PREFIX
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.wis2.notification import point

FIXED = "landFixed"
"""Ships and buoys move: what a list says of their place is not where they are."""


def listed(body: bytes, rejects: Rejects) -> list[Station]:
    """The fixed stations of a list. Raises Unreadable for what is no list."""
    answer = read_json(body, rejects)
    features = answer.get("features") if isinstance(answer, dict) else None
    if not isinstance(features, list):
        raise Unreadable("not a list of stations", "no list of features")
    found = (_station(feature, rejects) for feature in features)
    return [station for station in found if station is not None]


def _station(feature: Any, rejects: Rejects) -> Station | None:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict):
        rejects.add("not a station", shown(feature))
        return None
    wigos = properties.get("wigos_station_identifier")
    longitude, latitude, elevation_m = point(feature.get("geometry"))
    if not isinstance(wigos, str) or not wigos or latitude is None:
        rejects.add("not a station", f"{shown(wigos)}: no identifier or no position")
        return None
    if properties.get("facility_type", FIXED) != FIXED:
        return None
    name, number = properties.get("name"), properties.get("traditional_station_identifier")
    also = f"0-20000-0-{number}"
    is_wmo = isinstance(number, str) and len(number) == 5 and number.isdigit() and also != wigos
    return Station(
        id=f"{PREFIX}:{wigos}",
        kind="official",
        name=" ".join(name.split()) if isinstance(name, str) else "",
        aliases=(f"{PREFIX}:{also}",) if is_wmo else (),
        latitude=latitude,
        longitude=longitude,
        elevation_m=elevation_m,
    )
