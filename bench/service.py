"""The running watch as a process of its own, for measuring and for breaking it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from forks import Forked, Forks

KEY = "fV3pXw9qLr2TzK8mYb5NcD7h"
_AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
_START_S = 300.0
_AT_ONCE = 64


class Service:
    """``atalaia run`` over `places` places p0, p1 … with pushes alone. Use it in a with block.

    home    where its home is; in the folder unless given
    more  settings as environment variables; `command` goes before ``python -m atalaia``
    forks what it is forked from, if given: it starts sooner, and may be broken in more ways
    """

    def __init__(
        self,
        folder: Path,
        places: int = 200,
        more: Mapping[str, str] | None = None,
        command: Iterable[str] = (),
        forks: Forks | None = None,
        home: Path | None = None,
    ) -> None:
        self.folder = folder
        self.home = home or folder / "home"
        self.places = places
        self._more = dict(more or {})
        self._command = [*command, sys.executable, "-m", "atalaia", "run"]
        self.port = _free_port()
        self._forks = forks
        self.process: subprocess.Popen[bytes] | Forked | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self.process is not None
        return self.process.pid

    @property
    def url(self) -> str:
        """Of the API."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Start it; return the seconds until it was ready."""
        began = time.monotonic()
        self.begin()
        assert self.process is not None
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() - began > _START_S:
                raise RuntimeError((self.folder / "log").read_text("utf-8", "replace")[-2000:])
            time.sleep(0.05)
        return time.monotonic() - began

    def begin(self) -> None:
        """Start it, and wait for nothing."""
        env = self.environment()
        with (self.folder / "log").open("ab") as log:
            self.process = (
                self._forks.start(["run"], env, self.folder, log)
                if self._forks
                else subprocess.Popen(
                    self._command, env=env, cwd=self.folder, stdout=log, stderr=log
                )
            )

    def environment(self) -> dict[str, str]:
        """In which this program's commands are about this watch; writes the file of its places."""
        places = self.folder / "places.csv"
        lines = [
            f"p{i},Place {i},{-30 + 60 * i / self.places:.4f},0,UTC" for i in range(self.places)
        ]
        places.write_text("place_id,name,latitude,longitude,timezone\n" + "\n".join(lines) + "\n")
        return {
            **os.environ,
            "ATALAIA_HOME": str(self.home),
            "ATALAIA_PLACES": str(places),
            "ATALAIA_API_PORT": str(self.port),
            "ATALAIA_API_KEY": KEY,
            "ATALAIA_API_RATE_LIMIT": "0",
            "ATALAIA_PEOPLE_CONTROLLER": "a bench",
            "ATALAIA_PEOPLE_CONTACT": "nobody",
            "ATALAIA_LIMITS_BYTES_A_DAY": "1000000000000",
            "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false",
            **self._more,
        }

    def is_ready(self) -> bool:
        """Whether it says so."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def kill(self) -> None:
        """``kill -9``."""
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if self.process is not None:
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def __enter__(self) -> Service:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def reading(place: int, gust_m_s: float = 5.0, at: float | None = None) -> dict[str, Any]:
    """One of now, or of then, at place ``p<place>``."""
    valid_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    return {"place_id": f"p{place}", "valid_at": valid_at, "wind_gust_m_s": gust_m_s}


async def push(
    service: Service, batches: Iterable[list[dict[str, Any]]], a_second: float
) -> list[float]:
    """Push so many batches a second, however long each takes; return the seconds of each.

    Raises RuntimeError for one that was not taken.
    """
    took: list[float] = []
    pending: set[asyncio.Task[None]] = set()
    connector = aiohttp.TCPConnector(limit=_AT_ONCE)
    async with aiohttp.ClientSession(headers=_AUTHORIZED, connector=connector) as http:

        async def one(batch: list[dict[str, Any]]) -> None:
            began = time.monotonic()
            async with http.post(f"{service.url}/v1/readings", json=batch) as answer:
                if answer.status != 202:
                    raise RuntimeError(f"HTTP {answer.status}: {await answer.text()}")
            took.append(time.monotonic() - began)

        began = time.monotonic()
        for i, batch in enumerate(batches):
            await asyncio.sleep(max(0.0, began + i / a_second - time.monotonic()))
            task = asyncio.create_task(one(batch))
            pending.add(task)
            task.add_done_callback(pending.discard)
        await asyncio.gather(*pending)
    return took


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
