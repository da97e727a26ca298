"""Pushes over HTTP: 2,000 readings a second over 5,571 places, and what a push waits for then.

    python bench/bench_push.py [--readings 2000] [--pushes 80]

A running watch, and the generator beside it on the same cores. Twenty times a second a push of
calm readings; four times a second one more makes a place red. Measured is from that push to the
webhook of who follows the place, with the commit on disk, judging, fan-out and sending in it: a
little more than to the alert log. Then the generator sends six times as much for some seconds: how
many readings a second are judged, until the last one is.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import aiohttp

from bench_night import TARGET, one_at_a_time, running, subscribe
from figures import Figure, tell
from load import cpu_s, memory
from service import KEY, Service, push, reading

PLACES, A_SECOND = 5_571, 20
P99_MS, WRITTEN_MB, MEMORY_MB, HELD = 150.0, 4.0, 250.0, 10_000
TIMES, BURST_S, LONGEST_S = 6, 5, 60.0


def calm(n: int, size: int, first: int) -> Iterator[list[dict[str, Any]]]:
    """`n` pushes of so many readings, of the places from `first` on."""
    places = cycle(range(first, PLACES))
    for _ in range(n):
        yield [reading(next(places)) for _ in range(size)]


def written(pid: int) -> int:
    """Bytes that a process had written to disk."""
    lines = Path(f"/proc/{pid}/io").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


async def behind(service: Service) -> int:
    """Records that were not judged yet."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.get(f"{service.url}/metrics") as answer,
    ):
        text = await answer.text()
    name = 'atalaia_consumer_lag{consumer="speed"} '
    return int(float(next(x for x in text.splitlines() if x.startswith(name)).split()[1]))


async def burst(service: Service, readings: int, first: int) -> float:
    """Readings a second that are judged, of more than those."""
    size, n = TIMES * readings // A_SECOND, BURST_S * A_SECOND
    began = time.monotonic()
    await push(service, calm(n, size, first), A_SECOND)
    while await behind(service) and time.monotonic() - began < LONGEST_S:
        await asyncio.sleep(0.1)
    return n * size / (time.monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--readings", type=int, default=2_000)
    parser.add_argument("--pushes", type=int, default=80)
    given = parser.parse_args()
    size, n = given.readings // A_SECOND, given.pushes
    more = {"ATALAIA_CHANNELS_WEBHOOK_ALLOW": "127.0.0.0/8"}
    with tempfile.TemporaryDirectory() as name, running(TARGET) as port:
        service = Service(Path(name), PLACES, more)
        subscribe(service, n, port)
        with service:
            asyncio.run(push(service, calm(2 * A_SECOND, size, n), A_SECOND))  # warm up
            began, cpu, disk = time.monotonic(), cpu_s(service.pid), written(service.pid)
            beside = calm(n * A_SECOND // 4, size, n)
            took = asyncio.run(one_at_a_time(service, port, n, n, beside, A_SECOND))
            seconds = time.monotonic() - began
            core = (cpu_s(service.pid) - cpu) / seconds
            mb_a_second = (written(service.pid) - disk) / seconds / 1e6
            memory_mb = memory(service.pid) / 1e6
            held = asyncio.run(burst(service, given.readings, n))
    print(f"the watch took {core:.0%} of a core, of {os.cpu_count()}")
    of = f"{given.readings:,} readings/s pushed, {PLACES:,} places"
    tell(
        [
            Figure(f"{of}: a push → its webhook, p99", took[-1 - n // 100] * 1e3, "ms", P99_MS),
            Figure("… written to disk in a second", mb_a_second, "MB", WRITTEN_MB),
            Figure("… its memory", memory_mb, "MB", MEMORY_MB),
            Figure(f"{TIMES} times as many pushed, all judged", held, "readings/s", HELD),
        ]
    )


if __name__ == "__main__":
    main()
