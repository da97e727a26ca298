"""Faults that end when their cause does: a store, a source that answers rubbish."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from unittest.mock import Mock

import pytest
import structlog
from aiohttp import web

from atalaia import parts
from atalaia.errors import StateConflict
from atalaia.sources.ingest import Ingest, clock_payload
from patience import patient
from run.test_live import break_store
from run.world import PUSH_KEY, Clock, watching
from telling import message

PUSHES_ONLY = {"ATALAIA_API_KEY": PUSH_KEY, "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false"}


def test_a_fault_of_the_store_ends_with_the_first_push_after_its_cause(tmp_path: Path) -> None:
    async def story() -> None:
        async with watching(tmp_path, **PUSHES_ONLY) as world:
            await world.quiet()
            fix = break_store(world)
            assert (await world.post("/v1/readings", "[]"))[0] == 503
            assert (await world.post("/v1/readings", "[]"))[0] == 503
            fix()
            world.clock.turn(1)  # nobody but who pushes comes: the clock is due in a minute
            assert (await world.post("/v1/readings", "[]"))[0] == 202

    asyncio.run(story())


def test_a_push_ends_the_fault_also_where_something_waits_that_is_tried_ever_more_seldom() -> None:
    async def story() -> None:
        clock, stream = Clock(), Mock()
        stream.append.side_effect = StateConflict("disk full")
        ingest = Ingest(stream, lambda *_: None, clock)  # type: ignore[arg-type]
        running = asyncio.create_task(ingest.run())
        waits = asyncio.create_task(ingest.keep([clock_payload(1)]))
        async with patient():
            for n in range(1, 7):
                while stream.append.call_count < n or not clock.waiting:
                    await asyncio.sleep(0.002)
                clock.turn(60)
            while stream.append.call_count < 7 or not clock.waiting:
                await asyncio.sleep(0.002)
            stream.append.side_effect = [2]
            clock.turn(2)
            assert await ingest.offer([clock_payload(2)]) == 2
            assert await waits == 1
        running.cancel()

    asyncio.run(story())


def test_a_store_that_cannot_be_written_is_tried_by_one_push_a_second(tmp_path: Path) -> None:
    async def story() -> None:
        async with watching(tmp_path, **PUSHES_ONLY) as world:
            await world.quiet()
            break_store(world)
            tries = 0
            append = world.live.ingest._stream.append

            def counted(*of: object) -> int:
                nonlocal tries
                tries += 1
                return append(*of)  # type: ignore[arg-type]

            world.live.ingest._stream.append = counted  # type: ignore[method-assign]
            for _ in range(3):
                for _ in range(10):
                    assert (await world.post("/v1/readings", "[]"))[0] == 503
                world.clock.turn(1)
            assert tries == 3

    asyncio.run(story())


def test_what_delivery_held_when_it_broke_goes_when_it_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_AFTER_FAULT_S", 0.0)

    async def story() -> None:
        async with watching(tmp_path, **PUSHES_ONLY) as world:
            await world.quiet()
            outbox, now = world.home.outbox, world.clock.second()
            outbox.put(message(due_at=now, expires_at=now + 3600))
            outbox.claim(now, now + 90, {"telegram": 1})

            def breaks(*_: object) -> None:
                del deliverer._take  # once
                raise RuntimeError("of ours")

            deliverer = world.live.notifier.deliverer
            deliverer._take = breaks  # type: ignore[method-assign, assignment]
            deliverer.wake()
            await world.until(lambda: [m.lease_until for m in outbox.messages()] == [0])

    asyncio.run(story())


async def maintenance() -> web.Response:
    return web.Response(text="<html><body>Back soon</body></html>", content_type="text/html")


def test_rubbish_with_200_is_no_answer(tmp_path: Path) -> None:
    async def story() -> None:
        async with watching(tmp_path) as world:
            await world.quiet()
            with structlog.testing.capture_logs() as logs:
                world.providers.answers["open-meteo"] = maintenance
                await world.turn(3600)
                source = json.loads((await world.get("/readyz"))[1])["sources"]["open-meteo"]
                assert source["fresh"] is False
                assert source["age_s"] >= 3600
                assert source["fault"].startswith("its answer cannot be used: ")
                del world.providers.answers["open-meteo"]
                await world.turn(1800)
            assert [line["event"] for line in logs if "source" in line] == [
                "source answers nothing of use",
                "source answers again",
            ]
            assert [a.type for a in world.alerts("cannot_see")] == ["alert", "end"]
            source = json.loads((await world.get("/readyz"))[1])["sources"]["open-meteo"]
            assert (source["fresh"], source["fault"]) == (True, None)

    asyncio.run(story())
