"""The live watch with a real broker: a storm that a station measures is told four kilometres away,
a lone mad station raises no red, and people's stations speak as their mapping says."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from atalaia.cli import app
from atalaia.domain.alert import Alert
from atalaia.homes.embedded import open_home
from atalaia.sources.mqtt.standing import Gap, standing_of
from mosquitto import Mosquitto, broker, needs_mosquitto
from sources.bufr.encode import inmet
from sources.wis2.test_notification import notice
from stories import objects
from usecases.cases import Target

from .world import PUSH_KEY, Clock, World, watching

pytestmark = needs_mosquitto

TEN = 1_786_442_400  # 2026-08-11T10:00Z
TOPIC = "cache/a/wis2/br-inmet/data/core/weather/surface-based-observations/synop"
FOUR_KM_NORTH = -13.30944 + 4 / 111.195
PORANGATU = "wis2:0-76-0-5218003000000581"


def report(hour: int, *, station: str = "", **values: float) -> tuple[str, bytes]:
    """INMET's report of an hour of 11 August, in its own form, as its broker passes it on."""
    named = {"station": station} if station else {}
    data = inmet(day=11 + hour // 24, hour=hour % 24, **named, **values)  # type: ignore[arg-type]
    published = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(TEN + (hour - 10) * 3600 + 2400))
    told = notice(
        data,
        id=f"{station}{hour}",
        geometry=None,
        properties={
            "data_id": f"br-inmet:synop/{station}{hour}",
            "pubtime": published,
            "datetime": None,
            "wigos_station_identifier": "absent",
        },
    )
    return TOPIC, json.dumps(told).encode()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with broker(tmp_path / "broker") as found:
        yield found


def place_csv(folder: Path) -> Path:
    path = folder / "fazenda.csv"
    head = "place_id,name,latitude,longitude,timezone\n"
    path.write_text(head + f"p,Fazenda,{FOUR_KM_NORTH},-49.1175,America/Sao_Paulo\n", "utf-8")
    return path


def story(
    folder: Path, mosquitto: Mosquitto, tell: Callable[[World], Awaitable[None]], **env: str
) -> None:
    env = {
        "ATALAIA_PLACES": str(place_csv(folder)),
        "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false",
        "ATALAIA_SOURCES_WIS2_BROKERS": mosquitto.url,
        "ATALAIA_SOURCES_WIS2_COUNTRY": "br",
        "ATALAIA_API_KEY": PUSH_KEY,
        "ATALAIA_CHANNELS_WEBHOOK_ALLOW": "127.0.0.0/8",
        **env,
    }

    async def run() -> None:
        async with watching(folder, clock=Clock(TEN + 2460), **env) as world:
            await world.until(lambda: all(_is_joined(each) for each in world.live.subscribers))
            await tell(world)

    asyncio.run(run())


def _is_joined(subscriber: Any) -> bool:
    sessions = subscriber.sessions
    return bool(sessions) and all(one.fault is None for one in sessions)


async def hour(world: World, mosquitto: Mosquitto, *reports: tuple[str, bytes]) -> None:
    """An hour passes, and these come at its end."""
    await world.turn(3600, step=600)
    before = world.home.stream.last_offset()
    await asyncio.to_thread(mosquitto.publish, reports)
    await world.until(lambda: world.home.stream.last_offset() >= before + len(reports))
    await world.live.settled()
    await world.turn(5, step=1)


async def subscribed(world: World, target: Target) -> None:
    where = [{"latitude": FOUR_KM_NORTH, "longitude": -49.1175, "radius_km": 2}]
    wish = {
        "contacts": [f"webhook:{target.url}"],
        "where": where,
        "hazards": {"heavy_rain": "yellow"},
        "language": "en",
    }
    status, told, _ = await world.post("/v1/subscriptions", json.dumps(wish))
    assert status == 201, told
    await world.until(lambda: target.bodies)
    code = {"code": target.bodies[0]["data"]["code"]}
    path = f"/v1/people/{told['person']}/confirm"
    assert (await world.post(path, json.dumps(code), key=None))[0] == 200
    await world.turn(60)


def levels(alerts: list[Alert]) -> list[str]:
    return [alert.level for alert in alerts]


def test_a_storm_at_a_station_reaches_a_webhook_four_kilometres_away(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    target = Target()

    async def tell(world: World) -> None:
        await subscribed(world, target)
        await hour(world, mosquitto, report(11, b13011=35.0))
        witness = report(12, station="B2", b5001=-13.2915, b13011=41.0)
        await hour(world, mosquitto, report(12, b13011=75.0), witness)
        told = world.alerts("heavy_rain")
        assert [(one.reason, one.level) for one in told[:2]] == [
            ("onset", "orange"),
            ("escalated", "red"),
        ]
        assert {one.source for one in told[:1]} == {PORANGATU}
        assert "measured at PORANGATU, 4 km away" in told[0].text["en"]
        await world.until(lambda: len(target.bodies) >= 3)
        texts = target.texts()[1:]
        assert "measured at PORANGATU, 4 km away" in texts[0]
        assert "Red" in texts[1]
        # What comes again, by another cache or by a broker's second try, is told to nobody.
        n = len(world.alerts())
        await asyncio.to_thread(mosquitto.publish, [report(12, b13011=75.0), witness])
        await hour(world, mosquitto, report(13, b13011=0.0))
        assert [one.type for one in world.alerts("heavy_rain")[n:]] in ([], ["update"], ["end"])
        status, text = await world.get("/readyz")
        [standing] = json.loads(text)["subscriptions"]["wis2"]["brokers"].values()
        assert (status, standing["messages"], standing["duplicates"]) == (200, 6, 2)
        assert standing["fault"] is None
        figures = (await world.get("/metrics"))[1]
        assert 'subscription_messages{broker="127.0.0.1:' in figures
        assert 'outcome="duplicate",subscription="wis2"} 2.0' in figures
        assert "atalaia_subscription_last_message_timestamp_seconds" in figures

    try:
        story(tmp_path, mosquitto, tell)
    finally:
        target.close()


def test_a_lone_mad_station_raises_no_red(tmp_path: Path, mosquitto: Mosquitto) -> None:
    mad = {"b13011": 90.0, "b11041": 60.0, "b11002": 41.2}

    async def tell(world: World) -> None:
        await hour(world, mosquitto, report(11, **mad))
        await hour(world, mosquitto, report(12, **mad))
        told = world.alerts()
        assert told
        assert {one.level for one in told} <= {"yellow", "orange"}
        assert any("One instrument alone says so" in one.text["en"] for one in told)

    story(tmp_path, mosquitto, tell)


def test_a_correction_and_a_deletion_judge_their_window_again(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    def again(body: bytes, pubtime: str, **more: Any) -> tuple[str, bytes]:
        told = json.loads(body)
        told["properties"]["pubtime"] = pubtime
        return TOPIC, json.dumps({**told, "id": pubtime, **more}).encode()

    async def tell(world: World) -> None:
        await hour(world, mosquitto, *(report(dry, b13011=0.0) for dry in range(-14, 11)))
        _, wrong = report(11, b13011=35.0)
        await hour(world, mosquitto, (TOPIC, wrong))
        assert levels(world.alerts("heavy_rain")) == ["orange"]
        _, right = report(11, b13011=3.5)
        await hour(world, mosquitto, again(right, "2026-08-11T12:10:00Z"), report(12, b13011=0.0))
        for dry in range(13, 20):
            await hour(world, mosquitto, report(dry, b13011=0.0))
        assert world.alerts("heavy_rain")[-1].is_over, "the sum of a day no longer has the 35 mm"

        _, third = report(20, b13011=28.0)
        await hour(world, mosquitto, (TOPIC, third))
        gone = [{"rel": "deletion", "href": "http://a.example/x"}]
        await hour(world, mosquitto, again(third, "2026-08-11T21:10:00Z", links=gone))
        late = again(third, "2026-08-11T20:40:00Z")  # a slow cache's copy of what was deleted
        await hour(world, mosquitto, late, report(22, b13011=25.0))
        told = world.alerts("heavy_rain")[2:]
        assert set(levels(told)) == {"yellow"}, "53 mm in a day would be orange"

    story(tmp_path, mosquitto, tell)


STATIONS = """
[sources.mqtt]
broker = "{url}"
[[sources.mqtt.stations]]
name = "orchard"
place = "p"
topic = "application/1/device/+/event/up"
time = "time"
message_id = "deduplicationId"
counter = "object.rain_mm"
values = [
    {{ variable = "temperature_c", path = "object.temperature" }},
    {{ variable = "wind_gust_m_s", path = "object.gust_kmh", unit = "km/h", period_s = 600 }},
]
"""


def test_a_station_by_mqtt_speaks_as_its_mapping_says(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "atalaia.toml"
    file.write_text(STATIONS.format(url=mosquitto.url))
    monkeypatch.setattr("run.world.load", lambda _, env: _load(file, env))

    def up(minute: int, **values: float) -> tuple[str, bytes]:
        told = {
            "deduplicationId": f"id-{minute}",
            "time": f"2026-08-11T10:{minute:02}:00.433777+00:00",
            "object": values,
        }
        return "application/1/device/a84041/event/up", json.dumps(told).encode()

    async def tell(world: World) -> None:
        [subscriber] = world.live.subscribers
        assert subscriber.name == "mqtt"
        sent = [
            up(20, temperature=21.5, gust_kmh=36, rain_mm=100.0),
            up(20, temperature=21.5, gust_kmh=36, rain_mm=100.0),
            up(40, temperature=20.5, gust_kmh=54, rain_mm=101.5),
        ]
        await asyncio.to_thread(mosquitto.publish, sent)
        await world.until(lambda: world.home.stream.last_offset() >= 3)
        await world.live.settled()
        [eye] = json.loads((await world.get("/v1/places/p/stations"))[1])["items"]
        assert (eye["id"], eye["kind"], eye["km"]) == ("pws:orchard", "private", 0.0)
        assert {"temperature_c", "wind_gust_m_s", "rain_mm"} <= set(eye["speaks_for"])

    story(
        tmp_path, mosquitto, tell,
        ATALAIA_SOURCES_WIS2_ENABLED="false", ATALAIA_SOURCES_WIS2_COUNTRY="",
    )  # fmt: skip


def _load(file: Path, env: dict[str, str]) -> Any:
    from atalaia.settings import load

    return load(file, env)


def test_what_comes_while_the_watch_is_down_is_judged_when_it_is_back(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    async def nothing(_: World) -> None:
        pass

    story(tmp_path, mosquitto, nothing)
    mosquitto.publish([report(10, b13011=35.0)])

    async def tell(world: World) -> None:
        await world.until(lambda: world.alerts("heavy_rain"))
        assert levels(world.alerts("heavy_rain")) == ["orange"]

    story(tmp_path, mosquitto, tell)
    with open_home(tmp_path / "home", exclusive=False) as home:
        told = [record.payload.source for record in home.stream.read(0, 99)]
        assert told.count("wis2:br-inmet") == 1
        note = standing_of(home.state, "wis2")
        standing = note.get()
        assert standing is not None
        standing.gaps.append(Gap("a.example:8883", int(time.time()) - 900, int(time.time()), "why"))
        note.put(standing)
    env = {
        "ATALAIA_HOME": str(tmp_path / "home"),
        "ATALAIA_PLACES": str(tmp_path / "fazenda.csv"),
        "ATALAIA_SOURCES_WIS2_COUNTRY": "br",
    }
    asked = CliRunner().invoke(app, ["stations"], env=env)
    assert "wis2: 127.0.0.1:" in asked.stderr
    assert "1 message, 0 of them copies" in asked.stderr
    found = CliRunner().invoke(app, ["doctor", "--quick", "--json"], env=env)
    [sign] = [one for one in objects(found.stdout) if one["what"] == "wis2"]
    assert not sign["is_well"]
    assert "are lost: why" in sign["says"]
