"""A live home lived through again, in the order in which things arrived."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from atalaia import rules as rule_sets
from atalaia.batch.archive import archive
from atalaia.cli import app
from atalaia.cli.replays import replay_stream
from atalaia.detect.starts import starts_of
from atalaia.domain.payload import Payload
from atalaia.errors import AtalaiaError, StateConflict
from atalaia.homes.embedded import open_home
from atalaia.ports import Commit
from stories import objects

from .world import Clock, latitude, refuse, watching


def lived(folder: Path) -> Path:
    """The home of a watch with gusts, an outage, a restart, and half of its stream in RAW alone."""

    async def story() -> Path:
        clock = Clock()
        async with watching(folder, clock=clock) as world:
            await world.quiet()
            world.providers.gust[latitude(1)] = 20.0
            await world.turn(1800)
            world.providers.answers["open-meteo"] = lambda: refuse(503)
            await world.turn(3600)
            archive(world.home.stream, world.home.state, world.home.lake)
            world.home.stream.drop(world.home.stream.last_offset() - 2)
        async with watching(folder, clock=clock) as world:
            world.providers.gust[latitude(2)] = 30.0
            await world.turn(3 * 3600, step=300)
            return world.home.path

    return asyncio.run(story())


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lived(tmp_path_factory.mktemp("live"))


def test_the_live_alerts_come_again(live: Path) -> None:
    done, where, rules = replay_stream(live)
    with open_home(live) as home:
        told = [entry for _, entry in home.state.alerts()]
        assert [start.offset > 0 for start in starts_of(home.state)] == [False, True]
    assert {e.alert.hazard for e in told} == {"wind", "cannot_see"}
    assert done.as_live is True
    key = ("incident", "version", "type", "level", "reason", "sent_at", "value", "text")
    assert sorted(tuple(str(getattr(e.alert, k)) for k in key) for e in done.entries) == sorted(
        tuple(str(getattr(e.alert, k)) for k in key) for e in told
    )
    assert (len(where), rules.name) == (3, "inmet")
    assert done.readings > 0


def test_other_rules_say_something_else_of_the_same_arrivals(live: Path) -> None:
    done, _, rules = replay_stream(live, rule_sets.load("basic"))
    assert rules.name == "basic"
    assert done.as_live is None
    levels = {e.alert.level for e in done.entries if e.alert.hazard == "wind"}
    assert levels == {"orange"}, "inmet's gust was red"


def test_a_replayed_stream_can_be_kept_and_asked(live: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    home = tmp_path / "again"
    done = run(app, ["replay", "--from-stream", str(live), "--home", str(home), "--json"])
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert summary["as_live"] is True
    sql = "SELECT count(*) AS n FROM alerts"
    ask = [objects(run(app, ["sql", sql, "--json", "--home", str(h)]).stdout) for h in (live, home)]
    assert ask[0] == ask[1]
    with pytest.raises(StateConflict, match="new --home"):
        replay_stream(live, home=home)


def test_the_live_home_stays_as_it_was(live: Path) -> None:
    with open_home(live, exclusive=False) as home:
        before = (home.stream.last_offset(), home.lake.keys(""), home.state.load())
    replay_stream(live)
    with open_home(live, exclusive=False) as home:
        assert (home.stream.last_offset(), home.lake.keys(""), home.state.load()) == before


def test_a_gap_in_the_record_is_named(live: Path, tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as home:
        home.stream.append([Payload(source="clock", content="tick", received_at=i, body=b"")
                            for i in range(5)])  # fmt: skip
        home.stream.drop(2)
        home.state.commit(Commit("speed", 5))
    with pytest.raises(StateConflict, match="payloads 1 to 2 are neither in RAW nor in the stream"):
        replay_stream(tmp_path / "home", rule_sets.load("inmet"))


def test_a_home_that_noted_no_rules_needs_some(tmp_path: Path) -> None:
    open_home(tmp_path / "home").close()
    with pytest.raises(AtalaiaError, match="noted no rules; give --rules"):
        replay_stream(tmp_path / "home")


def test_readings_and_a_stream_do_not_go_together(live: Path) -> None:
    run = CliRunner().invoke
    assert run(app, ["replay", "x.csv", "--from-stream", str(live)]).exit_code == 2
    assert run(app, ["replay", "x.csv"]).exit_code == 2
