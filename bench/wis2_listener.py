"""The listener of bench_wis2.py, by itself: what is measured is its memory, too.

    python bench/wis2_listener.py HOME BROKER MESSAGES

It says ``ready`` once the broker has taken its topics, and in the end when the last message was
kept and read, its CPU seconds, its peak of memory in MB, and how many were kept, rows and rejects.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from atalaia.clock import Clock
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.homes.embedded import open_home
from atalaia.sources import decode_all
from atalaia.sources.ingest import Ingest
from atalaia.sources.mqtt.broker import broker_of
from atalaia.sources.mqtt.subscriber import Subscriber
from atalaia.sources.wis2.intake import WnmIntake
from atalaia.sources.wis2.owed import Owed
from atalaia.threads import DaemonThreads

FILTER = "cache/a/wis2/+/data/core/weather/surface-based-observations/synop"
LIMIT_S = 300.0


async def listen(url: str, folder: Path, n: int) -> None:
    asyncio.get_running_loop().set_default_executor(DaemonThreads())  # as the watch has them
    decode, counts = decode_all(Places([])), [0, 0, 0]

    def kept(payloads: Sequence[Payload], _offset: int) -> None:
        decoded = decode(payloads, None)
        counts[0] += len(payloads)
        counts[1] += sum(len(one.readings) for one in decoded.stations)
        counts[2] += len(decoded.rejects)

    with open_home(folder) as home:
        clock = Clock()
        ingest = Ingest(home.stream, kept, clock)
        intake = WnmIntake(home.stream, Owed(home.state))
        subscriber = Subscriber(
            "wis2", [broker_of(url)], [FILTER], intake, ingest.keep, home.state, clock
        )
        tasks = [asyncio.create_task(ingest.run()), asyncio.create_task(subscriber.run())]
        while not (subscriber.sessions and subscriber.sessions[0].fault is None):
            await asyncio.sleep(0.01)
        before = cpu_s()
        print("ready", flush=True)
        deadline = time.time() + LIMIT_S
        while counts[0] < n and time.time() < deadline:
            await asyncio.sleep(0.005)
        peak_mb = peak_of("self")
        print(json.dumps([time.time(), cpu_s() - before, peak_mb, counts]), flush=True)
        for task in tasks[::-1]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_of(pid: int | str) -> float:
    """Megabytes of memory, at most."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    [peak] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peak) / 1024


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[2], Path(sys.argv[1]), int(sys.argv[3])))
