"""The stations that speak for places, as the watch keeps them: what the API shows of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from atalaia.detect.instruments import Eye
from atalaia.domain.link import Nearby, Spots, speaks_for
from atalaia.domain.place import Place

STATIONS = "station:"
"""State items under this prefix are stations, by lane and id."""


class KnownStation(msgspec.Struct, frozen=True, kw_only=True):
    """A station that some watched place lies near to.

    last_valid_at   Unix seconds of its newest report; None: never heard
    """

    id: str
    name: str
    kind: str
    latitude: float
    longitude: float
    interval_s: int | None
    last_valid_at: int | None


def known_stations(kept: Mapping[str, bytes]) -> list[KnownStation]:
    """All stations that a home keeps, each once (lanes may keep the same), by their ids."""
    found = {
        eye.station.id: KnownStation(
            id=eye.station.id,
            name=eye.station.name or eye.station.id,
            kind=eye.station.kind,
            latitude=latitude,
            longitude=longitude,
            interval_s=eye.station.interval_s,
            last_valid_at=eye.station.last_valid_at,
        )
        for eye, latitude, longitude in _standing(kept)
    }
    return [found[name] for name in sorted(found)]


_decode_eye = msgspec.msgpack.Decoder(Eye).decode


def _standing(kept: Mapping[str, bytes]) -> Iterator[tuple[Eye, float, float]]:
    """Those that stand somewhere, with latitude and longitude."""
    for body in kept.values():
        eye = _decode_eye(body)
        at = eye.station
        if at.latitude is not None and at.longitude is not None:
            yield eye, at.latitude, at.longitude


class PlaceEye(msgspec.Struct, frozen=True, kw_only=True):
    """A station as a place sees it.

    km, height_m    how far away it stands, and how much above the place; None: heights not known
    last_valid_at   Unix seconds of its newest report; None: never heard
    speaks_for      variables that it tells and is evidence of at the place
    """

    id: str
    name: str
    kind: str
    latitude: float
    longitude: float
    km: float
    height_m: float | None
    interval_s: int | None
    last_valid_at: int | None
    speaks_for: tuple[str, ...]


def eyes_of(kept: Mapping[str, bytes], place: Place) -> list[PlaceEye]:
    """Of the stations that a home keeps those within reach of a place, the nearest first."""
    height = math.nan if place.elevation_m is None else place.elevation_m
    nearby = Nearby(
        Spots(np.array([place.latitude]), np.array([place.longitude]), np.array([height]))
    )
    eyes = {}
    links = {}
    for eye, latitude, longitude in _standing(kept):
        at = eye.station
        above = math.nan if at.elevation_m is None else at.elevation_m
        link = nearby.of(latitude, longitude, above).get(0)
        if link is not None:
            eyes[at.id], links[at.id] = eye, link
    measured = {name: eye.measures for name, eye in eyes.items()}
    found = []
    for name in sorted(links, key=lambda each: (links[each].km, each)):
        station, link = eyes[name].station, links[name]
        found.append(
            PlaceEye(
                id=name,
                name=station.name or name,
                kind=station.kind,
                latitude=station.latitude or 0.0,
                longitude=station.longitude or 0.0,
                km=round(link.km, 1),
                height_m=None if math.isnan(link.height_m) else round(link.height_m, 1),
                interval_s=station.interval_s,
                last_valid_at=station.last_valid_at,
                speaks_for=speaks_for(name, links, measured),
            )
        )
    return found
