"""Stations: instruments that stand somewhere. A station is not a place.

A place is what somebody watches; a station measures, wherever it stands and whoever owns it. What
it says is kept once, under its own id (`station_reading`), and a place sees it through a link
(`link`) that says how far away it is and which variables it may speak for.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal, TypeAlias

import msgspec
from msgspec.structs import replace

StationKind: TypeAlias = Literal["official", "aerodrome", "private"]
"""Whose instrument: of a weather service, of an airfield, or of a person."""

_REMEMBERED = 12
"""Reports from which interval and clock are learned: half a day of hourly ones."""

_WIGOS = re.compile(r"wis2:(\d+-\d+-\d+-.+)")

_FEWEST = 4
"""Reports before an interval is named: two gaps may both be exceptions."""


class Station(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One station, as far as it is known.

    id          its source's word and the source's id: ``wis2:0-20000-0-83967``, ``metar:SBPA``,
                ``pws:garden``, ``cemaden:6846``. Stable: all its readings are kept under it
    kind        official, aerodrome or private; a private one needs a witness for every alert
    name        as people read it
    aliases     further ids by which sources call the same station
    latitude, longitude   WGS 84 degrees; None as long as nothing gave them: no link yet
    elevation_m of the ground above sea level; None: not known
    anemometer_m   height of its wind sensor above the ground; None: not known (10 m is the rule)
    interval_s  how often it reports, learned from its last reports, each by its newest word; None:
                too few of them
    clock_offset_s   the middle one of its last reports' delays, received less valid: one that is
                far off does not count. Below 0 its clock is ahead, or it reports before its time,
                as METARs do; far above, its clock is behind, or its words come late; None: never
                heard
    last_valid_at    Unix seconds of its newest report; None: never heard
    recent      its last reports: (valid_at, delay in seconds), oldest first
    """

    id: str
    kind: StationKind
    name: str = ""
    aliases: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    elevation_m: float | None = None
    anemometer_m: float | None = None
    interval_s: int | None = None
    clock_offset_s: int | None = None
    last_valid_at: int | None = None
    recent: tuple[tuple[int, int], ...] = ()

    @property
    def wigos_id(self) -> str | None:
        """Its WIGOS identifier (``0-20000-0-83967``); None: none is known."""
        found = (_WIGOS.fullmatch(name) for name in (self.id, *self.aliases))
        return next((each[1] for each in found if each), None)

    def heard(self, valid_at: int, received_at: int) -> Station:
        """The station after one more report; the same one again, or reports in another order,
        teach the same.
        """
        delays = dict(self.recent)
        delay = received_at - valid_at
        delays[valid_at] = min(delay, delays.get(valid_at, delay))
        recent = tuple(sorted(delays.items())[-_REMEMBERED:])
        return replace(
            self,
            interval_s=_interval(recent),
            clock_offset_s=_middle([delay for _, delay in recent]),
            last_valid_at=recent[-1][0],
            recent=recent,
        )

    def told(self, other: Station) -> Station:
        """This station with what another account of it says besides: newer facts, all its names.

        What was learned from its reports stays.
        """
        ids = dict.fromkeys((*self.aliases, other.id, *other.aliases))
        return replace(
            self,
            name=other.name or self.name,
            aliases=tuple(each for each in ids if each != self.id),
            latitude=_newer(other.latitude, self.latitude),
            longitude=_newer(other.longitude, self.longitude),
            elevation_m=_newer(other.elevation_m, self.elevation_m),
            anemometer_m=_newer(other.anemometer_m, self.anemometer_m),
        )


def _newer(new: float | None, old: float | None) -> float | None:
    return old if new is None else new


def _interval(recent: tuple[tuple[int, int], ...]) -> int | None:
    """The middle one of the gaps between reports: one that was lost does not count double."""
    times = [valid_at for valid_at, _ in recent]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return _middle(gaps) if len(times) >= _FEWEST else None


def _middle(seconds: list[int]) -> int:
    return sorted(seconds)[(len(seconds) - 1) // 2]
