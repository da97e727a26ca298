"""The page in a browser: what its first view weighs, when its map is there, how soon a change is.

    python bench/bench_page.py [--places 5571] [--turns 5] [--changes 10]

The watch is a process of its own over as many places as Brazil has municipalities; Debian's
Chromium opens the page anew each turn, in a window that was there before, with nothing in its
cache. The map is there when the canvas of the places is drawn; a change, when that is drawn anew
after the page heard of it.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from atalaia.sources import gazetteer
from figures import Figure, tell
from service import KEY, Service, reading

LIBRARIES = Path(__file__).parents[1] / "src/atalaia/page/files/vendor/leaflet.js"

DRAWN_S = 60.0
WINDOW_MS = 2_500
"""A window of Chromium begins with pages of its own, of which that of its address bar takes most
of a second of a processor: whoever opens ours has a browser that is there already."""
FEW = 27

NOTED = """
window.noted = { ready: null, heard: null, drawn: null };
const add = EventSource.prototype.addEventListener;
EventSource.prototype.addEventListener = function (name, run, ...more) {
  const first = name !== "alert" ? run : (event) => {
    noted.heard ??= performance.now();
    run(event);
  };
  return add.call(this, name, first, ...more);
};
new MutationObserver((changes) => {
  if (document.querySelector("#map[data-ready=yes] canvas.dots")) noted.ready ??= performance.now();
  const isOther = ({ attributeName: name, oldValue, target }) =>
    name === "data-levels" && oldValue !== target.dataset.levels;
  if (noted.heard !== null && changes.some(isOther))
    requestAnimationFrame(() => { noted.drawn ??= performance.now(); });
}).observe(document, {
  attributes: true, attributeOldValue: true, childList: true, subtree: true,
});
"""
"""When the map was ready, when a change was heard of, and the frame in which it was drawn."""


def places(n: int) -> str:
    """A file of the largest towns of Brazil."""
    towns = gazetteer.table()
    here = [i for i, one in enumerate(towns.regions) if one[0] == "BR"]
    rank = [i for i in (-towns.population).argsort() if towns.region[i] in here][:n]
    rows = [
        f"p{i},Place {i},{towns.latitude[row]:.4f},{towns.longitude[row]:.4f},America/Sao_Paulo"
        for i, row in enumerate(rank)
    ]
    return "\n".join(["place_id,name,latitude,longitude,timezone", *rows]) + "\n"


async def opened(browser: Any, url: str) -> tuple[Any, float, float]:
    """A page with nothing kept from before; the bytes of its first view, and when its map was
    ready, in milliseconds."""
    context = await browser.new_context(
        locale="pt-BR", viewport={"width": 1360, "height": 860}, timezone_id="America/Sao_Paulo"
    )
    context.set_default_timeout(60_000)
    await context.add_init_script(NOTED)
    page = await context.new_page()
    await page.wait_for_timeout(WINDOW_MS)
    weights: list[int] = []

    async def weigh(response: Any) -> None:
        if "/v1/events" not in response.url:
            sizes = await response.request.sizes()
            weights.append(sizes["responseBodySize"] + sizes["responseHeadersSize"])

    page.on("response", weigh)
    await page.goto(url)
    await page.wait_for_selector("#map[data-land=yes] canvas.dots")
    await page.wait_for_timeout(200)
    return page, sum(weights), await page.evaluate("noted.ready")


async def changed(page: Any, service: Service, place: int) -> float:
    """Milliseconds from the page's hearing that a place is in danger until that is drawn."""
    await page.evaluate("noted.heard = noted.drawn = null")
    headers = {"Authorization": f"Bearer {KEY}"}
    gust = [reading(place, 21.0, time.time())]
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{service.url}/v1/readings", json=gust) as answer,
    ):
        assert answer.status == 202, await answer.text()
    until = time.monotonic() + DRAWN_S
    while not await page.evaluate("noted.drawn !== null"):  # its policy forbids `wait_for_function`
        if time.monotonic() > until:
            raise RuntimeError(f"place {place}: nothing was drawn within {DRAWN_S:.0f} s")
        await page.wait_for_timeout(20)
    took: float = await page.evaluate("noted.drawn - noted.heard")
    return took


async def viewed(browser: Any, service: Service, turns: int) -> tuple[float, float]:
    """Medians of the bytes of the first view and of the milliseconds until the map was there."""
    views = []
    for _ in range(turns):
        page, weight, ready_ms = await opened(browser, service.url)
        views.append((weight, ready_ms))
        await page.context.close()
    print(f"map ready after {', '.join(f'{ms:.0f}' for _, ms in views)} ms")
    return median(a for a, _ in views), median(b for _, b in views)


async def drawn(browser: Any, service: Service, changes: int) -> float:
    """The median of the milliseconds until a change is drawn."""
    page, *_ = await opened(browser, service.url)
    await page.wait_for_timeout(6_000)  # until the other views are fetched
    took = [await changed(page, service, place) for place in range(changes)]
    print(f"drawn after {', '.join(f'{ms:.0f}' for ms in took)} ms")
    return median(took)


async def measure(given: argparse.Namespace, folder: Path, chromium: str) -> list[Figure]:
    """All that is told."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - only where it is

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        print(f"Chromium {browser.version}")
        with watched(folder / "few", FEW) as service:
            light, _ = await viewed(browser, service, given.turns)
        with watched(folder / "many", given.places) as service:
            heavy, ready_ms = await viewed(browser, service, given.turns)
            drawn_ms = await drawn(browser, service, given.changes)
        await browser.close()
    print(f"first view with {given.places:,} places {heavy / 1000:.0f} kB")
    return [
        Figure(f"first view of the page, {FEW} places", light / 1000, "kB", 250),
        Figure(f"the map of {given.places:,} places is there", ready_ms, "ms", 400),
        Figure("a change is drawn after the page heard of it", drawn_ms, "ms", 100),
    ]


def watched(folder: Path, n: int) -> Service:
    """A watch over so many towns."""
    folder.mkdir()
    (folder / "towns.csv").write_text(places(n), "utf-8")
    return Service(folder, more={"ATALAIA_PLACES": str(folder / "towns.csv")})


def lacking() -> str | None:
    """Why the page cannot be measured here; None: it can be."""
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        return "no chromium; on Debian: apt-get install chromium"
    if not LIBRARIES.is_file():
        return "the page's libraries are not built; run make install"
    if find_spec("playwright") is None:
        return "playwright is not installed"
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--places", type=int, default=5_571)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--changes", type=int, default=10)
    given = parser.parse_args()
    if why := lacking():
        print(f"the page is not measured: {why}", file=sys.stderr)
        return
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    with tempfile.TemporaryDirectory() as name:
        figures = asyncio.run(measure(given, Path(name), chromium))
    tell(figures)


if __name__ == "__main__":
    main()
