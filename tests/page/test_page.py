"""The page in a browser, on a running watch: as people meet it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from atalaia.people.manage import Signed
from patience import patient
from run.world import NOON, World, watching

from .conftest import Browser, Seen, pictured
from .test_looks import SCREENS, faults

ENV = {
    "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false",
    "ATALAIA_API_KEY": "push-s3cret-7Vq2mXz9LwK4",
    "ATALAIA_CHANNELS_WEBHOOK_ALLOW": "127.0.0.0/8",
    "ATALAIA_PEOPLE_CONTROLLER": "Defesa Civil de Exemplo",
    "ATALAIA_PEOPLE_CONTACT": "privacidade@example.org",
}


def story(
    browser: Browser,
    folder: Path,
    tell: Callable[[World, Any, Seen], Awaitable[None]],
    **env: str,
) -> None:
    """A watch and a page beside it, which must have nothing to complain about at the end."""

    async def run() -> None:
        async with watching(folder, **(ENV | env)) as world:
            page, seen = await browser.page()
            await page.clock.set_fixed_time(datetime.fromtimestamp(NOON, UTC))
            await tell(world, page, seen)
            assert seen.problems == []
            assert seen.hosts <= {f"127.0.0.1:{world.live.port}"}

    browser.run(run())


async def gust(world: World, value: float, minute: int = 0, place: str = "p1") -> None:
    """A station's gust, and all that follows from it."""
    valid_at = datetime.fromtimestamp(world.clock.now() + 60 * minute, UTC).isoformat()
    reading = {"place_id": place, "valid_at": valid_at, "wind_gust_m_s": value}
    status, told, _ = await world.post("/v1/readings", json.dumps([reading]))
    assert status == 202, told
    await world.live.settled()


ORANGE = """() => {
  const canvas = document.querySelector("canvas.dots");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let i = 0; i < data.length; i += 4)
    if (data[i] > 225 && data[i + 1] > 95 && data[i + 1] < 135 && data[i + 2] < 45) found += 1;
  return found;
}"""


def test_a_storm_turns_the_marker_orange_while_the_page_is_open(
    browser: Browser, tmp_path: Path
) -> None:
    async def tell(world: World, page: Any, _seen: Seen) -> None:
        await page.goto(world.url("/"))
        await page.wait_for_selector("#map[data-ready=yes] canvas.dots")
        await page.wait_for_selector(".live.is-live")
        # No source is asked here, and no data is no calm.
        await page.get_by_role("heading", name="3 lugares, nenhum respondeu ainda").wait_for()
        await page.get_by_text("nenhuma fonte está em dia").wait_for()
        assert await page.locator(".places .badge", has_text="sem dados").count() == 3
        assert await page.evaluate(ORANGE) == 0
        await page.evaluate("window.notReloaded = true")
        await gust(world, 21.0)
        await page.wait_for_selector("canvas.dots[data-levels='orange:1']")
        assert await page.evaluate(ORANGE) > 80
        assert await page.evaluate("window.notReloaded")
        assert await page.inner_text("h1") == "1 alerta ativo"
        card = page.locator(".cards a")
        assert "Vento forte" in await card.inner_text()
        assert "Laranja" in await card.inner_text()  # a word, and not the colour alone
        assert await card.locator("svg polygon").count() == 1  # and a shape
        assert "Laranja: vento forte, Place 1" in await page.inner_text("#said")
        await page.reload()
        await page.get_by_text("Sem dados de 2 lugares de 3").wait_for()
        assert await page.locator(".places .badge", has_text="sem dados").count() == 2

    story(browser, tmp_path, tell)


def test_a_place_shows_its_chart_with_the_limits_and_the_same_as_a_table(
    browser: Browser, tmp_path: Path
) -> None:
    async def tell(world: World, page: Any, _seen: Seen) -> None:
        for minute, value in ((-180, 8.0), (-120, 12.0), (-60, 18.5), (0, 21.0)):
            await gust(world, value, minute)
        await page.goto(world.url("/#/place/p1"))
        await page.wait_for_selector(".chart[data-drawn=yes] canvas")
        box = page.locator(".chart-box", has_text="Rajada").first
        assert "Laranja 16,7 m/s (60 km/h)" in await box.inner_text()
        assert "21 m/s (76 km/h)" in str(await box.locator(".chart").get_attribute("aria-label"))
        await box.locator("summary").click()
        await box.locator("tbody tr").first.wait_for()
        rows = await box.locator("tbody tr").all_inner_texts()
        assert [row.split("\t")[1] for row in rows] == ["21", "18,5", "12", "8"]
        assert [row.split("\t")[3] for row in rows] == ["Laranja", "Laranja", "Amarelo", ""]
        state = page.locator("a.state-line")
        assert "Laranja: perigo" in await state.inner_text()
        await state.click()
        await page.wait_for_selector(".hero.level-orange")
        assert await page.inner_text("h1") == "Vento forte, Place 1"
        life = await page.locator(".life li").all_inner_texts()
        assert [entry.split("\n")[0] for entry in life] == ["Subiu", "Começou"]
        cap = await page.locator(".life a").first.get_attribute("href")
        status, xml = await world.get(cap)
        assert status == 200
        assert "urn:oasis:names:tc:emergency:cap:1.2" in xml

    story(browser, tmp_path, tell)


class Hook:
    """Somebody's program: what came to its webhook. With 410 it says that it is gone."""

    def __init__(self, status: int = 204) -> None:
        self.status = status
        self.came: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def answer(self, request: web.Request) -> web.Response:
        await self.came.put(await request.json())
        return web.Response(status=self.status)

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_post("/alertas", self.answer)
        return application

    async def next(self) -> dict[str, Any]:
        async with patient():
            return await self.came.get()


def test_a_newcomer_subscribes_confirms_is_told_and_erases_themselves(
    browser: Browser, tmp_path: Path
) -> None:
    async def tell(world: World, page: Any, seen: Seen) -> None:
        hook = Hook()
        async with TestServer(hook.application()) as server:
            await gust(world, 21.0, -5 * 24 * 60, "p0")
            await page.goto(world.url("/#/subscribe?place=p0"))
            await page.get_by_text("você teria recebido").first.wait_for()
            await page.check("input[value=webhook]")
            await page.fill("#address", str(server.make_url("/alertas")))
            await page.get_by_role("button", name="Enviar código").click()
            await page.wait_for_selector("#code")
            words = await page.inner_text(".words")
            assert "Defesa Civil de Exemplo" in words
            secret = await page.input_value(".copy input")
            assert secret.startswith("whsec_")
            asked = await hook.next()
            await pictured(page, "subscribe-code", full_page=True)
            await page.fill("#code", "000000" if code_in(asked) != "000000" else "000001")
            await page.get_by_role("button", name="Concordo").click()
            await page.get_by_text("Este código não confere").wait_for()
            seen.problems.clear()  # the browser notes the refused code
            await page.fill("#code", code_in(asked))
            await page.get_by_role("button", name="Concordo").click()
            await page.get_by_role("heading", name="Pronto").wait_for()
            await gust(world, 22.5, 0, "p0")
            told = await hook.next()
            assert "Laranja" in json.dumps(told, ensure_ascii=False)
            await page.get_by_role("link", name="Ver minha inscrição").click()
            await page.get_by_role("heading", name="Sua inscrição").wait_for()
            assert "#/manage" in page.url
            assert "atm_" not in page.url  # the token has left the address
            await page.get_by_text("Place 0, até 25 km").wait_for()
            await pictured(page, "manage-held", full_page=True)
            await changes_what_they_get(page, world)
            await page.get_by_role("button", name="Apagar tudo de mim").click()
            await page.get_by_role("button", name="Sim, apagar tudo").click()
            await page.get_by_role("heading", name="Tudo apagado").wait_for()
            assert await page.evaluate("sessionStorage.getItem('manage')") is None
            kept = [row for row in world.home.people.changes(0, 99) if row.sealed is not None]
            assert kept == []

    story(browser, tmp_path, tell)


async def changes_what_they_get(page: Any, world: World) -> None:
    """Where, from which level, in which language and when not: by the keyboard alone."""
    person = world.home.people.changes(0, 9)[-1].pseudonym
    await page.get_by_role("button", name="Mudar: Place 0").press("Enter")
    await page.get_by_role("heading", name="Mudar").wait_for()
    assert await page.evaluate("document.activeElement.tagName") == "H1"
    await page.locator("input[name=level][value=orange]").press(" ")
    await page.locator("input[name=radius][value='100']").press(" ")
    await pictured(page, "manage-edit", full_page=True)
    await page.get_by_role("button", name="Salvar").press("Enter")
    await page.get_by_text("Mudado").wait_for()
    assert await page.evaluate("document.activeElement.tagName") == "H1"
    await page.get_by_text("Place 0, até 100 km").wait_for()
    await page.select_option("#language", "en")
    await page.get_by_text("Não me acorde").click()
    await page.fill("input[type=time] >> nth=0", "23:00")
    async with page.expect_response(lambda told: told.request.method == "PATCH"):
        await page.get_by_role("button", name="Salvar").press("Enter")
    told = world.live.services.registry.person(person)
    assert told is not None
    assert (told.language, told.quiet and (told.quiet.start, told.quiet.end)) == ("en", (1380, 420))
    assert {level for one in told.subscriptions for level in one.hazards.values()} == {"orange"}


def test_who_lost_the_link_asks_for_another_and_is_told_nothing_of_who_is_known(
    browser: Browser, tmp_path: Path
) -> None:
    async def tell(world: World, page: Any, _seen: Seen) -> None:
        await page.goto(world.url("/#/manage"))
        await page.get_by_role("heading", name="Perdeu o link?").wait_for()
        await page.get_by_role("button", name="Enviar-me um link").press("Enter")
        await page.get_by_text("Diga como avisar você").wait_for()
        await page.locator("input[value=email]").press(" ")
        await page.fill("#address", "ninguem@example.org")
        await page.get_by_role("button", name="Enviar-me um link").press("Enter")
        await page.get_by_text("Se este contato recebe avisos").wait_for()
        await pictured(page, "manage-lost", full_page=True)
        assert [one.kind for one in world.home.outbox.messages()] == ["link"]

    story(
        browser,
        tmp_path,
        tell,
        ATALAIA_API_URL="https://alerts.example.org",
        ATALAIA_CHANNELS_EMAIL_SENDER="a@example.org",
        ATALAIA_CHANNELS_EMAIL_HOST="127.0.0.1",
        ATALAIA_CHANNELS_EMAIL_PORT="9",
    )


def test_a_channel_is_added_on_the_page_of_the_link_by_the_code_that_came_there(
    browser: Browser, tmp_path: Path
) -> None:
    async def tell(world: World, page: Any, seen: Seen) -> None:
        old, new = Hook(), Hook()
        async with TestServer(old.application()) as was, TestServer(new.application()) as server:
            person = await subscribed_on_paper(world, str(was.make_url("/alertas")))
            people = world.live.services.people
            held = world.live.services.registry.held(person)
            assert held is not None
            link = people.manage(Signed(person, ("webhook",), held.kept.epoch), NOON)
            await page.goto(world.url(f"/manage#{link}"))
            await page.get_by_role("button", name="Acrescentar um canal").press("Enter")
            await page.locator("input[value=webhook]").press(" ")
            await page.fill("#address", str(server.make_url("/alertas")))
            await pictured(page, "manage-add", full_page=True)
            await page.get_by_role("button", name="Enviar código").press("Enter")
            await page.wait_for_selector("#code")
            assert "Defesa Civil de Exemplo" in await page.inner_text(".words")
            code = code_in(await new.next())
            await page.fill("#code", "000000" if code != "000000" else "000001")
            await page.get_by_role("button", name="Concordo").press("Enter")
            await page.get_by_text("Este código não confere").wait_for()
            seen.problems.clear()  # the browser notes the refused code
            await page.fill("#code", code)
            await pictured(page, "manage-add-code", full_page=True)
            await page.get_by_role("button", name="Concordo").press("Enter")
            await page.get_by_text("Acrescentado: seus avisos").wait_for()
            await page.get_by_text(str(server.make_url("/alertas"))).wait_for()
            await gust(world, 22.5, 0, "p0")
            assert "Laranja" in json.dumps(await new.next(), ensure_ascii=False)

    story(browser, tmp_path, tell)


def code_in(message: dict[str, Any]) -> str:
    found = json.dumps(message)
    digits = [part for part in found.replace('"', " ").split() if part.strip(".,").isdigit()]
    return next(part.strip(".,") for part in digits if len(part.strip(".,")) == 6)


def test_an_operator_sees_the_stages_silences_a_hazard_and_sends_again_what_did_not_go(
    browser: Browser, tmp_path: Path
) -> None:
    async def tell(world: World, page: Any, seen: Seen) -> None:
        await page.goto(world.url("/#/operator"))
        await page.fill("#key", "wrong")
        await page.get_by_role("button", name="Entrar").click()
        await page.get_by_text("Esta chave não abre").wait_for()
        seen.problems.clear()  # the browser notes the refused key
        await page.fill("#key", "push-s3cret-7Vq2mXz9LwK4")
        await page.get_by_role("button", name="Entrar").click()
        await page.get_by_role("link", name="Atraso").click()
        await page.get_by_text("Registros à espera da detecção").wait_for()
        assert await page.evaluate("Object.keys(localStorage)") == []
        await page.get_by_role("link", name="Silêncios").click()
        await page.select_option("#silence-hazard", "wind")
        await page.fill("#silence-why", "manutenção")
        await page.get_by_role("button", name="Silenciar").click()
        await page.get_by_role("cell", name="manutenção").wait_for()
        await pictured(page, "operator-silences", full_page=True)
        await page.get_by_role("button", name="Encerrar").click()
        await page.get_by_role("button", name="Encerrar").wait_for(state="detached")
        async with TestServer(Hook(410).application()) as server:
            person = await subscribed_on_paper(world, str(server.make_url("/alertas")))
            await gust(world, 22.5, 0, "p0")
            await died(world, person)
        await page.get_by_role("link", name="Entregas").click()
        await page.get_by_role("button", name="Tentar de novo").first.wait_for()
        await page.get_by_role("cell", name="HTTP 410: não existe mais").first.wait_for()
        await pictured(page, "operator-deliveries", full_page=True)
        await page.get_by_role("button", name="Tentar de novo").first.click()
        await page.get_by_text("Vai de novo").wait_for()

    story(browser, tmp_path, tell)


def test_what_the_service_does_not_do_it_says_in_the_page_s_language(
    browser: Browser, tmp_path: Path
) -> None:
    async def tell(world: World, page: Any, seen: Seen) -> None:
        await page.goto(world.url("/#/operator/silences"))
        await page.fill("#key", "push-s3cret-7Vq2mXz9LwK4")
        await page.get_by_role("button", name="Entrar").click()
        for language, why in (
            ("es", "diga un peligro, un lugar, o los dos: no se puede silenciar todo"),
            ("en", "name a hazard, a place, or both: all of it cannot be silenced"),
            ("pt-BR", "diga um perigo, um lugar, ou os dois: não é possível silenciar tudo"),
        ):
            before = await page.wait_for_selector("#silence-why")
            await page.select_option("#tools select", language)
            await before.wait_for_element_state("hidden")  # what is written into it is gone with it
            await page.fill("#silence-why", "x")
            await page.locator("form button[type=submit], form button:not([type])").first.click()
            await page.get_by_text(why).wait_for()
        seen.problems.clear()  # the browser notes what was refused

    story(browser, tmp_path, tell)


def test_a_drill_goes_all_the_way_and_says_that_it_is_one(browser: Browser, tmp_path: Path) -> None:
    async def tell(world: World, page: Any, _seen: Seen) -> None:
        hook = Hook()
        async with TestServer(hook.application()) as server:
            await subscribed_on_paper(world, str(server.make_url("/alertas")))
            await page.goto(world.url("/#/operator"))
            await page.fill("#key", "push-s3cret-7Vq2mXz9LwK4")
            await page.get_by_role("button", name="Entrar").click()
            await page.get_by_role("link", name="Exercícios").click()
            await page.select_option("#drill-hazard", "flood")
            await page.select_option("#drill-place", "p0")
            await page.get_by_label("Também pessoas").check()
            await page.get_by_role("button", name="Começar o exercício").click()
            await page.get_by_text("1 destinatário recebe", exact=False).wait_for()
            assert "(Webhook: 1)" in await page.inner_text("dialog"), "before anything goes"
            assert [m for m in world.home.outbox.messages() if m.kind.startswith("exercise")] == []
            await pictured(page, "operator-drill", full_page=True)
            await page.get_by_role("button", name="Sim", exact=True).click()
            await page.get_by_text("O exercício").wait_for()
            assert "EXERCÍCIO" in json.dumps(await hook.next(), ensure_ascii=False)

    story(browser, tmp_path, tell)


@pytest.mark.parametrize("screen", ["desktop-light", "phone-dark"])
def test_an_operator_sees_rules_and_places_and_pauses_exports_and_removes_people(
    browser: Browser, tmp_path: Path, screen: str
) -> None:
    async def run() -> None:
        async with watching(tmp_path, **ENV) as world:
            page, seen = await browser.page(**SCREENS[screen], reduced_motion="reduce")
            await page.clock.set_fixed_time(datetime.fromtimestamp(NOON, UTC))
            hook = "https://example.org/secret-hook"
            person = await subscribed_on_paper(world, hook)
            await page.goto(world.url("/#/operator"))
            await page.fill("#key", ENV["ATALAIA_API_KEY"])
            await page.get_by_role("button", name="Entrar").click()
            await page.get_by_role("link", name="Regras").click()
            await page.get_by_text(re.compile(r"wind_gust_m_s ≥ \d.* amarelo")).first.wait_for()
            await judged(page, f"operator-rules-{screen}")
            await page.get_by_role("link", name="Lugares").click()
            await page.get_by_role("cell", name="p1", exact=True).wait_for()
            await judged(page, f"operator-places-{screen}")
            await page.get_by_role("link", name="Pessoas").click()
            await page.get_by_text(person).wait_for()
            assert hook not in await page.content(), "no address is in the list"
            await page.get_by_text("Webhook: confirmado").wait_for()
            await judged(page, f"operator-people-{screen}")
            async with page.expect_download() as told:
                await page.get_by_role("button", name="CSV").click()
            rows = (await (await told.value).path()).read_text("utf-8").splitlines()
            assert rows[1].startswith(f'"{person}"')
            async with page.expect_download() as told:
                await page.get_by_role("button", name="Exportar").click()
            assert hook in (await (await told.value).path()).read_text("utf-8")
            await page.get_by_role("button", name="Parar").click()
            await page.get_by_text("Webhook: parado").wait_for()
            assert world.live.services.registry.person(person) is None
            await page.get_by_role("button", name="Apagar").click()
            await page.get_by_role("button", name="Não", exact=True).click()
            await page.get_by_text(person).wait_for()
            await page.get_by_role("button", name="Apagar").click()
            await page.get_by_role("button", name="Sim", exact=True).click()
            await page.get_by_text(person).wait_for(state="detached")
            assert world.live.services.registry.held(person) is None
            assert seen.problems == []

    browser.run(run())


async def judged(page: Any, name: str) -> None:
    """A picture of it, and nothing that axe or a narrow screen has against it."""
    await pictured(page, name, full_page=True)
    assert await faults(page) == []
    wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
    assert not wide, name


async def subscribed_on_paper(world: World, address: str) -> str:
    place = world.live.settings.places.get("p0")
    assert place is not None
    body = {
        "contacts": [f"webhook:{address}"],
        "where": [{"latitude": place.latitude, "longitude": place.longitude}],
        "proof": "form 1",
    }
    status, told, _ = await world.post("/v1/subscriptions", json.dumps(body))
    assert status == 201, told
    return str(told["person"])


async def died(world: World, person: str) -> None:
    """Until the message to them is not tried any more."""
    async with patient():
        while all(one.status != "dead" for one in world.home.outbox.messages(person=person)):
            await asyncio.sleep(0.02)
