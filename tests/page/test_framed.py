"""The widget in pages of others, in Chromium: who may frame it, and that it never grows old."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from patience import patient
from telling import NOON, news

from .conftest import Browser, pictured
from .outside import Watch
from .stage import Stage, served, shown
from .test_looks import faults

NARROW = 280


@contextmanager
def site(widget: str) -> Iterator[str]:
    """Somebody's page, on an origin of its own, that frames this."""
    app = FastAPI()
    frame = f'<iframe src="{widget}" width="{NARROW}" height="420" title="Atalaia"></iframe>'

    @app.get("/")
    def shown() -> Response:
        head = '<title>City</title><link rel="icon" href="data:,">'
        page = f'<!doctype html><html lang="en"><head>{head}</head><body>{frame}</body></html>'
        return Response(page, media_type="text/html")

    with served(app) as address:
        yield address


async def framed(browser: Browser, city: str, **options: Any) -> tuple[Any, Any, Any]:
    page, seen = await browser.page(**options)
    await page.clock.install(time=datetime.fromtimestamp(NOON, UTC))
    await page.goto(city)
    return page, page.frame_locator("iframe"), seen


def test_it_shows_in_pages_of_listed_origins_and_in_no_other(browser: Browser) -> None:
    async def tell(city: str, *, is_listed: bool) -> None:
        page, frame, _ = await framed(browser, city)
        shown = frame.get_by_text("Nenhum aviso em vigor")
        if is_listed:
            await shown.first.wait_for()
        else:
            await page.wait_for_load_state("networkidle")
            assert await shown.count() == 0

    watch = Watch()
    for is_listed in (True, False):
        # Its origin is known once it is served, and the watch's address before that: so the watch
        # lists all ports of this machine, or another host.
        origin = "http://127.0.0.1:*" if is_listed else "http://other.example"
        with listed(watch, origin) as url, site(f"{url}/widget?place=recife") as city:
            browser.run(tell(city, is_listed=is_listed))


@contextmanager
def listed(watch: Watch, origin: str) -> Iterator[str]:
    """The watch, whose widget this origin may frame; ports may be all, which settings refuse."""
    from atalaia.api import problem
    from atalaia.page import widget

    app = FastAPI()
    problem.install(app)
    app.include_router(widget.routes(watch.glances(), (origin,), "pt-BR"))

    @app.middleware("http")
    async def note(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        answer = await go_on(request)
        watch.statuses.append(answer.status_code)
        return answer

    with served(app) as address:
        yield address


def test_it_follows_by_itself_asks_by_its_etag_and_says_when_it_is_old(browser: Browser) -> None:
    watch = Watch()

    async def tell(city: str) -> None:
        page, frame, seen = await framed(browser, city)
        calm, rain = frame.get_by_text("Nenhum aviso em vigor"), frame.get_by_text("Chuva forte")
        await calm.wait_for()
        async with patient():
            while 304 not in watch.statuses:
                await page.clock.run_for(61_000)
                await page.wait_for_timeout(50)
        assert await frame.locator("#late").is_hidden()
        watch.tell(news())
        async with patient():
            while not await rain.count():
                await page.clock.run_for(61_000)
                await page.wait_for_timeout(50)
        assert await calm.count() == 0
        watch.tell(news(version=2, type="end"))
        async with patient():
            while not await calm.count():
                await page.clock.run_for(61_000)
                await page.wait_for_timeout(50)
        assert not seen.problems, seen.problems
        await page.context.set_offline(True)
        async with patient():
            while await frame.locator("#late").is_hidden():
                await page.clock.run_for(61_000)
                await page.wait_for_timeout(50)
        assert "Sem atualização desde" in await frame.locator("#late").inner_text()
        assert await calm.is_hidden()

    with listed(watch, "http://127.0.0.1:*") as url, site(f"{url}/widget?place=recife") as city:
        browser.run(tell(city))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["pt-BR", "en", "es"])
def test_it_is_legible_where_it_is_narrow(browser: Browser, language: str, scheme: str) -> None:
    watch = Watch()
    watch.tell(
        news("a", level="red", hazard="temperature_drop", place="natal"),
        news("b", level="orange"),
        news("c", level="yellow", hazard="uv", certainty="Possible", onset_at=NOON + 7200),
    )
    watch.loses("natal")

    async def tell(city: str) -> None:
        page, frame, seen = await framed(browser, city, color_scheme=scheme)
        await frame.locator("h1").wait_for()
        inner = page.frames[1]
        assert await inner.evaluate("document.documentElement.scrollWidth") <= NARROW
        assert await faults(inner) == []
        assert not seen.problems, seen.problems
        await pictured(page, f"widget-{language}-{scheme}")

    with (
        listed(watch, "http://127.0.0.1:*") as url,
        site(f"{url}/widget?lang={language}") as city,
    ):
        browser.run(tell(city))


def test_a_shared_address_leads_to_what_it_is_of(browser: Browser) -> None:
    stage = Stage()

    async def tell(url: str) -> None:
        page, seen = await browser.page()
        recife = stage.id_of("Recife")
        await page.goto(f"{url}/place/{recife}")
        await page.get_by_role("heading", name="Recife", level=1).wait_for()
        assert page.url == f"{url}/#/place/{recife}"
        await page.goto(f"{url}/system/{stage.systems[0]['id']}")
        await page.wait_for_selector("details.system[open] .cards li")
        assert not seen.problems, seen.problems

    with shown(stage) as url:
        browser.run(tell(url))


def test_a_place_is_shared_by_the_address_that_the_server_can_say_something_of(
    browser: Browser,
) -> None:
    stage = Stage()

    async def tell(url: str) -> None:
        page, _ = await browser.page(permissions=["clipboard-read", "clipboard-write"])
        recife = stage.id_of("Recife")
        await page.goto(f"{url}/#/place/{recife}?hours=24")
        await page.locator("button", has_text="Copiar o endereço").click()
        await page.get_by_text("Endereço copiado").wait_for()
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied == f"{url}/place/{recife}?hours=24"
        await page.goto(copied)
        await page.get_by_role("heading", name="Recife", level=1).wait_for()
        assert page.url == f"{url}/#/place/{recife}?hours=24"

    with shown(stage) as url:
        browser.run(tell(url))
