"""The log of security events: who was refused, what was changed or read, and nothing of anybody."""

from __future__ import annotations

import asyncio
import json
from itertools import product
from pathlib import Path

from structlog.testing import capture_logs

from atalaia.people import leave
from run.test_api_leaks import ask, paths, somebody
from run.world import PUSH_KEY, World, watching

ADDRESSES = ("ana.canary@example.org", "+5581977123402", "77123401", "https://canary.example/x?k=1")
CONTACTS = [f"{channel}:{address}" for channel, address in
            zip(("email", "sms", "telegram", "webhook"), ADDRESSES, strict=True)]  # fmt: skip
WISH = {"where": [{"latitude": -8.05, "longitude": -34.9}], "hazards": {"wind": "yellow"}}
ENV = {
    "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false",
    "ATALAIA_API_KEY": PUSH_KEY,
    "ATALAIA_API_URL": "https://alerts.example.org",
    "ATALAIA_API_RATE_LIMIT": "0",
}


def test_no_address_pseudonym_key_or_link_is_in_any_line_whatever_is_asked(tmp_path: Path) -> None:
    """Each of them in path, query, body and header of each route."""

    async def tell(world: World) -> None:
        ana = await somebody(world, ADDRESSES[0])
        registry = world.live.services.registry
        contacts = registry.people.contacts(ana.person)
        link = leave.link_of("https://x", registry.vault, contacts, "email").rpartition("/")[2]
        document = json.loads((await ask(world, "GET", "/openapi.json"))[1])
        secrets = (*ADDRESSES, ana.person, ana.message, ana.key, ana.token, link, "canary")
        hosts = ({}, {"Host": "elsewhere.example"})
        with capture_logs() as logs:
            for path, verb in product(paths(document, ana), ("GET", "POST", "DELETE")):
                for key in (None, ana.key, PUSH_KEY, "atk_canary"):
                    if key is not None or verb == "POST":
                        body = {**WISH, "contacts": CONTACTS, "code": "000000"}
                        await ask(world, verb, path, body if verb == "POST" else None, key)
            for path, given in product(
                ("/v1/people/{}", "/v1/people/{}/stop", "/v1/m/{}", "/v1/m/{}/stop",
                 "/v1/leave/{}", "/v1/towns?q={}", "/v1/deliveries?person={}", "/{}"),
                (*CONTACTS, *ADDRESSES, ana.token, link),
            ):  # fmt: skip
                url = world.url(path.format(given.replace("/", "%2F").replace("?", "%3F")))
                for verb, host in product(("GET", "POST", "DELETE"), hosts):
                    async with world.http.request(verb, url, headers=host) as answer:
                        assert answer.status != 500
        said = json.dumps(logs, default=repr)
        assert {one["event"] for one in logs if one.get("about")} >= {"refused", "changed", "read"}
        assert [secret for secret in secrets if secret in said] == []

    async def story() -> None:
        async with watching(tmp_path, **ENV) as world:
            await tell(world)

    asyncio.run(story())
