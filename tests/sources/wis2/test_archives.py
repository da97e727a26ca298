"""What a broker lost comes from the node's own archive: once, in pages, later where it is down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.homes.embedded import open_home
from atalaia.sources import decode_all
from atalaia.sources.mqtt.standing import Gap
from atalaia.sources.session import open_session
from atalaia.sources.wis2 import archives as room
from atalaia.sources.wis2.archives import Archives
from atalaia.sources.wis2.centres import archives as archives_of
from run.world import Clock

from ..bufr.encode import inmet
from .test_notification import RECEIVED, notice

GAP = Gap("broker", RECEIVED - 7200, RECEIVED - 3600, "its queue may have been full")
HOUR = 3600


class Node:
    """A node on loopback, and what was kept of its answers."""

    def __init__(self) -> None:
        self.messages = [notice(inmet(hour=hour), id=f"m{hour}") for hour in (7, 8, 9)]
        self.is_down = False
        self.asked: list[dict[str, str]] = []
        self.kept: list[Payload] = []

    async def serve(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        if self.is_down:
            return web.Response(status=503)
        first = int(request.query["offset"])
        page = self.messages[first : first + int(request.query["limit"])]
        return web.json_response({"type": "FeatureCollection", "features": page})

    async def keep(self, payloads: Sequence[Payload]) -> None:
        self.kept += payloads


def lived(tmp_path: Path, node: Node, *waits_s: int, gap: Gap = GAP) -> None:
    """A round of a new process at the beginning, and one after each wait."""

    async def tell() -> None:
        app = web.Application()
        app.router.add_get("/oapi/collections/messages/items", node.serve)
        async with TestServer(app) as server, open_session() as session:
            address = {"br-inmet": str(server.make_url("/oapi"))}
            with open_home(tmp_path / "home") as home:
                for now in accumulate(waits_s, initial=RECEIVED):
                    clock = Clock(now)
                    filling = Archives(
                        address, lambda: [gap], session, node.keep, home.state, clock
                    )
                    await filling.round()

    asyncio.run(tell())


def test_what_was_published_in_a_gap_is_asked_for_once_and_read_as_what_was_heard(
    tmp_path: Path,
) -> None:
    node = Node()
    lived(tmp_path, node, 60, 600)
    (asked,) = node.asked
    assert asked["datetime"] == "2026-08-11T08:26:00Z/2026-08-11T09:41:00Z"
    (payload,) = node.kept
    assert (payload.source, payload.content) == ("wis2:br-inmet", "wnm-archive")
    (decoded,) = decode_all(Places([]))([payload], None).stations
    assert len(set(decoded.readings.valid_at.tolist())) == 3


def test_pages_go_on_to_the_last_one(tmp_path: Path) -> None:
    node = Node()
    node.messages = [notice(inmet(), id=f"m{i}") for i in range(room.PAGE + 1)]
    lived(tmp_path, node)
    assert [asked["offset"] for asked in node.asked] == ["0", str(room.PAGE)]
    assert [len(json.loads(each.body)["features"]) for each in node.kept] == [room.PAGE, 1]


def test_a_node_that_is_down_is_asked_ever_more_seldom_and_then_given_up(tmp_path: Path) -> None:
    node = Node()
    node.is_down = True
    lived(tmp_path, node, 30, 30, 60, 60, *[HOUR] * 9)
    assert len(node.asked) == room.TRIES
    assert node.kept == []


def test_a_gap_of_the_day_before_yesterday_is_not_asked_for(tmp_path: Path) -> None:
    node = Node()
    old = Gap("broker", RECEIVED - 50 * HOUR, RECEIVED - 49 * HOUR, "why")
    lived(tmp_path, node, gap=old)
    assert node.asked == []


def test_archives_are_those_of_the_centres_that_are_named() -> None:
    assert archives_of(["gh-gmet", "ke-meteo"]) == {"gh-gmet": "https://wis2.meteo.gov.gh/oapi"}
    assert archives_of(["br-inmet"]).keys() == {"br-inmet"}
