"""The open feeds as programs read them, over HTTP on loopback."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import aiohttp
import msgspec
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI
from lxml import etree

from atalaia.api import problem
from atalaia.api.alert_view import MOST_RECENT, AlertView
from atalaia.api.events import KEPT, NEWEST, Events, frame
from atalaia.api.feeds import routes
from atalaia.api.system_view import SystemView
from atalaia.domain.alert import LogEntry
from atalaia.domain.official import OfficialArea
from atalaia.domain.place import Places
from atalaia.domain.systems import WeatherSystem
from atalaia.settings.feeds import Cap
from patience import patient, until

from .test_cap import PLACES, T0, an_alert, an_official, entry_of

ATOM = "{http://www.w3.org/2005/Atom}"


class Log:
    """An alert log in memory."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []

    def read(self, after: int, limit: int) -> Iterator[tuple[int, LogEntry]]:
        return iter(list(enumerate(self.entries, 1))[after : after + limit])

    def life(self, incident: str) -> list[tuple[int, LogEntry]]:
        return [one for one in enumerate(self.entries, 1) if one[1].alert.incident == incident]


class Service:
    """The feeds over a log. `tell` adds to it as the watch does."""

    def __init__(self, *, can_stream: bool = True, **events: Any) -> None:
        self.log = Log()
        self.can_stream = can_stream
        self.view = AlertView()
        self.systems = SystemView(Places(PLACES.values()))
        self.events = Events(lambda after, limit: list(self.log.read(after, limit)), **events)
        self.events.begin(0)
        self.http: aiohttp.ClientSession
        self.base = ""

    def routes(self) -> APIRouter:
        speaker = Cap(sender="atalaia@example.org", public_url="", feeds=())
        listeners = self.events if self.can_stream else None
        return routes(self.view, self.systems, listeners, self.log.life, PLACES, speaker)

    def tell(self, *entries: LogEntry) -> None:
        self.log.entries += entries
        new = list(self.log.read(self.view.seq, len(entries)))
        self.systems.hear(new)
        self.view.take(new)
        self.events.publish(new)

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, self.base + path, headers=sent) as response:
            return response.status, await response.read(), response.headers

    async def listen(self, n: int, path: str = "/v1/events", **headers: str) -> list[Any]:
        """The next n events: (id, data)."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        heard = []
        async with self.http.get(self.base + path, headers=sent) as response:
            assert response.content_type == "text/event-stream"
            async with patient():
                async for event in events_of(response):
                    heard.append(event)
                    if len(heard) == n:
                        break
        return heard


async def events_of(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[int, Any]]:
    fields: dict[str, str] = {}
    async for raw in response.content:
        line = raw.decode().rstrip("\n")
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            if fields.get("data"):
                yield int(fields["id"]), json.loads(fields["data"])
            fields = {}


@asynccontextmanager
async def serving(**events: Any) -> AsyncIterator[Service]:
    service = Service(**events)
    app = FastAPI()
    problem.install(app)
    app.include_router(service.routes())
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    service.base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as service.http:
        while not server.started:
            await asyncio.sleep(0.005)
        yield service
        service.events.close()
        server.should_exit = True
        await task


def story(tell: Callable[[Service], Awaitable[None]], **events: Any) -> None:
    async def run() -> None:
        async with serving(**events) as service:
            await tell(service)

    asyncio.run(run())


def an_incident(i: int, n: int = 1, **more: Any) -> list[LogEntry]:
    """The first n entries of incident i."""
    types = ["alert", "update", "end"]
    return [
        entry_of(
            an_alert(incident=f"{i:016x}", version=v, type=types[v - 1], sent_at=T0 + i),
            **more,
        )
        for v in range(1, n + 1)
    ]


def test_the_atom_index_leads_from_each_entry_to_its_cap_message() -> None:
    async def tell(service: Service) -> None:
        service.tell(*an_incident(1, 2), *an_incident(2))
        status, body, headers = await service.get("/feeds/cap.atom?lang=en")
        assert status == 200
        assert headers["Content-Type"].startswith("application/atom+xml")
        feed = etree.fromstring(body)
        entries = feed.findall(f"{ATOM}entry")
        assert [e.findtext(f"{ATOM}title") for e in entries] == ["Rain", "Rain", "Rain"]
        assert feed.findtext(f"{ATOM}updated") == "2026-01-10T12:00:02+00:00"
        links = [e.find(f"{ATOM}link").get("href") for e in entries]
        assert links[0].endswith("/feeds/cap/atalaia.0000000000000002.1.xml")
        status, message, headers = await service.get(links[1].removeprefix(service.base))
        assert (status, headers["Content-Type"]) == (200, "application/cap+xml")
        root = etree.fromstring(message)
        assert root.findtext("{*}identifier") == "atalaia.0000000000000001.2"
        assert "atalaia.0000000000000001.1," in root.findtext("{*}references")
        for name in ("atalaia.0000000000000001.3", "atalaia.9.1", "other"):
            status, body, headers = await service.get(f"/feeds/cap/{name}.xml")
            assert (status, headers["Content-Type"]) == (404, "application/problem+json")

    story(tell)


def alert(i: int, **more: Any) -> LogEntry:
    places = more.pop("places", ("4314902",))
    return entry_of(an_alert(incident=f"{i:016x}", sent_at=T0 + i, **more), *places)


def test_a_feed_of_one_place_hazard_or_level_has_that_and_the_end_of_it() -> None:
    told = [
        alert(1),
        alert(2, level="yellow", hazard="wind"),
        alert(3, places=("p",)),
        alert(4, places=("p", "4314902"), level="red"),
        alert(1, version=2, type="end", level="yellow"),
    ]

    async def tell(service: Service) -> None:
        service.tell(*told)

        async def listed(query: str) -> list[int]:
            status, body, _ = await service.get(f"/feeds/cap.atom?{query}")
            assert status == 200
            feed = etree.fromstring(body)
            assert feed.find(f"{ATOM}link").get("href") == f"{service.base}/feeds/cap.atom?{query}"
            ids = [e.findtext(f"{ATOM}id") for e in feed.findall(f"{ATOM}entry")]
            return [int(one.split(".")[-2], 16) for one in ids]

        assert await listed("place=p") == [4, 3]
        assert await listed("place=4314902") == [1, 4, 2, 1]
        assert await listed("hazard=wind") == [2]
        assert await listed("level=orange") == [1, 4, 3, 1], "an end is of all levels"
        assert await listed("place=4314902&level=red") == [1, 4]
        status, body, headers = await service.get("/feeds/alerts.ics?place=4314902&lang=en")
        assert (status, headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
        assert body.count(b"BEGIN:VEVENT") == 2, "what is over is no longer there"
        again, _, _ = await service.get(
            "/feeds/alerts.ics?place=4314902&lang=en", If_None_Match=headers["ETag"]
        )
        assert again == 304
        for query, expected in (("place=nowhere", 404), ("level=pink", 422), ("hazard=x", 422)):
            for path in ("/feeds/cap.atom", "/feeds/alerts.ics"):
                status, _, _ = await service.get(f"{path}?{query}")
                assert status == expected, query

    story(tell)


def test_the_calendar_of_one_place_has_a_warning_at_its_level_there() -> None:
    """It rose at one town and stays as it was at the other: by it a red filter has none there."""
    whole = alert(1, places=("p", "4314902"), level="yellow")
    risen = alert(1, version=2, type="update", places=("p",), level="red")
    risen = msgspec.structs.replace(risen, still=("4314902",))

    async def tell(service: Service) -> None:
        service.tell(whole, risen)

        async def found(query: str) -> list[bytes]:
            _, body, _ = await service.get(f"/feeds/alerts.ics?{query}")
            return re.findall(rb"(?:CATEGORIES|SEQUENCE):(.*)\r\n", body)

        assert await found("place=p") == [b"2", b"heavy_rain,red"]
        assert await found("place=4314902") == [b"2", b"heavy_rain,yellow"]
        assert await found("lang=en") == [b"2", b"heavy_rain,red"]
        assert await found("place=4314902&level=orange") == []

    story(tell)


def test_the_index_is_bounded() -> None:
    view = AlertView()
    view.take(enumerate([one for i in range(MOST_RECENT + 50) for one in an_incident(i, 3)], 1))
    assert len(view.now.recent) == MOST_RECENT
    assert view.now.recent[0][0] == view.now.seq == 3 * (MOST_RECENT + 50)
    assert view.now.open == ()


def test_what_has_not_changed_is_not_sent_again() -> None:
    async def tell(service: Service) -> None:
        service.tell(*an_incident(1))
        for path in (
            "/feeds/cap.atom",
            "/feeds/alerts.geojson",
            "/feeds/systems.geojson",
            "/feeds/cap/atalaia.0000000000000001.1.xml",
        ):
            status, body, headers = await service.get(path)
            assert (status, bool(body)) == (200, True)
            assert headers["Cache-Control"].startswith("public, max-age=")
            known = headers["ETag"]
            asks = [{"If_None_Match": known}, {"If_None_Match": f'"x", W/{known}'}]
            if path.endswith(".xml"):
                asks.append({"If_Modified_Since": headers["Last-Modified"]})
            for asked in asks:
                status, body, again = await service.get(path, **asked)
                assert (status, body, again["ETag"]) == (304, b"", known)
            old = {"If_Modified_Since": "Sat, 10 Jan 2026 11:59:59 GMT"}
            for asked in ({"If_None_Match": '"x"'}, {"If_Modified_Since": "soon"}, old):
                assert (await service.get(path, **asked))[0] == 200
            status, body, head = await service.get(path, "HEAD")
            assert (status, body, head["ETag"]) == (200, b"", known)
        index = (await service.get("/feeds/cap.atom"))[2]["ETag"]
        service.tell(*an_incident(2))
        assert (await service.get("/feeds/cap.atom", If_None_Match=index))[0] == 200

    story(tell)


@pytest.mark.parametrize("later_s", [0, -60])
def test_who_asks_by_date_hears_of_what_came_in_the_same_second_or_is_of_before(
    later_s: int,
) -> None:
    """Two steps of a storm have one second; what was late is of an earlier one."""
    paths = ("/feeds/cap.atom", "/feeds/alerts.geojson", "/feeds/alerts.ics")

    async def tell(service: Service) -> None:
        service.tell(*an_incident(1))
        heard = {path: await service.get(path) for path in paths}
        (late,) = an_incident(2)
        alert = msgspec.structs.replace(late.alert, sent_at=T0 + 1 + later_s)
        service.tell(msgspec.structs.replace(late, alert=alert))
        for path, (_, before, headers) in heard.items():
            date = headers.get("Last-Modified", format_datetime(datetime.now(UTC), usegmt=True))
            status, body, _ = await service.get(path, If_Modified_Since=date)
            assert (status, body != before) == (200, True)

    story(tell)


def test_geojson_has_the_systems_that_go_on_each_with_its_outline_and_its_name() -> None:
    async def tell(service: Service) -> None:
        assert json.loads((await service.get("/feeds/systems.geojson"))[1])["features"] == []
        service.tell(*an_incident(1), *an_incident(2), *an_incident(5, places=("p",)))
        service.tell(*an_incident(3, 3), *an_incident(4, official=an_official()))
        found = json.loads((await service.get("/feeds/systems.geojson"))[1])
        assert (found["type"], found["seq"]) == ("FeatureCollection", 7)
        feature, other = found["features"]
        assert (other["id"], other["properties"]["places"]) == (f"{5:016x}", ["p"])
        assert feature["id"] == f"{1:016x}"
        told = feature["properties"]
        assert set(told) == {*WeatherSystem.__struct_fields__, "name"}
        assert told["incidents"] == [f"{i:016x}" for i in (1, 2, 3)]
        assert told["standing"] == ["4314902"]
        assert told["started_at"].endswith("+00:00")
        assert told["name"]["en"].endswith("in Porto Alegre")
        assert feature["geometry"]["type"] == "Polygon"
        (ring,) = feature["geometry"]["coordinates"]
        assert ring[0] == ring[-1]
        longitudes, latitudes = zip(*ring, strict=True)
        assert min(longitudes) < -51.2065 < max(longitudes)
        assert min(latitudes) < -30.0318 < max(latitudes)
        service.tell(*an_incident(1, 3)[1:])
        goes_on, _ = json.loads((await service.get("/feeds/systems.geojson"))[1])["features"]
        assert goes_on["id"] == f"{1:016x}", "its oldest incident is over, and its id stays"
        service.tell(*an_incident(2, 3)[1:])
        (left,) = json.loads((await service.get("/feeds/systems.geojson"))[1])["features"]
        assert left["id"] == f"{5:016x}"

    story(tell)


def test_a_message_names_its_system_by_its_oldest_incident_and_goes_on_to() -> None:
    async def tell(service: Service) -> None:
        service.tell(*an_incident(1), *an_incident(2), *an_incident(5, places=("p",)))
        told = {}
        for i in (1, 2, 5):
            status, xml, _ = await service.get(f"/feeds/cap/atalaia.{i:016x}.1.xml")
            assert status == 200
            found = re.search(rb"<incidents>(.*)</incidents>", xml)
            assert found is not None
            told[i] = found[1].decode().split()
        assert told == {
            1: [f"{1:016x}"],
            2: [f"{2:016x}", f"{1:016x}"],
            5: [f"{5:016x}"],
        }
        service.tell(*an_incident(1, 3)[1:])
        _, xml, _ = await service.get(f"/feeds/cap/atalaia.{2:016x}.1.xml")
        assert f"<incidents>{2:016x} {1:016x}</incidents>".encode() in xml

    story(tell)


def test_the_history_of_a_system_is_its_outline_at_each_instant() -> None:
    async def tell(service: Service) -> None:
        service.tell(*an_incident(1), *an_incident(5, places=("p",)))
        status, body, headers = await service.get(f"/feeds/systems/{1:016x}.geojson")
        assert (status, headers["Content-Type"]) == (200, "application/geo+json")
        [step] = json.loads(body)["features"]
        assert step["properties"]["standing"] == ["4314902"]
        assert step["properties"]["at"].endswith("+00:00")
        assert step["geometry"]["type"] == "Polygon"
        status, body, _ = await service.get("/feeds/systems/none.geojson")
        assert (status, "lists those that do" in json.loads(body)["detail"]) == (404, True)

    story(tell)


def test_geojson_has_what_is_going_on_with_its_place_or_the_issuers_polygon() -> None:
    async def tell(service: Service) -> None:
        service.tell(
            *an_incident(1, 3), *an_incident(2, 2), *an_incident(3, places=("p", "4314902"))
        )
        service.tell(*an_incident(4, official=an_official()), *an_incident(5, places=("gone",)))
        found = json.loads((await service.get("/feeds/alerts.geojson"))[1])
        assert found["type"] == "FeatureCollection"
        assert found["seq"] == 8
        by_id = {feature["id"][-1]: feature for feature in found["features"]}
        assert sorted(by_id) == ["2", "3", "4", "5"]
        assert by_id["2"]["geometry"] == {"type": "Point", "coordinates": [-51.2065, -30.0318]}
        assert by_id["2"]["properties"]["version"] == 2
        assert by_id["2"]["properties"]["level"] == "orange"
        assert by_id["3"]["geometry"]["type"] == "MultiPoint"
        assert by_id["4"]["geometry"]["type"] == "MultiPolygon"
        assert by_id["4"]["geometry"]["coordinates"][0][0][0] == [-51.5, -30.5]
        assert by_id["4"]["properties"]["issuer"] == "Instituto Nacional de Meteorologia"
        assert by_id["5"]["geometry"] is None

    story(tell)


def test_an_issuers_area_goes_the_way_that_geojson_wants_whichever_way_it_was_drawn() -> None:
    outer = ((-51.5, -30.5), (-51.5, -29.5), (-51.0, -29.5), (-51.0, -30.5), (-51.5, -30.5))
    hole = ((-51.3, -30.1), (-51.2, -30.1), (-51.2, -30.0), (-51.3, -30.1))
    areas = (OfficialArea("", (outer,), excluded=(hole,)),)

    async def tell(service: Service) -> None:
        service.tell(*an_incident(4, official=an_official(areas=areas)))
        [feature] = json.loads((await service.get("/feeds/alerts.geojson"))[1])["features"]
        [polygon] = feature["geometry"]["coordinates"]
        assert [list(map(tuple, ring)) for ring in polygon] == [[*outer[::-1]], [*hole[::-1]]]

    story(tell)


def test_events_come_as_they_are_committed_with_their_number() -> None:
    async def tell(service: Service) -> None:
        service.tell(*an_incident(1))
        listening = asyncio.create_task(service.listen(3))
        while not service.events.clients:
            await asyncio.sleep(0.005)
        service.tell(*an_incident(2, 2))
        (at, ready), first, second = await listening
        assert (at, ready) == (1, {"seq": 1})
        assert [first[0], second[0]] == [2, 3]
        assert first[1]["alert"]["incident"] == f"{2:016x}"
        assert first[1]["cap"] == f"atalaia.{2:016x}.1"
        assert set(first[1]["alert"]) == set(an_alert().__struct_fields__)

    story(tell)


def test_a_client_resumes_after_the_last_event_that_it_heard_also_beyond_what_is_at_hand() -> None:
    async def tell(service: Service) -> None:
        service.tell(*itertools.chain(*(an_incident(i) for i in range(2 * KEPT + 300))))
        assert len(service.events._frames) < 2 * KEPT
        for after in (5, KEPT, 2 * KEPT + 200):
            heard = await service.listen(60, Last_Event_ID=str(after))
            assert [at for at, _ in heard] == list(range(after, after + 60))
        heard = await service.listen(3, f"/v1/events?after={2 * KEPT}")
        assert [at for at, _ in heard] == [2 * KEPT, 2 * KEPT + 1, 2 * KEPT + 2]
        # A number from another log: the newest of this one, which may be new to them.
        heard = await service.listen(NEWEST + 1, Last_Event_ID="99999999")
        assert [at for at, _ in heard] == list(range(2 * KEPT + 200, 2 * KEPT + 301))

    story(tell)


def test_silence_is_filled_so_that_no_proxy_closes_it() -> None:
    async def tell(service: Service) -> None:
        async with service.http.get(service.base + "/v1/events") as response, patient():
            while await response.content.readline() != b"event: beat\n":
                pass

    story(tell, beat_s=0.02)


def test_a_slow_client_is_let_go_and_delays_nobody() -> None:
    async def tell() -> None:
        events = Events(lambda _after, _limit: [], slow_s=0.05)

        async def stuck(_message: Any) -> None:
            await asyncio.Event().wait()

        async def never() -> Any:
            await asyncio.Event().wait()

        async with patient():
            await events.stream(None)({"type": "http"}, never, stuck)
        assert events.clients == 0

    asyncio.run(tell())


def test_a_thousand_clients_hear_an_event_that_was_encoded_once(monkeypatch: Any) -> None:
    async def tell() -> None:
        encoded: list[int] = []
        monkeypatch.setattr("atalaia.api.events.frame", lambda x: encoded.append(1) or frame(x))
        events = Events(lambda _after, _limit: [])
        events.begin(0)
        heard: list[bytes] = []
        begun: list[bool] = []

        async def send(message: Any) -> None:
            begun.append(message["type"] == "http.response.start")
            if b"event: alert" in message.get("body", b""):
                heard.append(message["body"])

        async def never() -> Any:
            await asyncio.Event().wait()

        clients = [
            asyncio.create_task(events.stream(None)({"type": "http"}, never, send))
            for _ in range(1000)
        ]
        await until(lambda: sum(begun) == events.clients == 1000)
        events.publish([(1, an_incident(1)[0])])
        await until(lambda: len(heard) == 1000)
        assert len(encoded) == 1
        events.close()
        await asyncio.gather(*clients)
        assert events.clients == 0

    asyncio.run(tell())


def test_more_clients_than_can_listen_are_told_when_to_come_again(monkeypatch: Any) -> None:
    async def tell(service: Service) -> None:
        service.events.clients = 2_000
        status, _, headers = await service.get("/v1/events")
        assert (status, headers["Retry-After"]) == (503, "30")
        service.events.clients = 0

    story(tell)


def test_where_nothing_can_be_streamed_who_listens_is_refused_at_once_and_told_where_to_ask() -> (
    None
):
    async def tell(service: Service) -> None:
        status, body, headers = await service.get("/v1/events?after=7")
        assert status == 501
        assert "/v1/alerts?after=SEQ" in json.loads(body)["detail"]
        assert "/feeds/alerts.geojson" in headers["Link"]
        async with service.http.head(f"{service.base}/v1/events") as answer:
            assert answer.status == 501

    story(tell, can_stream=False)
