"""A browser for the page's tests: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from patience import slowness

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "src/atalaia/page/files/vendor"
AXE = ROOT / ".venv/page/axe.js"
PICTURES = ROOT / "build/screenshots"
"""Where pictures go, for people to look at; where ATALAIA_PICTURES is not set, none are made."""

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1360, "height": 860}}


def lacking() -> str | None:
    """Why the page cannot be tested here; None: it can be."""
    if find_chromium() is None:
        return "no chromium; on Debian: apt-get install chromium chromium-headless-shell"
    if not (VENDOR / "leaflet.js").is_file() or not AXE.is_file():
        return "the page's libraries are not built; run tools/page_assets.py --tests .venv/page"
    try:
        import playwright  # noqa: F401
    except ModuleNotFoundError:
        return "playwright is not installed"
    return None


def find_chromium() -> str | None:
    """The one that draws no window around the page, if it is here: it takes two thirds of the
    processor time."""
    return shutil.which("chromium-headless-shell") or whole_chromium()


def whole_chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


async def pictured(shown: Any, name: str, **options: Any) -> None:
    """A picture of a page, or of a part of it, if they are wanted."""
    if os.environ.get("ATALAIA_PICTURES"):
        await shown.screenshot(path=PICTURES / f"{name}.png", **options)


@dataclass
class Seen:
    """What a page complained about: errors of scripts, violations of the policy, requests."""

    problems: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


@dataclass
class Browser:
    """One chromium for all tests, and the event loop on which it is driven."""

    loop: asyncio.AbstractEventLoop
    chromium: Any = None

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        """Tell a story on the loop; its pages are closed afterwards."""

        async def told() -> None:
            try:
                await story
            finally:
                for context in self.chromium.contexts:
                    await context.close()

        asyncio.run_coroutine_threadsafe(told(), self.loop).result(120 * slowness())

    async def page(self, **options: Any) -> tuple[Any, Seen]:
        """A new page in a context of its own, and what it complains about."""
        settings = {"locale": "pt-BR", "timezone_id": "America/Sao_Paulo", **DESKTOP, **options}
        context = await self.chromium.new_context(**settings)
        context.set_default_timeout(20_000 * slowness())
        page = await context.new_page()
        seen = Seen()
        page.on("pageerror", lambda error: seen.problems.append(str(error)))
        page.on("console", lambda told: _note(seen, told))
        page.on("request", lambda request: seen.hosts.add(request.url.split("/")[2]))
        return page, seen


def _note(seen: Seen, told: Any) -> None:
    # A violated policy is told as an error on the console.
    if told.type == "error":
        seen.problems.append(told.text)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    why = lacking()
    if why:
        pytest.skip(f"the page is not tested: {why}")
    with driven(find_chromium()) as found:
        yield found


@pytest.fixture(scope="session")
def whole_browser() -> Iterator[Browser]:
    """One that shows notifications: without a window it does not."""
    why, program = lacking(), whole_chromium()
    if why or program is None:
        pytest.skip(f"notifications are not tested: {why or 'install chromium itself, too'}")
    with driven(program) as found:
        yield found


@contextmanager
def driven(program: str | None) -> Iterator[Browser]:
    from playwright.async_api import async_playwright

    found = Browser(asyncio.new_event_loop())
    Thread(target=found.loop.run_forever, daemon=True).start()
    over = asyncio.Event()
    ready = Event()

    async def live() -> None:
        async with async_playwright() as playwright:
            found.chromium = await playwright.chromium.launch(
                executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            ready.set()
            await over.wait()
            await found.chromium.close()

    living = asyncio.run_coroutine_threadsafe(live(), found.loop)
    living.add_done_callback(lambda _: ready.set())
    ready.wait(60)
    if living.done():
        living.result()
    yield found
    found.loop.call_soon_threadsafe(over.set)
    living.result(20)
    found.loop.call_soon_threadsafe(found.loop.stop)
