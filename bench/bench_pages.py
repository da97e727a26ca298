"""Pages: 1,000 open event streams and 200 requests a second, beside a watch that detects.

    python bench/bench_pages.py [--pages 1000] [--requests 200] [--seconds 20]

The watch is a process of its own (`atalaia run`, pushes only). Every second a gust is pushed at
another place; measured is the time from the push until its alert is at each open stream, and how
long the requests for the map's data take meanwhile. Memory is the watch's own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import aiohttp

from figures import Figure, tell

KEY = "a-key-of-the-bench-9f3QxV"
PATHS = (
    "/v1/places?limit=200",
    "/v1/incidents?active=true",
    "/v1/summary",
    "/feeds/alerts.geojson",
)


async def listen(http: aiohttp.ClientSession, url: str, seen: list[tuple[str, float]]) -> None:
    """One open page: the first line of data of each event, with when it came."""
    async with http.get(f"{url}/v1/events") as response:
        async for line in response.content:
            if line.startswith(b"data:") and b'"place_id"' in line:
                place = line.split(b'"place_id":"')[1].split(b'"')[0].decode()
                seen.append((place, time.perf_counter()))


async def ask(http: aiohttp.ClientSession, url: str, rate: int, took: list[float]) -> None:
    """So many requests a second, each begun at its time whatever the others do."""
    waiting: set[asyncio.Task[None]] = set()

    async def one(path: str) -> None:
        began = time.perf_counter()
        async with http.get(url + path) as response:
            await response.read()
            assert response.status == 200, response.status
        took.append(time.perf_counter() - began)

    number = 0
    while True:
        task = asyncio.create_task(one(PATHS[number % len(PATHS)]))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
        number += 1
        await asyncio.sleep(1 / rate)


async def measure(options: argparse.Namespace, url: str, pid: int) -> None:
    seen: list[tuple[str, float]] = []
    took: list[float] = []
    pushed: dict[str, float] = {}
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        tasks = [asyncio.create_task(listen(http, url, seen)) for _ in range(options.pages)]
        await asyncio.sleep(3)
        tasks.append(asyncio.create_task(ask(http, url, options.requests, took)))
        await asyncio.sleep(1)
        for i in range(options.seconds):
            at = datetime.now(UTC).replace(microsecond=0).isoformat()
            reading = {"place_id": f"p{i}", "valid_at": at, "wind_gust_m_s": 21.0}
            headers = {"Authorization": f"Bearer {KEY}"}
            pushed[f"p{i}"] = time.perf_counter()
            async with http.post(f"{url}/v1/readings", json=[reading], headers=headers) as answer:
                assert answer.status == 202, await answer.text()
            await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    delays = [at - pushed[place] for place, at in seen if place in pushed]
    status = Path(f"/proc/{pid}/status")
    memory = next(
        (
            int(line.split()[1]) // 1024
            for line in status.read_text().splitlines()
            if "VmHWM" in line
        )
        if status.exists()
        else iter(()),
        0,
    )
    print(f"open pages {options.pages}, events {len(delays)} of {options.pages * len(pushed)}")
    ordered = sorted(took)
    slow_ms = ordered[int(len(ordered) * 0.99)] * 1000
    print(f"requests {len(took)} at {options.requests} a second; worst push {max(delays):.2f} s")
    tell(
        [
            Figure(f"a push to {options.pages:,} open pages", median(delays) * 1000, "ms", 100),
            Figure(
                "an answer meanwhile, 99 of 100",
                slow_ms,
                "ms",
                250,
            ),
            Figure("memory of the watch meanwhile", memory, "MB", 250),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [f"p{i},Place {i},{-30 + i / 100:.2f},-50,UTC" for i in range(5_571)]
        header = "place_id,name,latitude,longitude,timezone"
        (folder / "places.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {
            **os.environ,
            "ATALAIA_HOME": str(folder / "home"),
            "ATALAIA_PLACES": str(folder / "places.csv"),
            "ATALAIA_API_PORT": str(port),
            "ATALAIA_API_KEY": KEY,
            "ATALAIA_API_RATE_LIMIT": "0",
            "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false",
        }
        watch = subprocess.Popen(
            [sys.executable, "-m", "atalaia", "run"],
            env=environment,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        try:
            time.sleep(6)
            asyncio.run(measure(options, f"http://127.0.0.1:{port}", watch.pid))
        finally:
            watch.terminate()
            watch.wait()


if __name__ == "__main__":
    main()
