from __future__ import annotations

import asyncio
from pathlib import Path

from .test_people_api import ENV, PUSH_KEY, ask, subscribed
from .world import World, watching


def test_a_drill_goes_to_organisations_marked_as_one_and_into_no_alert_log(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        place = world.live.settings.places[1]
        where = [{"latitude": place.latitude, "longitude": place.longitude}]
        proof = {"proof": "form", "where": where, "hazards": {"wind": "yellow"}}
        school = await subscribed(world, "inbox:", organisation=True, language="en", **proof)
        await subscribed(world, "inbox:", **proof)
        world.live.notifier.recipients.refresh()
        asked = {"hazard": "wind", "level": "orange", "place": place.id}
        status, told = await ask(world, "POST", "/v1/drills", asked)
        assert (status, told["people"], told["status"]) == (201, 1, "Exercise")
        drilled = [m for m in world.home.outbox.messages() if m.kind.startswith("exercise:")]
        assert [m.person for m in drilled] == [school["person"]]
        composer = world.live.notifier.deliverer._write
        letter = composer(drilled)[0]
        text = letter.content.text(4000)  # type: ignore[union-attr]
        assert text.startswith("🔶 EXERCISE, Orange (severe): strong wind at")
        assert "there is no danger" in text
        assert world.alerts() == []
        status, told = await ask(world, "POST", "/v1/drills", {**asked, "everyone": True})
        assert told["people"] == 2
        assert (await ask(world, "POST", "/v1/drills", {**asked, "place": "nowhere"}))[0] == 422
        assert (await ask(world, "POST", "/v1/drills", asked, key="wrong"))[0] == 401

    async def run() -> None:
        async with watching(tmp_path, **ENV) as world:
            await tell(world)

    assert PUSH_KEY
    asyncio.run(run())
