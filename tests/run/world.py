"""A world for the live watch: a clock that tests turn, and providers that answer as the real do."""

from __future__ import annotations

import asyncio
import heapq
import io
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from rich.console import Console

from atalaia.domain.alert import Alert
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.run.local import Live
from atalaia.settings import Settings, load
from ensembles import answer
from patience import patient

NOON = 1_768_046_400  # 2026-01-10T12:00Z
KEY = "t0morrow-s3cret"
PUSH_KEY = "push-s3cret-7Vq2mXz9LwK4"

_OPEN_METEO_UNITS = {
    "temperature_2m": "°C",
    "relative_humidity_2m": "%",
    "apparent_temperature": "°C",
    "precipitation": "mm",
    "precipitation_probability": "%",
    "snowfall": "cm",
    "weather_code": "wmo code",
    "surface_pressure": "hPa",
    "wind_speed_10m": "m/s",
    "wind_direction_10m": "°",
    "wind_gusts_10m": "m/s",
    "visibility": "m",
    "cape": "J/kg",
    "uv_index": "",
}
_CALM = {"temperature_2m": 20.0, "relative_humidity_2m": 60, "surface_pressure": 1010.0}


class Clock:
    """Time that stands until a test turns it."""

    def __init__(self, now: float = NOON) -> None:
        self._now = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = itertools.count()

    def now(self) -> float:
        return self._now

    def second(self) -> int:
        return int(self._now)

    def jitter(self) -> float:
        return 1.0

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._number), future))
        await future

    @property
    def waiting(self) -> int:
        return sum(not future.done() for _, _, future in self._sleepers)

    def turn(self, seconds: float) -> None:
        self._now += seconds
        while self._sleepers and self._sleepers[0][0] <= self._now:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)


class Providers:
    """Open-Meteo and Tomorrow.io on loopback. `asked` holds (source, content, place, when)."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked: list[tuple[str, str, str, float]] = []
        self.gust: dict[str, float] = {}  # m/s by latitude
        self.foretold: dict[str, float] = {}  # the same of every hour to come
        self.answers: dict[str, Callable[[], Awaitable[web.Response]]] = {}  # instead, by source
        self.keys: list[str | None] = []

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/v1/forecast", self._open_meteo)
        application.router.add_get("/v1/ensemble", self._ensemble)
        application.router.add_get("/v4/weather/{content}", self._tomorrow_io)
        return application

    def count(self, source: str, content: str = "") -> int:
        return sum(one[0] == source and content in one[1] for one in self.asked)

    async def _open_meteo(self, request: web.Request) -> web.Response:
        places = request.query["latitude"].split(",")
        longitudes = request.query["longitude"].split(",")
        now = self.clock.now()
        self.asked += [("open-meteo", "forecast", place, now) for place in places]
        if "open-meteo" in self.answers:
            return await self.answers["open-meteo"]()
        found = [self._element(request, *where) for where in zip(places, longitudes, strict=True)]
        return web.json_response(found if len(found) > 1 else found[0])

    def _element(self, request: web.Request, latitude: str, longitude: str) -> dict[str, Any]:
        now = int(self.clock.now())
        current = request.query["current"].split(",")
        hourly = request.query["hourly"].split(",")
        hours = [now // 3600 * 3600 + 3600 * i for i in range(-24, 48)]
        gust = self.gust.get(latitude, 4.0)
        values = _CALM | {"wind_gusts_10m": gust, "wind_speed_10m": gust / 2}
        foretold = _CALM | {"wind_gusts_10m": self.foretold.get(latitude, 0)}
        return {
            "latitude": float(latitude),
            "longitude": float(longitude),
            "utc_offset_seconds": 0,
            "current_units": {"time": "iso8601", "interval": "seconds"}
            | {name: _OPEN_METEO_UNITS[name] for name in current},
            "current": {"time": _minute(now // 900 * 900), "interval": 900}
            | {name: values.get(name, 0) for name in current},
            "hourly_units": {"time": "iso8601"}
            | {name: _OPEN_METEO_UNITS[name] for name in hourly},
            "hourly": {"time": [_minute(hour) for hour in hours]}
            | {name: [foretold.get(name, 0)] * len(hours) for name in hourly},
        }

    async def _ensemble(self, request: web.Request) -> web.Response:
        now = int(self.clock.now())
        where = [float(one) for one in request.query["latitude"].split(",")]
        self.asked += [("open-meteo:ensemble", "ensemble", f"{one:g}", now) for one in where]
        field, unit = request.query["hourly"], _OPEN_METEO_UNITS[request.query["hourly"]]
        found = [
            answer(now, lambda _run, _at: 4.0, field=field, unit=unit, where=(one, 0.0))
            for one in where
        ]
        return web.json_response(found if len(found) > 1 else found[0])

    async def _tomorrow_io(self, request: web.Request) -> web.Response:
        content = request.match_info["content"]
        latitude = request.query["location"].split(",")[0]
        self.keys.append(request.headers.get("apikey"))
        self.asked.append(("tomorrow-io", content, latitude, self.clock.now()))
        if "tomorrow-io" in self.answers:
            return await self.answers["tomorrow-io"]()
        now = int(self.clock.now()) // 60 * 60
        values = {"temperature": 20.0, "humidity": 60, "windGust": self.gust.get(latitude, 4.0)}
        location = {"lat": float(latitude), "lon": 0.0}
        if content == "realtime":
            return web.json_response(
                {"data": {"time": _minute(now) + ":00Z", "values": values}, "location": location}
            )
        hours = [
            {
                "time": _minute(now // 3600 * 3600 + 3600 * i) + ":00Z",
                "values": values | {"windGust": 4.0},
            }
            for i in range(120)
        ]
        return web.json_response({"timelines": {"hourly": hours}, "location": location})


def _minute(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(seconds))


async def refuse(status: int, **headers: str) -> web.Response:
    """An answer without weather."""
    return web.Response(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})


def places_csv(folder: Path, n: int) -> Path:
    """`n` places p0, p1 … at latitudes 0.0, -1.0 …"""
    path = folder / "places.csv"
    lines = [f"p{i},Place {i},-{i}.5,0,UTC" for i in range(n)]
    path.write_text("place_id,name,latitude,longitude,timezone\n" + "\n".join(lines) + "\n")
    return path


def latitude(i: int) -> str:
    """Of place ``p<i>``, as it is asked for."""
    return f"-{i}.5"


class World:
    """One running watch, and all that is around it."""

    def __init__(self, live: Live, clock: Clock, providers: Providers, said: io.StringIO) -> None:
        self.live = live
        self.clock = clock
        self.providers = providers
        self.said = said
        self.http: aiohttp.ClientSession
        # Clock, archive, refine, watchdog, retention, escalation, snapshots and each poller: at
        # rest they all wait for time to pass.
        self.at_rest = 7 + len(live.pollers)

    @property
    def home(self) -> EmbeddedHome:
        return self.live.home

    def alerts(self, hazard: str | None = None) -> list[Alert]:
        log = [entry.alert for _, entry in self.home.state.alerts()]
        return [alert for alert in log if hazard in (None, alert.hazard)]

    async def quiet(self) -> None:
        """Until nothing is under way: no request, nothing to write, nothing to live through."""
        calm = 0
        async with patient():
            while calm < 3:
                is_calm = (
                    self.clock.waiting >= self.at_rest
                    and not any(poller._in_flight for poller in self.live.pollers)
                    and self.live.ingest._bytes == 0
                    and self.live.consumer.position >= self.home.stream.last_offset()
                )
                calm = calm + 1 if is_calm else 0
                await asyncio.sleep(0.002)

    async def turn(self, seconds: float, step: float = 60) -> None:
        """Let time pass, step by step; the watch keeps up with each."""
        left = seconds
        while left > 0:
            self.clock.turn(min(step, left))
            left -= step
            await self.quiet()

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with patient():
            while not is_so():
                await asyncio.sleep(0.002)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.live.port}{path}"

    async def get(self, path: str) -> tuple[int, str]:
        async with self.http.get(self.url(path)) as response:
            return response.status, await response.text()

    async def post(
        self, path: str, body: bytes | str, *, key: str | None = PUSH_KEY, **headers: str
    ) -> tuple[int, Any, aiohttp.ClientResponse]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent.setdefault("Content-Type", "application/json")
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        async with self.http.post(self.url(path), data=body, headers=sent) as response:
            return response.status, await response.json(content_type=None), response


def settings(folder: Path, base_url: str, n: int = 3, **env: str) -> Settings:
    """Settings for a watch in `folder` over `n` places."""
    return load(
        None,
        {
            "ATALAIA_HOME": str(folder / "home"),
            "ATALAIA_PLACES": str(places_csv(folder, n)),
            "ATALAIA_API_PORT": "0",
            "ATALAIA_LANGUAGE": "en",
            "ATALAIA_PEOPLE_CONTROLLER": "Defesa Civil",
            "ATALAIA_PEOPLE_CONTACT": "+55 81 3355-0000",  # an e-mail would turn web push on
            "ATALAIA_SOURCES_OPEN_METEO_BASE_URL": base_url,
            "ATALAIA_SOURCES_TOMORROW_IO_BASE_URL": base_url,
            **env,
        },
    )


@asynccontextmanager
async def watching(
    folder: Path,
    *,
    n: int = 3,
    clock: Clock | None = None,
    prepare: Callable[[Providers], None] = lambda _: None,
    change: Callable[[Live], None] = lambda _: None,
    refine: Sequence[str] = ("true",),
    **env: str,
) -> AsyncIterator[World]:
    """A watch that runs."""
    clock = clock or Clock()
    providers = Providers(clock)
    prepare(providers)
    said = io.StringIO()
    async with TestServer(providers.application()) as server, aiohttp.ClientSession() as http:
        set_ = settings(folder, str(server.make_url("")).rstrip("/"), n, **env)
        with open_home(set_.home) as home:
            live = Live(
                set_,
                home,
                clock,
                console=Console(file=said, width=200),
                refine=refine,
                learn=("true",),  # who learns goes by a clock of their own, which is years ahead
            )
            change(live)
            async with live:
                world = World(live, clock, providers, said)
                world.http = http
                yield world
