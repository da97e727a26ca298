"""What caches may keep of the API's answers: an answer is kept by nobody unless its route says so,
and those that do are listed here. What an edge keeps (infra/serving/edge.tf) is in these lists."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from atalaia.domain.contact import read_contact
from atalaia.page.web import AT_THE_TOP
from atalaia.people.registry import Registry
from atalaia.people.request import Request
from atalaia.people.subscribe import subscribe
from atalaia.run.services import Services
from telling import HERE

from .world import PUSH_KEY, World, watching

KEY = {"Authorization": f"Bearer {PUSH_KEY}"}

BY_EVERYBODY = {
    "/feeds/cap.atom",
    "/feeds/alerts.geojson",
    "/feeds/systems.geojson",
    "/feeds/alerts.ics",
    "/feeds/cap/{name}.xml",
    "/feeds/systems/{system}.geojson",
    "/static/{asked}/{name:path}",
}
"""``public``: the same for all who ask."""

PICTURES = {"/share/all.png", "/share/place/{id_:path}.png", "/share/system/{id_:path}.png"}
"""``public`` for a minute, where who reads needs no key."""

ASKED_AGAIN = {
    "/",
    "/manage",
    "/place/{id_:path}",
    "/system/{id_:path}",
    "/map/shapes",
    "/report/all.{form}",
    "/report/place/{id_:path}.{form}",
    "/report/system/{id_:path}.{form}",
    *AT_THE_TOP,
    "/v1/places",
    "/v1/rules",
    "/v1/places/{place_id}",
    "/v1/places/{place_id}/stations",
    "/v1/places/{place_id}/readings",
    "/v1/places/{place_id}/measures",
    "/v1/places/{place_id}/chances",
    "/v1/incidents",
    "/v1/incidents/{key}",
    "/v1/alerts",
    "/v1/sources",
    "/v1/summary",
    "/v1/summary/hours",
    "/v1/values",
    "/v1/stations",
}
"""``no-cache``: nothing of anybody's, and never used without asking whether it is still so."""

STREAMS = "/v1/events"
"""Never ends; its headers are asserted where events are."""


def flat(routes: Iterable[Any]) -> Iterator[Any]:
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            yield from flat(inner.routes)


def may_keep(path: str, said: str, status: int) -> bool:
    """Whether an answer says of itself what its route may. A refusal is kept by nobody."""
    if path in BY_EVERYBODY | PICTURES and status == 200:
        return said.startswith("public, max-age=")
    if path in ASKED_AGAIN and status == 200:
        return said == "no-cache"
    return said == "no-store"


def test_only_what_is_nobodys_may_be_kept_and_every_answer_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps: list[FastAPI] = []
    make = Services.api

    def noted(self: Services, *args: Any, **more: Any) -> FastAPI:
        apps.append(make(self, *args, **more))
        return apps[-1]

    monkeypatch.setattr(Services, "api", noted)
    asyncio.run(ask_for_everything(tmp_path, apps))


async def ask_for_everything(folder: Path, apps: list[FastAPI]) -> None:
    env = {"ATALAIA_API_KEY": PUSH_KEY, "ATALAIA_API_RATE_LIMIT": "0"}
    async with watching(folder, **env) as world:
        reading = {"place_id": "p1", "valid_at": "2026-01-10T12:00:00Z", "wind_gust_m_s": 30}
        status, told, _ = await world.post("/v1/readings", json.dumps(reading))
        assert status == 202, told
        await world.live.settled()
        await world.until(lambda: world.live.services.follower.view.seq > 0)  # feeds go by it
        known = await values(world)
        [app] = apps
        of_people = 0
        for route in flat(app.routes):
            path = re.sub(r"\{([\w:]+)\}", lambda found: known.get(found[1], "p1"), route.path)
            for method in () if path == STREAMS else route.methods:
                for headers in ({}, KEY):
                    asked = world.http.request(method, world.url(path), headers=headers)
                    async with asked as answer:
                        said = answer.headers.get("Cache-Control", "")
                        where = f"{method} {route.path}: {answer.status} {said!r}"
                        assert may_keep(route.path, said, answer.status), where
                        if answer.status == 200 and method == "GET":
                            known.pop(f"not asked for {route.path}", None)
                            of_people += "{person}" in route.path
        assert of_people, "what is kept of somebody was read"
        assert not [name for name in known if name.startswith("not asked")], known


async def values(world: World) -> dict[str, str]:
    """Of what stands in paths: such as lead to an answer; and what has to be answered once."""
    home = world.home
    asked = Request(contacts=(read_contact("inbox"),), where=(HERE,), proof="form 12")
    person = subscribe(
        Registry(home.people, home.keys), asked, world.clock.second(), lambda *_: None
    ).pseudonym
    _, index = await world.get("/")
    [static, *_] = re.findall(r"/static/(\w+)/([\w./-]+\.(?:js|css))", index)
    _, feed = await world.get("/feeds/cap.atom")
    [message, *_] = re.findall(r"/feeds/cap/([^\"/]+)\.xml", feed)
    [(_, entry), *_] = home.state.alerts()
    found = {"person": person, "asked": static[0], "name:path": static[1], "name": message}
    found |= {"key": entry.alert.incident, "place_id": "p1", "form": "html"}
    of_systems = ("{system}", "/system/")  # here there is none
    has_to_be = {
        one for one in BY_EVERYBODY | PICTURES if not any(part in one for part in of_systems)
    }
    return found | {f"not asked for {path}": "" for path in has_to_be}
