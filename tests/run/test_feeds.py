"""The open feeds of a running watch."""

from __future__ import annotations

import json
from pathlib import Path

from lxml import etree

from patience import patient

from .test_push import PUSH, READING, story
from .world import World


def test_a_pushed_storm_reaches_a_listener_the_index_the_message_and_the_map(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        async with world.http.get(world.url("/v1/events")) as response:
            while not (await response.content.readline()).startswith(b"data:"):
                pass
            await world.post("/v1/readings", json.dumps([READING]))
            async with patient():
                while not (line := await response.content.readline()).startswith(b"data:"):
                    pass
        event = json.loads(line.removeprefix(b"data:"))
        assert (event["alert"]["hazard"], event["alert"]["level"]) == ("wind", "orange")
        index = etree.fromstring((await world.get("/feeds/cap.atom?lang=en"))[1].encode())
        link = index.find("{*}entry/{*}link").get("href")
        assert link == world.url(f"/feeds/cap/{event['cap']}.xml")
        status, message = await world.get(f"/feeds/cap/{event['cap']}.xml")
        assert status == 200
        assert "<sender>wind@example.org</sender>" in message
        found = json.loads((await world.get("/feeds/alerts.geojson"))[1])
        assert [f["id"] for f in found["features"]] == [event["alert"]["incident"]]
        assert found["seq"] == event["seq"]

    story(tmp_path, tell, **PUSH, ATALAIA_CAP_SENDER="wind@example.org")
