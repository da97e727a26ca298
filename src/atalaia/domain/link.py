"""Which stations a place may listen to, for which variables, and how far away they are.

`REACHES` says how far an instrument speaks, with the reason of each limit. Beyond it a station is
no evidence, not weak evidence. Rain is never an average of gauges, and a direction is never
interpolated: each station is a source of its own.

`links` finds all pairs at once (`bench/bench_links.py`: 170,000 stations with 5,571 places); from
then on the way from a place to its stations is a slice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np

from atalaia.domain.geo import EARTH_KM, unit
from atalaia.domain.grid import Grid
from atalaia.domain.place import Place
from atalaia.domain.reading import Bools, Floats, Ints
from atalaia.domain.variable import CATALOGUE

LAPSE_C_M = 0.0065
"""Fall of temperature with height: the International Standard Atmosphere's 6.5 K a kilometre."""


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How far some variables carry.

    variables   of the catalogue
    within_km   distance, inclusive
    alone_km    distance where no station that measures it is nearer than within_km; None: the same
    height_m    difference in height, inclusive, where both heights are known; None: any
    up_to_s     the longest sum that this holds for; None: instants, or sums of any length
    by_name     only rules that name the station hear it
    because     where the limit comes from
    """

    variables: tuple[str, ...]
    within_km: float
    because: str
    alone_km: float | None = None
    height_m: float | None = None
    up_to_s: int | None = None
    by_name: bool = False

    @property
    def widest_km(self) -> float:
        """The farthest that a station may stand."""
        return max(self.within_km, self.alone_km or 0.0)


REACHES = (
    Reach(
        variables=("rain_mm", "rain_rate_mm_h"), within_km=5, alone_km=10, up_to_s=3600,
        because="a shower is a few kilometres wide: of a gauge's wet hours less than half are wet"
        " ones at another 9 km away, and a quarter at 14",
    ),
    Reach(
        variables=("rain_mm",), within_km=10, up_to_s=43_200,
        because="between the hour's and the day's: showers drift",
    ),
    Reach(
        variables=("rain_mm",), within_km=20,
        because="a day's heavy rain is wide: a gauge 15 km away sees most of it, a model a third",
    ),
    Reach(
        variables=("wind_speed_m_s", "wind_gust_m_s", "wind_direction_deg",
                   "wind_gust_direction_deg"),
        within_km=15, height_m=150,
        because="15 km apart it is nearer to the truth than a model's; ridges and valleys have"
        " winds of their own",
    ),
    Reach(
        variables=("temperature_c", "dew_point_c", "temperature_max_c", "temperature_min_c"),
        within_km=25, height_m=300,
        because="15 km apart it is nearer to the truth than a model's; corrected by 6.5 K/km,"
        " which valleys with cold air do not keep to",
    ),
    Reach(
        variables=("relative_humidity_pct",), within_km=15,
        because="15 km apart it is no nearer to the truth than a model's",
    ),
    Reach(
        variables=("pressure_sea_level_hpa",), within_km=50,
        because="smooth at sea level; at the station's own height 8 m make 1 hPa, so that"
        " pressure_hpa reaches nowhere",
    ),
    Reach(
        variables=("visibility_m",), within_km=5,
        because="fog ends at a river bank",
    ),
    Reach(
        variables=("weather_code",), within_km=8,
        because="present weather is of an aerodrome and up to 8 km around it (WMO-No. 306: VC)",
    ),
    Reach(
        variables=("thunderstorm_class",), within_km=8,
        because="thunder at an aerodrome is within 8 km of it (WMO-No. 306: farther off is VC), and"
        " lightning strikes as far as 16 km from its storm (US NWS: 10 miles)",
    ),
    Reach(
        variables=("violent_wind_class",), within_km=8,
        because="as all present weather; a squall is wider, a tornado is seen from farther than it"
        " reaches",
    ),
    Reach(
        variables=("snow_depth_m", "snow_cm"), within_km=10, height_m=150,
        because="the snow line: 150 m are about 1 °C",
    ),
    Reach(
        variables=("river_level_m",), within_km=50, by_name=True,
        because="each gauge has a zero of its own: whose limits they are, and which places lie at"
        " its river, the rule says that names it",
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


def widest(variable: str) -> Reach | None:
    """The reach of a variable that goes farthest; None: it speaks nowhere."""
    mine = [reach for reach in REACHES if variable in reach.variables]
    return max(mine, key=lambda reach: reach.widest_km, default=None)


def by_name(variable: str) -> bool:
    """Whether a station's word of it counts for rules that name the station, and for no others."""
    reach = widest(variable)
    return reach is not None and reach.by_name


REACHING = tuple(name for name in CATALOGUE if widest(name))
"""The variables that stations can be evidence of at a place."""


class StationLink(NamedTuple):
    """One station as one place sees it: distance, and its height above the place (NaN: unknown)."""

    km: float
    height_m: float

    def speaks(self, variable: str, over_s: int, nearest_km: float) -> bool:
        """Whether it is evidence of a variable, as a sum over so many seconds (0: no sum), where
        the nearest station that measures it stands `nearest_km` away."""
        reach = reach_of(variable, over_s)
        if reach is None or (reach.height_m is not None and abs(self.height_m) > reach.height_m):
            return False
        if self.km <= reach.within_km:
            return True
        is_alone = nearest_km > reach.within_km
        return reach.alone_km is not None and is_alone and self.km <= reach.alone_km


def speaks_for(
    station: str, links: Mapping[str, StationLink], measured: Mapping[str, Collection[str]]
) -> tuple[str, ...]:
    """Of which variables a station is evidence at a place, of which `links` has all its stations
    and `measured` what each of them tells; of some sums only the long ones."""
    told = []
    for name in REACHING:
        if name not in measured.get(station, ()):
            continue
        nearest = min(link.km for each, link in links.items() if name in measured.get(each, ()))
        over = (3600, 43_200, 86_400) if CATALOGUE[name].is_sum else (0,)
        spans = [over_s for over_s in over if links[station].speaks(name, over_s, nearest)]
        if spans:
            is_all = len(spans) == len(over)
            told.append(name if is_all else f"{name} in {min(spans) // 3600} h and more")
    return tuple(told)


@dataclass(frozen=True, slots=True)
class Spots:
    """Points on the globe in columns of shape (n,), float64.

    latitude, longitude   WGS 84 degrees; NaN: not known, and linked to nothing
    elevation_m           above sea level; NaN: not known
    """

    latitude: Floats
    longitude: Floats
    elevation_m: Floats

    @staticmethod
    def of(places: Iterable[Place]) -> Spots:
        """Where places are."""
        some = list(places)
        heights = [np.nan if place.elevation_m is None else place.elevation_m for place in some]
        return Spots(
            np.array([place.latitude for place in some], np.float64),
            np.array([place.longitude for place in some], np.float64),
            np.array(heights, np.float64),
        )

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
    """

    place: Ints
    station: Ints
    km: Floats
    height_m: Floats
    place_start: Ints

    def __len__(self) -> int:
        return len(self.place)

    def of_place(self, place: int) -> slice:
        """The rows of one place, the nearest station first."""
        return slice(int(self.place_start[place]), int(self.place_start[place + 1]))

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


class Nearby:
    """Places, arranged once: which of them lie within reach of a station costs no scan."""

    def __init__(self, places: Spots, within_km: float = FARTHEST_KM) -> None:
        self._places = places
        self._watched = np.flatnonzero(~np.isnan(places.latitude + places.longitude))
        within = np.full(len(self._watched), within_km)
        latitude, longitude = places.latitude[self._watched], places.longitude[self._watched]
        self._grid = Grid(latitude, longitude, within)

    def of(self, latitude: float, longitude: float, elevation_m: float) -> dict[int, StationLink]:
        """The places within reach of a station, by their positions."""
        station = Spots(np.array([latitude]), np.array([longitude]), np.array([elevation_m]))
        (rows,) = self._grid.around(station.latitude, station.longitude)
        place = self._watched[self._grid.order[rows]]
        km = _km(self._places, place, station, np.zeros(len(place), np.int64))
        height = elevation_m - self._places.elevation_m[place]
        of = zip(place.tolist(), km.tolist(), height.tolist(), strict=True)
        return {i: StationLink(a, h) for i, a, h in of}


def links(places: Spots, stations: Spots, within_km: float = FARTHEST_KM) -> Links:
    """All pairs within a distance (inclusive)."""
    watched = np.flatnonzero(~np.isnan(places.latitude + places.longitude))
    known = np.flatnonzero(~np.isnan(stations.latitude + stations.longitude))
    # A circle round each station: whose circle holds a place, is near it.
    grid = Grid(stations.latitude[known], stations.longitude[known], np.full(len(known), within_km))
    rows = list(grid.around(places.latitude[watched], places.longitude[watched]))
    place = np.repeat(watched, [len(each) for each in rows])
    station = known[grid.order[np.concatenate([*rows, np.zeros(0, np.int64)])]]
    km = _km(places, place, stations, station)
    order = np.lexsort((station, km, place))
    place, station, km = place[order], station[order], km[order]
    return Links(
        place=place.astype(np.int32),
        station=station.astype(np.int32),
        km=km,
        height_m=stations.elevation_m[station] - places.elevation_m[place],
        place_start=np.searchsorted(place, np.arange(len(places) + 1)),
    )


def _km(places: Spots, place: Ints, stations: Spots, station: Ints) -> Floats:
    """Distances over the globe of pairs, by their chords: exact where they are small."""
    here = unit(places.latitude[place], places.longitude[place])
    there = unit(stations.latitude[station], stations.longitude[station])
    square = np.zeros(len(place))
    for a, b in zip(here, there, strict=True):
        square += (a - b) ** 2
    km: Floats = 2 * EARTH_KM * np.arcsin(np.minimum(np.sqrt(square) / 2, 1.0))
    return km
