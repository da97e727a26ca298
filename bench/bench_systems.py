"""Rain over all of Brazil: how long does a step take until each storm is one thing?

    python bench/bench_systems.py [--a-step 500]

An incident stands at each of Brazil's 5,571 largest towns of the gazetteer. In each step some end,
and as many begin at towns that had none. Times are of the processor: what else the machine does
meanwhile is not in them. Beside it, in the same run, is what one writes with scipy and looks at
anew in each step: pairs of a k-d tree, and their connected components. It knows of no hours, no ids
and none that joined; both must find as many systems where all began at once.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from atalaia.domain.geo import EARTH_KM, unit
from atalaia.domain.linking import NEAR_KM, Neighbours
from atalaia.domain.place import Place, Places
from atalaia.domain.spells import Telling
from atalaia.domain.systems import SystemLog
from atalaia.sources import gazetteer
from figures import Figure, named, tell

PLACES, STEPS, STEP_S = 5571, 30, 600
START = 1_700_000_000


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--a-step", type=int, default=500, help="entries")
    n = arguments.parse_args().a_step // 2
    places = brazil()
    log = SystemLog(places, Neighbours(places))
    start = time.process_time()
    log.take([begins(places, place, START) for place in range(PLACES)])
    once = 1e3 * (time.process_time() - start)
    print(f"all at once, with which places are near each other: {once:.0f} ms")
    ours = len(log.systems())
    theirs, found = peer(places)
    assert ours == found, f"{ours} systems, and {found} of the peer"
    print(f"{named('scipy')}, all anew: {theirs:.0f} ms, without hours, ids and joining")
    steps, told = in_steps(log, places, n)
    print(f"all {len(log.systems())} systems told, with growth and movement: {told:.0f} ms")
    what = f"a step of {2 * n} entries, {PLACES:,} places with an incident, into systems"
    tell([Figure(what, steps, "ms", 20)])


def brazil() -> Places:
    towns = gazetteer.table()
    regions = [i for i, each in enumerate(towns.regions) if each[0] == "BR"]
    numbers = np.flatnonzero(np.isin(towns.region, regions))[:PLACES].tolist()
    return Places(
        Place(
            id=str(i),
            name=towns.names[number],
            latitude=float(towns.latitude[number]),
            longitude=float(towns.longitude[number]),
        )
        for i, number in enumerate(numbers)
    )


def begins(places: Places, place: int, at: int, *, version: int = 1, since: int = 0) -> Telling:
    since = since or at
    return Telling(
        incident=f"{place:04x}{since:012x}",
        version=version,
        hazard="heavy_rain",
        level="orange",
        sent_at=at,
        is_last=version > 1,
        is_expired=False,
        is_measured=True,
        begins_at=at,
        ends_at=0,
        places=(places[place].id,),
    )


def in_steps(log: SystemLog, places: Places, n: int) -> tuple[float, float]:
    """Medians in ms: of a step, and of telling all systems after it."""
    chance = np.random.default_rng(1)
    since = dict.fromkeys(range(PLACES), START)
    took, told = [], []
    over: list[int] = []
    for step in range(1, STEPS + 1):
        at = START + step * STEP_S
        ends = chance.choice(sorted(since), n, replace=False).tolist()
        entries = [begins(places, i, at, version=2, since=since.pop(i)) for i in ends]
        entries += [begins(places, i, at) for i in over]
        since.update(dict.fromkeys(over, at))
        over = ends
        start = time.process_time()
        log.take(entries)
        middle = time.process_time()
        log.systems()
        told.append(1e3 * (time.process_time() - middle))
        log.forget()
        took.append(1e3 * (middle - start))
    return statistics.median(took), statistics.median(told)


def peer(places: Places) -> tuple[float, int]:
    """Median in ms of five turns, and how many there are."""
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415
    from scipy.spatial import cKDTree  # noqa: PLC0415

    latitude = np.array([place.latitude for place in places])
    longitude = np.array([place.longitude for place in places])
    took, found = [], 0
    for _ in range(5):
        start = time.process_time()
        tree = cKDTree(np.column_stack(unit(latitude, longitude)))
        a, b = tree.query_pairs(2 * np.sin(NEAR_KM / EARTH_KM / 2), output_type="ndarray").T
        found, _ = connected_components(coo_array((np.ones(len(a)), (a, b)), (PLACES, PLACES)))
        took.append(1e3 * (time.process_time() - start))
    return statistics.median(took), found


if __name__ == "__main__":
    main()
