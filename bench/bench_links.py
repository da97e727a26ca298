"""All stations of the world with all towns of Brazil: how long does it take to link them?

    python bench/bench_links.py [--stations 170000]

Places are Brazil's towns in the gazetteer; stations lie around the world's towns by population, so
that many stand close together, as people's own do, and 11,000 evenly over land and sea. The peer,
in the same run on the same core, is what one writes with scipy: a k-d tree of unit vectors, asked
for all pairs within a chord. Both must find the same pairs. Times are of the processor: what else
the machine does meanwhile is not in them.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from atalaia.domain.geo import EARTH_KM
from atalaia.domain.link import FARTHEST_KM, Spots, links
from atalaia.sources import gazetteer
from figures import Figure, named, tell

TURNS = 5


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--stations", type=int, default=170_000)
    n = arguments.parse_args().stations
    towns = gazetteer.table()
    regions = [i for i, each in enumerate(towns.regions) if each[0] == "BR"]
    is_here = np.isin(towns.region, regions)
    unknown = np.full(n, np.nan)
    places = Spots(towns.latitude[is_here][:5571], towns.longitude[is_here][:5571], unknown[:5571])
    random = np.random.default_rng(1)
    town = random.choice(len(towns.population), n, p=towns.population / towns.population.sum())
    latitude = np.clip(towns.latitude[town] + random.normal(0, 0.1, n), -90, 90)
    longitude = towns.longitude[town] + random.normal(0, 0.1, n)
    even = min(11_000, n)
    latitude[:even] = np.degrees(np.arcsin(random.uniform(-1, 1, even)))
    longitude[:even] = random.uniform(-180, 180, even)
    stations = Spots(latitude, longitude, unknown)
    took = []
    for _ in range(TURNS):
        start = time.process_time()
        found = links(places, stations)
        took.append(time.process_time() - start)
    print(f"{len(found)} links within {FARTHEST_KM:g} km; times are of a processor")
    theirs = peer(places, stations, len(found))
    print(f"cKDTree of {named('scipy')}: {theirs:.2f} s for the same pairs, without their rules")
    what = f"{len(stations):,} stations linked to {len(places):,} places"
    tell([Figure(what, statistics.median(took), "s", 2)])


def peer(places: Spots, stations: Spots, n: int) -> float:
    from scipy.spatial import cKDTree  # noqa: PLC0415

    took = []
    for _ in range(TURNS):
        start = time.process_time()
        here, there = (cKDTree(unit(each)) for each in (places, stations))
        chord = 2 * np.sin(FARTHEST_KM / EARTH_KM / 2)
        pairs = here.sparse_distance_matrix(there, chord, output_type="ndarray")
        took.append(time.process_time() - start)
    assert len(pairs) == n, f"{len(pairs)} pairs for {n}"
    return statistics.median(took)


def unit(spots: Spots) -> np.ndarray:
    phi, lam = np.radians(spots.latitude), np.radians(spots.longitude)
    return np.column_stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])


if __name__ == "__main__":
    main()
