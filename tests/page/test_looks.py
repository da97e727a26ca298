"""How the page looks and behaves on a stage that shows everything: for every eye and hand, on every
screen, with few bytes, and with many places."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from atalaia.domain.variable import CATALOGUE
from atalaia.page import web
from patience import patient, slowness, until

from .conftest import AXE, PHONE, Browser, pictured
from .stage import Stage, shown

VIEWS = {
    "map": ("/", "#map[data-land=yes] canvas.dots"),
    "place": ("/#/place/{recife}", ".chart[data-drawn=yes]"),
    "alert": ("/#/alert/inc0", ".life li"),
    "subscribe": ("/#/subscribe?place={recife}", ".preview strong"),
    "manage": ("/#/manage", "h1"),
    "held": ("/manage#atm_p_somebody.0.email.0.x", ".kept"),
    "operator": ("/#/operator", "#key"),
}
SCREENS: dict[str, dict[str, Any]] = {
    "desktop-light": {"color_scheme": "light"},
    "desktop-dark": {"color_scheme": "dark"},
    "phone-light": {"color_scheme": "light", **PHONE},
    "phone-dark": {"color_scheme": "dark", **PHONE},
}

AFTERNOON = datetime(2026, 1, 15, 17, 30, tzinfo=UTC)
"""14:30 in São Paulo, where these pages are read."""

LEVELS = ("yellow", "orange", "red")
FAN_PIXELS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let i = 0; i < data.length; i += 4)
    if (data[i] > data[i + 1] + 14 && data[i + 2] > data[i + 1] + 4) found += 1;
  return found;
}"""
"""How much of a chart has the colour of the fan: more red, and more blue, than green."""

JUDGED = ("desktop-light", "phone-dark")
UNJUDGED = ("map", "place", "alert")


def on_stage(
    browser: Browser, stage: Stage, tell: Callable[[str], Coroutine[Any, Any, None]]
) -> None:
    with shown(stage) as url:
        browser.run(tell(url))


def looked_at(
    browser: Browser,
    stage: Stage,
    look: Callable[[Any, str], Coroutine[Any, Any, None]],
    **options: Any,
) -> None:
    """A story of one page at the stage's address, which complains about nothing."""

    async def tell(url: str) -> None:
        page, seen = await browser.page(**options)
        await look(page, url)
        assert seen.problems == []

    on_stage(browser, stage, tell)


async def go(page: Any, url: str, stage: Stage, view: str) -> None:
    path, ready = VIEWS[view]
    await page.goto(url + path.format(recife=stage.id_of("Recife")))
    await page.wait_for_selector(ready)


VIEWS_NEXT = {"watch.js", "place.js", "alert.js", "subscribe.js", "manage.js", "operator.js"}
WAITED = """() => { window.waited = new Promise((done) => new MutationObserver(() => {
  if (document.querySelector("#main").textContent.includes("Carregando…")) done(true);
}).observe(document.body, { childList: true, subtree: true, characterData: true })); }"""


async def passing(page: Any, awaited: Any) -> None:
    """Until it is there; the page's own time passes meanwhile."""
    async with patient():
        while not await awaited.count():
            await page.clock.run_for(2_000)
            await page.wait_for_timeout(50)


def test_axe_finds_no_serious_fault_and_the_policy_is_not_violated(browser: Browser) -> None:
    stage = Stage()

    async def look(url: str, screen: str) -> None:
        page, seen = await browser.page(**SCREENS[screen], reduced_motion="reduce")
        # Each size and each theme is judged by axe once; the other two are no wider, either.
        is_judged = screen in JUDGED
        for view in VIEWS if is_judged else UNJUDGED:
            await go(page, url, stage, view)
            await page.evaluate("document.fonts.ready")
            await page.evaluate(
                "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
            )
            is_whole = view != "map" or "phone" in screen
            await pictured(page, f"{view}-{screen}", full_page=is_whole)
            if is_judged:
                assert await faults(page) == [], (view, screen)
            wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
            assert not wide, f"{view} is wider than {screen}"
        assert seen.problems == []
        assert seen.hosts == {url.removeprefix("http://")}

    async def tell(url: str) -> None:
        await asyncio.gather(*(look(url, screen) for screen in SCREENS))

    on_stage(browser, stage, tell)


JUDGE = """axe.run(document, {
  resultTypes: ["violations"],
  rules: Object.fromEntries(axe._audit.rules
    .filter(({ impact }) => impact === "minor" || impact === "moderate")
    .map(({ id }) => [id, { enabled: false }])),
})"""
"""Without the rules that find nothing worse, which take half of the time."""


async def faults(page: Any) -> list[str]:
    """What axe-core calls serious or critical. It is put in by the debugger, past the policy."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text("utf-8"))
    told = await page.evaluate(JUDGE)
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:120]} {one['nodes'][0]['failureSummary']}"
        for one in told["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_the_first_view_of_the_map_is_light_and_soon_there(browser: Browser) -> None:
    async def tell(url: str) -> None:
        page, _ = await browser.page()
        bodies: dict[str, int] = {}

        async def weigh(response: Any) -> None:
            if "/v1/events" not in response.url:
                sizes = await response.request.sizes()
                bodies[response.url] = sizes["responseBodySize"] + sizes["responseHeadersSize"]

        page.on("response", weigh)
        await page.goto(url)
        await page.wait_for_selector("#map[data-ready=yes] canvas.dots")
        ready_ms = await page.evaluate("performance.now()")
        await page.wait_for_selector("#map[data-land=yes]")
        await page.wait_for_timeout(200)
        weight = sum(bodies.values())
        print(f"first view: {weight} bytes in {len(bodies)} answers, map after {ready_ms:.0f} ms")
        assert weight < 250_000, bodies
        assert ready_ms < 2_000 * 2 * slowness()  # the machine of the tests has others on it
        assert not any(name.endswith("uplot.js") for name in bodies)

    on_stage(browser, Stage(), tell)


def municipalities(shared: Path) -> list[dict[str, Any]]:
    with (shared / "geo/municipios.csv").open(encoding="utf-8-sig") as file:
        return [
            {"id": row["codigo_ibge"], "name": row["nome"], "area": None, "levels": {},
             "latitude": float(row["latitude"]), "longitude": float(row["longitude"]),
             "timezone": "America/Sao_Paulo"}
            for row in csv.DictReader(file)
        ]  # fmt: skip


def test_every_municipality_of_brazil_stays_smooth(browser: Browser, shared: Path) -> None:
    stage = Stage(municipalities(shared), calm=True)
    assert len(stage.places) == 5_571

    async def look(page: Any, url: str) -> None:
        await page.goto(url)
        await page.wait_for_selector("#map[data-ready=yes] canvas.dots")
        await page.wait_for_timeout(300)
        await page.evaluate(FRAMES)
        await page.mouse.move(400, 400)
        await page.mouse.down()
        for step in range(30):
            await page.mouse.move(400 + 6 * step, 400 + 4 * step)
        await page.mouse.up()
        await page.mouse.wheel(0, -400)
        await page.wait_for_timeout(900)
        times = sorted(await page.evaluate("window.frames"))
        middle, worst = times[len(times) // 2], times[-1]
        print(f"{len(stage.places)} places: median frame {middle:.0f} ms, worst {worst:.0f} ms")
        assert middle < 40 * slowness()
        assert worst < 600 * slowness()
        await pictured(page, "map-5571")
        await page.fill("#find", "são josé")
        await page.get_by_text("lugares", exact=False).first.wait_for()
        assert await page.locator(".places a").count() >= 20

    looked_at(browser, stage, look)


FRAMES = """() => {
  window.frames = [];
  let last = performance.now();
  const next = (now) => {
    window.frames.push(now - last);
    last = now;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}"""


def test_a_source_that_falls_silent_is_told_with_since_when_and_not_as_calm(
    browser: Browser,
) -> None:
    stage = Stage(calm=True)

    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await page.goto(url)
        await page.get_by_role("heading", name="Tudo tranquilo nos 27 lugares").wait_for()
        lost = [place["id"] for place in stage.places[:3]]
        since = stage.now.replace(minute=5).isoformat()
        stage.blind = [{"source": "open-meteo", "since": since, "places": lost}]
        stage.push("sources", {})
        banner = page.locator(".banner")
        await banner.wait_for()
        told = await banner.inner_text()
        assert "Sem dados de open-meteo em 3 lugares desde" in told
        assert ":05" in told
        await page.get_by_text("não conseguimos ver agora").wait_for()
        assert await page.inner_text("h1") == "Nenhum alerta"

    on_stage(browser, stage, tell)


def test_places_that_never_answered_are_not_calm_on_any_screen(browser: Browser) -> None:
    stage = Stage(calm=True)
    stage.no_data = {place["id"] for place in stage.places}

    async def look(url: str, screen: str) -> None:
        page, seen = await browser.page(**SCREENS[screen], reduced_motion="reduce")
        await page.goto(url)
        await page.get_by_role("heading", name="27 lugares, nenhum respondeu ainda").wait_for()
        await page.wait_for_selector("#map[data-land=yes] canvas.dots")
        assert await page.locator(".places .badge", has_text="sem dados").count() == 27
        assert await page.get_by_text("Tudo tranquilo").count() == 0
        await pictured(page, f"unanswered-{screen}")
        await page.goto(f"{url}/#/place/{stage.id_of('Recife')}")
        await page.get_by_text("ainda não respondeu nenhuma vez").wait_for()
        assert await page.get_by_text("Tranquilo agora").count() == 0
        assert seen.problems == []

    async def tell(url: str) -> None:
        await asyncio.gather(*(look(url, screen) for screen in JUDGED))

    on_stage(browser, stage, tell)


def test_a_place_that_falls_silent_is_no_longer_calm_without_any_event(browser: Browser) -> None:
    stage = Stage(calm=True, now=AFTERNOON)

    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await page.clock.install(time=stage.now)
        await page.goto(url)
        await page.get_by_role("heading", name="Tudo tranquilo nos 27 lugares").wait_for()
        stage.no_data = {stage.id_of("Recife")}
        await page.clock.run_for(31_000)  # how things stand is asked now and then
        await page.get_by_text("Sem dados de 1 lugar de 27").wait_for()
        assert await page.inner_text("h1") == "Nenhum alerta"

    on_stage(browser, stage, tell)


LATE = re.compile(r"Última notícia: 14:[345]\d")


def test_nothing_moves_without_an_end(browser: Browser) -> None:
    """A page stands open all day: what moves for ever is drawn sixty times a second."""

    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await page.goto(url)
        await page.wait_for_selector(".live.is-live")
        lasting = "document.getAnimations().map((each) => each.effect.getComputedTiming().endTime)"
        ends = await page.evaluate(lasting)
        assert ends, "what is live moves for a moment"
        assert max(ends) <= 10_000, ends

    on_stage(browser, Stage(), tell)


@pytest.mark.parametrize("screen", ["desktop-light", "phone-dark"])
def test_a_frozen_server_is_told_with_when_it_was_last_heard_and_leaves_no_click_unanswered(
    browser: Browser, screen: str
) -> None:
    stage = Stage(now=AFTERNOON)

    async def tell(url: str) -> None:
        page, seen = await browser.page(**SCREENS[screen])
        fetched: set[str] = set()
        page.on("requestfinished", lambda each: fetched.add(each.url.rpartition("/views/")[2]))
        await page.clock.install(time=stage.now)
        await go(page, url, stage, "place")
        await page.evaluate("location.hash = '#/'")
        await page.wait_for_selector(".live.is-live")
        await page.clock.run_for(6_000)
        await until(lambda: fetched.issuperset(VIEWS_NEXT))  # those that may come next
        stage.is_frozen = True
        await passing(page, page.locator(".live.is-late"))
        assert LATE.search(await page.inner_text(".live"))
        assert LATE.search(await page.inner_text(".banner"))
        assert await page.inner_text("h1") == "6 alertas ativos"  # what was known stays
        # A place that was looked at is kept; another one says what cannot be loaded.
        await page.evaluate(WAITED)
        await page.evaluate(f"location.hash = '#/place/{stage.id_of('Recife')}'")
        await page.evaluate("window.waited")
        await passing(page, page.get_by_role("heading", name="Recife"))
        await passing(page, page.locator(".chart[data-drawn=yes]"))
        await page.evaluate(f"location.hash = '#/place/{stage.id_of('Manaus')}'")
        await passing(page, page.get_by_role("button", name="Tentar de novo"))
        assert "Manaus" in await page.inner_text("h1")
        await pictured(page, f"frozen-{screen}")
        for view in ("subscribe", "operator"):
            await page.evaluate(f"location.hash = '#/{view}'")
            await passing(page, page.get_by_role("heading", level=1))
        stage.is_frozen = False
        await page.evaluate("location.hash = '#/'")
        await passing(page, page.locator(".live.is-live"))
        await page.locator(".banner", has_text="Última notícia").wait_for(state="detached")
        assert seen.hosts == {url.removeprefix("http://")}

    on_stage(browser, stage, tell)


def test_a_dead_server_leaves_the_views_and_says_what_it_cannot_load(browser: Browser) -> None:
    stage = Stage(now=AFTERNOON)

    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await page.clock.install(time=stage.now)
        await page.goto(url)
        await page.wait_for_selector(".live.is-live")
        await page.route("**/*", lambda route: route.abort())  # from here on nothing answers
        await page.locator(".cards a").first.click()  # whose view was never fetched
        await page.get_by_role("button", name="Tentar de novo").wait_for()
        assert "Sem contato com a Atalaia" in await page.inner_text("#main")
        await page.evaluate("location.hash = '#/'")
        await page.get_by_role("heading", name="6 alertas ativos").wait_for()

    on_stage(browser, stage, tell)


@pytest.mark.parametrize(
    ("fell_asleep", "told"),
    [
        (AFTERNOON, LATE),
        (AFTERNOON + timedelta(hours=8), re.compile(r"Última notícia: ontem 22:[345]\d")),
    ],
)
def test_a_tab_that_slept_says_so_before_it_has_heard_anything(
    browser: Browser, fell_asleep: datetime, told: re.Pattern[str]
) -> None:
    stage = Stage(calm=True, now=fell_asleep)

    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await page.clock.install(time=stage.now)
        await page.goto(url)
        await page.wait_for_selector(".live.is-live")
        stage.is_frozen = True  # the machine has no network yet
        await page.clock.fast_forward(3 * 3600 * 1000)
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await page.wait_for_selector(".live.is-late")
        assert told.search(await page.inner_text(".live"))

    on_stage(browser, stage, tell)


def test_all_can_be_done_by_keyboard(browser: Browser) -> None:
    stage = Stage()

    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await go(page, url, stage, "map")
        await page.keyboard.press("Tab")
        assert await focused(page) == "Ir para o conteúdo"
        front = page.locator(".system summary")
        told = (
            "agora em 3 lugares · cresce: 2 lugares há 3 h · centro: 144 km para o nordeste em 3 h"
        )
        assert told in await front.inner_text()
        assert await page.locator(".leaflet-systems-pane").get_attribute("data-levels") == "red"
        assert await page.locator(".cards a").count() == 3  # what stands alone
        await front.focus()
        await page.keyboard.press("Enter")
        await page.locator(".system a").nth(2).wait_for()
        await front.evaluate("one => one.dataset.before = 'yes'")
        stage.push("sources", {})  # the list is drawn anew, and stays as it is
        await page.wait_for_selector(".system summary:not([data-before])")
        await page.locator(".system a").nth(2).wait_for()
        for passed in ("Copiar o endereço", "Relatório", "Chuva forte"):
            await page.keyboard.press("Tab")
            assert passed in await focused(page)
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".life")
        # The new view's title is read.
        await page.locator("h1:focus", has_text="Chuva forte, Porto Alegre").wait_for()
        await go(page, url, stage, "subscribe")
        await page.focus("#town")
        await page.keyboard.type("reci")
        await page.wait_for_selector("#towns [role=option]")
        await page.keyboard.press("ArrowDown")
        chosen = await page.get_attribute("#town", "aria-activedescendant")
        assert "Recifinho" in await page.inner_text(f"#{chosen}")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".chosen li >> nth=1")
        assert await page.get_attribute("#town", "aria-expanded") == "false"

    on_stage(browser, stage, tell)


NOTE_INSTANTS = """(pane) => {
  window.instants = [];
  new MutationObserver(() => {
    const said = document.querySelector(".history output")?.textContent;
    if (pane.dataset.at !== instants.at(-1)?.[0]) instants.push([pane.dataset.at, said]);
  }).observe(pane, { attributes: true, attributeFilter: ["data-at"] });
}"""
"""Each instant that the map shows from now on, with what is said beside it."""


@pytest.mark.parametrize("screen", JUDGED)
def test_the_history_of_a_system_is_played_and_moved_through_by_hand(
    browser: Browser, screen: str
) -> None:
    stage = Stage(now=AFTERNOON)
    stage.moves()

    async def tell(url: str) -> None:
        page, seen = await browser.page(**SCREENS[screen])
        await page.clock.install(time=stage.now)
        await page.goto(url)
        await page.wait_for_selector("#map[data-land=yes] canvas.dots")
        assert not await asked_for(page, "history.js"), "only who opens one is sent it"
        await page.locator(".system summary").click()
        pane = page.locator(".leaflet-systems-pane")
        slider = page.get_by_role("slider", name="Como foi")
        await slider.wait_for()
        assert "13:30 · 2 lugares" in await page.inner_text(".history")
        assert await pane.get_attribute("data-at") == ""
        await pane.evaluate(NOTE_INSTANTS)
        await page.get_by_role("button", name="Reproduzir").click()
        await page.wait_for_function("window.instants.length")
        stage.push("sources", {})  # the list is drawn anew, and it plays on
        async with patient():  # by our time or, on a slow machine, by its own
            while not await page.get_by_role("button", name="Reproduzir").count():
                await page.clock.run_for(700)
        told = [one["properties"]["at"] for one in stage.steps]
        seen_at = await page.evaluate("window.instants")
        assert [at for at, _ in seen_at] == told, "each of the four in turn"
        assert seen_at[0][1].startswith("05:30 · 1 lugar")
        await slider.focus()
        await page.keyboard.press("ArrowLeft")
        assert "11:30 · 3 lugares" in str(await slider.get_attribute("aria-valuetext"))
        assert await pane.get_attribute("data-at") == stage.steps[2]["properties"]["at"]
        await pictured(page, f"history-{screen}")
        assert await faults(page) == []
        await page.keyboard.press("Home")
        await pictured(page, f"history-first-{screen}")
        await page.locator(".system summary").click()
        await page.wait_for_selector(".leaflet-systems-pane[data-at='']", state="attached")
        assert seen.problems == []

    on_stage(browser, stage, tell)


def test_who_wants_no_motion_moves_through_a_history_by_hand_alone(browser: Browser) -> None:
    stage = Stage(now=AFTERNOON)
    stage.moves()

    async def look(page: Any, url: str) -> None:
        await page.goto(url)
        await page.wait_for_selector("#map[data-ready=yes]")
        await page.locator(".system summary").click()
        await page.get_by_role("slider", name="Como foi").wait_for()
        assert await page.get_by_role("button", name="Reproduzir").count() == 0
        await page.get_by_role("slider", name="Como foi").press("Home")
        assert "1 lugar" in await page.inner_text(".history output")

    looked_at(browser, stage, look, reduced_motion="reduce")


async def asked_for(page: Any, name: str) -> bool:
    told = (
        "(name) => performance.getEntriesByType('resource').some((one) => one.name.includes(name))"
    )
    return bool(await page.evaluate(told, name))


async def focused(page: Any) -> str:
    return str(await page.evaluate("document.activeElement.textContent"))


def test_ones_location_is_asked_for_once_and_rounded(browser: Browser) -> None:
    stage = Stage(calm=True)

    async def tell(url: str) -> None:
        page, _ = await browser.page(
            geolocation={"latitude": -8.063169, "longitude": -34.871139},
            permissions=["geolocation"],
        )
        await page.goto(f"{url}/#/subscribe")
        await page.get_by_role("button", name="Usar minha localização").click()
        await page.get_by_text("Perto de mim").wait_for()
        await page.wait_for_selector(".preview strong")
        sent = json.dumps([body for name, body in stage.asked if name == "preview"])
        assert '"latitude": -8.05' in sent
        assert '"longitude": -34.85' in sent
        assert "8.063" not in sent

    on_stage(browser, stage, tell)


def previewed(stage: Stage) -> list[list[float]]:
    """The distances of each preview that was asked for, in km."""
    asked = [body for name, body in stage.asked if name == "preview"]
    return [[one["radius_km"] for one in body["where"]] for body in asked]


@pytest.mark.parametrize("screen", ["desktop-light", "phone-dark"])
def test_a_town_out_of_reach_is_wished_for_and_not_subscribed_to(
    browser: Browser, screen: str
) -> None:
    stage = Stage(calm=True)

    async def tell(url: str) -> None:
        page, _ = await browser.page(**SCREENS[screen])
        await page.goto(f"{url}/#/subscribe")
        await page.fill("#town", "lisb")
        await page.wait_for_selector("#towns [role=option]")
        await page.press("#town", "Enter")
        await page.get_by_text("Não vigiamos nada perto de Lisboa, PT").wait_for()
        assert await page.locator(".chosen li").count() == 0
        await pictured(page, f"wish-{screen}")
        await page.get_by_role("button", name="Pedir").click()
        await page.get_by_text("vê que Lisboa, PT foi pedido").wait_for()
        assert [body for name, body in stage.asked if name == "wish"] == [{"town": 9}]
        # The distance said is the distance used.
        await page.fill("#town", "recifi")
        await page.wait_for_selector("#towns [role=option]")
        await page.press("#town", "Enter")
        await page.get_by_text("Vigiamos Recife, a 7 km").wait_for()
        await page.check("input[name=radius][value='10']")
        await until(lambda: previewed(stage)[-1:] == [[10]])
        await page.wait_for_selector(".preview strong")

    on_stage(browser, stage, tell)


def test_the_page_speaks_the_browsers_language(browser: Browser) -> None:
    titles = {
        "pt-PT": "6 alertas ativos",
        "en-GB": "6 active alerts",
        "es-AR": "6 alertas activas",
        "fi": "6 active alerts",
    }

    async def look(url: str, locale: str, title: str) -> None:
        page, seen = await browser.page(locale=locale)
        await page.goto(url)
        await page.get_by_role("heading", name=title).wait_for()
        await page.select_option(".language select", "es")
        await page.get_by_role("heading", name="6 alertas activas").wait_for()
        assert await page.evaluate("document.documentElement.lang") == "es"
        assert seen.problems == []

    async def tell(url: str) -> None:
        await asyncio.gather(*(look(url, *pair) for pair in titles.items()))

    on_stage(browser, Stage(), tell)


def test_the_three_languages_have_the_same_words(browser: Browser) -> None:
    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await page.goto(url)
        keys = await page.evaluate(
            """async () => {
              const { static: at } = document.documentElement.dataset;
              const { file } = await import(`${at}/libraries.js`);
              const flat = (o, at = "") => Object.entries(o).flatMap(([key, value]) =>
                value && typeof value === "object" && !Array.isArray(value)
                  ? flat(value, `${at}${key}.`) : [`${at}${key}:${typeof value}`]);
              const found = [];
              for (const one of ["pt-BR", "en", "es"])
                found.push((await Promise.all(["", "map/", "operator/"].map(async (at) =>
                  flat((await import(file(`${at}words/${one}.js`))).words, at)))).flat().sort());
              return found;
            }"""
        )
        assert keys[0] == keys[1] == keys[2]
        assert len(keys[0]) > 200

    on_stage(browser, Stage(calm=True), tell)


def test_the_page_knows_the_unit_of_each_variable_by_its_name(browser: Browser) -> None:
    units = {name: one.unit for name, one in CATALOGUE.items()}

    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await page.goto(url)
        told = await page.evaluate(
            """async (names) => {
              const { static: at } = document.documentElement.dataset;
              const { unitOf } = await import(`${at}/format.js`);
              return Object.fromEntries(names.map((name) => [name, unitOf(name)]));
            }""",
            list(units),
        )
        assert told == units

    on_stage(browser, Stage(calm=True), tell)


def test_without_the_libraries_there_are_lists_and_tables(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets, version = web._ours()
    ours = {name: asset for name, asset in assets.items() if not name.startswith("vendor/")}
    monkeypatch.setattr(web, "_ours", lambda: (ours, version))
    stage = Stage()

    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await page.goto(url)
        await page.get_by_text("O mapa não foi construído").wait_for()
        await page.locator(".cards a").nth(2).wait_for()
        await page.locator(".system summary").click()
        await page.locator(".cards a").nth(5).wait_for()
        await page.goto(f"{url}/#/place/{stage.id_of('Recife')}")
        await page.locator(".chart-box summary").first.click()
        await page.locator(".chart-box tbody tr").nth(20).wait_for()

    on_stage(browser, stage, tell)


def test_events_that_do_not_come_are_asked_for(browser: Browser) -> None:
    stage = Stage(calm=True)

    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await page.route("**/v1/events", lambda route: route.fulfill(status=503))
        await page.goto(url)
        await page.get_by_text("Atualizado há no máximo 2 min").wait_for()

    on_stage(browser, stage, tell)


def test_where_there_are_no_events_one_small_question_is_asked_ever_less_often(
    browser: Browser,
) -> None:
    stage = Stage(calm=True, now=AFTERNOON)

    async def tell(url: str) -> None:
        page, _ = await browser.page()
        asked: list[str] = []
        under_way: set[Any] = set()

        def begins(request: Any) -> None:
            asked.append(request.url.removeprefix(url))
            under_way.add(request)

        def ends(request: Any) -> None:
            under_way.discard(request)

        page.on("request", begins)
        page.on("requestfinished", ends)
        page.on("requestfailed", ends)

        async def minutes(n: int) -> None:
            for _ in range(12 * n):
                await page.clock.run_for(5_000)
                await page.wait_for_timeout(5)
                while under_way:  # by the page's clock no answer takes long
                    await page.wait_for_timeout(5)

        await page.clock.install(time=stage.now)
        await page.route("**/v1/events", lambda route: route.fulfill(status=501))
        await page.goto(url)
        await minutes(1)
        await page.get_by_text("Atualizado há no máximo 2 min").wait_for()
        asked.clear()
        await minutes(10)
        told = [path for path in asked if path.startswith("/v1/")]
        assert set(told) == {"/v1/summary"}
        assert 5 <= len(told) <= 10, "of ten minutes"

    on_stage(browser, stage, tell)


OPENED = re.compile(
    r"map/(words/.*|panel|time|values|layers|tiles)\.js|style/panels\.css|report\.js"
)
"""What is loaded when somebody opens a part beneath the map or asks for a report, and never
before."""

OPERATORS = "operator/"
"""What is loaded once an operator's key was given."""


def test_our_own_files_are_few_bytes() -> None:
    """All that one reader may load without opening a part beneath the map, and what comes with all
    of these parts: the words are of one language."""
    assets, _ = web._ours()
    sizes = {
        name: len(gzip.compress(asset.body, 9))
        for name, asset in assets.items()
        if not name.startswith(("vendor/", "icons/"))  # icons are for who installs the page
    }
    opened = {name: sizes.pop(name) for name in list(sizes) if OPENED.fullmatch(name)}
    behind = {name: sizes.pop(name) for name in list(sizes) if name.startswith(OPERATORS)}
    assert in_one_language(sizes, "words/") < 85_000
    assert in_one_language(behind, "operator/words/") < 8_000
    assert in_one_language(opened, "map/words/") < 9_500


def in_one_language(sizes: dict[str, int], folder: str) -> int:
    """The sum, with the largest of the three files of words."""
    words = [size for name, size in sizes.items() if name.startswith(folder)]
    assert len(words) == 3
    return sum(sizes.values()) - sum(words) + max(words)


FAN = {
    "pt-BR": (
        "rodadas dos modelos",
        "51 rodadas de open-meteo:ensemble",
        "8 de 10 rodadas",
        "Sem correção",
    ),
    "en": ("model runs", "51 runs of open-meteo:ensemble", "8 of 10 runs", "Raw: our record"),
    "es": (
        "corridas de los modelos",
        "51 corridas de open-meteo:ensemble",
        "8 de 10 corridas",
        "Sin corregir",
    ),
}


@pytest.mark.parametrize("language", FAN)
def test_a_place_draws_the_fan_of_the_model_runs_and_says_the_same_in_words_and_as_a_table(
    browser: Browser, language: str
) -> None:
    stage = Stage(now=AFTERNOON)
    title, told, share, raw = FAN[language]

    async def look(url: str, screen: str) -> None:
        page, seen = await browser.page(**SCREENS[screen], locale=language, reduced_motion="reduce")
        await page.clock.set_fixed_time(stage.now)
        await go(page, url, stage, "place")
        box = page.locator(".chart-box", has=page.locator(".key-fan"))
        await box.locator(".chart[data-drawn=yes]").wait_for()
        assert await box.count() == 1, "the rain of a day alone has runs"
        words = await box.inner_text()
        assert told in words
        assert share in words
        assert raw in words, "the runs as they are, whatever our record says"
        label = str(await box.locator(".chart").get_attribute("aria-label"))
        assert title in label
        assert await box.locator("canvas").evaluate(FAN_PIXELS) > 2_000
        await pictured(box, f"fan-{language}-{screen}")
        await box.locator("summary").click()
        table = box.get_by_role("table").nth(1)
        await table.locator("tbody tr").nth(21).wait_for()
        head = await table.locator("th").all_inner_texts()
        assert head[1:2] + head[5:6] == ["10 %", "90 %"]
        row = (await table.locator("tbody tr").nth(21).inner_text()).split("\t")
        (fan,) = stage.chances()
        said = [float(one.replace(",", ".")) for one in row[1:6]]
        assert said == [fan["quantiles"][q][21] for q in ("10", "25", "50", "75", "90")]
        assert row[6:] == [f"{fan['chances'][level][21] * 100:.0f} %" for level in LEVELS] + ["51"]
        assert await faults(page) == []
        wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
        assert not wide
        assert seen.problems == []

    async def tell(url: str) -> None:
        await asyncio.gather(*(look(url, screen) for screen in JUDGED))

    on_stage(browser, stage, tell)


def test_a_place_without_runs_of_models_shows_all_else(browser: Browser) -> None:
    stage = Stage()
    stage.is_without_runs = True

    async def tell(url: str) -> None:
        page, seen = await browser.page()
        await go(page, url, stage, "place")
        assert await page.locator(".key-fan").count() == 0
        await page.route("**/chances", lambda route: route.fulfill(status=503, body="{}"))
        await page.reload()
        await page.wait_for_selector(".chart[data-drawn=yes]")
        assert [one for one in seen.problems if "503" not in one] == []

    on_stage(browser, stage, tell)


def with_stations() -> Stage:
    """Calm, with two instruments near Recife."""
    stage = Stage(calm=True)
    stage.stations = [
        {"id": "wis2:0-20000-0-83743", "name": "Jardim Botânico", "kind": "official",
         "latitude": -8.0, "longitude": -34.9, "km": 3.2, "height_m": None, "interval_s": 3600,
         "last_valid_at": stage.now.isoformat(),
         "speaks_for": ["temperature_c", "rain_mm in 24 h and more"]},
        {"id": "metar:SBXX", "name": "Longe", "kind": "aerodrome", "latitude": -8.3,
         "longitude": -34.9, "km": 40.0, "height_m": None, "interval_s": 3600,
         "last_valid_at": None, "speaks_for": []},
    ]  # fmt: skip
    return stage


def test_a_place_says_which_instruments_speak_for_it_and_how_far_they_are(browser: Browser) -> None:
    stage = with_stations()

    async def look(page: Any, url: str) -> None:
        await page.goto(f"{url}/#/place/{stage.id_of('Recife')}")
        row = page.locator("section[aria-labelledby=eyes] tr")
        await row.first.wait_for()
        assert await row.count() == 1, "what speaks for nothing is not shown"
        told = await row.first.inner_text()
        assert "Jardim Botânico" in told
        assert "a 3,2 km" in told
        assert "Temperatura, Chuva (somas de 24 h ou mais)" in told

    looked_at(browser, stage, look)


def test_on_zooming_in_the_map_shows_instruments_as_themselves(browser: Browser) -> None:
    stage = with_stations()
    stage.places = [place for place in stage.places if place["name"] == "Recife"]

    async def tell(url: str) -> None:
        page, seen = await browser.page(reduced_motion="reduce")
        await page.goto(url)
        marks = "#map[data-land=yes] canvas.dots[data-stations='{}']"
        await page.wait_for_selector(marks.format(2))
        (asked,) = {told for name, told in stage.asked if name == "stations"}
        assert all(part.lstrip("-").isdigit() for part in asked.split(",")), "whole degrees"
        await pictured(page, "map-stations")
        shown = await page.locator("#map").bounding_box()
        south = (stage.places[0]["latitude"] + 8.3) * 256 * 2**8 / 360  # of the place, pixels
        middle = shown["x"] + shown["width"] / 2, shown["y"] + shown["height"] / 2
        await page.mouse.click(middle[0] - 17, middle[1] - 12 + south)  # beside what lies above
        told = page.locator(".popup")
        await told.wait_for()
        assert "Longe" in await told.inner_text()
        assert "aeródromo" in await told.inner_text()
        for _ in range(2):
            await page.locator(".leaflet-control-zoom-out").click()
            await page.wait_for_timeout(50)
        await page.wait_for_selector(marks.format(0))
        assert seen.problems == []

    on_stage(browser, stage, tell)


def test_who_leaves_the_map_before_its_instruments_came_meets_no_fault(browser: Browser) -> None:
    stage = with_stations()
    stage.places = [place for place in stage.places if place["name"] == "Recife"]

    async def look(page: Any, url: str) -> None:
        asked, may_come = asyncio.Event(), asyncio.Event()

        async def hold(route: Any) -> None:
            asked.set()
            await may_come.wait()
            await route.continue_()

        await page.route("**/closer.js*", hold)
        await page.goto(url)
        async with patient():
            await asked.wait()
        await page.evaluate(f"location.hash = '#/place/{stage.id_of('Recife')}'")
        await page.locator("section[aria-labelledby=eyes] tr").first.wait_for()
        may_come.set()
        came = "performance.getEntriesByType('resource').some((one) => /closer/.test(one.name))"
        async with patient():
            while not await page.evaluate(came):
                await asyncio.sleep(0.02)
        await page.evaluate("new Promise((done) => setTimeout(done, 100))")

    looked_at(browser, stage, look)
