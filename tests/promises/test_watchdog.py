"""The sign of life stops when any stage does."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from atalaia.errors import StateConflict
from atalaia.notify.deliver import Deliverer
from atalaia.watchdog import notify
from patience import slowness
from run.test_live import break_store
from run.world import PUSH_KEY, World, watching

NOTICED_S = 180


class Receiver:
    """Somebody who waits for the sign."""

    leave: Callable[[], Awaitable[None]]

    def __init__(self) -> None:
        self.signs = 0

    async def ping(self, _: web.Request) -> web.Response:
        self.signs += 1
        return web.Response(text="OK")


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[tuple[World, Receiver]]:
    receiver = Receiver()
    application = web.Application()
    application.router.add_get("/ping", receiver.ping)
    async with TestServer(application) as server:
        receiver.leave = server.close
        url = str(server.make_url("/ping"))
        env = {"ATALAIA_API_KEY": PUSH_KEY, "ATALAIA_WATCHDOG_URL": url}
        async with watching(folder, **env) as world:
            await world.quiet()
            yield world, receiver


async def signs(world: World, receiver: Receiver, seconds: int, patience: float = 1) -> int:
    """How many come in so long, if time alone passes. Where some have to come, a busy machine has
    longer for each step."""
    before = receiver.signs
    for _ in range(seconds // 10):
        world.clock.turn(10)
        for _ in range(round(20 * patience)):
            await asyncio.sleep(0.002)
    return receiver.signs - before


def test_a_sign_of_life_is_given_every_minute(tmp_path: Path) -> None:
    async def story() -> None:
        async with watched(tmp_path) as (world, receiver):
            before = receiver.signs
            await world.turn(600, step=10)
            assert receiver.signs - before in (9, 10, 11)

    asyncio.run(story())


def test_a_detector_that_is_dead_stops_the_sign(tmp_path: Path) -> None:
    async def story() -> None:
        async with watched(tmp_path) as (world, receiver):

            def dead(_: object) -> None:
                raise StateConflict("dead")

            world.live.watching._advance = dead  # type: ignore[method-assign, assignment]
            row = {"place_id": "p1", "valid_at": "2026-01-10T12:00:00Z", "wind_gust_m_s": 3.0}
            await world.post("/v1/readings", json.dumps([row]))
            await signs(world, receiver, NOTICED_S)
            assert await signs(world, receiver, 300) == 0

    asyncio.run(story())


def test_a_store_that_cannot_be_written_stops_the_sign_until_it_can(tmp_path: Path) -> None:
    async def story() -> None:
        async with watched(tmp_path) as (world, receiver):
            fix = break_store(world)
            await signs(world, receiver, NOTICED_S)
            assert await signs(world, receiver, 300) == 0
            fix()
            assert await signs(world, receiver, 300, slowness()) >= 3

    asyncio.run(story())


def test_a_delivery_that_has_messages_and_brings_none_to_an_outcome_stops_the_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with watched(tmp_path) as (world, receiver):
            monkeypatch.setattr(Deliverer, "held", property(lambda _: 1))
            deliverer = world.live.notifier.deliverer
            for _ in range(5):
                deliverer.settled += 1
                assert await signs(world, receiver, 60, slowness()) == 1
            await signs(world, receiver, NOTICED_S)
            assert await signs(world, receiver, 300) == 0

    asyncio.run(story())


def test_a_network_that_is_lost_gives_no_sign_and_stops_nothing_else(tmp_path: Path) -> None:
    async def story() -> None:
        async with watched(tmp_path) as (world, receiver):
            await receiver.leave()
            assert await signs(world, receiver, NOTICED_S) == 0
            row = {"place_id": "p1", "valid_at": "2026-01-10T12:00:00Z", "wind_gust_m_s": 3.0}
            status, *_ = await world.post("/v1/readings", json.dumps([row]))
            assert status == 202
            await world.live.settled()

    asyncio.run(story())


def test_a_loop_that_stands_gives_no_sign(tmp_path: Path) -> None:
    async def story() -> None:
        async with watched(tmp_path) as (world, receiver):
            before = receiver.signs
            world.clock.turn(600)
            time.sleep(0.2)  # nothing of the loop runs
            assert receiver.signs == before

    asyncio.run(story())


def test_systemd_is_told_where_it_asked_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        monkeypatch.setitem(os.environ, "NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify("WATCHDOG=1")
        assert systemd.recv(100) == b"WATCHDOG=1"
    monkeypatch.setitem(os.environ, "NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("WATCHDOG=1")
