"""The clock is set back, or forward, while the watch runs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import structlog
from hypothesis import given
from hypothesis import strategies as st

from atalaia.clock import MOST_BACK_S, Clock, Onward, steady
from run.world import NOON, refuse, watching
from run.world import Clock as Turned


class Set(Turned):
    """Time that a test turns, and a clock on the wall that is set."""

    def __init__(self) -> None:
        super().__init__()
        self.wall_s = 0.0
        self._onward = Onward(lambda: self._now + self.wall_s, lambda: self._now)

    def now(self) -> float:
        return self._onward()

    def second(self) -> int:
        return int(self.now())


STEPS = st.lists(
    st.tuples(st.floats(0, 4000, allow_nan=False), st.floats(-4000, 4000, allow_nan=False)),
    max_size=20,
)


@given(STEPS)
def test_time_never_goes_back_and_never_stands(steps: list[tuple[float, float]]) -> None:
    wall, tick = [float(NOON)], [0.0]
    now = Onward(lambda: wall[0], lambda: tick[0])
    before = now()
    for passed, moved in steps:
        tick[0] += passed
        wall[0] += passed + moved
        after = now()
        assert after >= before + passed / 2 - 1e-3
        assert after >= wall[0]
        before = after


def test_a_clock_that_was_set_back_is_made_up_for_in_twice_the_time() -> None:
    wall, tick = [float(NOON)], [0.0]
    now = Onward(lambda: wall[0], lambda: tick[0])
    with structlog.testing.capture_logs() as logs:
        wall[0] -= 600
        for _ in range(1199):
            wall[0] += 1
            tick[0] += 1
            assert now() > wall[0]
        wall[0] += 1
        tick[0] += 1
        assert now() == wall[0]
    assert [(line["event"], line["by_s"]) for line in logs] == [
        ("the clock was set back; time goes on at half its pace", 600)
    ]


def test_how_far_it_is_behind_is_known_until_it_begins_anew() -> None:
    wall, tick = [float(NOON)], [0.0]
    now = Onward(lambda: wall[0], lambda: tick[0])
    assert (now(), now.behind_s) == (NOON, 0)
    wall[0] -= 2 * MOST_BACK_S
    assert (now(), now.behind_s) == (NOON, 2 * MOST_BACK_S)
    now.begin_anew()
    assert (now(), now.behind_s) == (wall[0], 0)
    wall[0] += 1
    assert (now(), now.behind_s) == (wall[0], 0)


def test_who_waits_by_the_process_s_clock_waits_by_one_that_nobody_sets() -> None:
    wall, tick = [float(NOON)], [5.0]
    assert steady(Onward(lambda: wall[0], lambda: tick[0]))() == 5.0
    assert isinstance(Clock().now, Onward)
    assert Clock().now is Clock().now


def test_a_source_is_asked_on_and_its_silence_told_when_the_clock_was_set_back(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        clock = Set()
        async with watching(tmp_path, clock=clock) as world:
            await world.quiet()
            await world.turn(900)
            asked = world.providers.count("open-meteo")
            clock.wall_s = -600.0
            await world.turn(2 * 900 + 60)
            assert world.providers.count("open-meteo") > asked
            sources = json.loads((await world.get("/readyz"))[1])["sources"]
            assert 0 <= sources["open-meteo"]["age_s"] < 1800
            clock.wall_s = -1200.0
            world.providers.answers["open-meteo"] = lambda: refuse(503)
            await world.turn(2 * 3 * 900 + 120)
            assert [a.type for a in world.alerts("cannot_see")] == ["alert"]
            sources = json.loads((await world.get("/readyz"))[1])["sources"]
            assert sources["open-meteo"]["fresh"] is False

    asyncio.run(story())


def test_an_hour_forward_tells_no_outage_that_is_none(tmp_path: Path) -> None:
    async def story() -> None:
        clock = Set()
        async with watching(tmp_path, clock=clock) as world:
            await world.quiet()
            await world.turn(900)
            clock.wall_s = 3600.0
            await world.turn(120, step=5)
            await world.turn(3600)
            told = [a.type for a in world.alerts("cannot_see")]
            assert told in ([], ["alert", "end"])
            assert json.loads((await world.get("/readyz"))[1])["sources"]["open-meteo"]["fresh"]

    asyncio.run(story())
