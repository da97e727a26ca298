"""Each state of the page that people come to, in each language, on each screen: nothing that axe
calls serious, nothing wider than the screen, nothing cut off, no word missing. Pictures of
them go to build/screenshots/states where ATALAIA_PICTURES is set.

`make test` goes through each once, on a phone in Spanish or on a desktop in English; with
ATALAIA_STATES=long (`make states`) through all on four screens in three languages.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import FastAPI, Request

from atalaia.api import answering, leaving
from atalaia.domain.words import LANGUAGES

from .conftest import Browser, pictured
from .stage import RULES, Json, Stage, application, iso, served
from .test_layers import radar_and_model
from .test_looks import AFTERNOON, SCREENS, faults

IS_LONG = os.environ.get("ATALAIA_STATES") == "long"
SHORT = [("phone-dark", "es"), ("desktop-light", "en")]
ROUNDS = [(screen, language) for screen in SCREENS for language in LANGUAGES] if IS_LONG else SHORT

Go = Callable[[Any, Stage], Awaitable[Any]]


def everything(stage: Stage) -> FastAPI:
    """The stage, with what only some states ask for."""
    app = application(stage)
    answers = SimpleNamespace(
        message=lambda _: "m", received=lambda _: True, stop=lambda _: True, change=lambda _: "x"
    )
    app.include_router(leaving.routes(lambda _: True, "pt-BR"))
    app.include_router(answering.routes(cast(Any, answers), "pt-BR"), prefix="/v1")

    @app.post("/v1/subscribe", status_code=201)
    async def subscribe(request: Request) -> Json:
        words = "Defesa Civil de Exemplo, privacidade@example.org. " * 6
        return {"person": "p_new", "to_confirm": ["email"], "secrets": {}, "notes": [],
                "consent": words, "manage": "/manage#atm_p_new.0.email.0.x"}  # fmt: skip

    @app.post("/v1/people/{person}/confirm")
    async def confirm(person: str) -> Json:
        return {"person": person, "manage": "/manage#atm_p_new.0.email.0.x"}

    @app.get("/v1/people")
    def people() -> Json:
        some = [
            {"person": f"p_{'abcdefghij'[i] * 22}", "created_at": iso(stage.now),
             "confirmed_at": iso(stage.now), "contacts": [
                 {"channel": "email", "status": "confirmed"},
                 {"channel": "telegram", "status": ("pending", "stopped")[i % 2]}]}
            for i in range(3)
        ]  # fmt: skip
        return {"items": some, "next": None}

    @app.get("/v1/lag")
    def lag() -> Json:
        return {"stream_offset": 1_284_311, "speed": 0, "speed_s": 0, "archive": 412, "board": 0,
                "fan_out": 3, "step_s": 0.0184532, "deliveries": 1203}  # fmt: skip

    @app.get("/v1/deliveries")
    def deliveries() -> Json:
        at = int(stage.now.timestamp())
        words = dict.fromkeys(LANGUAGES, "HTTP 410: …")
        some = [
            {"id": f"msg_{i:030x}", "person": "p_a", "channel": "email", "kind": "alert:x",
             "status": status, "attempts": 1 + i, "reason": "HTTP 410" if i == 1 else "",
             "in_words": words if i == 1 else dict.fromkeys(LANGUAGES, ""), "due_at": at,
             "settled_at": at, "acknowledged_at": 0, "letter": f"msg_{i:030x}"}
            for i, status in enumerate(("sent", "dead", "waiting", "late"))
        ]  # fmt: skip
        return {"items": some, "next": None, "counts": {"email": {"dead": 1204, "waiting": 3}}}

    @app.get("/v1/rules")
    def rules() -> Json:
        said = dict.fromkeys(LANGUAGES, "rain_mm ≥ 20 mm")
        return {"name": "inmet", "items": [{**rule, "in_words": said} for rule in RULES]}

    @app.get("/v1/silences")
    def silences() -> Json:
        some = [
            {"id": f"sil_{i}", "hazard": hazard, "place": place, "since": iso(stage.now),
             "until": iso(stage.now + timedelta(hours=2)), "reason": "Manutenção da estação",
             "by": "operator", "active": i == 0}
            for i, (hazard, place) in enumerate((("wind", None), (None, stage.id_of("Recife"))))
        ]  # fmt: skip
        return {"items": some, "next": None}

    @app.get("/v1/wishes")
    def wishes() -> Json:
        return {"items": [{"label": "Lisboa, PT", "count": 1204, "asked_at": "2026-01-10"}]}

    return app


async def first(page: Any, _: Stage) -> None:
    await page.goto("/")
    await page.wait_for_selector("#map[data-land=yes] canvas.dots")


async def system(page: Any, stage: Stage) -> None:
    await first(page, stage)
    await page.locator(".system summary").click()
    await page.locator(".system .history").wait_for()
    await page.locator(".system .history").scroll_into_view_if_needed()


async def place(page: Any, stage: Stage) -> None:
    await page.goto(f"/#/place/{stage.id_of('Recife')}")
    await page.wait_for_selector(".chart[data-drawn=yes]")


async def alert(page: Any, _: Stage) -> None:
    await page.goto("/#/alert/inc0")
    await page.locator(".life li").first.wait_for()


async def filters(page: Any, stage: Stage) -> None:
    await first(page, stage)
    await page.locator(".map-tools button").click()
    await page.locator("#filters select").first.wait_for()


async def search(page: Any, stage: Stage) -> None:
    await first(page, stage)
    await page.locator("#go").press_sequentially("rec")
    await page.locator("#go-list [role=option]").first.wait_for()


def beneath(name: str, query: str) -> Go:
    async def go(page: Any, _: Stage) -> None:
        await page.goto(f"/#/?{query}")
        await page.locator(f".under-{name}").wait_for()
        await page.wait_for_selector("#map[data-land=yes] canvas.dots")

    return go


async def subscribe(page: Any, stage: Stage) -> None:
    await page.goto(f"/#/subscribe?place={stage.id_of('Recife')}")
    await page.locator(".preview strong").wait_for()


async def code(page: Any, stage: Stage) -> None:
    await subscribe(page, stage)
    await page.locator("input[name=channel][value=email]").dispatch_event("click")
    await page.fill("#address", "voce@example.org")
    await page.locator("form.steps button[type=submit]").click()
    await page.locator("#code").wait_for()


async def done(page: Any, stage: Stage) -> None:
    await code(page, stage)
    await page.fill("#code", "123456")
    await page.locator("button[type=submit]").click()
    await page.locator(".copy input").wait_for()


async def lost(page: Any, _: Stage) -> None:
    await page.goto("/#/manage")
    await page.locator("h1").wait_for()


async def held(page: Any, _: Stage) -> None:
    await page.goto("/manage#atm_p_somebody.0.email.0.x")
    await page.get_by_text("35 mm").wait_for()


async def erasing(page: Any, stage: Stage) -> None:
    await held(page, stage)
    await page.locator("button.danger").click()
    await page.locator("dialog").wait_for()


async def leave(page: Any, _: Stage) -> None:
    await page.goto("/leave/x")


async def left(page: Any, stage: Stage) -> None:
    await leave(page, stage)
    await page.locator("button").click()
    await page.locator("form").wait_for(state="detached")


async def acknowledge(page: Any, _: Stage) -> None:
    await page.goto("/v1/m/x")


async def login(page: Any, _: Stage) -> None:
    await page.goto("/#/operator")
    await page.evaluate("sessionStorage.clear()")
    await page.reload()
    await page.locator("#key").wait_for()


def operator(tab: str) -> Go:
    async def go(page: Any, _: Stage) -> None:
        await page.goto("/#/manage")
        await page.evaluate("sessionStorage.setItem('operator', 'key')")
        await page.goto(f"/#/operator/{tab}")
        await page.locator(".tabs [aria-current=page]").wait_for()
        await page.locator(".view-operator .step > :is(.panel, form)").first.wait_for()
        for each in await page.locator(".view-operator details").all():
            await each.locator("summary").click()

    return go


TABS = (
    *("sources", "lag", "deliveries", "people", "rules", "places", "silences", "drills"),
    *("wishes", "reports"),
)

STATES: dict[str, Go] = {
    "first": first, "system": system, "filters": filters, "search": search,
    "hour": beneath("time", "at=2026-01-14T14"), "values": beneath("values", "values=rain_mm"),
    "layers": beneath("layers", "layers=1"), "place": place, "alert": alert,
    "subscribe": subscribe, "code": code, "done": done, "lost": lost, "held": held,
    "erasing": erasing, "leave": leave, "left": left, "acknowledge": acknowledge,
    "login": login, **{f"operator-{tab}": operator(tab) for tab in TABS},
}  # fmt: skip

LOOK = """() => {
  const wrong = document.body.innerText.match(/undefined|NaN|\\[object|\\$\\{|=>|null/g) ?? [];
  const isCut = (one) => one.checkVisibility() && !one.closest(".unseen")
    && getComputedStyle(one).overflowX !== "visible" && one.scrollWidth > one.clientWidth + 1;
  const cut = [...document.querySelectorAll("h1, h2, button, a, label, summary, th, dt, dd")]
    .filter(isCut).map((one) => one.outerHTML.slice(0, 90));
  return { wrong, cut, wide: document.documentElement.scrollWidth - innerWidth };
}"""


def states_of(screen: str, language: str) -> dict[str, Go]:
    """All; in the short form those that no other test judges, each on one screen."""
    if IS_LONG:
        return STATES
    some = [name for name in STATES if name not in JUDGED_ELSEWHERE]
    mine = some[SHORT.index((screen, language)) :: len(SHORT)]
    return {name: STATES[name] for name in mine}


JUDGED_ELSEWHERE = {
    *("first", "system", "place", "alert", "subscribe", "lost", "login"),
    *("filters", "hour", "values", "layers"),
    *("operator-rules", "operator-places", "operator-people"),
}


@pytest.mark.parametrize(("screen", "language"), ROUNDS)
def test_each_state_can_be_read_and_used_on_each_screen(
    browser: Browser, screen: str, language: str
) -> None:
    stage = Stage(now=AFTERNOON)
    stage.moves()
    stage.page = radar_and_model("https://tiles.example.org")
    found: dict[str, Any] = {}

    async def tell(url: str) -> None:
        options = {**SCREENS[screen], "reduced_motion": "reduce", "base_url": url}
        page, seen = await browser.page(locale=language, **options)
        await page.clock.set_fixed_time(stage.now)
        for name, go in states_of(screen, language).items():
            await page.goto("about:blank")
            await go(page, stage)
            await page.evaluate("document.fonts.ready")
            is_map = await page.locator("#map").count() and "desktop" in screen
            await pictured(page, f"states/{name}-{screen}-{language}", full_page=not is_map)
            told = await page.evaluate(LOOK)
            some = [*told["wrong"], *told["cut"], *await faults(page), *seen.problems]
            seen.problems.clear()
            if told["wide"] > 1:
                some.append(f"{told['wide']} pixels wider than the screen")
            if some:
                found[name] = some

    with served(everything(stage)) as url:
        browser.run(tell(url))
    assert found == {}
