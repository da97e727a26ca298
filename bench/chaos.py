"""Kills and freezes the running watch at random moments while readings are pushed, and judges.

    python bench/chaos.py [KILLS] [SEED]

Judged: every acknowledged reading is in the stream as it was pushed; each incident has one alert;
the watch is up again within 35 s of each kill. Exit code 1 where one of these does not hold.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from atalaia.homes.embedded import open_home
from service import KEY, Service, reading

UP_AGAIN_S = 35.0


async def push_until_gone(
    service: Service, chance: random.Random, acknowledged: dict[str, dict[str, Any]]
) -> None:
    """Push one reading after the other by eight stations; note those that were acknowledged."""

    async def station(http: aiohttp.ClientSession, number: int) -> None:
        while True:
            at = time.time() - chance.random() * 60
            row = reading(number, chance.choice([5.0, 5.0, 5.0, 30.0]), at)
            row["pressure_hpa"] = round(900 + chance.random() * 100, 6)  # tells it from all others
            try:
                async with http.post(f"{service.url}/v1/readings", json=[row]) as answer:
                    if answer.status == 202:
                        acknowledged[str(row["pressure_hpa"])] = row
            except (aiohttp.ClientError, OSError):
                return

    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        pushing = [asyncio.create_task(station(http, n)) for n in range(8)]
        await asyncio.sleep(chance.random() * 2)
        if chance.random() < 0.3:
            service.signal(signal.SIGSTOP)
            await asyncio.sleep(chance.random())
            service.signal(signal.SIGCONT)
        service.kill()
        await asyncio.gather(*pushing)


def judge(home: Path, acknowledged: dict[str, dict[str, Any]]) -> list[str]:
    """What does not hold."""
    with open_home(home, exclusive=False) as opened:
        kept: dict[str, dict[str, Any]] = {}
        after = 0
        while records := opened.stream.read(after, 1000):
            after = records[-1].offset
            for record in records:
                if record.payload.body:
                    for row in msgspec.json.decode(record.payload.body):
                        kept[str(row.get("pressure_hpa"))] = row
        first = Counter(
            e.alert.incident for _, e in opened.state.alerts() if e.alert.type == "alert"
        )
    lost = [name for name in acknowledged if name not in kept]
    changed = [name for name, row in acknowledged.items() if kept.get(name, row) != row]
    twice = [incident for incident, n in first.items() if n > 1]
    wrong = {"lost": lost, "altered": changed, "told twice": twice}
    return [f"{len(found)} {what}: {found[:3]}" for what, found in wrong.items() if found]


def main(kills: int, seed: int) -> None:
    """Kill so often, judge, print."""
    chance = random.Random(seed)
    acknowledged: dict[str, dict[str, Any]] = {}
    up: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), places=8)
        for _ in range(kills):
            up.append(service.start())
            asyncio.run(push_until_gone(service, chance, acknowledged))
        up.append(service.start())
        service.stop()
        wrong = judge(service.home, acknowledged)
    if max(up) > UP_AGAIN_S:
        wrong.append(f"up again after {max(up):.1f} s")
    print(f"{kills} kills (seed {seed}), {len(acknowledged):,} acknowledged readings,")
    print(f"up again within {max(up):.1f} s; wrong: {'; '.join(wrong) or 'nothing'}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    main(*[*given, *(30, 1)[len(given) :]])
