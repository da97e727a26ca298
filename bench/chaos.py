"""Breaks the running watch in many ways while stations push and people are told, and judges.

    python bench/chaos.py [--kills 1000] [--minutes N] [--seed 1] [--only NAME] [--report FILE]

Each fault is a row: how often it was done, readings that were acknowledged, changes that people
were told, what was lost, altered, doubled and told twice of both (`storm`), and the longest time
from an acknowledged reading to the server of the person who is told of it, whole, and but for the
time in which the watch was killed and not ready again. All are 0 but the control's. Exit code 1
where a promise did not hold.

`--kills` says how often the watch is killed; the other faults are done in proportion to it. After
`--minutes` nothing more is done: what was done is judged, and the row says how often that was.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import faults
from faults import Fault, World, suffer
from forks import Forks
from rude import WAYS, Rude
from storm import Row, table

DISK_MB = 48

Group = Callable[["Run", Path], Awaitable[list[Row]]]


class Run:
    """What is asked for.

    kills   how often; `of` gives the others their share
    only    a part of a fault's name; empty: all
    slow    see `faults.World`
    within_s  after so long nothing more is done, and what was done is judged
    """

    def __init__(
        self, kills: int, seed: int, only: str, slow: float, within_s: float, forks: Forks
    ) -> None:
        self.until = time.monotonic() + within_s
        self.kills = kills
        self.only = only
        self.forks = forks
        self._seed = seed
        self._slow = slow

    def world(self, name: str, folder: Path, **more: Any) -> World:
        """A world of its own, with its own chance."""
        chance = random.Random(f"{self._seed}/{name}")
        return World(folder, self.forks, chance, slow=self._slow, until=self.until, **more)

    def of(self, share: float, most: int = 1000) -> int:
        """So often, of a thousand kills `share` times a thousand."""
        return max(1, min(most, round(self.kills * share)))

    async def all(self, world: World, some: Sequence[tuple[Fault, int]]) -> list[Row]:
        """One after the other."""
        return [await suffer(world, fault, n) for fault, n in some if self.wants(fault.name)]

    def wants(self, name: str) -> bool:
        """Whether it was asked for."""
        return self.only in name


async def processes(run: Run, folder: Path) -> list[Row]:
    """Killed, frozen, starved, hung, and with a clock that is set."""
    some = (
        (Fault("frozen (SIGSTOP)", faults.frozen), run.of(0.2)),
        (Fault("two processes on one home", faults.two_processes), run.of(0.02)),
        (Fault("clock back 10 minutes, killed, right again", faults.clock_back), run.of(0.05)),
        (Fault("clock forward 1 hour, killed, right again", faults.clock_forward), run.of(0.05)),
        (Fault("no more memory, for a second", faults.short_of_memory), run.of(0.1)),
        (Fault("killed (kill -9)", faults.killed), run.kills),
        (Fault("50 webhooks that hang beside healthy ones", faults.hanging_targets, 15.0), 50),
    )
    async with run.world("processes", folder) as world:
        return await run.all(world, some)


async def providers(run: Run, folder: Path) -> list[Row]:
    """Sources that are slow, hang, reset, truncate, refuse, and answer rubbish."""
    fault = Fault("sources in each of nine rude ways", faults.rude_providers)
    if not run.wants(fault.name):
        return []
    async with Rude(random.Random(run.kills)) as rude:
        more = {
            "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "true",
            "ATALAIA_SOURCES_OPEN_METEO_BASE_URL": rude.url,
            "ATALAIA_SOURCES_TOMORROW_IO_KEY": "t0morrow-s3cret",
            "ATALAIA_SOURCES_TOMORROW_IO_BASE_URL": rude.url,
            "ATALAIA_SOURCES_CAP_FEEDS": rude.feeds(),
        }
        async with run.world("providers", folder, more=more) as world:
            [row] = await run.all(world, [(fault, run.of(0.05))])
        row.times = sum(rude.answered.values())
        missing = [way.__name__ for way in WAYS if not rude.answered[way.__name__]]
        row.notes += [f"was never asked: {name}" for name in missing]
    return [row]


async def files(run: Run, folder: Path) -> list[Row]:
    """Files damaged, copied and put back."""
    some = (
        (Fault("torn RAW, bad last page of GOLD", faults.damaged_lake), run.of(0.01)),
        (Fault("backup and restore under load", faults.backed_up), run.of(0.02)),
        (Fault("bad last page of the store, restored", faults.store_damaged), run.of(0.01)),
    )
    async with run.world("files", folder) as world:
        return await run.all(world, some)


async def power(run: Run, folder: Path) -> list[Row]:
    """A disk that forgets what was not synced, and one that takes nothing."""
    some = (
        (Fault("power lost: what was not synced is gone", faults.power_lost), run.of(0.1)),
        (Fault("read-only disk, and back", faults.read_only), run.of(0.05)),
    )
    async with run.world("power", folder, more={"CHAOS_DISK": "held"}) as world:
        return await run.all(world, some)


async def control(run: Run, folder: Path) -> list[Row]:
    """The same disk under a store that does not wait for it has to lose something."""
    row = Row("control: power lost at synchronous=NORMAL", 1)
    if not run.wants(row.fault):
        return []
    more = {"CHAOS_DISK": "held", "CHAOS_SYNC": "NORMAL"}
    async with run.world("control", folder, more=more) as world:
        row.pushed, row.lost = await faults.control_of_power(world)
    row.is_control = True
    return [row]


async def full(run: Run, folder: Path) -> list[Row]:
    """A small disk, full to its last page."""
    fault = Fault("disk full, and room again", faults.disk_full)
    if not run.wants(fault.name):
        return []
    with small_disk(folder / "disk") as disk:
        if disk is None:
            print(f"{fault.name}: skipped, as only root may mount a small disk", file=sys.stderr)
            return []
        async with run.world("full", folder, home=disk / "home") as world:
            return await run.all(world, [(fault, run.of(0.05))])


@contextmanager
def small_disk(at: Path) -> Iterator[Path | None]:
    """A tmpfs of `DISK_MB`; None where it may not be mounted."""
    at.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(at)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


GROUPS: tuple[Group, ...] = (processes, providers, files, power, control, full)


async def chaos(
    kills: int, seed: int, only: str = "", slow: float = 1.0, within_s: float = float("inf")
) -> list[Row]:
    """All of it; groups beside each other, each with a watch of its own."""
    with tempfile.TemporaryDirectory() as folder, Forks() as forks:
        run = Run(kills, seed, only, slow, within_s, forks)
        folders = [Path(folder, group.__name__) for group in GROUPS]
        for one in folders:
            one.mkdir()
        ended = await asyncio.gather(
            *(group(run, one) for group, one in zip(GROUPS, folders, strict=True)),
            return_exceptions=True,
        )
    rows: list[Row] = []
    for some in ended:
        if isinstance(some, BaseException):
            raise some
        rows += some
    return rows


def main() -> None:
    """Break, judge, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    began = time.monotonic()
    rows = asyncio.run(chaos(given.kills, given.seed, given.only, within_s=60 * given.minutes))
    print(table(rows))
    took_s = time.monotonic() - began
    print(f"{took_s:.0f} s, {os.getloadavg()[0]:.1f} busy of {os.cpu_count()} cores")
    if given.report is not None:
        given.report.parent.mkdir(parents=True, exist_ok=True)
        said = {"kills": given.kills, "seed": given.seed, "rows": [asdict(row) for row in rows]}
        given.report.write_text(json.dumps(said, indent=1) + "\n")
    sys.exit(not all(row.is_good for row in rows))


if __name__ == "__main__":
    main()
