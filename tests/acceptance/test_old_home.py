"""A home that an earlier Atalaia made opens, has what it had, and goes on."""

from __future__ import annotations

import asyncio
import json
import tarfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from atalaia.cli import app
from run.world import PUSH_KEY, Clock, World, watching

HOMES = sorted((Path(__file__).resolve().parents[1] / "data").glob("home-*.tar.xz"))
ENV = {"ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false", "ATALAIA_API_KEY": PUSH_KEY}

Facts = dict[str, Any]


@pytest.fixture(params=HOMES, ids=lambda file: file.name.partition(".")[0])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder in which the home lies; see tests/data/make_home.py."""
    with tarfile.open(request.param) as packed:
        packed.extractall(tmp_path, filter="tar")  # which keeps the keys to their owner
    return tmp_path


def facts_of(folder: Path) -> Facts:
    return dict(json.loads((folder / "facts.json").read_text("utf-8")))


def ask(folder: Path, *words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--home", str(folder / "home")])
    assert done.exit_code == 0, done.output
    return done.stdout


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def lived(folder: Path, tell: Callable[[World], Awaitable[None]]) -> None:
    """The watch goes on there, five minutes after it stopped."""
    clock = Clock(facts_of(folder)["at"] + 300)

    async def run() -> None:
        async with watching(folder, clock=clock, **ENV) as world:
            await world.quiet()
            await tell(world)

    asyncio.run(run())


async def push(world: World, gust: float) -> None:
    reading = {
        "place_id": "p1",
        "valid_at": datetime.fromtimestamp(world.clock.now(), UTC).isoformat(),
        "wind_gust_m_s": gust,
    }
    status, said, _ = await world.post("/v1/readings", json.dumps([reading]))
    assert (status, said["accepted"]) == (202, 1), said
    await world.live.settled()


def what_was_there(now: Any, before: Any) -> Any:
    """Of what is told now, what an earlier version told: it may have new fields, and lose none."""
    if isinstance(before, dict) and isinstance(now, dict):
        return {key: what_was_there(now[key], before[key]) for key in before}
    if isinstance(before, list) and isinstance(now, list) and len(now) == len(before):
        return [what_was_there(*pair) for pair in zip(now, before, strict=True)]
    return now


def test_there_is_an_old_home_to_open() -> None:
    assert [file.name for file in HOMES] == ["home-f5522e7.tar.xz"]


def test_what_it_told_is_read_as_it_was_written(old: Path) -> None:
    facts = facts_of(old)
    assert lines(ask(old, "alerts", "--json")) == facts["alerts"]
    messages = lines(ask(old, "deliveries", "--json"))
    assert what_was_there(messages, facts["messages"]) == facts["messages"]
    (counted,) = lines(ask(old, "sql", "SELECT count(*) AS n FROM readings", "--json"))
    assert counted["n"] == facts["readings"] == 3
    told = lines(ask(old, "sql", "SELECT incident, level FROM alerts", "--json"))
    assert told == [{k: a[k] for k in ("incident", "level")} for a in facts["alerts"]]


def test_gold_derived_again_from_what_it_kept_is_the_same(old: Path) -> None:
    question = "SELECT * FROM readings ORDER BY valid_at"
    before = ask(old, "sql", question, "--json")
    ask(old, "refine", "--rebuild")
    assert ask(old, "sql", question, "--json") == before


def test_who_asked_to_be_told_is_still_known_by_their_keys(old: Path) -> None:
    facts = facts_of(old)
    held = json.loads(ask(old, "export", facts["ana"]))
    assert what_was_there(held, facts["export"]) == facts["export"]
    ask(old, "erase", facts["ana"], "--yes")
    assert "nobody is kept" in str(
        CliRunner().invoke(app, ["export", facts["ana"], "--home", str(old / "home")]).exception
    )


def test_the_watch_goes_on_in_the_incident_that_it_left_open(old: Path) -> None:
    facts = facts_of(old)
    (onset,) = facts["alerts"]

    async def tell(world: World) -> None:
        assert [a.incident for a in world.alerts()] == [onset["incident"]], "nothing is told twice"
        await push(world, 22.0)
        assert len(world.alerts()) == 1, "it is as grave as it was"
        world.clock.turn(60)
        await push(world, 33.0)
        worse = world.alerts()[-1]
        assert (worse.incident, worse.version) == (onset["incident"], 2)
        assert (worse.type, worse.reason, worse.level) == ("update", "escalated", "red")

    lived(old, tell)


def test_its_people_are_told_by_the_next_watch_and_their_keys_still_let_them_in(old: Path) -> None:
    facts = facts_of(old)

    async def tell(world: World) -> None:
        await push(world, 33.0)

        def messages() -> list[Any]:
            return list(world.home.outbox.messages(person=facts["ana"], limit=9))

        await world.until(lambda: [str(m.status) for m in messages()] == ["sent", "sent"])
        headers = {"Authorization": f"Bearer {facts['key']}"}
        url = world.url(f"/v1/people/{facts['ana']}")
        async with world.http.get(url, headers=headers) as mine:
            assert mine.status == 200
            assert (await mine.json())["person"]["pseudonym"] == facts["ana"]
        async with world.http.get(
            world.url(f"/v1/people/{facts['bia']}"), headers=headers
        ) as others:
            assert others.status == 404

    lived(old, tell)


def test_an_unconfirmed_contact_is_still_asked_and_not_told(old: Path) -> None:
    facts = facts_of(old)

    async def tell(world: World) -> None:
        await push(world, 33.0)
        await world.until(
            lambda: len(world.home.outbox.messages(person=facts["ana"], limit=9)) == 2
        )
        waiting = world.home.outbox.messages(person=facts["bia"], limit=9)
        assert [m.kind for m in waiting] == ["confirm"]

    lived(old, tell)
