"""A start among many subscribers: who is told, from the sealed snapshot and one by one.

    python bench/bench_recipients.py [--people 20000] [--columns 1000000]

`--people` are in a home, each sealed with a key of their own. The peer, in the same run, opens them
one by one, as a start does that has no snapshot. Seconds are the processor's, bytes what the
process has gained; of both the difference of all and of the first quarter of the people is what one
more costs. `--columns` are made up in memory, of the same shape, and laid down in a home of
their own; so it can be tried how a million start without a million keys.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from atalaia.domain.subscription import Person
from atalaia.homes.embedded import open_home
from atalaia.memory import give_back
from atalaia.metrics import Metrics
from atalaia.notify import snapshots
from atalaia.notify.audience import Circles, Event, Polygons
from atalaia.notify.crowd import Crowd
from atalaia.notify.recipients import Recipients
from atalaia.notify.snapshots import Captured, Snapshots
from atalaia.people.registry import Registry
from crowd import subscribe_many

HERE = Event(hazard="wind", level=3, latitudes=(-8.05,), longitudes=(-34.9,))


def resident() -> int:
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * resource.getpagesize()


def begun(home: Path, *, one_by_one: bool) -> tuple[int, float, int, int]:
    """How many are told, seconds of the processor, bytes gained, and at most gained meanwhile."""
    give_back()  # as the watch does
    with open_home(home, exclusive=False) as opened:
        registry = Registry(opened.people, opened.keys)
        shelf = None if one_by_one else Snapshots(opened, Metrics())
        found = Recipients(
            registry.load, ("email",), int(time.time()) + 1, read=registry.read, snapshots=shelf
        )
        before, began = resident(), time.process_time()
        found.refresh()
        found.audience.concerned([HERE])
        seconds, after = time.process_time() - began, resident()
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return len(found), seconds, after - before, most - before


def written(home: Path) -> None:
    with open_home(home, exclusive=False) as opened:
        registry = Registry(opened.people, opened.keys)
        found = Recipients(
            registry.load, ("email",), read=registry.read, snapshots=Snapshots(opened, Metrics(), 1)
        )
        found.refresh()
        found.keep(int(time.time()))


def columns(n: int) -> Crowd:
    """People as `crowd.subscribe_many` makes them."""
    chance = np.random.default_rng(1)
    row, now = np.arange(n), int(time.time())
    none = np.zeros(0, np.int32)
    return Crowd(
        names=np.array([f"p_load{i:010}" for i in range(n)], np.bytes_),
        kind=np.zeros(n, np.int32),
        since=np.full(n, now),
        asked=np.full(n, now),
        kinds=[Person(pseudonym="", language="pt-BR", channels=("email",))],
        circles=Circles(
            person=row,
            latitude=chance.uniform(-33, 5, n).round(4),
            longitude=chance.uniform(-73, -35, n).round(4),
            radius_km=np.full(n, 25.0),
            wish=np.zeros(n, np.int32),
            key=np.full(n, -1, np.int32),
            limit=np.zeros(n),
            wishes=[{"wind": "yellow"}],
        ),
        polygons=Polygons(
            person=none, which=none, wish=none, key=none, limit=np.zeros(0), outlines=()
        ),
    )


def laid_down(home: Path, n: int) -> None:
    with open_home(home, exclusive=False) as opened:
        crowd = columns(n)
        Snapshots(opened, Metrics()).write(lambda _: Captured(0, crowd, ()), int(time.time()))
        size = sum(opened.lake.path(key).stat().st_size for key in opened.lake.keys("recipients/"))
        print(f"{n:,} people lie in {size / 1e6:.1f} MB ({snapshots.BLOCKS} blocks)")


def apart(do: Callable[..., object], *given: object, **named: object) -> object:
    """In a process of its own: memory that another had is not in it."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(do, given, named)


def compared(folder: Path, n: int) -> None:
    costs = {}
    for size in (n // 4, n):
        home = folder / str(size)
        apart(subscribe_many, home, size, random.Random(1))
        apart(written, home)
        for one_by_one in (True, False):
            count, *cost = apart(begun, home, one_by_one=one_by_one)  # type: ignore[misc]
            assert count == size, "nobody is missed"
            costs[size, one_by_one] = cost
    more = n - n // 4
    each = {}
    for one_by_one, name in ((True, "one by one"), (False, "from the snapshot")):
        few, all_ = costs[n // 4, one_by_one], costs[n, one_by_one]
        seconds, size, _ = ((b - a) / more for a, b in zip(few, all_, strict=True))
        each[one_by_one] = seconds
        print(
            f"{name}: {n:,} people in {all_[0]:.2f} s and {all_[1] / 1e6:.1f} MB; one more costs "
            f"{seconds * 1e6:.2f} µs and {size:.0f} bytes, so a million {seconds * 1e6:.1f} s"
        )
    print(f"peer/ours: {each[True] / each[False]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--columns", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compared(folder, given.people)
        home = folder / "columns"
        apart(laid_down, home, given.columns)
        count, seconds, size, most = apart(begun, home, one_by_one=False)  # type: ignore[misc]
        assert count == given.columns
        print(
            f"{count:,} from the snapshot: {seconds:.2f} s, {size / 1e6:.0f} MB, at most "
            f"{most / 1e6:.0f} MB on the way"
        )


if __name__ == "__main__":
    main()
