"""What is going on as GeoJSON (RFC 7946), for maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from atalaia.api import cap
from atalaia.api.alert_view import Snapshot
from atalaia.api.incidents import issuer
from atalaia.api.system_view import NamedSystem
from atalaia.domain.alert import LogEntry, iso_fields
from atalaia.domain.hull import outline_of
from atalaia.domain.in_part import places_under
from atalaia.domain.link import Spots
from atalaia.domain.outline import wound
from atalaia.domain.place import Place
from atalaia.domain.systems import SystemStep

MEDIA_TYPE = "application/geo+json"

_OF_ENTRY = ("opened_at", "peak", "peak_level", "peak_at", "linked")
"""What a feature has of its entry besides the alert, and the places that it concerns."""


class _Feature(msgspec.Struct, frozen=True, kw_only=True):
    type: str = "Feature"
    id: str
    geometry: dict[str, Any] | None
    properties: dict[str, Any]


class _Collection(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 7946. `seq` is where ``/v1/events?after=`` goes on."""

    type: str = "FeatureCollection"
    seq: int
    features: list[_Feature]


def of_alerts(now: Snapshot, places: Mapping[str, Place]) -> bytes:
    """The incidents that are going on, each with its place, its places or its issuer's areas."""
    features = [
        _Feature(
            id=entry.alert.incident,
            geometry=_geometry(entry, places),
            properties={
                **iso_fields(entry.alert),
                "seq": seq,
                "places": places_under(entry),
                **_of_entry(entry),
                "issuer": issuer(entry),
                "cap": cap.identifier(entry.alert),
            },
        )
        for seq, entry in now.open
    ]
    return msgspec.json.encode(_Collection(seq=now.seq, features=features))


def of_systems(seq: int, systems: Sequence[NamedSystem], places: Mapping[str, Place]) -> bytes:
    """The systems that are going on, each with its outline."""
    features = [
        _Feature(
            id=one.system.system,
            geometry=outline_of(
                Spots.of(places[id_] for id_ in one.system.standing or one.system.places)
            ),
            properties={**iso_fields(one.system), "name": one.name},
        )
        for one in systems
    ]
    return msgspec.json.encode(_Collection(seq=seq, features=features))


def of_steps(
    seq: int, system: str, steps: Sequence[SystemStep], places: Mapping[str, Place]
) -> bytes:
    """How a system went: its outline at each instant."""
    features = [
        _Feature(
            id=f"{system}.{i}",
            geometry=outline_of(Spots.of(places[id_] for id_ in step.standing)),
            properties={**iso_fields(step), "system": system},
        )
        for i, step in enumerate(steps)
    ]
    return msgspec.json.encode(_Collection(seq=seq, features=features))


def _of_entry(entry: LogEntry) -> dict[str, Any]:
    fields = iso_fields(entry)
    return {name: fields[name] for name in _OF_ENTRY}


def _geometry(entry: LogEntry, places: Mapping[str, Place]) -> dict[str, Any] | None:
    """The issuer's polygons where there are any, else the places."""
    areas = entry.official.areas if entry.official else ()
    polygons = [
        [wound(ring), *(wound(hole, is_hole=True) for hole in area.excluded)]
        for area in areas
        for ring in area.polygons
    ]
    if polygons:
        return {"type": "MultiPolygon", "coordinates": polygons}
    points = [
        [places[id_].longitude, places[id_].latitude]
        for id_ in places_under(entry)
        if id_ in places
    ]
    if len(points) == 1:
        return {"type": "Point", "coordinates": points[0]}
    return {"type": "MultiPoint", "coordinates": points} if points else None
