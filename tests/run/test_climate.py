"""The watch learns the climate by itself and takes it up as it runs; a replay tells the same."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from atalaia import rules as rule_sets
from atalaia.cli.replays import replay, replay_stream
from atalaia.detect.starts import starts_of
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind, Readings
from atalaia.errors import StateConflict
from atalaia.homes.embedded import open_home
from atalaia.lake.climate import write_climate
from atalaia.lake.merge import merge_readings
from atalaia.lake.norms import LEARN_EVERY_S, NORMS, Known, is_due, known, note_learnt
from atalaia.run.local import Live

from .world import NOON, watching

WARM = """
name = "warm"

[[rule]]
name = "warm"
hazard = "heat"
variable = "temperature_c"
norm = "monthly_mean"
limits = { yellow = 5 }
exit = { yellow = 3 }
evidence = ["observed", "analysis"]
origin = "a test"
"""
A_YEAR_AGO = NOON - 365 * 86_400


def warm(folder: Path) -> str:
    file = folder / "warm.toml"
    file.write_text(WARM, "utf-8")
    return str(file)


def remember(live: Live, celsius: float = 10.0) -> None:
    """GOLD of a January: every hour of every place."""
    places = live.settings.places
    hours = A_YEAR_AGO // 86_400 * 86_400 + 3600 * np.arange(-9 * 24, 22 * 24 + 1)
    rows = Readings.build(
        place=np.repeat(np.arange(len(places)), len(hours)),
        source="station",
        kind=Kind.OBSERVED,
        valid_at=np.tile(hours, len(places)),
        values={"temperature_c": np.full(len(places) * len(hours), celsius)},
    )
    merge_readings(live.home.lake, rows, places)


def learning(live: Live) -> Sequence[str]:
    """The program's own command, with a norm of one year."""
    command = [sys.executable, "-m", "atalaia", "climate", "--least-years", "1"]
    return [*command, "--home", str(live.home.path)]


def lived(folder: Path) -> Path:
    async def story() -> Path:
        def change(live: Live) -> None:
            remember(live)
            live.upkeep._learn_command = learning(live)

        async with watching(folder, change=change, ATALAIA_RULES=warm(folder)) as world:
            await world.turn(600)
            assert world.alerts() == [], "no norm is known: the rule says nothing"
            world.clock.turn(600)  # refining is due, and with it the climate
            await world.until(lambda: world.live.upkeep.climate == 1)
            assert known(world.home.state).version == 1
            await world.turn(1800)
            found = world.alerts("heat")
            assert {alert.place_id for alert in found} == {"p0", "p1", "p2"}
            assert {alert.limit for alert in found} == {15.0}
            return world.home.path

    return asyncio.run(story())


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lived(tmp_path_factory.mktemp("live"))


def test_a_new_climate_is_taken_up_without_a_restart_and_is_a_start_of_its_own(live: Path) -> None:
    with open_home(live) as home:
        first, second = starts_of(home.state)
        assert first.offset < second.offset <= home.stream.last_offset()
        assert first.at == second.at, "what is expected of sources is as it was"
        assert first.norms != second.norms
        assert len(home.lake.keys(NORMS)) == 2


def test_a_replay_from_the_stream_goes_by_the_norms_of_each_time(live: Path) -> None:
    done, _, _ = replay_stream(live)
    assert done.as_live is True
    assert {e.alert.hazard for e in done.entries} == {"heat"}


def test_the_climate_of_today_does_not_change_what_is_replayed(live: Path) -> None:
    with open_home(live) as home:
        for place in ("p0", "p1", "p2"):
            write_climate(home.lake, place, [], [])
    assert replay_stream(live)[0].as_live is True
    given, _, _ = replay_stream(live, rule_sets.load(str(live.parent / "warm.toml")))
    assert given.entries == [], "rules that are given go by it"


def test_norms_that_are_lost_are_named(live: Path) -> None:
    with open_home(live) as home:
        kept = {key: home.lake.read(key) for key in home.lake.keys(NORMS)}
        for key in kept:
            home.lake.delete(key)
    with pytest.raises(StateConflict, match=r"not in lake/raw/norms; restore them"):
        replay_stream(live)
    with open_home(live) as home:
        for key, body in kept.items():
            home.lake.write(key, body)


def test_the_climate_is_learnt_once_a_week_and_only_where_a_rule_goes_by_it(tmp_path: Path) -> None:
    named, none = rule_sets.load("climate"), rule_sets.load("inmet")
    with open_home(tmp_path / "home") as home:
        assert is_due(home.state, named, NOON)
        assert not is_due(home.state, none, NOON)
        note_learnt(home.state, NOON, is_new=False)
        assert known(home.state) == Known(0, NOON)
        assert not is_due(home.state, named, NOON + LEARN_EVERY_S - 1)
        assert is_due(home.state, named, NOON + LEARN_EVERY_S)
        note_learnt(home.state, NOON + 9, is_new=True)
        assert known(home.state) == Known(1, NOON + 9)


def test_a_climate_that_came_out_the_same_changes_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        again = [sys.executable, "-c", "pass"]

        def change(live: Live) -> None:
            live.upkeep._learn_command = again
            note_learnt(live.home.state, int(live.clock.now()), is_new=True)

        async with watching(tmp_path, change=change, ATALAIA_RULES=warm(tmp_path)) as world:
            await world.turn(2700, step=300)
            await world.until(lambda: world.live.upkeep.climate == 1)
            assert len(starts_of(world.home.state)) == 1

    asyncio.run(story())


def test_a_resumed_replay_notices_that_the_climate_changed(tmp_path: Path) -> None:
    rules = rule_sets.load(warm(tmp_path))
    places = Places([Place(id="p0", name="P0", latitude=0, longitude=0)])
    rows = tmp_path / "readings.csv"
    head = "place_id,valid_at,period_s,kind,temperature_c"
    rows.write_text(f"{head}\np0,2026-01-10T12:00:00Z,0,observed,20\n", "utf-8")
    home = tmp_path / "home"
    done = replay(places, [rows], rules, home=home)
    assert (done.readings, done.entries) == (1, [])
    assert replay(places, [rows], rules, home=home).resumed
    with open_home(home) as opened:
        hours = A_YEAR_AGO // 86_400 * 86_400 + 3600 * np.arange(-9 * 24, 22 * 24 + 1)
        past = Readings.build(
            place=np.zeros(len(hours), int),
            source="station",
            kind=Kind.OBSERVED,
            valid_at=hours,
            values={"temperature_c": np.full(len(hours), 10.0)},
        )
        merge_readings(opened.lake, past, places)
    from typer.testing import CliRunner

    from atalaia.cli import app

    arguments = ["climate", "--least-years", "1", "--home", str(home)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    with pytest.raises(StateConflict, match=r"climate has changed .* another --home"):
        replay(places, [rows], rules, home=home)
