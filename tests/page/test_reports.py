"""Reports from the page: whom they are for, how much they may cost, and that they are made once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from atalaia.api.access import SCOPES, Caller, Role
from atalaia.api.problem import Problem
from atalaia.cli.replays import replay
from atalaia.domain.place import Place, Places
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.page import reports
from atalaia.page.reports import MadeReports
from atalaia.report import ranged
from atalaia.report.wish import ReportWish
from atalaia.rules import load

from .conftest import Browser, pictured
from .outside import Watch
from .stage import Stage
from .test_looks import AFTERNOON, JUDGED, SCREENS, faults, go, on_stage
from .test_outside import Client

ZONE = "America/Sao_Paulo"
EVIL = 'Porto "Alegre" <script>alert(1)</script>'
PLACES = Places(
    [
        Place(id="poa", name=EVIL, latitude=-30.03, longitude=-51.23, timezone=ZONE),
        Place(id="pel", name="Pelotas", latitude=-31.77, longitude=-52.34, timezone=ZONE),
    ]
)
RULES = load("inmet")
NOW = 1_715_300_000  # 10 May 2024


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedHome]:
    """Four days, and on the second one a storm at one of two places."""
    folder = tmp_path_factory.mktemp("reports")
    rain = {30: 12.0, 31: 25.0, 32: 35.0, 33: 40.0, 34: 8.0}
    lines = ["place_id,source,kind,valid_at,period_s,rain_mm"]
    for hour in range(96):
        at = f"2024-05-{1 + hour // 24:02}T{hour % 24:02}:00:00Z"
        lines.append(f"poa,station,observed,{at},3600,{rain.get(hour, 0.0)}")
        lines.append(f"pel,gauge,observed,{at},3600,0.0")
    (folder / "readings.csv").write_text("\n".join(lines) + "\n", "utf-8")
    replay(PLACES, [folder / "readings.csv"], RULES, home=folder / "a-secret-folder")
    with open_home(folder / "a-secret-folder", exclusive=False) as opened:
        yield opened


def watch_of(home: EmbeddedHome) -> Watch:
    watch = Watch(PLACES)
    watch.now = NOW
    watch.tell(*(entry for _, entry in home.state.alerts()))
    return watch


def who(key: str) -> Caller | None:
    role = {"op": Role.OPERATOR, "reader": Role.READER}.get(key)
    return Caller(key, SCOPES[role]) if role else None


def keyed(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_who_reads_gets_the_report_of_a_place_in_each_form_and_language(
    home: EmbeddedHome,
) -> None:
    with watch_of(home).served("", home=home) as address:
        browser = Client(address)
        days = "from=2024-05-01&to=2024-05-05"
        for language, word in (("pt-BR", "chuva"), ("en", "rain"), ("es", "lluvia")):
            status, headers, body = browser.get(f"/report/place/poa.html?{days}&lang={language}")
            said = body.decode()
            assert status == 200
            assert f'lang="{language}"' in said
            assert word in said.lower()
            assert "<script" not in said
            assert "a-secret-folder" not in said
            assert "default-src 'none'" in headers["content-security-policy"]
            assert headers["cache-control"] == "no-cache"
        again = browser.get(f"/report/place/poa.html?{days}&lang=es", If_None_Match=headers["etag"])
        assert again[0] == 304
        for form, begins in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
            status, _, body = browser.get(f"/report/place/poa.{form}?{days}")
            assert (status, body[:4]) == (200, begins)
        assert 'data-reports="html png pdf"' in browser.get("/")[2].decode()


def test_a_report_of_a_system_is_of_all_its_life(home: EmbeddedHome) -> None:
    watch = watch_of(home)
    told = {entry.alert.incident for _, entry in home.state.alerts()}
    (system,) = (one for one in told if watch.systems.known(one))
    with watch.served("", home=home) as address:
        status, _, body = Client(address).get(f"/report/system/{system}.html?lang=en")
    assert status == 200
    assert "heavy rain" in body.decode().lower()


@pytest.mark.parametrize(
    ("path", "status", "why"),
    [
        ("place/nowhere.html", 404, "no place of this id"),
        ("place/Pelotas.html", 404, "no place of this id"),
        ("system/ffff.html", 404, "no system of this id"),
        ("place/poa.docx", 422, "fits neither"),
        ("place/poa.html?from=2024-05-05&to=2024-05-05", 422, "at least one day"),
        ("place/poa.html?from=2024-01-01&to=2024-05-05", 422, "at most 31"),
        ("place/poa.html?from=1500-01-01&to=1500-01-02", 422, "1700-01-01"),
        ("place/poa.html?from=9999-12-31", 422, "at least one day"),
        ("place/poa.html?to=0001-01-01", 422, "at least one day"),
        ("place/poa.html?from=yesterday", 422, ""),
        ("place/poa.html?lang=fr", 422, ""),
        ("all.html", 403, "scope operate"),
    ],
)
def test_what_cannot_be_had_is_said(home: EmbeddedHome, path: str, status: int, why: str) -> None:
    with watch_of(home).served("", home=home) as address:
        got, _, body = Client(address).get(f"/report/{path}")
    assert got == status
    if why and why != "fits neither":
        assert why in body.decode()


def test_operators_have_all_places_and_a_year_and_others_have_not(home: EmbeddedHome) -> None:
    year = "from=2023-06-01&to=2024-05-05"
    with watch_of(home).served("", who=who, home=home) as address:
        browser = Client(address)
        status, headers, body = browser.get(f"/report/all.html?{year}&lang=en", **keyed("op"))
        assert status == 200
        assert "Pelotas" in body.decode()
        assert headers["cache-control"] == "no-cache"
        assert browser.get("/report/all.html", **keyed("op"))[0] == 200
        assert browser.get(f"/report/place/pel.html?{year}", **keyed("op"))[0] == 200
        assert browser.get(f"/report/all.html?{year}", **keyed("reader"))[0] == 403
        assert browser.get(f"/report/place/pel.html?{year}", **keyed("reader"))[0] == 422
        assert browser.get("/report/place/pel.html", **keyed("nobody"))[0] == 401


def test_a_last_day_alone_brings_no_more_days_than_both(
    home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ReportWish] = []

    async def noted(_made: MadeReports, wanted: ReportWish, *_others: str) -> bytes:
        asked.append(wanted)
        return b""

    monkeypatch.setattr(MadeReports, "of", noted)
    watch = watch_of(home)
    told = {entry.alert.incident for _, entry in home.state.alerts()}
    (system,) = (one for one in told if watch.systems.known(one))
    with watch.served("", who=who, home=home) as address:
        for path, key in (("place/poa", ""), (f"system/{system}", ""), ("all", "op")):
            given = keyed(key) if key else {}
            assert Client(address).get(f"/report/{path}.html?to=2033-01-01", **given)[0] == 200
    spans = [(one.until - one.first).days for one in asked if one.first and one.until]
    assert spans == [31, 31, 366]


def test_where_reading_needs_a_key_so_do_reports(home: EmbeddedHome) -> None:
    with watch_of(home).served("", is_public=False, who=who, home=home) as address:
        browser = Client(address)
        assert browser.get("/report/place/pel.html")[0] == 401
        status, headers, _ = browser.get("/report/place/pel.html", **keyed("reader"))
        assert (status, headers["vary"]) == (200, "Accept-Language, Authorization")


def test_without_a_home_on_this_machine_there_are_none_and_the_page_knows() -> None:
    with Watch().served("") as address:
        browser = Client(address)
        assert browser.get("/report/place/recife.html")[0] == 404
        assert 'data-reports=""' in browser.get("/")[2].decode()


def test_an_empty_home_has_nothing_to_report(tmp_path: Path) -> None:
    with open_home(tmp_path) as empty, Watch(PLACES).served("", home=empty) as address:
        status, _, body = Client(address).get("/report/place/poa.html")
    assert status == 404
    assert "there is nothing to report" in body.decode()
    assert tmp_path.name not in body.decode()


def test_a_report_is_made_once_for_all_who_ask_and_few_may_wait(
    home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most, count = 0, 0, 0
    gate = threading.Event()
    make = ranged.ranged_report

    def slow(*given: Any) -> Any:
        nonlocal at_once, most, count
        at_once, count = at_once + 1, count + 1
        most = max(most, at_once)
        gate.wait(60)
        try:
            return make(*given)
        finally:
            at_once -= 1

    monkeypatch.setattr(ranged, "ranged_report", slow)
    now = float(NOW)
    made = MadeReports(home, RULES, lambda: now)
    wanted = [
        ReportWish(place="poa", first=date(2024, 5, day), until=date(2024, 5, 5)) for day in (1, 2)
    ]

    async def story() -> None:
        nonlocal now
        begun = time.monotonic()
        first = [
            asyncio.create_task(made.of(wanted[i % 2], "html", "en", "ordinary")) for i in range(8)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await made.of(wanted[0], "html", "es", "ordinary")
        assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "5"})
        assert time.monotonic() - begun < 30, "the loop is free meanwhile"
        gate.set()
        await asyncio.gather(*first)
        assert (count, most) == (2, 1)
        await made.of(wanted[0], "html", "en", "ordinary")
        assert count == 2
        spanish = await made.of(wanted[0], "html", "es", "ordinary")
        assert b'lang="es"' in spanish
        assert await made.of(wanted[0], "html", "es", "colour-blind") != spanish
        assert (await made.of(wanted[0], "pdf", "en", "ordinary")).startswith(b"%PDF")
        assert count == 2, "gathered once for all forms, languages and colours"
        now += reports.MADE_AGAIN_S
        await made.of(wanted[0], "html", "en", "ordinary")
        assert count == 3

    asyncio.run(story())
    assert len(made._kept) <= reports._MOST_KEPT


# The page


WORDS = {
    "desktop-light": ("pt-BR", "Relatório", "Alguns dias", "Pelo menos um dia e no máximo 31"),
    "phone-dark": ("es", "Informe", "Algunos días", "Un día como mínimo y 31 como máximo"),
}


@pytest.mark.parametrize("screen", JUDGED)
def test_a_report_is_asked_for_from_a_place_and_from_a_system_and_both_are_shared(
    browser: Browser, screen: str
) -> None:
    stage = Stage(now=AFTERNOON)
    locale, report, some, most = WORDS[screen]
    [system] = stage.systems

    async def tell(url: str) -> None:
        page, seen = await browser.page(**SCREENS[screen], locale=locale, reduced_motion="reduce")
        await page.clock.set_fixed_time(stage.now)
        await page.add_init_script(COPIED)
        dialog, link = page.locator("dialog"), page.locator("dialog a.first")

        await go(page, url, stage, "place")
        await page.get_by_role("button", name=report).click()
        await dialog.wait_for()
        recife = f"/report/place/{stage.id_of('Recife')}"
        href = f"{recife}.html?lang={locale}&from=2026-01-09&to=2026-01-16"
        assert await link.get_attribute("href") == href
        assert await link.get_attribute("rel") == "noopener"
        await dialog.locator("[value=pdf]").check(force=True)
        assert str(await link.get_attribute("href")).startswith(f"{recife}.pdf?")
        await pictured(page, f"report-place-{screen}")
        assert await faults(page) == []
        await page.fill("#report-first", "2025-12-01")
        assert await link.get_attribute("href") is None
        assert most in await dialog.inner_text()
        await page.keyboard.press("Escape")
        await dialog.wait_for(state="detached")

        await go(page, url, stage, "map")
        await page.locator(".system summary").click()
        await page.locator(".system").get_by_role("button", name=report).click()
        await dialog.wait_for()
        assert (
            await link.get_attribute("href") == f"/report/system/{system['id']}.html?lang={locale}"
        )
        await dialog.get_by_label(some).check(force=True)
        assert "from=2026-01-09" in str(await link.get_attribute("href"))
        await pictured(page, f"report-system-{screen}")
        assert await faults(page) == []
        await page.keyboard.press("Escape")
        await page.locator(".system .buttons button").first.click()
        await page.wait_for_function("window.copied")
        assert await page.evaluate("window.copied") == f"{url}/system/{system['id']}"
        assert seen.problems == []

    on_stage(browser, stage, tell)


@pytest.mark.parametrize("screen", JUDGED)
def test_a_report_is_legible_on_each_screen(
    browser: Browser, home: EmbeddedHome, screen: str
) -> None:
    locale = WORDS[screen][0]

    async def tell(url: str) -> None:
        page, seen = await browser.page(**SCREENS[screen], locale=locale)
        await page.goto(f"{url}/report/place/pel.html?from=2024-05-01&to=2024-05-05&lang={locale}")
        assert await page.get_attribute("html", "lang") == locale
        await pictured(page, f"report-page-{screen}", full_page=True)
        assert await faults(page) == []
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
        assert [one for one in seen.problems if "favicon" not in one] == []

    with watch_of(home).served("", home=home) as url:
        browser.run(tell(url))


COPIED = """
navigator.clipboard.writeText = async (text) => { window.copied = text; };
navigator.share = async ({ url }) => { window.copied = url; };
"""


def test_where_there_are_no_reports_no_button_promises_one(browser: Browser) -> None:
    stage = Stage()
    stage.reports = ()

    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await go(page, url, stage, "place")
        await page.get_by_role("button", name="Copiar o endereço").wait_for()
        assert await page.get_by_role("button", name="Relatório").count() == 0

    on_stage(browser, stage, tell)
