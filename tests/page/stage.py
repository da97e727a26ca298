"""A stage for the page: an API that answers as the real one does, with a day that shows everything.

What the watch itself does with the page is told in `test_page.py`, on the real one.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
import threading
import tomllib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from atalaia.api.events import BEAT_S
from atalaia.channels.vapid import Vapid
from atalaia.domain.geo import Box
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.words import ADVICE, CARE, HAZARDS, LANGUAGES, LEVELS
from atalaia.page import web
from atalaia.settings.page import Page
from atalaia.translated import translated_for

Json = dict[str, Any]

RULES: list[Json] = [
    {"name": "rain-1h", "hazard": "heavy_rain", "variable": "rain_mm", "measure": "sum",
     "window_s": 3600, "unit": "mm", "is_below": False, "norm": None,
     "limits": {"yellow": 20, "orange": 30, "red": 60}},
    {"name": "rain-24h", "hazard": "heavy_rain", "variable": "rain_mm", "measure": "sum",
     "window_s": 86400, "unit": "mm", "is_below": False, "norm": None,
     "limits": {"yellow": 30, "orange": 50, "red": 100}},
    {"name": "gust", "hazard": "wind", "variable": "wind_gust_m_s", "measure": "value",
     "window_s": 0, "unit": "m/s", "is_below": False, "norm": None,
     "limits": {"yellow": 11.1, "orange": 16.7, "red": 27.8}},
    {"name": "dry", "hazard": "dry_air", "variable": "relative_humidity_pct", "measure": "value",
     "window_s": 0, "unit": "%", "is_below": True, "norm": None,
     "limits": {"yellow": 30, "orange": 20, "red": 12}},
]  # fmt: skip

# place, hazard, level, value, unit, variable, window_s, limit, hours since onset, certainty
GOING_ON = [
    ("Porto Alegre", "heavy_rain", "red", 112.4, "mm", "rain_mm", 86400, 100, 9, "Observed"),
    ("Recife", "heavy_rain", "orange", 34.2, "mm", "rain_mm", 3600, 30, 1.3, "Likely"),
    ("Florianópolis", "wind", "orange", 19.4, "m/s", "wind_gust_m_s", 0, 16.7, 2.5, "Observed"),
    ("Curitiba", "wind", "yellow", 12.8, "m/s", "wind_gust_m_s", 0, 11.1, 3, "Likely"),
    ("Brasília", "dry_air", "yellow", 24, "%", "relative_humidity_pct", 0, 30, 5, "Observed"),
    ("Cuiabá", "heat", "yellow", 38.6, "°C", "temperature_c", 0, 37, -6, "Possible"),
]  # fmt: skip


def iso(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat()


class Stage:
    """What the API answers. `push` tells everybody who listens.

    now  when all of it is; a page that is told of it has to believe the same (by default, now)
    """

    def __init__(
        self, places: list[Json] | None = None, *, calm: bool = False, now: datetime | None = None
    ) -> None:
        self.now = now or datetime.now(UTC)
        self.places = places or capitals()
        self.incidents: dict[str, Json] = {}
        self.seq = 0
        self.listeners: list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[str]]] = []
        self.blind: list[Json] = []
        self.asked: list[tuple[str, Any]] = []
        self.no_data: set[str] = set()
        self.stations: list[Json] = []
        self.systems: list[Json] = []
        self.steps: list[Json] = []
        self.is_frozen = False
        self.home: Path | None = None
        self.page = Page()
        self.reports: tuple[str, ...] = ("html", "png", "pdf")
        self.is_without_runs = False
        if not calm:
            for given in GOING_ON:
                self._begin(*given)
            lost = [place["id"] for place in self.places if place["name"] in ("Macapá", "Belém")]
            self.blind = [
                {
                    "source": "tomorrow-io",
                    "since": iso(self.now - timedelta(hours=2)),
                    "places": lost,
                }
            ]
            self.systems = [self._front()]

    def id_of(self, name: str) -> str:
        return next(place["id"] for place in self.places if place["name"] == name)

    def _begin(
        self, name: str, hazard: str, level: str, value: float, unit: str, variable: str,
        window_s: int, limit: float, hours: float, certainty: str,
    ) -> None:  # fmt: skip
        onset = self.now - timedelta(hours=hours)
        key = f"inc{len(self.incidents)}"
        levels = [one for one in ("yellow", "orange", "red") if LEVEL_OF[one] <= LEVEL_OF[level]]
        entries = []
        for i, one in enumerate(levels):
            self.seq += 1
            share = (i + 1) / len(levels)
            entries.append(
                {
                    "seq": self.seq, "incident": key, "version": i + 1,
                    "type": "update" if i else "alert", "place_id": self.id_of(name),
                    "hazard": hazard, "level": one, "severity": LEVEL_OF[one].severity,
                    "urgency": "Immediate", "certainty": certainty,
                    "sent_at": iso(self.now - timedelta(hours=abs(hours) * (1 - 0.4 * i))),
                    "onset_at": iso(onset), "expires_at": iso(self.now + timedelta(hours=20)),
                    "evidence": {"Observed": "observed", "Likely": "analysis"}.get(
                        certainty, "forecast"
                    ),
                    "source": "open-meteo", "valid_at": iso(self.now - timedelta(minutes=12)),
                    "variable": variable, "window_s": window_s, "measure": measure(window_s),
                    "is_below": hazard == "dry_air", "stands_for": "",
                    "value": round(value * share, 1) if value > limit else value,
                    "unit": unit, "limit": limit, "rule": f"inmet-{hazard}",
                    "reason": "escalated" if i else "onset", "text": text(hazard, one, name),
                }
            )  # fmt: skip
        last = entries[-1]
        self.incidents[key] = {
            **{name: last[name] for name in (
                "incident", "hazard", "place_id", "level", "unit", "onset_at", "expires_at",
                "certainty", "evidence", "source", "variable", "measure", "is_below", "stands_for",
                "window_s", "value", "limit",
                "valid_at", "rule", "reason", "seq", "text")},
            "places": [self.id_of(name)], "peak_level": level, "peak": value,
            "peak_at": last["valid_at"], "status": "open", "opened_at": iso(onset),
            "last_sent_at": last["sent_at"], "ended_at": None, "versions": len(entries),
            "issuer": None, "linked": [], "entries": entries,
        }  # fmt: skip

    def _front(self) -> Json:
        """Rain and wind of the south, as one thing, as the feed tells of it."""
        names = ("Porto Alegre", "Florianópolis", "Curitiba")
        keys = [
            key for key, one in self.incidents.items() if one["place_id"] in map(self.id_of, names)
        ]
        ring = [[-52, -30], [-49, -25], [-48.2, -27.5], [-51, -30.5], [-52, -30]]
        return {
            "type": "Feature", "id": keys[0],
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": {
                "system": keys[0], "incidents": keys, "standing": [*map(self.id_of, names)],
                "standing_before": 2, "moved_km": 143.6, "bearing_deg": 38.0,
                "started_at": iso(self.now - timedelta(hours=9)),
                "name": {
                    "pt-BR": "vento forte e chuva forte em Santa Catarina, 3 lugares",
                    "en": "strong wind and heavy rain over Santa Catarina, 3 places",
                    "es": "viento fuerte y lluvia fuerte en Santa Catarina, 3 lugares",
                },
            },
        }  # fmt: skip

    def crowd(self, n: int) -> None:
        """So many places more than have room for their names, in the south."""
        place = self.places[0]
        for i in range(n):
            where = {"latitude": -31 + i % 50 * 0.14, "longitude": -56 + i // 50 * 0.14}
            self.places.append({**place, **where, "id": f"x{i}", "name": f"Município {i}"})

    def moves(self) -> None:
        """The front comes from the south, hour by hour."""
        names = ("Porto Alegre", "Florianópolis", "Curitiba")
        for hour, n in ((9, 1), (6, 2), (3, 3), (1, 2)):
            ring = [[-53, -31 + n], [-49, -26], [-48.2, -28 + n / 2], [-51, -30.5], [-53, -31 + n]]
            self.steps.append({
                "type": "Feature", "id": f"s.{hour}",
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": {
                    "at": iso(self.now - timedelta(hours=hour)),
                    "standing": [self.id_of(name) for name in names[:n]],
                },
            })  # fmt: skip

    def shown(self, place: Json) -> Json:
        return {**place, "has_data": place["id"] not in self.no_data}

    def hours(self) -> Json:
        """Two days ago a storm went through the north, for ten hours; three days ago nobody watched
        for a day. Cuiabá's heat is foretold, and what is open stands."""
        hour = int(self.now.timestamp()) // 3600 * 3600
        past, rows = 168, []
        for name, level, since, until in (
            ("Manaus", "yellow", 52, 48), ("Manaus", "red", 48, 42), ("Belém", "orange", 50, 44)
        ):  # fmt: skip
            rows.append((100, name, "storm", level, -since * 3600, -until * 3600, False))
        for i, (name, hazard, level, *_, hours, certainty) in enumerate(GOING_ON):
            is_ahead = certainty == "Possible"
            since = int(-3600 * hours)
            if is_ahead:
                rows.append((i, name, hazard, level, -1800, None, False))
            rows.append((i, name, hazard, level, since, 20 * 3600 if is_ahead else None, is_ahead))
        lost = [i for i, one in enumerate(self.places) if one["name"] in ("Macapá", "Belém")]
        places = [one["id"] for one in self.places]
        return {
            "now": iso(self.now),
            "begins_at": iso(datetime.fromtimestamp(hour - past * 3600, UTC)),
            "known_since": iso(datetime.fromtimestamp(hour - past * 3600, UTC)),
            "hours": past + 1, "hours_ahead": 48, "places": places,
            "incidents": [f"inc{i}" for i in range(101)],
            "stood": {
                "incident": [row[0] for row in rows],
                "place": [places.index(self.id_of(row[1])) for row in rows],
                "hazard": [row[2] for row in rows],
                "level": [row[3] for row in rows],
                "since": [hour + row[4] for row in rows],
                "until": [None if row[5] is None else hour + row[5] for row in rows],
                "is_ahead": [row[6] for row in rows],
            },
            "unseen": {
                "place": [*range(len(places)), *lost],
                "first": [past - 96] * len(places) + [past - 2] * len(lost),
                "last": [past - 72] * len(places) + [past] * len(lost),
            },
        }  # fmt: skip

    def values(self, variable: str) -> Json:
        """Of every place a value, but of one; one is of two hours ago, and one is 0."""
        now = int(self.now.timestamp())
        told = {place["id"]: (10.0 + i, 600) for i, place in enumerate(self.places)}
        del told[self.id_of("Manaus")]
        told[self.id_of("Fortaleza")] = (7.5, 7_200)
        told[self.id_of("Salvador")] = (0.0, 300)
        return {
            "now": iso(self.now), "variable": variable, "period_s": 3600 * (variable == "rain_mm"),
            "unit": {"rain_mm": "mm", "temperature_c": "°C"}.get(variable, "m/s"),
            "place": list(told), "value": [value for value, _ in told.values()],
            "valid_at": [now - ago for _, ago in told.values()],
            "source": ["open-meteo"] * len(told), "kind": ["analysis"] * len(told),
        }  # fmt: skip

    def push(self, event: str, data: Json) -> None:
        frame = f"event: {event}\ndata: {json.dumps(data)}\n\n"
        for loop, queue in self.listeners:
            loop.call_soon_threadsafe(queue.put_nowait, frame)

    def measures(self) -> list[Json]:
        """What the rules make of these hours, as sums of the hours before each."""
        found = []
        for rule in RULES:
            some = [one for one in self.readings() if one["variable"] == rule["variable"]]
            told = [
                (at, value, one["kind"])
                for one in some
                for at, value in zip(one["times"], one["values"], strict=True)
                if value is not None
            ]
            times, values = [at for at, _, _ in told], [value for _, value, _ in told]
            n = max(1, rule["window_s"] // 3600)
            sums = [round(sum(values[max(0, i + 1 - n) : i + 1]), 1) for i in range(len(values))]
            found.append(
                {
                    **{name: rule[name] for name in RULES[0] if name not in ("name", "norm")},
                    "rule": rule["name"], "source": "open-meteo", "kind": "analysis",
                    "times": times, "values": sums,
                    "ahead": sum(kind != "forecast" for _, _, kind in told),
                }
            )  # fmt: skip
        return found

    def chances(self) -> list[Json]:
        """What 51 runs make of the rain of a day: the farther ahead, the less they agree."""
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        hours = range(1, 61)
        peaks = [40 + 5 * run for run in range(51)]

        def said(i: int) -> list[float]:
            return [peak * math.exp(-(((i - 14) / (10 + peak / 30)) ** 2)) for peak in peaks]

        told = [sorted(said(i)) for i in hours]
        rule = RULES[1]
        return [
            {
                **{name: rule[name] for name in RULES[0] if name not in ("name", "norm")},
                "rule": rule["name"], "source": "open-meteo:ensemble",
                "received_at": iso(self.now - timedelta(hours=3)),
                "times": [iso(hour + timedelta(hours=i)) for i in hours],
                "runs": [51 for _ in hours],
                "quantiles": {
                    str(q): [round(runs[q * 50 // 100], 1) for runs in told]
                    for q in (10, 25, 50, 75, 90)
                },
                "chances": {
                    level: [round(sum(one >= limit for one in runs) / 51, 3) for runs in told]
                    for level, limit in rule["limits"].items()
                },
            }
        ]  # fmt: skip

    def readings(self) -> list[Json]:
        """Hours that rise to a storm and are forecast to go on for a while."""
        found = []
        hour = self.now.replace(minute=0, second=0, microsecond=0)

        def series(kind: str, variable: str, unit: str, hours: range, of: Any, period: int) -> None:
            found.append(
                {
                    "source": "open-meteo", "kind": kind, "variable": variable, "unit": unit,
                    "period_s": period, "times": [iso(hour + timedelta(hours=i)) for i in hours],
                    "values": [None if i == -40 else round(max(0.0, of(i)), 1) for i in hours],
                }
            )  # fmt: skip

        for kind, hours in (("analysis", range(-72, 1)), ("forecast", range(1, 49))):
            series(
                kind,
                "rain_mm",
                "mm",
                hours,
                lambda i: 34 * math.exp(-((i / 3.2) ** 2)) + 6 * math.sin(i / 5) ** 8,
                3600,
            )
            series(
                kind,
                "wind_gust_m_s",
                "m/s",
                hours,
                lambda i: 6 + 2.5 * math.sin(i / 4) + 9 * math.exp(-(((i - 4) / 6) ** 2)),
                0,
            )
            series(
                kind,
                "temperature_c",
                "°C",
                hours,
                lambda i: 25 + 4 * math.sin((i + self.now.hour - 12) / 3.82),
                0,
            )
            series(kind, "relative_humidity_pct", "%", hours,
                   lambda i: 74 - 14 * math.sin((i + self.now.hour - 12) / 3.82), 0)  # fmt: skip
        return found


def measure(window_s: int) -> str:
    return "sum" if window_s else "value"


def text(hazard: str, level: str, name: str) -> dict[str, str]:
    said = {}
    for i, language in enumerate(LANGUAGES):
        advice = ADVICE.get(hazard, CARE)[i]
        said[language] = f"{LEVELS[LEVEL_OF[level]][i]}: {HAZARDS[hazard][i]}, {name}. {advice}."
    return said


def capitals() -> list[Json]:
    document = (files("atalaia") / "data" / "capitals.toml").read_text("utf-8")
    return [{**place, "area": None, "levels": {}} for place in tomllib.loads(document)["place"]]


def page_feed_and_map(stage: Stage) -> FastAPI:
    app = FastAPI()
    app.include_router(web.page(stage.page, stage.home, None, stage.reports))

    @app.get("/v1/summary/hours")
    def hours() -> Json:
        stage.asked.append(("hours", None))
        return stage.hours()

    @app.get("/v1/values")
    def values(variable: str) -> Json:
        stage.asked.append(("values", variable))
        return stage.values(variable)

    @app.get("/feeds/systems.geojson")
    def systems() -> Json:
        return {"type": "FeatureCollection", "seq": stage.seq, "features": stage.systems}

    @app.get("/feeds/systems/{system}.geojson")
    def history(system: str) -> Json:
        return {"type": "FeatureCollection", "seq": stage.seq, "features": stage.steps}

    return app


def application(stage: Stage) -> FastAPI:
    app = page_feed_and_map(stage)

    @app.middleware("http")
    async def freeze(request: Request, call_next: Any) -> Any:
        """A server whose connections stand open and say nothing."""
        while stage.is_frozen:
            await asyncio.sleep(0.1)
        return await call_next(request)

    @app.get("/v1/summary")
    def summary() -> Json:
        return {
            "now": iso(stage.now), "places": len(stage.places), "active": {}, "blind": stage.blind,
            "answered": len(stage.places) * (len(stage.no_data) < len(stage.places)),
            "calm": 0, "no_data": sorted(stage.no_data),
            "subscribers_channels": ["webpush", "telegram", "whatsapp", "sms", "email",
                                     "webhook"],
            "languages": list(LANGUAGES), "rules": "inmet", "version": "0.5", "seq": stage.seq,
        }  # fmt: skip

    @app.get("/v1/subscribe")
    def terms() -> Json:
        return {
            "consent": "Defesa Civil de Exemplo, privacidade@example.org", "channels": ["webpush"],
            "push_key": Vapid(bytes(32), "").public,
        }  # fmt: skip

    @app.get("/v1/places")
    def places() -> Json:
        return {"items": [stage.shown(place) for place in stage.places], "next": None}

    @app.get("/v1/places/{place_id}")
    def place(place_id: str) -> Response:
        for one in stage.places:
            if one["id"] == place_id:
                newest = None if one["id"] in stage.no_data else iso(stage.now)
                more = {"rules": RULES, "climate": CLIMATE, "newest_at": newest}
                return Response(json.dumps({**stage.shown(one), **more}))
        return Response('{"detail": "no such place is watched"}', 404)

    @app.get("/v1/places/{place_id}/readings")
    def readings(place_id: str) -> Json:
        return {"place_id": place_id, "hours": 72, "series": stage.readings()}

    @app.get("/v1/places/{place_id}/stations")
    def stations(place_id: str) -> Json:
        return {"place_id": place_id, "items": stage.stations}

    @app.get("/v1/stations")
    def known_stations(bbox: str) -> Json:
        stage.asked.append(("stations", bbox))
        box = Box.of(bbox)
        inside = [one for one in stage.stations if box.holds(one["latitude"], one["longitude"])]
        return {"items": inside, "is_cut": False}

    @app.get("/v1/places/{place_id}/measures")
    def measures(place_id: str) -> Json:
        return {"place_id": place_id, "hours": 72, "measures": stage.measures()}

    @app.get("/v1/places/{place_id}/chances")
    def chances(place_id: str) -> Json:
        return {"place_id": place_id, "chances": [] if stage.is_without_runs else stage.chances()}

    @app.get("/v1/incidents")
    def incidents(place: str | None = None) -> Json:
        some = [one for one in stage.incidents.values() if place in (None, one["place_id"])]
        return {"items": [{k: v for k, v in one.items() if k != "entries"} for one in some],
                "next": None}  # fmt: skip

    @app.get("/v1/incidents/{key}")
    def incident(key: str) -> Response:
        if key in stage.incidents:
            return Response(json.dumps(stage.incidents[key]))
        return Response('{"detail": "no such incident"}', 404)

    @app.get("/v1/sources")
    def sources() -> Json:
        return {"items": SOURCES(stage.now), "next": None, "blind": stage.blind}

    @app.get("/v1/towns")
    def towns(q: str) -> Json:
        nearest = {"place_id": stage.id_of("Recife"), "name": "Recife", "km": 6.1}
        names = [("Recife", "Pernambuco, BR"), ("Recifinho", "Bahia, BR")]
        if q.lower().startswith("lisb"):
            far = {**nearest, "km": 5842.3}
            town = {"id": 9, "label": "Lisboa, PT", "latitude": 38.72, "longitude": -9.13,
                    "timezone": "Europe/Lisbon", "nearest": far, "within_reach": False}  # fmt: skip
            return {"items": [town], "next": None}
        return {
            "items": [
                {"id": i, "label": f"{name}, {region}", "latitude": -8.05, "longitude": -34.9,
                 "timezone": "America/Recife", "nearest": nearest, "within_reach": True}
                for i, (name, region) in enumerate(names) if q.lower()[:3] in name.lower()
            ],
            "next": None,
        }  # fmt: skip

    @app.get("/v1/people/{person}")
    def person(person: str) -> Json:
        return {**HELD, "person": {**HELD["person"], "pseudonym": person}}

    @app.post("/v1/wishes", status_code=201)
    async def wish(request: Request) -> Json:
        stage.asked.append(("wish", await request.json()))
        return {"town": 9, "label": "Lisboa, PT", "latitude": 38.72, "longitude": -9.13,
                "count": 1, "asked_at": "2026-01-10"}  # fmt: skip

    @app.post("/v1/preview")
    async def preview(request: Request) -> Json:
        stage.asked.append(("preview", await request.json()))
        told = [
            {"at": iso(stage.now - timedelta(days=3 * i)), "level": level,
             "text": text("heavy_rain", level, "Recife")["pt-BR"]}
            for i, level in enumerate(("orange", "yellow", "yellow", "orange"))
        ]  # fmt: skip
        return {"messages": told, "days": 30}

    @app.get("/v1/events")
    async def events() -> StreamingResponse:
        queue: asyncio.Queue[str] = asyncio.Queue()
        stage.listeners.append((asyncio.get_running_loop(), queue))

        async def told() -> Any:
            yield "retry: 500\nevent: ready\ndata: {}\n\n"
            while True:
                try:
                    async with asyncio.timeout(BEAT_S):
                        news = await queue.get()
                except TimeoutError:
                    news = "event: beat\ndata: {}\n\n"
                if not stage.is_frozen:
                    yield news

        return StreamingResponse(told(), media_type="text/event-stream")

    return app


def SOURCES(now: datetime) -> list[Json]:  # noqa: N802
    return [
        {"source": "open-meteo", "fresh": True, "last_success_at": iso(now - timedelta(seconds=41)),
         "age_s": 41, "fault": None, "in_words": {}, "next_try_at": iso(now + timedelta(minutes=4)),
         "calls_left": {"minute": 571, "hour": 4712, "day": 8120}},
        {"source": "tomorrow-io", "fresh": False, "last_success_at": iso(now - timedelta(hours=2)),
         "age_s": 7200, "fault": "HTTP 429: too many calls",
         "in_words": {one: translated_for(one, "HTTP 429: too many calls") for one in LANGUAGES},
         "next_try_at": iso(now),
         "calls_left": {"hour": 0, "day": 112}},
    ]  # fmt: skip


HELD: Json = {
    "person": {
        "language": "pt-BR", "channels": ["telegram", "email"],
        "quiet": {"start": 1320, "end": 420, "timezone": "America/Recife"},
        "subscriptions": [
            {"id": "s_one", "hazards": {"heavy_rain": "orange", "wind": "yellow"},
             "thresholds": [{"variable": "rain_mm", "window_s": 3600, "limit": 35.0,
                             "hazard": "heavy_rain"}],
             "where": [{"type": "circle", "name": "Recife, Pernambuco, BR", "latitude": -8.05,
                        "longitude": -34.9, "radius_km": 25.0}]},
            {"id": "s_two", "hazards": {"flood": "red"}, "thresholds": [],
             "where": [{"type": "polygon", "name": "Bacia do Capibaribe", "rings": [
                 [[-36.0, -8.3], [-34.8, -8.3], [-34.8, -7.7], [-36.0, -8.3]]]}]},
        ],
    },
    "contacts": [
        {"channel": "telegram", "status": "confirmed", "address": "123456789"},
        {"channel": "email", "status": "confirmed", "address": "voce@example.org"},
    ],
    "messages": [],
}  # fmt: skip

CLIMATE = {
    "bands": [
        {"variable": "temperature_c", "unit": "°C", "source": "open-meteo", "first_year": 1991,
         "last_year": 2020, "is_norm": True, "months": [
             {"month": month, "mean": 26.1, "mean_minimum": 22.9, "mean_maximum": 29.4,
              "percentiles": {"1": 21.2, "10": 23.4, "50": 26.0, "90": 29.1, "99": 30.8}}
             for month in range(1, 13)]},
    ],
    "return_levels": [
        {"variable": "rain_mm", "unit": "mm", "window_s": 86400, "extreme": "max",
         "return_years": years, "level": level, "low": None, "high": None}
        for years, level in ((2, 96.0), (10, 148.0), (50, 211.0))],
}  # fmt: skip


def shown(stage: Stage) -> AbstractContextManager[str]:
    """The stage's address, while it is served."""
    return served(application(stage))


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """An application's address, while it is served in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(5)


if __name__ == "__main__":
    uvicorn.run(application(Stage()), port=8499, log_level="warning")
