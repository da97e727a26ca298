"""Layers of images from elsewhere, against a server of tiles of our own."""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from atalaia.settings.page import MapLayer, Page
from patience import until

from .conftest import PHONE, Browser, pictured
from .stage import Stage
from .test_looks import AFTERNOON, faults, on_stage
from .test_map import DOTS

SCREENS: dict[str, dict[str, Any]] = {
    "desktop-light": {"color_scheme": "light", "locale": "pt-BR"},
    "phone-dark": {"color_scheme": "dark", "locale": "en-US", **PHONE},
    "desktop-dark": {"color_scheme": "dark", "locale": "es-AR"},
}


def chunk(kind: bytes, data: bytes) -> bytes:
    checked = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checked)


def tile() -> bytes:
    """A PNG of 256 × 256 points, half of it blue and half of it nothing."""
    row = b"\0" + (b"\x20\x60\xff\xc0" * 8 + b"\0\0\0\0" * 8) * 16
    head = struct.pack(">IIBBBBB", 256, 256, 8, 6, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(row * 256))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b"")


@contextmanager
def tiles(*, fails: bool = False) -> Iterator[tuple[str, list[str], list[str]]]:
    """A server of tiles: its address, the paths that it was asked for, and by which pages."""
    asked: list[str] = []
    referrers: list[str] = []
    body = tile()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            referrers.append(self.headers.get("referer", ""))
            self.send_response(404 if fails else 200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            if not fails:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # a map asks for many at once

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked, referrers
    finally:
        server.shutdown()
        server.server_close()


OPAQUE = """() => [...document.querySelectorAll(".leaflet-layers-pane img.leaflet-tile-loaded")]
  .some((one) => one.style.opacity === "1")"""


def layer(name: str, url: str, **more: Any) -> MapLayer:
    told: dict[str, Any] = {
        "label": name.title(), "attribution": f"© {name}", "min_zoom": 0, "max_zoom": 5,
        "opacity": 0.6, "step_s": 600, "delay_s": 600,
    }  # fmt: skip
    return MapLayer(name=name, url=url, **{**told, **more})


def radar_and_model(address: str) -> Page:
    """One whose images are of a time, and one without."""
    return Page(
        layers=(
            layer("radar", f"{address}/{{time}}/{{z}}/{{x}}/{{y}}.png"),
            layer("model", f"{address}/model/{{z}}/{{x}}/{{y}}.png"),
        )
    )


@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_is_asked_for_before_a_layer_is_switched_on_and_then_of_its_hour(
    browser: Browser, screen: str
) -> None:
    stage = Stage(now=AFTERNOON)

    async def tell(url: str, asked: list[str], referrers: list[str]) -> None:
        page, seen = await browser.page(**SCREENS[screen], reduced_motion="reduce")
        await page.clock.set_fixed_time(stage.now)
        # An address that opens the list switches nothing on.
        await page.goto(f"{url}/#/?layers=1")
        await page.wait_for_selector(DOTS)
        radar = page.get_by_label("Radar")
        await radar.wait_for()
        await page.wait_for_timeout(500)
        assert asked == []
        assert "127.0.0.1" in await page.inner_text(".under-layers"), "who would learn of it"
        await radar.focus()
        await page.keyboard.press("Space")
        await page.wait_for_selector(".leaflet-layers-pane img.leaflet-tile-loaded")
        assert asked
        # The newest that there is, ten minutes behind: 17:30 is the time.
        assert {path.split("/")[1] for path in asked} == {"2026-01-15T17:20:00Z"}
        assert {path.split("/")[2] for path in asked} <= {"0", "1", "2", "3", "4", "5"}
        assert set(referrers) == {f"{url}/"}, "the site, and not which place is looked at"
        assert "© radar" in await page.inner_text(".under-layers")
        # They are faded in by the clock, which stands still here.
        await page.clock.set_fixed_time(stage.now + timedelta(seconds=2))
        await page.wait_for_function(OPAQUE)
        await pictured(page, f"layers-{screen}")
        assert await faults(page) == []
        # At another hour the images are of that hour; those without a time are of now alone.
        await page.get_by_label("Model").check()
        await until(lambda: any(path.startswith("/model/") for path in asked))
        asked.clear()
        await page.goto(f"{url}/#/subscribe")
        await page.get_by_role("heading", level=1).first.wait_for()
        await page.goto(f"{url}/#/")
        await page.wait_for_selector(DOTS)
        await page.wait_for_timeout(500)
        asked.clear()
        await page.click(".leaflet-control-zoom-in")
        await page.wait_for_timeout(500)
        assert asked == [], "another view forgets what was on"
        assert seen.problems == []

    with tiles() as (address, asked, referrers):
        stage.page = radar_and_model(address)
        on_stage(browser, stage, lambda url: tell(url, asked, referrers))


def test_at_another_hour_images_are_of_that_hour_and_those_of_now_alone_are_not_shown(
    browser: Browser,
) -> None:
    stage = Stage(now=AFTERNOON)

    async def tell(url: str, asked: list[str]) -> None:
        page, seen = await browser.page(reduced_motion="reduce")
        await page.clock.set_fixed_time(stage.now)
        await page.goto(f"{url}/#/?layers=1&at=2026-01-13T21")
        await page.wait_for_selector('canvas.dots[data-levels="red:1"]')
        await page.get_by_label("Radar").check()
        await page.get_by_label("Model").check()
        await until(lambda: bool(asked))
        await page.wait_for_timeout(500)
        assert {path.split("/")[1] for path in asked} == {"2026-01-13T21:00:00Z"}
        await page.get_by_text("só tem imagens de agora").wait_for()
        await page.get_by_role("button", name="Voltar para agora").click()
        await until(lambda: any(path.startswith("/model/") for path in asked))
        await until(lambda: any("T17:20" in path for path in asked))
        # Closed, they are off, and nothing more is asked for.
        await page.get_by_role("button", name="Camadas").click()
        await page.wait_for_selector(".leaflet-layers-pane img", state="detached")
        asked.clear()
        await page.click(".leaflet-control-zoom-in")
        await page.wait_for_timeout(800)
        assert asked == []
        assert seen.problems == []

    with tiles() as (address, asked, _):
        stage.page = radar_and_model(address)
        on_stage(browser, stage, lambda url: tell(url, asked))


def test_images_that_do_not_come_are_said(browser: Browser) -> None:
    stage = Stage(now=AFTERNOON)

    async def tell(url: str) -> None:
        page, _ = await browser.page(reduced_motion="reduce")
        await page.goto(f"{url}/#/?layers=1")
        await page.get_by_label("Radar").check()
        await page.get_by_text("Radar: há imagens que não chegaram.").wait_for()

    with tiles(fails=True) as (address, _, _referrers):
        stage.page = Page(layers=(layer("radar", f"{address}/{{z}}/{{x}}/{{y}}.png"),))
        on_stage(browser, stage, tell)


def test_the_policy_lets_in_images_of_a_layers_host_and_of_no_other(browser: Browser) -> None:
    stage = Stage(now=AFTERNOON)

    async def tell(url: str, other: str, asked: list[str]) -> None:
        page, seen = await browser.page()
        await page.goto(url)
        await page.wait_for_selector(DOTS)
        await page.evaluate(
            "(src) => new Promise((done) => Object.assign(new Image(), {onerror: done, src}))",
            f"{other}/1/1/1.png",
        )
        assert asked == []
        assert any("violates" in problem for problem in seen.problems)

    with tiles() as (address, _, _referrers), tiles() as (other, asked, _more):
        stage.page = Page(layers=(layer("radar", f"{address}/{{z}}/{{x}}/{{y}}.png"),))
        on_stage(browser, stage, lambda url: tell(url, other, asked))


def test_detail_tiles_come_and_go_without_a_breach_of_the_policy(browser: Browser) -> None:
    stage = Stage(now=AFTERNOON)

    async def tell(url: str) -> None:
        page, seen = await browser.page(reduced_motion="reduce")
        await page.goto(url)
        await page.wait_for_selector("img.leaflet-tile-loaded")
        for _ in range(3):
            await page.click(".leaflet-control-zoom-in")
            await page.wait_for_timeout(300)
        assert seen.problems == []

    with tiles() as (address, _, _referrers):
        stage.page = Page(tiles_url=f"{address}/{{z}}/{{x}}/{{y}}.png", attribution="© us")
        on_stage(browser, stage, tell)


def test_where_no_layer_is_set_there_is_no_such_button(browser: Browser) -> None:
    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await page.goto(f"{url}/#/?layers=1")
        await page.wait_for_selector(DOTS)
        await page.get_by_role("button", name="Outra hora").wait_for()
        assert await page.get_by_role("button", name="Camadas").count() == 0

    on_stage(browser, Stage(now=AFTERNOON), tell)
