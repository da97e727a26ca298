"""The map of who looks closely, and of who looks from afar."""

from __future__ import annotations

import gzip
import json
from typing import Any

import numpy as np
import pytest

from atalaia.page import web
from patience import patient

from .conftest import PHONE, VENDOR, Browser, pictured
from .stage import Stage
from .test_looks import AFTERNOON, faults, looked_at, on_stage

SCREENS: dict[str, dict[str, Any]] = {
    "desktop-light": {"color_scheme": "light"},
    "phone-dark": {"color_scheme": "dark", **PHONE},
}
DOTS = "#map[data-land=yes] canvas.dots"


async def shown_as(page: Any) -> dict[str, str]:
    """What the canvas says that it shows."""
    told: dict[str, str] = await page.eval_on_selector(DOTS, "one => ({...one.dataset})")
    return told


async def nearer(page: Any, asked: list[str], name: str) -> None:
    """Zoom in, by the button, until that is asked for: what comes slowly is waited for where there
    are towns, and not at the end of the zoom, where there are none."""
    async with patient():
        while not any(name in one for one in asked):
            await page.click(".leaflet-control-zoom-in")
            await page.wait_for_selector(".leaflet-zoom-anim", state="detached")
            await page.wait_for_timeout(300)


@pytest.mark.parametrize("screen", SCREENS)
def test_borders_rivers_and_towns_come_for_who_looks_closely_alone(
    browser: Browser, screen: str
) -> None:
    async def tell(url: str) -> None:
        page, seen = await browser.page(**SCREENS[screen], reduced_motion="reduce")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(url)
        await page.wait_for_selector(DOTS)
        assert not [one for one in asked if "lines" in one or "near" in one]
        assert (await shown_as(page))["towns"] == "0"
        await nearer(page, asked, "lines")
        await page.wait_for_selector("#map[data-lines=yes]")
        await page.wait_for_selector('canvas.dots:not([data-towns="0"])')
        await page.wait_for_selector("#map[data-coast=near]")
        for name in ("lines.json", "countries.json", "countries-near.json"):
            assert len([one for one in asked if one.endswith(name)]) == 1
        await pictured(page, f"lines-{screen}")
        assert await faults(page) == []
        await page.get_by_role("button", name="Voltar a todos os lugares").click()
        await page.wait_for_selector("#map:not([data-lines])")
        assert (await shown_as(page))["towns"] == "0"
        assert seen.problems == []
        assert seen.hosts == {url.removeprefix("http://")}

    on_stage(browser, Stage(now=AFTERNOON), tell)


def arcs(name: str) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """The outlines of a file, in degrees."""
    told = json.loads((VENDOR / name).read_bytes())
    return [np.cumsum(arc, axis=0) * told["transform"]["scale"] for arc in told["arcs"]]


def test_coasts_from_afar_are_those_from_near_less_what_nobody_sees() -> None:
    body = (VENDOR / "countries.json").read_bytes()
    assert len(gzip.compress(body, 9)) < 110_000
    far, near = arcs("countries.json"), arcs("countries-near.json")
    assert len(far) == len(near)
    for thin, whole in zip(far, near, strict=True):
        assert (thin[[0, -1]] == whole[[0, -1]]).all(), "what two countries share, they still share"
        assert len(thin) >= (4 if (whole[0] == whole[-1]).all() else 2)
        begin, step = thin[:-1], np.diff(thin, axis=0)
        length = np.maximum((step**2).sum(1), 1e-12)
        along = ((whole[:, None] - begin) * step).sum(2) / length
        nearest = begin + np.clip(along, 0, 1)[..., None] * step
        off = np.sqrt(((whole[:, None] - nearest) ** 2).sum(2)).min(1)
        assert off.max() < 0.0501, "degrees: a pixel of the map of a country"


def test_the_file_of_lines_is_small_and_has_what_a_map_of_brazil_needs() -> None:
    body = (VENDOR / "lines.json").read_bytes()
    assert len(gzip.compress(body, 9)) < 200_000
    told = json.loads(body)
    names = told["towns"]["names"].split("\n")
    assert len(names) * 2 == len(told["towns"]["at"])
    assert {"São Paulo", "Recife", "Garanhuns", "Buenos Aires"} <= set(names)
    assert len(told["states"]) > 300
    # The federal district lies within another state: a ring of its own around Brasília.
    rings = [
        line
        for line in map(points, told["states"])
        if line[0] == line[-1] and all(-49 < x < -47 and -17 < y < -15 for x, y in line)
    ]
    assert len(rings) == 1
    assert (VENDOR / "lines.LICENSE").is_file()


def points(steps: list[int]) -> list[tuple[float, float]]:
    found, x, y = [], 0, 0
    for dx, dy in zip(steps[::2], steps[1::2], strict=True):
        x, y = x + dx, y + dy
        found.append((x / 250, y / 250))
    return found


def test_places_upon_each_other_are_one_with_the_gravest_level_of_them(browser: Browser) -> None:
    stage = Stage(now=AFTERNOON)
    recife = next(one for one in stage.places if one["name"] == "Recife")
    # Twelve calm ones around the one with an alert, and a group of its own where nothing is known.
    for i in range(12):
        near = {"latitude": recife["latitude"] + 0.01 * (i + 1), "id": f"near{i}"}
        stage.places.append({**recife, **near, "name": f"Bairro {i}"})
        far = {"latitude": -20.0 + 0.01 * i, "longitude": -62.0, "id": f"far{i}"}
        stage.places.append({**recife, **far, "name": f"Longe {i}"})
    stage.no_data = {"far7"}

    async def look(page: Any, url: str) -> None:
        await page.goto(url)
        await page.wait_for_selector(DOTS)
        told = await shown_as(page)
        assert int(told["clusters"]) >= 2
        assert "orange:2" in told["levels"]
        await pictured(page, "clusters")
        groups = await page.evaluate(GROUPS)
        # The gravest stands for the others, where it is; one that is blind makes no calm group.
        assert groups["Recife"][:2] == ["orange", 13], groups
        assert [one for name, one in groups.items() if name.startswith("Longe")] == [
            [None, 12, True]
        ]

    looked_at(browser, stage, look, reduced_motion="reduce")


GROUPS = """async () => {
  const { static: files } = document.documentElement.dataset;
  const { clustered } = await import(`${files}/clusters.js`);
  const { store, levelsByPlace, blindPlaces } = await import(`${files}/store.js`);
  const { highest, RANK } = await import(`${files}/levels.js`);
  const levels = levelsByPlace();
  const places = [...store.places.values()].map((one) => ({
    ...one, isBlind: blindPlaces().has(one.id),
    level: highest(Object.values(levels.get(one.id) ?? {})),
  }));
  places.sort((a, b) => (RANK[a.level] ?? 0) - (RANK[b.level] ?? 0));
  const at = ({ latitude, longitude }) => ({ x: 18 * longitude, y: 18 * latitude });
  const groups = clustered(places, at).filter((one) => one.with);
  return Object.fromEntries(groups.map((one) =>
    [one.name, [one.level, one.with.length, one.isBlind]]));
}"""


def test_the_gravest_is_named_among_thousands(browser: Browser) -> None:
    """Where all names have no room, those in danger have it, the gravest first."""
    stage = Stage(now=AFTERNOON)
    stage.crowd(2_000)

    async def tell(url: str) -> None:
        page, _ = await browser.page(reduced_motion="reduce")
        await page.add_init_script(WRITTEN)
        await page.goto(url)
        await page.wait_for_selector(DOTS)
        written = await page.evaluate("[...window.written]")
        assert [name for name in written if name.startswith("Porto Alegre")]
        await pictured(page, "crowded")

    on_stage(browser, stage, tell)


WRITTEN = """window.written = new Set();
const fillText = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...more) {
  window.written.add(text);
  return fillText.call(this, text, ...more);
};"""


def test_the_lines_are_in_no_other_file_of_ours() -> None:
    assets, _ = web._ours()
    assert {name for name in assets if "lines" in name} == {
        "map/lines.js", "vendor/lines.json", "vendor/lines.LICENSE",
    }  # fmt: skip


@pytest.mark.parametrize("screen", SCREENS)
def test_filters_stand_in_the_address_and_call_nothing_calm_that_they_leave_out(
    browser: Browser, screen: str
) -> None:
    stage = Stage(now=AFTERNOON)

    async def look(page: Any, url: str) -> None:
        await page.goto(f"{url}/#/?hazard=heavy_rain&level=red")
        await page.get_by_role("heading", name="1 de 6 alertas").wait_for()
        await page.wait_for_selector(DOTS)
        assert (await shown_as(page))["levels"] == "red:1"
        assert await page.locator(".places a").count() == 1  # the others are not said to be calm
        assert await page.locator(".cards .card").count() == 1
        assert await page.get_by_text("tranquilo", exact=False).count() == 1  # in the legend
        # The form has what the address says; by keyboard it changes both.
        await page.get_by_role("button", name="Filtrar").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".filters select[name=hazard]")
        assert await page.input_value(".filters select[name=level]") == "red"
        await pictured(page, f"filters-{screen}")
        assert await faults(page) == []
        await page.select_option(".filters select[name=state]", "PE")
        await page.get_by_role("heading", name="0 de 6 alertas").wait_for()
        assert "state=PE" in page.url
        await page.select_option(".filters select[name=level]", "orange")
        await page.get_by_role("heading", name="1 de 6 alertas").wait_for()
        assert page.url.endswith("/#/?hazard=heavy_rain&level=orange&state=PE")
        assert await page.inner_text(".card-place") == "Recife"
        # Another view knows nothing of it, and who comes back by the menu sees all.
        await page.goto(f"{url}/#/place/{stage.id_of('Porto Alegre')}")
        await page.get_by_text("Chuva forte", exact=False).first.wait_for()
        await page.goto(f"{url}/#/")
        await page.get_by_role("heading", name="6 alertas ativos").wait_for()

    looked_at(browser, stage, look, **SCREENS[screen], reduced_motion="reduce")


def test_an_address_that_names_what_there_is_not_shows_nothing_and_offers_all(
    browser: Browser,
) -> None:
    async def look(page: Any, url: str) -> None:
        await page.goto(f"{url}/#/?hazard=%3Cb%3E&level=purple&state=XX")
        await page.get_by_role("heading", name="0 de 6 alertas").wait_for()
        await page.get_by_role("link", name="Mostrar tudo").click()
        await page.get_by_role("heading", name="6 alertas ativos").wait_for()

    looked_at(browser, Stage(now=AFTERNOON), look)


def test_a_place_is_gone_to_by_the_keyboard_alone(browser: Browser) -> None:
    async def look(page: Any, url: str) -> None:
        await page.goto(url)
        await page.wait_for_selector(DOTS)
        await page.keyboard.press("/")
        assert await page.evaluate("document.activeElement.id") == "go"
        await page.keyboard.type("sao")
        await page.wait_for_selector("#go-list [role=option]")
        found = await page.locator("#go-list [role=option]").all_inner_texts()
        assert [name.split("\n")[0] for name in found] == ["São Luís", "São Paulo"]
        await page.keyboard.press("ArrowDown")
        assert await page.get_attribute("#go", "aria-activedescendant") == "go-1"
        await pictured(page, "search")
        assert await faults(page) == []
        await page.keyboard.press("Enter")
        await page.locator(".popup strong", has_text="São Paulo").wait_for()
        assert (await page.evaluate("document.activeElement.href")).endswith("/#/place/3550308")
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="São Paulo", level=1).wait_for()

    looked_at(browser, Stage(now=AFTERNOON), look, reduced_motion="reduce")
