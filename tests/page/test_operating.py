"""What operators do on the page, on a running watch: the same that the command line does."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestServer

from run.world import NOON, World, watching

from .conftest import Browser, Seen
from .test_page import ENV, Hook, code_in, gust, judged

PLACES = "place_id,name,latitude,longitude,timezone\np0,Recife,-8.05,-34.9,America/Recife\n"


def operating(browser: Browser, folder: Path, tab: str, tell: Any, **options: Any) -> None:
    """A watch over Recife, and an operator at a tab."""

    async def run() -> None:
        path = folder / "recife.csv"
        path.write_text(PLACES, "utf-8")
        async with watching(folder, **ENV, ATALAIA_PLACES=str(path)) as world:
            page, seen = await browser.page(**options)
            await page.clock.set_fixed_time(datetime.fromtimestamp(NOON, UTC))
            await page.goto(world.url(f"/#/operator/{tab}"))
            await page.fill("#key", ENV["ATALAIA_API_KEY"])
            await page.get_by_role("button", name="Entrar").click()
            await page.locator(".tabs [aria-current=page]").wait_for()
            await tell(world, page, seen)
            assert seen.problems == []

    browser.run(run())


async def add(page: Any, address: str, proof: str = "") -> None:
    """Fill in who is to be told, and of what; the town by its first letters."""
    await page.select_option("#add-channel", "webhook")
    await page.fill("#add-address", address)
    await page.locator("#town").press_sequentially("recif")
    await page.locator("#towns [role=option]", has_text="Pernambuco").first.click()
    await page.select_option("#add-level", "orange")
    await page.fill("#add-proof", proof)
    await page.locator(".view-operator form button[type=submit]").click()


def test_an_operator_adds_who_gave_a_proof_or_confirms_by_a_code_and_sees_what_they_got(
    browser: Browser, tmp_path: Path
) -> None:
    async def tell(world: World, page: Any, _seen: Seen) -> None:
        proven, asked = Hook(), Hook()
        async with (
            TestServer(proven.application()) as server,
            TestServer(asked.application()) as other,
        ):
            await page.locator("summary", has_text="Avisar alguém").click()
            await page.locator("#add-address").wait_for()
            await page.locator(".view-operator form button[type=submit]").click()
            assert not await page.locator(".good").count(), "an address is needed"
            await add(page, str(server.make_url("/alertas")), "formulário 12")
            await page.get_by_text("Guardado como p_").wait_for()
            assert await page.locator(".good", has_text="Um código").count() == 0
            assert await page.get_by_text("whsec_").count() == 1, "its secret, shown this once"
            await page.get_by_text("Webhook: confirmado").wait_for()  # in the list, at once
            await add(page, str(other.make_url("/alertas")))
            await page.get_by_text("Um código vai por Webhook.").wait_for()
            await page.get_by_text("Webhook: espera o código").wait_for()
            await judged(page, "operator-add")
            assert len(code_in(await asked.next())) == 6
            # Only who gave a proof is told, from orange on.
            await gust(world, 12.0, -1, "p0")
            await gust(world, 21.0, 0, "p0")
            assert "Laranja" in json.dumps(await proven.next(), ensure_ascii=False)
            assert asked.came.empty()
            await see_what_they_got(world, page)

    operating(browser, tmp_path, "people", tell)


async def see_what_they_got(world: World, page: Any) -> None:
    """Their messages alone; that one was read is noted for them."""
    row = page.locator("tr", has_text="Webhook: confirmado")
    person = await row.locator("code").inner_text()
    await row.get_by_role("link", name="Mensagens").click()
    await page.get_by_text(f"De {person}").wait_for()
    await page.locator("tr", has_text="enviada").wait_for()
    assert await page.locator("tbody tr").count() == 1
    await page.get_by_role("button", name="Foi lida").click()
    await page.get_by_text("lida", exact=True).wait_for()
    (message,) = world.home.outbox.messages(person=person)
    assert message.acknowledged_at
    await page.get_by_role("link", name="Mostrar tudo").click()
    await page.locator("tbody tr").nth(1).wait_for()


def test_a_silence_has_a_reason_and_an_end_and_is_laid_once_more(
    browser: Browser, tmp_path: Path
) -> None:
    async def tell(world: World, page: Any, _seen: Seen) -> None:
        await page.select_option("#silence-place", "p0")
        await page.fill("#silence-hours", "5")
        await page.fill("#silence-why", "obra na estação")
        await page.get_by_role("button", name="Silenciar").click()
        row = page.locator("tbody tr", has_text="obra na estação")
        await row.get_by_text("14:00").wait_for()  # five hours after 9, as the browser has it
        await row.get_by_role("button", name="Encerrar").click()
        await row.get_by_role("button", name="De novo").click()
        assert await page.input_value("#silence-place") == "p0"
        assert await page.input_value("#silence-why") == "obra na estação"
        await page.fill("#silence-hours", "1")
        await page.get_by_role("button", name="Silenciar").click()
        await row.get_by_role("button", name="Encerrar").wait_for()
        active = [
            one for one in world.live.services.silences.all() if one.until > world.clock.now()
        ]
        assert [(one.place, one.reason) for one in active] == [("p0", "obra na estação")]

    operating(browser, tmp_path, "silences", tell)


def test_a_report_is_made_and_handed_over_and_that_there_is_none_yet_is_said(
    browser: Browser, tmp_path: Path
) -> None:
    async def tell(world: World, page: Any, seen: Seen) -> None:
        make = page.get_by_role("button", name="Fazer o relatório")
        await make.click()
        await page.get_by_text("nada chegou ainda: não há o que relatar").wait_for()
        seen.problems.clear()  # the browser notes what was refused
        await gust(world, 21.0, 0, "p0")
        async with page.expect_download() as told:
            await make.click()
        made = await told.value
        assert made.suggested_filename == "atalaia-2025-12-11.html"
        report = Path(await made.path()).read_text("utf-8")
        assert '<html lang="pt-BR"' in report
        assert "Recife" in report
        await page.get_by_text("Está entre os seus downloads").wait_for()

    operating(browser, tmp_path, "reports", tell)
