"""Another hour on the map, and the newest values on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from patience import patient, until

from .conftest import PHONE, Browser, pictured
from .stage import Stage, iso
from .test_looks import AFTERNOON, faults, looked_at, on_stage
from .test_map import DOTS, WRITTEN, shown_as

SCREENS: dict[str, dict[str, Any]] = {
    "desktop-light": {"color_scheme": "light", "locale": "pt-BR"},
    "phone-dark": {"color_scheme": "dark", "locale": "en-US", **PHONE},
    "phone-light": {"color_scheme": "light", "locale": "es-AR", **PHONE},
    "desktop-dark": {"color_scheme": "dark", "locale": "es-AR"},
}
TITLES = {"pt-BR": "Outra hora", "en-US": "Another hour", "es-AR": "Otra hora"}
NOT_NOW = {"pt-BR": "Não é agora", "en-US": "Not now", "es-AR": "No es ahora"}
VALUES = {"pt-BR": "Valores medidos", "en-US": "Measured values", "es-AR": "Valores medidos"}

SLIDER = ".under-time input[type=range]"
PAST = 169
"""The position of now: one more than the full hours of 7 days."""


async def begin(page: Any, url: str, stage: Stage, query: str = "") -> None:
    await page.clock.set_fixed_time(stage.now)
    await page.goto(f"{url}/#/{query}")
    await page.wait_for_selector("#map[data-ready=yes]")
    await page.wait_for_selector(DOTS)


async def shows(page: Any, **wanted: str) -> None:
    """Until the canvas says so."""
    names = "".join(f'[data-{name}="{value}"]' for name, value in wanted.items())
    await page.wait_for_selector(f"canvas.dots{names}")


@pytest.mark.parametrize("screen", SCREENS)
def test_an_hour_is_chosen_by_keyboard_stands_in_the_address_and_is_said_not_to_be_now(
    browser: Browser, screen: str
) -> None:
    stage = Stage(now=AFTERNOON)
    locale = SCREENS[screen]["locale"]

    async def tell(url: str) -> None:
        page, seen = await browser.page(**SCREENS[screen], reduced_motion="reduce")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await begin(page, url, stage)
        assert not [one for one in asked if "/map/time" in one or "/hours" in one]
        await page.get_by_role("button", name=TITLES[locale]).focus()
        await page.keyboard.press("Enter")
        slider = page.locator(SLIDER)
        await slider.wait_for()
        await page.wait_for_selector(f"{SLIDER}:not([disabled])")
        assert await slider.input_value() == str(PAST)
        assert await slider.get_attribute("aria-valuetext") in ("Agora", "Now", "Ahora")
        assert not await page.locator(".is-then").count()
        # 44 hours before the last full one, Manaus was red: nothing of now is shown.
        await slider.focus()
        for _ in range(45):
            await page.keyboard.press("ArrowLeft")
        await shows(page, levels="red:1")
        await until(lambda: page.url.endswith("at=2026-01-13T21"))
        text = await slider.get_attribute("aria-valuetext")
        assert text.startswith(NOT_NOW[locale])
        assert "18:00" in text, "21:00Z as people here read it"
        assert await page.inner_text(".then-sign") == NOT_NOW[locale]
        assert await page.locator(".map-box.is-then").count() == 1
        await pictured(page, f"time-past-{screen}", full_page=True)
        assert await faults(page) == []
        wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
        assert not wide
        # To the ends, and back to now by one button.
        await page.keyboard.press("Home")
        await until(lambda: page.url.endswith("at=2026-01-08T17"))
        await page.keyboard.press("End")
        await until(lambda: page.url.endswith("at=2026-01-17T17"))
        await page.locator(".under-time .keys button").last.click()
        await shows(page, levels="yellow:3 orange:2 red:1")
        await until(lambda: page.url.endswith("at=now"))
        assert not await page.locator(".is-then").count()
        assert seen.problems == []
        assert seen.hosts == {url.removeprefix("http://")}

    on_stage(browser, stage, tell)


def test_what_was_not_seen_is_never_calm_and_of_what_comes_only_what_is_announced_is_known(
    browser: Browser,
) -> None:
    stage = Stage(now=AFTERNOON)

    async def blind(page: Any) -> int:
        told: int = await page.evaluate(BLIND)
        return told

    async def tell(url: str) -> None:
        page, seen = await browser.page(reduced_motion="reduce")
        # Three and a half days ago nobody watched: all 27 are unknown, and it is said.
        await begin(page, url, stage, "?at=2026-01-12T05")
        await shows(page, levels="")
        assert await blind(page) == 27
        assert "27 lugares sem dados" in await page.inner_text(".under-time output")
        # Two days ago all were seen.
        await page.goto(f"{url}/#/?at=2026-01-13T22")
        await shows(page, levels="red:1")
        assert await blind(page) == 0
        # In ten hours it is hot at Cuiabá, as announced; of all others nothing is known.
        await page.goto(f"{url}/#/?at=2026-01-16T03")
        await shows(page, levels="yellow:1")
        assert await blind(page) == 27
        assert "1 alerta já anunciado para 1 lugar" in await page.inner_text(".under-time output")
        await pictured(page, "time-ahead")
        # What a click says is of that hour, too.
        popup = await page.evaluate(PICKED, stage.id_of("Recife"))
        assert "sem dados" in popup.lower()
        assert "Tranquilo agora" not in popup
        assert seen.problems == []

    on_stage(browser, stage, tell)


BENEATH_THE_SEARCH = """() => {
  const canvas = document.querySelector("canvas.dots");
  const map = canvas.getBoundingClientRect();
  const bar = document.querySelector("#go").getBoundingClientRect();
  const [wide, high] = [canvas.width / map.width, canvas.height / map.height];
  const at = [(bar.left - map.left) * wide, (bar.top - map.top) * high];
  const size = [bar.width * wide, bar.height * high];
  const { data } = canvas.getContext("2d").getImageData(...at, ...size);
  return data.filter((value, i) => i % 4 === 3 && value > 0).length;
}"""


@pytest.mark.parametrize("screen", ["desktop-light", "phone-light"])
def test_in_the_smaller_map_no_place_lies_beneath_the_search(browser: Browser, screen: str) -> None:
    stage = Stage(now=AFTERNOON)

    async def tell(url: str) -> None:
        page, seen = await browser.page(**SCREENS[screen], reduced_motion="reduce")
        await begin(page, url, stage, "?at=2026-01-13T21")
        await shows(page, levels="red:1")
        await until_none(page)
        assert seen.problems == []

    async def until_none(page: Any) -> None:
        async with patient():
            while await page.evaluate(BENEATH_THE_SEARCH):
                await page.wait_for_timeout(50)

    on_stage(browser, stage, tell)


BLIND = """async () => {
  const { static: files } = document.documentElement.dataset;
  const { onMap } = await import(`${files}/store.js`);
  return onMap().blind.size;
}"""
PICKED = """async (id) => {
  const { static: files } = document.documentElement.dataset;
  const { pick } = await import(`${files}/closer.js`);
  const { store } = await import(`${files}/store.js`);
  let said = null;
  const L = { popup: () => ({ setLatLng: () => ({ setContent: (content) => {
    said = content.textContent;
    return { openOn() {} };
  } }) }) };
  pick(L, null, store.places.get(id), [0, 0]);
  return said;
}"""


def test_what_is_new_moves_nobody_out_of_the_hour_that_they_look_at(browser: Browser) -> None:
    stage = Stage(now=AFTERNOON)

    async def look(page: Any, url: str) -> None:
        await begin(page, url, stage, "?at=2026-01-13T21")
        await shows(page, levels="red:1")
        before = [what for what, _ in stage.asked].count("hours")
        told = {**next(iter(stage.incidents.values()))["entries"][-1], "incident": "new"}
        place = stage.id_of("Natal")
        alert = {**told, "place_id": place, "level": "red", "type": "alert", "version": 1}
        stage.push("alert", {"alert": alert, "places": [place], "opened_at": iso(stage.now)})
        # The list, which is of now, has it; the map is asked anew and stays where it was.
        await page.get_by_role("heading", name="7 alertas ativos").wait_for()
        await until(lambda: [what for what, _ in stage.asked].count("hours") > before)
        await page.wait_for_timeout(200)
        assert (await shown_as(page))["levels"] == "red:1"
        assert page.url.endswith("at=2026-01-13T21")
        assert await page.locator(".map-box.is-then").count() == 1
        # Closed, it shows now, with what came.
        await page.get_by_role("button", name="Outra hora").click()
        await shows(page, levels="yellow:3 orange:2 red:2")
        assert page.url.endswith("/#/")

    looked_at(browser, stage, look, reduced_motion="reduce")


def test_filters_hold_at_another_hour_and_both_stand_in_the_address(browser: Browser) -> None:
    stage = Stage(now=AFTERNOON)

    async def look(page: Any, url: str) -> None:
        await begin(page, url, stage, "?hazard=storm&level=red&at=2026-01-13T20")
        await shows(page, levels="red:1")
        await page.get_by_role("button", name="Filtrar").click()
        await page.select_option(".filters select[name=hazard]", "wind")
        await shows(page, levels="")
        await until(lambda: "at=2026-01-13T20" in page.url and "hazard=wind" in page.url)
        said = page.locator(".under-time .then output", has_text="Nenhum alerta")
        await said.wait_for()
        assert await said.inner_text() == "ter 13/01 17:00 · Nenhum alerta"

    looked_at(browser, stage, look, reduced_motion="reduce")


def test_it_plays_hour_by_hour_and_for_who_wants_no_motion_there_is_no_such_button(
    browser: Browser,
) -> None:
    stage = Stage(now=AFTERNOON)

    async def tell(url: str) -> None:
        page, seen = await browser.page()
        await begin(page, url, stage, "?at=2026-01-13T10")
        play = page.get_by_role("button", name="Reproduzir")
        await play.click()
        before = int(await page.input_value(SLIDER))
        async with patient():
            while int(await page.input_value(SLIDER)) <= before + 2:
                await page.wait_for_timeout(100)
        await page.get_by_role("button", name="Pausar").click()
        at = await page.input_value(SLIDER)
        await page.wait_for_timeout(1_000)
        assert await page.input_value(SLIDER) == at
        assert seen.problems == []
        still, _ = await browser.page(reduced_motion="reduce")
        await begin(still, url, stage, "?at=2026-01-13T10")
        await still.wait_for_selector(f"{SLIDER}:not([disabled])")
        assert await still.get_by_role("button", name="Reproduzir").count() == 0

    on_stage(browser, stage, tell)


@pytest.mark.parametrize("asked", ["2025-12-01T00", "2026-02-01T00", "yesterday", "2026-01-13T99"])
def test_an_address_with_an_hour_that_is_not_kept_shows_now_and_says_so(
    browser: Browser, asked: str
) -> None:
    stage = Stage(now=AFTERNOON)

    async def look(page: Any, url: str) -> None:
        await begin(page, url, stage, f"?at={asked}")
        await page.get_by_text("fica fora do que se guarda: o mapa mostra agora").wait_for()
        assert (await shown_as(page))["levels"] == "yellow:3 orange:2 red:1"
        assert not await page.locator(".is-then").count()

    looked_at(browser, stage, look)


def test_hours_that_cannot_be_loaded_are_said_and_asked_for_again(browser: Browser) -> None:
    stage = Stage(now=AFTERNOON)

    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await page.route("**/v1/summary/hours", lambda route: route.fulfill(status=503))
        await begin(page, url, stage, "?at=2026-01-13T21")
        await page.get_by_text("não puderam ser carregadas").wait_for()
        assert (await shown_as(page))["levels"] == "yellow:3 orange:2 red:1"
        await page.unroute("**/v1/summary/hours")
        await page.get_by_role("button", name="Tentar de novo").click()
        await shows(page, levels="red:1")

    on_stage(browser, stage, tell)


# Values


@pytest.mark.parametrize("screen", SCREENS)
def test_values_are_of_now_old_ones_stand_in_brackets_and_missing_ones_are_no_zero(
    browser: Browser, screen: str
) -> None:
    stage = Stage(now=AFTERNOON)
    locale = SCREENS[screen]["locale"]
    # Beneath the map the panel takes room of it: a window in which each value has its own.
    tall = {"viewport": {"width": 1360, "height": 1100}} if "desktop" in screen else {}

    async def look(page: Any, url: str) -> None:
        await page.add_init_script(WRITTEN)
        await begin(page, url, stage)
        assert not [what for what, _ in stage.asked if what == "values"]
        await page.get_by_role("button", name=VALUES[locale]).focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector('canvas.dots[data-values*="fresh:"]')
        assert page.url.endswith("values=rain_mm")
        counts = dict(pair.split(":") for pair in (await shown_as(page))["values"].split())
        assert int(counts["fresh"]) >= 12
        written = await page.evaluate("[...window.written]")
        if "desktop" in screen:
            comma = "7.5" if locale.startswith("en") else "7,5"
            assert {f"({comma})", "0", "–"} <= set(written)
            assert counts["old"] == counts["missing"] == "1"
        await pictured(page, f"values-{screen}", full_page=True)
        assert await faults(page) == []
        await page.select_option(".under-values select", "temperature_c")
        await page.get_by_text("12 °C").wait_for()
        assert page.url.endswith("values=temperature_c")
        # They are none of another hour.
        await page.get_by_role("button", name=TITLES[locale]).click()
        await page.wait_for_selector(f"{SLIDER}:not([disabled])")
        await page.locator(SLIDER).focus()
        await page.keyboard.press("ArrowLeft")
        await shows(page, values="")
        await page.keyboard.press("ArrowRight")
        await page.wait_for_selector('canvas.dots[data-values*="fresh:"]')

    looked_at(browser, stage, look, **{**SCREENS[screen], **tall}, reduced_motion="reduce")


def test_what_is_shown_grows_old_while_nothing_new_comes(browser: Browser) -> None:
    stage = Stage(now=AFTERNOON)

    async def look(page: Any, url: str) -> None:
        await begin(page, url, stage, "?values=rain_mm")
        await page.wait_for_selector('canvas.dots[data-values*="fresh:"]')
        await page.clock.set_fixed_time(stage.now + timedelta(minutes=90))
        stage.push("sources", {})
        await page.wait_for_selector('canvas.dots[data-values*="fresh:0"]')
        popup = await page.evaluate(PICKED, stage.id_of("Manaus"))
        assert "Chuva em 1 h: –" in popup

    looked_at(browser, stage, look, reduced_motion="reduce")


def test_thousands_of_values_are_thinned_out_by_the_room_that_there_is(browser: Browser) -> None:
    stage = Stage(now=AFTERNOON)
    stage.crowd(2_000)

    async def tell(url: str) -> None:
        page, _ = await browser.page(reduced_motion="reduce")
        await begin(page, url, stage, "?values=rain_mm")
        await page.wait_for_selector('canvas.dots[data-values*="fresh:"]')
        counts = dict(pair.split(":") for pair in (await shown_as(page))["values"].split())
        assert 10 < int(counts["fresh"]) < 500
        await pictured(page, "values-crowded")

    on_stage(browser, stage, tell)
