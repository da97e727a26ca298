"""Alerts to the browser itself: the page asks for leave, its service worker gives back the code.

Chromium's own push service is Google's, which no test reaches: `PushManager.subscribe` is played by
one of the tests' own, and what that would hand to the browser is handed in by the debugger. All
between is real: the permission, the service worker and its push event, VAPID and encryption on the
way out, the code on the way back, and the notifications.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from patience import patient
from pushing import Browser as Subscriber
from pushing import PushService
from run.world import NOON, World, watching

from .conftest import PHONE, Browser, pictured
from .stage import Stage, shown
from .test_page import ENV, gust

PUSH_ENV = {**ENV, "ATALAIA_CHANNELS_WEBPUSH_ALLOW": "127.0.0.0/8"}

SUBSCRIBES = """(subscription) => {
  PushManager.prototype.getSubscription = async () => null;
  PushManager.prototype.subscribe = async (options) => {
    const key = btoa(String.fromCharCode(...options.applicationServerKey));
    window.asked = [options.userVisibleOnly, key];
    return { toJSON: () => subscription };
  };
}"""

NOTIFICATIONS = """async () => {
  const { active } = await navigator.serviceWorker.ready;
  const kept = await (await navigator.serviceWorker.getRegistration()).getNotifications();
  return kept.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
}"""


async def noticed(page: Any, title: str) -> list[Any]:
    """The notifications that are shown, once one's title has these words."""
    async with patient():
        while True:
            kept: list[Any] = await page.evaluate(NOTIFICATIONS)
            if any(title in one["title"] for one in kept):
                return kept
            await asyncio.sleep(0.02)


class Handed:
    """Hands to the browser what its push service got for it."""

    def __init__(self, page: Any, subscriber: Subscriber, origin: str) -> None:
        self._page = page
        self._subscriber = subscriber
        self._origin = origin
        self._registered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Handed:
        self._cdp = await self._page.context.new_cdp_session(self._page)
        self._cdp.on("ServiceWorker.workerRegistrationUpdated", self._note)
        await self._cdp.send("ServiceWorker.enable")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._cdp.detach()

    def _note(self, told: dict[str, Any]) -> None:
        for one in told["registrations"]:
            if not self._registered.done():
                self._registered.set_result(one["registrationId"])

    async def next(self, n: int) -> None:
        """The push of this number, once it has come."""
        async with patient():
            while len(self._subscriber.came) < n:
                await asyncio.sleep(0.02)
            registered = await self._registered
        push = {"origin": self._origin, "registrationId": registered}
        data = self._subscriber.came[n - 1].plain.decode()
        await self._cdp.send("ServiceWorker.deliverPushMessage", push | {"data": data})


def test_one_tap_and_the_browsers_leave_are_all_it_takes_to_be_told(
    whole_browser: Browser, tmp_path: Path
) -> None:
    async def tell(world: World, service: PushService) -> None:
        page, seen = await whole_browser.page(permissions=["notifications"])
        await page.clock.set_fixed_time(datetime.fromtimestamp(NOON, UTC))
        subscriber = service.browser()
        played = f"({SUBSCRIBES})({subscriber.subscription})"
        await page.add_init_script(played)
        async with Handed(page, subscriber, world.url("")) as handed:
            await page.goto(world.url("/#/subscribe?place=p0"))
            await page.get_by_role("button", name="Concordo: avisem aqui").wait_for()
            assert await page.locator("#address").count() == 0, "no address is asked for"
            assert "Defesa Civil de Exemplo" in await page.inner_text(".words")
            await pictured(page, "subscribe-here", full_page=True)
            await page.get_by_role("button", name="Concordo: avisem aqui").click()
            await handed.next(1)
            await page.get_by_role("heading", name="Pronto").wait_for()
            visible, key = await page.evaluate("window.asked")
            assert visible is True
            assert key.rstrip("=").replace("+", "-").replace("/", "_") == subscriber.push_key
            assert not await page.evaluate("caches.match('/pending')"), "nothing waits any more"
            [done] = await noticed(page, "Pronto: os avisos chegam aqui")
            assert done["data"]["url"].startswith("/manage#atm_")
            await gust(world, 12.5, 0, "p0")
            await handed.next(2)
            await noticed(page, "Amarelo")
            await gust(world, 21.5, 1, "p0")
            await handed.next(3)
            told = [one for one in await noticed(page, "Laranja") if one["tag"]]
            said = ["21,5 m/s" in one["body"] for one in told]
            assert said == [True], "the newer one is in the older one's place"
            assert told[0]["data"]["url"].startswith("/#/alert/")
            await page.goto(world.url(done["data"]["url"]))
            await page.get_by_role("heading", name="Sua inscrição").wait_for()
            await page.get_by_text("Neste aparelho · 127.0.0.1").wait_for()
        assert service.refused == []
        assert seen.problems == []

    async def run() -> None:
        service = PushService()
        try:
            async with watching(tmp_path, **PUSH_ENV) as world:
                await tell(world, service)
        finally:
            service.close()

    whole_browser.run(run())


def test_a_code_that_this_browser_did_not_ask_for_is_shown_and_not_given_back(
    whole_browser: Browser,
) -> None:
    async def run(url: str) -> None:
        page, _ = await whole_browser.page(permissions=["notifications"])
        asked: list[str] = []
        page.context.on("request", lambda request: asked.append(request.url))
        subscriber = Subscriber("https://push.example.org/x")
        await page.goto(url)
        await page.evaluate("navigator.serviceWorker.register('/worker.js')")
        await page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        stranger = {"kind": "confirm", "language": "pt-BR", "title": "Confirme", "body": "482913",
                    "code": "482913"}  # fmt: skip
        async with Handed(page, subscriber, url) as handed:
            subscriber.came.append(_pushed(stranger))
            await handed.next(1)
            kept = await noticed(page, "Confirme")
        assert [(one["title"], one["body"]) for one in kept] == [("Confirme", "482913")]
        assert not [one for one in asked if one.endswith("/confirm")]

    with shown(Stage(calm=True)) as url:
        whole_browser.run(run(url))


def test_the_page_can_be_installed_and_has_every_icon_that_it_names(browser: Browser) -> None:
    async def run(url: str) -> None:
        page, _ = await browser.page()
        await page.goto(url)
        cdp = await page.context.new_cdp_session(page)
        manifest = await cdp.send("Page.getAppManifest")
        assert manifest["errors"] == []
        told = json.loads(manifest["data"])
        assert {one["sizes"] for one in told["icons"]} == {"192x192", "512x512"}
        faults = await cdp.send("Page.getInstallabilityErrors")
        names = [one["errorId"] for one in faults["installabilityErrors"]]
        assert names in ([], ["in-incognito"]), "a context of tests is a private window"

    with shown(Stage(calm=True)) as url:
        browser.run(run(url))


def test_on_an_iphone_it_says_to_install_the_page_first(browser: Browser) -> None:
    safari = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
    )

    async def run(url: str) -> None:
        page, seen = await browser.page(**PHONE, user_agent=safari)
        await page.add_init_script("delete window.PushManager")  # as Safari has it in a tab
        await page.goto(url + "/#/subscribe?place=" + Stage().id_of("Recife"))
        await page.dispatch_event("input[value=webpush]", "click")
        await page.get_by_text("Adicionar à Tela de Início").wait_for()
        assert await page.get_by_role("button", name="Concordo: avisem aqui").is_disabled()
        await pictured(page, "subscribe-iphone", full_page=True)
        assert seen.problems == []

    with shown(Stage()) as url:
        browser.run(run(url))


def _pushed(body: dict[str, Any]) -> Any:
    from pushing import Pushed

    return Pushed(body, json.dumps(body).encode(), 60, "high", "", {})
