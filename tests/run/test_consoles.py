"""Consoles push as they come out of the box: what they say counts, and their keys are nowhere."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from atalaia.api.access import Role
from atalaia.api.keys import add_key
from atalaia.cli import app
from atalaia.domain.payload import Payload
from atalaia.lake.query import query
from atalaia.people.manage import make_key
from atalaia.sources import decode_all
from patience import LIMIT_S

from .world import NOON, PUSH_KEY, World, watching

ENV = {"ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false", "ATALAIA_API_KEY": PUSH_KEY}
WU = "/weatherstation/updateweatherstation.php"
AT = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(NOON - 10))

CONSOLE = {
    "PASSKEY": "canary-passkey", "stationtype": "GW1200B_V1.4.6", "dateutc": AT,
    "baromrelin": "29.926", "baromabsin": "29.598", "tempf": "68.00", "humidity": "34",
    "winddir": "325", "windspeedmph": "5.37", "windgustmph": "7.38", "rainratein": "0.000",
    "hourlyrainin": "0.000", "yearlyrainin": "0.248", "totalrainin": "0.248", "interval": "60",
}  # fmt: skip


def story(folder: Path, tell: Callable[[World], Awaitable[None]], **env: str) -> None:
    async def run() -> None:
        async with watching(folder, **(ENV | env)) as world:
            await tell(world)

    asyncio.run(run())


def station_key(world: World, source: str = "school roof", place: str = "p1") -> str:
    return add_key(world.home.state, Role.STATION, "", NOON, source=source, places=[place])[1]


async def upload(world: World, key: str, **said: str) -> tuple[int, str]:
    """As a console of Weather Underground's sends it."""
    sent = {"ID": "KPOA1", "PASSWORD": key, "action": "updateraw", "dateutc": AT, **said}
    return await world.get(f"{WU}?{urlencode(sent)}")


async def report(world: World, path: str, form: dict[str, str]) -> tuple[int, str]:
    """As a console of Ecowitt's sends it."""
    async with world.http.post(world.url(path), data=form) as answer:
        return answer.status, await answer.text()


def payloads(world: World) -> list[Payload]:
    return [record.payload for record in world.home.stream.read(0, 99)]


def test_a_console_is_connected_by_the_documentation_and_its_place_shows_it(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        set_ = world.live.settings
        words = ["api-key", "add", "station", "--source", "school roof", "--place", "p1"]
        env = {"ATALAIA_HOME": str(set_.home), "ATALAIA_PLACES": str(tmp_path / "places.csv")}
        made = await asyncio.to_thread(CliRunner().invoke, app, words, env=env)
        key = made.stdout.strip()
        assert len(f"/data/report/{key}") <= 64, "what a console lets one type"

        assert await report(world, f"/data/report/{key}", CONSOLE) == (200, "ok")
        assert await upload(world, key, tempf="68.9", dateutc="now") == (200, "success")
        first, second = payloads(world)
        assert (first.source, first.content) == ("pws", "ecowitt")
        assert (second.source, second.content) == ("pws", "wunderground")
        assert first.places == second.places == ("school roof", "p1")
        assert (b"tempf=68.00" in first.body, b"tempf=68.9" in second.body) == (True, True)

        await world.live.settled()
        status, text = await world.get("/v1/places/p1/stations")
        [eye] = json.loads(text)["items"]
        assert (status, eye["id"], eye["name"], eye["km"]) == (
            200, "pws:school roof", "school roof", 0.0
        )  # fmt: skip
        assert (eye["kind"], eye["last_valid_at"]) == ("private", "2026-01-10T12:00:00+00:00")
        assert {"temperature_c", "wind_gust_m_s", "relative_humidity_pct"} <= set(eye["speaks_for"])

        def asked(sql: str) -> list[tuple[object, ...]]:
            return list(query(world.home, decode_all(set_.places), set_.places, sql).rows)

        place = set_.places[1]
        assert asked("SELECT station_id, kind, latitude, longitude FROM stations") == [
            ("pws:school roof", "private", place.latitude, place.longitude)
        ]
        assert asked(
            "SELECT source, round(temperature_c, 2) FROM station_readings"
            " WHERE temperature_c IS NOT NULL ORDER BY valid_at"
        ) == [("pws", 20.0), ("pws", 20.5)]

    story(tmp_path, tell)


def test_what_consoles_really_sent_is_read_by_either_address(shared: Path, tmp_path: Path) -> None:
    forms = [
        json.loads(path.read_text("utf-8")) for path in sorted((shared / "live/pws").glob("*.json"))
    ]
    queries = (shared / "live/pws/wu_query_strings.txt").read_text("utf-8").split()

    async def tell(world: World) -> None:
        key = station_key(world)
        for i, form in enumerate(forms):
            sent = {name: str(value) for name, value in form.items()} | {"dateutc": AT}
            if "ID" in form:
                assert await upload(world, **({"key": key} | _without(sent))) == (200, "success"), i
            else:
                assert await report(world, f"/data/report/{key}", sent) == (200, "ok"), i
        for text in queries:
            path = f"{WU}?{text.replace('PASSWORD=REDACTED', f'PASSWORD={key}')}"
            headers = {} if "PASSWORD" in text else {"Authorization": f"Bearer {key}"}
            async with world.http.get(world.url(path), headers=headers) as answer:
                assert (answer.status, await answer.text()) == (200, "success"), text
        kept = payloads(world)
        assert len(kept) == len(forms) + len(queries) >= 12
        assert not any(b"REDACTED" in one.body or key.encode() in one.body for one in kept)

    story(tmp_path, tell)


def _without(sent: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in sent.items() if name not in ("ID", "PASSWORD")}


@pytest.mark.parametrize("form", ["/data/report", "/data/report/", "/data/report//{key}/"])
def test_a_key_counts_wherever_a_console_or_a_program_can_put_it(form: str, tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        key = station_key(world)
        headers = {} if "{key}" in form else {"Authorization": f"Bearer {key}"}
        url = world.url(form.format(key=key) + "?token=canary")
        async with world.http.post(url, data=CONSOLE, headers=headers) as answer:
            assert answer.status == 200
        # Consoles join their values to the path as it was typed, with a question mark or two.
        sent = f"PASSWORD={key}&ID=a&dateutc=now&tempf=60"
        assert await world.get(f"{WU}??{sent}") == (200, "success")
        assert await world.get(f"{WU}/?{sent}") == (200, "success")
        assert [b"canary" in one.body for one in payloads(world)] == [False] * 3

    story(tmp_path, tell)


def test_a_path_typed_without_its_first_slash_is_read_as_meant(tmp_path: Path) -> None:
    """As Ecowitt's GW1000 sends it where none was typed (Ecowitt/ha-ecowitt-iot#85)."""

    async def tell(world: World) -> None:
        key, form = station_key(world), urlencode(CONSOLE)
        reader, writer = await asyncio.open_connection("127.0.0.1", world.live.port)
        head = f"POST data/report/{key} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        head += "Content-Type: application/x-www-form-urlencoded\r\n"
        writer.write(f"{head}Content-Length: {len(form)}\r\n\r\n{form}".encode())
        answer = await asyncio.wait_for(reader.read(), LIMIT_S)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert answer.endswith(b"ok")

    story(tmp_path, tell)


def test_only_a_stations_key_of_one_place_opens_it(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        state, registry = world.home.state, world.live.services.registry
        wish = {"where": [{"latitude": -1.5, "longitude": 0.0, "name": "Mill"}]}
        wish |= {"contacts": ["inbox:"], "hazards": {"wind": "watch"}}
        person = (await world.post("/v1/subscriptions", json.dumps(wish)))[1]["person"]
        no_place = add_key(state, Role.STATION, "anywhere", NOON)[1]
        two = add_key(state, Role.STATION, "two", NOON, places=["p0", "p1"])[1]
        reader = add_key(state, Role.READER, "", NOON)[1]
        own = make_key(registry, person, NOON)
        refused = {"": 401, "wrong": 403, "a\r\nb: é": 403, reader: 403, own: 403, two: 403}
        refused |= {no_place: 403, PUSH_KEY: 403}
        for key, status in refused.items():
            told, text = await upload(world, key, tempf="60")
            assert (told, "success" in text) == (status, False), key
            if key.isascii() and "\n" not in key:
                told, text = await report(world, f"/data/report/{key}", CONSOLE)
                assert (told, key in text if key else False) == (status, False), key
        assert world.home.stream.last_offset() == 0

    story(tmp_path, tell)


def test_guessing_a_consoles_key_is_as_dear_as_guessing_any_and_is_logged_without_it(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        key = station_key(world)
        with capture_logs() as logs:
            said = [(await upload(world, f"guess{i}", tempf="60"))[0] for i in range(5)]
            said += [(await report(world, f"/data/report/guess{i}", CONSOLE))[0] for i in range(5)]
        assert said == [403, 403] + [429] * 8
        assert "guess" not in str(logs)
        assert {log["route"] for log in logs if log["event"] == "refused"} == {
            "/weatherstation/updateweatherstation.php", "/data/report/"
        }  # fmt: skip
        assert (await world.get("/v1/places"))[0] == 200, "others of that address get in"
        assert world.home.stream.last_offset() == 0
        assert key

    story(tmp_path, tell, ATALAIA_API_RATE_LIMIT="20")


def test_a_consoles_key_is_in_no_file_and_in_no_log(tmp_path: Path) -> None:
    keys: list[str] = []

    async def tell(world: World) -> None:
        keys.append(station_key(world))
        assert (await upload(world, keys[0], tempf="60"))[0] == 200
        assert (await report(world, f"/data/report/{keys[0]}", CONSOLE))[0] == 200
        assert (await report(world, f"/data/report/{keys[0]}", {"x": keys[0]}))[0] == 422
        assert (await report(world, f"/data/report/{keys[0]}", {}))[0] == 422
        await world.live.settled()

    with capture_logs() as logs:
        story(tmp_path, tell)
    assert keys[0] not in str(logs)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 3
    for path in files:
        held = path.read_bytes()
        assert b"canary-passkey" not in held, path


def test_bytes_that_a_console_may_keep_in_a_day_are_bounded(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        key = station_key(world)
        other = station_key(world, source="mill")
        long = CONSOLE | {"pad": "x" * 15_000}
        said = [(await report(world, f"/data/report/{key}", long))[0] for _ in range(67)]
        assert said == [200] * 65 + [429] * 2
        assert sum(len(one.body) for one in payloads(world)) < 1_000_000
        assert (await upload(world, other, tempf="60"))[0] == 200

    story(tmp_path, tell, ATALAIA_LIMITS_BYTES_A_DAY="1000000")


def test_what_cannot_be_read_says_why_and_a_sample_is_kept(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        key = station_key(world)
        ahead = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(NOON + 3 * 3600))
        for said, reason in (
            ({"dateutc": "", "pad": "b" * 9_000}, "not a time"),
            ({"dateutc": ahead, "tempf": "60"}, "from the future"),
            ({"tempf": "warm"}, "not a number"),
            ({"tempf": "-9999"}, "no values"),
        ):
            status, text = await upload(world, key, **said)
            assert (status, json.loads(text)["rejected"][0]["reason"]) == (422, reason)
        assert (await report(world, f"/data/report/{key}", {"a": "b" * 17_000}))[0] == 413
        assert (await upload(world, key, tempf="60", pad="b" * 17_000))[0] == 413
        assert (await world.get(f"/data/report/{key}"))[0] == 405
        assert [len(one.body) < 5_000 for one in payloads(world)] == [True] * 4

    story(tmp_path, tell)


def test_a_console_alone_is_told_a_level_lower_until_somebody_else_says_so_too(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        key = station_key(world)
        assert (await upload(world, key, windgustmph="30"))[0] == 200
        await world.live.settled()
        assert world.alerts("wind") == [], "13 m/s would be yellow of an instrument with a witness"
        assert (await upload(world, key, windgustmph="56", dateutc="now"))[0] == 200
        await world.live.settled()
        [alone] = world.alerts("wind")
        assert (alone.place_id, alone.source, alone.level) == ("p1", "pws:school roof", "yellow")
        row = {"place_id": "p1", "valid_at": "2026-01-10T12:00:00Z", "wind_gust_m_s": 15.0}
        assert (await world.post("/v1/readings", json.dumps([row])))[0] == 202
        await world.live.settled()
        assert world.alerts("wind")[-1].level == "orange", "25 m/s, and somebody else says so too"

    story(tmp_path, tell)


def test_consoles_are_off_with_all_other_pushing(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        assert (await upload(world, station_key(world), tempf="60"))[0] == 404

    story(tmp_path, tell, ATALAIA_API_KEY="")
