"""What a running watch shows: places, readings, incidents, alerts, sources; and how it is asked."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atalaia.api.alert_view import AlertView
from atalaia.api.cached import AnswerCache
from atalaia.api.described import described
from atalaia.api.history import TimedCache
from atalaia.api.incidents import MEASURED
from atalaia.api.limits import network
from atalaia.api.recent import Recent, series_of
from atalaia.batch.archive import archive
from atalaia.batch.counted import counting
from atalaia.batch.refine import refine
from atalaia.domain.alert import instant
from atalaia.domain.payload import Payload
from atalaia.domain.reading import Kind, Readings
from contracts.state_contract import entry
from ensembles import answer, payload, storm

from .test_api_leaks import WISH, somebody
from .world import NOON, PUSH_KEY, World, latitude, watching

ENV = {"ATALAIA_API_KEY": PUSH_KEY}
QUIET = {"ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false", "ATALAIA_API_KEY": PUSH_KEY}


def story(folder: Path, tell: Callable[[World], Awaitable[None]], **more: Any) -> None:
    async def run() -> None:
        async with watching(folder, **more) as world:
            await tell(world)

    asyncio.run(run())


async def get(world: World, path: str, **headers: str) -> tuple[int, Any, dict[str, str]]:
    async with world.http.get(world.url(path), headers=headers) as response:
        text = await response.text()
        shown = {name.lower(): value for name, value in response.headers.items()}
        return response.status, json.loads(text) if text else None, shown


async def blow(world: World, gust: float, at: int, place: str = "p1") -> None:
    """A station's gust, lived through and shown."""
    reading = {"place_id": place, "valid_at": at, "wind_gust_m_s": gust}
    reading["valid_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    status, told, _ = await world.post("/v1/readings", json.dumps(reading))
    assert status == 202, told
    await world.live.settled()
    await world.until(lambda: shown(world) == len(world.alerts()))


def shown(world: World) -> int:
    return world.live.services.follower.view.seq


# Reading


def test_a_place_shows_what_goes_on_there_by_which_rules_and_its_readings(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        world.providers.gust[latitude(1)] = 30.0
        await world.turn(1200)
        await world.until(lambda: shown(world) == 1)
        _, places, _ = await get(world, "/v1/places")
        assert [(p["id"], p["levels"]) for p in places["items"]] == [
            ("p0", {}),
            ("p1", {"wind": "red"}),
            ("p2", {}),
        ]
        _, place, _ = await get(world, "/v1/places/p1")
        gust = next(rule for rule in place["rules"] if rule["name"] == "gust")
        assert gust["limits"]["red"] == pytest.approx(27.8, abs=0.1)
        assert (gust["variable"], gust["unit"], place["climate"]) == ("wind_gust_m_s", "m/s", None)
        _, told, _ = await get(world, "/v1/places/p1/readings?hours=6&variables=wind_gust_m_s")
        kinds = {series["kind"]: series for series in told["series"]}
        assert kinds["analysis"]["values"][-1] == 30.0
        assert kinds["analysis"]["times"] == sorted(kinds["analysis"]["times"])
        assert kinds["forecast"]["times"][0] > kinds["analysis"]["times"][-1]
        assert all(time.endswith("+00:00") for time in kinds["forecast"]["times"])
        status, problem, _ = await get(world, "/v1/places/nowhere")
        assert (status, problem["status"]) == (404, 404)

    story(tmp_path, tell, **ENV)


CHANCE = """
name = "chance"

[[rule]]
name = "rain-24h"
hazard = "heavy_rain"
variable = "rain_mm"
measure = "sum"
window = "24h"
limits = { yellow = 30, orange = 50, red = 100 }
chance = { yellow = 0.3, orange = 0.3, red = 0.2 }
"""


def test_chances_are_the_newest_runs_of_the_hours_to_come_as_gold_counted_them(
    tmp_path: Path,
) -> None:
    rules = tmp_path / "chance.toml"
    rules.write_text(CHANCE)

    async def tell(world: World) -> None:
        home, settings = world.home, world.live.services.settings
        where = (settings.places[1].latitude, settings.places[1].longitude)
        for came, passing in ((-9, 40), (-3, 17)):
            at = NOON + came * 3600
            said = storm(NOON + 6 * 3600, lambda run, passing=passing: 60.0 * (run < passing))
            home.stream.append([payload(at, answer(at, said, where=where), ("p1",))])
        _, before, _ = await get(world, "/v1/places/p1/chances")
        assert before == {"place_id": "p1", "chances": []}, "GOLD is minutes behind"
        decode = counting(home.lake, home, settings.rules, settings.places)
        await asyncio.to_thread(archive, home.stream, home.state, home.lake)
        await asyncio.to_thread(refine, home.state, home.lake, decode, settings.places)
        _, other, _ = await get(world, "/v1/places/p0/chances")
        assert other["chances"] == []
        world.live.history._chances = TimedCache(60)
        _, told, headers = await get(world, "/v1/places/p1/chances")
        (one,) = told["chances"]
        assert (one["rule"], one["source"]) == ("rain-24h", "open-meteo:ensemble")
        assert one["received_at"] == instant(NOON - 3 * 3600)
        assert (one["measure"], one["window_s"], one["unit"]) == ("sum", 86_400, "mm")
        assert one["limits"] == {"yellow": 30, "orange": 50, "red": 100}
        assert one["times"][0] > instant(NOON)
        at = one["times"].index(instant(NOON + 12 * 3600))
        assert {len(values) for values in one["quantiles"].values()} == {len(one["times"])}
        assert [values[at] for values in one["quantiles"].values()] == [0, 0, 0, 60, 60]
        share = round(17 / 51, 3)
        assert {level: values[at] for level, values in one["chances"].items()} == {
            "yellow": share, "orange": share, "red": 0,
        }  # fmt: skip
        assert one["runs"][at] == 51
        again = await get(world, "/v1/places/p1/chances", **{"If-None-Match": headers["etag"]})
        assert again[0] == 304
        assert (await get(world, "/v1/places/nowhere/chances"))[0] == 404

    story(tmp_path, tell, **QUIET, ATALAIA_RULES=str(rules))


def test_measures_are_the_values_that_the_alert_was_decided_by(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        world.providers.gust[latitude(1)] = 16.65
        await world.turn(1200)
        await world.until(lambda: shown(world) == 1)
        (alert,) = world.alerts()
        _, told, headers = await get(world, "/v1/places/p1/measures")
        gust = next(one for one in told["measures"] if one["rule"] == alert.rule)
        seen = dict(zip(gust["times"][: gust["ahead"]], gust["values"], strict=False))
        assert seen[instant(NOON + 900)] == alert.value == 16.65  # and not a float32's 16.649999
        assert (gust["variable"], gust["measure"], gust["unit"]) == (
            "wind_gust_m_s",
            "value",
            "m/s",
        )
        assert gust["limits"]["yellow"] == pytest.approx(11.1, abs=0.1)
        assert gust["times"] == sorted(set(gust["times"]))
        day = next(one for one in told["measures"] if one["rule"] == "rain-24h")
        assert day["times"][day["ahead"]] > instant(NOON)  # past and forecast, one line
        assert 0 < day["ahead"] < len(day["times"])
        again = await get(world, "/v1/places/p1/measures", **{"If-None-Match": headers["etag"]})
        assert again[0] == 304
        assert (await get(world, "/v1/places/nowhere/measures"))[0] == 404

    story(tmp_path, tell, **ENV)


def test_an_incident_shows_how_it_stands_and_its_whole_life(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        for i, gust in enumerate((21.0, 30.0, 1.0, 1.0, 1.0, 1.0)):
            await blow(world, gust, NOON - 7200 + 3600 * i)
            world.clock._now += 3600
        log = world.alerts()
        assert [alert.type for alert in log] == ["alert", "update", "end"]
        _, none, _ = await get(world, "/v1/incidents?active=true")
        assert none == {"items": [], "next": None}
        _, told, _ = await get(world, "/v1/incidents?active=false&hazard=wind&level=red&place=p1")
        item = told["items"][0]
        assert (item["status"], item["peak"], item["versions"]) == ("ended", 30.0, 3)
        assert item["ended_at"] == instant(log[-1].sent_at)
        _, whole, _ = await get(world, f"/v1/incidents/{item['incident']}")
        assert {k: v for k, v in whole.items() if k != "entries"} == item
        assert [one["type"] for one in whole["entries"]] == ["alert", "update", "end"]
        assert [one["seq"] for one in whole["entries"]] == [1, 2, 3]
        assert set(whole["entries"][0]) == {"seq", *type(log[0]).__struct_fields__, *MEASURED}
        assert [item[name] for name in MEASURED] == ["value", False, ""]
        assert (await get(world, "/v1/incidents/0000"))[0] == 404

    story(tmp_path, tell, **QUIET)


def test_the_log_is_followed_by_number_and_lists_by_cursor(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        for place in ("p0", "p1", "p2"):
            await blow(world, 21.0, NOON, place)
        _, newest, _ = await get(world, "/v1/alerts?limit=2")
        assert [one["seq"] for one in newest["items"]] == [2, 3]
        _, first, _ = await get(world, "/v1/alerts?after=0&limit=2")
        assert [one["seq"] for one in first["items"]] == [1, 2]
        _, rest, _ = await get(world, f"/v1/alerts?limit=2&cursor={first['next']}")
        assert ([one["seq"] for one in rest["items"]], rest["next"]) == ([3], None)
        for path in ("/v1/places", "/v1/incidents"):
            found, cursor, pages = [], "", 0
            while cursor is not None:
                _, page, _ = await get(world, f"{path}?limit=1{cursor and '&cursor=' + cursor}")
                found += page["items"]
                cursor, pages = page["next"], pages + 1
            assert (len(found), pages) == (3, 3)
            whole = (await get(world, path))[1]["items"]
            assert found == whole
            assert (await get(world, f"{path}?cursor=none"))[0] == 422

    story(tmp_path, tell, **QUIET)


def test_what_has_not_changed_is_not_sent_again(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        await blow(world, 21.0, NOON)
        for path in ("/v1/places", "/v1/incidents", "/v1/places/p1", "/v1/summary", "/v1/alerts"):
            status, _, headers = await get(world, path)
            assert status == 200
            tag = headers["etag"]
            status, body, again = await get(world, path, **{"If-None-Match": tag})
            assert (status, body, again["etag"]) == (304, None, tag), path
        tag = (await get(world, "/v1/incidents"))[2]["etag"]
        await blow(world, 30.0, NOON + 60)
        status, _, _ = await get(world, "/v1/incidents", **{"If-None-Match": tag})
        assert status == 200
        headers = {"Accept-Encoding": "gzip"}
        async with world.http.get(world.url("/v1/places/p1"), headers=headers) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"

    story(tmp_path, tell, **QUIET)


def test_the_past_is_read_from_gold_and_what_gold_lacks_from_the_stream(tmp_path: Path) -> None:
    async def before(world: World) -> None:
        from atalaia.batch.archive import archive
        from atalaia.batch.refine import refine

        home = world.home
        await blow(world, 5.0, NOON - 7200)
        archive(home.stream, home.state, home.lake, home.outbox)
        refine(home.state, home.lake, world.live.services.decode, world.live.settings.places)
        await blow(world, 6.0, NOON - 3600)  # in the stream alone

    async def after(world: World) -> None:
        await blow(world, 7.0, NOON)
        path = "/v1/places/p1/readings?variables=wind_gust_m_s"
        _, told, _ = await get(world, path)
        assert [series["values"] for series in told["series"]] == [[5.0, 6.0, 7.0]]
        _, told, _ = await get(world, path + "&hours=1")
        assert [series["values"] for series in told["series"]] == [[7.0]]

    story(tmp_path, before, **QUIET)
    story(tmp_path, after, **QUIET)


def test_a_source_that_is_silent_is_told_with_its_places(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        await world.turn(300)
        _, told, _ = await get(world, "/v1/sources")
        assert [(s["source"], s["fresh"]) for s in told["items"]] == [("open-meteo", True)]
        assert told["items"][0]["calls_left"]["day"] < 10_000
        assert told["blind"] == []

        async def refuse() -> Any:
            from aiohttp import web

            return web.Response(status=500)

        world.providers.answers["open-meteo"] = refuse
        await world.turn(2 * 3600, step=300)
        await world.until(lambda: bool(world.live.services.follower.view.blind))
        _, told, _ = await get(world, "/v1/sources")
        assert not told["items"][0]["fresh"]
        assert told["blind"][0]["places"] == ["p0", "p1", "p2"]
        _, summary, _ = await get(world, "/v1/summary")
        assert summary["blind"] == told["blind"]
        assert sum(summary["active"].values()) == 0  # blindness is no weather

    story(tmp_path, tell, **ENV)


def test_a_place_is_calm_only_where_its_newest_value_is_young_enough(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        _, summary, never = await get(world, "/v1/summary")
        _, places, _ = await get(world, "/v1/places")
        assert (summary["places"], summary["answered"], summary["calm"]) == (3, 0, 0)
        assert summary["no_data"] == ["p0", "p1", "p2"]
        assert [place["has_data"] for place in places["items"]] == [False] * 3
        for hour in range(4):
            world.clock._now = NOON + 3600 * hour
            await blow(world, 3.0, NOON + 3600 * hour)
        _, summary, told = await get(world, "/v1/summary")
        assert (summary["answered"], summary["calm"], summary["no_data"]) == (1, 1, ["p0", "p2"])
        assert told["etag"] != never["etag"]
        _, place, _ = await get(world, "/v1/places/p1")
        assert (place["has_data"], place["newest_at"]) == (True, instant(NOON + 3 * 3600))
        world.clock._now += 3 * 3600 + 1  # nothing comes, and nothing is told: time alone passes
        _, summary, _ = await get(world, "/v1/summary", **{"If-None-Match": told["etag"]})
        assert (summary["answered"], summary["calm"]) == (1, 0)
        assert summary["no_data"] == ["p0", "p1", "p2"]
        _, place, _ = await get(world, "/v1/places/p1")
        _, never, _ = await get(world, "/v1/places/p0")
        assert (place["has_data"], place["newest_at"]) == (False, instant(NOON + 3 * 3600))
        assert (never["has_data"], never["newest_at"]) == (False, None)
        assert not (await get(world, "/v1/places"))[1]["items"][1]["has_data"]

    story(tmp_path, tell, **QUIET)


def test_a_place_with_an_incident_is_not_calm(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        await blow(world, 21.0, NOON)
        _, summary, _ = await get(world, "/v1/summary")
        assert (summary["answered"], summary["calm"]) == (1, 0)

    story(tmp_path, tell, **QUIET)


def test_a_town_is_found_with_the_watched_place_that_is_nearest(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        _, told, _ = await get(world, "/v1/towns?q=recife&limit=3")
        assert told["items"][0]["label"] == "Recife, Pernambuco, BR"
        assert told["items"][0]["nearest"]["place_id"] == "p2"

    story(tmp_path, tell, **QUIET)


def test_reading_needs_a_key_where_the_settings_say_so(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        for path in ("/v1/places", "/v1/incidents", "/v1/summary", "/v1/towns?q=a"):
            assert (await get(world, path))[0] == 401
            assert (await get(world, path, Authorization=f"Bearer {PUSH_KEY}"))[0] == 200

    story(tmp_path, tell, ATALAIA_API_PUBLIC="false", **QUIET)


# Asking


def test_the_description_is_the_committed_one() -> None:
    committed = Path(__file__).parents[2] / "docs" / "openapi.json"
    assert described() == committed.read_text("utf-8"), "run `make openapi`, and look at the change"


def test_a_post_that_makes_something_makes_it_once_a_key(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        body = json.dumps({**WISH, "contacts": ["inbox:"]})
        path, key = "/v1/subscriptions", {"Idempotency_Key": "one"}
        _, first, answer = await world.post(path, body, **key)
        assert (answer.status, "Idempotency-Replayed" in answer.headers) == (201, False)
        status, second, answer = await world.post(path, body, **key)
        assert (status, second, answer.headers["Idempotency-Replayed"]) == (201, first, "true")
        other = json.dumps({**WISH, "contacts": ["inbox:"], "language": "en"})
        assert (await world.post(path, other, **key))[0] == 422
        _, third, _ = await world.post(path, body, Idempotency_Key="two")
        assert third["person"] != first["person"]
        # What failed has made nothing, and may be tried again under its key.
        wrong = json.dumps({**WISH, "contacts": ["pigeon:x"]})
        assert (await world.post(path, wrong, Idempotency_Key="three"))[0] == 422
        assert (await world.post(path, body, Idempotency_Key="three"))[0] == 201

    story(tmp_path, tell, **QUIET)


def test_too_many_requests_are_told_when_to_come_again(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        seen = [await get(world, "/v1/places") for _ in range(12)]
        assert [status for status, _, _ in seen] == [200] * 10 + [429] * 2
        headers = seen[0][2]
        assert (headers["ratelimit-limit"], headers["ratelimit-remaining"]) == ("10", "9")
        assert headers["ratelimit-policy"] == "10;w=60"
        _, problem, headers = seen[-1]
        assert (problem["status"], headers["content-type"]) == (429, "application/problem+json")
        assert 1 <= int(headers["retry-after"]) <= 6
        assert (await get(world, "/healthz"))[0] == 200  # what watches the watch is not limited
        operator = {"Authorization": f"Bearer {PUSH_KEY}"}
        for _ in range(12):  # nor is the operator, whose address others may share
            assert (await get(world, "/v1/lag", **operator))[0] == 200
        guess = {"Authorization": "Bearer atk_guess"}
        assert (await get(world, "/v1/lag", **guess))[0] == 429  # keys are not guessed at leisure

    story(tmp_path, tell, ATALAIA_API_RATE_LIMIT="10", **QUIET)


def test_every_error_is_a_problem_and_long_bodies_are_not_read(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        for method, path, status in (
            ("GET", "/nothing", 404),
            ("PUT", "/v1/places", 405),
            ("GET", "/v1/places?limit=0", 422),
            ("GET", "/v1/places/p0/readings?variables=joy", 422),
            ("GET", "/v1/lag", 401),
        ):
            async with world.http.request(method, world.url(path)) as answer:
                assert (answer.status, answer.content_type) == (status, "application/problem+json")
        status, problem, _ = await world.post("/v1/preview", b"[" * 1_000_001)
        assert (status, problem["status"]) == (413, 413)

    story(tmp_path, tell, **QUIET)


# Operating


def test_a_silence_keeps_news_from_people_and_not_from_the_log(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        one = await somebody(world, "ana.canary@example.org")
        operator = {"Authorization": f"Bearer {PUSH_KEY}"}
        asked = {"hazard": "wind", "place": "p1", "seconds": 3600, "reason": "works on the mast"}
        status, silence, _ = await world.post("/v1/silences", json.dumps(asked))
        assert (status, silence["active"]) == (201, True)
        await blow(world, 21.0, NOON)
        await world.until(lambda: world.live.notifier.done == 1)
        assert [a.level for a in world.alerts()] == ["orange"]
        told = [m for m in world.home.outbox.messages(person=one.person) if m.kind == "alert"]
        assert told == []
        async with world.http.delete(
            world.url(f"/v1/silences/{silence['id']}"), headers=operator
        ) as answer:
            assert answer.status == 204
        world.clock._now += 60
        await blow(world, 30.0, NOON + 60)
        await world.until(lambda: world.live.notifier.done == 2)
        told = [m for m in world.home.outbox.messages(person=one.person) if m.kind == "alert"]
        assert [m.seqs for m in told] == [(2,)]
        _, listed, _ = await get(world, "/v1/silences", **operator)
        assert [one["active"] for one in listed["items"]] == [False]
        assert (await world.post("/v1/silences", json.dumps({**asked, "place": "x"})))[0] == 422
        everything = {"seconds": 60, "reason": "all of it"}
        assert (await world.post("/v1/silences", json.dumps(everything)))[0] == 422

    story(tmp_path, tell, **QUIET)


def test_operators_page_through_deliveries_and_see_how_far_behind_each_stage_is(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        for i in range(3):
            await somebody(world, f"ana{i}.canary@example.org")
        operator = {"Authorization": f"Bearer {PUSH_KEY}"}
        found, cursor = [], ""
        while cursor is not None:
            path = f"/v1/deliveries?limit=2{cursor and '&cursor=' + cursor}"
            _, page, _ = await get(world, path, **operator)
            found += [one["id"] for one in page["items"]]
            assert all(one["letter"] == one["id"] for one in page["items"]), "codes go alone"
            cursor = page["next"]
        assert found == [m.id for m in world.home.outbox.messages()]
        assert len(found) == 3
        _, lag, _ = await get(world, "/v1/lag", **operator)
        assert (lag["speed"], lag["board"], lag["fan_out"]) == (0, 0, 0)

    story(tmp_path, tell, **QUIET)


# The parts


def test_networks_of_one_customer_are_one() -> None:
    assert network("2001:db8::1") == network("2001:db8::2") != network("2001:db8:1::1")


def test_incidents_at_hand_are_bounded_and_open_ones_stay() -> None:
    incidents = AlertView(most_over=2)
    ended = {"type": "end", "reason": "ended"}
    incidents.take([(1, entry("open"))])
    for i in range(2, 12, 2):
        over = entry(f"over{i}", 2)
        import msgspec

        alert = msgspec.structs.replace(over.alert, **ended)
        incidents.take(
            [(i, entry(f"over{i}")), (i + 1, msgspec.structs.replace(over, alert=alert))]
        )
    assert [row.key for row in incidents.rows()] == ["over10", "over8", "open"]
    assert [row.key for row in incidents.rows(place="poa")] == ["over10", "over8", "open"]
    assert incidents.levels("poa") == {"heavy_rain": "orange"}
    assert incidents.alerts(0, 3) is not None


def batch(at: int, values: list[float], *, kind: Kind = Kind.OBSERVED, known: int = 0) -> Readings:
    n = len(values)
    return Readings.build(
        place=list(range(n)),
        source="station",
        kind=kind,
        valid_at=[at] * n,
        values={"temperature_c": np.array(values)},
        known_at=known or at,
        period_s=0,
    )


def test_readings_at_hand_keep_the_newest_word_in_any_cut_and_are_bounded() -> None:
    recent = Recent(NOON, most_rows=30)
    for i in range(20):
        recent.take(batch(NOON + 60 * i, [float(i), 100.0 + i]))
        if i % 7 == 0:
            recent.compact(NOON + 60 * i)
    recent.take(batch(NOON + 60 * 19, [50.0, 50.0], known=NOON + 9999))
    recent.take(batch(NOON + 7200, [1.0, 2.0], kind=Kind.FORECAST, known=NOON))
    recent.take(batch(NOON + 60, [9.0, 9.0], kind=Kind.FORECAST, known=NOON))  # its hour is over
    now = NOON + 60 * 20

    def shown() -> dict[Kind, list[float]]:
        parts = recent.of(1)
        found = series_of(parts, recent.sources, ["temperature_c"], NOON - 1, now)
        return {series.kind: series.values.tolist() for series in found}

    before = shown()
    assert before[Kind.OBSERVED] == [100.0 + i for i in range(19)] + [50.0]
    assert before[Kind.FORECAST] == [2.0]
    recent.compact(now)
    assert recent.since > NOON  # 42 rows are more than may be held
    assert shown()[Kind.OBSERVED] == before[Kind.OBSERVED][-len(shown()[Kind.OBSERVED]) :]
    assert sum(map(len, (recent.of(0)[0], recent.of(1)[0]))) <= 30


def test_answers_at_hand_are_bounded_in_number_and_bytes() -> None:
    answers = AnswerCache(most=10, most_bytes=5_000)
    for i in range(50):
        answers.put(i, 0, bytes([i]) * 1000)
    assert answers.get(49, 0) is not None
    assert sum(answers.get(i, 0) is not None for i in range(50)) == 5
    assert answers.get(49, 1) is None
    long = answers.put("long", 0, b"a" * 2000)
    assert gzip.decompress(long.packed) == long.body


def test_a_place_says_which_stations_speak_for_it(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        place = world.live.settings.places[0]
        metar = {
            "icaoId": "SBXX", "name": "Field", "lat": place.latitude + 0.05, "lon": place.longitude,
            "elev": 20, "obsTime": NOON, "rawOb": "METAR SBXX 111200Z 05006KT 9999 22/19 Q1016",
        }  # fmt: skip
        payload = Payload(
            source="metar", content="metar-json", received_at=world.live.clock.second(),
            body=json.dumps([metar]).encode(),
        )  # fmt: skip
        await world.live.ingest.keep([payload])
        await world.live.settled()
        status, told, _ = await get(world, f"/v1/places/{place.id}/stations")
        assert status == 200
        (eye,) = told["items"]
        assert (eye["id"], eye["name"], eye["km"]) == ("metar:SBXX", "Field", 5.6)
        assert "wind_speed_m_s" in eye["speaks_for"]
        assert "visibility_m" not in eye["speaks_for"], "fog ends at a river bank"
        west, south = math.floor(place.longitude), math.floor(place.latitude)
        known = f"/v1/stations?bbox={west},{south}"
        _, told, _ = await get(world, f"{known},{west + 1},{south + 1.1}")
        (there,) = told["items"]
        assert told["is_cut"] is False
        assert there == {name: eye[name] for name in there}
        assert (await get(world, f"{known},{west + 1},{south}"))[1]["items"] == []
        for bad in ("", "1,2,3", "a,b,c,d", "0,0,nan,1"):
            assert (await get(world, f"/v1/stations?bbox={bad}"))[0] == 422, bad

    story(tmp_path, tell, **QUIET)
