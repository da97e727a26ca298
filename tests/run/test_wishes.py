"""Towns that are wished for: asked by anybody, seen by the operator, without anybody's data."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from atalaia.domain.place import Place, Places
from atalaia.people.wishes import MOST, TownWishes
from atalaia.sources import gazetteer
from kept import Kept

from .world import NOON, PUSH_KEY, World, watching

ENV = {"ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false", "ATALAIA_API_KEY": PUSH_KEY}


def story(folder: Path, tell: Callable[[World], Awaitable[None]], **more: Any) -> None:
    async def run() -> None:
        async with watching(folder, **ENV, **more) as world:
            await tell(world)

    asyncio.run(run())


async def get(world: World, path: str, **headers: str) -> tuple[int, Any]:
    async with world.http.get(world.url(path), headers=headers) as response:
        return response.status, await response.json()


async def wish(world: World, town: int) -> tuple[int, Any]:
    async with world.http.post(world.url("/v1/wishes"), json={"town": town}) as response:
        return response.status, await response.json()


def test_a_town_out_of_reach_is_counted_and_only_operators_see_it(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        _, towns = await get(world, "/v1/towns?q=Porto Alegre&limit=1")
        (town,) = towns["items"]
        assert not town["within_reach"]
        assert (await wish(world, town["id"]))[0] == 201
        status, told = await wish(world, town["id"])
        assert (status, told["count"], told["label"]) == (201, 2, town["label"])
        operator = {"Authorization": f"Bearer {PUSH_KEY}"}
        _, listed = await get(world, "/v1/wishes", **operator)
        assert listed == {"items": [told], "next": None}
        assert told["asked_at"] == "2026-01-10"  # a day, and not when somebody sat there
        assert (await get(world, "/v1/wishes"))[0] == 401
        status, problem = await wish(world, 1)
        assert (status, "no such town" in json.dumps(problem)) == (422, True)

    story(tmp_path, tell)


def test_wishes_are_rate_limited(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        town = gazetteer.search("Porto Alegre", limit=1)[0]
        assert [(await wish(world, town.id))[0] for _ in range(4)] == [201, 201, 201, 429]

    story(tmp_path, tell, ATALAIA_API_RATE_LIMIT="60")


def test_what_has_come_within_reach_is_no_wish_any_more_and_cannot_be_one() -> None:
    notes, town = Kept(), gazetteer.search("Recife", limit=1)[0]
    TownWishes(notes, Places(())).add(town.id, NOON)
    near = Place(id="r", name="R", latitude=town.latitude + 1.0, longitude=town.longitude)
    wishes = TownWishes(notes, Places([near]))
    assert list(wishes.all()) == []
    with pytest.raises(ValueError, match="subscribe"):
        wishes.add(town.id, NOON)


def test_there_are_so_many_wishes_and_those_that_many_have_stay() -> None:
    wishes = TownWishes(Kept(), Places(()))
    ids = gazetteer.table().id[: MOST + 5].tolist()
    for _ in range(2):
        wishes.add(ids[0], NOON)
    for id_ in ids[1:]:
        wishes.add(id_, NOON)
    found = wishes.all()
    assert (len(found), found[0].town, found[0].count) == (MOST, ids[0], 2)


def test_nobody_subscribes_to_what_cannot_come(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        area = {"latitude": 38.72, "longitude": -9.13, "radius_km": 25}
        asked = {"contacts": ["webhook:https://example.org/x"], "where": [area]}
        async with world.http.post(world.url("/v1/subscribe"), json=asked) as response:
            told = await response.json()
            assert (response.status, "/v1/wishes" in json.dumps(told)) == (422, True)
        assert list(world.home.people.changes(0, 9)) == []

    story(tmp_path, tell)
