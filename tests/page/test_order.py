"""What is newest stays on the page, in whatever order answers and events come to it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from run.world import World

from .conftest import Browser, Seen
from .stage import Stage
from .test_looks import looked_at
from .test_page import gust, story


def test_an_alert_that_comes_while_the_lists_are_under_way_is_not_lost_to_them(
    browser: Browser, tmp_path: Path
) -> None:
    async def tell(world: World, page: Any, _seen: Seen) -> None:
        told, answered = asyncio.Event(), asyncio.Event()

        async def late(route: Any) -> None:
            answer = await route.fetch()  # made before the alert
            await told.wait()
            await route.fulfill(response=answer)
            answered.set()

        await page.route("**/v1/incidents?*", late)
        await page.goto(world.url("/"))
        await page.wait_for_selector(".live.is-live")
        await gust(world, 21.0)
        await page.wait_for_selector("#said p")
        told.set()
        await answered.wait()
        await page.wait_for_selector("canvas.dots[data-levels='orange:1']")
        assert await page.inner_text("h1") == "1 alerta ativo"

    story(browser, tmp_path, tell)


@pytest.mark.parametrize("type_", ["end", "cancel", "update"])
def test_a_warning_that_changes_at_one_place_stands_at_the_other_as_it_did(
    browser: Browser, type_: str
) -> None:
    stage = Stage()
    red = stage.incidents["inc0"]
    here, there = red["places"][0], stage.id_of("Natal")
    red["places"] = [here, there]

    async def look(page: Any, url: str) -> None:
        await page.goto(url)
        await page.wait_for_selector(".live.is-live")
        levels = page.locator("canvas.dots")
        await page.wait_for_selector("canvas.dots[data-levels*='red:2']")
        red["places"] = [here, there] if type_ == "update" else [there]
        stage.seq += 1
        alert = {**red["entries"][-1], "type": type_, "level": "yellow", "version": 4}
        stage.push("alert", {"seq": stage.seq, "alert": alert, "places": [here], "still": [there]})
        await page.wait_for_selector("#said p")
        n = len(red["places"])
        await page.wait_for_selector(f"canvas.dots[data-levels*='red:{n}']")
        assert "red" in (await levels.get_attribute("data-levels"))

    looked_at(browser, stage, look)


def test_a_warning_is_shown_at_each_place_at_the_level_at_which_it_stands_there(
    browser: Browser,
) -> None:
    stage = Stage()
    red = stage.incidents["inc0"]
    here, there = red["places"][0], stage.id_of("Natal")
    stage.incidents = {"inc0": red | {"places": [here, there], "levels": {there: "yellow"}}}

    async def look(page: Any, url: str) -> None:
        await page.goto(url)
        await page.wait_for_selector("canvas.dots[data-levels='yellow:1 red:1']")
        card = page.locator(".card")
        assert await card.count() == 1
        assert "Amarelo: Natal" in await card.inner_text()
        assert await card.locator(".shape.level-yellow").count() == 1
        badges = page.locator(f"a[href='#/place/{there}'], a[href='/#/place/{there}']")
        assert "Amarelo" in await badges.first.inner_text()
        await page.goto(f"{url}/#/?level=orange")
        await page.wait_for_selector("canvas.dots[data-levels='red:1']")
        for place, level in ((here, "red"), (there, "yellow")):
            await page.goto(f"{url}/#/place/{place}")
            await page.wait_for_selector(f".state-line.level-{level}")
            assert await page.locator(".state-line").count() == 1

    looked_at(browser, stage, look)


def test_an_answer_that_comes_late_takes_the_place_of_what_was_shown_meanwhile(
    browser: Browser,
) -> None:
    stage = Stage()

    async def look(page: Any, url: str) -> None:
        asked, told = asyncio.Event(), asyncio.Event()

        async def late(route: Any) -> None:
            asked.set()
            await told.wait()
            await route.continue_()

        await page.clock.install()
        await page.goto(f"{url}/#/alert/inc1")
        await page.wait_for_selector(".hero.level-orange")
        await page.wait_for_selector(".live.is-live")
        await page.route("**/v1/incidents/inc1", late)
        worse = {**stage.incidents["inc1"]["entries"][-1], "version": 9, "level": "red"}
        stage.incidents["inc1"]["level"] = "red"
        stage.seq += 1
        places = stage.incidents["inc1"]["places"]
        stage.push("alert", {"seq": stage.seq, "alert": worse, "places": places})
        await asked.wait()
        await page.clock.fast_forward(3_000)  # longer than an answer is waited for
        assert await page.locator(".hero.level-red").count() == 0
        told.set()
        await page.wait_for_selector(".hero.level-red")

    looked_at(browser, stage, look)
