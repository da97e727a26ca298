"""What detect tells poll of how near places are to a limit."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from atalaia.detect import near
from atalaia.detect.nearness import NEWS_FOR_S
from atalaia.detect.sight import Sight
from atalaia.domain.lanes import Lane
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import NO_TIME
from atalaia.homes import embedded
from atalaia.ports import Commit
from atalaia.sources.schedule import Nearness

NOW = 1_768_046_400


def some(n: int) -> Places:
    return Places(Place(id=f"p{i}", name="", latitude=0, longitude=0) for i in range(n))


def items(
    places: Places, closeness: np.ndarray, lanes: int, seen: Sight | None = None
) -> dict[str, bytes]:
    seen = seen or Sight.none(len(places))
    return {
        f"{near.PREFIX}{lane}": near.pack(
            Lane(places, lane, lanes), Nearness(closeness, closeness[::-1]), seen, NOW
        )
        for lane in range(lanes)
    }


def test_each_lane_tells_of_its_own_places_in_ten_bytes_each() -> None:
    places = some(5_571)
    closeness = np.random.default_rng(1).random(len(places))
    for lanes in (1, 4):
        told = items(places, closeness, lanes)
        assert sum(map(len, told.values())) < 10 * len(places) + 48 * lanes
        found = near.read(told, places, lanes, NOW + 60)
        assert np.abs(found.now - closeness).max() <= 0.0025
        assert np.abs(found.ahead - closeness[::-1]).max() <= 0.0025


def test_what_is_old_or_of_other_places_or_not_there_says_nothing() -> None:
    places = some(3)
    told = items(places, np.array([1.0, 1.0, 0.0]), 1)
    for found, n in (
        (near.read(told, places, 1, NOW + NEWS_FOR_S), 3),
        (near.read(told, some(4), 1, NOW), 4),
        (near.read({}, places, 1, NOW), 3),
    ):
        assert found.now.tolist() == [0] * n
        assert found.ahead.tolist() == [1] * n, "what is not known of what comes is asked for"


def test_what_an_earlier_atalaia_wrote_tells_of_now_and_nothing_of_what_comes() -> None:
    places = some(2)
    ((key, body),) = items(places, np.array([0.5, 1.0]), 1).items()
    before = msgspec.msgpack.encode(msgspec.msgpack.decode(body)[:5])
    found = near.read({key: before}, places, 1, NOW)
    assert (found.now.tolist(), found.ahead.tolist()) == ([0.5, 1.0], [1.0, 1.0])


@pytest.mark.parametrize("lanes", [1, 4])
def test_sight_goes_through_the_items_as_it_is(lanes: int) -> None:
    places = some(6)
    newest_at = np.array([NO_TIME, NOW, NOW - 60, NOW - 10**8, NOW + 7, NOW])
    until = np.array([NO_TIME, NOW + 900, NOW - 1, NOW - 10**8 + 3, NOW + 10**6, NOW])
    told = items(places, np.zeros(6), lanes, Sight(newest_at, until))
    found = near.read_sight(told, places, lanes)
    assert (found.newest_at.tolist(), found.until.tolist()) == (newest_at.tolist(), until.tolist())


def test_of_places_of_which_no_lane_has_told_none_was_ever_heard() -> None:
    places = some(6)
    told = items(places, np.zeros(6), 2, Sight(np.full(6, NOW), np.full(6, NOW)))
    del told[f"{near.PREFIX}1"]
    other = set(np.flatnonzero(Lane(places, 1, 2).mine).tolist())
    has_data = near.read_sight(told, places, 2).has_data(NOW)
    assert {i for i in range(6) if not has_data[i]} == other
    assert not near.read_sight(told, some(5), 2).has_answered.any()


def test_sight_is_looked_up_once_for_all_that_is_asked_in_ten_seconds(tmp_path: Path) -> None:
    places, now = some(2), [NOW]
    with embedded.open_home(tmp_path / "home") as home:
        sight = near.FollowedSight(home.state, places, 1, lambda: now[0])
        assert not sight().has_answered.any()
        told = items(places, np.zeros(2), 1, Sight(np.full(2, NOW), np.full(2, NOW)))
        home.state.commit(Commit("detect", 1, items=told))
        assert not sight().has_answered.any()
        now[0] += 10
        assert sight().has_answered.all()
