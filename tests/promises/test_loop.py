"""Nothing waits for the store on the event loop: a store that is locked for seconds must not stop
the API, delivery and timers."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from atalaia.homes.embedded.database import Database
from patience import slowness
from run.world import PUSH_KEY, World, watching

ENV = {
    "ATALAIA_API_KEY": PUSH_KEY,
    "ATALAIA_API_RATE_LIMIT": "0",
    "ATALAIA_CHANNELS_INBOX_ENABLED": "true",
}
WISH = {
    "where": [{"latitude": -1.5, "longitude": 0.0, "name": "here"}],
    "contacts": ["inbox:"],
    "hazards": {"wind": "watch"},
    "proof": "form 12",
}


def on_the_loop(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """From now on: the lines of the program that ask the store on the event loop."""
    found: set[str] = set()

    def watched(ask: Any) -> Any:
        def asked(*of: Any, **more: Any) -> Any:
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                return ask(*of, **more)
            found.add(who())
            return ask(*of, **more)

        return asked

    for name in ("rows", "transaction"):
        monkeypatch.setattr(Database, name, watched(getattr(Database, name)))
    return found


def who() -> str:
    """The line that asks, outside the home; empty where a test does."""
    frame = sys._getframe(2)
    while frame.f_back is not None and "/atalaia/homes/" in frame.f_code.co_filename:
        frame = frame.f_back
    _, _, file = frame.f_code.co_filename.rpartition("/src/atalaia/")
    return "" if "/tests/" in frame.f_code.co_filename else f"{file}:{frame.f_lineno}"


async def everything(world: World) -> None:
    """A push that tells something, somebody who subscribes, and every route that can be read."""
    row = {"place_id": "p1", "valid_at": "2026-01-10T12:00:00Z", "wind_gust_m_s": 30.0}
    assert (await world.post("/v1/readings", json.dumps([row])))[0] == 202
    status, said, _ = await world.post("/v1/subscriptions", json.dumps(WISH))
    assert status in (200, 201), said
    await world.turn(120, step=30)
    routes = json.loads((await world.get("/openapi.json"))[1])["paths"]
    named = {"place_id": "p1", "person": said["person"], "key": "0" * 16}
    headers = {"Authorization": f"Bearer {PUSH_KEY}"}
    for path, verbs in routes.items():
        if "get" in verbs and path != "/v1/events":
            url = world.url(path.format_map(_Named(named)))
            async with world.http.get(url, headers=headers) as answer:
                await answer.read()
                assert answer.status < 500, path


class _Named(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "none"


def test_nothing_waits_for_the_store_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with watching(tmp_path, **ENV) as world:
            await world.quiet()
            found = on_the_loop(monkeypatch)
            await everything(world)
            assert found - {""} == set()

    asyncio.run(story())


def test_a_locked_store_stops_neither_probes_nor_timers(tmp_path: Path) -> None:
    async def story() -> None:
        async with watching(tmp_path, **ENV) as world:
            await world.quiet()
            other = apsw.Connection(str(tmp_path / "home" / "atalaia.sqlite3"))
            other.set_busy_timeout(10_000)
            other.execute("BEGIN IMMEDIATE")
            try:
                push = asyncio.create_task(world.post("/v1/readings", "[]"))
                longest = 0.0
                for path in ("/healthz", "/metrics", "/readyz", "/healthz", "/metrics"):
                    task = asyncio.create_task(world.get(path))
                    while not task.done():
                        began = time.monotonic()
                        await asyncio.sleep(0.01)
                        longest = max(longest, time.monotonic() - began)
                    assert task.result()[0] == (503 if path == "/readyz" else 200)
                assert longest < 2.0 * slowness(), "the loop stood"
            finally:
                other.execute("ROLLBACK")
                other.close()
            assert (await push)[0] == 202

    asyncio.run(story())
