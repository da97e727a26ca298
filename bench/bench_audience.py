"""Whom do alerts concern: subscriptions in memory, events → pairs of event and person.

    python bench/bench_audience.py [--people 1000000] [--events 100] [--country BR all]

People have a place and a limit of their own, and three in four a level besides. They live, and
events happen, where people do: around the gazetteer's towns, by population, in one country and
all over the world, where an event meets few of them. The peer, in the same
run on the same core, is what one writes with shapely: an STRtree of all places, asked for all
events at once, and the levels and limits of what it found in NumPy. For polygons the tree tests
what lies within; for circles it gives what lies in their boxes, and the haversine formula decides.
Both must find the same pairs.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import shapely

from atalaia.domain.alert import Moved
from atalaia.notify.audience import Audience, Circles, Event
from atalaia.sources import gazetteer
from figures import Figure, named, on_one_core, tell

RADIUS_KM = 25.0
EARTH_KM = 6371.0088
LEVELS = ("yellow", "orange", "red")
PEAK = Moved("rain_mm", 3600, False, 30.0, 45.0)
ORANGE = 3
TURNS = 9
AIM, AIM_OF_ALL = 12, 6


@dataclass(frozen=True)
class People:
    """Columns. `level` 2 … 4, or 9 where a person has their limit alone."""

    latitude: np.ndarray
    longitude: np.ndarray
    level: np.ndarray
    limit: np.ndarray


def scattered(n: int, country: str | None, random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Latitudes and longitudes of n points around towns: the larger a town, the wider."""
    towns = gazetteer.table()
    here = [i for i, each in enumerate(towns.regions) if country in (None, each[0])]
    population = np.where(np.isin(towns.region, here), towns.population, 0)
    town = random.choice(len(population), n, p=population / population.sum())
    sigma = (1 + 0.004 * np.sqrt(population[town])) / 111.2
    latitude = towns.latitude[town] + random.normal(0, sigma)
    stretch = np.cos(np.radians(towns.latitude[town]))
    return latitude, towns.longitude[town] + random.normal(0, sigma) / stretch


def made(n: int, country: str | None, random: np.random.Generator) -> People:
    latitude, longitude = scattered(n, country, random)
    level = random.choice([2, 3, 4, 9], n)
    return People(latitude, longitude, level, random.integers(20, 81, n).astype(float))


def rings(latitude: float, longitude: float, random: np.random.Generator) -> list[np.ndarray]:
    """A warning as forecasters draw it: 24 corners, 10 to 40 km from its middle."""
    angle = np.arange(24) / 24 * 2 * np.pi
    far = random.uniform(10, 40) * random.uniform(0.7, 1.3, 24) / 111.2
    x = longitude + far * np.cos(angle) / np.cos(np.radians(latitude))
    y = latitude + far * np.sin(angle)
    ring = np.column_stack([x, y])
    return [np.concatenate([ring, ring[:1]])]


class Ours:
    def __init__(self, people: People) -> None:
        n = len(people.level)
        self.audience = Audience.of(
            [f"p_{i}" for i in range(n)],
            Circles(
                person=np.arange(n),
                latitude=people.latitude,
                longitude=people.longitude,
                radius_km=np.full(n, RADIUS_KM),
                wish=np.where(people.level == 9, 0, people.level - 1),
                key=np.zeros(n, np.int64),
                limit=people.limit,
                wishes=({}, *({"heavy_rain": level} for level in LEVELS)),
                keys=[("heavy_rain", "rain_mm", 3600)],
            ),
        )

    def circles(self, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
        pairs = zip(latitude, longitude, strict=True)
        return self.concerned(
            [
                Event(
                    hazard="heavy_rain",
                    level=ORANGE,
                    latitudes=(y,),
                    longitudes=(x,),
                    moved=(PEAK,),
                )
                for y, x in pairs
            ]
        )

    def polygons(self, shapes: list[list[np.ndarray]]) -> np.ndarray:
        return self.concerned(
            [
                Event(hazard="heavy_rain", level=ORANGE, polygon=shape, moved=(PEAK,))
                for shape in shapes
            ]
        )

    def concerned(self, events: list[Event]) -> np.ndarray:
        found = self.audience.concerned(events)
        return np.stack([found.event, found.person])


class Peer:
    def __init__(self, people: People) -> None:
        self.people = people
        self.tree = shapely.STRtree(shapely.points(people.longitude, people.latitude))
        self.tree.query(shapely.Point(0, 0))  # it sorts at the first question

    def circles(self, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
        high = RADIUS_KM / EARTH_KM * 180 / np.pi
        phi = np.radians(latitude)
        wide = np.degrees(np.arcsin(np.sin(RADIUS_KM / EARTH_KM) / np.cos(phi)))
        boxes = shapely.box(longitude - wide, latitude - high, longitude + wide, latitude + high)
        event, person = self.tree.query(boxes)
        theirs = np.radians(self.people.latitude)[person]
        h = np.sin((theirs - phi[event]) / 2) ** 2 + np.cos(theirs) * np.cos(phi)[event] * (
            np.sin(np.radians(self.people.longitude[person] - longitude[event]) / 2) ** 2
        )
        is_near = 2 * EARTH_KM * np.arcsin(np.sqrt(h)) <= RADIUS_KM
        return self.told(event[is_near], person[is_near])

    def polygons(self, shapes: list[list[np.ndarray]]) -> np.ndarray:
        warnings = [shapely.Polygon(shape[0]) for shape in shapes]
        return self.told(*self.tree.query(warnings, predicate="contains"))

    def told(self, event: np.ndarray, person: np.ndarray) -> np.ndarray:
        limit = self.people.limit[person]
        is_told = self.people.level[person] <= ORANGE
        is_told |= (limit > PEAK.low) & (limit <= PEAK.high)
        return np.stack([event[is_told], person[is_told]])


def timed(do: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    begun = time.perf_counter()
    result = do()
    return time.perf_counter() - begun, result


def compared(ours: Callable[[], Any], peer: Callable[[], Any]) -> tuple[float, float, int]:
    """Median seconds of both, taking turns, and how many pairs both found."""
    spent: tuple[list[float], list[float]] = ([], [])
    for turn in range(TURNS):
        sides = ((0, ours), (1, peer)) if turn % 2 else ((1, peer), (0, ours))
        found = [np.zeros(0), np.zeros(0)]
        for side, do in sides:
            seconds, pairs = timed(do)
            spent[side].append(seconds)
            found[side] = np.sort(pairs[0].astype(np.int64) << 32 | pairs[1])
        assert np.array_equal(*found), "not the same pairs"
    return statistics.median(spent[0]), statistics.median(spent[1]), len(found[0])


def rows(n: int, events: int, country: str | None) -> Iterator[Figure]:
    """Polygons and circles among people of a country; None: of all."""
    random = np.random.default_rng(11)
    people = made(n, country, random)
    latitude, longitude = scattered(events, country, random)
    shapes = [rings(y, x, random) for y, x in zip(latitude, longitude, strict=True)]
    ours_built, ours = timed(lambda: Ours(people))
    peer_built, peer = timed(lambda: Peer(people))
    where = f"in {country}" if country else "all over the world"
    print(f"one core, {n:,} people {where}, {events} events")
    print(f"index built        atalaia {ours_built:6.2f} s    STRtree {peer_built:6.2f} s")
    for what, asked in (("polygons", (shapes,)), ("circles", (latitude, longitude))):
        mine, theirs, pairs = compared(
            partial(getattr(ours, what), *asked), partial(getattr(peer, what), *asked)
        )
        print(f"{what:<9}{pairs:>9} pairs")
        whom = f"{n:,} people {where}, {events} {what}"
        peer_name = f"STRtree of {named('shapely')}"
        yield Figure(
            whom, 1000 * mine, "ms", AIM if country else AIM_OF_ALL, 1000 * theirs, peer_name
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument(
        "--country", nargs="*", default=["BR", "all"], help="each two letters, or all"
    )
    given = parser.parse_args()
    on_one_core()
    countries = [None if one == "all" else one for one in given.country]
    tell([row for one in countries for row in rows(given.people, given.events, one)])


if __name__ == "__main__":
    main()
