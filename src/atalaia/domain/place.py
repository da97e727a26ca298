"""Where the watch looks: places, and the areas that some rules judge together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

import msgspec

# Also what no XML may hold: names stand in pictures and in CAP.
_BROKEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One point that is watched.

    id         stable, unique, as used in every key
    name       as people read it
    latitude, longitude   WGS 84 degrees
    timezone   IANA name; used only where people read local time
    area       the area whose rules judge it together with others; None: none
    elevation_m    above sea level, which stations near it are held against; None: not known
    """

    id: str
    name: str
    latitude: float
    longitude: float
    timezone: str = "UTC"
    area: str | None = None
    elevation_m: float | None = None

    def faults(self) -> list[str]:
        """What is wrong with this place, in words; nothing if nothing is."""
        faults = []
        if not self.id:
            faults.append("a place needs an id")
        if any(map(_BROKEN.search, (self.id, self.name, self.area or ""))):
            faults.append(f"place {self.id!r}: id, name and area are one line each")
        if not -90 <= self.latitude <= 90:
            faults.append(f"place {self.id}: latitude {self.latitude} is not between -90 and 90")
        if not -180 <= self.longitude <= 180:
            faults.append(
                f"place {self.id}: longitude {self.longitude} is not between -180 and 180"
            )
        if self.elevation_m is not None and not -500 <= self.elevation_m <= 9000:
            faults.append(f"place {self.id}: elevation_m {self.elevation_m} is no height in metres")
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError):
            faults.append(
                f"place {self.id}: no time zone is called {self.timezone!r} (use an IANA name)"
            )
        return faults


class Places:
    """All watched places. A place's position here is the number that columns carry for it."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._places: tuple[Place, ...] = tuple(places)
        self.position = {place.id: i for i, place in enumerate(self._places)}
        if len(self.position) != len(self._places):
            raise ValueError("two places have the same id")
        self.areas: dict[str, tuple[int, ...]] = {}
        for i, place in enumerate(self._places):
            if place.area:
                self.areas[place.area] = (*self.areas.get(place.area, ()), i)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places)

    def __getitem__(self, position: int) -> Place:
        return self._places[position]

    def get(self, place_id: str) -> Place | None:
        """The place with this id; None if it is not watched."""
        position = self.position.get(place_id)
        return None if position is None else self._places[position]

    def of(self, ids: Iterable[str]) -> list[Place]:
        """Those of these places that are watched, in this order."""
        return [place for place in map(self.get, ids) if place is not None]
