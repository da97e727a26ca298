from __future__ import annotations

import asyncio
import json
import logging
import shutil
import sys
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
import structlog
from aiohttp import web

from atalaia.batch import upkeep
from atalaia.detect.watch import Watch
from atalaia.domain.alert import instant
from atalaia.domain.payload import Payload
from atalaia.errors import StateConflict
from atalaia.ports import State
from atalaia.run.local import Live
from atalaia.sources import CLOCK

from .world import KEY, NOON, PUSH_KEY, Clock, World, latitude, refuse, watching

Story = Callable[[], Awaitable[None]]
TOMORROW = {"TOMORROW_API_KEY": KEY}


def test_an_orange_gust_gives_one_alert_whatever_number_of_polls_say_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with watching(tmp_path) as world:
            await world.quiet()
            assert world.alerts() == []
            world.providers.gust[latitude(1)] = 20.0
            await world.turn(3600)
            told = world.alerts()
            assert [(a.type, a.place_id, a.hazard, a.level) for a in told] == [
                ("alert", "p1", "wind", "orange")
            ]
            assert told[0].source == "open-meteo"
            assert told[0].certainty == "Likely"
            assert "20 m/s" in told[0].text["en"]
            assert world.said.getvalue().count("Orange (severe): strong wind at Place 1") == 1
            asked = [one[3] for one in world.providers.asked if one[2] == latitude(1)]
            assert len(asked) > 10  # at a limit it is asked every five minutes, not fifteen
            calm = [one[3] for one in world.providers.asked if one[2] == latitude(0)]
            assert len(calm) <= 6

    asyncio.run(story())


def test_a_source_that_falls_silent_is_told_and_its_return_ends_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with watching(tmp_path) as world:
            await world.quiet()
            with structlog.testing.capture_logs() as logs:
                world.providers.answers["open-meteo"] = lambda: refuse(503)
                await world.turn(3600)
                blind = world.alerts("cannot_see")
                assert [(a.type, a.source) for a in blind] == [("alert", "open-meteo")]
                tries = world.providers.count("open-meteo")
                _, ready = await world.get("/readyz")
                source = json.loads(ready)["sources"]["open-meteo"]
                assert source["fault"] == "HTTP 503"
                assert source["fresh"] is False
                del world.providers.answers["open-meteo"]
                await world.turn(1200)
            assert [a.type for a in world.alerts("cannot_see")] == ["alert", "end"]
            assert world.providers.count("open-meteo") > tries
            said = [line for line in logs if "source" in line["event"]]
            assert [line["event"] for line in said] == [
                "source does not answer; it is tried again for ever",
                "source answers again",
            ]
            assert said[0]["reason"] == "HTTP 503"
            assert said[0]["next_try"].startswith("2026-01-10T12:1")
            assert json.loads((await world.get("/readyz"))[1])["sources"]["open-meteo"]["fresh"]

    asyncio.run(story())


def test_a_source_that_never_answered_is_told_too_and_asked_ever_more_seldom(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        def down(providers: object) -> None:
            providers.answers["open-meteo"] = lambda: refuse(500)  # type: ignore[attr-defined]

        async with watching(tmp_path, n=1, prepare=down) as world:
            await world.quiet()
            await world.turn(3600 + 1800, step=15)
            assert [a.type for a in world.alerts("cannot_see")] == ["alert"]
            times = [one[3] - NOON for one in world.providers.asked]
            gaps = [later - earlier for earlier, later in pairwise(times)]
            assert gaps[:4] == pytest.approx([15, 30, 60, 120], abs=15)
            assert max(gaps) == pytest.approx(900, abs=30)
            assert gaps[-1] == max(gaps)

    asyncio.run(story())


def test_a_429_is_obeyed_for_as_long_as_it_says(tmp_path: Path) -> None:
    async def story() -> None:
        def busy(providers: object) -> None:
            providers.answers["open-meteo"] = lambda: refuse(429, Retry_After="1800")  # type: ignore[attr-defined]

        async with watching(tmp_path, prepare=busy) as world:
            await world.quiet()
            first = world.providers.count("open-meteo")
            await world.turn(1790, step=30)
            assert world.providers.count("open-meteo") == first
            await world.turn(30, step=10)
            assert world.providers.count("open-meteo") > first

    asyncio.run(story())


def test_a_slow_source_delays_no_other(tmp_path: Path) -> None:
    async def story() -> None:
        async def hang() -> web.Response:
            await asyncio.Event().wait()
            raise AssertionError

        def slow(providers: object) -> None:
            providers.answers["tomorrow-io"] = hang  # type: ignore[attr-defined]

        async with watching(tmp_path, prepare=slow, **TOMORROW) as world:
            await world.until(lambda: world.home.stream.last_offset() >= 1)
            await world.until(lambda: world.providers.count("tomorrow-io") >= 3)
            for _ in range(4):
                world.clock.turn(300)
                await world.until(lambda: not world.live.pollers[0]._in_flight)
                await asyncio.sleep(0.01)
            sources = {r.payload.source for r in world.home.stream.read(0, 99)}
            assert sources == {"open-meteo", CLOCK}

            def rounds() -> set[object]:
                return {one[3] for one in world.providers.asked if one[0] == "open-meteo"}

            if len(rounds()) < 2:  # a busy machine had no time for it between two turns
                world.clock.turn(300)
                await world.until(lambda: len(rounds()) >= 2)
            assert len(world.live.pollers[1]._in_flight) <= 4

    asyncio.run(story())


def test_tomorrow_io_asks_first_where_danger_is_near_and_keeps_to_its_calls(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with watching(tmp_path, n=27, **TOMORROW) as world:
            world.providers.gust[latitude(20)] = 19.0
            await world.turn(4 * 3600)
            realtime = [
                one[2] for one in world.providers.asked if one[:2] == ("tomorrow-io", "realtime")
            ]
            assert realtime.count(latitude(20)) > 5 * realtime.count(latitude(3))
            assert set(world.providers.keys) == {KEY}
            calls = [one[3] for one in world.providers.asked if one[0] == "tomorrow-io"]
            for hour in range(4):
                start = NOON + 3600 * hour
                assert sum(start <= at < start + 3600 for at in calls) <= 25
            assert max(calls.count(at) for at in calls) <= 3
            forecasts = [
                one[2] for one in world.providers.asked if one[:2] == ("tomorrow-io", "forecast")
            ]
            assert len(forecasts) == len(set(forecasts))  # none twice in six hours
            # Calm places are asked seldom enough that it could be taken for silence. It is not.
            assert world.alerts("cannot_see") == []

    asyncio.run(story())


def test_a_restart_keeps_calls_and_polls(tmp_path: Path) -> None:
    async def story() -> None:
        clock = Clock()
        async with watching(tmp_path, clock=clock, **TOMORROW) as world:
            await world.turn(10, step=1)
            left = world.live.pollers[1].budget.left(clock.now())
            assert left["hour"] == 25 - world.providers.count("tomorrow-io")
            assert world.providers.count("tomorrow-io") == 6
        async with watching(tmp_path, clock=clock, **TOMORROW) as world:
            await world.turn(10, step=1)
            assert world.live.pollers[1].budget.left(clock.now())["hour"] == left["hour"]
            assert world.providers.asked == []

    asyncio.run(story())


def test_an_incident_goes_on_over_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        clock = Clock()
        async with watching(tmp_path, clock=clock) as world:
            world.providers.gust[latitude(1)] = 20.0
            await world.turn(1200)
            assert [a.type for a in world.alerts()] == ["alert"]
        async with watching(tmp_path, clock=clock) as world:
            world.providers.gust[latitude(1)] = 30.0
            await world.turn(1800)
            assert [(a.type, a.level) for a in world.alerts()] == [
                ("alert", "orange"),
                ("update", "red"),
            ]

    asyncio.run(story())


def test_time_is_told_when_nothing_comes(tmp_path: Path) -> None:
    async def story() -> None:
        async with watching(tmp_path, ATALAIA_SOURCES_OPEN_METEO_ENABLED="false") as world:
            await world.turn(55, step=5)
            assert world.home.stream.last_offset() == 0
            await world.turn(125, step=5)
            ticks = [r.payload for r in world.home.stream.read(0, 9)]
            assert [(t.source, t.received_at - NOON) for t in ticks] == [
                (CLOCK, 60),
                (CLOCK, 120),
                (CLOCK, 180),
            ]

    asyncio.run(story())


def test_keys_appear_in_no_log_and_in_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story() -> None:
        def refused(providers: object) -> None:
            async def repeat() -> web.Response:
                return web.Response(status=401, text=f"invalid key {KEY}")

            providers.answers["tomorrow-io"] = repeat  # type: ignore[attr-defined]

        def broken(live: Live) -> None:
            async def fail() -> float:
                raise RuntimeError("of ours")

            live.upkeep.refine = fail  # type: ignore[method-assign, assignment]

        env = {**TOMORROW, "ATALAIA_API_KEY": PUSH_KEY}
        async with watching(tmp_path, prepare=refused, change=broken, **env) as world:
            world.at_rest -= 1  # the part that broke
            await world.turn(600)
            assert set(world.providers.keys) == {KEY}
            await world.post("/v1/readings", "[]", key="wrong")
            pages = [(await world.get(page))[1] for page in ("/readyz", "/metrics")]
            assert "the key is not accepted" in pages[0]
            assert KEY not in "".join(pages)
            assert PUSH_KEY not in "".join(pages)
            shown = repr(world.live.settings) + repr(vars(world.live.services))
            assert KEY not in shown
            assert PUSH_KEY not in shown

    logging.captureWarnings(True)
    asyncio.run(story())
    out, err = capsys.readouterr()
    assert "a part broke" in out + err
    for secret in (KEY, PUSH_KEY):
        assert secret not in out + err
        for file in (tmp_path / "home").rglob("*"):
            if file.is_file():
                assert secret.encode() not in file.read_bytes(), file


def test_a_payload_that_breaks_the_watch_is_put_aside_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        def fragile(live: Live) -> None:
            make = live.consumer._make_watch

            def made(state: State) -> Watch:
                watch = make(state)
                step = watch.step

                def step_or_break(records: list[object]) -> object:
                    if any(r.payload.content == "poison" for r in records):  # type: ignore[attr-defined]
                        watch.table.usable_at[:] = 0  # half of a step
                        raise ZeroDivisionError
                    return step(records)  # type: ignore[arg-type]

                watch.step = step_or_break  # type: ignore[method-assign, assignment]
                return watch

            live.consumer._make_watch = made
            live.consumer.begin_anew()
            # All three wait before the watch first looks, so that they are one batch.
            live.home.stream.append([_reading(5.0), _poison(), _reading(21.0)])
            live.watching.offset = 3

        env = {"ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false"}
        async with watching(tmp_path, change=fragile, **env) as world:
            await world.live.settled()
            told = [(a.type, a.level, a.value) for a in world.alerts()]
            assert told == [("alert", "orange", 21.0)]
            rejects = list(world.home.state.rejects())
            assert [(offset, r.reason) for _, offset, r in rejects] == [(2, "fault in the watch")]
            assert "ZeroDivisionError" in rejects[0][2].detail
            assert world.home.state.offset("speed") == 3

    asyncio.run(story())


def _poison() -> Payload:
    return Payload(source="station", content="poison", received_at=NOON, body=b"[]")


def _reading(gust: float) -> Payload:
    row = {"place_id": "p0", "valid_at": f"2026-01-10T11:{int(gust):02}:00Z", "wind_gust_m_s": gust}
    body = msgspec.json.encode([row])
    return Payload(source="station", content="readings-json", received_at=NOON, body=body)


def test_a_store_that_cannot_be_written_is_told_and_tried_again_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with watching(tmp_path, ATALAIA_API_KEY=PUSH_KEY) as world:
            await world.quiet()
            fix = break_store(world)
            world.clock.turn(900)
            await world.until(lambda: world.live.ingest.fault is not None)
            status, body = await world.get("/readyz")
            assert status == 503
            assert json.loads(body)["store"] == {"writable": False, "fault": "disk full"}
            assert (await world.get("/healthz"))[0] == 200
            status, _, response = await world.post("/v1/readings", "[]")
            assert status == 503
            assert response.headers["Retry-After"]
            fix()
            await world.turn(60, step=5)
            kept = [r.payload.source for r in world.home.stream.read(0, 99)]
            assert kept.count("open-meteo") == 2  # the poll that found it broken, too
            assert kept.count("station") == 0  # the push was told that it was not taken
            assert (await world.get("/readyz"))[0] == 200

    asyncio.run(story())


def break_store(world: World) -> Callable[[], None]:
    """Make every write fail; what this returns mends it."""
    stream, state = world.live.ingest._stream, world.home.state
    append, set_note, swap_note = stream.append, state.set_note, state.swap_note

    def fail(*_: object) -> int:
        raise StateConflict("disk full")

    stream.append = state.set_note = state.swap_note = fail  # type: ignore[method-assign, assignment]

    def fix() -> None:
        stream.append = append  # type: ignore[method-assign]
        state.set_note, state.swap_note = set_note, swap_note  # type: ignore[method-assign]

    return fix


def test_a_commit_that_fails_is_tried_again_and_told_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with watching(tmp_path, ATALAIA_SOURCES_OPEN_METEO_ENABLED="false") as world:
            await world.quiet()
            state = world.live.home.state
            commit = state.commit
            failures = 0

            def fail_twice(one: object) -> bool:
                nonlocal failures
                failures += 1
                if failures <= 2:
                    if failures == 2:
                        commit(one)  # type: ignore[arg-type]  # it got through, and yet:
                    raise StateConflict("disk I/O error")
                return commit(one)  # type: ignore[arg-type]

            state.commit = fail_twice  # type: ignore[method-assign]
            await world.live.ingest.keep([_reading(21.0)])
            while failures < 3:
                world.clock.turn(1)
                await asyncio.sleep(0.002)
            await world.quiet()
            assert [a.type for a in world.alerts()] == ["alert"]

    asyncio.run(story())


def test_payloads_are_archived_refined_and_in_the_end_dropped(tmp_path: Path) -> None:
    mark = tmp_path / "refined"
    refine = [sys.executable, "-c", f"import pathlib; pathlib.Path({str(mark)!r}).touch()"]

    async def story() -> None:
        env = {"ATALAIA_ARCHIVE_KEEP": "1d", "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false"}
        async with watching(tmp_path, refine=refine, **env) as world:
            home = world.home
            await world.live.ingest.keep([_reading(5.0)])
            await world.turn(300, step=60)
            await world.until(lambda: home.lake.keys("raw/payloads/source=station/") != [])
            await world.until(lambda: bool(home.state.load("part:")))
            await world.turn(600)
            await world.until(mark.exists)
            day = NOON + 86_400
            # RAW alone is not enough to let a payload go: GOLD must have it too.
            assert (
                upkeep.keep_house(
                    home.stream, home.state, home.outbox, home.lake, day + 999, 86_400
                )[1]
                == 0
            )
            assert home.stream.read(0, 1)[0].offset == 1
            for key in list(home.state.load("part:")):
                _forget(world, key)
            _, dropped = upkeep.keep_house(
                home.stream, home.state, home.outbox, home.lake, day + 999, 86_400
            )
            assert dropped >= 1
            assert home.stream.read(0, 1)[0].offset > 1

    asyncio.run(story())


def _forget(world: World, key: str) -> None:
    """As refine does with a part that GOLD holds."""
    from atalaia.ports import Commit

    state = world.home.state
    state.commit(Commit("refine", state.offset("refine") + 1, items={key: None}))


def test_the_metrics_tell_what_happened(tmp_path: Path) -> None:
    async def story() -> None:
        async with watching(tmp_path, **TOMORROW) as world:
            world.providers.gust[latitude(1)] = 20.0
            await world.turn(120, step=5)
            page = (await world.get("/metrics"))[1]
            for line in (
                'atalaia_payloads_total{outcome="answer",source="open-meteo"}',
                'atalaia_readings_total{source="tomorrow-io"}',
                'atalaia_alerts_total{hazard="wind",level="orange",type="alert"} 1.0',
                'atalaia_incidents_open{hazard="wind"} 1.0',
                'atalaia_source_last_success_timestamp_seconds{source="open-meteo"}',
                "atalaia_stream_offset ",
                'atalaia_consumer_lag{consumer="speed"} 0.0',
                'atalaia_budget_calls_left{source="tomorrow-io",window="hour"}',
                "atalaia_step_seconds_count",
            ):
                assert line in page
            assert "p1" not in page

    asyncio.run(story())


def test_a_machine_whose_clock_is_behind_says_so_once_and_alerts_go_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with watching(tmp_path, n=2, ATALAIA_API_KEY=PUSH_KEY) as world:
            # The world's own clock is half an hour ahead of this machine's.
            world.providers.clock = Clock(world.clock.now() + 1800)
            with structlog.testing.capture_logs() as logs:
                for minute in range(0, 90, 15):
                    reading = {
                        "place_id": "p1",
                        "valid_at": instant(world.clock.second() + 1800),
                        "wind_gust_m_s": 21.0 if minute >= 60 else 3.0,
                    }
                    await world.post("/v1/readings", json.dumps([reading]))
                    world.providers.clock.turn(900)
                    await world.turn(900)
            clock = json.loads((await world.get("/readyz"))[1])["clock"]
            assert clock["offset_s"] == {}
            assert 900 <= clock["behind_s"] <= 1800
            assert (
                f"atalaia_clock_behind_seconds {clock['behind_s']}"
                in (await world.get("/metrics"))[1]
            )
            said = [line for line in logs if "clock is behind" in line["event"]]
            assert [line["log_level"] for line in said] == ["warning"]
            assert [(a.type, a.level, a.source) for a in world.alerts("wind")][:1] == [
                ("alert", "orange", "station")
            ]

    asyncio.run(story())


def test_a_source_whose_clock_is_wrong_is_told_by_how_much(tmp_path: Path) -> None:
    async def story() -> None:
        async with watching(tmp_path, n=2, ATALAIA_API_KEY=PUSH_KEY) as world:
            reading = {
                "place_id": "p1",
                "valid_at": instant(world.clock.second() - 2400),
                "wind_gust_m_s": 21.0,
            }
            await world.post("/v1/readings", json.dumps([reading]))
            await world.quiet()
            clock = json.loads((await world.get("/readyz"))[1])["clock"]
            assert clock["behind_s"] == 0
            assert clock["offset_s"]["station"] == 2400
            (alert,) = world.alerts("wind")
            assert (alert.valid_at, alert.sent_at) == (NOON - 2400, NOON)
            assert "10 Jan 11:20" in alert.text["en"]

    asyncio.run(story())


def test_lag_is_the_age_of_the_oldest_reading_that_was_not_judged_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with watching(tmp_path, n=2, ATALAIA_API_KEY=PUSH_KEY) as world:
            reading = {"place_id": "p1", "valid_at": instant(NOON), "wind_gust_m_s": 3.0}

            def fail(_taken: object) -> None:
                raise StateConflict("the disk is full")

            async def lag() -> tuple[int, float, str]:
                ready = json.loads((await world.get("/readyz"))[1])
                page = (await world.get("/metrics"))[1]
                told = next(x for x in page.splitlines() if x.startswith("atalaia_lag_seconds "))
                return ready["lag_s"], float(told.split()[1]), ready["ready"]

            assert await lag() == (0, 0.0, True)
            with monkeypatch.context() as patch:
                patch.setattr(world.live.consumer, "live", fail)
                await world.post("/v1/readings", json.dumps([reading]))
                world.clock.turn(70)
                await world.post("/v1/readings", json.dumps([reading]))
                assert (await lag())[:2] == (70, 70.0), "of the oldest, whatever came after it"
                world.clock.turn(20)
                assert (await lag())[:2] == (90, 90.0)
            world.clock.turn(60)
            await world.quiet()
            assert (await lag())[:2] == (0, 0.0)

    asyncio.run(story())


def test_a_full_disk_is_told_also_while_what_is_small_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store's log is written over and over, and takes a little when nothing else does."""
    usage = shutil.disk_usage(tmp_path)

    async def story() -> None:
        async with watching(tmp_path) as world:
            await world.quiet()
            assert (await world.get("/readyz"))[0] == 200
            with monkeypatch.context() as patch:
                patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=4096))
                status, body = await world.get("/readyz")
                fault = json.loads(body)["store"]["fault"]
                assert (status, fault) == (
                    503,
                    f"the disk of {world.home.path} is full; make room on it",
                )
            assert (await world.get("/readyz"))[0] == 200

    asyncio.run(story())
