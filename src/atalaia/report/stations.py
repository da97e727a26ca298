"""The stations that a home has heard, and of what each is evidence at a place."""

# The SQL here is put together from the catalogue alone.
# ruff: noqa: S608

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from atalaia.domain.alert import instant
from atalaia.domain.decoded import Decode
from atalaia.domain.link import REACHING, Nearby, Spots, StationLink, speaks_for
from atalaia.domain.place import Place, Places
from atalaia.lake.places import named_place
from atalaia.lake.query import query
from atalaia.ports import Home


class StationLine(msgspec.Struct, frozen=True, kw_only=True):
    """A station as it is listed; fields as in the table `stations`.

    km, height_m   how far from the place, and how much above it; None: of no place, or not known
    speaks_for     what it measures and is evidence of at the place; of sums the longest, too
    """

    station_id: str
    name: str | None
    kind: str
    latitude: float | None
    longitude: float | None
    elevation_m: float | None
    interval_s: int | None
    last_valid_at: str | None
    km: float | None = None
    height_m: float | None = None
    speaks_for: tuple[str, ...] = ()


_SQL = (
    "SELECT station_id, name, kind, latitude, longitude, elevation_m, interval_s,"
    " epoch(last_valid_at)::BIGINT FROM stations ORDER BY station_id"
)
_MEASURED = ", ".join(f"count({name}) > 0" for name in REACHING)


def stations_of(
    home: Home, decode: Decode, places: Places, near: str | None = None
) -> list[StationLine]:
    """All stations by their ids, or those within reach of a place, the nearest first.

    `near` is the place's id or name. Raises AtalaiaError where no one place is called so.
    """
    place = None if near is None else named_place(places, near)
    lines = [_line(*row) for row in query(home, decode, places, _SQL).rows]
    if place is None:
        return lines
    links = _links(place, lines)
    measured = _measured(home, decode, places, list(links))
    found = [
        msgspec.structs.replace(
            line,
            km=round(link.km, 1),
            height_m=None if math.isnan(link.height_m) else round(link.height_m, 1),
            speaks_for=speaks_for(line.station_id, links, measured),
        )
        for line in lines
        if (link := links.get(line.station_id))
    ]
    return sorted(found, key=lambda line: links[line.station_id].km)


def _line(
    station_id: str,
    name: str | None,
    kind: str,
    latitude: float | None,
    longitude: float | None,
    elevation_m: float | None,
    interval_s: int | None,
    last_at: int | None,
) -> StationLine:
    return StationLine(
        station_id=station_id,
        name=name,
        kind=kind,
        latitude=latitude,
        longitude=longitude,
        elevation_m=elevation_m,
        interval_s=interval_s,
        last_valid_at=None if last_at is None else instant(last_at),
    )


def _links(place: Place, lines: Sequence[StationLine]) -> dict[str, StationLink]:
    height = math.nan if place.elevation_m is None else place.elevation_m
    at = Spots(np.array([place.latitude]), np.array([place.longitude]), np.array([height]))
    nearby = Nearby(at)
    found = {}
    for line in lines:
        if line.latitude is not None and line.longitude is not None:
            above = math.nan if line.elevation_m is None else line.elevation_m
            found.update(
                {line.station_id: link}
                if (link := nearby.of(line.latitude, line.longitude, above).get(0))
                else {}
            )
    return found


def _measured(
    home: Home, decode: Decode, places: Places, ids: Sequence[str]
) -> dict[str, frozenset[str]]:
    """What each of some stations has ever told."""
    if not ids:
        return {}
    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in ids)
    sql = (
        f"SELECT station_id, {_MEASURED} FROM station_readings"
        f" WHERE station_id IN ({listed}) GROUP BY station_id"
    )
    return {
        name: frozenset(v for v, is_told in zip(REACHING, told, strict=True) if is_told)
        for name, *told in query(home, decode, places, sql).rows
    }
