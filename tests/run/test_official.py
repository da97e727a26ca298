"""Official warnings from a feed on loopback to the alert log of a running watch."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer
from lxml import etree

from atalaia.domain.alert import instant
from patience import until

from .test_push import QUIET
from .world import NOON, World, watching

MESSAGE = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>{name}</identifier>
<sender>met@example.org</sender><sent>{sent}</sent><status>Actual</status>
<msgType>{type}</msgType><scope>Public</scope><references>{references}</references>
<info><language>pt-BR</language><category>Met</category><event>Vendaval</event>
<urgency>Immediate</urgency><severity>Severe</severity><certainty>Observed</certainty>
<expires>{expires}</expires><senderName>Met</senderName><headline>Aviso de Vendaval</headline>
<description>Rajadas de até 100 km/h &amp; granizo.</description>
<area><areaDesc>Aqui</areaDesc><circle>-1.5,0 10</circle></area></info></alert>"""


class Service:
    """A weather service: an RSS index, and the messages that it leads to."""

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self.is_up = True
        self.asked = 0

    def publish(self, name: str, type: str = "Alert", references: str = "", at: int = NOON) -> None:
        self.messages[name] = MESSAGE.format(
            name=name, type=type, references=references, sent=instant(at),
            expires=instant(NOON + 600 * 3600),  # a busy machine polls late
        )  # fmt: skip

    async def answer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.asked += 1
        if not self.is_up:
            return web.Response(status=502)
        if name != "rss":
            return web.Response(text=self.messages[name], content_type="application/xml")
        items = "".join(f"<item><link>/{one}</link></item>" for one in self.messages)
        return web.Response(text=f"<rss><channel>{items}</channel></rss>")


def test_a_warning_comes_in_word_for_word_goes_out_as_cap_and_ends_by_its_cancel(
    tmp_path: Path,
) -> None:
    async def tell() -> None:
        service = Service()
        application = web.Application()
        application.router.add_get("/{name}", service.answer)
        async with TestServer(application) as server:
            feed = {"ATALAIA_SOURCES_CAP_FEEDS": f"{server.make_url('/rss')} every 1min"}
            async with watching(tmp_path, **QUIET, **feed) as world:
                await story(service, world)

    async def story(service: Service, world: World) -> None:
        async def later(n: int) -> None:
            await until(lambda: len(world.alerts()) >= n, lambda: world.clock.turn(30))

        async def asked_again(times: int) -> None:
            enough = service.asked + times
            await until(lambda: service.asked >= enough, lambda: world.clock.turn(30))

        service.publish("a")
        await later(1)
        (alert,) = world.alerts()
        assert (alert.rule, alert.place_id, alert.hazard) == ("official", "p1", "wind")
        assert "Rajadas de até 100 km/h & granizo." in alert.text["pt-BR"]
        name = f"atalaia.{alert.incident}.1"
        message = etree.fromstring((await world.get(f"/feeds/cap/{name}.xml"))[1].encode())
        assert message.findtext("{*}info/{*}description") == "Rajadas de até 100 km/h & granizo."
        assert message.findtext("{*}info/{*}senderName") == "Met"
        sources = json.loads((await world.get("/readyz"))[1])["sources"]
        assert sources["cap:127.0.0.1"]["fault"] is None
        # The service goes down, and comes back with an empty index: nothing is over.
        service.is_up = False
        await asked_again(2)
        service.is_up, service.messages = True, {}
        await asked_again(3)
        await world.live.settled()
        assert len(world.alerts()) == 1
        service.publish("b", "Cancel", f"met@example.org,a,{instant(NOON)}", at=NOON + 60)
        await later(2)
        assert world.alerts()[1].type == "cancel"
        kept = [r.payload for r in world.home.stream.read(0, 100) if r.payload.source == "cap"]
        assert {p.content for p in kept} == {"feed", "message"}
        assert any(p.status == 502 for p in kept)

    asyncio.run(tell())
