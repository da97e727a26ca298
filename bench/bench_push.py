"""Pushes over HTTP: 2,000 readings a second, and as many as it takes, with the generator beside.

    python bench/bench_push.py [--seconds 30] [--readings 2000] [--places 27 5571]

The watch is a process of its own (`atalaia run`, pushes only) with nobody to tell. Twice a second a
gust is among what is pushed, at a place that was calm; measured is the time from before that push
until its alert has come out of the log, by the event stream; what the watch writes to disk, by what
Linux counts; and its memory, at most. Then 100,000 readings are pushed as quickly as they are
taken, until all of them are judged. `make load` does this for half an hour, and tells people.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from bench_wear import written
from figures import Figure, tell
from load import memory
from service import Service, push, reading

BATCHES_A_SECOND = 20
GUSTS_A_SECOND = 2
GUST_M_S, CALM_M_S = 35.0, 5.0
MANY = 100_000
RULES = """name = "push"
description = "Gusts that are over at the first calm reading."

[[rule]]
name = "gust"
hazard = "wind"
variable = "wind_gust_m_s"
limits = { red = 30 }
keep_firing_for = "0s"
"""


class Run:
    """One run over a service.

    begun    of each gust, by its place: when its push began, monotonic seconds
    gaps_s   from then until its alert was heard of
    """

    def __init__(self, service: Service, seconds: int, a_second: int) -> None:
        self.service = service
        self.seconds = seconds
        self.a_second = a_second
        self.begun: dict[str, float] = {}
        self.gaps_s: list[float] = []
        self.memory: list[int] = []

    async def even(self) -> float:
        """The even load; return bytes written a second."""
        is_heard = asyncio.Event()
        beside = [asyncio.create_task(self._hear(is_heard)), asyncio.create_task(self._weigh())]
        await is_heard.wait()
        before, began = written(self.service.pid), time.monotonic()
        await push(self.service, self._batches(), BATCHES_A_SECOND)
        await asyncio.sleep(2.0)
        bytes_a_second = (written(self.service.pid) - before) / (time.monotonic() - began)
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        if self.begun:
            raise RuntimeError(f"{len(self.begun)} gusts came to no alert")
        return bytes_a_second

    async def many(self) -> float:
        """As many as are taken; return how many of them were taken and judged a second."""
        batches = (self._calm(100) for _ in range(MANY // 100))
        began = time.monotonic()
        await push(self.service, batches, 1e9)
        async with aiohttp.ClientSession() as http:
            while await self._behind(http):
                await asyncio.sleep(0.05)
        return MANY / (time.monotonic() - began)

    def _batches(self) -> Iterator[list[dict[str, Any]]]:
        # Of each place a gust, then calm again, which ends it: the next one is another alert.
        gusts = itertools.cycle(range(self.service.places))
        between = BATCHES_A_SECOND // GUSTS_A_SECOND
        for i in range(self.seconds * BATCHES_A_SECOND):
            batch = self._calm(self.a_second // BATCHES_A_SECOND)
            if i % between == 0:
                place = next(gusts)
                batch = [one for one in batch if one["place_id"] != f"p{place}"]
                batch.append(reading(place, GUST_M_S, time.time()))
                self.begun[f"p{place}"] = time.monotonic()
            yield batch

    def _calm(self, n: int) -> list[dict[str, Any]]:
        now = time.time()
        first = int(now * 1000) % self.service.places
        return [reading((first + i) % self.service.places, CALM_M_S, now) for i in range(n)]

    async def _hear(self, is_heard: asyncio.Event) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(f"{self.service.url}/v1/events") as answer,
        ):
            is_heard.set()
            async for line in answer.content:
                if not line.startswith(b"data:") or b'"place_id"' not in line:
                    continue
                alert = json.loads(line[5:])["alert"]
                began = self.begun.pop(alert["place_id"], None)
                if began is not None and alert["type"] == "alert":
                    self.gaps_s.append(time.monotonic() - began)

    async def _weigh(self) -> None:
        while True:
            self.memory.append(memory(self.service.pid))
            await asyncio.sleep(1.0)

    async def _behind(self, http: aiohttp.ClientSession) -> int:
        async with http.get(f"{self.service.url}/metrics") as answer:
            text = await answer.text()
        name = 'atalaia_consumer_lag{consumer="speed"} '
        return int(float(next(x for x in text.splitlines() if x.startswith(name)).split()[1]))


async def measure(folder: Path, places: int, given: argparse.Namespace) -> list[Figure]:
    (folder / "push.toml").write_text(RULES, "utf-8")
    more = {"ATALAIA_RULES": str(folder / "push.toml")}
    with Service(folder, places=places, more=more) as service:
        run = Run(service, given.seconds, given.readings)
        bytes_a_second = await run.even()
        most = max(run.memory)
        a_second = await run.many()
    gaps = sorted(run.gaps_s)
    p50, p99 = gaps[len(gaps) // 2], gaps[-1 - len(gaps) // 100]
    print(f"{places:,} places: {len(gaps)} gusts, median {1000 * p50:.0f} ms")
    load = f"{given.readings:,} readings/s at {places:,} places"
    return [
        Figure(f"{load}: push to alert log, 99 of 100", 1000 * p99, "ms", 150),
        Figure(f"{load}: written to disk", bytes_a_second / 1e6, "MB a second", 4),
        Figure(f"{load}: memory of the watch", most / 1e6, "MB", 250),
        Figure(f"pushed and judged, {places:,} places", a_second, "readings/s", 10_000),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--readings", type=int, default=2_000)
    parser.add_argument("--places", type=int, nargs="*", default=[27, 5_571])
    given = parser.parse_args()
    figures = []
    for places in given.places:
        with tempfile.TemporaryDirectory() as name:
            figures += asyncio.run(measure(Path(name), places, given))
    tell(figures)


if __name__ == "__main__":
    main()
