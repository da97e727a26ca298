"""People over HTTP, on a running watch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from atalaia.people import leave
from atalaia.people.manage import Signed, make_key

from .world import PUSH_KEY, World, watching

ENV = {"ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false", "ATALAIA_API_KEY": PUSH_KEY}
WISH = {"where": [{"latitude": -8.05, "longitude": -34.9}], "hazards": {"wind": "yellow"}}
ADDRESS = "maria.canary@example.org"


def story(folder: Path, tell: Callable[[World], Awaitable[None]], **env: str) -> None:
    async def run() -> None:
        async with watching(folder, **(env or ENV)) as world:
            await tell(world)

    asyncio.run(run())


async def ask(
    world: World, method: str, path: str, body: Any = None, key: str | None = PUSH_KEY
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = f"http://127.0.0.1:{world.live.port}{path}"
    async with world.http.request(method, url, json=body, headers=headers) as response:
        text = await response.text()
        return response.status, json.loads(text) if text else None


async def subscribed(world: World, *contacts: str, **more: Any) -> dict[str, Any]:
    status, told = await ask(
        world, "POST", "/v1/subscriptions", {**WISH, "contacts": list(contacts), **more}
    )
    assert status == 201, told
    return dict(told)


def test_who_subscribes_by_the_api_confirms_sees_and_erases(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        told = await subscribed(world, f"email:{ADDRESS}", "inbox:")
        assert told["confirmed"] == ["inbox"]
        assert told["to_confirm"] == ["email"]
        assert any("email is not switched on" in note for note in told["notes"])
        person = told["person"]
        status, wrong = await ask(
            world, "POST", f"/v1/people/{person}/confirm", {"code": "000000"}, key=None
        )
        assert status in (200, 403)
        status, held = await ask(world, "GET", f"/v1/people/{person}")
        assert status == 200
        assert ADDRESS in json.dumps(held)
        assert (await ask(world, "DELETE", f"/v1/people/{person}"))[0] == 204
        assert (await ask(world, "GET", f"/v1/people/{person}"))[0] == 404
        assert (await ask(world, "DELETE", f"/v1/people/{person}"))[0] == 404
        assert wrong is not None

    story(tmp_path, tell)


def test_a_persons_objects_are_out_of_anothers_reach(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        registry = world.live.services.registry
        people = [(await subscribed(world, "inbox:"))["person"] for _ in range(2)]
        keys = [make_key(registry, person, 1_768_046_400) for person in people]
        mine, theirs = people
        verbs = [
            ("GET", f"/v1/people/{theirs}", None),
            ("DELETE", f"/v1/people/{theirs}", None),
            ("PATCH", f"/v1/people/{theirs}", {"language": "en"}),
            ("POST", f"/v1/people/{theirs}/stop", {}),
            ("POST", f"/v1/people/{theirs}/messages/msg_x/acknowledge", None),
        ]
        for method, path, body in verbs:
            status, problem = await ask(world, method, path, body, key=keys[0])
            assert (status, theirs in json.dumps(problem)) == (404, False), path
            assert (await ask(world, method, path, body, key=None))[0] == 401
            assert (await ask(world, method, path, body, key="atk_nobody"))[0] == 401
        for method, path in (
            ("POST", "/v1/subscriptions"),
            ("GET", "/v1/deliveries"),
            ("POST", "/v1/deliveries/msg_x/retry"),
        ):
            body = {**WISH, "contacts": ["inbox:"]} if path == "/v1/subscriptions" else None
            assert (await ask(world, method, path, body, key=keys[0]))[0] == 403
        assert (await ask(world, "GET", f"/v1/people/{theirs}", key=keys[1]))[0] == 200
        assert (await ask(world, "DELETE", f"/v1/people/{mine}", key=keys[0]))[0] == 204

    story(tmp_path, tell)


def test_before_somebody_answers_for_addresses_none_is_taken_and_the_page_offers_none(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        for path, key in (("/v1/subscriptions", PUSH_KEY), ("/v1/subscribe", None)):
            here = {"latitude": -0.5, "longitude": 0.0}
            body = {"where": [here], "contacts": [f"email:{ADDRESS}"]}
            status, problem = await ask(world, "POST", path, body, key=key)
            assert (status, "people.controller" in problem["detail"]) == (422, True)
            assert ADDRESS not in json.dumps(problem)
        assert (await ask(world, "GET", "/v1/subscribe"))[1]["channels"] == []
        assert (await ask(world, "GET", "/v1/summary"))[1]["subscribers_channels"] == []

    story(tmp_path, tell, **ENV, ATALAIA_PEOPLE_CONTROLLER="")


def test_who_has_a_link_changes_where_of_what_and_when_they_are_told(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        person = (await subscribed(world, f"email:{ADDRESS}", "inbox:", proof="form 12"))["person"]
        people, registry = world.live.services.people, world.live.services.registry
        held = registry.held(person)
        assert held is not None
        now = world.live.services.clock.second()
        token = people.manage(Signed(person, ("email",), held.kept.epoch), now)
        path = f"/v1/people/{person}"
        [old] = (await ask(world, "GET", path, key=token))[1]["person"]["subscriptions"]
        ring = [[-35.5, -8.5], [-34.5, -8.5], [-34.5, -7.5], [-35.5, -8.5]]
        area = {"name": "coast", "geojson": {"type": "Polygon", "coordinates": [ring]}}
        body = {
            "language": "en",
            "quiet": "22:00-07:00",
            "channels": ["inbox"],
            "subscriptions": {old["id"]: {"hazards": {"heat": "red"}}},
            "added": [{"where": [area], "hazards": {}, "thresholds": ["rain_mm over 1h >= 35"]}],
        }
        assert await ask(world, "PATCH", path, body, key=token) == (204, None)
        told = (await ask(world, "GET", path, key=token))[1]["person"]
        assert (told["language"], told["channels"]) == ("en", ["inbox", "email"])
        assert told["quiet"] == {"start": 1320, "end": 420, "timezone": "America/Recife"}
        changed, new = told["subscriptions"]
        assert (changed["where"], changed["hazards"]) == (old["where"], {"heat": "red"})
        assert (new["where"][0]["rings"], new["thresholds"][0]["limit"]) == ([ring], 35)
        for wrong in ({"quiet": "22"}, {"subscriptions": {"s_x": None}}, {"hazards": {}}):
            assert (await ask(world, "PATCH", path, wrong, key=token))[0] == 422
        assert (await ask(world, "GET", path, key=token))[1]["person"] == told
        await ask(world, "POST", f"{path}/stop", {"channel": "email"}, key=token)
        assert (await ask(world, "PATCH", path, {"language": "es"}, key=token))[0] == 401

    story(tmp_path, tell)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"contacts": ["email:not an address canary"]}, "email"),
        ({"contacts": ["telegram:canary"]}, "telegram"),
        ({"contacts": ["webhook:http://169.254.169.254/canary"]}, "inside"),
        ({"contacts": ["pigeon:canary"]}, "channel"),
        ({"where": [{}]}, "where"),
        ({"where": [{"place": "Nowhere at all canary"}]}, ""),
        ({"hazards": {"rain": "yellow"}}, "hazard"),
        ({"thresholds": ["canary"]}, "limit"),
        ({"thresholds": ["rain_mm over 1h >= 35 chance 30 %"]}, "ensemble"),
        ({"quiet": "canary"}, "quiet"),
        ({"language": "canary"}, "language"),
        ({"extra": "canary"}, "extra"),
    ],
)
def test_what_cannot_be_asked_for_is_told_without_repeating_an_address(
    tmp_path: Path, change: dict[str, Any], word: str
) -> None:
    async def tell(world: World) -> None:
        body = {**WISH, "contacts": ["inbox:"], **change}
        status, problem = await ask(world, "POST", "/v1/subscriptions", body)
        assert status == 422
        assert word in json.dumps(problem)
        if "contacts" in change:
            assert "canary" not in json.dumps(problem)

    story(tmp_path, tell)


def test_what_somebody_pushes_under_their_own_key_is_kept_sealed_until_they_are_erased(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        person = (await subscribed(world, "inbox:"))["person"]
        key = make_key(world.live.services.registry, person, 1_768_046_400)
        reading = {"place_id": "p1", "valid_at": "2026-01-10T12:00:00Z", "wind_gust_m_s": 21.0}
        status, told = await ask(
            world, "POST", "/v1/readings", [{**reading, "note": "CANARY-BODY"}], key=key
        )
        assert status in (202, 422), told
        status, told = await ask(world, "POST", "/v1/readings", [reading], key=key)
        assert (status, told["readings"]) == (202, 1)
        await world.live.settled()
        assert [a.level for a in world.alerts()] == ["orange"]
        bodies = [record.payload.body for record in world.home.stream.read(0, 99)]
        assert not any(b"wind_gust" in body or b"CANARY" in body for body in bodies)
        status, _ = await ask(world, "POST", "/v1/payloads", {"source": "inmet"}, key=key)
        assert status == 403
        await ask(world, "DELETE", f"/v1/people/{person}")
        decoded = world.live.services.decode(
            [r.payload for r in world.home.stream.read(0, 99)], None
        )
        assert len(decoded.readings) == 0
        assert {reject.reason for reject in decoded.rejects} == {"erased"}

    story(tmp_path, tell)


def test_a_preview_tells_what_the_past_days_would_have_brought(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        reading = {"place_id": "p1", "valid_at": "2026-01-10T12:00:00Z", "wind_gust_m_s": 21.0}
        await ask(world, "POST", "/v1/readings", [reading])
        await world.live.settled()
        place = world.live.settings.places.get("p1")
        wish = {"where": [{"latitude": place.latitude, "longitude": place.longitude}]}
        status, told = await ask(world, "POST", "/v1/preview?days=30", {**wish, "language": "en"})
        assert status == 200
        assert [m["level"] for m in told["messages"]] == ["orange"]
        assert "limit 16.7 m/s" in told["messages"][0]["text"]
        wish["where"][0]["latitude"] = 60.0
        assert (await ask(world, "POST", "/v1/preview", wish))[1]["messages"] == []

    story(tmp_path, tell)


def test_whatsapps_webhook_is_off_until_it_is_set_up_and_believes_meta_alone(
    tmp_path: Path,
) -> None:
    async def off(world: World) -> None:
        assert (await ask_text(world, "GET", "/v1/whatsapp"))[0] == 404

    for name in ("off", "on"):
        (tmp_path / name).mkdir()
    story(tmp_path / "off", off)

    async def on(world: World) -> None:
        query = "hub.mode=subscribe&hub.verify_token={}&hub.challenge=42"
        assert await ask_text(world, "GET", "/v1/whatsapp?" + query.format("word")) == (200, "42")
        assert (await ask_text(world, "GET", "/v1/whatsapp?" + query.format("other")))[0] == 403
        assert (await ask_text(world, "POST", "/v1/whatsapp"))[0] == 403

    at = "ATALAIA_CHANNELS_WHATSAPP_"
    story(
        tmp_path / "on",
        on,
        **ENV,
        **{
            f"{at}TOKEN": "t",
            f"{at}PHONE_NUMBER_ID": "1",
            f"{at}APP_SECRET": "s",
            f"{at}VERIFY_TOKEN": "word",
        },
    )


async def ask_text(world: World, method: str, path: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{world.live.port}{path}"
    async with world.http.request(method, url) as response:
        return response.status, await response.text()


def test_telegrams_webhook_is_off_until_it_has_a_secret_and_then_nobody_polls(
    tmp_path: Path,
) -> None:
    update = {"update_id": 1, "my_chat_member": {"chat": {"id": 7}, "new_chat_member": {}}}

    async def call(world: World, secret: str) -> int:
        url = f"http://127.0.0.1:{world.live.port}/v1/telegram"
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
        async with world.http.post(url, json=update, headers=headers) as response:
            return response.status

    async def off(world: World) -> None:
        assert await call(world, "s" * 16) == 404

    async def on(world: World) -> None:
        assert await call(world, "s" * 16) == 200
        assert await call(world, "x" * 16) == 403
        assert "telegram bot" not in {task.get_name() for task in asyncio.all_tasks()}

    for name in ("off", "on"):
        (tmp_path / name).mkdir()
    at = "ATALAIA_CHANNELS_TELEGRAM_"
    story(tmp_path / "off", off)
    secret = {f"{at}TOKEN": "t", f"{at}WEBHOOK_SECRET": "s" * 16}
    story(tmp_path / "on", on, **ENV, **secret)


def test_a_mails_link_shows_a_button_and_ends_e_mail_by_one_click_without_a_key(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        told = await subscribed(world, f"email:{ADDRESS}", proof="form 12")
        person, registry = told["person"], world.live.services.registry
        url = f"http://127.0.0.1:{world.live.port}"
        link = leave.link_of(url, registry.vault, registry.people.contacts(person), "email")
        async with world.http.get(link) as page:
            assert page.status == 200
            assert '<form method="post">' in await page.text()
            assert "form-action 'self'" in page.headers["Content-Security-Policy"]
        assert registry.contact(person, "email") is not None, "looking at it stops nothing"
        for _ in range(2):
            async with world.http.post(link, data={"List-Unsubscribe": "One-Click"}) as answer:
                assert answer.status == 200
                assert ADDRESS not in await answer.text()
        assert registry.contact(person, "email") is None
        async with world.http.post(link[:-1], data={"List-Unsubscribe": "One-Click"}) as answer:
            assert answer.status == 404

    story(tmp_path, tell)
