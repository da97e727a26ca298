"""The running watch under load: 2,000 readings a second, with 1,000,000 subscribers.

    python bench/load.py [--seconds 1800] [--subscribers 1000000] [--readings 2000] [--report FILE]

Everybody subscribed a month ago, and a watch ran before, as on any night but the first. All but 20
of 2,000 places are calm; storms go over these, and their people are told (`storm`). In a run of ten
minutes or more the load first goes on until the newest readings, which the page draws from memory,
are as many as are kept: from then on nothing is to grow.
Measured: from the acknowledgement of a reading that changes something to the server of the person
who is told of it (the outbox lies between the two); memory, the last third beside the first; then
ten times as many readings for 60 s (or a tenth of the run), and how long it takes until all of
them have been judged. Exit code 1 where a target is missed; what else ran on the machine is told.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from atalaia.api.recent import MOST_ROWS
from atalaia.notify.snapshots import FOLDER, LEAST
from crowd import subscribe_many
from service import Service, reading
from storm import RULES, Row, Storm, table

STATIONS = 20
PLACES = 2_000
TOLD_P99_S = 1.0
FLAT = 0.05
DRAINED_S = 300.0
START_S, START_BYTES = 5.0, 500_000_000
_BATCHES_A_SECOND = 20
_FIRST_S = 1800.0
_LONG_S = 600


@dataclass
class Measured:
    """What a run came to. Seconds, and bytes."""

    seconds: int
    subscribers: int
    readings_a_second: int
    warm_s: int = 0
    pushed: int = 0
    refused: int = 0
    first_start_s: float = 0.0
    start_s: float = 0.0
    start_cpu_s: float = 0.0
    loaded_bytes: int = 0
    told_p50_s: float = 0.0
    told_p99_s: float = 0.0
    first_third_bytes: float = 0.0
    last_third_bytes: float = 0.0
    drained_s: float = 0.0
    cpu_share: float = 0.0
    busy: float = 0.0
    cores: int = os.cpu_count() or 1

    @property
    def growth(self) -> float:
        """Of memory, from the first third to the last."""
        return self.last_third_bytes / self.first_third_bytes - 1

    def lines(self) -> list[tuple[str, str, bool]]:
        """What is told, its figure, and whether it is as it has to be."""
        return [
            ("all read one by one, and a snapshot kept", f"{self.first_start_s:.0f} s", True),
            (
                "start to /readyz",
                f"{self.start_s:.1f} s ({self.start_cpu_s:.1f} s of CPU)",
                min(self.start_s, self.start_cpu_s) <= START_S,
            ),
            (
                "memory once all subscribers are known",
                f"{self.loaded_bytes / 1e6:,.0f} MB",
                self.loaded_bytes <= START_BYTES,
            ),
            (
                "acknowledged → told, median and p99",
                f"{self.told_p50_s:.3f} s, {self.told_p99_s:.3f} s",
                self.told_p99_s <= TOLD_P99_S,
            ),
            (
                "memory, last third beside the first",
                f"{self.last_third_bytes / 1e6:,.0f} MB, {self.growth:+.1%}",
                self.growth <= FLAT,
            ),
            ("ten-fold, drained within", f"{self.drained_s:.0f} s", self.drained_s <= DRAINED_S),
        ]


class Load:
    """One run over a service."""

    def __init__(self, service: Service, storm: Storm, measured: Measured) -> None:
        self.service = service
        self.storm = storm
        self.measured = measured
        self.memory: list[int] = []

    async def run(self) -> None:
        """The even load, then ten times as much, and what is left of that."""
        m = self.measured
        self.storm.blow()
        if m.seconds >= _LONG_S:
            m.warm_s = 1 + MOST_ROWS // m.readings_a_second
            await self._push(m.warm_s, m.readings_a_second)
        began, cpu = time.monotonic(), cpu_s(self.service.pid)
        watching = asyncio.create_task(self._watch())
        await self._push(m.seconds, m.readings_a_second)
        watching.cancel()
        await self.storm.calm(300.0)
        gaps = sorted(self.storm.gaps_s)
        m.told_p50_s, m.told_p99_s = gaps[len(gaps) // 2], gaps[-1 - len(gaps) // 100]
        third = max(1, len(self.memory) // 3)
        m.first_third_bytes = statistics.median(self.memory[:third])
        m.last_third_bytes = statistics.median(self.memory[-third:])
        m.cpu_share = (cpu_s(self.service.pid) - cpu) / (time.monotonic() - began)
        await self._push(min(60, max(3, m.seconds // 10)), 10 * m.readings_a_second)
        ended = time.monotonic()
        while await self.behind() and time.monotonic() - ended < 2 * DRAINED_S:
            await asyncio.sleep(0.5)
        m.drained_s = time.monotonic() - ended

    async def behind(self) -> int:
        """Records that were not judged yet."""
        async with self.storm.http.get(f"{self.service.url}/metrics") as answer:
            text = await answer.text()
        name = 'atalaia_consumer_lag{consumer="speed"} '
        return int(float(next(x for x in text.splitlines() if x.startswith(name)).split()[1]))

    async def _watch(self) -> None:
        while True:
            self.memory.append(memory(self.service.pid))
            await asyncio.sleep(1.0)

    async def _push(self, seconds: int, a_second: int) -> None:
        """So many calm readings a second, each pushed until it is taken."""
        size = max(1, a_second // _BATCHES_A_SECOND)
        place = 0
        began = time.monotonic()
        pending: set[asyncio.Task[None]] = set()
        for i in range(seconds * a_second // size):
            await asyncio.sleep(max(0.0, began + i * size / a_second - time.monotonic()))
            batch = []
            for _ in range(size):
                place = (place + 1) % PLACES
                place += place % (PLACES // STATIONS) == 0  # there a station of the storm is
                batch.append(reading(place, 5.0, time.time()))
            task = asyncio.create_task(self._one(batch))
            pending.add(task)
            task.add_done_callback(pending.discard)
        await asyncio.gather(*pending)

    async def _one(self, batch: list[dict[str, Any]]) -> None:
        while True:
            async with self.storm.http.post(
                f"{self.service.url}/v1/readings",
                json=batch,
                timeout=aiohttp.ClientTimeout(total=600),
            ) as answer:
                if answer.status == 202:
                    self.measured.pushed += len(batch)
                    return
                self.measured.refused += 1
            await asyncio.sleep(1.0)


def memory(pid: int) -> int:
    """Bytes that a process has in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGESIZE")


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def known_once(service: Service) -> float:
    """The first watch of this home, which reads everybody one by one and keeps a snapshot for the
    next: seconds until there is one."""
    began = time.monotonic()
    service.start()
    try:
        while not list((service.home / "lake" / FOLDER).glob("*")):
            if time.monotonic() - began > _FIRST_S:
                raise RuntimeError("no snapshot of who is told was made")
            await asyncio.sleep(0.5)
    finally:
        service.stop()
    return time.monotonic() - began


async def load(seconds: int, subscribers: int, a_second: int) -> tuple[Measured, Row]:
    """Make the subscribers, start, push, judge."""
    measured = Measured(seconds, subscribers, a_second)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "load.toml").write_text(RULES)
        more = {
            "ATALAIA_RULES": str(folder / "load.toml"),
            "ATALAIA_LANGUAGE": "en",
            "ATALAIA_CHANNELS_WEBHOOK_ALLOW": "127.0.0.0/8",
            "ATALAIA_CHANNELS_EMAIL_HOST": "127.0.0.1",
            "ATALAIA_CHANNELS_EMAIL_SENDER": "load@example.org",
        }
        service = Service(folder, places=PLACES, more=more)
        subscribe_many(service.home, subscribers, random.Random(1))
        if subscribers >= LEAST:  # of fewer no snapshot is made
            measured.first_start_s = await known_once(service)
        measured.start_s = service.start()
        measured.start_cpu_s = cpu_s(service.pid)
        try:
            async with Storm(service, random.Random(2), STATIONS) as storm:
                await storm.open()
                run = Load(service, storm, measured)
                storm.blow()  # told only once all subscribers are known
                await storm.calm(1800.0)
                measured.loaded_bytes = memory(service.pid)
                storm.judge("", 0)
                storm.gaps_s.clear()
                await run.run()
                row = storm.judge(f"{a_second:,} readings a second, {subscribers:,} subscribers", 1)
        finally:
            service.stop()
    measured.busy = os.getloadavg()[0]
    return measured, row


def main() -> None:
    """Run, print, tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=1800)
    parser.add_argument("--subscribers", type=int, default=1_000_000)
    parser.add_argument("--readings", type=int, default=2000)
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    measured, row = asyncio.run(load(given.seconds, given.subscribers, given.readings))
    lines = measured.lines()
    for what, figure, is_good in lines:
        print(f"{what:<44}{figure:<32}{'ok' if is_good else 'short'}")
    print(f"{measured.pushed:,} readings, {measured.refused} pushes refused and repeated;")
    if measured.warm_s:
        print(f"measured after {measured.warm_s} s, when as many of the newest are held as ever;")
    print(
        f"the watch took {measured.cpu_share:.0%} of a core; {measured.busy:.1f} processes wanted"
    )
    print(f"the {measured.cores} cores")
    print(table([row]))
    if given.report is not None:
        given.report.parent.mkdir(parents=True, exist_ok=True)
        said = {"load": asdict(measured), "lines": lines, "row": asdict(row)}
        given.report.write_text(json.dumps(said, indent=1) + "\n")
    sys.exit(not (row.is_good and all(is_good for *_, is_good in lines)))


if __name__ == "__main__":
    main()
