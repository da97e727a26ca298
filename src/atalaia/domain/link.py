"""Which stations a place may listen to, for which variables, and how far away they are.

`REACHES` says how far an instrument speaks, with the reason of each limit. Beyond it a station is
no evidence, not weak evidence. Rain is never an average of gauges, and a direction is never
interpolated: each station is a source of its own.

`links` finds all pairs at once (170,000 stations and 5,571 places in well under two seconds,
`bench/bench_links.py`); from then on the way from a station to its places, and from a place to its
stations, is a slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import msgspec
import numpy as np

from atalaia.domain.reading import Bools, Floats, Ints

EARTH_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""

LAPSE_C_M = 0.0065
"""Fall of temperature with height: the International Standard Atmosphere's 6.5 K a kilometre."""


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How far some variables carry.

    variables   of the catalogue
    within_km   distance, inclusive
    alone_km    distance where no station that measures it is nearer than within_km; None: the same
    height_m    difference in height, inclusive, where both heights are known; None: any
    up_to_s     the longest sum that this holds for; None: instants, or sums of any length
    because     where the limit comes from
    """

    variables: tuple[str, ...]
    within_km: float
    because: str
    alone_km: float | None = None
    height_m: float | None = None
    up_to_s: int | None = None

    @property
    def widest_km(self) -> float:
        """The farthest that a station may stand."""
        return max(self.within_km, self.alone_km or 0.0)


REACHES = (
    Reach(
        variables=("rain_mm", "rain_rate_mm_h"), within_km=5, alone_km=10, up_to_s=3600,
        because="of the hours with 10 mm at one of Rio's gauges 39 % (within an hour: 50 %) have"
        " them at another within 9 km, 26 % at 9 to 14 km",
    ),
    Reach(
        variables=("rain_mm",), within_km=10, up_to_s=43_200,
        because="between the hour's 5 km and the day's 20 km",
    ),
    Reach(
        variables=("rain_mm",), within_km=20,
        because="a gauge 14.7 km from Porto Alegre's sees 89 % of its days with 50 mm, FAR 15 %",
    ),
    Reach(
        variables=("wind_speed_m_s", "wind_gust_m_s", "wind_direction_deg",
                   "wind_gust_direction_deg"),
        within_km=15, height_m=150,
        because="14.7 km apart: mean absolute error 0.94 m/s for a model's 1.09; ridges and"
        " valleys have winds of their own",
    ),
    Reach(
        variables=("temperature_c", "dew_point_c", "temperature_max_c", "temperature_min_c"),
        within_km=25, height_m=300,
        because="14.7 km apart: mean absolute error 0.85 °C for a model's 0.97; corrected by"
        " 6.5 K/km, which valleys with cold air do not keep to",
    ),
    Reach(
        variables=("relative_humidity_pct",), within_km=15,
        because="14.7 km apart: mean absolute error 5.7 %, a model's is 5.0",
    ),
    Reach(
        variables=("pressure_sea_level_hpa",), within_km=50,
        because="smooth at sea level; at the station's own height 38 m make 5 hPa, so that"
        " pressure_hpa reaches nowhere",
    ),
    Reach(
        variables=("visibility_m",), within_km=5,
        because="fog ends at a river bank; wetterdienst's 20 km are for climate",
    ),
    Reach(
        variables=("snow_depth_m", "snow_cm"), within_km=10, height_m=150,
        because="the snow line: 150 m are about 1 °C",
    ),
)  # fmt: skip
"""In the order in which they are asked: the first that names a variable and a sum long enough."""

FARTHEST_KM = max(reach.widest_km for reach in REACHES)


def reach_of(variable: str, over_s: int = 0) -> Reach | None:
    """How far this variable speaks, as a sum over so many seconds (0: no sum); None: nowhere."""
    for reach in REACHES:
        if variable in reach.variables and (reach.up_to_s is None or over_s <= reach.up_to_s):
            return reach
    return None


@dataclass(frozen=True, slots=True)
class Spots:
    """Points on the globe in columns of shape (n,), float64.

    latitude, longitude   WGS 84 degrees; NaN: not known, and linked to nothing
    elevation_m           above sea level; NaN: not known
    """

    latitude: Floats
    longitude: Floats
    elevation_m: Floats

    def __len__(self) -> int:
        return len(self.latitude)


@dataclass(frozen=True, slots=True)
class Links:
    """Pairs of a place and a station within FARTHEST_KM, by place, the nearest first.

    place, station  int32, positions in what was linked
    km              float64, distance over the globe
    height_m        float64, height of the station above the place; NaN where one is not known
    place_start     int64, shape (places + 1,): the rows of place i are place_start[i] to
                    place_start[i + 1]
    by_station      int64, the rows by station, and station_start as place_start
    """

    place: Ints
    station: Ints
    km: Floats
    height_m: Floats
    place_start: Ints
    by_station: Ints
    station_start: Ints

    def __len__(self) -> int:
        return len(self.place)

    def of_place(self, place: int) -> slice:
        """The rows of one place, the nearest station first."""
        return slice(int(self.place_start[place]), int(self.place_start[place + 1]))

    def of_station(self, station: int) -> Ints:
        """The rows of one station."""
        first, last = self.station_start[station], self.station_start[station + 1]
        return self.by_station[first:last]

    def speaks(self, variable: str, over_s: int, measures: Bools) -> Bools:
        """Which links are evidence of a variable, as a sum over so many seconds; shape (n,).

        measures  shape (stations,): which stations tell this variable at all; a gauge that is
                  not there does not keep a farther one from speaking
        """
        reach = reach_of(variable, over_s)
        if reach is None:
            return np.zeros(len(self), bool)
        can = measures[self.station]
        if reach.height_m is not None:
            # Written so that an unknown height does not exclude.
            can &= ~(np.abs(self.height_m) > reach.height_m)
        near: Bools = can & (self.km <= reach.within_km)
        if reach.alone_km is None:
            return near
        has_near = np.zeros(len(self.place_start) - 1, bool)
        has_near[self.place[near]] = True
        return near | (can & (self.km <= reach.alone_km) & ~has_near[self.place])


def at_place(variable: str, value: Floats, height_m: Floats) -> Floats:
    """Values of a station as they are at a place `height_m` below it, all of shape (n,).

    Temperatures by LAPSE_C_M; all else, and where the height is not known, as it is. A dew point
    falls by less (about 2 K a kilometre in dry air): it is left alone.
    """
    if variable not in ("temperature_c", "temperature_max_c", "temperature_min_c"):
        return value
    return value + LAPSE_C_M * np.nan_to_num(height_m)


_BAND_DEGREES = 0.1
"""Stations are sorted into bands of latitude of this height, and within them by longitude."""

_MOST_AT_ONCE = 2_000_000
"""Pairs of candidates that are held at a time: 100 MB."""


def links(places: Spots, stations: Spots, within_km: float = FARTHEST_KM) -> Links:
    """All pairs within a distance (inclusive)."""
    found = _pairs(places, stations, within_km)
    place, station, km = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((station, km, place))
    place, station, km = place[order], station[order], km[order]
    by_station = np.argsort(station, kind="stable")
    return Links(
        place=place.astype(np.int32),
        station=station.astype(np.int32),
        km=km,
        height_m=stations.elevation_m[station] - places.elevation_m[place],
        place_start=np.searchsorted(place, np.arange(len(places) + 1)),
        by_station=by_station,
        station_start=np.searchsorted(station[by_station], np.arange(len(stations) + 1)),
    )


def _pairs(places: Spots, stations: Spots, within_km: float) -> list[tuple[Ints, Ints, Floats]]:
    """(place, station, km) of all pairs, a part at a time; the first part is empty."""
    none = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    known = np.flatnonzero(~np.isnan(stations.latitude + stations.longitude))
    watched = np.flatnonzero(~np.isnan(places.latitude + places.longitude))
    band = _band(stations.latitude[known])
    longitude = _turned(stations.longitude[known])
    key = band * 1000.0 + longitude + 500.0
    order = np.argsort(key)
    key, known = key[order], known[order]
    asked, start, stop = _stretches(
        places.latitude[watched], _turned(places.longitude[watched]), key, within_km
    )
    here = _unit(places.latitude, places.longitude)
    there = _unit(stations.latitude, stations.longitude)
    # A chord's square grows with the distance: arcs are computed of those within alone.
    farthest = (2 * np.sin(min(within_km / (2 * EARTH_KM), np.pi / 2))) ** 2 * (1 + 1e-9)
    parts = [none]
    ends = np.cumsum(stop - start)
    most = ends[-1] if len(ends) else 0
    cuts = np.searchsorted(ends, np.arange(0, most, _MOST_AT_ONCE), "right")
    for first, last in pairwise([*np.unique(cuts).tolist(), len(ends)]):
        piece = slice(first, last)
        place, candidate = _expanded(watched[asked[piece]], start[piece], stop[piece])
        station = known[candidate]
        square = np.zeros(len(place))
        for a, b in zip(here, there, strict=True):
            square += (a[place] - b[station]) ** 2
        near = np.flatnonzero(square <= farthest)
        km = 2 * EARTH_KM * np.arcsin(np.minimum(np.sqrt(square[near]) / 2, 1.0))
        is_in = km <= within_km
        parts.append((place[near][is_in], station[near][is_in], km[is_in]))
    return parts


def _stretches(
    latitude: Floats, longitude: Floats, key: Floats, within_km: float
) -> tuple[Ints, Ints, Ints]:
    """(place, start, stop): stretches of the sorted stations that may hold what is near."""
    reach = np.degrees(min(within_km / EARTH_KM, np.pi))
    half = _half_width(latitude, reach)
    lowest = _band(np.maximum(latitude - reach, -90.0))
    highest = _band(np.minimum(latitude + reach, 90.0))
    asked, band = _expanded(np.arange(len(latitude)), lowest, highest + 1)
    middle, half = longitude[asked], half[asked]
    base = band * 1000.0 + 500.0
    parts = []
    # East and west of the 180th meridian the same stretch goes on at the other end.
    is_round = half >= 180.0
    for turn in (-360.0, 0.0, 360.0):
        west = np.where(is_round, -180.0, np.maximum(middle - half + turn, -180.0))
        east = np.where(is_round, 180.0, np.minimum(middle + half + turn, 180.0))
        has = (west <= east) & ~(is_round & (turn != 0))
        start = np.searchsorted(key, base[has] + west[has] - 1e-9, "left")
        stop = np.searchsorted(key, base[has] + east[has] + 1e-9, "right")
        is_held = start < stop
        parts.append((asked[has][is_held], start[is_held], stop[is_held]))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return columns[0], columns[1], columns[2]


def _half_width(latitude: Floats, reach: float) -> Floats:
    """Degrees of longitude by which a circle of `reach` degrees spreads at most; 180 at a pole."""
    is_polar = np.abs(latitude) + reach >= 89.999
    flat = np.sin(np.radians(reach)) / np.cos(np.radians(np.where(is_polar, 0.0, latitude)))
    return np.where(is_polar, 180.0, np.degrees(np.arcsin(np.minimum(flat, 1.0))))


def _expanded(owner: Ints, start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """Each owner with every number from its start to before its stop."""
    length = stop - start
    total = int(length.sum())
    skip = np.repeat(start - np.concatenate([[0], np.cumsum(length)[:-1]]), length)
    return np.repeat(owner, length), np.arange(total) + skip


def _band(latitude: Floats) -> Ints:
    band: Ints = np.floor((latitude + 90.0) / _BAND_DEGREES).astype(np.int64)
    return band


def _turned(longitude: Floats) -> Floats:
    return (longitude + 180.0) % 360.0 - 180.0


def _unit(latitude: Floats, longitude: Floats) -> tuple[Floats, Floats, Floats]:
    phi, lam = np.radians(latitude), np.radians(longitude)
    flat = np.cos(phi)
    return flat * np.cos(lam), flat * np.sin(lam), np.sin(phi)
